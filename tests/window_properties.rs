//! Properties of windows: definition, oracle, order within the grace, snapshots, exact volumes.

mod window_oracle;

use std::collections::BTreeSet;

use proptest::prelude::*;
use tidemill::market::{Candle, Decimal};
use tidemill::record::Timestamp;
use tidemill::snapshot::{Snapshot, encode};
use tidemill::window::{CandleAggregate, ClosedWindow, Fate, StatsAggregate, WindowKind, WindowSpec, Windows};

use window_oracle::{Named, Names, Oracle, Row, clock_windows, row};

fn rows(closed: &mut Vec<ClosedWindow<Vec<u32>>>) -> Vec<Row> {
    closed.drain(..).map(|w| (w.start.0, w.end.0, w.value)).collect()
}

const BASE: i64 = 1_000_000;

/// Parts of one length whose starts wander forward from `base` with steps up to 12 and fall back by up to 60 now and then.
fn wandering(base: i64, length: i64) -> impl Strategy<Value = Vec<Named>> {
    prop::collection::vec((0..12i64, prop_oneof![4 => Just(0i64), 1 => 0..60i64]), 1..120).prop_map(move |steps| {
        let mut time = base;
        let place = |(name, (step, back)): (usize, (i64, i64))| {
            time += step;
            Named { start: time - back, end: time - back + length, name: name as u32 }
        };
        steps.into_iter().enumerate().map(place).collect()
    })
}

/// 1970 is a border for windows: start far after it, at it, or before it.
fn near_or_far() -> impl Strategy<Value = i64> {
    prop_oneof![3 => Just(BASE), 1 => 60..100i64, 1 => -400..60i64]
}

fn clock_kind() -> impl Strategy<Value = WindowKind> {
    prop_oneof![
        (1..50i64).prop_map(|size_ms| WindowKind::Tumbling { size_ms }),
        (1..50i64).prop_flat_map(|size_ms| (1..=size_ms).prop_map(move |advance_ms| WindowKind::Hopping { size_ms, advance_ms })),
    ]
}

fn any_kind() -> impl Strategy<Value = WindowKind> {
    prop_oneof![
        clock_kind(),
        (1..50i64).prop_map(|size_ms| WindowKind::Sliding { size_ms }),
        (1..30i64).prop_map(|gap_ms| WindowKind::Session { gap_ms }),
        (1..9u32).prop_flat_map(|size| (1..=size).prop_map(move |step| WindowKind::Count { size, step })),
    ]
}

fn spec(kind: WindowKind, grace_ms: i64) -> WindowSpec {
    WindowSpec::new(kind, grace_ms).expect("a possible window")
}

/// Every window that closes when all parts come and then time goes on for ever, and the number of refused updates.
fn run_to_the_end(spec: WindowSpec, parts: &[Named]) -> (Vec<Row>, u64) {
    let (mut windows, mut closed) = (Windows::<Names>::new(spec), Vec::new());
    let refused = parts.iter().map(|part| windows.observe(*part, &mut closed).refused).sum();
    windows.advance(Timestamp(BASE * 2), &mut closed);
    (rows(&mut closed), refused)
}

/// The windows of the definition over all parts, by start and end; those that hold nothing left out.
fn definition(kind: WindowKind, parts: &[Named]) -> Vec<Row> {
    let mut sorted = parts.to_vec();
    sorted.sort_by_key(|part| part.start);
    let bounds: BTreeSet<(i64, i64)> = match kind {
        WindowKind::Tumbling { size_ms } => clock_windows(size_ms, size_ms, &sorted),
        WindowKind::Hopping { size_ms, advance_ms } => clock_windows(size_ms, advance_ms, &sorted),
        WindowKind::Sliding { size_ms } => {
            sorted.iter().flat_map(|p| [p.start - size_ms, p.start + 1].map(|s| (s, s + size_ms))).collect()
        }
        WindowKind::Session { gap_ms } => return clusters(&sorted, |last, next| next.start - last <= gap_ms),
        WindowKind::Count { size, step } => {
            return sorted
                .windows(size as usize)
                .step_by(step as usize)
                .map(|w| row(w[0].start, w[w.len() - 1].end, w.iter()))
                .collect();
        }
    };
    let closed_end = matches!(kind, WindowKind::Sliding { .. });
    let holds = |(start, end): (i64, i64), time: i64| start <= time && (time < end || closed_end && time == end);
    let filled = bounds.into_iter().map(|b| row(b.0, b.1, sorted.iter().filter(|p| holds(b, p.start))));
    filled.filter(|row| !row.2.is_empty()).collect()
}

fn clusters(sorted: &[Named], near: impl Fn(i64, &Named) -> bool) -> Vec<Row> {
    let mut found: Vec<Row> = Vec::new();
    for part in sorted {
        match found.last_mut() {
            Some((_, end, names)) if near(*end, part) => {
                *end = part.end.max(*end);
                names.push(part.name);
            }
            _ => found.push((part.start, part.end, vec![part.name])),
        }
    }
    found.iter_mut().for_each(|row| row.2.sort_unstable());
    found
}

/// `parts` in an order in which none comes later than `grace` after its time.
fn disordered(parts: &[Named], delays: &[i64], grace: i64) -> Vec<Named> {
    let mut keyed: Vec<(i64, Named)> =
        parts.iter().zip(delays).map(|(part, delay)| (part.start + delay % grace.max(1), *part)).collect();
    keyed.sort_by_key(|(arrives, _)| *arrives);
    keyed.into_iter().map(|(_, part)| part).collect()
}

fn candle(minute: i64, values: [u32; 4], volume: i64) -> Candle {
    let [a, b, c, d] = values.map(f64::from);
    Candle {
        open_time: Timestamp(minute * 60_000),
        close_time: Timestamp((minute + 1) * 60_000),
        open: a,
        high: a.max(b).max(c).max(d),
        low: a.min(b).min(c).min(d),
        close: d,
        volume: Decimal::from_units(i128::from(volume) * 1_000_000_007),
        quote_volume: Some(Decimal::from_units(i128::from(volume) + 1)),
        trades: Some(volume.unsigned_abs()),
        taker_base: None,
        taker_quote: None,
    }
}

fn candles() -> impl Strategy<Value = Vec<Candle>> {
    let values = (prop::array::uniform4(1..1000u32), 0..i64::MAX / 4, 1..3i64);
    prop::collection::vec(values, 1..60).prop_map(|values| {
        let mut minute = 0;
        let next = |(prices, volume, step): ([u32; 4], i64, i64)| {
            minute += step;
            candle(minute, prices, volume)
        };
        values.into_iter().map(next).collect()
    })
}

fn bars(spec: WindowSpec, candles: &[Candle]) -> Vec<ClosedWindow<Candle>> {
    let (mut windows, mut closed) = (Windows::<CandleAggregate>::new(spec), Vec::new());
    for candle in candles {
        windows.observe(candle.clone(), &mut closed);
    }
    windows.advance(Timestamp(BASE * BASE), &mut closed);
    closed
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(cases()) })]

    #[test]
    fn each_part_lands_in_exactly_the_windows_its_definition_names(kind in any_kind(), parts in wandering(BASE, 0)) {
        // A grace that nothing outlasts: every window takes all that belongs to it.
        let (found, refused) = run_to_the_end(spec(kind, 10_000), &parts);
        prop_assert_eq!(refused, 0);
        prop_assert_eq!(found, definition(kind, &parts));
    }

    #[test]
    fn order_within_the_grace_does_not_change_a_result(
        kind in any_kind(), parts in wandering(BASE, 0), delays in prop::collection::vec(0..1000i64, 120), grace in 1..80i64,
    ) {
        let mut sorted = parts;
        sorted.sort_by_key(|part| part.start);
        // Parts of one moment count in the order they come; names must not tell them apart then.
        sorted.dedup_by_key(|part| part.start);
        let mixed = disordered(&sorted, &delays, grace);
        let (mut found, refused) = run_to_the_end(spec(kind, grace), &mixed);
        found.sort();
        let mut expected = definition(kind, &sorted);
        expected.sort();
        prop_assert_eq!(refused, 0);
        prop_assert_eq!(found, expected);
    }

    #[test]
    fn late_parts_and_closing_are_as_recomputed_from_scratch(
        kind in any_kind(),
        (length, parts) in (near_or_far(), 0..20i64).prop_flat_map(|(base, length)| (Just(length), wandering(base, length))),
        grace in prop_oneof![Just(0i64), 0..40i64],
    ) {
        let (mut windows, mut oracle, mut closed) = (Windows::<Names>::new(spec(kind, grace)), Oracle::new(spec(kind, grace)), Vec::new());
        for part in parts {
            let observed = windows.observe(part, &mut closed);
            prop_assert_eq!((rows(&mut closed), observed.refused), oracle.observe(part), "at {:?} of length {}", part, length);
            prop_assert_eq!(observed.fate == Fate::Late, observed.entered == 0);
            prop_assert_eq!(observed.first_refused.is_some(), observed.refused > 0);
        }
    }

    #[test]
    fn a_restore_at_any_part_changes_nothing(
        kind in any_kind(), parts in wandering(BASE, 7), grace in prop_oneof![Just(0i64), 0..40i64], every in 1..5usize,
    ) {
        let (mut straight, mut restored) = (Windows::<Names>::new(spec(kind, grace)), Windows::<Names>::new(spec(kind, grace)));
        let (mut expected, mut found) = (Vec::new(), Vec::new());
        for (i, part) in parts.into_iter().enumerate() {
            prop_assert_eq!(straight.observe(part, &mut expected), restored.observe(part, &mut found));
            prop_assert_eq!(&expected, &found);
            if i % every == 0 {
                let bytes = encode(&restored).expect("serde-able");
                // What held the windows before must not matter.
                restored = Windows::new(spec(WindowKind::Tumbling { size_ms: 1 }, 0));
                restored.load(&bytes).expect("just saved");
            }
        }
        prop_assert_eq!(encode(&straight).expect("serde-able"), encode(&restored).expect("serde-able"));
    }

    #[test]
    fn bars_and_their_exact_volumes_do_not_depend_on_the_order_of_candles(
        candles in candles(), mixed in Just(()).prop_perturb(|(), mut rng| rng.next_u64()), minutes in 1..8i64,
    ) {
        let spec = spec(WindowKind::Tumbling { size_ms: minutes * 60_000 }, 86_400_000);
        let mut shuffled = candles.clone();
        let mut state = mixed;
        for i in (1..shuffled.len()).rev() {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            shuffled.swap(i, (state >> 33) as usize % (i + 1));
        }
        let (ordered, found) = (bars(spec, &candles), bars(spec, &shuffled));
        prop_assert_eq!(&ordered, &found);
        let total: i128 = found.iter().map(|bar| bar.value.volume.units()).sum();
        prop_assert_eq!(total, candles.iter().map(|candle| candle.volume.units()).sum::<i128>());
    }

    #[test]
    fn revised_and_repeated_candles_count_once_with_their_last_values(
        candles in candles(), kind in any_kind(), repeats in prop::collection::vec((0..60usize, any::<bool>()), 0..30),
    ) {
        let kind = in_minutes(kind);
        let spec = spec(kind, 86_400_000);
        let mut stream: Vec<Candle> = candles.clone();
        let mut last = candles.clone();
        for (i, revised) in repeats {
            let candle = &mut last[i % candles.len()];
            candle.close += f64::from(u8::from(revised));
            candle.high = candle.high.max(candle.close);
            stream.push(candle.clone());
        }
        let (mut found, mut expected) = (bars(spec, &stream), bars(spec, &last));
        found.sort_by_key(|bar| (bar.start, bar.end));
        expected.sort_by_key(|bar| (bar.start, bar.end));
        prop_assert_eq!(found, expected);
    }

    #[test]
    fn no_time_makes_windows_panic(kind in any_kind(), times in prop::collection::vec(any::<i64>(), 1..20), grace in 0..100i64) {
        let (mut windows, mut closed) = (Windows::<StatsAggregate>::new(spec(kind, grace)), Vec::new());
        for time in times {
            let near = time % (1 << 61);
            for time in [time, near, near % 1000, near % (1 << 60)] {
                windows.observe(tidemill::window::Point { time: Timestamp(time), value: 1.0 }, &mut closed);
            }
        }
    }
}

fn in_minutes(kind: WindowKind) -> WindowKind {
    const MINUTE: i64 = 60_000;
    match kind {
        WindowKind::Tumbling { size_ms } => WindowKind::Tumbling { size_ms: size_ms * MINUTE },
        WindowKind::Hopping { size_ms, advance_ms } => {
            WindowKind::Hopping { size_ms: size_ms * MINUTE, advance_ms: advance_ms * MINUTE }
        }
        WindowKind::Sliding { size_ms } => WindowKind::Sliding { size_ms: size_ms * MINUTE },
        WindowKind::Session { gap_ms } => WindowKind::Session { gap_ms: gap_ms * MINUTE / 20 },
        WindowKind::Count { .. } => kind,
    }
}

/// 400, or what `PROPTEST_CASES` says.
fn cases() -> u32 {
    std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(400)
}

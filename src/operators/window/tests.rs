//! Bars, letters and notices of a window node, and that a restart changes nothing. What windows themselves do is tested where they live.

use serde_json::{Value, json};

use crate::market::{Candle, Trade};
use crate::operators::{Probe, minute_bars, standard_catalog};
use crate::processor::{Emitted, Event, EventKind, Item, LetterKind, NodeId, Notice, Port};
use crate::record::Timestamp;

fn window(table: Value) -> Probe {
    Probe::of_candles("window", json!({ "window": table })).unwrap()
}

fn behind(parent: NodeId, kinds: &[EventKind], table: Value) -> Probe {
    Probe::build(&standard_catalog(), "window", &json!({ "window": table }), parent, &Port::of(kinds)).unwrap()
}

fn errors(params: Value) -> Vec<String> {
    Probe::of_candles("window", params).err().expect("the table is wrong").iter().map(ToString::to_string).collect()
}

/// The bar of a minute after 2023-11-14 22:20 UTC, a border of windows of 2, 4, 5 and 10 minutes.
fn bar(minute: i64, close: f64) -> Candle {
    let mut bar = minute_bars(&[close]).remove(0);
    bar.open_time = bar.open_time.plus((minute + 7) * 60_000);
    bar.close_time = bar.open_time.plus(60_000);
    bar
}

fn push(probe: &mut Probe, minute: i64, close: f64) -> Emitted {
    probe.push(Event::Candle(bar(minute, close)))
}

/// Minutes of the first and last moment of each bar, and its close.
fn bars(items: &[Item]) -> Vec<(i64, i64, f64)> {
    let minute = |time: Timestamp| time.since(bar(0, 1.0).open_time) / 60_000;
    let candles = items.iter().filter_map(|item| if let Event::Candle(candle) = &item.event { Some(candle) } else { None });
    candles.map(|c| (minute(c.open_time), minute(c.close_time), c.close)).collect()
}

fn all_bars(probe: &mut Probe, minutes: impl IntoIterator<Item = i64>) -> Vec<(i64, i64, f64)> {
    minutes.into_iter().flat_map(|minute| bars(&push(probe, minute, minute as f64 + 1.0).items)).collect()
}

#[test]
fn every_kind_of_window_closes_its_bars() {
    let closed = |table: Value, minutes: &[i64]| all_bars(&mut window(table), minutes.iter().copied());
    let ten: Vec<i64> = (0..10).collect();
    assert_eq!(closed(json!({ "tumbling": "5m" }), &ten), [(0, 5, 5.0), (5, 10, 10.0)]);
    assert_eq!(closed(json!({ "hopping": "4m", "advance": "2m" }), &ten[..6]), [(-2, 2, 2.0), (0, 4, 4.0), (2, 6, 6.0)]);
    assert_eq!(closed(json!({ "session": "2m" }), &[0, 1, 2, 9]), [(0, 3, 3.0)]);
    assert_eq!(closed(json!({ "count": 3 }), &ten[..7]), [(0, 3, 3.0), (3, 6, 6.0)]);
    assert_eq!(closed(json!({ "count": 3, "step": 1 }), &[0, 1, 2, 4]), [(0, 3, 3.0), (1, 5, 5.0)]);
    let sliding = closed(json!({ "sliding": "1m" }), &ten[..4]);
    assert!(sliding.contains(&(0, 2, 2.0)), "two candles a minute apart share a window: {sliding:?}");
}

#[test]
fn bars_that_close_at_once_are_steps_of_their_own_at_their_close_times() {
    let mut probe = window(json!({ "hopping": "4m", "advance": "2m" }));
    push(&mut probe, 0, 1.0);
    let out = push(&mut probe, 20, 2.0);
    assert_eq!(bars(&out.items), [(-2, 2, 1.0), (0, 4, 1.0)]);
    let times: Vec<_> = out.items.iter().map(|item| (item.step, item.timestamp)).collect();
    assert_eq!(times, [(0, bar(2, 1.0).open_time), (1, bar(4, 1.0).open_time)]);
}

#[test]
fn a_record_too_late_for_every_window_is_a_late_letter() {
    let mut probe = window(json!({ "tumbling": "5m", "grace": "1m" }));
    assert!(all_bars(&mut probe, [0, 4, 3]).is_empty(), "grace holds the window open");
    assert_eq!(all_bars(&mut probe, [5]), [(0, 5, 5.0)]);
    let out = push(&mut probe, 2, 1.0);
    let letter = &out.letters[0];
    assert_eq!((letter.kind, letter.code), (LetterKind::Late, "window_closed"));
    assert_eq!(
        letter.detail,
        "its time is 2023-11-14T22:22:00.000Z; the window from 2023-11-14T22:20:00.000Z to 2023-11-14T22:25:00.000Z had closed: \
         stream time is 2023-11-14T22:26:00.000Z, grace 1m"
    );
}

#[test]
fn a_record_too_late_for_some_windows_is_noticed() {
    let mut probe = window(json!({ "hopping": "4m", "advance": "2m" }));
    all_bars(&mut probe, [0, 4]);
    let out = push(&mut probe, 3, 9.0);
    assert!(out.letters.is_empty());
    assert_eq!(out.notices[0].2, Notice::WindowUpdateRefused { updates: 1 });
}

#[test]
fn duplicates_count_once_and_revisions_take_the_place_of_the_first() {
    let mut probe = window(json!({ "tumbling": "5m" }));
    push(&mut probe, 3, 1.0);
    assert_eq!(push(&mut probe, 3, 1.0).notices[0].2, Notice::Duplicate);
    assert_eq!(push(&mut probe, 3, 7.0).notices[0].2, Notice::Revision);
    let out = push(&mut probe, 4, 8.0);
    let Event::Candle(bar) = &out.items[0].event else { panic!("{out:?}") };
    assert_eq!((bar.open, bar.volume.to_f64()), (7.0, 2.0));
}

#[test]
fn an_absurd_time_from_a_source_closes_nothing() {
    let mut probe = window(json!({ "tumbling": "5m" }));
    push(&mut probe, 0, 1.0);
    let out = push(&mut probe, 1_000_000, 1.0);
    assert_eq!((out.letters[0].kind, out.letters[0].code, out.items.len()), (LetterKind::Dead, "absurd_timestamp", 0));
    assert!(push(&mut probe, 1, 1.0).letters.is_empty());
    push(&mut probe, 10_000, 1.0);
    assert_eq!(bars(&push(&mut probe, 10_001, 1.0).items), [(0, 5, 1.0)], "a confirmed jump closes what stood before it");
}

#[test]
fn behind_another_node_no_jump_is_questioned_twice() {
    let mut probe = behind(NodeId(1), &[EventKind::Candle], json!({ "tumbling": "5m" }));
    push(&mut probe, 0, 1.0);
    assert_eq!(bars(&push(&mut probe, 1_000_000, 1.0).items), [(0, 5, 1.0)]);
}

#[test]
fn trades_become_bars_too() {
    let mut probe = behind(NodeId::SOURCE, &[EventKind::Trade], json!({ "tumbling": "1m" }));
    let mut closed = Vec::new();
    for (ms, price, id) in [(0, 2.0, 1), (10, 5.0, 2), (10, 5.0, 2), (59_999, 3.0, 3), (60_000, 9.0, 4)] {
        let time = bar(0, 1.0).open_time.plus(ms);
        let trade = Trade { time, price, amount: 2.into(), id: Some(id), buyer_is_maker: None };
        closed.extend(probe.push(Event::Trade(trade)).items);
    }
    assert_eq!(bars(&closed), [(0, 1, 3.0)]);
    let Event::Candle(bar) = &closed[0].event else { panic!("{closed:?}") };
    assert_eq!((bar.open, bar.high, bar.low, bar.volume.to_f64(), bar.trades), (2.0, 5.0, 2.0, 6.0, Some(3)));
}

#[test]
fn bars_have_one_span_where_the_clock_cuts_them() {
    let span = |table: Value| window(table).port().interval_ms;
    assert_eq!(span(json!({ "tumbling": "5m" })), Some(300_000));
    assert_eq!(span(json!({ "hopping": "10m", "advance": "2m" })), Some(600_000));
    assert_eq!([span(json!({ "sliding": "5m" })), span(json!({ "session": "5m" })), span(json!({ "count": 5 }))], [None; 3]);
}

#[test]
fn a_restart_at_any_record_changes_nothing() {
    let minutes = [0, 1, 3, 2, 2, 7, 4, 30, 6, 50_000, 50_001, 50_001, 49_990, 50_009, 50_030];
    let tables = [
        json!({ "tumbling": "5m", "grace": "1m" }),
        json!({ "hopping": "10m", "advance": "3m", "grace": "2m" }),
        json!({ "sliding": "2m", "grace": "3m" }),
        json!({ "session": "2m", "grace": "1m" }),
        json!({ "count": 3, "step": 2, "grace": "2m" }),
    ];
    for table in tables {
        let outs = |probe: &mut Probe, minutes: &[i64]| -> Vec<String> {
            minutes
                .iter()
                .map(|m| push(probe, *m, *m as f64 + 1.0))
                .map(|out| format!("{:?} {:?} {:?}", out.items, out.letters, out.notices))
                .collect()
        };
        let straight = outs(&mut window(table.clone()), &minutes);
        assert!(straight.iter().any(|out| out.contains("Candle")), "{table}: nothing closed");
        for at in 0..minutes.len() {
            let mut probe = window(table.clone());
            let mut crashed = outs(&mut probe, &minutes[..at]);
            probe.restart();
            crashed.extend(outs(&mut probe, &minutes[at..]));
            assert_eq!(crashed, straight, "{table}, restart before record {at}");
        }
    }
}

#[test]
fn wrong_tables_are_told_with_their_place() {
    let of = |table: Value| errors(json!({ "window": table })).join("\n");
    assert!(
        of(json!({})).starts_with("processors.window.window: the kind of window is missing; expected exactly one of tumbling")
    );
    assert!(of(json!({ "tumbling": "5m", "count": 3 })).contains("cannot be tumbling and count at once"));
    assert!(
        of(json!({ "tumbling": "5m", "advance": "1m", "step": 1 })).contains("window.advance: a tumbling window has no advance")
    );
    assert!(of(json!({ "hopping": "5m" })).contains("window.advance: a hopping window needs an advance"));
    assert!(
        of(json!({ "hopping": "5m", "advance": "6m" }))
            .contains("window.advance: hopping windows of 5m that advance by 6m leave holes")
    );
    assert!(of(json!({ "count": 2, "step": 3 })).contains("window.step: the step of a count window is 3"));
    assert!(of(json!({ "tumbling": "0s" })).contains("window.tumbling: 0s is out of range"));
    assert!(errors(json!({}))[0].contains("processors.window.window: this parameter is required"));
}

#[test]
fn the_cap_in_force_is_told_and_none_is_taken_where_it_would_do_nothing() {
    let catalog = standard_catalog();
    let port = Port { interval_ms: Some(86_400_000), ..Port::of(&[EventKind::Candle]) };
    let build = |params: Value, parent| Probe::build(&catalog, "window", &params, parent, &port);
    let params = |parent| build(json!({ "window": { "count": 2 } }), parent).unwrap().params()["max_ahead"].clone();
    assert_eq!([params(NodeId::SOURCE), params(NodeId(1))], [json!("1w3d"), json!("none")]);
    let error = build(json!({ "window": { "count": 2 }, "max_ahead": "1d" }), NodeId(1)).err().unwrap();
    assert!(
        error[0].to_string().starts_with("processors.window.max_ahead: this node reads parent, which is no source"),
        "{}",
        error[0]
    );
}

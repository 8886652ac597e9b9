//! What is let through, what is not, and that a restart changes nothing.

use serde_json::{Value, json};

use crate::market::{Candle, Trade};
use crate::operators::{Probe, minute_bars, standard_catalog};
use crate::processor::{Emitted, Event, EventKind, LetterKind, NodeId, Notice, Port};
use crate::record::Timestamp;

const MINUTE_MS: i64 = 60_000;

fn validate(params: Value) -> Probe {
    Probe::of_candles("validate", params).unwrap()
}

fn of_trades(params: Value) -> Probe {
    Probe::build(&standard_catalog(), "validate", &params, NodeId::SOURCE, &Port::of(&[EventKind::Trade])).unwrap()
}

/// What became of a record, in a word.
fn fate(out: &Emitted) -> String {
    let kind = |kind| if kind == LetterKind::Late { "late" } else { "dead" };
    let letters = out.letters.iter().map(|letter| format!("{} {}", kind(letter.kind), letter.code));
    let notices = out.notices.iter().map(|(_, _, notice)| match notice {
        Notice::Duplicate => "duplicate".to_owned(),
        Notice::Revision => "revision".to_owned(),
        other => format!("{other:?}"),
    });
    let items = out.items.iter().map(|_| "taken".to_owned());
    items.chain(notices).chain(letters).collect::<Vec<_>>().join(", ")
}

/// A bar so many minutes after the first of [`minute_bars`].
fn bar(minute: i64, close: f64) -> Candle {
    let mut bar = minute_bars(&[close]).remove(0);
    (bar.open_time, bar.close_time) = (bar.open_time.plus(minute * MINUTE_MS), bar.close_time.plus(minute * MINUTE_MS));
    bar
}

fn fates(probe: &mut Probe, minutes: &[i64]) -> Vec<String> {
    minutes.iter().map(|minute| fate(&probe.push(Event::Candle(bar(*minute, 1.0))))).collect()
}

fn trade(ms: i64, id: Option<u64>) -> Event {
    Event::Trade(Trade { time: Timestamp(1_700_000_000_000 + ms), price: 2.0, amount: 1.into(), id, buyer_is_maker: None })
}

#[test]
fn what_is_taken_passes_unchanged() {
    let bars = minute_bars(&[1.0, 2.0, 3.0]);
    let mut probe = validate(json!({}));
    let out = probe.push(Event::Candle(bars[0].clone()));
    assert_eq!((out.items[0].timestamp, &out.items[0].event), (bars[0].open_time, &Event::Candle(bars[0].clone())));
    assert_eq!(probe.candles(bars[1..].to_vec()), bars[1..]);
    assert_eq!((probe.port().kinds.contains(EventKind::Candle), probe.port().interval_ms), (true, Some(MINUTE_MS)));
}

#[test]
fn duplicates_are_dropped_however_old() {
    assert_eq!(
        fates(&mut validate(json!({})), &[0, 0, 1, 2, 0, 3]),
        ["taken", "duplicate", "taken", "taken", "duplicate", "taken"]
    );
}

#[test]
fn a_revision_is_late_and_the_first_values_stay() {
    let mut probe = validate(json!({}));
    fates(&mut probe, &[0, 1]);
    for minute in [0, 1] {
        let out = probe.push(Event::Candle(bar(minute, 2.0)));
        assert_eq!(fate(&out), "revision, late revision");
        assert_eq!(fate(&probe.push(Event::Candle(bar(minute, 1.0)))), "duplicate", "the values taken first are still known");
    }
}

#[test]
fn a_forwarded_revision_takes_the_place_of_the_first() {
    let mut probe = validate(json!({ "revisions": "forward" }));
    fates(&mut probe, &[0, 1]);
    assert_eq!(fate(&probe.push(Event::Candle(bar(0, 2.0)))), "taken, revision");
    assert_eq!(fate(&probe.push(Event::Candle(bar(0, 2.0)))), "duplicate");
    assert_eq!(fate(&probe.push(Event::Candle(bar(0, 1.0)))), "taken, revision");
}

#[test]
fn strict_order_refuses_what_is_older_and_any_order_takes_it_once() {
    assert_eq!(fates(&mut validate(json!({})), &[0, 5, 3, 6]), ["taken", "taken", "late out_of_order", "taken"]);
    let any = fates(&mut validate(json!({ "order": "any" })), &[0, 5, 3, 6, 3]);
    assert_eq!(any, ["taken", "taken", "taken", "taken", "duplicate"]);
}

#[test]
fn only_so_many_bars_are_remembered() {
    let mut probe = validate(json!({ "remember": 2 }));
    assert_eq!(fates(&mut probe, &[0, 1, 2, 0, 1]), ["taken", "taken", "taken", "late out_of_order", "duplicate"]);
    let mut probe = validate(json!({ "remember": 2, "order": "any" }));
    assert_eq!(
        fates(&mut probe, &[5, 6, 0, 0, 6]),
        ["taken", "taken", "taken", "taken", "duplicate"],
        "what is too old cannot be told apart"
    );
}

#[test]
fn an_absurd_time_costs_nothing_but_itself() {
    let mut probe = validate(json!({ "max_ahead": "1h" }));
    let fates = fates(&mut probe, &[0, 1, 1_000_000, 2, 3]);
    assert_eq!(fates, ["taken", "taken", "dead absurd_timestamp", "taken", "taken"]);
    let out = probe.push(Event::Candle(bar(99_999, 1.0)));
    let detail = &out.letters[0].detail;
    assert!(detail.contains("more than 1h after 2023-11-14T22:16:00"), "{detail}");
}

#[test]
fn a_jump_that_the_next_bar_confirms_is_a_gap() {
    let fates = fates(&mut validate(json!({ "max_ahead": "1h" })), &[0, 1_000, 1_001, 1_002, 1]);
    assert_eq!(fates, ["taken", "dead absurd_timestamp", "taken", "taken", "late out_of_order"]);
}

#[test]
fn days_bound_the_times_that_are_taken() {
    let mut probe = validate(json!({ "min_time": "2023-11-15", "max_time": "2023-11-16" }));
    let day = 24 * 60;
    assert_eq!(fates(&mut probe, &[0, 120, day + 120]), ["dead absurd_timestamp", "taken", "dead absurd_timestamp"]);
    let error = Probe::of_candles("validate", json!({ "min_time": "2023-11-15", "max_time": "2023-11-15" })).err().unwrap();
    assert!(error[0].to_string().starts_with("processors.validate.max_time: no time lies from"), "{}", error[0]);
    let error = Probe::of_candles("validate", json!({ "min_time": "yesterday" })).err().unwrap();
    assert_eq!(
        error[0].to_string(),
        "processors.validate.min_time: \"yesterday\" is no day; expected a day such as \"2017-01-01\""
    );
}

#[test]
fn a_candle_of_another_interval_than_the_source_declares_is_dead() {
    let mut five = bar(0, 1.0);
    five.close_time = five.open_time.plus(5 * MINUTE_MS);
    let out = validate(json!({})).push(Event::Candle(five.clone()));
    assert_eq!((fate(&out).as_str(), out.letters[0].detail.contains("spans 5m")), ("dead interval_mismatch", true));
    let any = Port::of(&[EventKind::Candle]);
    let mut probe = Probe::build(&standard_catalog(), "validate", &json!({}), NodeId::SOURCE, &any).unwrap();
    assert_eq!(fate(&probe.push(Event::Candle(five))), "taken");
}

#[test]
fn trades_are_known_by_their_id_and_never_by_their_content() {
    let mut probe = of_trades(json!({}));
    let mut fate_of = |ms, id| fate(&probe.push(trade(ms, id)));
    assert_eq!([fate_of(0, Some(7)), fate_of(0, Some(8)), fate_of(5, Some(7))], ["taken", "taken", "duplicate"]);
    assert_eq!([fate_of(5, None), fate_of(5, None), fate_of(4, None)], ["taken", "taken", "late out_of_order"]);
    assert_eq!(fate_of(4, Some(9)), "late out_of_order");
    assert_eq!(fate_of(6, Some(9)), "taken", "a refused trade was not taken");
    assert_eq!(fate_of(86_400_007, Some(10)), "dead absurd_timestamp");
    assert_eq!(fate_of(86_400_006, Some(10)), "taken");
}

#[test]
fn a_restart_at_any_record_changes_nothing() {
    let minutes = [0, 1, 1, 5, 3, 5_000, 6, 9_000, 9_001, 9_001, 2, 20_000];
    for order in ["strict", "any"] {
        let params = json!({ "order": order, "remember": 4 });
        let straight = fates(&mut validate(params.clone()), &minutes);
        for at in 0..minutes.len() {
            let mut probe = validate(params.clone());
            let mut crashed = fates(&mut probe, &minutes[..at]);
            probe.restart();
            crashed.extend(fates(&mut probe, &minutes[at..]));
            assert_eq!(crashed, straight, "{order}, restart before record {at}");
        }
    }
}

//! What is dropped, passed and accepted, and that a restart changes nothing.

use serde_json::{Value, json};

use crate::learn::params::ParamError;
use crate::market::Candle;
use crate::operators::{Probe, minute_bars, standard_catalog};
use crate::processor::{Anomaly, Column, Event, EventKind, Known, NodeId, Notice, Port, Row};
use crate::record::Timestamp;

fn filter(params: Value) -> Probe {
    Probe::of_candles("anomaly_filter", params).unwrap_or_else(|errors| panic!("{errors:#?}"))
}

fn errors(params: Value) -> Vec<String> {
    let errors = Probe::of_candles("anomaly_filter", params).err().expect("the table is wrong");
    errors.iter().map(ParamError::to_string).collect()
}

fn deviations(limit: f64, more: Value) -> Value {
    let detector = json!({ "standard_absolute_deviation": { "grace_period": 20 } });
    let mut params = json!({ "detector": detector, "rule": { "threshold": { "limit": limit } } });
    params.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap_or_default());
    params
}

/// A calm walk around 100 with other closes at some bars.
fn closes(bars: usize, others: &[(usize, f64)]) -> Vec<f64> {
    let calm = |k: usize| 100.0 + (k * k % 13) as f64 / 10.0;
    (0..bars).map(|k| others.iter().find(|(at, _)| *at == k).map_or(calm(k), |(_, close)| *close)).collect()
}

/// The closes that were passed on, and the anomalies.
fn run(filter: &mut Probe, candles: Vec<Candle>) -> (Vec<f64>, Vec<Anomaly>) {
    let (mut passed, mut told) = (Vec::new(), Vec::new());
    for candle in candles {
        let out = filter.push(Event::Candle(candle));
        assert!(out.letters.is_empty(), "a dropped bar is no refused record");
        let anomalies = out.items.iter().filter(|item| matches!(item.event, Event::Anomaly(_))).count();
        assert_eq!(out.notices.iter().filter(|(_, _, n)| matches!(n, Notice::Anomaly(_))).count(), anomalies);
        for item in out.items {
            match item.event {
                Event::Candle(candle) => passed.push(candle.close),
                Event::Anomaly(anomaly) => told.push(*anomaly),
                other => panic!("{other:?}"),
            }
        }
    }
    (passed, told)
}

#[test]
fn a_poisoned_tick_is_told_and_goes_no_further() {
    let (passed, told) = run(&mut filter(deviations(8.0, json!({}))), minute_bars(&closes(80, &[(50, 1000.0)])));
    assert_eq!((passed.len(), told.len()), (79, 1));
    assert!(!passed.contains(&1000.0));
    let anomaly = &told[0];
    assert_eq!(
        (anomaly.action, anomaly.reason, anomaly.limit, anomaly.close, anomaly.in_a_row),
        ("dropped", "threshold", 8.0, 1000.0, 1)
    );
    assert_eq!((&*anomaly.detector, &*anomaly.values[0].0), ("standard_absolute_deviation", "return"));
    assert!(anomaly.score > 100.0 && (anomaly.values[0].1 - 9.0).abs() < 0.2, "{anomaly:?}");
    assert_eq!(anomaly.at, Timestamp(1_700_000_000_000 - 20_000 + 51 * 60_000), "the close time of the bar");
}

#[test]
fn the_return_after_a_dropped_bar_is_that_against_the_bar_before() {
    let (passed, told) = run(&mut filter(deviations(8.0, json!({}))), minute_bars(&closes(80, &[(50, 1000.0), (51, 100.5)])));
    assert_eq!((passed.len(), told.len()), (79, 1), "the way back from the poison is no anomaly");
}

#[test]
fn passing_tells_and_changes_nothing() {
    let bars = minute_bars(&closes(80, &[(50, 1000.0)]));
    let (passed, told) = run(&mut filter(deviations(8.0, json!({ "action": "pass" }))), bars.clone());
    assert_eq!(passed, bars.iter().map(|bar| bar.close).collect::<Vec<_>>());
    assert_eq!(told.iter().map(|a| a.action).collect::<Vec<_>>(), ["passed", "passed"], "there and back");
}

#[test]
fn a_market_that_has_moved_is_accepted() {
    let moved: Vec<(usize, f64)> = (50..80).map(|k| (k, 200.0 + (k % 3) as f64 / 10.0)).collect();
    let of = |give_way: u32| {
        let (passed, told) =
            run(&mut filter(deviations(8.0, json!({ "give_way_after": give_way }))), minute_bars(&closes(80, &moved)));
        (passed.len(), told.iter().map(|a| (a.action, a.in_a_row)).collect::<Vec<_>>())
    };
    let (passed, told) = of(3);
    assert_eq!((passed, told), (78, vec![("dropped", 1), ("dropped", 2), ("accepted", 3)]));
    let (passed, told) = of(0);
    assert_eq!((passed, told.len()), (50, 30), "0 never gives way");
}

#[test]
fn several_measures_are_judged_together_by_a_detector_of_features() {
    let detector = json!({ "pipeline": { "steps": ["standard_scaler", { "half_space_trees": { "window_size": 50, "low": -4, "high": 4 } }] } });
    let params =
        json!({ "detector": detector, "watch": ["range", "volume"], "rule": { "quantile": { "q": 0.98, "warm_up": 150 } } });
    let mut bars = minute_bars(&closes(400, &[]));
    for (k, bar) in bars.iter_mut().enumerate() {
        bar.volume = format!("{}", if k == 300 { 5_000 } else { 10 + k * 7 % 5 }).parse().unwrap();
        bar.high *= if k == 300 { 2.0 } else { 1.001 };
    }
    let (passed, told) = run(&mut filter(params), bars);
    assert!(told.iter().any(|a| a.values[1].1 == 5_000.0 && a.reason == "quantile" && a.score > a.limit), "{told:?}");
    assert!(told.len() < 30 && passed.len() + told.iter().filter(|a| a.action == "dropped").count() == 400, "{}", told.len());
}

#[test]
fn rows_are_judged_by_their_columns() {
    let column = |name: &str| Column { name: name.into(), known: Known::AtClose };
    let port = Port { columns: [column("a"), column("b")].into(), interval_ms: Some(60_000), ..Port::of(&[EventKind::Row]) };
    let params = deviations(8.0, json!({ "watch": ["b"] }));
    let mut filter = Probe::build(&standard_catalog(), "anomaly_filter", &params, NodeId(1), &port).unwrap();
    assert_eq!((filter.columns(), filter.port().interval_ms), (vec!["a", "b"], Some(60_000)));
    let mut push = |minute: i64, a: f64, b: f64| {
        let close_time = Timestamp(minute * 60_000);
        let row = Row { open_time: close_time.minus(60_000), close_time, open: 1.0, close: 1.0, values: Box::new([a, b]) };
        let items = filter.push(Event::Row(row)).items;
        items.iter().map(|item| item.event.kind()).collect::<Vec<_>>()
    };
    for minute in 0..40 {
        assert_eq!(push(minute, 0.0, (minute % 5) as f64), [EventKind::Row]);
    }
    assert_eq!(push(40, 1e9, 3.0), [EventKind::Row], "a is not watched");
    assert_eq!(push(41, 0.0, f64::NAN), [EventKind::Row], "what is absent cannot be judged");
    assert_eq!(push(42, 0.0, 1e9), [EventKind::Anomaly]);
}

#[test]
fn a_restart_at_any_bar_changes_nothing() {
    let bars = minute_bars(&closes(120, &[(60, 500.0), (61, 510.0), (90, 1.0)]));
    let params = deviations(6.0, json!({ "rule": { "quantile": { "q": 0.95, "warm_up": 30 } }, "give_way_after": 2 }));
    let straight = run(&mut filter(params.clone()), bars.clone());
    assert!(straight.1.len() > 3, "{:?}", straight.1);
    for at in 0..bars.len() {
        let mut crashed = filter(params.clone());
        let (mut passed, mut told) = run(&mut crashed, bars[..at].to_vec());
        crashed.restart();
        let (more, later) = run(&mut crashed, bars[at..].to_vec());
        passed.extend(more);
        told.extend(later);
        assert_eq!((passed, told), straight, "restart before bar {at}");
    }
}

#[test]
fn wrong_tables_are_told_with_their_place() {
    let told = errors(json!({ "detector": "gausian_scorer" }));
    assert!(
        told[0].starts_with("processors.anomaly_filter.detector: unknown anomaly detector")
            && told[0].ends_with("did you mean `gaussian_scorer`?"),
        "{told:?}"
    );
    assert!(errors(json!({}))[0].starts_with("processors.anomaly_filter.detector: this parameter is required"));
    let told = errors(json!({ "detector": "gaussian_scorer", "watch": ["return", "rnge", "return"] }));
    assert!(told[0].contains("watch.1: unknown name `rnge`") && told[0].ends_with("did you mean `range`?"), "{told:?}");
    assert!(told[1].contains("watch.2: `return` is listed twice"), "{told:?}");
    let told = errors(json!({ "detector": "gaussian_scorer", "watch": ["return", "range"] }));
    assert!(told[0].contains("watch: this detector looks at one number, and 2 are watched"), "{told:?}");
    let told = errors(json!({ "detector": { "gaussian_scorer": { "window_size": 1 } }, "give_way": 3 }));
    assert_eq!(told.len(), 2, "the detector's mistakes are told beside the others: {told:?}");
    assert!(errors(json!({ "detector": "gaussian_scorer", "watch": [] }))[0].contains("nothing is watched"));
}

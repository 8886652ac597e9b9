//! Guards in a real topology, over a feed with poisoned ticks and a market that becomes eight times as wild half-way: what is kept from the models, what
//! is told, what replaced models do, and that bounds hold; recomputed from the output records alone.

mod common;

use std::collections::{BTreeMap, BTreeSet};

use common::driven::{batch, driver, number, read, run, time};
use serde_json::Value;
use tidemill::driver::{OutputRecord, TopologyTestDriver};
use tidemill::market::sim::{SimConfig, SimRecord, SimulatedExchange};
use tidemill::processor::Notice;

const TOPOLOGY: &str = r#"
[topology]
name = "guards"
seed = 7
[sources.candles]
topic = "candles.1m"
format = "candle-json"
[processors.clean]
type = "validate"
parents = ["candles"]
interval = "1m"
[processors.guard]
type = "anomaly_filter"
parents = ["clean"]
detector = { standard_absolute_deviation = { grace_period = 30 } }
rule = { threshold = { limit = 100.0 } }
[processors.x]
type = "features"
parents = ["guard"]
returns = [1, 2, 5]
rsi = [5]
atr = [5]
rolling = { close = { mean = [10], quantile = [{ bars = 10, q = 0.9 }] } }
ew = { var = [0.1] }
[learners.last]
parents = ["x"]
model = "naive"
interval = { level = 0.9, method = { adaptive = { gamma = 0.02, window_size = 200 } } }
drift = { page_hinkley = { threshold = 5.0, delta = 0.01 }, on_drift = "notify" }
[learners.reset]
parents = ["x"]
target = "return"
features = ["return_1", "return_2", "return_5"]
model = { knn_regressor = { n_neighbors = 5, window_size = 100 } }
warm_up = 20
drift = { adwin = { delta = 0.002 }, on_drift = "reset" }
interval = { level = 0.9, method = { jackknife = { window_size = 200 } } }
[learners.swap]
parents = ["x"]
target = "return"
model = "linear_regression"
warm_up = 20
drift = { adwin = { delta = 0.0001 }, on_drift = "swap", warning = { page_hinkley = { threshold = 1.0, delta = 0.01, min_instances = 30 } } }
interval = { level = 0.9 }
[evaluators.score]
parents = ["last", "reset", "swap"]
window = "4h"
every = "1h"
[sinks.predictions]
topic = "predictions"
parents = ["score"]
[sinks.answers]
topic = "answers"
parents = ["last", "reset", "swap"]
records = "answers"
[sinks.evaluations]
topic = "evaluations"
parents = ["score"]
records = "evaluations"
[sinks.anomalies]
topic = "anomalies"
parents = ["guard"]
[sinks.drifts]
topic = "drifts"
parents = ["last", "reset", "swap"]
"#;

const TOPICS: [&str; 5] = ["predictions", "answers", "evaluations", "anomalies", "drifts"];

/// Minutes of each coin, and the one from which on the market is wild.
const MINUTES: usize = 1_600;
const WILD: usize = 800;

/// Whether the bar of this minute is poisoned: its close and high are five times what they were.
fn poisoned(minute: usize) -> bool {
    minute > 100 && minute % 190 == 7
}

/// Sound candles of two coins; `poison` says whether poisoned bars are in it or left out.
fn feed(poison: bool) -> Vec<SimRecord> {
    let mut turn: BTreeMap<Vec<u8>, f64> = BTreeMap::new();
    let records = SimulatedExchange::new(SimConfig::clean(2)).take(2 * MINUTES).enumerate();
    let shaped = records.filter_map(|(place, mut record)| {
        let minute = place / 2;
        let mut candle: Value = serde_json::from_slice(record.value.as_deref()?).unwrap();
        // From the turn on every return is eight times what it was; the price itself does not jump.
        let open = candle["open"].as_f64().unwrap();
        let turned = if minute < WILD { None } else { Some(*turn.entry(record.key.clone()).or_insert(open)) };
        for field in ["open", "high", "low", "close"] {
            let price = candle[field].as_f64().unwrap();
            let wild = turned.map_or(price, |turn| turn * libm::pow(price / turn, 8.0));
            let poisoned = poisoned(minute) && (field == "close" || field == "high");
            candle[field] = Value::from(if poisoned { 5.0 * wild } else { wild });
        }
        record.value = Some(serde_json::to_vec(&candle).unwrap());
        (poison || !poisoned(minute)).then_some(record)
    });
    shaped.collect()
}

fn open_time(record: &SimRecord) -> i64 {
    record.timestamp.0
}

#[test]
fn every_poisoned_tick_is_told_and_counts_as_processed() {
    let feed = feed(true);
    let mut driver = run(TOPOLOGY, &feed);
    let counts = driver.counts();
    assert_eq!((counts.read, counts.processed, counts.late, counts.dead), (feed.len() as u64, feed.len() as u64, 0, 0));
    let expected: BTreeSet<(String, i64)> = feed
        .iter()
        .enumerate()
        .filter(|(place, _)| poisoned(place / 2))
        .map(|(_, record)| (String::from_utf8(record.key.clone()).unwrap(), open_time(record) + 60_000))
        .collect();
    let anomalies = read(&mut driver, "anomalies");
    let told: BTreeSet<(String, i64)> =
        anomalies.iter().map(|a| (a["coin"].as_str().unwrap().to_owned(), time(a, "at"))).collect();
    assert!(expected.len() > 10);
    assert_eq!(told, expected);
    for anomaly in &anomalies {
        assert!(number(anomaly, "score") >= number(anomaly, "threshold"), "{anomaly}");
        assert_eq!(
            (&anomaly["action"], &anomaly["reason"], &anomaly["node"]),
            (&"dropped".into(), &"threshold".into(), &"guard".into())
        );
        assert!(number(&anomaly["values"], "return") > 3.0, "{anomaly}");
        let offset = time(&anomaly["source"], "offset") as usize;
        assert_eq!(open_time(&feed[offset]) + 60_000, time(anomaly, "at"), "the source is the record that brought the bar");
    }
    let noticed = driver.take_notices().iter().filter(|(_, _, n)| matches!(n, Notice::Anomaly(_))).count();
    assert_eq!(noticed, anomalies.len());
}

/// A dropped bar is to everything behind the guard as if it had never been.
#[test]
fn no_model_feature_or_score_knows_of_a_dropped_bar() {
    let (mut with, mut without) = (run(TOPOLOGY, &feed(true)), run(TOPOLOGY, &feed(false)));
    for topic in ["predictions", "answers", "evaluations", "drifts"] {
        let of = |driver: &mut TopologyTestDriver| -> Vec<Value> {
            let mut records = read(driver, topic);
            records.iter_mut().for_each(|record| drop(record.as_object_mut().and_then(|o| o.remove("source"))));
            records
        };
        let (a, b) = (of(&mut with), of(&mut without));
        assert!(!a.is_empty(), "{topic}");
        let first = a.iter().zip(&b).find(|(a, b)| a != b);
        assert!(first.is_none() && a.len() == b.len(), "{topic}: {first:?}");
    }
}

#[test]
fn drifts_come_after_the_market_changed_and_do_what_they_say() {
    let feed = feed(false);
    let mut driver = run(TOPOLOGY, &feed);
    let change = open_time(&feed[0]) + WILD as i64 * 60_000;
    let (drifts, predictions) = (read(&mut driver, "drifts"), read(&mut driver, "predictions"));
    let noticed = driver.take_notices().iter().filter(|(_, _, n)| matches!(n, Notice::Drift(_))).count();
    assert_eq!(noticed, drifts.len());
    for model in ["last", "reset", "swap"] {
        let after = drifts.iter().filter(|d| d["model"] == model && time(d, "at") > change).count();
        assert!(after >= 2, "{model}: each of two coins has a drift after the change: {drifts:#?}");
    }
    let mut actions = BTreeSet::new();
    for drift in &drifts {
        let (model, action) = (drift["model"].as_str().unwrap(), drift["action"].as_str().unwrap());
        actions.insert((model, action));
        let version_after = predictions
            .iter()
            .find(|p| p["coin"] == drift["coin"] && p["model"] == model && time(p, "asked_at") >= time(drift, "at"))
            .map(|p| time(p, "model_version"));
        let before = time(drift, "model_version");
        match (action, version_after) {
            ("notify", Some(after)) => assert_eq!(after, before + 1, "{drift}"),
            ("reset", Some(after)) => assert_eq!(after, 20, "a fresh model is heard after its warm-up: {drift}"),
            ("swap", Some(after)) => assert!(after >= 20 && after <= before, "{after}: {drift}"),
            _ => {}
        }
    }
    assert!(actions.contains(&("last", "notify")) && actions.contains(&("reset", "reset")), "{actions:?}");
    assert!(actions.contains(&("swap", "swap")), "a background model was ready: {actions:?}");
    assert!(!actions.contains(&("last", "reset")) && !actions.contains(&("reset", "swap")), "{actions:?}");
}

#[test]
fn coverage_and_width_follow_from_the_answers_and_hold_through_the_change() {
    let mut driver = run(TOPOLOGY, &feed(true));
    let (answers, evaluations) = (read(&mut driver, "answers"), read(&mut driver, "evaluations"));
    let mut compared = 0;
    for evaluation in &evaluations {
        let at = time(evaluation, "at");
        let from = if evaluation["window"] == "cumulative" { i64::MIN } else { at - 4 * 3_600_000 };
        let covered = |a: &&Value| {
            a["coin"] == evaluation["coin"]
                && a["model"] == evaluation["model"]
                && time(a, "due_at") <= at
                && time(a, "due_at") > from
        };
        let bounded: Vec<&Value> = answers.iter().filter(covered).filter(|a| a.get("lower").is_some()).collect();
        let Some(intervals) = evaluation.get("intervals") else {
            assert!(bounded.is_empty(), "{evaluation}");
            continue;
        };
        let inside = |a: &&&Value| (number(a, "lower")..=number(a, "upper")).contains(&number(a, "truth"));
        let (n, hits) = (bounded.len() as f64, bounded.iter().filter(inside).count() as f64);
        let width = bounded.iter().map(|a| number(a, "upper") - number(a, "lower")).sum::<f64>() / n;
        assert_eq!(number(intervals, "n"), n);
        assert!((number(intervals, "coverage") - hits / n).abs() < 1e-12, "{evaluation}");
        assert!((number(intervals, "width") - width).abs() <= 1e-9 * width, "{width}: {evaluation}");
        compared += 1;
    }
    assert!(compared > 100, "{compared}");
    for model in ["last", "reset", "swap"] {
        let last = evaluations.iter().rfind(|e| e["model"] == model && e["window"] == "cumulative").unwrap();
        let coverage = number(&last["intervals"], "coverage");
        assert!((0.85..0.95).contains(&coverage), "{model} covers {coverage} of 0.9, though errors grew eightfold");
    }
}

/// Every record of every topic as bytes.
fn everything(driver: &mut TopologyTestDriver) -> Vec<Vec<OutputRecord>> {
    TOPICS.iter().map(|topic| driver.read(topic)).collect()
}

#[test]
fn batches_and_restarts_change_no_byte() {
    let feed = feed(true);
    for (size, restarts) in [(1, false), (37, true), (500, false), (3, true)] {
        // Every third record a restart is dear; a part of the feed with the change in it will do.
        let feed = if size == 3 { &feed[2 * WILD - 400..2 * WILD + 900] } else { &feed[..] };
        let (mut whole, mut cut) = (run(TOPOLOGY, feed), driver(TOPOLOGY));
        for records in feed.chunks(size) {
            cut.pipe_batch(0, batch(records));
            if restarts {
                let snapshot = cut.snapshot(0).unwrap().expect("the partition has records");
                cut.restore(0, &snapshot).unwrap();
            }
        }
        let (a, b) = (whole.snapshot(0).unwrap().unwrap(), cut.snapshot(0).unwrap().unwrap());
        assert_eq!(a.to_bytes().unwrap(), b.to_bytes().unwrap(), "batches of {size}");
        assert_eq!(everything(&mut whole), everything(&mut cut), "batches of {size}");
    }
}

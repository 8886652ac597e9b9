//! The operators before any model, in a real topology over a feed with everything that goes wrong on one: nothing lost, nothing out of place.

mod common;

use std::collections::BTreeMap;

use common::driven::run;
use tidemill::driver::OutputRecord;
use tidemill::market::sim::{SimConfig, SimRecord, SimulatedExchange};

const WINDOWED: &str = r#"
[topology]
name = "windowed"
[sources.candles]
topic = "candles.1m"
format = "candle-json"
[processors.bars]
type = "window"
parents = ["candles"]
window = { tumbling = "5m", grace = "3m" }
[sinks.out]
topic = "out"
parents = ["bars"]
records = "candles"
"#;

const VALIDATED: &str = r#"
[topology]
name = "validated"
[sources.candles]
topic = "candles.1m"
format = "candle-json"
[processors.sound]
type = "validate"
parents = ["candles"]
interval = "1m"
[sinks.out]
topic = "out"
parents = ["sound"]
records = "candles"
"#;

/// Some days of three coins with ten times the usual anomalies.
fn feed() -> Vec<SimRecord> {
    SimulatedExchange::new(SimConfig { anomalies: 10.0, ..SimConfig::default() }).take(12_000).collect()
}

fn reasons(letters: &[OutputRecord]) -> BTreeMap<String, usize> {
    let mut reasons = BTreeMap::new();
    for letter in letters {
        let reason = letter.headers.iter().find(|(name, _)| name.ends_with("reason")).map(|(_, value)| value.clone());
        *reasons.entry(String::from_utf8(reason.unwrap_or_default()).unwrap()).or_default() += 1;
    }
    reasons
}

fn open_time(record: &OutputRecord) -> i64 {
    let value: serde_json::Value = serde_json::from_str(record.text()).unwrap();
    value["open_time"].as_i64().unwrap_or_else(|| panic!("no open_time: {value}"))
}

#[test]
fn every_record_ends_as_processed_late_or_dead() {
    let feed = feed();
    for (name, topology) in [("windowed", WINDOWED), ("validated", VALIDATED)] {
        let mut driver = run(topology, &feed);
        let counts = driver.counts();
        assert_eq!(counts.read, feed.len() as u64);
        assert_eq!(counts.processed + counts.late + counts.dead, counts.read, "{name}");
        let (late, dead) = (driver.read(&format!("{name}.late")), driver.read(&format!("{name}.dead-letters")));
        assert_eq!((late.len() as u64, dead.len() as u64), (counts.late, counts.dead), "{name}: one letter a record");
        assert!(counts.late > 20 && counts.dead > 100, "{name}: the feed must be bad enough, {counts:?}");
        assert!(reasons(&dead).contains_key("absurd_timestamp"), "{:?}", reasons(&dead));
        let expected: &[&str] = if name == "windowed" { &["window_closed"] } else { &["out_of_order", "revision"] };
        assert_eq!(reasons(&late).keys().collect::<Vec<_>>(), expected);
    }
}

#[test]
fn what_validate_lets_through_rises_without_repetition() {
    let mut newest: BTreeMap<Vec<u8>, i64> = BTreeMap::new();
    let sound = run(VALIDATED, &feed()).read("out");
    assert!(sound.len() > 10_000, "{}", sound.len());
    for record in sound {
        let time = open_time(&record);
        let before = newest.insert(record.key.clone().unwrap(), time);
        assert!(before.is_none_or(|before| before < time), "{:?} then {}", before, record.text());
    }
    assert_eq!(newest.len(), 3);
}

#[test]
fn windows_close_once_each_and_in_order() {
    let mut newest: BTreeMap<Vec<u8>, i64> = BTreeMap::new();
    for record in run(WINDOWED, &feed()).read("out") {
        let time = open_time(&record);
        assert_eq!(time % 300_000, 0);
        let before = newest.insert(record.key.clone().unwrap(), time);
        assert!(before.is_none_or(|before| before < time), "{:?} then {}", before, record.text());
    }
    assert_eq!(newest.len(), 3);
}

#[test]
fn a_coin_alone_gives_what_it_gives_among_others() {
    let feed = feed();
    let texts = |records: Vec<OutputRecord>| -> Vec<String> {
        records
            .iter()
            .filter(|r| r.key.as_deref() == Some(b"ETH-USDT"))
            .map(|r| format!("{} {}", r.timestamp, r.text()))
            .collect()
    };
    for topology in [WINDOWED, VALIDATED] {
        let among = texts(run(topology, &feed).read("out"));
        let alone = texts(run(topology, feed.iter().filter(|record| record.key == b"ETH-USDT")).read("out"));
        assert!(among.len() > 500);
        assert_eq!(among, alone);
    }
}

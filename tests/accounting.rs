//! Guarantee 5: whatever comes in, every record is processed, late or dead, and nothing is lost on the way to the letters.

mod common;

use std::collections::BTreeMap;

use common::{input_for, shipped, shipped_topologies};
use proptest::prelude::*;
use tidemill::driver::{OutputRecord, TopologyTestDriver};
use tidemill::market::codec::Poison;
use tidemill::record::{RecordBatch, Timestamp};

fn header(record: &OutputRecord, name: &str) -> String {
    let found = record.headers.iter().find(|(header, _)| header == name).unwrap_or_else(|| panic!("{name} in {record:?}"));
    String::from_utf8(found.1.clone()).unwrap()
}

/// The code of a class of poison, and a record's key and value that show it.
type Case = (&'static str, Option<Vec<u8>>, Option<Vec<u8>>);

/// Candles in which something is wrong, one for each class of poison that a single record can show.
fn poison() -> Vec<Case> {
    const TIME: i64 = 1_704_067_200_000;
    let candle = |change: &dyn Fn(&mut serde_json::Map<String, serde_json::Value>)| {
        let mut value = serde_json::json!({ "coin": "BTC-USDT", "interval": "1m", "open_time": TIME, "open": 10.0, "high": 12.0, "low": 9.0, "close": 11.0, "volume": 1.5 });
        change(value.as_object_mut().unwrap());
        Some(serde_json::to_vec(&value).unwrap())
    };
    let set =
        |name: &'static str, value: serde_json::Value| candle(&move |candle| drop(candle.insert(name.to_owned(), value.clone())));
    let key = || Some(b"BTC-USDT".to_vec());
    let text = |text: &str| Some(text.as_bytes().to_vec());
    vec![
        ("absurd_timestamp", key(), set("open_time", 0.into())),
        ("empty_key", Some(Vec::new()), candle(&|_| {})),
        ("high_below_low", key(), set("high", 1.0.into())),
        ("invalid_json", key(), text("{\"coin\":")),
        ("invalid_utf8", key(), Some(b"{\"coin\":\"\xff\xfe\"}".to_vec())),
        ("key_mismatch", Some(b"ETH-USDT".to_vec()), candle(&|_| {})),
        ("missing_field", key(), candle(&|candle| drop(candle.remove("close")))),
        ("negative_volume", key(), set("volume", (-1.0).into())),
        ("non_finite", key(), set("close", "NaN".into())),
        ("non_positive_price", key(), set("low", 0.0.into())),
        ("oversize", key(), Some(vec![b' '; (1 << 20) + 1])),
        ("tombstone", key(), None),
        ("too_deep", key(), text(&"[".repeat(100_000))),
        ("unknown_interval", key(), set("interval", "7m".into())),
        ("wrong_type", key(), set("open", serde_json::json!([1]))),
    ]
}

#[test]
fn every_class_of_poison_is_dead_with_its_reason_and_its_bytes() {
    let mut driver = TopologyTestDriver::new(shipped("quickstart.toml"));
    let cases = poison();
    let mut batch = RecordBatch::new();
    for (_, key, value) in &cases {
        batch.push(Timestamp(1_704_067_200_000), key.as_deref(), value.as_deref(), &[("trace", b"7")]);
    }
    driver.pipe_batch(0, batch);
    let dead = driver.read("quickstart.dead-letters");
    let found: Vec<(String, String)> =
        dead.iter().map(|letter| (header(letter, "tidemill.reason"), header(letter, "tidemill.source.offset"))).collect();
    let expected: Vec<(String, String)> =
        cases.iter().zip(0..).map(|((code, ..), offset)| ((*code).to_owned(), offset.to_string())).collect();
    assert_eq!(found, expected);
    for (letter, (code, key, value)) in dead.iter().zip(&cases) {
        assert_eq!((&letter.key, &letter.value), (key, value), "{code}: the letter carries the original bytes");
        assert_eq!(header(letter, "trace"), "7", "{code}: and the original headers");
        assert!(!header(letter, "tidemill.detail").is_empty(), "{code} is explained");
    }
    let counts = driver.counts();
    assert_eq!((counts.read, counts.dead), (cases.len() as u64, cases.len() as u64));
    let covered: Vec<&str> = cases.iter().map(|(code, ..)| *code).collect();
    let missing: Vec<_> = Poison::ALL_CODES.iter().filter(|code| !covered.contains(code)).collect();
    assert!(missing.iter().all(|code| ["out_of_range", "unknown_symbol"].contains(code)), "a class without a case: {missing:?}");
}

#[test]
fn the_sum_holds_for_every_topology_over_the_ugly_exchange() {
    for (name, graph) in shipped_topologies() {
        for (partition, batch) in (0..).zip(input_for(&graph, 20_000, 2)) {
            let mut driver = TopologyTestDriver::new(graph.clone());
            let read = batch.len() as u64;
            driver.pipe_batch(partition, batch);
            let counts = driver.counts();
            assert_eq!(counts.read, read, "{name}");
            assert_eq!(counts.processed + counts.late + counts.dead, read, "{name}, partition {partition}");
            let late = driver.read(&graph.late_topic).len() as u64;
            let dead = driver.read(&graph.dead_letter_topic);
            assert_eq!((late, dead.len() as u64), (counts.late, counts.dead), "{name}: a letter for each");
            assert!(counts.processed > 0 && counts.dead > 0, "{name}: the input has both: {counts:?}");
            let mut reasons: BTreeMap<String, u32> = BTreeMap::new();
            dead.iter().for_each(|letter| *reasons.entry(header(letter, "tidemill.reason")).or_default() += 1);
            assert!(reasons.len() > 3, "{name}: several reasons: {reasons:?}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_break_the_sum(records in proptest::collection::vec((proptest::option::of(any::<Vec<u8>>()), proptest::option::of(any::<Vec<u8>>()), any::<i64>()), 0..40)) {
        let mut driver = TopologyTestDriver::new(shipped("small.toml"));
        let mut batch = RecordBatch::new();
        for (key, value, time) in &records {
            batch.push(Timestamp(*time), key.as_deref(), value.as_deref(), &[]);
        }
        driver.pipe_batch(0, batch);
        let counts = driver.counts();
        prop_assert_eq!(counts.read, records.len() as u64);
        prop_assert_eq!(counts.processed + counts.late + counts.dead, counts.read);
    }

    #[test]
    fn mutated_candles_do_not_break_the_sum(flips in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..60)) {
        let mut driver = TopologyTestDriver::new(shipped("small.toml"));
        let input = input_for(&shipped("small.toml"), 30, 1).remove(0);
        let mut batch = RecordBatch::new();
        for (record, (at, byte)) in input.iter().zip(flips.iter().cycle()) {
            let mut value = record.value.map(<[u8]>::to_vec);
            if let Some(value) = value.as_mut().filter(|value| !value.is_empty()) {
                let at = at.index(value.len());
                value[at] = *byte;
            }
            batch.push(record.timestamp, record.key, value.as_deref(), &[]);
        }
        let read = batch.len() as u64;
        driver.pipe_batch(0, batch);
        let counts = driver.counts();
        prop_assert_eq!(counts.processed + counts.late + counts.dead, read);
    }
}

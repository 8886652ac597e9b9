//! What the integration tests share: topologies as shipped, inputs, and outputs as bytes.
#![allow(dead_code, reason = "every test file uses its own part")]

pub mod driven;
#[cfg(feature = "runtime")]
pub mod logs;
#[cfg(feature = "runtime")]
pub mod planted;
pub mod random;
pub mod waiting;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tidemill::driver::Backtest;
use tidemill::market::feed::Ingest;
use tidemill::market::sim::{SimConfig, SimulatedExchange};
use tidemill::operators::standard_catalog;
use tidemill::processor::EventKind;
use tidemill::record::{RecordBatch, RecordRef, Timestamp, write_ndjson};
use tidemill::task::TaskOutput;
use tidemill::topology::{Graph, compile};

/// Output records as lines, by topic and partition.
pub type Lines = BTreeMap<(Arc<str>, u32), Vec<u8>>;

/// The repository.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The folder of recorded data, if it is there: beside the checkout, or one level further up; `TIDEMILL_DATA` names another.
pub fn shared_data() -> Option<PathBuf> {
    let named = std::env::var_os("TIDEMILL_DATA").map(PathBuf::from);
    let candidates = [named, Some(root().join("../shared/data")), Some(root().join("../../shared/data"))];
    candidates.into_iter().flatten().find(|folder| folder.is_dir())
}

/// Whether the long tests are asked for.
pub fn long_tests() -> bool {
    is_one("TIDEMILL_LONG_TESTS")
}

/// Whether the long tests on Kafka are asked for.
pub fn fault_tests() -> bool {
    is_one("TIDEMILL_FAULT_TESTS")
}

fn is_one(variable: &str) -> bool {
    std::env::var(variable).is_ok_and(|value| value == "1")
}

/// Every topology that is shipped, by file name.
pub fn shipped_topologies() -> Vec<(String, Arc<Graph>)> {
    let mut files: Vec<PathBuf> = fs::read_dir(root().join("topologies")).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "toml"));
    files.sort();
    assert!(files.len() >= 3, "the shipped topologies are in topologies/");
    files.iter().map(|file| (file.file_name().unwrap().to_string_lossy().into_owned(), graph_of(file))).collect()
}

/// The graph of a topology file.
pub fn graph_of(file: &Path) -> Arc<Graph> {
    graph_from(&fs::read_to_string(file).unwrap(), &file.display().to_string())
}

/// The graph of a topology's text.
pub fn graph_from(text: &str, file: &str) -> Arc<Graph> {
    let (graph, warnings) = compile(text, file, &standard_catalog()).unwrap_or_else(|e| panic!("{e}"));
    assert!(warnings.is_empty(), "{warnings:?}");
    Arc::new(graph)
}

/// The text of a shipped topology with `prefix` before its name and its topics', so that it can share a broker with others.
pub fn renamed(name: &str, prefix: &str) -> String {
    let file = root().join("topologies").join(name);
    let graph = graph_of(&file);
    let mut topics = graph.output_topics();
    topics.push(graph.source.topic.clone());
    let mut text = fs::read_to_string(file).unwrap();
    for topic in topics {
        text = text.replace(&format!("topic = \"{topic}\""), &format!("topic = \"{prefix}{topic}\""));
    }
    // Topics that are not named in the file take the topology's name.
    let text = text.replacen(&format!("name = \"{}\"", graph.name), &format!("name = \"{prefix}{}\"", graph.name), 1);
    let renamed = graph_from(&text, name);
    let own = |topic: &Arc<str>| topic.starts_with(prefix);
    assert!(renamed.output_topics().iter().chain([&renamed.source.topic]).all(own), "{text}");
    text
}

/// The graph of a shipped topology.
pub fn shipped(name: &str) -> Arc<Graph> {
    graph_of(&root().join("topologies").join(name))
}

/// `records` records that suit the source of `graph`, dealt out to `partitions`: candles of the simulated exchange, anomalies included, or trades made
/// from them.
pub fn input_for(graph: &Graph, records: usize, partitions: u32) -> Vec<RecordBatch> {
    let mut ingest = Ingest::new(SimulatedExchange::new(SimConfig { anomalies: 5.0, ..SimConfig::default() }), partitions);
    let mut batches = ingest.empty_batches();
    let trades = graph.source.port.kinds.contains(EventKind::Trade);
    let bars = if trades { records / 4 } else { records };
    assert_eq!(ingest.read(bars, &mut batches).unwrap(), bars);
    match (trades, &*graph.name) {
        (true, _) => batches.iter().map(trades_of).collect(),
        (false, "daily" | "river-daily") => batches.iter().map(days_of).collect(),
        _ => batches,
    }
}

/// The same candles with days for minutes; other records as they are.
fn days_of(minutes: &RecordBatch) -> RecordBatch {
    const START: i64 = 1_704_067_200_000;
    let mut days = RecordBatch::new();
    for record in minutes.iter() {
        let mut candle = record.value.and_then(|value| serde_json::from_slice::<serde_json::Value>(value).ok());
        let minute = candle.as_ref().filter(|candle| candle["interval"] == "1m").and_then(|candle| candle["open_time"].as_i64());
        let (Some(candle), Some(minute)) = (&mut candle, minute.filter(|minute| (START..2 * START).contains(minute))) else {
            days.push(record.timestamp, record.key, record.value, &[]);
            continue;
        };
        let time = START + (minute - START) * 1_440;
        candle["interval"] = "1d".into();
        candle["open_time"] = time.into();
        days.push(Timestamp(time), record.key, Some(candle.to_string().as_bytes()), &[]);
    }
    days
}

/// Four trades in the minute of each readable candle; other records as they are.
fn trades_of(candles: &RecordBatch) -> RecordBatch {
    let mut trades = RecordBatch::new();
    let mut id = 0;
    for record in candles.iter() {
        let candle = record.value.and_then(|value| serde_json::from_slice::<serde_json::Value>(value).ok());
        let prices = candle.as_ref().map(|candle| ["open", "high", "low", "close"].map(|name| candle[name].as_f64()));
        let Some([Some(open), Some(high), Some(low), Some(close)]) = prices else {
            trades.push(record.timestamp, record.key, record.value, &[]);
            continue;
        };
        for (place, price) in (0..).zip([open, high, low, close]) {
            id += 1;
            let time = record.timestamp.plus(place * 15_000 + 7);
            let coin = candle.as_ref().and_then(|candle| candle["coin"].as_str()).unwrap_or_default();
            let trade = format!(r#"{{"coin":"{coin}","time":{},"price":{price},"amount":0.25,"id":{id}}}"#, time.0);
            trades.push(time, record.key, Some(trade.as_bytes()), &[]);
        }
    }
    trades
}

/// Adds the output records of one task to `lines`.
pub fn collect(graph: &Graph, partition: u32, topics: &[RecordBatch], lines: &mut Lines) {
    for (topic, records) in graph.output_topics().into_iter().zip(topics) {
        let file = lines.entry((topic, partition)).or_default();
        records.iter().for_each(|record| write_ndjson(&record, None, file));
    }
}

/// What an undisturbed backtest makes of the input: output lines, and the digest of each coin's state by partition.
pub fn reference(
    graph: &Arc<Graph>,
    input: &[RecordBatch],
    batch_records: usize,
) -> (Lines, BTreeMap<u32, BTreeMap<String, String>>) {
    let mut lines = Lines::new();
    let receive = |partition: u32, output: &TaskOutput| -> Result<(), std::convert::Infallible> {
        collect(graph, partition, &output.topics, &mut lines);
        Ok(())
    };
    let mut backtest = Backtest::new(graph.clone(), batch_records, receive);
    for (partition, batch) in (0..).zip(input) {
        batch.iter().for_each(|record| backtest.push(partition, &record).unwrap());
    }
    backtest.flush().unwrap();
    let counts = backtest.report().counts;
    assert_eq!(counts.read, counts.processed + counts.late + counts.dead);
    let snapshots = backtest.snapshots().unwrap();
    drop(backtest);
    let digests = snapshots.iter().map(|snapshot| (snapshot.partition.partition, snapshot.coin_digests())).collect();
    (lines, digests)
}

/// Panics with the first line in which two outputs differ.
pub fn assert_same_lines(what: &str, found: &Lines, expected: &Lines) {
    let topics = |lines: &Lines| lines.iter().filter(|(_, text)| !text.is_empty()).map(|(at, _)| at.clone()).collect::<Vec<_>>();
    assert_eq!(topics(found), topics(expected), "{what}: topics with records");
    for (at, expected) in expected.iter().filter(|(_, text)| !text.is_empty()) {
        let found = &found[at];
        if found != expected {
            let pairs = found.split(|b| *b == b'\n').zip(expected.split(|b| *b == b'\n')).enumerate();
            let text = |line: &[u8]| String::from_utf8_lossy(line).into_owned();
            let first = pairs.into_iter().find(|(_, (f, e))| f != e).map(|(n, (f, e))| (n, text(f), text(e)));
            panic!(
                "{what}: {}-{}: {} bytes where {} were expected; first difference {first:?}",
                at.0,
                at.1,
                found.len(),
                expected.len()
            );
        }
    }
}

/// A copy of some records of a batch.
pub fn records_of(records: impl Iterator<Item = (Timestamp, Option<Vec<u8>>, Option<Vec<u8>>)>) -> RecordBatch {
    let mut batch = RecordBatch::new();
    records.for_each(|(timestamp, key, value)| batch.push(timestamp, key.as_deref(), value.as_deref(), &[]));
    batch
}

/// A record's parts as owned bytes.
pub fn owned(record: &RecordRef<'_>) -> (Timestamp, Option<Vec<u8>>, Option<Vec<u8>>) {
    (record.timestamp, record.key.map(<[u8]>::to_vec), record.value.map(<[u8]>::to_vec))
}

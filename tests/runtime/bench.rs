//! A state directory with input, the runs over it, and what an undisturbed run gives.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;
use tidemill::driver::Backtest;
use tidemill::log::embedded::EmbeddedLog;
use tidemill::log::{Log, Retention, TopicSpec};
use tidemill::processor::Catalog;
use tidemill::record::{Offset, RecordBatch, Timestamp, TopicPartition};
use tidemill::runtime::{Instance, InstanceHandle, InstanceStatus, RuntimeSettings, task_name};
use tidemill::store::{CheckpointStore, FileStore};
use tidemill::task::{Skips, Task, TaskSnapshot};
use tidemill::telemetry::Telemetry;
use tidemill::topology::{Graph, compile};

use super::nodes::{self, Mishaps};

/// Long enough for anything that is on its way; nothing waits it out when all is well.
pub const PATIENCE: Duration = Duration::from_secs(60);

pub const INPUT: &str = "candles";
const START: i64 = 1_700_000_040_000;
const COINS: [&str; 3] = ["BTC-USDT", "ETH-USDT", "SOL-USDT"];

/// Three learners, one of them behind the others in the file, and an evaluator that joins them.
pub const TOPOLOGY: &str = r#"
[topology]
name = "bench"

[sources.candles]
topic = "candles"
format = "candle-json"

[processors.valid]
type = "validate"
parents = ["candles"]

[learners.fast]
type = "mean"
parents = ["valid"]
pull = 0.5

[learners.slow]
type = "mean"
parents = ["valid"]
pull = 0.1

[learners.raw]
type = "mean"
parents = ["candles"]
pull = 0.9

[evaluators.score]
type = "judge"
parents = ["slow", "fast", "raw"]

[sinks.predictions]
topic = "predictions"
parents = ["score"]

[sinks.unjudged]
topic = "unjudged"
parents = ["raw", "fast"]
records = "predictions"

[sinks.taken]
topic = "taken"
parents = ["valid"]
records = "candles"
"#;

/// The open time of candle `minute`.
pub fn minute(minute: i64) -> i64 {
    START + minute * 60_000
}

fn candle(coin: &str, open_time: i64, close: f64) -> String {
    let (high, low) = (close + 1.0, close - 1.0);
    format!(
        r#"{{"coin":"{coin}","interval":"1m","open_time":{open_time},"open":{close},"high":{high},"low":{low},"close":{close},"volume":1.5}}"#
    )
}

/// Candles of three coins over two partitions (two coins share one), with duplicates, late bars, revisions and poison among them.
pub fn input(minutes: i64) -> Vec<RecordBatch> {
    input_of(0..minutes)
}

fn input_of(minutes: std::ops::Range<i64>) -> Vec<RecordBatch> {
    let mut partitions = vec![RecordBatch::new(), RecordBatch::new()];
    for n in minutes {
        for (number, coin) in COINS.iter().enumerate() {
            let partition = &mut partitions[number % 2];
            let mut put = |time: i64, value: &[u8]| partition.push(Timestamp(time), Some(coin.as_bytes()), Some(value), &[]);
            let close = 100.0 + ((n * 7 + number as i64 * 13) % 29) as f64;
            put(minute(n), candle(coin, minute(n), close).as_bytes());
            match n % 17 {
                3 => put(minute(n), b"{not json"),
                5 => put(minute(n), candle(coin, minute(n), close).as_bytes()),
                8 => put(minute(n), candle(coin, minute(n), close + 0.5).as_bytes()),
                11 => put(minute(n), candle(coin, minute(n), -5.0).as_bytes()),
                _ => {}
            }
        }
    }
    partitions
}

/// The test topology with these mishaps.
pub fn graph(mishaps: &Arc<Mishaps>) -> Arc<Graph> {
    compiled(TOPOLOGY, &nodes::catalog(mishaps))
}

pub fn compiled(text: &str, catalog: &Catalog) -> Arc<Graph> {
    Arc::new(compile(text, "bench.toml", catalog).unwrap_or_else(|errors| panic!("{errors}")).0)
}

/// Settings that commit and keep snapshots often enough for a small input to see many of both.
pub fn settings() -> RuntimeSettings {
    let mut settings = RuntimeSettings::new("bench");
    settings.commit_interval_ms = 5;
    settings.max_batch_records = 7;
    settings.num_worker_threads = 2;
    settings.checkpoint.interval_ms = 20;
    settings
}

/// Everything a run puts out, and its state at the end.
#[derive(Debug, PartialEq)]
pub struct Outcome {
    pub outputs: BTreeMap<TopicPartition, RecordBatch>,
    pub states: BTreeMap<u32, TaskSnapshot>,
}

impl Outcome {
    /// Compares in the order in which a difference is easiest to understand.
    #[track_caller]
    pub fn assert_equals(&self, expected: &Outcome, what: &str) {
        for (place, records) in &expected.outputs {
            let found = &self.outputs[place];
            let differs = (0..records.len().max(found.len())).find(|i| records.get(*i) != found.get(*i));
            if let Some(at) = differs {
                let text = |batch: &RecordBatch| {
                    batch.get(at).map(|r| String::from_utf8_lossy(r.value.unwrap_or_default()).into_owned())
                };
                panic!("{what}: record {at} of {place} is {:?}, expected {:?}", text(found), text(records));
            }
        }
        for (partition, state) in &expected.states {
            let found = &self.states[partition];
            assert_eq!((found.position, found.counts), (state.position, state.counts), "{what}: partition {partition}");
            assert_eq!(found.coin_digests(), state.coin_digests(), "{what}: state of partition {partition}");
            assert_eq!(found, state, "{what}: partition {partition}");
        }
    }
}

/// A state directory.
pub struct Bench {
    dir: TempDir,
    pub input: Vec<RecordBatch>,
}

impl Bench {
    /// A log that holds this input, and the output topics of `graph`.
    pub fn new(input: Vec<RecordBatch>, graph: &Graph) -> Self {
        let bench = Bench { dir: tempfile::tempdir().unwrap(), input };
        let log = bench.log();
        let partitions = bench.input.len() as u32;
        let mut names = vec![graph.source.topic.clone()];
        names.extend(graph.output_topics());
        let spec = |name| TopicSpec { name, partitions, retention: Retention::Unlimited };
        log.create_topics(&names.into_iter().map(spec).collect::<Vec<_>>()).unwrap();
        let mut appender = log.appender("input").unwrap();
        for (partition, records) in (0..).zip(&bench.input) {
            appender.append(&TopicPartition::new(graph.source.topic.clone(), partition), records).unwrap();
        }
        appender.commit("all").unwrap();
        bench
    }

    /// Appends more minutes to the input of `minutes` there are; the answer is the number of records.
    pub fn append(&mut self, minutes: std::ops::Range<i64>) -> u64 {
        let more = input_of(minutes);
        let log = self.log();
        let mut appender = log.appender("input").unwrap();
        for ((partition, records), all) in (0..).zip(&more).zip(&mut self.input) {
            appender.append(&TopicPartition::new(INPUT, partition), records).unwrap();
            all.append(records);
        }
        appender.commit("more").unwrap();
        more.iter().map(|records| records.len() as u64).sum()
    }

    pub fn folder(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Opens the log; one handle at a time.
    pub fn log(&self) -> Arc<dyn Log> {
        Arc::new(EmbeddedLog::open(&self.folder("log")).unwrap())
    }

    pub fn store_folder(&self) -> PathBuf {
        self.folder("store")
    }

    pub fn store(&self) -> Arc<dyn CheckpointStore> {
        Arc::new(FileStore::open(&self.store_folder()).unwrap())
    }

    /// Starts an instance on the directory.
    pub fn start(&self, graph: &Arc<Graph>, settings: RuntimeSettings) -> InstanceHandle {
        self.start_on(self.log(), graph, settings)
    }

    /// As [`start`](Self::start), on a log that was opened before.
    pub fn start_on(&self, log: Arc<dyn Log>, graph: &Arc<Graph>, settings: RuntimeSettings) -> InstanceHandle {
        Instance::start(graph.clone(), log, self.store(), Arc::new(Telemetry::new()), settings).unwrap()
    }

    /// Whether every partition is committed to its end.
    pub fn done(&self, status: &InstanceStatus) -> bool {
        let position = |partition| status.task(partition).and_then(|task| task.position);
        (0..).zip(&self.input).all(|(partition, records)| position(partition) == Some(Offset(records.len() as i64)))
    }

    /// Waits until everything is committed, shuts down, and gives what came of it.
    pub fn finish(&self, handle: InstanceHandle) -> Outcome {
        let finished = handle.wait_until(PATIENCE, |status| self.done(status) && status.ready());
        assert!(finished, "{:#?}", handle.status());
        let graph = handle.graph().clone();
        stop(handle);
        self.outcome(&graph)
    }

    /// What stands in the log and in the store.
    pub fn outcome(&self, graph: &Graph) -> Outcome {
        self.outcome_with(graph, self.store().as_ref())
    }

    /// As [`outcome`](Self::outcome), with the states that stand in another store.
    pub fn outcome_with(&self, graph: &Graph, store: &dyn CheckpointStore) -> Outcome {
        let log = self.log();
        let mut reader = log.reader().unwrap();
        let mut outputs = BTreeMap::new();
        for topic in graph.output_topics() {
            for partition in 0..self.input.len() as u32 {
                let place = TopicPartition::new(topic.clone(), partition);
                let end = reader.watermarks(&place).unwrap().end;
                let (mut at, mut records) = (Offset::ZERO, RecordBatch::new());
                while at < end {
                    let fetched = reader.read(&place, at, end, 10_000, Duration::ZERO).unwrap();
                    records.append(&fetched.records.records);
                    at = fetched.next;
                }
                outputs.insert(place, records);
            }
        }
        let state = |partition| {
            let task = task_name(&TopicPartition::new(graph.source.topic.clone(), partition));
            let newest = store.list(&task).unwrap().intact[0].generation;
            (partition, TaskSnapshot::from_bytes(&store.load(&task, newest).unwrap()).unwrap())
        };
        Outcome { outputs, states: (0..self.input.len() as u32).map(state).collect() }
    }
}

/// Shuts the instance down and lets go of its log.
pub fn stop(handle: InstanceHandle) -> InstanceStatus {
    handle.shutdown(PATIENCE).unwrap()
}

/// What the backtest puts out over this input: the oracle.
pub fn expected(graph: &Arc<Graph>, input: &[RecordBatch]) -> Outcome {
    let topics = graph.output_topics();
    let mut outputs: BTreeMap<TopicPartition, RecordBatch> = BTreeMap::new();
    let mut backtest = Backtest::new(graph.clone(), 500, |partition, output| {
        for (topic, records) in topics.iter().zip(&output.topics) {
            outputs.entry(TopicPartition::new(topic.clone(), partition)).or_default().append(records);
        }
        Ok::<(), std::convert::Infallible>(())
    });
    for (partition, records) in (0..).zip(input) {
        backtest.push_batch(partition, records).unwrap();
    }
    let states = (0..).zip(backtest.snapshots().unwrap()).collect();
    drop(backtest);
    Outcome { outputs, states }
}

/// As [`expected`], with these records of one partition skipped for these reasons.
pub fn expected_with_skips(graph: &Arc<Graph>, input: &[RecordBatch], partition: u32, skipped: &[(Offset, &str)]) -> Outcome {
    let mut outcome = expected(graph, input);
    let mut skips = Skips::default();
    skipped.iter().for_each(|(offset, reason)| skips.add(*offset, (*reason).to_owned()).unwrap());
    let mut task = Task::new(graph.clone(), partition, Offset::ZERO, skips);
    let place = TopicPartition::new(graph.source.topic.clone(), partition);
    let batch = tidemill::record::ConsumedBatch::contiguous(place, Offset::ZERO, input[partition as usize].clone());
    let output = task.process(batch);
    for (topic, records) in graph.output_topics().into_iter().zip(output.topics) {
        outcome.outputs.insert(TopicPartition::new(topic, partition), records);
    }
    outcome.states.insert(partition, task.snapshot().unwrap());
    outcome
}

//! Feeds records to a topology one by one and reads its output topics: for tests of topologies and of custom processors.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::processor::Noticed;
use crate::record::{ConsumedBatch, Offset, RecordBatch, Timestamp, TopicPartition};
use crate::snapshot::SnapshotError;
use crate::task::{Counts, Leaderboard, Skips, Task, TaskError, TaskSnapshot};
use crate::topology::Graph;

/// A record of an output topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutputRecord {
    /// The partition it was written to.
    pub partition: u32,
    /// Event time.
    pub timestamp: Timestamp,
    /// The coin, as a rule.
    pub key: Option<Vec<u8>>,
    /// The headers in order.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The value; JSON for everything a sink writes.
    pub value: Option<Vec<u8>>,
}

impl OutputRecord {
    /// The value as text; empty for a tombstone or bytes that are no UTF-8.
    pub fn text(&self) -> &str {
        self.value.as_deref().and_then(|value| std::str::from_utf8(value).ok()).unwrap_or_default()
    }
}

struct Partition {
    task: Task,
    next: Offset,
}

/// A topology in a test: pipe records in, read output topics, take a snapshot, go on from it. As in Kafka Streams, with the engine that also runs in
/// production.
///
/// ```
/// use tidemill::driver::TopologyTestDriver;
/// use tidemill::operators::standard_catalog;
/// use tidemill::topology::compile;
///
/// let file = r#"
///     [topology]
///     name = "bars"
///     [sources.candles]
///     topic = "market.candles.1m"
///     format = "candle-json"
///     [processors.two_minutes]
///     type = "window"
///     parents = ["candles"]
///     window = { tumbling = "2m" }
///     [sinks.bars]
///     topic = "bars.2m"
///     parents = ["two_minutes"]
///     records = "candles"
/// "#;
/// let (graph, _warnings) = compile(file, "bars.toml", &standard_catalog()).unwrap();
/// let mut driver = TopologyTestDriver::new(graph);
/// for minute in 0..2 {
///     let open_time = 1_700_000_040_000i64 + minute * 60_000;
///     let candle = format!(
///         r#"{{"coin":"BTC-USDT","interval":"1m","open_time":{open_time},"open":10,"high":12,"low":9,"close":11,"volume":1.5}}"#
///     );
///     driver.pipe(0, "BTC-USDT", open_time, candle.as_bytes());
/// }
/// let bars = driver.read("bars.2m");
/// assert_eq!(bars.len(), 1);
/// assert!(bars[0].text().contains(r#""volume":3"#), "{}", bars[0].text());
/// ```
pub struct TopologyTestDriver {
    graph: Arc<Graph>,
    partitions: BTreeMap<u32, Partition>,
    outputs: BTreeMap<Arc<str>, Vec<OutputRecord>>,
    leaderboard: Leaderboard,
    notices: Vec<Noticed>,
}

impl TopologyTestDriver {
    /// A driver for `graph`; partitions begin empty as records are piped to them.
    pub fn new(graph: impl Into<Arc<Graph>>) -> Self {
        TopologyTestDriver {
            graph: graph.into(),
            partitions: BTreeMap::new(),
            outputs: BTreeMap::new(),
            leaderboard: Leaderboard::default(),
            notices: Vec::new(),
        }
    }

    /// Pipes one record with a key and a value into the input partition `partition`.
    pub fn pipe(&mut self, partition: u32, key: &str, timestamp_ms: i64, value: &[u8]) {
        let mut batch = RecordBatch::new();
        batch.push(Timestamp(timestamp_ms), Some(key.as_bytes()), Some(value), &[]);
        self.pipe_batch(partition, batch);
    }

    /// Pipes records as one batch; offsets run on.
    pub fn pipe_batch(&mut self, partition: u32, records: RecordBatch) {
        let at = self.partition(partition);
        let place = TopicPartition::new(at.task.partition().topic.clone(), partition);
        let batch = ConsumedBatch::contiguous(place, at.next, records);
        at.next = batch.next_offset().unwrap_or(at.next);
        let output = at.task.process(batch);
        self.leaderboard.update(&output.env.keys, &output.notices);
        for (topic, records) in self.graph.output_topics().into_iter().zip(&output.topics) {
            let kept = self.outputs.entry(topic).or_default();
            kept.extend(records.iter().map(|record| OutputRecord {
                partition,
                timestamp: record.timestamp,
                key: record.key.map(<[u8]>::to_vec),
                headers: record.headers().map(|(name, value)| (name.to_owned(), value.to_vec())).collect(),
                value: record.value.map(<[u8]>::to_vec),
            }));
        }
        self.notices.extend(output.notices);
    }

    fn partition(&mut self, number: u32) -> &mut Partition {
        let graph = &self.graph;
        self.partitions.entry(number).or_insert_with(|| Partition {
            task: Task::new(graph.clone(), number, Offset::ZERO, Skips::default()),
            next: Offset::ZERO,
        })
    }

    /// Takes what has been written to `topic` since the last read, in the order of writing.
    pub fn read(&mut self, topic: &str) -> Vec<OutputRecord> {
        self.outputs.get_mut(topic).map(std::mem::take).unwrap_or_default()
    }

    /// Takes the notices since the last call.
    pub fn take_notices(&mut self) -> Vec<Noticed> {
        std::mem::take(&mut self.notices)
    }

    /// The newest scores.
    pub fn leaderboard(&self) -> &Leaderboard {
        &self.leaderboard
    }

    /// What became of the records of all partitions.
    pub fn counts(&self) -> Counts {
        let mut sum = Counts::default();
        self.partitions.values().for_each(|partition| sum.add(partition.task.counts()));
        sum
    }

    /// The state of a partition, or `None` before its first record.
    ///
    /// # Errors
    /// When a processor's state cannot be encoded.
    pub fn snapshot(&self, partition: u32) -> Result<Option<TaskSnapshot>, SnapshotError> {
        self.partitions.get(&partition).map(|p| p.task.snapshot()).transpose()
    }

    /// Throws the partition's processors away and goes on from a snapshot, as after a crash.
    ///
    /// # Errors
    /// When the snapshot does not fit the topology or partition.
    pub fn restore(&mut self, partition: u32, snapshot: &TaskSnapshot) -> Result<(), TaskError> {
        let task = Task::restore(self.graph.clone(), partition, snapshot, Skips::default())?;
        self.partitions.insert(partition, Partition { next: task.position(), task });
        Ok(())
    }
}

//! What tests of the log port need: names, records, clients past their first event, everything in a partition.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use tidemill::log::{
    AutoOffsetReset, ClientSettings, Committed, Guarantee, Log, LogClient, LogEvent, Retention, ThreadSlot, TopicSpec,
};
use tidemill::record::{ConsumedBatch, Offset, RecordBatch, Timestamp, TopicPartition};

/// Long enough for anything that is on its way; nothing waits it out when all is well.
pub const PATIENCE: Duration = Duration::from_secs(20);

thread_local! {
    /// Stands before every name a test uses, so that tests can share a broker.
    static PREFIX: RefCell<String> = const { RefCell::new(String::new()) };
}

/// From now on the names of this thread's test begin so.
pub fn set_prefix(prefix: String) {
    PREFIX.with(|own| *own.borrow_mut() = prefix);
}

/// The whole name of a topic, an application or an appender.
pub fn named(name: &str) -> String {
    PREFIX.with(|prefix| format!("{}{name}", prefix.borrow()))
}

pub fn at(topic: &str, partition: u32) -> TopicPartition {
    TopicPartition::new(named(topic), partition)
}

pub fn topic(name: &str, partitions: u32) -> TopicSpec {
    TopicSpec { name: named(name).into(), partitions, retention: Retention::Unlimited }
}

/// Records whose value is their number.
pub fn numbers(range: std::ops::Range<u64>) -> RecordBatch {
    let mut batch = RecordBatch::new();
    for n in range {
        batch.push(Timestamp(n as i64), Some(b"key"), Some(n.to_string().as_bytes()), &[("h", b"x")]);
    }
    batch
}

pub fn values(batch: &ConsumedBatch) -> Vec<u64> {
    let parse = |value: &[u8]| std::str::from_utf8(value).unwrap().parse().unwrap();
    batch.records.iter().map(|record| parse(record.value.unwrap())).collect()
}

pub fn slot(application_id: &str, topics: &[&str], index: u32, of: u32) -> ClientSettings {
    ClientSettings {
        application_id: named(application_id).into(),
        topics: topics.iter().map(|name| named(name).into()).collect(),
        thread: ThreadSlot { index, of },
        guarantee: Guarantee::ExactlyOnceV2,
        reset: AutoOffsetReset::Earliest,
    }
}

/// A client alone in its group, past its `Assigned` event.
pub fn client(log: &dyn Log, application_id: &str, topics: &[&str]) -> Box<dyn LogClient> {
    let mut client = log.client(&slot(application_id, topics, 0, 1)).unwrap();
    assert!(matches!(client.poll(1, PATIENCE).unwrap()[..], [LogEvent::Assigned(_)]));
    client
}

/// Appends records and waits until they can be read.
pub fn append(log: &dyn Log, to: &TopicPartition, records: &RecordBatch) {
    let mut reader = log.reader().unwrap();
    let goal = reader.watermarks(to).unwrap().end.0 + records.len() as i64;
    let mut appender = log.appender(&named("test")).unwrap();
    appender.append(to, records).unwrap();
    appender.commit("").unwrap();
    let deadline = Instant::now() + PATIENCE;
    while reader.watermarks(to).unwrap().end.0 < goal {
        assert!(Instant::now() < deadline, "what was appended to {to} cannot be read");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Everything in a partition, as a downstream user reads it.
pub fn read_all(log: &dyn Log, partition: &TopicPartition) -> Vec<u64> {
    let mut reader = log.reader().unwrap();
    let ends = reader.watermarks(partition).unwrap();
    let (mut position, mut all) = (ends.start, Vec::new());
    while position < ends.end {
        let fetched = reader.read(partition, position, ends.end, 1_000, Duration::ZERO).unwrap();
        assert!(fetched.next > position, "no progress at {position}");
        position = fetched.next;
        all.extend(values(&fetched.records));
    }
    all
}

/// Waits until a partition holds just this: on Kafka a commit is durable a moment before readers see it.
#[track_caller]
pub fn assert_reads(log: &dyn Log, partition: &TopicPartition, expected: &[u64]) {
    let deadline = Instant::now() + PATIENCE;
    let mut found = read_all(log, partition);
    while found.len() < expected.len() && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(10));
        found = read_all(log, partition);
    }
    let same = found.iter().zip(expected).take_while(|(one, other)| one == other).count();
    let around = |all: &[u64]| all[same..].iter().take(5).copied().collect::<Vec<u64>>();
    assert_eq!((found.len(), around(&found)), (expected.len(), around(expected)), "{partition} from record {same} on");
}

/// Polls until `count` records are there; their values by partition, and the offsets to commit.
pub fn poll_values(client: &mut dyn LogClient, count: usize, max: usize) -> BTreeMap<TopicPartition, Vec<u64>> {
    let (mut seen, mut left) = (BTreeMap::<_, Vec<u64>>::new(), count);
    while left > 0 {
        let events = client.poll(max.min(left), PATIENCE).unwrap();
        assert!(!events.is_empty(), "{left} of {count} records did not come");
        for event in events {
            let LogEvent::Records(batch) = event else { panic!("unexpected {event:?}") };
            left -= batch.len();
            seen.entry(batch.partition.clone()).or_default().extend(values(&batch));
        }
    }
    seen
}

pub fn offsets(entries: &[(&TopicPartition, i64)]) -> BTreeMap<TopicPartition, Committed> {
    entries.iter().map(|(partition, offset)| ((*partition).clone(), Committed::at(Offset(*offset)))).collect()
}

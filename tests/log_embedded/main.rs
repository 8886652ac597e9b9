//! The embedded log: the semantics of the port (`port.rs`, written against `dyn Log` so that another adapter can be held to them), and what is its own:
//! retention, compaction, one owner, crashes, damage.
#![cfg(feature = "runtime")]

mod compaction;
mod crash;
mod damage;
mod embedded;
mod faults;
mod port;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tidemill::log::{
    AutoOffsetReset, ClientSettings, Committed, Guarantee, Log, LogClient, LogEvent, Retention, ThreadSlot, TopicSpec,
};
use tidemill::record::{ConsumedBatch, Offset, RecordBatch, Timestamp, TopicPartition};

/// Long enough for anything that is on its way; nothing waits it out when all is well.
const PATIENCE: Duration = Duration::from_secs(20);

fn at(topic: &str, partition: u32) -> TopicPartition {
    TopicPartition::new(topic, partition)
}

fn topic(name: &str, partitions: u32) -> TopicSpec {
    TopicSpec { name: name.into(), partitions, retention: Retention::Unlimited }
}

/// Records whose value is their number.
fn numbers(range: std::ops::Range<u64>) -> RecordBatch {
    let mut batch = RecordBatch::new();
    for n in range {
        batch.push(Timestamp(n as i64), Some(b"key"), Some(n.to_string().as_bytes()), &[("h", b"x")]);
    }
    batch
}

fn values(batch: &ConsumedBatch) -> Vec<u64> {
    let parse = |value: &[u8]| std::str::from_utf8(value).unwrap().parse().unwrap();
    batch.records.iter().map(|record| parse(record.value.unwrap())).collect()
}

fn slot(application_id: &str, topics: &[&str], index: u32, of: u32) -> ClientSettings {
    ClientSettings {
        application_id: application_id.into(),
        topics: topics.iter().map(|name| Arc::from(*name)).collect(),
        thread: ThreadSlot { index, of },
        guarantee: Guarantee::ExactlyOnceV2,
        reset: AutoOffsetReset::Earliest,
    }
}

/// A client alone in its group, past its `Assigned` event.
fn client(log: &dyn Log, application_id: &str, topics: &[&str]) -> Box<dyn LogClient> {
    let mut client = log.client(&slot(application_id, topics, 0, 1)).unwrap();
    assert!(matches!(client.poll(1, PATIENCE).unwrap()[..], [LogEvent::Assigned(_)]));
    client
}

fn append(log: &dyn Log, to: &TopicPartition, records: &RecordBatch) {
    let mut appender = log.appender("test").unwrap();
    appender.append(to, records).unwrap();
    appender.commit("").unwrap();
}

/// Everything in a partition, as a downstream user reads it.
fn read_all(log: &dyn Log, partition: &TopicPartition) -> Vec<u64> {
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

/// Polls until `count` records are there; their values by partition, and the offsets to commit.
fn poll_values(client: &mut dyn LogClient, count: usize, max: usize) -> BTreeMap<TopicPartition, Vec<u64>> {
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

fn offsets(entries: &[(&TopicPartition, i64)]) -> BTreeMap<TopicPartition, Committed> {
    entries.iter().map(|(partition, offset)| ((*partition).clone(), Committed::at(Offset(*offset)))).collect()
}

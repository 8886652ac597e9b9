//! Partitions of a log as their readers see them.
#![allow(clippy::disallowed_methods, reason = "reading has a deadline")]

use std::time::{Duration, Instant};

use tidemill::log::LogReader;
use tidemill::record::{TopicPartition, write_ndjson};

/// Longest time for reading one partition.
const PATIENCE: Duration = Duration::from_secs(120);

/// Everything that is committed in a partition, as lines.
pub fn partition_lines(reader: &mut dyn LogReader, at: &TopicPartition) -> Vec<u8> {
    let ends = reader.watermarks(at).unwrap();
    let (mut from, mut text) = (ends.start, Vec::new());
    let deadline = Instant::now() + PATIENCE;
    while from < ends.end {
        assert!(Instant::now() < deadline, "{at} cannot be read to its end: {from} of {}", ends.end);
        let fetched = reader.read(at, from, ends.end, 10_000, Duration::from_millis(500)).unwrap();
        fetched.records.records.iter().for_each(|record| write_ndjson(&record, None, &mut text));
        from = fetched.next;
    }
    text
}

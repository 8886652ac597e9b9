//! Topics for programs: their description, and pages of their records as lines of JSON.

use std::time::Duration;

use serde_json::{Value, json};

use crate::log::{LogError, LogReader, TopicDescription, Watermarks};
use crate::record::{Offset, Place, TopicPartition, write_ndjson};

/// A topic with the ends and sizes of its partitions.
pub fn topic_json(topic: &TopicDescription) -> Value {
    let partition = |(number, ends): (usize, &Watermarks)| {
        let bytes = topic.bytes.get(number);
        json!({ "partition": number, "start": ends.start, "end": ends.end, "bytes": bytes })
    };
    let partitions: Vec<Value> = topic.watermarks.iter().enumerate().map(partition).collect();
    json!({ "topic": &*topic.spec.name, "partitions": partitions })
}

/// Longest wait for records that are there but have to be fetched over a network.
const FETCH: Duration = Duration::from_secs(5);

/// Up to `max` records from `from` on as lines of JSON, and where to go on.
///
/// # Errors
/// As [`LogReader::read`].
pub fn read_lines(
    reader: &mut dyn LogReader,
    at: &TopicPartition,
    from: Offset,
    max: u64,
) -> Result<(Vec<u8>, Offset), LogError> {
    let max = usize::try_from(max).unwrap_or(usize::MAX);
    let end = reader.watermarks(at)?.end;
    let fetched = reader.read(at, from, end, max, if from < end { FETCH } else { Duration::ZERO })?;
    let mut lines = Vec::new();
    for (offset, record) in fetched.records.offsets.iter().zip(fetched.records.records.iter()) {
        write_ndjson(&record, Some(Place { partition: at.partition, offset: *offset }), &mut lines);
    }
    Ok((lines, fetched.next))
}

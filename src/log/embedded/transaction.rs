//! Records and positions on their way into the log: held in memory until they commit, as one.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::compaction::compact_when_due;
use super::state::{State, Topic};
use super::storage::Batches;
use crate::log::{Committed, LogError, MAX_METADATA_BYTES};
use crate::record::{Offset, RecordBatch, TopicPartition};

/// Small batches for one partition are stored as one value up to this size. With its key it then fills a 64 KiB page, redb's pages being powers of two.
const STORED_BATCH_BYTES: usize = 64_000;

/// What one transaction will append.
#[derive(Debug, Default)]
pub(super) struct Appends {
    staged: BTreeMap<TopicPartition, Vec<RecordBatch>>,
    bytes: usize,
}

impl Appends {
    pub(super) fn is_empty(&self) -> bool {
        self.bytes == 0
    }

    /// Adds records, refused when the whole passes `limit` bytes.
    pub(super) fn push(&mut self, to: &TopicPartition, records: &RecordBatch, limit: usize) -> Result<(), LogError> {
        let bytes = self.bytes + records.as_bytes().len();
        if bytes > limit {
            return Err(too_large(bytes, limit));
        }
        if !records.is_empty() {
            self.bytes = bytes;
            stage(self.of(to), records);
        }
        Ok(())
    }

    fn of(&mut self, to: &TopicPartition) -> &mut Vec<RecordBatch> {
        if !self.staged.contains_key(to) {
            self.staged.insert(to.clone(), Vec::new());
        }
        self.staged.get_mut(to).expect("it was inserted above")
    }

    pub(super) fn clear(&mut self) {
        *self = Appends::default();
    }

    /// Gives every record its offset and stores it, then lets retention take what is too old.
    pub(super) fn apply(&self, state: &mut State, batches: &mut Batches<'_>) -> Result<(), LogError> {
        for (to, records) in &self.staged {
            state.partition(to).map_err(|_| gone(to))?;
            let topic = state.topics.get_mut(&to.topic).ok_or_else(|| gone(to))?;
            for batch in records {
                append(topic, to.partition, batch, batches)?;
            }
            retain(topic, to.partition, batches)?;
            compact_when_due(topic, to.partition, batches)?;
        }
        Ok(())
    }
}

/// Splits large batches and joins small ones, so that stored values have about the same size.
fn stage(staged: &mut Vec<RecordBatch>, records: &RecordBatch) {
    let mut from = 0;
    if let Some(last) = staged.last_mut() {
        from = records.fit(0, STORED_BATCH_BYTES.saturating_sub(last.as_bytes().len()));
        last.append_range(records, 0..from);
    }
    while from < records.len() {
        let to = records.fit(from, STORED_BATCH_BYTES).max(from + 1);
        let mut batch = RecordBatch::new();
        batch.append_range(records, from..to);
        staged.push(batch);
        from = to;
    }
}

fn append(topic: &mut Topic, number: u32, records: &RecordBatch, batches: &mut Batches<'_>) -> Result<(), LogError> {
    let partition = &mut topic.partitions[number as usize];
    let end = Offset(partition.end.0 + records.len() as i64);
    partition.bytes += batches.append((topic.id, number, end.0 - 1), records)?;
    partition.end = end;
    Ok(())
}

fn retain(topic: &mut Topic, number: u32, batches: &mut Batches<'_>) -> Result<(), LogError> {
    let Some(limit) = topic.retention_bytes else { return Ok(()) };
    let partition = &mut topic.partitions[number as usize];
    while partition.bytes > limit {
        let Some((start, bytes)) = batches.oldest(topic.id, number, partition.start)? else { break };
        if start == partition.end {
            break;
        }
        batches.remove(topic.id, number, start)?;
        partition.start = start;
        partition.bytes = partition.bytes.saturating_sub(bytes);
    }
    Ok(())
}

/// Refuses metadata that Kafka would refuse.
pub(super) fn check_metadata(text: &str) -> Result<(), LogError> {
    if text.len() <= MAX_METADATA_BYTES {
        return Ok(());
    }
    Err(LogError::Usage(format!(
        "the metadata of a committed position has {} bytes; Kafka's limit is {MAX_METADATA_BYTES}: keep it short",
        text.len()
    )))
}

/// Writes a group's positions.
pub(super) fn apply_offsets(
    state: &mut State,
    group: &Arc<str>,
    offsets: &BTreeMap<TopicPartition, Committed>,
) -> Result<(), LogError> {
    for partition in offsets.keys() {
        state.partition(partition).map_err(|_| gone(partition))?;
    }
    state.commit_offsets(group, offsets);
    Ok(())
}

fn gone(partition: &TopicPartition) -> LogError {
    LogError::Usage(format!("{partition} was deleted while a transaction on it was open; create the topic and start again"))
}

fn too_large(bytes: usize, limit: usize) -> LogError {
    LogError::Usage(format!(
        "a transaction of the embedded log would hold {bytes} bytes; the limit is {limit}, because it is kept in memory until it commits. \
         Commit more often (commit.interval.ms)"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Timestamp;

    fn records(n: usize, size: usize) -> RecordBatch {
        let mut batch = RecordBatch::new();
        for i in 0..n {
            batch.push(Timestamp(i as i64), None, Some(&vec![i as u8; size]), &[]);
        }
        batch
    }

    fn staged(batches: &[RecordBatch]) -> Vec<RecordBatch> {
        let mut staged = Vec::new();
        batches.iter().for_each(|batch| stage(&mut staged, batch));
        staged
    }

    #[test]
    fn small_batches_are_joined_and_large_ones_split_without_touching_a_record() {
        for (n, size, times) in [(1, 10, 5_000), (500, 300, 7), (3, 100_000, 2), (1, 0, 1), (2, 63_990, 3)] {
            let (mut whole, batch) = (RecordBatch::new(), records(n, size));
            (0..times).for_each(|_| whole.append(&batch));
            let parts = staged(&vec![batch; times]);
            let mut joined = RecordBatch::new();
            parts.iter().for_each(|part| joined.append(part));
            assert_eq!(joined, whole);
            assert!(parts.iter().all(|part| part.len() == 1 || part.as_bytes().len() <= STORED_BATCH_BYTES));
            let least = whole.as_bytes().len() / STORED_BATCH_BYTES;
            assert!(
                parts.len() <= 2 * least + 1 + usize::from(size > STORED_BATCH_BYTES) * times * n,
                "{n} {size}: {}",
                parts.len()
            );
        }
    }

    #[test]
    fn a_transaction_too_large_is_refused_and_stays_as_it_was() {
        let (mut appends, at) = (Appends::default(), TopicPartition::new("t", 0));
        appends.push(&at, &records(10, 10), 1_000).unwrap();
        let before = appends.bytes;
        assert!(appends.push(&at, &records(10, 100), 1_000).unwrap_err().to_string().contains("commit.interval.ms"));
        assert_eq!(appends.bytes, before);
    }
}

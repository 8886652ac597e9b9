//! A position in one partition, and the stored batch it stands in: small polls do not read and verify the same batch again and again.

use super::batch::StoredBatch;
use super::shared::Shared;
use super::state::Located;
use crate::log::LogError;
use crate::record::{ConsumedBatch, Offset, TopicPartition};

/// About the most one read hands out of a partition, whatever the number of records asked for.
const READ_BYTES: usize = 8 << 20;

pub(super) struct Cursor {
    pub(super) partition: TopicPartition,
    pub(super) position: Offset,
    /// The topic's id with the batch: a topic that was deleted and made again has other records at the same offsets.
    held: Option<(u32, StoredBatch)>,
}

impl Cursor {
    pub(super) fn new(partition: TopicPartition, position: Offset) -> Self {
        Cursor { partition, position, held: None }
    }

    /// The next records, at most `max` and none from `to` on, and moves behind them and behind a gap. An error leaves the position before the record it concerns.
    pub(super) fn take(&mut self, log: &Shared, max: usize, to: Offset) -> Result<ConsumedBatch, LogError> {
        let mut out = ConsumedBatch::empty(self.partition.clone());
        let at = log.locate(&self.partition, self.position)?;
        let end = at.partition.end.min(to);
        while self.position < end && out.len() < max && out.records.as_bytes().len() < READ_BYTES {
            let from = self.position;
            match self.batch(log, &at) {
                Ok(batch) => self.position = batch.copy_into(from..end, max - out.len(), &mut out),
                Err(_) if !out.is_empty() => break,
                Err(error) => return Err(error),
            }
        }
        Ok(out)
    }

    fn batch(&mut self, log: &Shared, at: &Located) -> Result<&StoredBatch, LogError> {
        let held = self.held.take().filter(|(id, batch)| *id == at.topic && batch.holds(self.position));
        let held = match held {
            Some(held) => held,
            None => (at.topic, log.read(at, &self.partition, self.position)?),
        };
        Ok(&self.held.insert(held).1)
    }
}

//! A batch of records as it lies in the file, and its checksum.
//!
//! The key of a batch is its topic's id, its partition and the offset of its **last** record, so that the first key at or after an offset is the batch that
//! holds it. The value, little endian: CRC-32 of key, count and records `u32`, count of records `u32`, then [`RecordBatch::as_bytes`]. The key is inside
//! the checksum: a value under another's key does not verify.

use std::ops::Range;

use crate::log::LogError;
use crate::record::{ConsumedBatch, Offset, RecordBatch, TopicPartition};

/// Topic id, partition, offset of the last record.
pub(super) type BatchKey = (u32, u32, i64);

/// Bytes before the records.
pub(super) const HEADER: usize = 8;

/// Writes the value of a batch into `out`, which has [`HEADER`] bytes more than the records.
pub(super) fn write(key: BatchKey, records: &RecordBatch, out: &mut [u8]) {
    let count = records.len() as u32;
    out[4..8].copy_from_slice(&count.to_le_bytes());
    out[HEADER..].copy_from_slice(records.as_bytes());
    let checksum = checksum(key, &out[4..]);
    out[..4].copy_from_slice(&checksum.to_le_bytes());
}

fn checksum((topic, partition, last): BatchKey, rest: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&topic.to_le_bytes());
    hasher.update(&partition.to_le_bytes());
    hasher.update(&last.to_le_bytes());
    hasher.update(rest);
    hasher.finalize()
}

/// The offset of the first record, once the value has been verified; `None` when it does not verify.
pub(super) fn verify(key: BatchKey, value: &[u8]) -> Option<Offset> {
    let (stored, rest) = value.split_first_chunk::<4>()?;
    let count = u32::from_le_bytes(*rest.first_chunk::<4>()?);
    (u32::from_le_bytes(*stored) == checksum(key, rest) && count > 0).then(|| Offset(key.2 - i64::from(count) + 1))
}

/// The offset of the first record and the records, once the value has been verified.
pub(super) fn open(key: BatchKey, value: &[u8]) -> Option<(Offset, RecordBatch)> {
    let base = verify(key, value)?;
    let records = RecordBatch::from_bytes(value[HEADER..].to_vec()).ok()?;
    (base.0 + records.len() as i64 - 1 == key.2).then_some((base, records))
}

/// A verified batch.
#[derive(Debug)]
pub(super) struct StoredBatch {
    base: Offset,
    records: RecordBatch,
}

impl StoredBatch {
    /// Reads the batch that should hold `wanted`; the caller looks whether it begins after it.
    pub(super) fn read(key: BatchKey, value: &[u8], wanted: Offset, at: &TopicPartition) -> Result<StoredBatch, LogError> {
        let base = verify(key, value).ok_or_else(|| damaged(at, wanted, "its checksum does not match"))?;
        let records = RecordBatch::from_bytes(value[HEADER..].to_vec()).map_err(|e| damaged(at, wanted, &e.to_string()))?;
        if base.0 + records.len() as i64 - 1 != key.2 {
            return Err(damaged(at, wanted, "it holds another number of records than it says"));
        }
        Ok(StoredBatch { base, records })
    }

    /// The offset of the first record.
    pub(super) fn base(&self) -> Offset {
        self.base
    }

    /// The offset after the last record.
    pub(super) fn end(&self) -> Offset {
        Offset(self.base.0 + self.records.len() as i64)
    }

    /// Whether the record of this offset is here.
    pub(super) fn holds(&self, offset: Offset) -> bool {
        offset >= self.base && offset < self.end()
    }

    /// Appends up to `max` records whose offsets lie in `range` to `out`; the offset after them. Where the batch begins after the range, that is the end of the range.
    pub(super) fn copy_into(&self, range: Range<Offset>, max: usize, out: &mut ConsumedBatch) -> Offset {
        let from = range.start.max(self.base);
        if from >= range.end {
            return range.end;
        }
        let first = (from.0 - self.base.0) as usize;
        let most = max.min((range.end.0 - from.0) as usize);
        let last = self.records.len().min(first.saturating_add(most));
        out.records.append_range(&self.records, first..last);
        let next = Offset(self.base.0 + last as i64);
        out.offsets.extend((from.0..next.0).map(Offset));
        next
    }
}

/// The error of a batch that should hold `offset` and does not.
pub(super) fn damaged(at: &TopicPartition, offset: Offset, what: &str) -> LogError {
    LogError::Damaged(format!(
        "the batch of {at} that should hold offset {offset} is damaged: {what}. The records cannot be trusted and none was handed out; \
         put a copy of the log's folder back, or delete the topic and ingest it again"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Timestamp;

    fn stored(key: BatchKey) -> Vec<u8> {
        let mut records = RecordBatch::new();
        for i in 0..3 {
            records.push(Timestamp(i), Some(b"k"), Some(b"value"), &[]);
        }
        let mut out = vec![0; HEADER + records.as_bytes().len()];
        write(key, &records, &mut out);
        out
    }

    #[test]
    fn every_flipped_bit_and_a_foreign_key_are_noticed() {
        let (key, at) = ((1, 0, 12), TopicPartition::new("t", 0));
        let value = stored(key);
        assert_eq!(StoredBatch::read(key, &value, Offset(11), &at).unwrap().base, Offset(10));
        for bit in 0..value.len() * 8 {
            let mut damaged = value.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert!(StoredBatch::read(key, &damaged, Offset(11), &at).is_err(), "bit {bit}");
        }
        for other in [(2, 0, 12), (1, 1, 12), (1, 0, 13)] {
            assert!(StoredBatch::read(other, &value, Offset(12), &at).is_err());
        }
    }

    #[test]
    fn a_read_starts_and_ends_in_the_middle() {
        let (key, at) = ((1, 0, 12), TopicPartition::new("t", 0));
        let batch = StoredBatch::read(key, &stored(key), Offset(11), &at).unwrap();
        let mut out = ConsumedBatch::empty(at);
        assert_eq!(batch.copy_into(Offset(11)..Offset(99), 1, &mut out), Offset(12));
        assert_eq!(batch.copy_into(Offset(12)..Offset(12), 9, &mut out), Offset(12));
        assert_eq!(batch.copy_into(Offset(5)..Offset(8), 9, &mut out), Offset(8), "all of the range is a gap");
        assert_eq!(batch.copy_into(Offset(12)..Offset(99), 9, &mut out), Offset(13));
        assert_eq!(out.offsets, [Offset(11), Offset(12)]);
        assert_eq!(out.records.get(1).unwrap().timestamp, Timestamp(2));
    }
}

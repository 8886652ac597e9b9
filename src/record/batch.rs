//! Batches of records in one buffer: what a source reads from a log and what a sink hands to it.

use std::ops::Range;
use std::sync::Arc;

use thiserror::Error;

use super::{Offset, Timestamp, TopicPartition};

/// Name and value pairs that travel beside a record's value.
pub type Headers<'a> = &'a [(&'a str, &'a [u8])];

/// One record inside a [`RecordBatch`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordRef<'a> {
    /// Event time.
    pub timestamp: Timestamp,
    /// The key, if the record has one.
    pub key: Option<&'a [u8]>,
    /// The value; `None` is a tombstone.
    pub value: Option<&'a [u8]>,
    headers: &'a [u8],
}

impl<'a> RecordRef<'a> {
    /// A record without headers that stands in no batch, for instance one that a test or a connector holds.
    pub fn without_headers(timestamp: Timestamp, key: Option<&'a [u8]>, value: Option<&'a [u8]>) -> Self {
        RecordRef { timestamp, key, value, headers: &[] }
    }

    /// The headers in the order they were written.
    pub fn headers(&self) -> impl Iterator<Item = (&'a str, &'a [u8])> + use<'a> {
        let mut rest = self.headers;
        std::iter::from_fn(move || {
            let name = std::str::from_utf8(take_block(&mut rest)?).ok()?;
            Some((name, take_block(&mut rest)?))
        })
    }
}

/// Bytes that are no record batch.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("record batch is damaged: {what}")]
pub struct RecordBatchError {
    /// What did not fit.
    pub what: &'static str,
}

/// Records without offsets, stored back to back in one buffer.
///
/// The buffer is also the form in which the embedded log keeps a batch ([`as_bytes`](Self::as_bytes)); it carries no checksum of its own.
/// Layout of a record, integers little endian: timestamp `i64`, then key, value and headers as blocks of a `u32` length and bytes; the length
/// `u32::MAX` stands for an absent key or value.
///
/// ```
/// use tidemill::record::{RecordBatch, Timestamp};
/// let mut batch = RecordBatch::new();
/// batch.push(Timestamp(5), Some(b"BTC-USDT"), Some(b"{}"), &[]);
/// assert_eq!(batch.iter().next().unwrap().value, Some(&b"{}"[..]));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RecordBatch {
    bytes: Vec<u8>,
    starts: Vec<u32>,
}

const ABSENT: u32 = u32::MAX;

impl RecordBatch {
    /// An empty batch.
    pub fn new() -> Self {
        RecordBatch::default()
    }

    /// An empty batch with room for so many records and bytes.
    pub fn with_capacity(records: usize, bytes: usize) -> Self {
        RecordBatch { bytes: Vec::with_capacity(bytes), starts: Vec::with_capacity(records) }
    }

    /// Appends one record.
    ///
    /// # Panics
    /// When the batch would pass 4 GiB; callers bound their batches by count and record size long before.
    pub fn push(&mut self, timestamp: Timestamp, key: Option<&[u8]>, value: Option<&[u8]>, headers: Headers<'_>) {
        self.push_with(timestamp, key, headers, |bytes| match value {
            Some(value) => {
                bytes.extend_from_slice(value);
                true
            }
            None => false,
        });
    }

    /// Appends one record whose value `write` appends straight to the buffer; it answers whether there is a value (`false`: a tombstone).
    ///
    /// # Panics
    /// As [`push`](Self::push).
    pub fn push_with(
        &mut self,
        timestamp: Timestamp,
        key: Option<&[u8]>,
        headers: Headers<'_>,
        write: impl FnOnce(&mut Vec<u8>) -> bool,
    ) {
        self.starts.push(block_length(self.bytes.len()));
        self.bytes.extend_from_slice(&timestamp.0.to_le_bytes());
        match key {
            Some(key) => push_block(&mut self.bytes, key),
            None => self.bytes.extend_from_slice(&ABSENT.to_le_bytes()),
        }
        let at = self.bytes.len();
        self.bytes.extend_from_slice(&ABSENT.to_le_bytes());
        if write(&mut self.bytes) {
            let length = block_length(self.bytes.len() - at - 4);
            self.bytes[at..at + 4].copy_from_slice(&length.to_le_bytes());
        }
        let at = self.bytes.len();
        self.bytes.extend_from_slice(&0u32.to_le_bytes());
        for (name, value) in headers {
            push_block(&mut self.bytes, name.as_bytes());
            push_block(&mut self.bytes, value);
        }
        let length = block_length(self.bytes.len() - at - 4);
        self.bytes[at..at + 4].copy_from_slice(&length.to_le_bytes());
    }

    /// Appends every record of `other`.
    ///
    /// # Panics
    /// As [`push`](Self::push).
    pub fn append(&mut self, other: &RecordBatch) {
        let base = block_length(self.bytes.len());
        block_length(self.bytes.len() + other.bytes.len());
        self.starts.extend(other.starts.iter().map(|start| start + base));
        self.bytes.extend_from_slice(&other.bytes);
    }

    /// Appends the records of `other` whose indices lie in `range`, as bytes: nothing is decoded.
    ///
    /// # Panics
    /// When the range does not lie within `other`; and as [`push`](Self::push).
    pub fn append_range(&mut self, other: &RecordBatch, range: Range<usize>) {
        let start_of = |index: usize| other.starts.get(index).map_or(other.bytes.len(), |start| *start as usize);
        let (from, to) = (start_of(range.start), start_of(range.end));
        let base = self.bytes.len();
        block_length(base + (to - from));
        self.starts.extend(other.starts[range].iter().map(|start| block_length(base + *start as usize - from)));
        self.bytes.extend_from_slice(&other.bytes[from..to]);
    }

    /// How far a range of records from `from` on can go without passing `max_bytes`: the index after its last record, or `from` when not one fits.
    pub fn fit(&self, from: usize, max_bytes: usize) -> usize {
        let Some(start) = self.starts.get(from) else { return from };
        let limit = (*start as usize).saturating_add(max_bytes);
        if self.bytes.len() <= limit {
            return self.len();
        }
        // The range ends where a record starts: at the last start that is within the limit.
        from + self.starts[from + 1..].partition_point(|next| *next as usize <= limit)
    }

    /// Number of records.
    pub fn len(&self) -> usize {
        self.starts.len()
    }

    /// Whether there is no record.
    pub fn is_empty(&self) -> bool {
        self.starts.is_empty()
    }

    /// Forgets the records and keeps the memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.starts.clear();
    }

    /// The record at `index`, counted from 0.
    pub fn get(&self, index: usize) -> Option<RecordRef<'_>> {
        let mut rest = self.bytes.get(*self.starts.get(index)? as usize..)?;
        take_record(&mut rest).ok()
    }

    /// The records in order.
    pub fn iter(&self) -> impl Iterator<Item = RecordRef<'_>> {
        (0..self.len()).filter_map(|index| self.get(index))
    }

    /// The buffer; [`from_bytes`](Self::from_bytes) reads it back.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Reads a batch from the bytes of [`as_bytes`](Self::as_bytes).
    ///
    /// # Errors
    /// When the bytes end in the middle of a record.
    pub fn from_bytes(bytes: Vec<u8>) -> Result<Self, RecordBatchError> {
        let mut starts = Vec::new();
        let mut rest = &bytes[..];
        while !rest.is_empty() {
            starts
                .push(u32::try_from(bytes.len() - rest.len()).map_err(|_| RecordBatchError { what: "it is larger than 4 GiB" })?);
            take_record(&mut rest)?;
        }
        Ok(RecordBatch { bytes, starts })
    }
}

/// Records as a log hands them out: with the partition they stand in and the offset of each (offsets rise, and may have gaps).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsumedBatch {
    /// Where the records stand.
    pub partition: TopicPartition,
    /// The offset of each record of `records`.
    pub offsets: Vec<Offset>,
    /// The records.
    pub records: RecordBatch,
}

impl ConsumedBatch {
    /// A batch without records of `partition`.
    pub fn empty(partition: TopicPartition) -> Self {
        ConsumedBatch { partition, offsets: Vec::new(), records: RecordBatch::new() }
    }

    /// A batch whose offsets run on from `base` without a gap.
    pub fn contiguous(partition: TopicPartition, base: Offset, records: RecordBatch) -> Arc<Self> {
        let offsets = (base.0..).take(records.len()).map(Offset).collect();
        Arc::new(ConsumedBatch { partition, offsets, records })
    }

    /// Number of records.
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Whether there is no record.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// Appends one record with its offset.
    pub fn push(&mut self, offset: Offset, record: &RecordRef<'_>) {
        self.offsets.push(offset);
        let headers: Vec<_> = record.headers().collect();
        self.records.push(record.timestamp, record.key, record.value, &headers);
    }

    /// The position after the last record: what is committed once the batch is done.
    pub fn next_offset(&self) -> Option<Offset> {
        self.offsets.last().map(|last| last.next())
    }

    /// The records whose offsets lie in `from..to`, as a batch of their own.
    pub fn slice(&self, from: Offset, to: Offset) -> ConsumedBatch {
        let mut part = ConsumedBatch::empty(self.partition.clone());
        for (offset, record) in self.offsets.iter().zip(self.records.iter()) {
            if *offset >= from && *offset < to {
                part.push(*offset, &record);
            }
        }
        part
    }
}

fn block_length(length: usize) -> u32 {
    match u32::try_from(length) {
        Ok(length) if length < ABSENT => length,
        _ => panic!("a record batch must stay under 4 GiB"),
    }
}

fn push_block(bytes: &mut Vec<u8>, block: &[u8]) {
    bytes.extend_from_slice(&block_length(block.len()).to_le_bytes());
    bytes.extend_from_slice(block);
}

fn take_u32(rest: &mut &[u8]) -> Option<u32> {
    let (head, tail) = rest.split_first_chunk::<4>()?;
    *rest = tail;
    Some(u32::from_le_bytes(*head))
}

fn take_block<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = take_u32(rest)?;
    let (head, tail) = rest.split_at_checked(length as usize)?;
    *rest = tail;
    Some(head)
}

fn take_optional_block<'a>(rest: &mut &'a [u8]) -> Option<Option<&'a [u8]>> {
    if rest.first_chunk::<4>() == Some(&ABSENT.to_le_bytes()) {
        *rest = &rest[4..];
        return Some(None);
    }
    take_block(rest).map(Some)
}

fn take_record<'a>(rest: &mut &'a [u8]) -> Result<RecordRef<'a>, RecordBatchError> {
    let cut = |what| RecordBatchError { what };
    let (head, tail) = rest.split_first_chunk::<8>().ok_or(cut("it ends inside a timestamp"))?;
    *rest = tail;
    let timestamp = Timestamp(i64::from_le_bytes(*head));
    let key = take_optional_block(rest).ok_or(cut("it ends inside a key"))?;
    let value = take_optional_block(rest).ok_or(cut("it ends inside a value"))?;
    let headers = take_block(rest).ok_or(cut("it ends inside the headers"))?;
    Ok(RecordRef { timestamp, key, value, headers })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> RecordBatch {
        let mut batch = RecordBatch::new();
        batch.push(Timestamp(1), Some(b"a"), Some(b"one"), &[("reason", b"x"), ("offset", b"7")]);
        batch.push(Timestamp(-2), None, None, &[]);
        batch.push(Timestamp(3), Some(b""), Some(b""), &[]);
        batch
    }

    #[test]
    fn records_come_back_as_they_were_pushed() {
        let batch = RecordBatch::from_bytes(sample().as_bytes().to_vec()).unwrap();
        assert_eq!(batch, sample());
        let records: Vec<_> = batch.iter().collect();
        assert_eq!(records[0].headers().collect::<Vec<_>>(), [("reason", &b"x"[..]), ("offset", b"7")]);
        assert_eq!((records[1].key, records[1].value), (None, None));
        assert_eq!((records[2].key, records[2].value), (Some(&b""[..]), Some(&b""[..])));
    }

    #[test]
    fn a_cut_buffer_is_refused() {
        let bytes = sample().as_bytes().to_vec();
        let whole: Vec<usize> = sample().starts.iter().map(|s| *s as usize).collect();
        for cut in 1..bytes.len() {
            let outcome = RecordBatch::from_bytes(bytes[..cut].to_vec());
            assert_eq!(outcome.is_ok(), whole.contains(&cut), "cut at {cut}");
        }
    }

    #[test]
    fn slices_and_appends_keep_offsets() {
        let batch = ConsumedBatch::contiguous(TopicPartition::new("t", 0), Offset(10), sample());
        let part = batch.slice(Offset(11), Offset(13));
        assert_eq!(part.offsets, [Offset(11), Offset(12)]);
        assert_eq!(part.records.get(0), batch.records.get(1));
        let mut twice = sample();
        twice.append(&sample());
        assert_eq!(twice.get(5), sample().get(2));
    }

    #[test]
    fn the_longest_range_that_fits_is_found() {
        let batch = sample();
        let ends: Vec<usize> = batch.starts[1..].iter().map(|s| *s as usize).chain([batch.bytes.len()]).collect();
        for max_bytes in 0..=batch.bytes.len() + 1 {
            assert_eq!(batch.fit(0, max_bytes), ends.iter().filter(|end| **end <= max_bytes).count(), "{max_bytes} bytes");
        }
        assert_eq!((batch.fit(2, usize::MAX), batch.fit(3, 10)), (3, 3));
    }

    #[test]
    fn a_range_is_copied_as_it_is() {
        for (from, to) in [(0, 3), (0, 0), (1, 2), (1, 3), (3, 3)] {
            let mut copy = sample();
            copy.append_range(&sample(), from..to);
            let mut expected = sample();
            for index in from..to {
                let record = sample().get(index).map(|r| (r.timestamp, r.key.map(<[u8]>::to_vec), r.value.map(<[u8]>::to_vec)));
                let (timestamp, key, value) = record.unwrap();
                let original = sample();
                let headers: Vec<_> = original.get(index).unwrap().headers().collect();
                expected.push(timestamp, key.as_deref(), value.as_deref(), &headers);
            }
            assert_eq!(copy, expected);
        }
    }
}

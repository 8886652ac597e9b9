//! Feeds: streams of records that can be read again from any position, and how they are dealt out to the partitions of a topic.
//!
//! Pure. It knows neither files nor logs: a feed may be a file reader, a simulation or a vector. Whoever reads the same feed into the same number of
//! partitions gets the same records at the same offsets, which is what makes `backtest` and `demo` comparable byte for byte.

use thiserror::Error;

use crate::record::{Offset, RecordBatch, RecordRef, partition_for_key};

/// Why a feed stopped.
#[derive(Debug, Error)]
pub enum FeedError {
    /// What the feed reads from failed; the message is the source's own.
    #[error(transparent)]
    Source(Box<dyn std::error::Error + Send + Sync>),
    /// The feed is shorter than what has been read from it before.
    #[error(
        "the input ends after {available} records, but {wanted} were read from it before: it is not the same input; give the files of the earlier run in the same order, or start with a new state directory"
    )]
    Shorter {
        /// How many records it holds.
        available: u64,
        /// How many it must hold.
        wanted: u64,
    },
}

/// A stream of records with a stable cursor: the same feed gives the same record at the same position, always.
pub trait Feed {
    /// How many records have been handed out or skipped: the position of the next one, from 0.
    fn position(&self) -> u64;

    /// The next record, valid until the next call; `None` at the end.
    ///
    /// # Errors
    /// When what the feed reads from fails. Records that merely make no sense are handed out as they are.
    fn next_record(&mut self) -> Result<Option<RecordRef<'_>>, FeedError>;

    /// How much of the feed has been read and how much there is, in bytes of its files: the base of a progress bar. `None` where the feed has no end or does
    /// not know.
    fn progress(&self) -> Option<(u64, u64)> {
        None
    }

    /// Moves forward to `position`. Feeds that can jump do so; others read and forget.
    ///
    /// # Errors
    /// As [`next_record`](Self::next_record), and when the feed ends before.
    fn skip_to(&mut self, position: u64) -> Result<(), FeedError> {
        while self.position() < position {
            if self.next_record()?.is_none() {
                return Err(FeedError::Shorter { available: self.position(), wanted: position });
            }
        }
        Ok(())
    }
}

impl<F: Feed + ?Sized> Feed for Box<F> {
    fn position(&self) -> u64 {
        (**self).position()
    }

    fn next_record(&mut self) -> Result<Option<RecordRef<'_>>, FeedError> {
        (**self).next_record()
    }

    fn progress(&self) -> Option<(u64, u64)> {
        (**self).progress()
    }

    fn skip_to(&mut self, position: u64) -> Result<(), FeedError> {
        (**self).skip_to(position)
    }
}

/// The partition of the record at `position` of a feed: by its key as Kafka's client would, or in turn by position when it has none.
pub fn partition_of(record: &RecordRef<'_>, position: u64, partitions: u32) -> u32 {
    match record.key {
        Some(key) => partition_for_key(key, partitions),
        None => (position % u64::from(partitions)) as u32,
    }
}

/// Deals a feed out to the partitions of a topic.
///
/// Every record of the feed becomes one record of the topic, so the feed's position is the sum of the partitions' end offsets, and that is all one
/// needs to go on after a restart.
///
/// ```
/// use tidemill::market::feed::Ingest;
/// use tidemill::market::sim::{SimConfig, SimulatedExchange};
/// let mut ingest = Ingest::new(SimulatedExchange::new(SimConfig::default()), 3);
/// let mut batches = ingest.empty_batches();
/// assert_eq!(ingest.read(100, &mut batches).unwrap(), 100);
/// assert_eq!(batches.iter().map(|batch| batch.len()).sum::<usize>(), 100);
/// ```
#[derive(Debug)]
pub struct Ingest<F> {
    feed: F,
    next_offsets: Vec<Offset>,
}

impl<F: Feed> Ingest<F> {
    /// Deals `feed`, which must stand at its start, out to `partitions` empty partitions.
    ///
    /// # Panics
    /// When `partitions` is zero.
    pub fn new(feed: F, partitions: u32) -> Self {
        assert!(partitions > 0, "a topic has at least one partition");
        Ingest { feed, next_offsets: vec![Offset::ZERO; partitions as usize] }
    }

    /// Goes on where an earlier run stopped: `end_offsets` are those of the topic's partitions, which nobody else may have written to.
    ///
    /// # Errors
    /// When the feed fails or is shorter than what the topic holds.
    ///
    /// # Panics
    /// When `end_offsets` is empty.
    pub fn resume(feed: F, end_offsets: Vec<Offset>) -> Result<Self, FeedError> {
        assert!(!end_offsets.is_empty(), "a topic has at least one partition");
        let position = end_offsets.iter().map(|offset| u64::try_from(offset.0).unwrap_or(0)).sum();
        let mut ingest = Ingest { feed, next_offsets: end_offsets };
        ingest.feed.skip_to(position)?;
        Ok(ingest)
    }

    /// How many records of the feed have been dealt out, those of earlier runs included.
    pub fn position(&self) -> u64 {
        self.feed.position()
    }

    /// How much of the feed has been read: [`Feed::progress`].
    pub fn progress(&self) -> Option<(u64, u64)> {
        self.feed.progress()
    }

    /// The offset that the next record of each partition gets.
    pub fn next_offsets(&self) -> &[Offset] {
        &self.next_offsets
    }

    /// One empty batch a partition, to be filled by [`read`](Self::read).
    pub fn empty_batches(&self) -> Vec<RecordBatch> {
        vec![RecordBatch::new(); self.next_offsets.len()]
    }

    /// Reads up to `max_records` records and appends each to the batch of its partition. Answers how many it read; 0 means the end.
    ///
    /// # Errors
    /// When the feed fails; what was read before stays in the batches and counts.
    ///
    /// # Panics
    /// When there are fewer batches than partitions.
    pub fn read(&mut self, max_records: usize, batches: &mut [RecordBatch]) -> Result<usize, FeedError> {
        let partitions = self.next_offsets.len() as u32;
        for count in 0..max_records {
            let position = self.feed.position();
            let Some(record) = self.feed.next_record()? else { return Ok(count) };
            let partition = partition_of(&record, position, partitions) as usize;
            batches[partition].push(record.timestamp, record.key, record.value, &[]);
            self.next_offsets[partition] = self.next_offsets[partition].next();
        }
        Ok(max_records)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Timestamp;

    /// Ten records: two keyed to each of four coins, and two without a key.
    #[derive(Debug)]
    struct Ten(u64, Vec<u8>);

    impl Feed for Ten {
        fn position(&self) -> u64 {
            self.0
        }

        fn next_record(&mut self) -> Result<Option<RecordRef<'_>>, FeedError> {
            if self.0 == 10 {
                return Ok(None);
            }
            self.1 = vec![b'A' + (self.0 % 5) as u8];
            self.0 += 1;
            let key = (self.1[0] != b'E').then_some(&self.1[..]);
            Ok(Some(RecordRef::without_headers(Timestamp(self.0.cast_signed()), key, Some(b"v"))))
        }
    }

    #[test]
    fn a_resumed_ingest_goes_on_where_it_stopped_whatever_the_batch_size() {
        let mut whole = Ingest::new(Ten(0, Vec::new()), 3);
        let mut expected = whole.empty_batches();
        assert_eq!(whole.read(100, &mut expected).unwrap(), 10);
        for first in 0..=10 {
            let mut before = Ingest::new(Ten(0, Vec::new()), 3);
            let mut batches = before.empty_batches();
            before.read(first, &mut batches).unwrap();
            let mut after = Ingest::resume(Ten(0, Vec::new()), before.next_offsets().to_vec()).unwrap();
            while after.read(2, &mut batches).unwrap() > 0 {}
            assert_eq!(batches, expected, "stopped after {first}");
            assert_eq!(after.next_offsets(), whole.next_offsets());
        }
        let lengths: Vec<i64> = expected.iter().map(|batch| batch.len() as i64).collect();
        assert_eq!(whole.next_offsets().iter().map(|offset| offset.0).collect::<Vec<_>>(), lengths);
    }

    #[test]
    fn a_shorter_input_is_refused() {
        let error = Ingest::resume(Ten(0, Vec::new()), vec![Offset(8), Offset(3)]).unwrap_err();
        assert!(matches!(error, FeedError::Shorter { available: 10, wanted: 11 }), "{error}");
    }
}

//! Finds the newest snapshot of a task in its changelog partition that may be taken, and reads it.
//!
//! It looks at the end of the partition first, because what is wanted nearly always stands there, and at ever more of it while that does not answer the question. What it
//! holds in memory is the headers of the chunks, and then the one payload it was asked for.

use super::chunk::{Chunk, Key, SnapshotId};
use super::view::{Generation, View};
use crate::log::{Fetched, Watermarks};
use crate::record::{Offset, TopicPartition};

/// Offsets looked at first: more than the chunks of a small state.
const FIRST_LOOK: i64 = 32;
/// How much more is looked at each time.
const WIDER: i64 = 16;

/// What is wanted.
#[derive(Debug, Clone, Copy)]
pub struct Sought<'a> {
    /// Name of the topology.
    pub topology: &'a str,
    /// The input partition of the task.
    pub partition: &'a TopicPartition,
    /// The committed position: nothing ahead of it may be taken.
    pub committed: Option<Offset>,
    /// Only a snapshot after this position is of use, because there is one at it already.
    pub better_than: Option<Offset>,
}

/// What there is. Every list has the newest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
    /// Whole snapshots at or before the committed position, and better than what is there.
    pub usable: Vec<Generation>,
    /// Snapshots ahead of the committed position: their records never committed.
    pub ahead: Vec<Generation>,
    /// Snapshots of another topology or partition.
    pub foreign: Vec<Generation>,
    /// Snapshots of which chunks are missing.
    pub torn: Vec<Generation>,
    /// What does not verify or is no chunk, in words.
    pub damaged: Vec<String>,
    /// The generation to be written next, and its slot: not the one of the newest whole snapshot.
    pub next: (u64, u8),
    /// Position and payload of the newest whole snapshot at or before the committed position, better or not.
    pub newest: Option<(Offset, u64)>,
    /// Whether the whole partition was looked at.
    pub all: bool,
}

impl Found {
    fn of(view: &View, sought: &Sought<'_>, all: bool) -> Found {
        let mut found = Found { damaged: view.damaged(), all, ..Found::default() };
        let generations = view.generations();
        let last = generations.iter().map(|generation| generation.id.generation).max().unwrap_or(0);
        let kept = |generation: &&Generation| generation.is_whole() && sought.may_take(&generation.id);
        let newest = generations.iter().find(kept);
        found.next = (last + 1, newest.map_or(0, |generation| 1 - generation.slot));
        found.newest = newest.map(|generation| (generation.id.position, generation.id.payload_bytes));
        for generation in generations {
            let id = &generation.id;
            if !sought.is_ours(id) {
                found.foreign.push(generation);
            } else if !sought.may_take(id) {
                found.ahead.push(generation);
            } else if !generation.is_whole() {
                found.torn.push(generation);
            } else if sought.better_than.is_none_or(|position| id.position > position) {
                found.usable.push(generation);
            }
        }
        found
    }

    /// The keys of all chunks that must be taken back, because nothing ahead of the committed position may ever be looked at again: once the task has caught up with it,
    /// nobody could tell that it is of another past.
    pub fn to_take_back(&self) -> Vec<Key> {
        let keys = |generation: &Generation| {
            let slot = generation.slot;
            (0..generation.id.chunks()).map(move |number| Key { slot, number })
        };
        let mut keys: Vec<Key> = self.ahead.iter().flat_map(keys).collect();
        keys.sort_unstable();
        keys.dedup();
        keys
    }
}

impl Sought<'_> {
    fn is_ours(&self, id: &SnapshotId) -> bool {
        id.topology == self.topology && id.partition == *self.partition
    }

    fn may_take(&self, id: &SnapshotId) -> bool {
        self.is_ours(id) && self.committed.is_some_and(|committed| id.position <= committed)
    }

    /// Whether nothing that stands before what was seen can be wanted: snapshots are written in the order of their positions.
    fn answered(&self, view: &View) -> bool {
        let generations = view.generations();
        let newest = generations.iter().find(|generation| self.may_take(&generation.id));
        newest.is_some_and(|newest| newest.is_whole() || self.better_than.is_some_and(|position| newest.id.position <= position))
    }
}

/// A look into one partition of the changelog. `read` fetches records of it from an offset up to another, some at a time.
pub struct Search<'a, E> {
    ends: Watermarks,
    read: &'a mut dyn FnMut(Offset, Offset) -> Result<Fetched, E>,
}

impl<'a, E> Search<'a, E> {
    /// A search between these ends.
    pub fn new(ends: Watermarks, read: &'a mut dyn FnMut(Offset, Offset) -> Result<Fetched, E>) -> Self {
        Search { ends, read }
    }

    /// The end of the partition.
    pub fn end(&self) -> Offset {
        self.ends.end
    }

    /// Looks for what is wanted, from the end on.
    ///
    /// # Errors
    /// Those of `read`.
    pub fn look(&mut self, sought: &Sought<'_>) -> Result<Found, E> {
        let mut width = FIRST_LOOK;
        loop {
            let from = Offset(self.ends.end.0.saturating_sub(width)).max(self.ends.start);
            let view = self.view(from)?;
            let all = from == self.ends.start;
            if all || sought.answered(&view) {
                return Ok(Found::of(&view, sought, all));
            }
            width = width.saturating_mul(WIDER);
        }
    }

    /// Looks at the whole partition: when what stands at its end turned out to be of no use.
    ///
    /// # Errors
    /// Those of `read`.
    pub fn look_at_all(&mut self, sought: &Sought<'_>) -> Result<Found, E> {
        Ok(Found::of(&self.view(self.ends.start)?, sought, true))
    }

    fn view(&mut self, from: Offset) -> Result<View, E> {
        let (mut view, mut at) = (View::default(), from);
        while at < self.ends.end {
            let fetched = (self.read)(at, self.ends.end)?;
            view.take(&fetched.records);
            at = fetched.next;
        }
        Ok(view)
    }

    /// The payload of a snapshot, every byte of it verified; or what is wrong with it, in words.
    ///
    /// # Errors
    /// Those of `read`.
    pub fn load(&mut self, generation: &Generation) -> Result<Result<Vec<u8>, String>, E> {
        let offsets = generation.offsets.values();
        let (Some(mut at), Some(last)) = (offsets.clone().min().copied(), offsets.max()) else {
            return Ok(Err("it has no chunks".to_owned()));
        };
        let mut payload = Payload { generation, bytes: Vec::new(), next: 0 };
        while at <= *last {
            let fetched = (self.read)(at, last.next())?;
            for record in fetched.records.records.iter() {
                if let Err(what) = Chunk::read(&record).map_err(|error| error.to_string()).and_then(|chunk| payload.add(&chunk)) {
                    return Ok(Err(what));
                }
            }
            at = fetched.next;
        }
        Ok(payload.whole())
    }
}

/// A payload that is being put together.
struct Payload<'a> {
    generation: &'a Generation,
    bytes: Vec<u8>,
    next: u32,
}

impl Payload<'_> {
    fn add(&mut self, chunk: &Chunk) -> Result<(), String> {
        let id = &self.generation.id;
        if chunk.id != *id || chunk.key != (Key { slot: self.generation.slot, number: self.next }) {
            return Err(format!("chunk {} of generation {} stands where {} should", chunk.key, chunk.id.generation, self.next));
        }
        chunk.unpack_into(&mut self.bytes)?;
        self.next += 1;
        Ok(())
    }

    fn whole(self) -> Result<Vec<u8>, String> {
        let id = &self.generation.id;
        match self.next == id.chunks() && self.bytes.len() as u64 == id.payload_bytes {
            true if crc32fast::hash(&self.bytes) == id.payload_crc => Ok(self.bytes),
            true => Err("the checksum of the whole does not match".to_owned()),
            false => Err(format!("{} of {} chunks are there", self.next, id.chunks())),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::convert::Infallible;

    use super::super::chunk::{CHUNK_BYTES, cut};
    use super::*;
    use crate::record::{ConsumedBatch, RecordBatch, Timestamp};

    fn task() -> TopicPartition {
        TopicPartition::new("in", 0)
    }

    fn payload(generation: u64, chunks: usize) -> Vec<u8> {
        (0..chunks * CHUNK_BYTES).map(|i| (i as u64 * 31 + generation * 7) as u8).collect()
    }

    fn snapshot(topology: &str, generation: u64, position: i64, slot: u8, chunks: usize) -> RecordBatch {
        let payload = payload(generation, chunks);
        let id = SnapshotId {
            topology: topology.into(),
            fingerprint: "f".into(),
            partition: task(),
            generation,
            position: Offset(position),
            payload_bytes: payload.len() as u64,
            payload_crc: crc32fast::hash(&payload),
        };
        cut(&id, slot, &payload).unwrap()
    }

    /// A changelog with a marker, as Kafka's, after each part: offsets have gaps.
    struct Log(Vec<(Offset, RecordBatch)>, Offset, Cell<usize>);

    impl Log {
        fn of(parts: &[RecordBatch]) -> Log {
            let (mut records, mut at) = (Vec::new(), 0);
            for part in parts {
                for index in 0..part.len() {
                    let mut one = RecordBatch::new();
                    one.append_range(part, index..index + 1);
                    records.push((Offset(at), one));
                    at += 1;
                }
                at += 1;
            }
            Log(records, Offset(at), Cell::new(0))
        }

        fn read(&self, from: Offset, to: Offset) -> Result<Fetched, Infallible> {
            let mut batch = ConsumedBatch::empty(TopicPartition::new("c", 0));
            for (offset, record) in self.0.iter().filter(|(offset, _)| *offset >= from && *offset < to).take(3) {
                batch.offsets.push(*offset);
                batch.records.append(record);
            }
            self.2.set(self.2.get() + batch.len());
            let next = if batch.len() == 3 { batch.next_offset().unwrap() } else { to };
            Ok(Fetched { records: batch, next })
        }

        fn look(&self, committed: Option<i64>, better_than: Option<i64>) -> Found {
            self.search(|search| {
                let partition = &task();
                let (committed, better_than) = (committed.map(Offset), better_than.map(Offset));
                search.look(&Sought { topology: "t", partition, committed, better_than }).unwrap()
            })
        }

        fn search<T>(&self, work: impl FnOnce(&mut Search<'_, Infallible>) -> T) -> T {
            let mut read = |from, to| self.read(from, to);
            work(&mut Search::new(Watermarks { start: Offset(0), end: self.1 }, &mut read))
        }
    }

    fn numbers(generations: &[Generation]) -> Vec<u64> {
        generations.iter().map(|generation| generation.id.generation).collect()
    }

    #[test]
    fn the_newest_snapshot_at_or_before_the_committed_position_is_found_and_read() {
        let log = Log::of(&[snapshot("t", 1, 10, 0, 2), snapshot("t", 2, 20, 1, 4), snapshot("t", 3, 30, 0, 1)]);
        assert_eq!(numbers(&log.look(Some(30), None).usable), [3, 2]);
        let found = log.look(Some(29), None);
        assert_eq!((numbers(&found.usable), numbers(&found.ahead)), (vec![2], vec![3]));
        assert_eq!(log.search(|search| search.load(&found.usable[0]).unwrap()), Ok(payload(2, 4)));
        assert_eq!(found.to_take_back(), [Key { slot: 0, number: 0 }]);
        let none = log.look(None, None);
        assert_eq!((numbers(&none.usable), numbers(&none.ahead)), (vec![], vec![3, 2]));
    }

    #[test]
    fn only_what_is_better_than_the_local_one_is_offered() {
        let log = Log::of(&[snapshot("t", 1, 10, 0, 1), snapshot("t", 2, 20, 1, 1)]);
        assert_eq!(numbers(&log.look(Some(50), Some(19)).usable), [2]);
        assert!(log.look(Some(50), Some(20)).usable.is_empty());
    }

    #[test]
    fn a_long_changelog_is_read_from_its_end() {
        let parts: Vec<RecordBatch> = (1..200).map(|n| snapshot("t", n, n as i64, (n % 2) as u8, 2)).collect();
        let log = Log::of(&parts);
        let found = log.look(Some(500), None);
        assert_eq!((found.usable[0].id.generation, found.next), (199, (200, 0)));
        assert!(!found.all && log.2.get() < 40, "{} records were read", log.2.get());
    }

    #[test]
    fn a_snapshot_longer_than_the_first_look_is_read_whole() {
        let log = Log::of(&[snapshot("t", 1, 10, 0, 90), snapshot("t", 2, 20, 1, 100)]);
        let found = log.look(Some(20), None);
        assert_eq!((numbers(&found.usable), numbers(&found.torn)), (vec![2, 1], vec![]));
        assert_eq!(log.search(|search| search.load(&found.usable[0]).unwrap()).map(|bytes| bytes.len()), Ok(100 * CHUNK_BYTES));
    }

    #[test]
    fn the_next_generation_goes_over_what_is_torn_or_ahead_and_spares_the_whole_one() {
        let mut torn = RecordBatch::new();
        torn.append_range(&snapshot("t", 3, 30, 0, 3), 0..2);
        let log = Log::of(&[snapshot("t", 1, 10, 0, 3), snapshot("t", 2, 20, 1, 3), torn]);
        let found = log.look(Some(99), None);
        assert_eq!((numbers(&found.usable), numbers(&found.torn), found.next), (vec![2], vec![3], (4, 0)));
        let ahead = Log::of(&[snapshot("t", 1, 10, 0, 3), snapshot("t", 2, 20, 1, 3)]).look(Some(15), None);
        assert_eq!((numbers(&ahead.usable), ahead.next), (vec![1], (3, 1)));
        assert_eq!(Log::of(&[]).look(Some(15), None).next, (1, 0));
    }

    #[test]
    fn snapshots_of_something_else_are_not_offered() {
        let log = Log::of(&[snapshot("t", 1, 10, 0, 1), snapshot("other", 2, 20, 1, 1)]);
        let found = log.look(Some(99), None);
        assert_eq!((numbers(&found.usable), numbers(&found.foreign)), (vec![1], vec![2]));
    }

    #[test]
    fn a_chunk_that_changes_under_the_search_is_noticed() {
        let mut log = Log::of(&[snapshot("t", 1, 10, 0, 3)]);
        let generation = log.look(Some(10), None).usable.remove(0);
        let key = log.0[1].1.get(0).unwrap().key.unwrap().to_vec();
        let mut other = RecordBatch::new();
        other.push(Timestamp(0), Some(&key), Some(b"rubbish"), &[]);
        log.0[1].1 = other;
        assert!(log.search(|search| search.load(&generation).unwrap()).is_err());
        log.0.remove(1);
        assert!(log.search(|search| search.load(&generation).unwrap()).is_err());
    }
}

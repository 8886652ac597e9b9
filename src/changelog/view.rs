//! What compaction would keep of a stretch of the changelog: the newest chunk under each key, and the generations that they make up.

use std::collections::BTreeMap;

use super::chunk::{Chunk, ChunkError, Key, SnapshotId};
use crate::record::{ConsumedBatch, Offset};

/// See the module's documentation. It holds no data of the chunks, so that its size is a few hundred bytes for each.
#[derive(Debug, Clone, Default)]
pub struct View {
    /// What stands under each key: a chunk, or what is wrong with the record.
    newest: BTreeMap<Key, (Offset, Result<SnapshotId, String>)>,
    /// Records that are no chunks at all.
    strangers: u64,
}

/// The chunks of one snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Generation {
    /// The snapshot.
    pub id: SnapshotId,
    /// Its slot.
    pub slot: u8,
    /// Where its chunks stand, by number.
    pub offsets: BTreeMap<u32, Offset>,
}

impl Generation {
    /// Whether no chunk is missing.
    pub fn is_whole(&self) -> bool {
        self.offsets.len() == self.id.chunks() as usize
    }

    /// The keys of its chunks.
    pub fn keys(&self) -> impl Iterator<Item = Key> {
        self.offsets.keys().map(|number| Key { slot: self.slot, number: *number })
    }

    /// Where its newest chunk stands.
    pub fn end(&self) -> Offset {
        self.offsets.values().max().copied().unwrap_or_default()
    }
}

impl View {
    /// Takes the next records, in the order of their offsets.
    pub fn take(&mut self, records: &ConsumedBatch) {
        for (offset, record) in records.offsets.iter().zip(records.records.iter()) {
            let Some(key) = record.key.and_then(Key::parse) else {
                self.strangers += 1;
                continue;
            };
            // Whatever stands under a key supersedes what stood there before, readable or not.
            match Chunk::read(&record) {
                Ok(chunk) => self.newest.insert(key, (*offset, Ok(chunk.id))),
                Err(ChunkError::TakenBack) => self.newest.remove(&key),
                Err(error) => self.newest.insert(key, (*offset, Err(error.to_string()))),
            };
        }
    }

    /// The generations, newest first: by position, and by where they stand when that is equal. What an older, longer generation has left behind in the slot of a newer one is
    /// none.
    pub fn generations(&self) -> Vec<Generation> {
        let mut generations: Vec<Generation> = Vec::new();
        for (key, (offset, chunk)) in &self.newest {
            let Ok(id) = chunk else { continue };
            let known = generations.iter_mut().find(|generation| generation.slot == key.slot && generation.id == *id);
            match known {
                Some(generation) => drop(generation.offsets.insert(key.number, *offset)),
                None => generations.push(Generation { id: id.clone(), slot: key.slot, offsets: [(key.number, *offset)].into() }),
            }
        }
        generations.sort_by_key(|generation| std::cmp::Reverse((generation.id.position, generation.end())));
        let newest_end = |slot: u8| generations.iter().filter(|generation| generation.slot == slot).map(Generation::end).max();
        let ends = [newest_end(0), newest_end(1)];
        generations.retain(|generation| generation.is_whole() || ends[usize::from(generation.slot)] == Some(generation.end()));
        generations
    }

    /// What does not verify or is no chunk, in words.
    pub fn damaged(&self) -> Vec<String> {
        let damaged = |(key, (offset, chunk)): (&Key, &(Offset, Result<SnapshotId, String>))| {
            let what = chunk.as_ref().err()?;
            Some(format!("chunk {key} at offset {offset} of the changelog: {what}"))
        };
        let strangers = (self.strangers > 0).then(|| format!("{} records of the changelog are no chunks", self.strangers));
        self.newest.iter().filter_map(damaged).chain(strangers).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::chunk::{CHUNK_BYTES, cut, tombstones};
    use super::*;
    use crate::record::{RecordBatch, TopicPartition};

    fn records(generation: u64, slot: u8, chunks: usize) -> RecordBatch {
        let payload = vec![generation as u8; chunks * CHUNK_BYTES];
        let id = SnapshotId {
            topology: "t".into(),
            fingerprint: "f".into(),
            partition: TopicPartition::new("in", 0),
            generation,
            position: Offset(generation as i64 * 10),
            payload_bytes: payload.len() as u64,
            payload_crc: crc32fast::hash(&payload),
        };
        cut(&id, slot, &payload).unwrap()
    }

    fn view(parts: &[RecordBatch]) -> View {
        let (mut view, mut base) = (View::default(), 0);
        for part in parts {
            view.take(&ConsumedBatch::contiguous(TopicPartition::new("c", 0), Offset(base), part.clone()));
            base += part.len() as i64;
        }
        view
    }

    fn first_of(records: &RecordBatch, count: usize) -> RecordBatch {
        let mut part = RecordBatch::new();
        part.append_range(records, 0..count);
        part
    }

    fn told(view: &View) -> Vec<(u64, bool)> {
        view.generations().iter().map(|generation| (generation.id.generation, generation.is_whole())).collect()
    }

    #[test]
    fn the_last_two_generations_are_there_newest_first() {
        let view = view(&[records(1, 0, 2), records(2, 1, 2), records(3, 0, 2)]);
        assert_eq!(told(&view), [(3, true), (2, true)]);
        assert_eq!(view.generations()[0].offsets, [(0, Offset(4)), (1, Offset(5))].into());
    }

    #[test]
    fn what_a_longer_generation_has_left_behind_is_ignored() {
        assert_eq!(told(&view(&[records(1, 0, 5), records(2, 1, 3), records(3, 0, 2)])), [(3, true), (2, true)]);
    }

    #[test]
    fn a_torn_generation_is_seen_as_such_and_the_other_slot_is_whole() {
        let torn = first_of(&records(3, 0, 4), 3);
        assert_eq!(told(&view(&[records(1, 0, 4), records(2, 1, 4), torn])), [(3, false), (2, true)]);
    }

    #[test]
    fn chunks_that_were_taken_back_are_gone() {
        let keys: Vec<Key> = (0..2).map(|number| Key { slot: 0, number }).collect();
        assert_eq!(told(&view(&[records(1, 1, 2), records(2, 0, 2), tombstones(&keys)])), [(1, true)]);
    }

    #[test]
    fn a_damaged_record_takes_its_key_and_is_told_until_it_is_superseded() {
        let mut damaged = RecordBatch::new();
        damaged.push(crate::record::Timestamp(0), Some(b"0/00000"), Some(b"rubbish"), &[]);
        let one = view(&[records(1, 0, 1), damaged.clone()]);
        assert_eq!((told(&one), one.damaged().len()), (vec![], 1));
        assert!(one.damaged()[0].contains("offset 1"), "{:?}", one.damaged());
        let two = view(&[damaged, records(2, 0, 1)]);
        assert_eq!((told(&two), two.damaged()), (vec![(2, true)], vec![]));
    }
}

//! Everything the log keeps beside its records: topics, the ends of their partitions, committed offsets, appenders' cursors.
//!
//! It is one value, written whole with each commit (about 20 bytes a partition) under one checksum, so that no single damaged row can move an offset
//! or hide a topic. The rest of the adapter reads it from memory.

mod version_1;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::log::{Committed, LogError, Retention, TopicDescription, TopicSpec, Watermarks};
use crate::record::{Offset, RecordBatch, TopicPartition};
use crate::snapshot::{self, Envelope, SnapshotError};

/// Version of everything in the file: this value and the layout of stored batches. Version 1 knew no compacted topics.
pub(super) const FORMAT: u16 = 2;

/// One partition: its ends and how much it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Partition {
    pub(super) start: Offset,
    pub(super) end: Offset,
    pub(super) bytes: u64,
    /// Bytes that were left by the last compaction of this process; not kept, so that one comes soon after a start.
    #[serde(skip)]
    pub(super) clean_bytes: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Topic {
    /// Stands for the name in the keys of batches and is never given twice, so a topic made again does not see old records.
    pub(super) id: u32,
    /// Bytes a partition keeps; `None` is for ever.
    pub(super) retention_bytes: Option<u64>,
    /// Whether only the newest record of each key is kept.
    pub(super) compacted: bool,
    /// Whether it was ever compacted: its offsets may have gaps.
    pub(super) gaps: bool,
    pub(super) partitions: Vec<Partition>,
}

/// A committed offset with its metadata.
type Position = (Offset, String);

/// Where a partition lies.
#[derive(Debug, Clone, Copy)]
pub(super) struct Located {
    /// The topic's id.
    pub(super) topic: u32,
    /// Whether offsets may have gaps.
    pub(super) gaps: bool,
    /// The partition's ends.
    pub(super) partition: Partition,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct State {
    pub(super) topics: BTreeMap<Arc<str>, Topic>,
    next_topic_id: u32,
    groups: BTreeMap<Arc<str>, BTreeMap<TopicPartition, Position>>,
    pub(super) cursors: BTreeMap<Arc<str>, String>,
}

impl State {
    pub(super) fn encode(&self) -> Result<Vec<u8>, SnapshotError> {
        Ok(Envelope::seal(FORMAT, &snapshot::encode(self)?))
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<State, SnapshotError> {
        match Envelope::open(FORMAT, bytes)? {
            Envelope { version: 1, payload } => snapshot::decode::<version_1::State>(payload).map(State::from),
            Envelope { payload, .. } => snapshot::decode(payload),
        }
    }

    pub(super) fn topic(&self, name: &str) -> Result<&Topic, LogError> {
        self.topics.get(name).ok_or_else(|| LogError::Usage(self.no_topic(name)))
    }

    fn no_topic(&self, name: &str) -> String {
        let known: Vec<&str> = self.topics.keys().map(|name| &**name).collect();
        format!("there is no topic {name:?} in the embedded log; it has: {}. Create it first", known.join(", "))
    }

    /// Where a partition lies.
    pub(super) fn partition(&self, at: &TopicPartition) -> Result<Located, LogError> {
        let topic = self.topic(&at.topic)?;
        match topic.partitions.get(at.partition as usize) {
            Some(partition) => Ok(Located { topic: topic.id, gaps: topic.gaps, partition: *partition }),
            None => Err(LogError::Usage(no_partition(at, topic.partitions.len()))),
        }
    }

    /// Refuses records that a partition cannot take.
    pub(super) fn check_records(&self, to: &TopicPartition, records: &RecordBatch) -> Result<(), LogError> {
        self.partition(to)?;
        if self.topic(&to.topic)?.compacted && records.iter().any(|record| record.key.is_none()) {
            return Err(LogError::Usage(format!(
                "{to} is compacted, but a record for it has no key: of a record without a key nobody can say what supersedes it; give it one"
            )));
        }
        Ok(())
    }

    pub(super) fn committed(&self, group: &str, partitions: &[TopicPartition]) -> BTreeMap<TopicPartition, Committed> {
        let Some(offsets) = self.groups.get(group) else { return BTreeMap::new() };
        let known = partitions.iter().filter_map(|p| offsets.get_key_value(p));
        known.map(|(partition, position)| (partition.clone(), to_committed(position))).collect()
    }

    pub(super) fn group(&self, group: &str) -> BTreeMap<TopicPartition, Committed> {
        let offsets = self.groups.get(group).into_iter().flatten();
        offsets.map(|(partition, position)| (partition.clone(), to_committed(position))).collect()
    }

    pub(super) fn commit_offsets(&mut self, group: &Arc<str>, offsets: &BTreeMap<TopicPartition, Committed>) {
        let positions = offsets.iter().map(|(partition, done)| (partition.clone(), (done.offset, done.metadata.clone())));
        self.groups.entry(group.clone()).or_default().extend(positions);
    }

    pub(super) fn delete_group(&mut self, group: &str) {
        self.groups.remove(group);
    }

    /// Makes the topics that are missing; `false` when there is nothing to change.
    pub(super) fn create_topics(&mut self, specs: &[TopicSpec]) -> Result<bool, LogError> {
        let before = self.clone();
        for spec in specs {
            self.create_topic(spec)?;
        }
        Ok(*self != before)
    }

    fn create_topic(&mut self, spec: &TopicSpec) -> Result<(), LogError> {
        check_name(&spec.name)?;
        let (retention_bytes, compacted) = match spec.retention {
            Retention::Unlimited => (None, false),
            Retention::Bytes(bytes) => (Some(bytes), false),
            Retention::Compacted => (None, true),
        };
        if let Some(topic) = self.topics.get_mut(&spec.name) {
            topic.retention_bytes = retention_bytes;
            topic.compacted = compacted;
            topic.gaps |= compacted;
            return check_count(spec, topic.partitions.len());
        }
        check_count(spec, (spec.partitions as usize).max(1))?;
        let partitions = vec![Partition::default(); spec.partitions as usize];
        self.topics
            .insert(spec.name.clone(), Topic { id: self.next_topic_id, retention_bytes, compacted, gaps: compacted, partitions });
        self.next_topic_id += 1;
        Ok(())
    }

    /// Forgets a topic and the offsets committed for it; its id, if there was one.
    pub(super) fn delete_topic(&mut self, name: &str) -> Option<u32> {
        let topic = self.topics.remove(name)?;
        for offsets in self.groups.values_mut() {
            offsets.retain(|partition, _| &*partition.topic != name);
        }
        Some(topic.id)
    }

    pub(super) fn describe(&self) -> Vec<TopicDescription> {
        self.topics.iter().map(|(name, topic)| topic.describe(name)).collect()
    }
}

impl Topic {
    fn describe(&self, name: &Arc<str>) -> TopicDescription {
        let retention = match self.retention_bytes {
            Some(bytes) => Retention::Bytes(bytes),
            None if self.compacted => Retention::Compacted,
            None => Retention::Unlimited,
        };
        TopicDescription {
            spec: TopicSpec { name: name.clone(), partitions: self.partitions.len() as u32, retention },
            watermarks: self.partitions.iter().map(Partition::watermarks).collect(),
            bytes: self.partitions.iter().map(|partition| partition.bytes).collect(),
        }
    }
}

impl Partition {
    pub(super) fn watermarks(&self) -> Watermarks {
        Watermarks { start: self.start, end: self.end }
    }
}

fn to_committed((offset, metadata): &Position) -> Committed {
    Committed { offset: *offset, metadata: metadata.clone() }
}

fn no_partition(at: &TopicPartition, count: usize) -> String {
    format!("topic {:?} has the partitions 0 to {}, but partition {} was asked for", at.topic, count - 1, at.partition)
}

fn check_count(spec: &TopicSpec, count: usize) -> Result<(), LogError> {
    if spec.partitions as usize == count {
        return Ok(());
    }
    Err(LogError::Usage(format!(
        "topic {:?} shall have {} partitions where {count} is right; a topic has at least 1, and the count of one that exists cannot change, \
         because keys would move: ask for {count}, choose another name, or delete the topic",
        spec.name, spec.partitions
    )))
}

fn check_name(name: &str) -> Result<(), LogError> {
    let fits = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    if (1..=249).contains(&name.len()) && name.chars().all(fits) && name != "." && name != ".." {
        return Ok(());
    }
    Err(LogError::Usage(format!(
        "{name:?} is no topic name; use 1 to 249 of the characters a-z A-Z 0-9 . _ - (not \".\" or \"..\")"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(name: &str, partitions: u32) -> TopicSpec {
        TopicSpec { name: name.into(), partitions, retention: Retention::Unlimited }
    }

    #[test]
    fn topics_are_made_once_and_keep_their_count() {
        let mut state = State::default();
        assert!(state.create_topics(&[spec("a", 3), spec("b", 1)]).unwrap());
        assert!(!state.create_topics(&[spec("a", 3)]).unwrap());
        let message = state.create_topics(&[spec("a", 4)]).unwrap_err().to_string();
        assert!(message.contains("ask for 3"), "{message}");
        assert!(state.create_topics(&[spec("c", 0)]).is_err());
        for name in ["", ".", "..", "a b", "ü", &"x".repeat(250)] {
            assert!(state.create_topics(&[spec(name, 1)]).is_err(), "{name}");
        }
    }

    #[test]
    fn a_topic_made_again_has_another_id_and_no_offsets() {
        let (mut state, group) = (State::default(), Arc::from("g"));
        state.create_topics(&[spec("a", 1)]).unwrap();
        let at = TopicPartition::new("a", 0);
        state.commit_offsets(&group, &BTreeMap::from([(at.clone(), Committed::at(Offset(5)))]));
        let old = state.delete_topic("a").unwrap();
        state.create_topics(&[spec("a", 1)]).unwrap();
        assert_ne!(state.partition(&at).unwrap().topic, old);
        assert!(state.committed("g", &[at]).is_empty());
    }

    #[test]
    fn a_state_of_version_1_is_read() {
        let partitions = vec![(Offset(3), Offset(9), 77)];
        let topic = version_1::Topic { id: 4, retention_bytes: Some(5), partitions };
        let topics = BTreeMap::from([(Arc::from("a"), topic)]);
        let at = TopicPartition::new("a", 0);
        let groups = BTreeMap::from([(Arc::from("g"), BTreeMap::from([(at.clone(), (Offset(6), "note".to_owned()))]))]);
        let old = version_1::State { topics, next_topic_id: 5, groups, cursors: BTreeMap::new() };
        let state = State::decode(&Envelope::seal(1, &snapshot::encode(&old).unwrap())).unwrap();
        assert_eq!(state.describe()[0].spec, TopicSpec { retention: Retention::Bytes(5), ..spec("a", 1) });
        assert_eq!(state.describe()[0].watermarks, [Watermarks { start: Offset(3), end: Offset(9) }]);
        assert_eq!(state.committed("g", std::slice::from_ref(&at))[&at].metadata, "note");
        assert_eq!((state.next_topic_id, state.topics["a"].partitions[0].bytes), (5, 77));
    }

    #[test]
    fn every_flipped_bit_is_noticed() {
        let mut state = State::default();
        state.create_topics(&[spec("a", 3)]).unwrap();
        let bytes = state.encode().unwrap();
        assert_eq!(State::decode(&bytes).unwrap(), state);
        for bit in 0..bytes.len() * 8 {
            let mut damaged = bytes.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert!(State::decode(&damaged).is_err(), "bit {bit}");
        }
    }
}

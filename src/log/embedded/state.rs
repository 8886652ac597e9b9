//! Everything the log keeps beside its records: topics, the ends of their partitions, committed offsets, appenders' cursors.
//!
//! It is one value, written whole with each commit (about 20 bytes a partition) under one checksum, so that no single damaged row can move an offset
//! or hide a topic. The rest of the adapter reads it from memory.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::log::{Committed, LogError, Retention, TopicDescription, TopicSpec, Watermarks};
use crate::record::{Offset, TopicPartition};
use crate::snapshot::{self, Envelope, SnapshotError};

/// Version of everything in the file: this value and the layout of stored batches.
pub(super) const FORMAT: u16 = 1;

/// One partition: its ends and how much it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Partition {
    pub(super) start: Offset,
    pub(super) end: Offset,
    pub(super) bytes: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Topic {
    /// Stands for the name in the keys of batches and is never given twice, so a topic made again does not see old records.
    pub(super) id: u32,
    /// Bytes a partition keeps; `None` is for ever.
    pub(super) retention_bytes: Option<u64>,
    pub(super) partitions: Vec<Partition>,
}

/// A committed offset with its metadata.
type Position = (Offset, String);

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
        snapshot::decode(Envelope::open(FORMAT, bytes)?.payload)
    }

    pub(super) fn topic(&self, name: &str) -> Result<&Topic, LogError> {
        self.topics.get(name).ok_or_else(|| LogError::Usage(self.no_topic(name)))
    }

    fn no_topic(&self, name: &str) -> String {
        let known: Vec<&str> = self.topics.keys().map(|name| &**name).collect();
        format!("there is no topic {name:?} in the embedded log; it has: {}. Create it first", known.join(", "))
    }

    /// The topic's id and the partition's state.
    pub(super) fn partition(&self, at: &TopicPartition) -> Result<(u32, Partition), LogError> {
        let topic = self.topic(&at.topic)?;
        match topic.partitions.get(at.partition as usize) {
            Some(partition) => Ok((topic.id, *partition)),
            None => Err(LogError::Usage(no_partition(at, topic.partitions.len()))),
        }
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
        let retention_bytes = match spec.retention {
            Retention::Unlimited => None,
            Retention::Bytes(bytes) => Some(bytes),
        };
        if let Some(topic) = self.topics.get_mut(&spec.name) {
            topic.retention_bytes = retention_bytes;
            return check_count(spec, topic.partitions.len());
        }
        check_count(spec, (spec.partitions as usize).max(1))?;
        let partitions = vec![Partition::default(); spec.partitions as usize];
        self.topics.insert(spec.name.clone(), Topic { id: self.next_topic_id, retention_bytes, partitions });
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
        let retention = self.retention_bytes.map_or(Retention::Unlimited, Retention::Bytes);
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
        assert_ne!(state.partition(&at).unwrap().0, old);
        assert!(state.committed("g", &[at]).is_empty());
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

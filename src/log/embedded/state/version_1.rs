//! The state as version 1 of the file had it: before topics could be compacted.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Position;
use crate::record::{Offset, TopicPartition};

#[derive(Serialize, Deserialize)]
pub(super) struct Topic {
    pub(super) id: u32,
    pub(super) retention_bytes: Option<u64>,
    pub(super) partitions: Vec<(Offset, Offset, u64)>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct State {
    pub(super) topics: BTreeMap<Arc<str>, Topic>,
    pub(super) next_topic_id: u32,
    pub(super) groups: BTreeMap<Arc<str>, BTreeMap<TopicPartition, Position>>,
    pub(super) cursors: BTreeMap<Arc<str>, String>,
}

impl From<State> for super::State {
    fn from(old: State) -> Self {
        let topics = old.topics.into_iter().map(|(name, topic)| (name, topic.into())).collect();
        super::State { topics, next_topic_id: old.next_topic_id, groups: old.groups, cursors: old.cursors }
    }
}

impl From<Topic> for super::Topic {
    fn from(Topic { id, retention_bytes, partitions }: Topic) -> Self {
        let partition = |(start, end, bytes)| super::Partition { start, end, bytes, clean_bytes: 0 };
        let partitions = partitions.into_iter().map(partition).collect();
        super::Topic { id, retention_bytes, compacted: false, gaps: false, partitions }
    }
}

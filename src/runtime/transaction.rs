//! The open transaction of a client thread: whatever has come out of the sinks since the last commit.
//!
//! A task's outputs come out in order, each with the position after its batch, so that **any** prefix of them may commit together with that position. A
//! transaction therefore takes what is there when it is time, of every task as much as has come out, and waits for nobody. Barriers are sent only when a
//! snapshot is due; its place in the sequence then lies in the transaction that takes it, or before.

use std::collections::BTreeMap;

use super::sink_actor::SinkOutput;
use crate::log::Committed;
use crate::record::{Offset, TopicPartition};

/// What one task has put into a transaction.
#[derive(Default)]
pub(super) struct Share {
    /// The position after its last batch, with the skips.
    pub(super) committed: Option<Committed>,
    /// Its batches, without the output records: those are with the log.
    pub(super) outputs: Vec<SinkOutput>,
}

/// See the module's documentation.
#[derive(Default)]
pub(super) struct Transaction {
    shares: BTreeMap<u32, Share>,
    bytes: usize,
    changelog_bytes: usize,
}

impl Transaction {
    /// Opens the share of a task: from now on the task is rolled back if the transaction fails.
    pub(super) fn open(&mut self, partition: u32) {
        self.shares.entry(partition).or_default();
    }

    /// Adds a batch whose output records are with the log.
    pub(super) fn add(&mut self, partition: u32, mut output: SinkOutput, committed: Option<Committed>) {
        self.bytes += output.topics.iter().map(|records| records.as_bytes().len()).sum::<usize>();
        output.topics = Vec::new();
        let share = self.shares.entry(partition).or_default();
        share.committed = committed.or(share.committed.take());
        share.outputs.push(output);
    }

    /// Adds chunks of the changelog that are with the log. The task's position commits with them even if it is the one that has committed already: a client that is no longer
    /// the partition's owner is found out by it.
    pub(super) fn add_changelog(&mut self, partition: u32, bytes: usize, committed: Committed) {
        self.changelog_bytes += bytes;
        self.shares.entry(partition).or_default().committed.get_or_insert(committed);
    }

    /// Bytes of changelog in it.
    pub(super) fn changelog_bytes(&self) -> usize {
        self.changelog_bytes
    }

    /// Whether there is nothing to commit.
    pub(super) fn is_empty(&self) -> bool {
        self.shares.is_empty()
    }

    /// Bytes of output records.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// The input offsets that commit with it.
    pub(super) fn offsets(&self, topic: &std::sync::Arc<str>) -> BTreeMap<TopicPartition, Committed> {
        let offset =
            |(partition, share): (&u32, &Share)| Some((TopicPartition::new(topic.clone(), *partition), share.committed.clone()?));
        self.shares.iter().filter_map(offset).collect()
    }

    /// The tasks in it.
    pub(super) fn partitions(&self) -> Vec<u32> {
        self.shares.keys().copied().collect()
    }

    /// Takes everything out.
    pub(super) fn take(&mut self) -> BTreeMap<u32, Share> {
        self.bytes = 0;
        self.changelog_bytes = 0;
        std::mem::take(&mut self.shares)
    }
}

impl Share {
    /// The position that commits.
    pub(super) fn position(&self) -> Option<Offset> {
        self.committed.as_ref().map(|committed| committed.offset)
    }
}

//! A task as its client thread sees it: the phase of its life, what is queued for it, its credits and its positions.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use super::changelogging::Changelogging;
use super::checkpointing::Checkpointing;
use super::clock;
use super::link::TaskLink;
use super::restore::Restored;
use super::settings::ChangelogSettings;
use super::source_actor::{Barrier, Feed};
use super::task_actors::TaskPort;
use crate::changelog::Key;
use crate::log::Committed;
use crate::record::{ConsumedBatch, Offset, TopicPartition};
use crate::task::Skips;

/// How far a life of a task has come.
pub(super) enum Phase {
    /// Its state is to be brought back.
    Waiting,
    /// Its state is being brought back, then its actors started.
    Restoring,
    /// Its actors run; the client is to be sent to its live position.
    Ready(TaskPort),
    /// Live.
    Running(TaskPort),
    /// It failed while it was being closed; it will not come back here.
    Broken,
}

/// See the module's documentation.
pub(super) struct Slot {
    pub(super) partition: TopicPartition,
    /// Where its outputs go: the same partition number of each output topic.
    pub(super) outputs: Vec<TopicPartition>,
    pub(super) link: TaskLink,
    pub(super) phase: Phase,
    /// Whether it lived in this process before.
    pub(super) recovering: bool,
    /// When it was assigned or failed.
    pub(super) since: Instant,
    /// Whether the client holds its partition back.
    pub(super) paused: bool,
    /// Whether it takes no more input because it is being closed.
    pub(super) closing: bool,
    pub(super) in_flight: usize,
    pub(super) live_at: Offset,
    /// After the last batch that came out.
    pub(super) position: Offset,
    /// After the last batch that committed.
    pub(super) committed: Offset,
    pub(super) checkpoints: Checkpointing,
    pub(super) changelog: Changelogging,
    /// Chunks of the changelog that must be taken back before anything of this life commits.
    pub(super) take_back: Vec<Key>,
    skips: Skips,
    queue: VecDeque<Arc<ConsumedBatch>>,
}

impl Slot {
    pub(super) fn new(link: TaskLink, outputs: Vec<TopicPartition>, recovering: bool, paused: bool) -> Self {
        Slot {
            partition: link.partition.clone(),
            outputs,
            link,
            phase: Phase::Waiting,
            recovering,
            since: clock::now(),
            paused,
            closing: false,
            in_flight: 0,
            live_at: Offset::ZERO,
            position: Offset::ZERO,
            committed: Offset::ZERO,
            checkpoints: Checkpointing::new(None, 0),
            changelog: Changelogging::off(),
            take_back: Vec::new(),
            skips: Skips::default(),
            queue: VecDeque::new(),
        }
    }

    /// Takes over what a restore found. The task's records begin at its live position.
    pub(super) fn restored(&mut self, restored: &Restored, changelog: Option<ChangelogSettings>) {
        self.live_at = restored.status.live_at;
        self.position = self.live_at;
        self.committed = self.live_at;
        self.skips = restored.skips.clone();
        self.checkpoints = Checkpointing::new(restored.kept_at, restored.status.records);
        if let Some(standing) = &restored.changelog {
            self.changelog = Changelogging::new(changelog, standing);
            self.take_back = standing.take_back.clone();
        }
    }

    /// Queues what the client has read; a task that is not live has no use for it, because the client is sent back before it goes live.
    pub(super) fn take(&mut self, batch: ConsumedBatch, most: usize) {
        if matches!(self.phase, Phase::Running(_)) && !self.closing {
            self.changelog.moved(batch.records.as_bytes().len());
            self.queue.extend(split(batch, most));
        }
    }

    /// Forgets what is queued.
    pub(super) fn clear(&mut self) {
        self.queue.clear();
    }

    /// Where the next record to be fed stands, if there is one.
    pub(super) fn next_queued(&self) -> Option<Offset> {
        self.queue.front()?.offsets.first().copied()
    }

    /// Feeds queued batches while there are credits; `careful` feeds one record at a time.
    pub(super) fn feed(&mut self, credits: usize, careful: bool) {
        let Phase::Running(port) = &self.phase else { return };
        let credits = if careful { 1 } else { credits };
        while self.in_flight < credits {
            let Some(batch) = self.queue.pop_front() else { return };
            if careful && batch.len() > 1 {
                let singles = split((*batch).clone(), 1);
                singles.into_iter().rev().for_each(|single| self.queue.push_front(single));
                continue;
            }
            match port.source.try_send(Feed(batch.clone())) {
                Ok(()) => self.in_flight += 1,
                // The supervisor's report of why the actor is gone is on its way.
                Err(_) => return self.queue.push_front(batch),
            }
        }
    }

    /// Sends a barrier behind what has been fed.
    pub(super) fn ask_for_snapshot(&mut self) {
        let Phase::Running(port) = &self.phase else { return };
        if port.source.try_send(Barrier).is_ok() {
            self.checkpoints.asked();
        }
    }

    /// Whether its partition is to be held back.
    pub(super) fn wants_pause(&self, credits: usize) -> bool {
        let live = matches!(self.phase, Phase::Running(_)) && !self.closing;
        !live || !self.queue.is_empty() || self.in_flight >= credits
    }

    /// What is committed for the position `next`.
    pub(super) fn offset(&self, next: Offset) -> Committed {
        Committed { offset: next, metadata: self.skips.to_metadata() }
    }

    /// Number of records skipped.
    pub(super) fn skipped(&self) -> usize {
        self.skips.len()
    }

    /// Ends this life of the task; its actors stop.
    pub(super) fn end(&mut self) {
        self.link.end();
        self.queue.clear();
        self.in_flight = 0;
        self.phase = Phase::Broken;
    }
}

/// A thread that ends, however it ends, leaves no actor and no restore behind.
impl Drop for Slot {
    fn drop(&mut self) {
        self.link.end();
    }
}

/// The batch in parts of at most `most` records.
fn split(batch: ConsumedBatch, most: usize) -> Vec<Arc<ConsumedBatch>> {
    if batch.len() <= most {
        return vec![Arc::new(batch)];
    }
    let mut parts = Vec::with_capacity(batch.len().div_ceil(most));
    let mut part = ConsumedBatch::empty(batch.partition.clone());
    for (offset, record) in batch.offsets.iter().zip(batch.records.iter()) {
        part.push(*offset, &record);
        if part.len() == most {
            parts.push(Arc::new(std::mem::replace(&mut part, ConsumedBatch::empty(batch.partition.clone()))));
        }
    }
    if !part.is_empty() {
        parts.push(Arc::new(part));
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{RecordBatch, Timestamp};

    #[test]
    fn a_large_batch_is_split_and_keeps_its_offsets() {
        let mut records = RecordBatch::new();
        (0..5u8).for_each(|i| records.push(Timestamp(i64::from(i)), None, Some(&[i]), &[]));
        let offsets = [3, 4, 7, 8, 9].map(Offset).to_vec();
        let batch = ConsumedBatch { partition: TopicPartition::new("t", 0), offsets, records };
        let parts = split(batch, 2);
        let offsets: Vec<Vec<i64>> = parts.iter().map(|part| part.offsets.iter().map(|o| o.0).collect()).collect();
        assert_eq!(offsets, [vec![3, 4], vec![7, 8], vec![9]]);
        assert_eq!(parts[2].records.get(0).unwrap().value, Some(&[4u8][..]));
    }
}

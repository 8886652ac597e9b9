//! The client of one thread on the embedded log.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use redb::Durability;

use super::cursor::Cursor;
use super::lease::{Holder, Lease};
use super::shared::Shared;
use super::signal::deadline;
use super::state::State;
use super::transaction::{Appends, apply_offsets, check_metadata};
use crate::log::{AutoOffsetReset, ClientSettings, Committed, Guarantee, LogClient, LogError, LogEvent, Watermarks};
use crate::record::{Offset, RecordBatch, TopicPartition};

pub(super) struct EmbeddedClient {
    shared: Arc<Shared>,
    /// `None` once the client is closed.
    lease: Option<Lease>,
    settings: ClientSettings,
    assignment: Vec<TopicPartition>,
    /// Whether a poll has announced the assignment.
    announced: bool,
    /// The assignment's positions; empty until it is announced.
    inputs: Vec<Input>,
    /// The input the next poll begins with, so that none starves.
    turn: usize,
    appends: Appends,
}

struct Input {
    cursor: Cursor,
    paused: bool,
}

impl EmbeddedClient {
    pub(super) fn new(shared: Arc<Shared>, settings: &ClientSettings) -> Result<Self, LogError> {
        let assignment = assignment(&shared.state(), settings)?;
        let lease = shared.lease(Holder::Thread(settings.application_id.clone(), settings.thread.index));
        Ok(EmbeddedClient {
            shared,
            lease: Some(lease),
            settings: settings.clone(),
            assignment,
            announced: false,
            inputs: Vec::new(),
            turn: 0,
            appends: Appends::default(),
        })
    }

    fn lease(&self) -> Result<&Lease, LogError> {
        let lease = self.lease.as_ref().ok_or_else(|| LogError::Fatal("the client is closed; make a new one".to_owned()))?;
        lease.check().map(|()| lease)
    }

    /// Takes the assignment up: every partition at its committed offset.
    fn announce(&mut self) -> Result<Vec<LogEvent>, LogError> {
        self.inputs.clear();
        let state = self.shared.state();
        let committed = state.committed(&self.settings.application_id, &self.assignment);
        for partition in &self.assignment {
            let watermarks = state.partition(partition)?.partition.watermarks();
            let without = match self.settings.reset {
                AutoOffsetReset::Earliest => watermarks.start,
                AutoOffsetReset::Latest => watermarks.end,
            };
            let position = committed.get(partition).map_or(without, |done| done.offset);
            self.inputs.push(Input { cursor: Cursor::new(partition.clone(), position), paused: false });
        }
        self.announced = true;
        Ok(vec![LogEvent::Assigned(self.assignment.clone())])
    }

    fn fetch(&mut self, max_records: usize) -> Result<Vec<LogEvent>, LogError> {
        let (mut events, mut left) = (Vec::new(), max_records);
        let (behind, first) = self.inputs.split_at_mut(self.turn);
        for input in first.iter_mut().chain(behind).filter(|input| !input.paused) {
            match input.cursor.take(&self.shared, left, Offset(i64::MAX)) {
                Ok(batch) if batch.is_empty() => {}
                Ok(batch) => {
                    left -= batch.len();
                    events.push(LogEvent::Records(batch));
                }
                // What was read already must not be lost; the error is met again by the next poll.
                Err(_) if !events.is_empty() => break,
                Err(error) => return Err(error),
            }
        }
        self.turn = (self.turn + 1) % self.inputs.len().max(1);
        Ok(events)
    }

    /// At least once: outputs go out with the next poll, ahead of their offsets and without an fsync of their own.
    fn send_early(&mut self) -> Result<(), LogError> {
        if self.settings.guarantee == Guarantee::AtLeastOnce && !self.appends.is_empty() {
            self.shared.append(self.lease()?, Durability::None, &self.appends, |_| Ok(()))?;
            self.appends.clear();
        }
        Ok(())
    }

    fn input(&mut self, partition: &TopicPartition) -> Result<&mut Input, LogError> {
        let input = self.inputs.iter_mut().find(|input| input.cursor.partition == *partition);
        input.ok_or_else(|| LogError::Usage(not_assigned(partition)))
    }

    fn set_paused(&mut self, partitions: &[TopicPartition], paused: bool) -> Result<(), LogError> {
        partitions.iter().try_for_each(|partition| {
            self.input(partition)?.paused = paused;
            Ok(())
        })
    }

    fn check_offsets(&self, offsets: &BTreeMap<TopicPartition, Committed>) -> Result<(), LogError> {
        let assigned = |partition: &TopicPartition| self.inputs.iter().any(|input| input.cursor.partition == *partition);
        if let Some(stranger) = offsets.keys().find(|partition| !assigned(partition)) {
            return Err(LogError::Usage(not_assigned(stranger)));
        }
        offsets.values().try_for_each(|done| check_metadata(&done.metadata))
    }
}

impl LogClient for EmbeddedClient {
    fn poll(&mut self, max_records: usize, timeout: Duration) -> Result<Vec<LogEvent>, LogError> {
        let deadline = deadline(timeout);
        self.lease()?;
        self.send_early()?;
        if !self.announced {
            return self.announce();
        }
        loop {
            let seen = self.shared.signal().generation();
            let events = self.fetch(max_records)?;
            if !events.is_empty() || !self.shared.signal().wait_past(seen, deadline) {
                return Ok(events);
            }
        }
    }

    fn pause(&mut self, partitions: &[TopicPartition]) -> Result<(), LogError> {
        self.set_paused(partitions, true)
    }

    fn resume(&mut self, partitions: &[TopicPartition]) -> Result<(), LogError> {
        self.set_paused(partitions, false)
    }

    fn seek(&mut self, partition: &TopicPartition, to: Offset) -> Result<(), LogError> {
        self.input(partition)?.cursor.position = to;
        Ok(())
    }

    fn committed(&mut self, partitions: &[TopicPartition]) -> Result<BTreeMap<TopicPartition, Committed>, LogError> {
        Ok(self.shared.state().committed(&self.settings.application_id, partitions))
    }

    fn produce(&mut self, to: &TopicPartition, records: &RecordBatch) -> Result<(), LogError> {
        self.lease()?;
        self.shared.state().check_records(to, records)?;
        self.appends.push(to, records, self.shared.max_transaction_bytes())
    }

    fn commit(&mut self, offsets: &BTreeMap<TopicPartition, Committed>) -> Result<(), LogError> {
        self.check_offsets(offsets)?;
        self.send_early()?;
        let lease = self.lease()?;
        if self.appends.is_empty() && offsets.is_empty() {
            return Ok(());
        }
        let group = &self.settings.application_id;
        self.shared.append(lease, Durability::Immediate, &self.appends, |state| apply_offsets(state, group, offsets))?;
        self.appends.clear();
        Ok(())
    }

    fn abort(&mut self) -> Result<(), LogError> {
        self.appends.clear();
        self.lease().map(drop)
    }

    fn watermarks(&mut self, partition: &TopicPartition) -> Result<Watermarks, LogError> {
        Ok(self.shared.state().partition(partition)?.partition.watermarks())
    }

    fn close(&mut self, _timeout: Duration) -> Result<(), LogError> {
        self.appends.clear();
        self.lease = None;
        Ok(())
    }
}

/// The thread's share: of every topic the partitions whose number, divided by the number of threads, leaves its index.
fn assignment(state: &State, settings: &ClientSettings) -> Result<Vec<TopicPartition>, LogError> {
    let counts = settings.topics.iter().map(|name| Ok((name, state.topic(name)?.partitions.len() as u32)));
    let counts = counts.collect::<Result<Vec<_>, LogError>>()?;
    if counts.iter().any(|(_, count)| *count != counts[0].1) {
        return Err(LogError::Usage(not_copartitioned(&counts)));
    }
    let mine = |number: &u32| number % settings.thread.of.max(1) == settings.thread.index;
    let share = |(name, count): &(&Arc<str>, u32)| -> Vec<TopicPartition> {
        (0..*count).filter(mine).map(|number| TopicPartition::new(Arc::clone(name), number)).collect()
    };
    Ok(counts.iter().flat_map(share).collect())
}

fn not_copartitioned(counts: &[(&Arc<str>, u32)]) -> String {
    let list: Vec<String> = counts.iter().map(|(name, count)| format!("{name:?} has {count}")).collect();
    format!(
        "the input topics must have the same number of partitions, because one task reads one partition number of all of them: {}. \
         Create them again with equal counts",
        list.join(", ")
    )
}

fn not_assigned(partition: &TopicPartition) -> String {
    format!("{partition} is not assigned to this client; it may only pause, seek and commit what an `Assigned` event has named")
}

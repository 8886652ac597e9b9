//! What a client thread does with what comes out of its tasks: produce, commit, tell, keep.

use std::time::{Duration, Instant};

use super::calls::{Trouble, call};
use super::changelogging::ChangelogPart;
use super::checkpoint_actor::Keep;
use super::client_thread::ClientThread;
use super::clock;
use super::sink_actor::SinkOutput;
use super::slot::Phase;
use super::status::CheckpointStatus;
use super::transaction::Share;
use crate::changelog::tombstones;
use crate::failpoint;
use crate::record::{RecordBatch, TopicPartition};
use crate::telemetry::RuntimeEvent;

/// Most bytes of changelog in one transaction, so that none lasts much longer than the others.
const MAX_CHANGELOG_BYTES: usize = 4 << 20;

impl ClientThread {
    /// Produces a batch's outputs into the open transaction; the batch's credit is free again.
    pub(super) fn output(&mut self, partition: u32, output: SinkOutput) -> Result<(), Trouble> {
        self.transaction.open(partition);
        let Some(slot) = self.slots.get_mut(&partition) else { return Ok(()) };
        slot.in_flight = slot.in_flight.saturating_sub(1);
        let places: Vec<_> = slot.outputs.iter().zip(&output.topics).filter(|(_, records)| !records.is_empty()).collect();
        for (place, records) in places {
            let client = self.client.as_deref_mut().ok_or_else(|| Trouble::Replace("there is no client".into()))?;
            let around = (client, &self.shared.control, &*self.shared.telemetry);
            call(around, "produce", |client| client.produce(place, records))?;
        }
        slot.position = output.next_offset.unwrap_or(slot.position);
        slot.changelog.moved(output.topics.iter().map(|records| records.as_bytes().len()).sum());
        let committed = output.next_offset.map(|next| slot.offset(next));
        self.transaction.add(partition, output, committed);
        Ok(())
    }

    /// When the open transaction is to commit.
    pub(super) fn commit_due_at(&self) -> Instant {
        self.interval_began + self.commit_interval()
    }

    fn commit_interval(&self) -> Duration {
        Duration::from_millis(self.shared.settings.commit_interval_ms)
    }

    pub(super) fn commit_if_due(&mut self) -> Result<(), Trouble> {
        let full = self.transaction.bytes() >= self.shared.settings.max_transaction_bytes;
        if full || clock::now() >= self.commit_due_at() { self.commit() } else { Ok(()) }
    }

    /// Commits what is in the transaction; nothing of it is told to anybody before.
    pub(super) fn commit(&mut self) -> Result<(), Trouble> {
        if self.transaction.is_empty() {
            return Ok(());
        }
        let offsets = self.transaction.offsets(&self.shared.graph.source.topic);
        failpoint::hit("runtime.before-commit");
        let started = clock::now();
        self.log("commit", |client| client.commit(&offsets))?;
        failpoint::hit("runtime.after-commit");
        self.shared.telemetry.event(&RuntimeEvent::Committed { thread: self.index, took: started.elapsed() });
        self.interval_began = counted_from(started, clock::now(), self.commit_interval());
        self.replacements = 0;
        for (partition, share) in self.transaction.take() {
            self.committed(partition, share);
        }
        Ok(())
    }

    fn committed(&mut self, partition: u32, share: Share) {
        let Some(slot) = self.slots.get_mut(&partition) else { return };
        let position = share.position();
        slot.committed = position.unwrap_or(slot.committed);
        let mut counts = crate::task::Counts::default();
        let mut stream_time = None;
        for output in share.outputs {
            self.shared.telemetry.committed(&self.shared.graph, &self.shared.topics, &output.told);
            counts.add(output.told.counts);
            stream_time = stream_time.max(output.told.stream_time);
            self.shared.board.told(&output.told.keys, &output.told.notices, output.predictions);
        }
        slot.checkpoints.committed(counts.read);
        if let (Some(position), Some(recovery)) = (position, self.recoveries.get_mut(&partition)) {
            recovery.passed(position);
        }
        let in_flight = slot.in_flight;
        self.shared.board.update_task(&slot.partition, self.index, |task| {
            task.position = position.or(task.position);
            task.stream_time = task.stream_time.max(stream_time);
            task.since_start.add(counts);
            task.total.add(counts);
            task.in_flight = in_flight;
        });
    }

    /// Asks for the snapshots that are due, and has those written whose positions have committed.
    pub(super) fn keep_checkpoints(&mut self) -> Result<(), Trouble> {
        let policy = self.shared.settings.checkpoint;
        for slot in self.slots.values_mut() {
            if !slot.closing && slot.checkpoints.due(&policy) {
                slot.ask_for_snapshot();
            }
            let Phase::Running(port) = &slot.phase else { continue };
            let Some(snapshot) = slot.checkpoints.writable(slot.committed) else { continue };
            let last = slot.closing && snapshot.position == slot.position && slot.changelog.lacks(slot.position);
            let changelog = (last || !slot.closing && slot.changelog.due()).then(|| slot.changelog.ticket());
            if port.checkpoint.try_send(Keep { snapshot, changelog }).is_err() {
                let why = "the checkpoint actor does not take it";
                self.shared.telemetry.event(&RuntimeEvent::CheckpointFailed { partition: &slot.partition, why });
                slot.checkpoints.done(None);
                slot.changelog.cut(None);
            }
        }
        Ok(())
    }

    /// Produces what is to go to the changelog, as much as a transaction may have of it.
    pub(super) fn produce_changelog(&mut self) -> Result<(), Trouble> {
        let numbers: Vec<u32> = self.slots.keys().copied().collect();
        for number in numbers {
            self.take_back(number)?;
            let room = MAX_CHANGELOG_BYTES.saturating_sub(self.transaction.changelog_bytes());
            let Some(slot) = self.slots.get_mut(&number) else { continue };
            if room == 0 || !matches!(slot.phase, Phase::Running(_)) {
                continue;
            }
            let Some(part) = slot.changelog.part(slot.committed, room) else { continue };
            failpoint::hit("changelog.before-produce");
            self.produce_chunks(number, &part.chunks)?;
            failpoint::hit("changelog.after-produce");
            self.changelog_produced(number, &part);
        }
        Ok(())
    }

    fn changelog_produced(&self, number: u32, part: &ChangelogPart) {
        let Some(slot) = self.slots.get(&number) else { return };
        let (chunks, bytes) = (part.chunks.len() as u64, part.chunks.as_bytes().len() as u64);
        let (partition, completes) = (&slot.partition, part.completes);
        self.shared.telemetry.event(&RuntimeEvent::ChangelogProduced { partition, chunks, bytes, completes });
        if let Some((position, bytes)) = completes {
            let status = CheckpointStatus { position, bytes, at: clock::now() };
            self.shared.board.update_task(&slot.partition, self.index, |task| task.changelog = Some(status));
        }
    }

    /// Takes chunks back that are ahead of what has committed. It is the first thing that a life of the task produces, so that nothing of it commits before.
    pub(super) fn take_back(&mut self, number: u32) -> Result<(), Trouble> {
        let Some(slot) = self.slots.get_mut(&number) else { return Ok(()) };
        if slot.take_back.is_empty() || !matches!(slot.phase, Phase::Running(_)) {
            return Ok(());
        }
        let tombstones = tombstones(&slot.take_back);
        self.produce_chunks(number, &tombstones)?;
        if let Some(slot) = self.slots.get_mut(&number) {
            slot.take_back.clear();
        }
        Ok(())
    }

    fn produce_chunks(&mut self, number: u32, chunks: &RecordBatch) -> Result<(), Trouble> {
        let Some(slot) = self.slots.get(&number) else { return Ok(()) };
        let Some(changelog) = &self.shared.changelog else { return Ok(()) };
        let at = TopicPartition::new(changelog.clone(), number);
        let committed = slot.offset(slot.committed);
        // From here on the task is rolled back if the transaction fails, whatever of the chunks is in it.
        self.transaction.add_changelog(number, chunks.as_bytes().len(), committed);
        self.log("produce", |client| client.produce(&at, chunks))
    }
}

/// The moment from which the next commit interval counts: the beginning of the last commit, so that nothing waits longer than the interval and one commit. When
/// commits are slow, at least half an interval is left for work between two of them.
fn counted_from(started: Instant, ended: Instant, interval: Duration) -> Instant {
    ended.checked_sub(interval / 2).map_or(ended, |earliest| started.max(earliest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_count_from_the_beginning_of_quick_commits_and_leave_time_after_slow_ones() {
        let (begun, ms) = (clock::now() + Duration::from_secs(60), Duration::from_millis);
        assert_eq!(counted_from(begun, begun + ms(6), ms(100)), begun);
        assert_eq!(counted_from(begun, begun + ms(300), ms(100)), begun + ms(250));
    }
}

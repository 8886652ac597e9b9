//! The end of tasks: at a rebalance, or when the instance closes. Finish what is in flight, keep the state, commit, let go; one deadline for all of it.

use std::time::{Duration, Instant};

use super::calls::Trouble;
use super::client_thread::ClientThread;
use super::clock;
use super::error::InstanceError;
use super::phases::ThreadState;
use super::slot::{Phase, Slot};
use super::status::TaskState;
use crate::record::TopicPartition;
use crate::telemetry::RuntimeEvent;

/// Longest wait for one piece of news.
const STEP: Duration = Duration::from_millis(20);

impl ClientThread {
    /// Partitions go to somebody else. While they are still ours, what was processed is committed; when they are not, nothing of them can be.
    pub(super) fn taken_away(&mut self, partitions: &[TopicPartition], ours: bool) -> Result<(), Trouble> {
        let numbers: Vec<u32> = partitions.iter().map(|partition| partition.partition).collect();
        let outcome = if ours {
            let deadline = clock::now() + Duration::from_millis(self.shared.settings.revoke_timeout_ms);
            self.retire(&numbers, deadline)
        } else {
            self.lose(&numbers).map(|()| false)
        };
        let clean = *outcome.as_ref().unwrap_or(&false);
        self.drop_slots(&numbers, clean);
        if self.slots.is_empty() {
            // The next share is told by another assignment, even if it is nothing.
            self.shared.board.update_thread(self.index, ThreadState::Joining);
        }
        outcome.map(|_| ())
    }

    /// Gives up the transaction if these tasks have a share in it; the others in it are rolled back.
    fn lose(&mut self, numbers: &[u32]) -> Result<(), Trouble> {
        let involved = self.transaction.partitions();
        for number in numbers {
            if let Some(slot) = self.slots.get_mut(number) {
                slot.closing = true;
                slot.end();
            }
        }
        if involved.iter().any(|partition| numbers.contains(partition)) { self.roll_back("partitions were lost") } else { Ok(()) }
    }

    /// Everything of these tasks that is in flight comes out and commits, and their states are kept. The answer is whether it all was done in time.
    fn retire(&mut self, numbers: &[u32], deadline: Instant) -> Result<bool, Trouble> {
        for number in numbers {
            if let Some(slot) = self.slots.get_mut(number) {
                slot.closing = true;
                slot.clear();
            }
        }
        self.wait_until(numbers, deadline, |slot| slot.in_flight == 0)?;
        // A checkpoint that was under way already stands at an earlier position.
        self.settle_checkpoints(numbers, deadline)?;
        for number in numbers {
            if let Some(slot) = self.slots.get_mut(number)
                && (slot.checkpoints.lacks(slot.position) || slot.changelog.lacks(slot.position))
            {
                slot.ask_for_snapshot();
            }
        }
        self.settle_checkpoints(numbers, deadline)?;
        self.settle_changelog(numbers, deadline)?;
        let settled = |slot: &Slot| slot.position == slot.committed && slot.in_flight == 0;
        Ok(numbers.iter().filter_map(|number| self.slots.get(number)).all(settled))
    }

    /// Commits what there is, and has the checkpoints that are under way written.
    fn settle_checkpoints(&mut self, numbers: &[u32], deadline: Instant) -> Result<(), Trouble> {
        self.wait_until(numbers, deadline, |slot| !slot.checkpoints.waits_for_barrier())?;
        self.commit()?;
        self.keep_checkpoints()?;
        self.wait_until(numbers, deadline, |slot| slot.checkpoints.idle())
    }

    /// Produces and commits what is still to go to the changelog.
    fn settle_changelog(&mut self, numbers: &[u32], deadline: Instant) -> Result<(), Trouble> {
        loop {
            let slots = numbers.iter().filter_map(|number| self.slots.get(number));
            let waits = |slot: &Slot| matches!(slot.phase, Phase::Running(_)) && !slot.changelog.idle();
            if clock::left(deadline).is_zero() || !slots.into_iter().any(waits) {
                return self.commit();
            }
            self.commit()?;
            self.produce_changelog()?;
        }
    }

    /// Listens until `done` holds for all of these tasks that live, or the deadline has come.
    fn wait_until(&mut self, numbers: &[u32], deadline: Instant, done: impl Fn(&Slot) -> bool) -> Result<(), Trouble> {
        loop {
            let waits = |slot: &Slot| matches!(slot.phase, Phase::Running(_)) && !done(slot);
            let left = clock::left(deadline);
            if left.is_zero() || !numbers.iter().filter_map(|number| self.slots.get(number)).any(waits) {
                return Ok(());
            }
            self.listen(left.min(STEP))?;
        }
    }

    fn drop_slots(&mut self, numbers: &[u32], clean: bool) {
        for number in numbers {
            let Some(mut slot) = self.slots.remove(number) else { continue };
            slot.end();
            self.recoveries.remove(number);
            self.shared.telemetry.event(&RuntimeEvent::Closed { partition: &slot.partition, clean });
            self.shared.board.update_task(&slot.partition, self.index, |task| {
                task.state = TaskState::Closed;
                task.in_flight = 0;
            });
        }
    }

    /// A rebalance can overtake the last transaction, which is then lost: the tasks come back to what has committed, and retire once more, while there is time.
    fn retire_all(&mut self, deadline: Instant) -> Result<bool, Trouble> {
        loop {
            let numbers: Vec<u32> = self.slots.keys().copied().collect();
            match self.retire(&numbers, deadline) {
                Err(Trouble::Abort(why)) if !clock::left(deadline).is_zero() => self.come_back(&why, deadline)?,
                outcome => return outcome,
            }
        }
    }

    /// Brings every task back: those without a share in the transaction too, because what they had read has been thrown away.
    fn come_back(&mut self, why: &str, deadline: Instant) -> Result<(), Trouble> {
        self.slots.values_mut().for_each(|slot| slot.closing = false);
        self.roll_back(why)?;
        let numbers: Vec<u32> = self.slots.keys().copied().collect();
        numbers.into_iter().for_each(|number| self.live_again(number));
        let live = |slot: &Slot| matches!(slot.phase, Phase::Running(_));
        while !clock::left(deadline).is_zero() && !self.slots.values().all(live) {
            match self.turn() {
                Err(Trouble::Abort(why)) => self.roll_back(&why)?,
                outcome => outcome?,
            }
        }
        Ok(())
    }

    /// Closes all tasks and the client.
    ///
    /// # Errors
    /// When not everything was committed before the deadline, or the log failed.
    pub(super) fn close(&mut self, deadline: Instant) -> Result<(), InstanceError> {
        self.shared.board.update_thread(self.index, ThreadState::Closing);
        let outcome = self.retire_all(deadline);
        let numbers: Vec<u32> = self.slots.keys().copied().collect();
        let clean = *outcome.as_ref().unwrap_or(&false);
        self.drop_slots(&numbers, clean);
        let left = clock::left(deadline).max(Duration::from_secs(1));
        let closed = self.client.take().map_or(Ok(()), |mut client| client.close(left));
        match outcome {
            Err(Trouble::Stop(error)) => Err(error),
            Err(Trouble::Abort(_) | Trouble::Replace(_)) => Err(InstanceError::Deadline),
            Ok(false) => Err(InstanceError::Deadline),
            Ok(true) => closed.map_err(InstanceError::Log),
        }
    }
}

//! What a client thread does when a stage has failed or the log does not go along.
//!
//! The state of a task must never be ahead of what has committed. So when a transaction is lost, every task with a share in it is brought back to its committed
//! position from a snapshot; tasks without one go on. A panic concerns its own task only: what came out of it before is whole and commits as usual.

use std::time::Duration;

use super::calls::Trouble;
use super::client_thread::ClientThread;
use super::error::InstanceError;
use super::phases::ThreadState;
use super::recovery::Failure;
use super::slot::Phase;
use super::status::{ReplaySpan, TaskState};
use crate::log::Reaction;
use crate::telemetry::{RuntimeEvent, TransactionOutcome};

/// Longest pause before a new client is made when none of the last ones has committed anything.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

impl ClientThread {
    /// Puts right what went wrong, and what goes wrong while doing so.
    ///
    /// # Errors
    /// When nothing can put it right.
    pub(super) fn mend(&mut self, mut outcome: Result<(), Trouble>) -> Result<(), InstanceError> {
        loop {
            outcome = match outcome {
                Ok(()) => return Ok(()),
                Err(Trouble::Stop(error)) => return Err(error),
                Err(Trouble::Abort(why)) => self.roll_back(&why),
                Err(Trouble::Replace(why)) => self.replace_client(&why),
            };
        }
    }

    /// Gives the transaction up and brings its tasks back to what has committed.
    pub(super) fn roll_back(&mut self, why: &str) -> Result<(), Trouble> {
        let outcome = TransactionOutcome::Aborted;
        self.shared.telemetry.event(&RuntimeEvent::RolledBack { thread: self.index, outcome, why });
        self.log("abort", |client| client.abort()).map_err(|trouble| match trouble {
            Trouble::Abort(why) => Trouble::Replace(why),
            other => other,
        })?;
        for partition in self.transaction.partitions() {
            self.live_again(partition);
        }
        self.transaction.take();
        Ok(())
    }

    /// Makes a new client for this thread's slot. All tasks end; those that are assigned anew come back from what has committed by then.
    fn replace_client(&mut self, why: &str) -> Result<(), Trouble> {
        let outcome = TransactionOutcome::Unknown;
        self.shared.telemetry.event(&RuntimeEvent::RolledBack { thread: self.index, outcome, why });
        self.transaction.take();
        self.client = None;
        for mut slot in std::mem::take(&mut self.slots).into_values() {
            slot.end();
            self.shared.board.update_task(&slot.partition, self.index, |task| task.state = TaskState::Created);
        }
        while self.client.is_none() {
            self.shared.control.patience()?;
            self.connect()?;
        }
        Ok(())
    }

    /// Asks for a client for this thread's slot, after a pause that grows until something commits.
    pub(super) fn connect(&mut self) -> Result<(), InstanceError> {
        self.shared.board.update_thread(self.index, ThreadState::Replacing);
        std::thread::sleep((Duration::from_millis(50) * self.replacements).min(LONGEST_PAUSE));
        self.replacements += 1;
        match self.shared.log.client(&self.shared.client_settings(self.index)) {
            Ok(client) => {
                self.client = Some(client);
                self.shared.board.update_thread(self.index, ThreadState::Joining);
            }
            Err(error) if error.reaction() == Reaction::Stop => return Err(InstanceError::Log(error)),
            Err(error) => self.shared.telemetry.event(&RuntimeEvent::LogRetry { call: "client", why: &error.to_string() }),
        }
        Ok(())
    }

    /// A stage has panicked: the task comes back at its committed position.
    pub(super) fn failed(&mut self, partition: u32, failure: &Failure) -> Result<(), Trouble> {
        let (Some(slot), Some(recovery)) = (self.slots.get_mut(&partition), self.recoveries.get_mut(&partition)) else {
            return Ok(());
        };
        let skipped = recovery.failed(failure, self.shared.settings.failure_limit);
        let skipped = skipped.map_err(|cause| InstanceError::Skips { partition: slot.partition.clone(), cause })?;
        if let Some(offset) = skipped {
            let (partition, why) = (&slot.partition, &*failure.message);
            self.shared.telemetry.event(&RuntimeEvent::Skipped { partition, offset, why });
        }
        let (failures, last) = (recovery.total(), format!("{}: {}", failure.stage, failure.message));
        self.shared.board.update_task(&slot.partition, self.index, |task| {
            task.failures = failures;
            task.last_failure = Some(last);
        });
        if slot.closing {
            slot.end();
            return Ok(());
        }
        self.live_again(partition);
        // What came out before the failure is whole. Committed now, it need not be repeated.
        self.commit()
    }

    /// Ends this life of a task and begins the next, which waits for its restore.
    pub(super) fn live_again(&mut self, partition: u32) {
        let Some(slot) = self.slots.get_mut(&partition) else { return };
        if slot.closing || matches!(slot.phase, Phase::Broken) {
            return slot.end();
        }
        slot.end();
        let (place, paused, at) = (slot.partition.clone(), slot.paused, slot.committed);
        let span = ReplaySpan { from: at, to: at, at };
        self.shared.board.update_task(&place, self.index, |task| task.state = TaskState::Recovering(span));
        self.begin_life(place, true, paused);
    }
}

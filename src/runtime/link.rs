//! How the actors of a task speak to the client thread that owns it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Sender;

use super::recovery::Failure;
use super::restore::{RestoreError, Restored};
use super::sink_actor::SinkOutput;
use super::status::CheckpointStatus;
use super::task_actors::TaskPort;
use crate::record::{Offset, RecordBatch, TopicPartition};
use crate::snapshot::SnapshotError;
use crate::task::TaskSnapshot;

/// Something a task's actors, or the restore of a task, tell its client thread.
pub(super) enum Told {
    /// The next batch has come out of the sink.
    Output(Box<SinkOutput>),
    /// A barrier has passed the sink: the state at its place in the sequence.
    Snapshot(Result<Box<TaskSnapshot>, SnapshotError>),
    /// A stage panicked; nothing more will come out.
    Failed(Failure),
    /// The state is back, or cannot be brought back.
    Restored(Result<Box<Restored>, RestoreError>),
    /// All actors run.
    Started(TaskPort),
    /// A snapshot was cut for the changelog, at this position; or could not be.
    Cut(Option<(Offset, RecordBatch)>),
    /// A checkpoint is durable, or could not be written.
    Checkpointed(Option<CheckpointStatus>),
}

/// What was told, and by which life of which task: the client thread has no use for news of a life that it has ended.
pub(super) struct TaskEvent {
    pub(super) partition: u32,
    pub(super) incarnation: u64,
    pub(super) told: Told,
}

/// One life of a task, from the start of its restore to its end.
#[derive(Clone)]
pub(super) struct TaskLink {
    pub(super) partition: TopicPartition,
    pub(super) incarnation: u64,
    events: Sender<TaskEvent>,
    ended: Arc<AtomicBool>,
}

impl TaskLink {
    pub(super) fn new(partition: TopicPartition, incarnation: u64, events: Sender<TaskEvent>) -> Self {
        TaskLink { partition, incarnation, events, ended: Arc::new(AtomicBool::new(false)) }
    }

    /// Tells the client thread.
    pub(super) fn tell(&self, told: Told) {
        let event = TaskEvent { partition: self.partition.partition, incarnation: self.incarnation, told };
        // When the client thread is gone the task is over, and there is nobody to tell.
        drop(self.events.send(event));
    }

    /// Ends this life: actors drop what is queued, a replay stops.
    pub(super) fn end(&self) {
        self.ended.store(true, Ordering::Release);
    }

    /// Whether this life is over.
    pub(super) fn ended(&self) -> bool {
        self.ended.load(Ordering::Acquire)
    }
}

/// Calls `work`; a panic becomes its message. Whatever `work` touched must be thrown away then.
pub(super) fn guarded<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|payload| {
        let text = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
        text.or_else(|| payload.downcast_ref::<String>().cloned()).unwrap_or_else(|| "a panic without a message".to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn panics_become_their_messages() {
        assert_eq!(guarded(|| 5), Ok(5));
        assert_eq!(guarded(|| panic!("plain")), Err::<(), _>("plain".to_owned()));
        assert_eq!(guarded(|| panic!("with {}", 1)), Err::<(), _>("with 1".to_owned()));
    }
}

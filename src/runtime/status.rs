//! What an instance tells about itself: the state of every task, and where it stands.

use std::sync::Arc;
use std::time::Instant;

use serde::Serialize;

use super::phases::{InstanceState, ThreadState};

use crate::record::{Offset, Timestamp, TopicPartition};
use crate::task::Counts;
use crate::telemetry::{RestoreSource, SnapshotOrigin};

/// A silent replay under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct ReplaySpan {
    /// First record of the replay.
    pub from: Offset,
    /// The committed position, where the task goes live.
    pub to: Offset,
    /// Where the replay stands.
    pub at: Offset,
}

/// The state of a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum TaskState {
    /// Assigned; nothing has been looked at yet.
    Created,
    /// State is being brought back after an assignment.
    Restoring(ReplaySpan),
    /// Live.
    Running,
    /// State is being brought back after a failure or a transaction that did not commit.
    Recovering(ReplaySpan),
    /// The partition was taken away, or the instance has ended.
    Closed,
}

impl TaskState {
    /// The names of all states, in the order of a life.
    pub const NAMES: [&'static str; 5] = ["created", "restoring", "running", "recovering", "closed"];

    /// The state's name.
    pub fn name(&self) -> &'static str {
        match self {
            TaskState::Created => "created",
            TaskState::Restoring(_) => "restoring",
            TaskState::Running => "running",
            TaskState::Recovering(_) => "recovering",
            TaskState::Closed => "closed",
        }
    }
}

/// How a task came back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RestoreStatus {
    /// Where its state came from.
    pub source: RestoreSource,
    /// Position of the checkpoint it took.
    pub checkpoint: Option<Offset>,
    /// Where that checkpoint was: a warmed task's too.
    pub origin: Option<SnapshotOrigin>,
    /// Nodes that the checkpoint did not have and that were warmed from the log.
    pub warmed: Vec<String>,
    /// Its first live record.
    pub live_at: Offset,
    /// Records replayed.
    pub records: u64,
    /// Time it took, ms.
    pub took_ms: u64,
}

/// A snapshot that this process has put into the local store, or produced into the changelog.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct CheckpointStatus {
    /// Its position.
    pub position: Offset,
    /// Its size; in the changelog, compressed.
    pub bytes: u64,
    /// When.
    #[serde(skip)]
    pub at: Instant,
}

/// One task.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TaskStatus {
    /// Its input partition.
    pub partition: TopicPartition,
    /// The client thread that owns it.
    pub thread: u32,
    /// Its state.
    #[serde(flatten)]
    pub state: TaskState,
    /// Committed position: the next record to be committed.
    pub position: Option<Offset>,
    /// End of the partition, when it was last looked at.
    pub end: Option<Offset>,
    /// Records between them; an upper bound where offsets have gaps.
    pub lag: Option<u64>,
    /// Newest event time taken since the start.
    pub stream_time: Option<Timestamp>,
    /// Event time between the newest record in the log and the newest one taken, ms; 0 when everything is read.
    pub stream_time_lag_ms: Option<i64>,
    /// Records committed since the instance started.
    pub since_start: Counts,
    /// Records of the task's whole life, as its state counts them.
    pub total: Counts,
    /// Batches between source and transaction.
    pub in_flight: usize,
    /// How it last came back.
    pub restored: Option<RestoreStatus>,
    /// Failures caught since the start.
    pub failures: u64,
    /// The newest of them.
    pub last_failure: Option<String>,
    /// Records that are dead-lettered unseen.
    pub skipped: usize,
    /// The newest checkpoint of this process.
    pub checkpoint: Option<CheckpointStatus>,
    /// The newest snapshot that this process has produced into the changelog.
    pub changelog: Option<CheckpointStatus>,
}

impl TaskStatus {
    pub(super) fn new(partition: TopicPartition, thread: u32) -> Self {
        TaskStatus {
            partition,
            thread,
            state: TaskState::Created,
            position: None,
            end: None,
            lag: None,
            stream_time: None,
            stream_time_lag_ms: None,
            since_start: Counts::default(),
            total: Counts::default(),
            in_flight: 0,
            restored: None,
            failures: 0,
            last_failure: None,
            skipped: 0,
            checkpoint: None,
            changelog: None,
        }
    }
}

/// What the standby keeps of a task that another instance owns.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StandbyStatus {
    /// The task's input partition.
    pub partition: TopicPartition,
    /// Position of the snapshot in the local store, if there is one.
    pub position: Option<Offset>,
    /// Records between it and the committed position: what taking the task over would replay.
    pub lag: Option<u64>,
}

/// An instance and its tasks.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct InstanceStatus {
    /// `application.id`.
    pub application_id: Arc<str>,
    /// The topology.
    pub topology: Arc<str>,
    /// Client threads that run.
    pub threads: u32,
    /// What each of them does, by its number.
    pub thread_states: Vec<ThreadState>,
    /// The tasks it has or had, by partition.
    pub tasks: Vec<TaskStatus>,
    /// The tasks of other instances that it keeps warm, by partition.
    pub standbys: Vec<StandbyStatus>,
    /// Why it has ended by itself, if it has.
    pub failure: Option<String>,
    /// Whether all its threads have ended.
    pub ended: bool,
}

impl InstanceStatus {
    /// The state of the whole.
    pub fn state(&self) -> InstanceState {
        let any = |state| self.thread_states.contains(&state);
        let live = |task: &TaskStatus| matches!(task.state, TaskState::Running | TaskState::Closed);
        match () {
            () if self.failure.is_some() => InstanceState::Failed,
            () if self.ended => InstanceState::Ended,
            () if any(ThreadState::Closing) || any(ThreadState::Ended) => InstanceState::Closing,
            () if any(ThreadState::Joining) || any(ThreadState::Replacing) => InstanceState::Joining,
            () if self.tasks.iter().all(live) => InstanceState::Running,
            () => InstanceState::Restoring,
        }
    }

    /// Whether every thread has been given its share of the partitions and every task is live. An instance whose share is nothing, because others have everything,
    /// is ready to take over.
    pub fn ready(&self) -> bool {
        self.state() == InstanceState::Running
    }

    /// The task of a partition number.
    pub fn task(&self, partition: u32) -> Option<&TaskStatus> {
        self.tasks.iter().find(|task| task.partition.partition == partition)
    }

    /// Records committed since the start, over all tasks.
    pub fn since_start(&self) -> Counts {
        let mut sum = Counts::default();
        self.tasks.iter().for_each(|task| sum.add(task.since_start));
        sum
    }

    /// Records of all tasks' whole lives.
    pub fn total(&self) -> Counts {
        let mut sum = Counts::default();
        self.tasks.iter().for_each(|task| sum.add(task.total));
        sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn instance(threads: &[ThreadState], tasks: &[TaskState]) -> InstanceStatus {
        let task = |(number, state): (u32, &TaskState)| {
            let mut task = TaskStatus::new(TopicPartition::new("in", number), 0);
            task.state = *state;
            task
        };
        InstanceStatus {
            application_id: "a".into(),
            topology: "t".into(),
            threads: threads.len() as u32,
            thread_states: threads.to_vec(),
            tasks: (0..).zip(tasks).map(task).collect(),
            standbys: Vec::new(),
            failure: None,
            ended: false,
        }
    }

    #[test]
    fn ready_is_who_knows_its_share_and_has_it_live() {
        use TaskState::{Closed, Created, Running};
        let state = |threads: &[ThreadState], tasks: &[TaskState]| instance(threads, tasks).state();
        assert_eq!(state(&[ThreadState::Joining], &[]), InstanceState::Joining);
        assert_eq!(state(&[ThreadState::Running, ThreadState::Joining], &[Running]), InstanceState::Joining);
        assert_eq!(state(&[ThreadState::Running], &[Running, Created]), InstanceState::Restoring);
        assert_eq!(state(&[ThreadState::Running], &[Running, Closed]), InstanceState::Running);
        assert_eq!(state(&[ThreadState::Running], &[]), InstanceState::Running, "others have everything");
        assert_eq!(state(&[ThreadState::Replacing], &[Running]), InstanceState::Joining);
        assert_eq!(state(&[ThreadState::Running, ThreadState::Closing], &[Running]), InstanceState::Closing);
        let failed = InstanceStatus { failure: Some("why".into()), ..instance(&[ThreadState::Running], &[Running]) };
        assert!(!failed.ready() && failed.state() == InstanceState::Failed);
    }
}

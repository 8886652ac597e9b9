//! The states of an instance and of its client threads, as they are told to the outside. Those of a task stand in [`status`](super::status).

use serde::Serialize;

/// The state of a client thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ThreadState {
    /// It has a log client that has not been given its share yet: it has just been made, or everything was taken away.
    Joining,
    /// It has heard its share of the partitions, which may be none.
    Running,
    /// It asks for a log client, again and again while no broker answers: its last one is lost (fenced, or the outcome of a commit is unknown), or there was
    /// no answer at the start.
    Replacing,
    /// It was told to end: it finishes, commits, keeps the states and leaves the group.
    Closing,
    /// It has ended.
    Ended,
}

/// The state of an instance, which follows from those of its threads and tasks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum InstanceState {
    /// A thread waits for its share of the partitions.
    Joining,
    /// Every thread knows its share; a task is not live yet, or not again.
    Restoring,
    /// Every task is live. An instance without tasks, because others have them all, runs too.
    Running,
    /// It was told to end.
    Closing,
    /// It has ended cleanly.
    Ended,
    /// It has ended by itself; the failure says why.
    Failed,
}

impl InstanceState {
    /// The state's name.
    pub fn name(self) -> &'static str {
        match self {
            InstanceState::Joining => "joining",
            InstanceState::Restoring => "restoring",
            InstanceState::Running => "running",
            InstanceState::Closing => "closing",
            InstanceState::Ended => "ended",
            InstanceState::Failed => "failed",
        }
    }
}

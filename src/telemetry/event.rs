//! What the runtime tells about itself, beside the notices of the core.

use std::time::Duration;

use crate::record::{Offset, TopicPartition};

/// Why a stored checkpoint was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CheckpointRefusal {
    /// It does not verify or decode.
    Damaged,
    /// It is sound, but written in another format.
    OtherVersion,
    /// It belongs to another topology or partition.
    Foreign,
    /// It is ahead of the committed position.
    Ahead,
}

impl CheckpointRefusal {
    /// The label of the metric.
    pub fn name(self) -> &'static str {
        match self {
            CheckpointRefusal::Damaged => "damaged",
            CheckpointRefusal::OtherVersion => "other_version",
            CheckpointRefusal::Foreign => "foreign",
            CheckpointRefusal::Ahead => "ahead",
        }
    }
}

/// Where a task's state came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RestoreSource {
    /// Nothing was committed: it began without state.
    Begin,
    /// A checkpoint of the local store and a replay of what followed.
    Checkpoint,
    /// The same, of a checkpoint that the standby had put there.
    Standby,
    /// A snapshot of the changelog and a replay of what followed.
    Changelog,
    /// A snapshot for the nodes it has, the log for the others.
    Warm,
    /// The log alone.
    Rebuild,
}

impl RestoreSource {
    /// The label of the metric.
    pub fn name(self) -> &'static str {
        match self {
            RestoreSource::Begin => "begin",
            RestoreSource::Checkpoint => "checkpoint",
            RestoreSource::Standby => "standby",
            RestoreSource::Changelog => "changelog",
            RestoreSource::Warm => "warm",
            RestoreSource::Rebuild => "rebuild",
        }
    }
}

/// Where a snapshot was taken from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SnapshotOrigin {
    /// The local store, where this instance had put it as the task's owner, or an earlier run of it.
    Local,
    /// The local store, where the standby of this run had put it.
    Standby,
    /// The changelog.
    Changelog,
}

/// How a transaction ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TransactionOutcome {
    /// Its outputs and offsets are visible.
    Committed,
    /// It was given up.
    Aborted,
    /// Only the committed offsets tell; the client was replaced.
    Unknown,
}

impl TransactionOutcome {
    /// The label of the metric.
    pub fn name(self) -> &'static str {
        match self {
            TransactionOutcome::Committed => "committed",
            TransactionOutcome::Aborted => "aborted",
            TransactionOutcome::Unknown => "unknown",
        }
    }
}

/// Something that happened in the runtime.
#[derive(Debug, Clone)]
pub enum RuntimeEvent<'a> {
    /// An instance runs a topology.
    InstanceStarted {
        /// Its application.
        application: &'a str,
        /// Its topology.
        topology: &'a str,
        /// The topology's fingerprint.
        fingerprint: &'a str,
    },
    /// An instance has ended by itself.
    InstanceFailed {
        /// Why, for people.
        why: &'a str,
    },
    /// A partition was assigned to this instance.
    Assigned {
        /// The partition.
        partition: &'a TopicPartition,
    },
    /// A partition has been taken away, or was closed.
    Closed {
        /// The partition.
        partition: &'a TopicPartition,
        /// Whether everything processed was committed.
        clean: bool,
    },
    /// A task is live.
    Restored {
        /// The partition.
        partition: &'a TopicPartition,
        /// Where its state came from.
        source: RestoreSource,
        /// Its first live record.
        live_at: Offset,
        /// Records replayed.
        records: u64,
        /// Time since the assignment or failure.
        took: Duration,
    },
    /// A restore did not take a stored checkpoint.
    CheckpointRefused {
        /// The partition.
        partition: &'a TopicPartition,
        /// The checkpoint.
        generation: u64,
        /// Which kind of reason.
        reason: CheckpointRefusal,
        /// What was found, for people.
        detail: &'a str,
    },
    /// A restore did not take a snapshot of the changelog.
    ChangelogRefused {
        /// The partition.
        partition: &'a TopicPartition,
        /// The snapshot; 0 where none can be named.
        generation: u64,
        /// Which kind of reason.
        reason: CheckpointRefusal,
        /// What was found, for people.
        detail: &'a str,
    },
    /// A part of a snapshot was produced into the changelog.
    ChangelogProduced {
        /// The partition.
        partition: &'a TopicPartition,
        /// Number of chunks.
        chunks: u64,
        /// Their bytes.
        bytes: u64,
        /// Position and bytes of the snapshot, when this was its last part.
        completes: Option<(Offset, u64)>,
    },
    /// The standby has put a snapshot of a task it does not own into the local store.
    StandbyKept {
        /// The partition.
        partition: &'a TopicPartition,
        /// Its position.
        position: Offset,
        /// Its size.
        bytes: u64,
    },
    /// The standby could not do its work; it tries again.
    StandbyFailed {
        /// Why, for people.
        why: &'a str,
    },
    /// A checkpoint is durable.
    CheckpointWritten {
        /// The partition.
        partition: &'a TopicPartition,
        /// Its position.
        position: Offset,
        /// Its size.
        bytes: u64,
        /// Time to encode and write it.
        took: Duration,
    },
    /// A checkpoint could not be made or written; the task goes on without it.
    CheckpointFailed {
        /// The partition.
        partition: &'a TopicPartition,
        /// Why, for people.
        why: &'a str,
    },
    /// The checkpoint store went on after damage, at a price.
    StoreIncident {
        /// What it did, as a word: the label of the metric.
        kind: &'static str,
        /// What it found and where it put it, for people.
        detail: &'a str,
    },
    /// A transaction committed.
    Committed {
        /// The client thread.
        thread: u32,
        /// How long the commit took.
        took: Duration,
    },
    /// A transaction was given up or its outcome is unknown; its tasks are rolled back.
    RolledBack {
        /// The client thread.
        thread: u32,
        /// Which of the two.
        outcome: TransactionOutcome,
        /// Why, for people.
        why: &'a str,
    },
    /// A call to the log failed and is made again.
    LogRetry {
        /// The call.
        call: &'static str,
        /// Why, for people.
        why: &'a str,
    },
    /// A stage panicked; its task is restored.
    Panicked {
        /// The partition.
        partition: &'a TopicPartition,
        /// The stage.
        stage: &'a str,
        /// First and last record of the batch.
        records: (Offset, Offset),
        /// The panic's message.
        message: &'a str,
    },
    /// A record failed too often: it goes to the dead-letter topic unseen.
    Skipped {
        /// The partition.
        partition: &'a TopicPartition,
        /// The record.
        offset: Offset,
        /// Why, for people.
        why: &'a str,
    },
}

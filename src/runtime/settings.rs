//! How an instance runs its tasks. Nothing here changes a byte of output or state.

use std::sync::Arc;

use crate::log::Guarantee;
use crate::task::{CheckpointPolicy, MissingInput};

/// The settings of an instance.
#[derive(Debug, Clone)]
pub struct RuntimeSettings {
    /// Name of the consumer group and of the state (`application.id`).
    pub application_id: Arc<str>,
    /// Most milliseconds between an output and its commit (`commit.interval.ms`), at least 1, default 100.
    pub commit_interval_ms: u64,
    /// What a commit promises (`processing.guarantee`), default exactly once.
    pub guarantee: Guarantee,
    /// Client threads (`num.stream.threads`), at least 1, default 1. Each owns one log client and the tasks of the partitions it is given.
    pub num_stream_threads: u32,
    /// Threads that the actors of all tasks are spread over (`num.worker.threads`), at least 1; default: four for each core. An actor stays on its thread,
    /// and stages differ much in what they cost: with more threads than cores it is the operating system that evens the load out.
    pub num_worker_threads: usize,
    /// Most records of one batch (`max.poll.records`), at least 1, default 500.
    pub max_batch_records: usize,
    /// Credits of a task (`task.max.batches`): most batches between its source and the transaction, at least 1, default 8. Beyond it the task's partition is
    /// paused.
    pub max_in_flight_batches: usize,
    /// Most bytes of outputs in one transaction; a fuller one commits before the interval is over. Default 32 MiB.
    pub max_transaction_bytes: usize,
    /// When to keep a snapshot of a task's state.
    pub checkpoint: CheckpointPolicy,
    /// Failures on one record after which it is dead-lettered unseen (`processing.failure.limit`), at least 1, default 3.
    pub failure_limit: u32,
    /// What to do when a restore needs records that have fallen to retention (`restore.missing.input`), default refuse.
    pub missing_input: MissingInput,
    /// Time to finish, commit and keep the state of partitions that are taken away, ms; default 10 s.
    pub revoke_timeout_ms: u64,
}

impl RuntimeSettings {
    /// The defaults for an application.
    pub fn new(application_id: impl Into<Arc<str>>) -> Self {
        RuntimeSettings {
            application_id: application_id.into(),
            commit_interval_ms: 100,
            guarantee: Guarantee::default(),
            num_stream_threads: 1,
            num_worker_threads: 4 * cores(),
            max_batch_records: 500,
            max_in_flight_batches: 8,
            max_transaction_bytes: 32 << 20,
            checkpoint: CheckpointPolicy::default(),
            failure_limit: 3,
            missing_input: MissingInput::default(),
            revoke_timeout_ms: 10_000,
        }
    }

    /// Tasks that are restored at once: a replay keeps a core busy.
    pub(super) fn restore_threads(&self) -> usize {
        self.num_worker_threads.min(cores())
    }

    /// The settings with every number at least its minimum: zero threads, credits or records would run nothing.
    pub(super) fn held_to_minima(mut self) -> Self {
        self.commit_interval_ms = self.commit_interval_ms.max(1);
        self.num_stream_threads = self.num_stream_threads.max(1);
        self.num_worker_threads = self.num_worker_threads.max(1);
        self.max_batch_records = self.max_batch_records.max(1);
        self.max_in_flight_batches = self.max_in_flight_batches.max(1);
        self.failure_limit = self.failure_limit.max(1);
        self
    }
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

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
    /// When snapshots go to the changelog too; default `None`: there is none. With one, the topic
    /// [`changelog::topic_spec`](crate::changelog::topic_spec) must exist.
    pub changelog: Option<ChangelogSettings>,
    /// How many other instances keep the newest snapshot of each task in their local store (`num.standby.replicas`), default 0. Needs a changelog.
    pub num_standby_replicas: u32,
}

/// When a task's snapshots go to the changelog. On revocation and on a clean close they always do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChangelogSettings {
    /// Least milliseconds between snapshots of one task (`changelog.interval.ms`), default 30 s.
    pub interval_ms: u64,
    /// Most bytes of changelog for 100 bytes that the task reads and puts out (`changelog.max.traffic.percent`), default 25. A large state is therefore written rarely: what a
    /// restore has to replay grows in proportion to what it would cost to write more often.
    pub max_traffic_percent: u64,
}

impl Default for ChangelogSettings {
    fn default() -> Self {
        ChangelogSettings { interval_ms: 30_000, max_traffic_percent: 25 }
    }
}

impl ChangelogSettings {
    /// Whether a snapshot is due, `elapsed_ms` and `traffic_bytes` after the last one, which had `last_bytes` (0: nobody knows).
    ///
    /// ```
    /// use tidemill::runtime::ChangelogSettings;
    /// let settings = ChangelogSettings::default();
    /// assert!(!settings.due(29_000, 1 << 30, 1_000_000));
    /// assert!(!settings.due(31_000, 3_999_999, 1_000_000));
    /// assert!(settings.due(31_000, 4_000_000, 1_000_000));
    /// ```
    pub fn due(&self, elapsed_ms: u64, traffic_bytes: u64, last_bytes: u64) -> bool {
        let paid = last_bytes.saturating_mul(100) <= traffic_bytes.saturating_mul(self.max_traffic_percent);
        elapsed_ms >= self.interval_ms && traffic_bytes > 0 && paid
    }
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
            changelog: None,
            num_standby_replicas: 0,
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

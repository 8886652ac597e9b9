//! When to keep a snapshot. A pure decision: the runtime tells how much has happened, time included.

/// What has happened since the last snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Progress {
    /// Records committed since.
    pub records: u64,
    /// Milliseconds since, by the runtime's clock.
    pub elapsed_ms: u64,
    /// Size of the last snapshot, bytes; 0 when there was none.
    pub last_size_bytes: u64,
}

/// The rule. A snapshot is due after `interval_ms`, or after `max_records` whatever the time; large states wait longer so that at most
/// `bytes_per_second` are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CheckpointPolicy {
    /// Least time between snapshots, ms.
    pub interval_ms: u64,
    /// Most records a restore should have to replay.
    pub max_records: u64,
    /// Most bytes a second snapshots may cost.
    pub bytes_per_second: u64,
}

impl Default for CheckpointPolicy {
    /// Every 10 s or 250,000 records, 16 MiB a second: a restart then replays for a few seconds at most.
    fn default() -> Self {
        CheckpointPolicy { interval_ms: 10_000, max_records: 250_000, bytes_per_second: 16 << 20 }
    }
}

impl CheckpointPolicy {
    /// Whether a snapshot is due.
    ///
    /// ```
    /// use tidemill::task::{CheckpointPolicy, Progress};
    /// let policy = CheckpointPolicy::default();
    /// assert!(!policy.due(Progress { records: 10, elapsed_ms: 5_000, last_size_bytes: 1_000 }));
    /// assert!(policy.due(Progress { records: 10, elapsed_ms: 30_000, last_size_bytes: 1_000 }));
    /// assert!(!policy.due(Progress { records: 10, elapsed_ms: 30_000, last_size_bytes: 1 << 30 }));
    /// ```
    pub fn due(&self, progress: Progress) -> bool {
        if progress.records == 0 {
            return false;
        }
        let affordable = progress.last_size_bytes <= self.bytes_per_second.saturating_mul(progress.elapsed_ms) / 1_000;
        progress.records >= self.max_records || (progress.elapsed_ms >= self.interval_ms && affordable)
    }
}

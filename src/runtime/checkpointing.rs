//! Where a task stands with its checkpoints: at most one is under way, and none is written before its position has committed.

use std::time::Instant;

use super::clock;
use super::status::CheckpointStatus;
use crate::record::Offset;
use crate::task::{CheckpointPolicy, Progress, TaskSnapshot};

/// The checkpoint that is under way.
enum UnderWay {
    Nothing,
    /// A barrier is on its way through the stages.
    Asked,
    /// The snapshot is there and waits for the commit of its position.
    Taken(Box<TaskSnapshot>),
    /// The checkpoint actor writes it.
    Writing,
}

/// See the module's documentation.
pub(super) struct Checkpointing {
    under_way: UnderWay,
    records: u64,
    since: Instant,
    last_size_bytes: u64,
    kept_at: Option<Offset>,
}

impl Checkpointing {
    /// A task whose newest checkpoint stands at `kept_at`, and which has replayed `records` since.
    pub(super) fn new(kept_at: Option<Offset>, records: u64) -> Self {
        Checkpointing { under_way: UnderWay::Nothing, records, since: clock::now(), last_size_bytes: 0, kept_at }
    }

    /// So many records have committed.
    pub(super) fn committed(&mut self, records: u64) {
        self.records += records;
    }

    /// Whether a barrier is to be sent now.
    pub(super) fn due(&self, policy: &CheckpointPolicy) -> bool {
        let elapsed_ms = u64::try_from(self.since.elapsed().as_millis()).unwrap_or(u64::MAX);
        let progress = Progress { records: self.records, elapsed_ms, last_size_bytes: self.last_size_bytes };
        matches!(self.under_way, UnderWay::Nothing) && policy.due(progress)
    }

    /// Whether the state at `position` is in no checkpoint, nor in one under way.
    pub(super) fn lacks(&self, position: Offset) -> bool {
        matches!(self.under_way, UnderWay::Nothing) && self.kept_at != Some(position)
    }

    /// A barrier was sent.
    pub(super) fn asked(&mut self) {
        self.under_way = UnderWay::Asked;
        self.records = 0;
        self.since = clock::now();
    }

    /// The barrier has passed the sink.
    pub(super) fn taken(&mut self, snapshot: Box<TaskSnapshot>) {
        self.under_way = UnderWay::Taken(snapshot);
    }

    /// The snapshot to be written now that everything before `committed` has committed.
    pub(super) fn writable(&mut self, committed: Offset) -> Option<Box<TaskSnapshot>> {
        match std::mem::replace(&mut self.under_way, UnderWay::Writing) {
            UnderWay::Taken(snapshot) if snapshot.position <= committed => Some(snapshot),
            other => {
                self.under_way = other;
                None
            }
        }
    }

    /// The checkpoint is durable, or came to nothing.
    pub(super) fn done(&mut self, kept: Option<CheckpointStatus>) {
        self.under_way = UnderWay::Nothing;
        if let Some(CheckpointStatus { position, bytes, .. }) = kept {
            self.kept_at = Some(position);
            self.last_size_bytes = bytes;
        }
    }

    /// Whether nothing is under way.
    pub(super) fn idle(&self) -> bool {
        matches!(self.under_way, UnderWay::Nothing)
    }

    /// Whether a barrier has not come back yet.
    pub(super) fn waits_for_barrier(&self) -> bool {
        matches!(self.under_way, UnderWay::Asked)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::TopicPartition;
    use crate::task::Counts;

    fn snapshot(position: i64) -> Box<TaskSnapshot> {
        Box::new(TaskSnapshot {
            topology: "t".into(),
            source_fingerprint: String::new(),
            partition: TopicPartition::new("in", 0),
            position: Offset(position),
            counts: Counts::default(),
            coins: Vec::new(),
            nodes: Vec::new(),
        })
    }

    #[test]
    fn a_snapshot_is_written_only_after_its_position_has_committed() {
        let mut checkpoints = Checkpointing::new(None, 0);
        checkpoints.asked();
        assert!(checkpoints.writable(Offset(100)).is_none() && checkpoints.waits_for_barrier());
        checkpoints.taken(snapshot(10));
        assert!(checkpoints.writable(Offset(9)).is_none());
        assert_eq!(checkpoints.writable(Offset(10)).map(|snapshot| snapshot.position), Some(Offset(10)));
        assert!(checkpoints.writable(Offset(10)).is_none(), "once");
        assert!(!checkpoints.idle());
        checkpoints.done(Some(CheckpointStatus { position: Offset(10), bytes: 5, at: clock::now() }));
        assert!(checkpoints.idle() && !checkpoints.lacks(Offset(10)) && checkpoints.lacks(Offset(11)));
    }

    #[test]
    fn one_is_due_by_records_and_only_one_at_a_time() {
        let policy = CheckpointPolicy { max_records: 10, ..CheckpointPolicy::default() };
        let mut checkpoints = Checkpointing::new(None, 4);
        checkpoints.committed(5);
        assert!(!checkpoints.due(&policy));
        checkpoints.committed(1);
        assert!(checkpoints.due(&policy));
        checkpoints.asked();
        checkpoints.committed(50);
        assert!(!checkpoints.due(&policy));
    }
}

//! Brings a task back: looks at what the log, the store and the changelog have, lets [`resolve`] decide, and carries the decision out with a silent replay on one thread.
//!
//! Which snapshots there are to be tried, and which are refused, is in `sources`; the last resort is the log alone. Nothing a replay puts out is produced: it was committed
//! before.

use std::borrow::Borrow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use thiserror::Error;

use super::board::Board;
use super::changelogging::ChangelogStanding;
use super::clock;
use super::link::{TaskLink, Told, guarded};
use super::sources::{Sources, Stored};
use super::standby::Standbys;
use super::status::{ReplaySpan, RestoreStatus, TaskState};
use crate::failpoint;
use crate::log::{Log, LogError, LogReader, Reaction};
use crate::record::{Offset, TopicPartition};
use crate::snapshot::SnapshotError;
use crate::store::{Checkpoint, CheckpointStore, StoreError};
use crate::task::{Facts, MissingInput, NodeState, Plan, Refused, Skips, SnapshotFacts, Task, TaskError, TaskSnapshot, resolve};
use crate::telemetry::{CheckpointRefusal, RestoreSource, RuntimeEvent, SnapshotOrigin, Telemetry};
use crate::topology::{Graph, StoredNode, diff};

/// Records of one step of a replay; its progress is told, and its end looked for, after each.
const STEP_RECORDS: usize = 1_000;

/// Why a task could not be brought back.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RestoreError {
    /// The log failed.
    #[error("partition {partition} cannot be restored: {cause}")]
    Log {
        /// The partition.
        partition: TopicPartition,
        /// Why.
        cause: LogError,
    },
    /// The decision was not to.
    #[error("{refused}{differences}")]
    Refused {
        /// Why not.
        refused: Refused,
        /// What the changed nodes were and are, and the command that resets them; empty for other reasons.
        differences: String,
    },
    /// The log ends before the committed position.
    #[error(
        "partition {partition} ends at {end}, but {committed} is committed: the topic was made anew or cut. Reset the application \
         (`tidemill state reset`) to begin with what the topic holds now"
    )]
    Beyond {
        /// The partition.
        partition: TopicPartition,
        /// The committed position.
        committed: Offset,
        /// Where the log ends.
        end: Offset,
    },
    /// A record that was processed before made a processor panic now.
    #[error(
        "partition {partition}: replaying records {first} to {last} panicked: {message}. These records were processed before, so this program or a node that \
         was added differs from the one that did: mend or remove the node, or reset the task (`tidemill state reset`)"
    )]
    Panicked {
        /// The partition.
        partition: TopicPartition,
        /// First record of the step.
        first: Offset,
        /// Last record of the step.
        last: Offset,
        /// The panic's message.
        message: String,
    },
    /// The life of the task ended meanwhile.
    #[error("the restore was given up")]
    Ended,
}

/// A task that is back, and how.
pub(super) struct Restored {
    pub(super) task: Task,
    pub(super) skips: Skips,
    pub(super) status: RestoreStatus,
    /// Position of the checkpoint that is in the store.
    pub(super) kept_at: Option<Offset>,
    /// How it stands with its changelog; `None` when it has none.
    pub(super) changelog: Option<ChangelogStanding>,
}

/// One restore, with everything it needs.
pub(super) struct Restore {
    pub(super) graph: Arc<Graph>,
    pub(super) link: TaskLink,
    pub(super) committed: Option<Offset>,
    pub(super) skips: Skips,
    pub(super) missing_input: MissingInput,
    pub(super) log: Arc<dyn Log>,
    pub(super) store: Arc<dyn CheckpointStore>,
    pub(super) telemetry: Arc<Telemetry>,
    pub(super) board: Arc<Board>,
    /// Its partition of the changelog.
    pub(super) changelog: Option<TopicPartition>,
    pub(super) standbys: Arc<Standbys>,
    pub(super) thread: u32,
    /// Whether the task lived in this process before.
    pub(super) recovering: bool,
    /// When it was assigned or failed.
    pub(super) since: Instant,
}

/// Why an attempt came to nothing.
enum Setback {
    /// This snapshot does not load: try without it.
    Unusable(u64, String),
    /// There is no way.
    Hopeless(RestoreError),
}

impl From<RestoreError> for Setback {
    fn from(error: RestoreError) -> Self {
        Setback::Hopeless(error)
    }
}

impl Restore {
    /// Brings the task back and tells its client thread.
    pub(super) fn tell(&self) {
        let panicked = |message| Err(self.panicked(&[], message));
        let outcome = guarded(|| self.run()).unwrap_or_else(panicked);
        self.link.tell(Told::Restored(outcome.map(Box::new)));
    }

    /// Brings the task back.
    ///
    /// # Errors
    /// See [`RestoreError`].
    fn run(&self) -> Result<Restored, RestoreError> {
        let mut reader = self.patiently(|| self.log.reader())?;
        let mut sources = Sources::look(self, reader.as_mut())?;
        let mut stored = sources.next(reader.as_mut())?;
        loop {
            let ends = self.patiently(|| reader.watermarks(&self.link.partition))?;
            self.refuse_beyond(ends.end)?;
            let facts = self.facts(ends.start, stored.as_ref());
            let plan = resolve(&self.graph, &facts).map_err(|refused| self.refused(refused, stored.as_ref()))?;
            match self.carry_out(&plan, stored.as_ref(), reader.as_mut()) {
                Ok((task, records)) => {
                    let origin = stored.map(|stored| stored.origin);
                    return Ok(self.restored((&plan, origin), task, records, ends.start, sources.into_standing()));
                }
                Err(Setback::Hopeless(error)) => return Err(error),
                Err(Setback::Unusable(generation, detail)) => {
                    self.refuse(generation, CheckpointRefusal::Damaged, &detail);
                    stored = sources.next(reader.as_mut())?;
                }
            }
        }
    }

    /// Only one snapshot is opened at a time: they may be large, and the newest is nearly always the one.
    fn facts(&self, log_start: Offset, stored: Option<&Stored>) -> Facts {
        let snapshots = stored.iter().map(|Stored { generation, snapshot, .. }| SnapshotFacts {
            generation: *generation,
            position: snapshot.position,
            source_fingerprint: snapshot.source_fingerprint.clone(),
            nodes: snapshot.node_facts(),
        });
        Facts {
            partition: self.link.partition.clone(),
            committed: self.committed,
            log_start,
            snapshots: snapshots.collect(),
            missing_input: self.missing_input,
        }
    }

    fn refuse_beyond(&self, end: Offset) -> Result<(), RestoreError> {
        match self.committed {
            Some(committed) if committed > end => {
                Err(RestoreError::Beyond { partition: self.link.partition.clone(), committed, end })
            }
            _ => Ok(()),
        }
    }

    fn refused(&self, refused: Refused, stored: Option<&Stored>) -> RestoreError {
        let differences = match (&refused, stored) {
            (Refused::Changed { .. }, Some(newest)) => format!("\n{}", differences(&self.graph, &newest.snapshot)),
            _ => String::new(),
        };
        RestoreError::Refused { refused, differences }
    }

    /// The task at its live position, and how many records were replayed.
    fn carry_out(&self, plan: &Plan, stored: Option<&Stored>, reader: &mut dyn LogReader) -> Result<(Task, u64), Setback> {
        let partition = self.link.partition.partition;
        let fresh = |at: Offset| Task::new(self.graph.clone(), partition, at, self.skips.clone());
        let snapshot = || &stored.expect("the plan takes the snapshot it was told of").snapshot;
        let unusable = |generation: u64| move |error: TaskError| Setback::Unusable(generation, error.to_string());
        match *plan {
            Plan::Begin { at } => Ok((self.begin(fresh(at)), 0)),
            Plan::Resume { generation, from, live_at } => {
                let restored = Task::restore(self.graph.clone(), partition, snapshot(), self.skips.clone());
                let mut task = restored.map_err(unusable(generation))?;
                self.cache(stored);
                let records = self.replay(&mut task, reader, from, live_at)?;
                Ok((task, records))
            }
            Plan::Warm { generation, from, warm_from, live_at, .. } => {
                let mut task = fresh(warm_from);
                let warmed = self.replay(&mut task, reader, warm_from, from)?;
                task.adopt(snapshot()).map_err(unusable(generation))?;
                self.cache(stored);
                let records = self.replay(&mut task, reader, from, live_at)?;
                Ok((task, warmed + records))
            }
            Plan::Rebuild { from, live_at } => {
                let mut task = fresh(from);
                let records = self.replay(&mut task, reader, from, live_at)?;
                Ok((task, records))
            }
        }
    }

    /// A task that begins after the start of time keeps its empty state at once: otherwise, after a crash before the first checkpoint, nobody could tell
    /// that the records before its beginning were never its own.
    fn begin(&self, task: Task) -> Task {
        if task.position() > Offset::ZERO {
            self.keep_locally(task.snapshot());
        }
        task
    }

    /// Puts a snapshot that came from the changelog into the local store: the next restart here finds it there.
    fn cache(&self, stored: Option<&Stored>) {
        if let Some(Stored { origin: SnapshotOrigin::Changelog, snapshot, .. }) = stored {
            self.keep_locally(Ok(snapshot));
        }
    }

    fn keep_locally(&self, snapshot: Result<impl Borrow<TaskSnapshot>, SnapshotError>) {
        let outcome = snapshot.map_err(StoreError::from).and_then(|snapshot| {
            let snapshot = snapshot.borrow();
            let place = (&snapshot.partition, snapshot.position);
            keep(self.store.as_ref(), &self.graph, place, snapshot.to_bytes()?)
        });
        if let Err(error) = outcome {
            let (partition, why) = (&self.link.partition, &error.to_string());
            self.telemetry.event(&RuntimeEvent::CheckpointFailed { partition, why });
        }
    }

    /// Re-processes the records from `from` to `to` and lets their outputs go.
    fn replay(&self, task: &mut Task, reader: &mut dyn LogReader, from: Offset, to: Offset) -> Result<u64, RestoreError> {
        let partition = &self.link.partition;
        let (mut at, mut records) = (from, 0);
        while at < to {
            self.progress(ReplaySpan { from, to, at });
            let read = || reader.read(partition, at, to, STEP_RECORDS, Duration::from_millis(100));
            let fetched = self.patiently(read)?;
            records += fetched.records.len() as u64;
            at = fetched.next;
            if !fetched.records.is_empty() {
                let batch = Arc::new(fetched.records);
                guarded(|| task.replay(batch.clone())).map_err(|message| self.panicked(&batch.offsets, message))?;
            }
            failpoint::hit("runtime.mid-restore");
        }
        self.progress(ReplaySpan { from, to, at });
        Ok(records)
    }

    fn panicked(&self, offsets: &[Offset], message: String) -> RestoreError {
        let end = |offset: Option<&Offset>| offset.copied().unwrap_or_default();
        let (first, last) = (end(offsets.first()), end(offsets.last()));
        RestoreError::Panicked { partition: self.link.partition.clone(), first, last, message }
    }

    fn progress(&self, span: ReplaySpan) {
        let state = if self.recovering { TaskState::Recovering(span) } else { TaskState::Restoring(span) };
        self.board.update_task(&self.link.partition, self.thread, |task| {
            if !self.link.ended() {
                task.state = state;
            }
        });
    }

    /// Makes a call to the log again and again while the log says so.
    pub(super) fn patiently<T>(&self, mut call: impl FnMut() -> Result<T, LogError>) -> Result<T, RestoreError> {
        let mut pause = Duration::from_millis(10);
        loop {
            if self.link.ended() {
                return Err(RestoreError::Ended);
            }
            match call() {
                Ok(answer) => return Ok(answer),
                Err(error) if error.reaction() == Reaction::Retry => {
                    self.telemetry.event(&RuntimeEvent::LogRetry { call: "restore", why: &error.to_string() });
                    std::thread::sleep(pause);
                    pause = (pause * 2).min(Duration::from_secs(1));
                }
                Err(cause) => return Err(RestoreError::Log { partition: self.link.partition.clone(), cause }),
            }
        }
    }

    fn restored(
        &self,
        (plan, origin): (&Plan, Option<SnapshotOrigin>),
        task: Task,
        records: u64,
        start: Offset,
        changelog: Option<ChangelogStanding>,
    ) -> Restored {
        let resumed = match origin {
            Some(SnapshotOrigin::Changelog) => RestoreSource::Changelog,
            Some(SnapshotOrigin::Standby) => RestoreSource::Standby,
            Some(SnapshotOrigin::Local) | None => RestoreSource::Checkpoint,
        };
        let (source, checkpoint, warmed) = match plan {
            Plan::Begin { .. } => (RestoreSource::Begin, None, Vec::new()),
            Plan::Resume { from, .. } => (resumed, Some(*from), Vec::new()),
            Plan::Warm { from, nodes, .. } => (RestoreSource::Warm, Some(*from), nodes.clone()),
            Plan::Rebuild { .. } => (RestoreSource::Rebuild, None, Vec::new()),
        };
        let kept_at = if source == RestoreSource::Begin { Some(task.position()) } else { checkpoint };
        // A warmed task's new nodes are in no checkpoint yet.
        let kept_at = kept_at.filter(|_| source != RestoreSource::Warm);
        let took = clock::now().duration_since(self.since);
        // Records that are gone cannot be live ones; the settings accept that, or the plan would have been refused.
        let live_at = task.position().max(start);
        let origin = origin.filter(|_| checkpoint.is_some());
        let status = RestoreStatus { source, checkpoint, origin, warmed, live_at, records, took_ms: took.as_millis() as u64 };
        self.telemetry.event(&RuntimeEvent::Restored { partition: &self.link.partition, source, live_at, records, took });
        Restored { task, skips: self.skips.clone(), status, kept_at, changelog }
    }
}

/// What the nodes were and are, and the command that lets go of what does not fit. The graph does not know the name of its file.
fn differences(graph: &Graph, snapshot: &TaskSnapshot) -> String {
    let node = |node: &NodeState| StoredNode {
        name: node.name.clone(),
        operator: node.operator.clone(),
        fingerprint: node.fingerprint.clone(),
        spec: serde_json::from_str(&node.spec).unwrap_or_default(),
    };
    let stored: Vec<StoredNode> = snapshot.nodes.iter().map(node).collect();
    diff(&snapshot.source_fingerprint, &stored, graph).render("TOPOLOGY")
}

/// The name under which the store knows the task of a partition.
pub fn task_name(partition: &TopicPartition) -> String {
    partition.to_string()
}

/// Writes the payload of a snapshot of this partition and position to the store; the answer is its generation.
pub(super) fn keep(
    store: &dyn CheckpointStore,
    graph: &Graph,
    (partition, position): (&TopicPartition, Offset),
    payload: Vec<u8>,
) -> Result<u64, StoreError> {
    let checkpoint =
        Checkpoint { positions: [(partition.clone(), position)].into(), fingerprint: graph.fingerprint.clone(), payload };
    store.write(&task_name(partition), &checkpoint)
}

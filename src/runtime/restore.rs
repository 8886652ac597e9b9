//! Brings a task back: looks at what the log and the store have, lets [`resolve`] decide, and carries the decision out with a silent replay on one thread.
//!
//! A stored checkpoint that does not verify, belongs to something else or is ahead of the committed position is refused, told, and the next older one is
//! tried; the last resort is the log alone. Nothing a replay puts out is produced: it was committed before.

use std::sync::Arc;
use std::time::{Duration, Instant};

use thiserror::Error;

use super::board::Board;
use super::clock;
use super::link::{TaskLink, Told, guarded};
use super::status::{ReplaySpan, RestoreStatus, TaskState};
use crate::failpoint;
use crate::log::{Log, LogError, LogReader, Reaction};
use crate::record::{Offset, TopicPartition};
use crate::store::{Checkpoint, CheckpointInfo, CheckpointStore, Listing, StoreError};
use crate::task::{Facts, MissingInput, NodeState, Plan, Refused, Skips, SnapshotFacts, Task, TaskError, TaskSnapshot, resolve};
use crate::telemetry::{CheckpointRefusal, RestoreSource, RuntimeEvent, Telemetry};
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
    pub(super) thread: u32,
    /// Whether the task lived in this process before.
    pub(super) recovering: bool,
    /// When it was assigned or failed.
    pub(super) since: Instant,
}

/// A snapshot that could be taken.
struct Stored {
    generation: u64,
    snapshot: TaskSnapshot,
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
        let mut candidates = self.candidates().into_iter();
        let mut stored = candidates.find_map(|generation| self.open(generation));
        loop {
            let ends = self.patiently(|| reader.watermarks(&self.link.partition))?;
            self.refuse_beyond(ends.end)?;
            let facts = self.facts(ends.start, stored.as_ref());
            let plan = resolve(&self.graph, &facts).map_err(|refused| self.refused(refused, stored.as_ref()))?;
            match self.carry_out(&plan, stored.as_ref(), reader.as_mut()) {
                Ok((task, records)) => return Ok(self.restored(&plan, task, records, ends.start)),
                Err(Setback::Hopeless(error)) => return Err(error),
                Err(Setback::Unusable(generation, detail)) => {
                    self.refuse(generation, CheckpointRefusal::Damaged, &detail);
                    stored = candidates.find_map(|generation| self.open(generation));
                }
            }
        }
    }

    /// Only one snapshot is opened at a time: they may be large, and the newest is nearly always the one.
    fn facts(&self, log_start: Offset, stored: Option<&Stored>) -> Facts {
        let snapshots = stored.iter().map(|Stored { generation, snapshot }| SnapshotFacts {
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

    /// The generations that may be taken, newest first. Those that may not are told of.
    fn candidates(&self) -> Vec<u64> {
        let task = task_name(&self.link.partition);
        let candidates = self.list(&task).and_then(|listing| {
            if listing.intact.iter().all(|info| !self.ahead(info)) {
                return Ok(listing);
            }
            self.drop_those_ahead(&task, &listing)?;
            self.list(&task)
        });
        match candidates {
            Ok(listing) => listing.intact.iter().map(|info| info.generation).collect(),
            Err(error) => {
                self.refuse(0, CheckpointRefusal::Damaged, &error.to_string());
                Vec::new()
            }
        }
    }

    fn list(&self, task: &str) -> Result<Listing, StoreError> {
        let listing = self.store.list(task)?;
        listing.damaged.iter().for_each(|what| self.refuse(0, CheckpointRefusal::Damaged, what));
        Ok(listing)
    }

    /// Where a snapshot stands; one that does not say so cannot be told from one that is ahead.
    fn position(&self, info: &CheckpointInfo) -> Offset {
        info.positions.get(&self.link.partition).copied().unwrap_or(Offset(i64::MAX))
    }

    fn ahead(&self, info: &CheckpointInfo) -> bool {
        self.committed.is_none_or(|committed| self.position(info) > committed)
    }

    /// Removes snapshots of a future that never committed: once the task has caught up with their positions they would look like its own.
    fn drop_those_ahead(&self, task: &str, listing: &Listing) -> Result<(), StoreError> {
        let (ahead, others): (Vec<_>, Vec<_>) = listing.intact.iter().partition(|info| self.ahead(info));
        let committed = self.committed.map_or_else(|| "nothing".to_owned(), |committed| committed.to_string());
        for info in ahead {
            let detail = format!("its position is {}, but {committed} is committed", self.position(info));
            self.refuse(info.generation, CheckpointRefusal::Ahead, &detail);
        }
        let kept = match others.first() {
            Some(info) => Some((*info, self.store.load(task, info.generation)?)),
            None => None,
        };
        self.store.remove(task)?;
        if let Some((info, payload)) = kept {
            let (positions, fingerprint) = (info.positions.clone(), info.fingerprint.clone());
            self.store.write(task, &Checkpoint { positions, fingerprint, payload })?;
        }
        Ok(())
    }

    /// Reads one snapshot; `None`, told of, when it cannot be ours.
    fn open(&self, generation: u64) -> Option<Stored> {
        let refuse = |reason, detail: &str| self.refuse(generation, reason, detail);
        let damaged = |error: &dyn std::fmt::Display| refuse(CheckpointRefusal::Damaged, &error.to_string());
        let bytes = self.store.load(&task_name(&self.link.partition), generation).map_err(|e| damaged(&e)).ok()?;
        let snapshot = TaskSnapshot::from_bytes(&bytes).map_err(|e| damaged(&e)).ok()?;
        let (topology, partition) = (&*snapshot.topology, &snapshot.partition);
        if (topology, partition) == (&*self.graph.name, &self.link.partition) {
            return Some(Stored { generation, snapshot });
        }
        refuse(CheckpointRefusal::Foreign, &format!("it is of topology {topology} and partition {partition}"));
        None
    }

    fn refuse(&self, generation: u64, reason: CheckpointRefusal, detail: &str) {
        let partition = &self.link.partition;
        self.telemetry.event(&RuntimeEvent::CheckpointRefused { partition, generation, reason, detail });
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
                let records = self.replay(&mut task, reader, from, live_at)?;
                Ok((task, records))
            }
            Plan::Warm { generation, from, warm_from, live_at, .. } => {
                let mut task = fresh(warm_from);
                let warmed = self.replay(&mut task, reader, warm_from, from)?;
                task.adopt(snapshot()).map_err(unusable(generation))?;
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
            let outcome = task.snapshot().map_err(StoreError::from);
            let outcome = outcome.and_then(|snapshot| keep(self.store.as_ref(), &self.graph, &snapshot));
            if let Err(error) = outcome {
                let (partition, why) = (&self.link.partition, &error.to_string());
                self.telemetry.event(&RuntimeEvent::CheckpointFailed { partition, why });
            }
        }
        task
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
    fn patiently<T>(&self, mut call: impl FnMut() -> Result<T, LogError>) -> Result<T, RestoreError> {
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

    fn restored(&self, plan: &Plan, task: Task, records: u64, start: Offset) -> Restored {
        let (source, checkpoint, warmed) = match plan {
            Plan::Begin { .. } => (RestoreSource::Begin, None, Vec::new()),
            Plan::Resume { from, .. } => (RestoreSource::Checkpoint, Some(*from), Vec::new()),
            Plan::Warm { from, nodes, .. } => (RestoreSource::Warm, Some(*from), nodes.clone()),
            Plan::Rebuild { .. } => (RestoreSource::Rebuild, None, Vec::new()),
        };
        let kept_at = if source == RestoreSource::Begin { Some(task.position()) } else { checkpoint };
        // A warmed task's new nodes are in no checkpoint yet.
        let kept_at = kept_at.filter(|_| source != RestoreSource::Warm);
        let took = clock::now().duration_since(self.since);
        // Records that are gone cannot be live ones; the settings accept that, or the plan would have been refused.
        let live_at = task.position().max(start);
        let status = RestoreStatus { source, checkpoint, warmed, live_at, records, took_ms: took.as_millis() as u64 };
        self.telemetry.event(&RuntimeEvent::Restored { partition: &self.link.partition, source, live_at, records, took });
        Restored { task, skips: self.skips.clone(), status, kept_at }
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

/// Writes a snapshot to the store; the answer is its generation and size.
pub(super) fn keep(store: &dyn CheckpointStore, graph: &Graph, snapshot: &TaskSnapshot) -> Result<(u64, u64), StoreError> {
    let payload = snapshot.to_bytes()?;
    let bytes = payload.len() as u64;
    let positions = [(snapshot.partition.clone(), snapshot.position)].into();
    let checkpoint = Checkpoint { positions, fingerprint: graph.fingerprint.clone(), payload };
    Ok((store.write(&task_name(&snapshot.partition), &checkpoint)?, bytes))
}

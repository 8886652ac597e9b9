//! The standby: keeps the newest snapshots of tasks that other instances own in the local store, so that taking one over reads no changelog.
//!
//! It looks once a second: who owns what, which of it is ours to keep warm, and whether their changelogs have grown. It takes what a restore would take, never ahead of what
//! has committed, and writes it to the store as the owner would. That it follows the assignor's choice is a guess about another program: if a partition goes elsewhere, its new
//! owner restores from the changelog, and nothing but time is lost.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::board::Board;
use super::changelogging::ChangelogStanding;
use super::restore::{keep, task_name};
use super::standby_plan::standby_partitions;
use super::status::{StandbyStatus, TaskState};
use crate::changelog::{Found, Search, Sought};
use crate::failpoint;
use crate::log::{Log, LogError, LogReader, Watermarks};
use crate::record::{Offset, TopicPartition};
use crate::store::CheckpointStore;
use crate::task::TaskSnapshot;
use crate::telemetry::{RuntimeEvent, Telemetry};
use crate::topology::Graph;

const INTERVAL: Duration = Duration::from_secs(1);
/// Chunks that are read at once.
const READ_CHUNKS: usize = 64;

/// What the standby of this process knows of each task's changelog.
#[derive(Debug, Default)]
pub(super) struct Standbys(Mutex<BTreeMap<TopicPartition, Known>>);

#[derive(Debug)]
struct Known {
    /// Position of the snapshot that was put into the local store.
    position: Offset,
    /// The end of the changelog up to which nothing newer was found.
    end: Offset,
    standing: ChangelogStanding,
}

impl Standbys {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<TopicPartition, Known>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the standby put the snapshot at this position there.
    pub(super) fn wrote(&self, partition: &TopicPartition, position: Offset) -> bool {
        self.lock().get(partition).is_some_and(|known| known.position == position)
    }

    /// How the task stands with its changelog, when that has not grown since, and the store has what it had to offer: then a restore need not read it.
    pub(super) fn standing(&self, partition: &TopicPartition, end: Offset, local: Option<Offset>) -> Option<ChangelogStanding> {
        let known = self.lock();
        let known =
            known.get(partition).filter(|known| known.end == end && local.is_some_and(|local| local >= known.position))?;
        Some(known.standing.clone())
    }

    fn note(&self, partition: &TopicPartition, known: Option<Known>) {
        match known {
            Some(known) => self.lock().insert(partition.clone(), known),
            None => self.lock().remove(partition),
        };
    }
}

/// See the module's documentation.
pub(super) struct Standby {
    pub(super) graph: Arc<Graph>,
    pub(super) log: Arc<dyn Log>,
    pub(super) board: Arc<Board>,
    pub(super) telemetry: Arc<Telemetry>,
    pub(super) store: Arc<dyn CheckpointStore>,
    pub(super) kept: Arc<Standbys>,
    pub(super) application_id: Arc<str>,
    pub(super) changelog: Arc<str>,
    pub(super) replicas: u32,
}

/// What is remembered of a task from one look to the next.
#[derive(Default)]
struct Warm {
    /// Position of the snapshot in the local store.
    position: Option<Offset>,
    /// Position of the newest snapshot that was written by this standby.
    wrote: Option<Offset>,
    /// The end of its changelog when that had nothing more to offer.
    seen: Option<Offset>,
}

/// Between two looks.
#[derive(Default)]
struct Memory {
    reader: Option<Box<dyn LogReader>>,
    warm: BTreeMap<u32, Warm>,
}

impl Standby {
    /// Runs until `stop` is told or dropped.
    pub(super) fn run(&self, stop: &Receiver<()>) {
        let mut memory = Memory::default();
        while matches!(stop.recv_timeout(INTERVAL), Err(RecvTimeoutError::Timeout)) {
            if let Err(error) = self.look(&mut memory) {
                memory.reader = None;
                self.telemetry.event(&RuntimeEvent::StandbyFailed { why: &error.to_string() });
            }
        }
    }

    fn look(&self, memory: &mut Memory) -> Result<(), LogError> {
        let members = self.log.group_members(&self.application_id)?;
        if members.is_empty() {
            // A rebalance; who is whose standby is seen when it is over.
            return Ok(());
        }
        let ours = standby_partitions(&members, &self.graph.source.topic, self.replicas);
        let ours: BTreeSet<u32> = ours.into_iter().filter(|number| !self.owns(*number)).collect();
        self.forget_others(memory, &ours);
        if ours.is_empty() {
            self.show(Vec::new());
            return Ok(());
        }
        let committed = self.log.group_offsets(&self.application_id)?;
        let mut reader = match memory.reader.take() {
            Some(reader) => reader,
            None => self.log.reader()?,
        };
        let mut shown = Vec::new();
        for number in ours {
            let partition = TopicPartition::new(self.graph.source.topic.clone(), number);
            let committed = committed.get(&partition).map(|committed| committed.offset);
            let warm = memory
                .warm
                .entry(number)
                .or_insert_with(|| Warm { position: self.stored(&partition, committed), ..Warm::default() });
            self.follow(&partition, committed, warm, reader.as_mut())?;
            let behind =
                |position: Offset| committed.map(|committed| committed.0.saturating_sub(position.0).max(0).unsigned_abs());
            let lag = warm.position.and_then(behind);
            self.telemetry.standby_lag(&partition, lag);
            shown.push(StandbyStatus { partition, position: warm.position, lag });
        }
        memory.reader = Some(reader);
        self.show(shown);
        Ok(())
    }

    fn show(&self, standbys: Vec<StandbyStatus>) {
        self.board.update(|status| status.standbys = standbys);
    }

    fn owns(&self, number: u32) -> bool {
        self.board.status().task(number).is_some_and(|task| task.state != TaskState::Closed)
    }

    fn forget_others(&self, memory: &mut Memory, ours: &BTreeSet<u32>) {
        let gone: Vec<u32> = memory.warm.keys().copied().filter(|number| !ours.contains(number)).collect();
        for number in gone {
            memory.warm.remove(&number);
            self.telemetry.standby_lag(&TopicPartition::new(self.graph.source.topic.clone(), number), None);
        }
    }

    /// The newest snapshot that is in the store already.
    fn stored(&self, partition: &TopicPartition, committed: Option<Offset>) -> Option<Offset> {
        let listing = self.store.list(&task_name(partition)).ok()?;
        let positions = listing.intact.iter().filter_map(|info| info.positions.get(partition).copied());
        positions.filter(|position| committed.is_some_and(|committed| *position <= committed)).max()
    }

    /// Takes what the task's changelog has to offer since the last look.
    fn follow(
        &self,
        partition: &TopicPartition,
        committed: Option<Offset>,
        warm: &mut Warm,
        reader: &mut dyn LogReader,
    ) -> Result<(), LogError> {
        let at = TopicPartition::new(self.changelog.clone(), partition.partition);
        let ends = reader.watermarks(&at)?;
        if warm.seen == Some(ends.end) {
            return Ok(());
        }
        let sought = Sought { topology: &self.graph.name, partition, committed, better_than: warm.position };
        let (found, payload) = search(&at, ends, &sought, reader)?;
        // What is still ahead of the committed position may be taken at a later look.
        warm.seen = Some(ends.end).filter(|_| found.ahead.is_empty());
        if let Some((position, payload)) = payload {
            self.keep(partition, warm, position, payload);
        }
        let standing = ChangelogStanding::of(&found);
        let known = |position| Known { position, end: ends.end, standing };
        self.kept.note(partition, warm.wrote.filter(|_| found.ahead.is_empty()).map(known));
        Ok(())
    }

    fn keep(&self, partition: &TopicPartition, warm: &mut Warm, position: Offset, payload: Vec<u8>) {
        let whole = TaskSnapshot::from_bytes(&payload).is_ok_and(|snapshot| snapshot.partition == *partition);
        // It may have become ours meanwhile; then the store is its restore's.
        if whole && !self.owns(partition.partition) {
            let bytes = payload.len() as u64;
            failpoint::hit("standby.before-keep");
            match keep(self.store.as_ref(), &self.graph, (partition, position), payload) {
                Ok(_) => {
                    warm.position = Some(position);
                    warm.wrote = Some(position);
                    self.telemetry.event(&RuntimeEvent::StandbyKept { partition, position, bytes });
                }
                Err(error) => self.telemetry.event(&RuntimeEvent::StandbyFailed { why: &error.to_string() }),
            }
        }
    }
}

/// The newest snapshot that verifies, with its position.
type Newest = Option<(Offset, Vec<u8>)>;

fn search(
    at: &TopicPartition,
    ends: Watermarks,
    sought: &Sought<'_>,
    reader: &mut dyn LogReader,
) -> Result<(Found, Newest), LogError> {
    let mut read = |from, to| reader.read(at, from, to, READ_CHUNKS, Duration::from_millis(100));
    let mut search = Search::new(ends, &mut read);
    let found = search.look(sought)?;
    for generation in &found.usable {
        if let Ok(payload) = search.load(generation)? {
            return Ok((found.clone(), Some((generation.id.position, payload))));
        }
    }
    Ok((found, None))
}

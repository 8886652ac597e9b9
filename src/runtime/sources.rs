//! The snapshots that a restore may take: of the local store and of the changelog, newest position first.
//!
//! One is opened at a time, because they may be large and the first is nearly always the one. Whatever may not be taken is told of: what does not verify, what belongs to
//! something else, and what is ahead of the committed position. What is ahead is removed for good, here from the store, by the client thread from the changelog.

use std::collections::VecDeque;
use std::time::Duration;

use super::changelogging::ChangelogStanding;
use super::restore::{Restore, RestoreError, task_name};
use crate::changelog::{Found, Generation, Search, Sought};
use crate::failpoint;
use crate::log::LogReader;
use crate::record::{Offset, TopicPartition};
use crate::snapshot::SnapshotError;
use crate::store::{Checkpoint, CheckpointInfo, Listing, StoreError};
use crate::task::TaskSnapshot;
use crate::telemetry::{CheckpointRefusal, RuntimeEvent, SnapshotOrigin};

/// Chunks of the changelog that are read at once: a few MB.
const READ_CHUNKS: usize = 64;

/// A snapshot that could be taken.
pub(super) struct Stored {
    pub(super) origin: SnapshotOrigin,
    pub(super) generation: u64,
    pub(super) snapshot: TaskSnapshot,
}

enum Candidate {
    Local(u64, Offset),
    Changelog(Generation),
}

/// What a look into the changelog has come to.
enum Looked {
    Found(Found),
    /// The standby has looked already.
    Known(ChangelogStanding),
}

impl Candidate {
    fn position(&self) -> Offset {
        match self {
            Candidate::Local(_, position) => *position,
            Candidate::Changelog(generation) => generation.id.position,
        }
    }
}

/// See the module's documentation.
pub(super) struct Sources<'a> {
    restore: &'a Restore,
    /// Newest first.
    candidates: VecDeque<Candidate>,
    /// Whether the changelog has been looked through from its beginning.
    all: bool,
    /// Generations of the changelog that came to nothing.
    refused: Vec<u64>,
    standing: ChangelogStanding,
}

impl<'a> Sources<'a> {
    /// Looks at both places.
    ///
    /// # Errors
    /// Only when the restore is given up: a source that cannot be read has nothing to offer.
    pub(super) fn look(restore: &'a Restore, reader: &mut dyn LogReader) -> Result<Self, RestoreError> {
        let mut candidates: Vec<Candidate> = restore.local_candidates();
        candidates.sort_by_key(|candidate| std::cmp::Reverse(candidate.position()));
        let standing = ChangelogStanding { next: (1, 0), ..ChangelogStanding::default() };
        let mut sources = Sources { restore, candidates: candidates.into(), all: true, refused: Vec::new(), standing };
        if let Some(changelog) = &restore.changelog {
            sources.look_at_changelog(changelog, reader, false)?;
        }
        Ok(sources)
    }

    /// The next snapshot that opens; `None` when there is no more.
    ///
    /// # Errors
    /// As [`look`](Self::look).
    pub(super) fn next(&mut self, reader: &mut dyn LogReader) -> Result<Option<Stored>, RestoreError> {
        while let Some(candidate) = self.candidates.pop_front() {
            let stored = match candidate {
                Candidate::Local(generation, position) => self.restore.open_local(generation, position),
                Candidate::Changelog(generation) => self.open_changelog(&generation, reader)?,
            };
            if stored.is_some() {
                return Ok(stored);
            }
        }
        Ok(None)
    }

    /// How the task stands with its changelog; `None` when it has none.
    pub(super) fn into_standing(self) -> Option<ChangelogStanding> {
        self.restore.changelog.is_some().then_some(self.standing)
    }

    /// Adds what the changelog has to offer.
    fn look_at_changelog(&mut self, at: &TopicPartition, reader: &mut dyn LogReader, all: bool) -> Result<(), RestoreError> {
        let restore = self.restore;
        let local = self.candidates.iter().find(|candidate| matches!(candidate, Candidate::Local(..)));
        let sought = Sought {
            topology: &restore.graph.name,
            partition: &restore.link.partition,
            committed: restore.committed,
            // Once the newest has failed, anything is better than nothing.
            better_than: local.filter(|_| !all).map(Candidate::position),
        };
        let found = restore.search(at, reader, |search| {
            let known = restore.standbys.standing(sought.partition, search.end(), sought.better_than);
            match known.filter(|_| !all) {
                Some(standing) => Ok(Looked::Known(standing)),
                None => if all { search.look_at_all(&sought) } else { search.look(&sought) }.map(Looked::Found),
            }
        })?;
        let found = match found {
            Some(Looked::Found(found)) => found,
            Some(Looked::Known(standing)) => {
                self.standing = standing;
                return Ok(());
            }
            None => return Ok(()),
        };
        if !all {
            self.tell(&found);
        }
        self.all = found.all;
        self.standing = ChangelogStanding::of(&found);
        let tried = |generation: &Generation| self.refused.contains(&generation.id.generation);
        let offered: Vec<Generation> = found.usable.into_iter().filter(|generation| !tried(generation)).collect();
        self.candidates.retain(|candidate| matches!(candidate, Candidate::Local(..)));
        self.candidates.extend(offered.into_iter().map(Candidate::Changelog));
        // Of two at one position the local one comes first: it is nearer.
        self.candidates.make_contiguous().sort_by_key(|candidate| std::cmp::Reverse(candidate.position()));
        Ok(())
    }

    fn tell(&self, found: &Found) {
        let refuse = |reason, generation: u64, detail: &str| {
            let partition = &self.restore.link.partition;
            self.restore.telemetry.event(&RuntimeEvent::ChangelogRefused { partition, generation, reason, detail });
        };
        let id = |generation: &Generation| generation.id.generation;
        for ahead in &found.ahead {
            let committed = self.restore.committed.map_or_else(|| "nothing".to_owned(), |committed| committed.to_string());
            let detail = format!("its position is {}, but {committed} is committed", ahead.id.position);
            refuse(CheckpointRefusal::Ahead, id(ahead), &detail);
        }
        for foreign in &found.foreign {
            let detail = format!("it is of topology {} and partition {}", foreign.id.topology, foreign.id.partition);
            refuse(CheckpointRefusal::Foreign, id(foreign), &detail);
        }
        for torn in &found.torn {
            let detail = format!("{} of its {} chunks are there", torn.offsets.len(), torn.id.chunks());
            refuse(CheckpointRefusal::Damaged, id(torn), &detail);
        }
        found.damaged.iter().for_each(|what| refuse(CheckpointRefusal::Damaged, 0, what));
    }

    fn open_changelog(&mut self, generation: &Generation, reader: &mut dyn LogReader) -> Result<Option<Stored>, RestoreError> {
        let Some(at) = &self.restore.changelog else { return Ok(None) };
        let loaded = self.restore.search(at, reader, |search| search.load(generation))?;
        let opened = loaded.unwrap_or_else(|| Err("the changelog cannot be read".to_owned()));
        let number = generation.id.generation;
        let torn = |detail| (CheckpointRefusal::Damaged, detail);
        match opened.map_err(torn).and_then(|payload| self.restore.decode(&payload)) {
            Ok(snapshot) => Ok(Some(Stored { origin: SnapshotOrigin::Changelog, generation: number, snapshot })),
            Err((reason, detail)) => {
                let partition = &self.restore.link.partition;
                let event = RuntimeEvent::ChangelogRefused { partition, generation: number, reason, detail: &detail };
                self.restore.telemetry.event(&event);
                self.refused.push(number);
                if !self.all {
                    self.look_at_changelog(at, reader, true)?;
                }
                Ok(None)
            }
        }
    }
}

impl Restore {
    /// Works on the task's partition of the changelog; `None`, told of, when it cannot be read.
    fn search<T>(
        &self,
        at: &TopicPartition,
        reader: &mut dyn LogReader,
        work: impl FnOnce(&mut Search<'_, RestoreError>) -> Result<T, RestoreError>,
    ) -> Result<Option<T>, RestoreError> {
        let outcome = self.patiently(|| reader.watermarks(at)).and_then(|ends| {
            let mut read = |from, to| {
                failpoint::hit("changelog.mid-read");
                self.patiently(|| reader.read(at, from, to, READ_CHUNKS, Duration::from_millis(100)))
            };
            work(&mut Search::new(ends, &mut read))
        });
        match outcome {
            Ok(done) => Ok(Some(done)),
            Err(RestoreError::Ended) => Err(RestoreError::Ended),
            Err(error) => {
                let (partition, reason) = (&self.link.partition, CheckpointRefusal::Damaged);
                let detail = &error.to_string();
                self.telemetry.event(&RuntimeEvent::ChangelogRefused { partition, generation: 0, reason, detail });
                Ok(None)
            }
        }
    }

    /// The checkpoints of the local store that may be taken. Those that may not are told of.
    fn local_candidates(&self) -> Vec<Candidate> {
        let task = task_name(&self.link.partition);
        let candidates = self.list(&task).and_then(|listing| {
            if listing.intact.iter().all(|info| !self.ahead(info)) {
                return Ok(listing);
            }
            self.drop_those_ahead(&task, &listing)?;
            self.list(&task)
        });
        match candidates {
            Ok(listing) => listing.intact.iter().map(|info| Candidate::Local(info.generation, self.position(info))).collect(),
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

    /// Reads one checkpoint of the local store; `None`, told of, when it cannot be ours.
    fn open_local(&self, generation: u64, position: Offset) -> Option<Stored> {
        let bytes = self.store.load(&task_name(&self.link.partition), generation);
        match bytes.map_err(|error| (CheckpointRefusal::Damaged, error.to_string())).and_then(|bytes| self.decode(&bytes)) {
            Ok(snapshot) => {
                let standby = self.standbys.wrote(&self.link.partition, position);
                let origin = if standby { SnapshotOrigin::Standby } else { SnapshotOrigin::Local };
                Some(Stored { origin, generation, snapshot })
            }
            Err((reason, detail)) => {
                self.refuse(generation, reason, &detail);
                None
            }
        }
    }

    /// A snapshot of this task, or why it is none.
    fn decode(&self, payload: &[u8]) -> Result<TaskSnapshot, (CheckpointRefusal, String)> {
        let snapshot = TaskSnapshot::from_bytes(payload).map_err(|error| {
            let other = matches!(error, SnapshotError::OtherVersion { .. });
            (if other { CheckpointRefusal::OtherVersion } else { CheckpointRefusal::Damaged }, error.to_string())
        })?;
        let (topology, partition) = (&*snapshot.topology, &snapshot.partition);
        if (topology, partition) == (&*self.graph.name, &self.link.partition) {
            return Ok(snapshot);
        }
        Err((CheckpointRefusal::Foreign, format!("it is of topology {topology} and partition {partition}")))
    }

    /// Tells of a checkpoint of the local store that is not taken.
    pub(super) fn refuse(&self, generation: u64, reason: CheckpointRefusal, detail: &str) {
        let partition = &self.link.partition;
        self.telemetry.event(&RuntimeEvent::CheckpointRefused { partition, generation, reason, detail });
    }
}

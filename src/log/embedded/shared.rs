//! What all handles of one log share: the file, the committed state in memory, the turn to write, and who waits.

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use redb::Durability;

use super::batch::StoredBatch;
use super::lease::{Holder, Lease, Leases};
use super::signal::Signal;
use super::state::{Located, State};
use super::storage::{Batches, Storage};
use super::transaction::Appends;
use super::{EmbeddedSettings, VerifyReport};
use crate::log::LogError;
use crate::record::{Offset, TopicPartition};

pub(super) struct Shared {
    storage: Storage,
    settings: EmbeddedSettings,
    /// Held from the copy of the state to its publication: commits take turns.
    turn: Mutex<()>,
    /// What the last commit left. Replaced after the commit, so whatever it speaks of can be read.
    committed: RwLock<Arc<State>>,
    signal: Signal,
    leases: Leases,
}

impl Shared {
    pub(super) fn open(dir: &Path, settings: EmbeddedSettings) -> Result<Shared, LogError> {
        let (storage, state) = Storage::open(dir, &settings)?;
        Ok(Shared::new(storage, state, settings))
    }

    pub(super) fn new(storage: Storage, state: State, settings: EmbeddedSettings) -> Shared {
        Shared {
            storage,
            settings,
            turn: Mutex::new(()),
            committed: RwLock::new(Arc::new(state)),
            signal: Signal::new(),
            leases: Leases::default(),
        }
    }

    pub(super) fn state(&self) -> Arc<State> {
        self.committed.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn signal(&self) -> &Signal {
        &self.signal
    }

    pub(super) fn leases(&self) -> &Leases {
        &self.leases
    }

    pub(super) fn max_transaction_bytes(&self) -> usize {
        self.settings.max_transaction_bytes
    }

    fn turn(&self) -> MutexGuard<'_, ()> {
        self.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a lease between two commits: whoever had it before has either committed, and the new holder sees it, or never will.
    pub(super) fn lease(&self, holder: Holder) -> Lease {
        let _turn = self.turn();
        self.leases.take(holder)
    }

    /// Makes a change of the state and the batches, as one.
    pub(super) fn transact(
        &self,
        durability: Durability,
        change: impl FnOnce(&mut State, &mut Batches<'_>) -> Result<(), LogError>,
    ) -> Result<(), LogError> {
        let _turn = self.turn();
        let mut state = State::clone(&self.state());
        self.storage.write(&mut state, durability, change)?;
        *self.committed.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(state);
        Ok(())
    }

    /// Appends records, lets `also` change the state beside them, and wakes those who wait for records.
    pub(super) fn append(
        &self,
        lease: &Lease,
        durability: Durability,
        appends: &Appends,
        also: impl FnOnce(&mut State) -> Result<(), LogError>,
    ) -> Result<(), LogError> {
        self.transact(durability, |state, batches| {
            lease.check()?;
            appends.apply(state, batches)?;
            also(state)
        })?;
        if !appends.is_empty() {
            self.signal.raise();
        }
        Ok(())
    }

    /// Where a partition lies, when `offset` is not outside of it.
    pub(super) fn locate(&self, at: &TopicPartition, offset: Offset) -> Result<Located, LogError> {
        let located = self.state().partition(at)?;
        let partition = located.partition;
        if offset < partition.start || offset > partition.end {
            let (start, end) = (partition.start, partition.end);
            return Err(LogError::OutOfRange { partition: at.clone(), asked: offset, start, end });
        }
        Ok(located)
    }

    /// The batch that holds `offset`, which lies before the end of the partition, or the next one where offsets have gaps.
    pub(super) fn read(&self, located: &Located, at: &TopicPartition, offset: Offset) -> Result<StoredBatch, LogError> {
        self.storage.read(located, at, offset).map_err(|error| match self.locate(at, offset) {
            // Retention may have taken the batch between the look at the ends and the look into the file.
            Err(gone) => gone,
            Ok(_) => error,
        })
    }

    pub(super) fn verify(&self) -> Result<VerifyReport, LogError> {
        // Between two commits, so that retention takes nothing away meanwhile.
        let _turn = self.turn();
        let state = self.state();
        let mut report = VerifyReport { topics: state.topics.len(), ..VerifyReport::default() };
        for (name, topic) in &state.topics {
            for number in 0..topic.partitions.len() as u32 {
                let at = TopicPartition::new(name.clone(), number);
                self.storage.verify(&state.partition(&at)?, &at, &mut report)?;
            }
        }
        Ok(report)
    }
}

//! The checkpoint store: the last two snapshots of every task, never handed out unless every byte of them verifies.
//!
//! It is a cache of what the log can rebuild, so it may lose a checkpoint, but it may not return a wrong one: damage is set aside, counted in
//! [`Incident`]s, and an older generation or an empty store is the answer. It does not know what a payload means or which checkpoint fits a committed offset.
//!
//! Two stores behind one trait: [`SledStore`] (default) and [`FileStore`]. Both are [`TwoSlots`] around a place for bytes ([`SlotStorage`]).

mod files;
mod ledger;
mod manifest;
mod recovery;
mod sled;
mod slots;

use std::collections::BTreeMap;
use std::path::PathBuf;

use thiserror::Error;

pub use files::{FileSlots, FileStore};
pub use manifest::CHUNK_BYTES;
pub use sled::{SledSlots, SledStore};
pub use slots::{SlotStorage, StoredSlot, TwoSlots};

use crate::record::{Offset, TopicPartition};
use crate::snapshot::SnapshotError;

/// A snapshot of a task, as it is written.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Checkpoint {
    /// The next offset of each input partition when the snapshot was taken.
    pub positions: BTreeMap<TopicPartition, Offset>,
    /// Fingerprint of the topology that made it.
    pub fingerprint: String,
    /// The state.
    pub payload: Vec<u8>,
}

/// A stored checkpoint without its payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckpointInfo {
    /// Rises by one with every checkpoint of a task, from 1; chosen by the store.
    pub generation: u64,
    /// The next offset of each input partition when the snapshot was taken.
    pub positions: BTreeMap<TopicPartition, Offset>,
    /// Fingerprint of the topology that made it.
    pub fingerprint: String,
    /// Size of the payload in bytes.
    pub payload_bytes: u64,
}

/// What a store holds of a task.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Listing {
    /// The checkpoints of which every byte verified, newest first; two at most.
    pub intact: Vec<CheckpointInfo>,
    /// What was found and does not verify, or was written and is not there, in words. The next checkpoint mends it.
    pub damaged: Vec<String>,
}

/// Something the store did to go on after damage. Never silent: the caller counts and reports it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Incident {
    /// sled's own snapshot files kept it from opening. They were moved away; no checkpoint is lost by that.
    SnapshotFilesSetAside {
        /// Where they are now.
        to: PathBuf,
        /// Why the store did not open.
        cause: String,
    },
    /// A database could not be used: the folder was moved away and an empty one was made. It held one of the two generations of every task.
    Quarantined {
        /// Where the folder is now.
        to: PathBuf,
        /// Why it could not be used.
        cause: String,
    },
}

/// A failed call to a checkpoint store. None of them stops the processing: without a checkpoint a restart takes longer.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum StoreError {
    /// Another process has the store open.
    #[error(
        "the checkpoint store in {} is open in another process; one process owns a state directory: stop the other one, or give this one another", .dir.display()
    )]
    InUse {
        /// Folder of the store.
        dir: PathBuf,
    },
    /// The device or the database failed. The store tries again from scratch at the next call.
    #[error("the checkpoint store in {} failed: {cause}; processing can go on without checkpoints. Look at disk space and permissions", .dir.display())]
    Failed {
        /// Folder of the store.
        dir: PathBuf,
        /// What went wrong.
        cause: String,
    },
    /// The generation asked for does not verify.
    #[error(
        "generation {generation} of task {task} is damaged: {what}; take the next older one of the list, or rebuild the task from the log"
    )]
    Damaged {
        /// The task.
        task: String,
        /// The generation asked for.
        generation: u64,
        /// What does not fit.
        what: String,
    },
    /// There is no such generation (any more).
    #[error("task {task} has no checkpoint of generation {generation}; it has {have:?}")]
    NotFound {
        /// The task.
        task: String,
        /// The generation asked for.
        generation: u64,
        /// The generations there are.
        have: Vec<u64>,
    },
    /// The manifest cannot be encoded (a fingerprint or a list of positions of a gigabyte).
    #[error("the checkpoint cannot be written: {0}")]
    Encode(#[from] SnapshotError),
    /// The name of the task cannot be used.
    #[error("{0:?} is no task name; use 1 to 200 of the characters a-z A-Z 0-9 . _ -")]
    TaskName(String),
}

/// Keeps the last two checkpoints of every task. Calls may come from any thread.
pub trait CheckpointStore: Send + Sync {
    /// Writes a checkpoint and returns its generation once it is durable. It replaces the older of the two; the newer one stays intact whatever happens
    /// on the way.
    ///
    /// # Errors
    /// [`StoreError::Failed`] or [`StoreError::TaskName`]; what was intact before and was not to be replaced still is.
    fn write(&self, task: &str, checkpoint: &Checkpoint) -> Result<u64, StoreError>;

    /// What is there of a task. Reads and verifies everything, payloads included.
    ///
    /// # Errors
    /// [`StoreError::Failed`] or [`StoreError::TaskName`].
    fn list(&self, task: &str) -> Result<Listing, StoreError>;

    /// The payload of a generation, verified again.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] when a byte of it is wrong, [`StoreError::NotFound`], [`StoreError::Failed`] or [`StoreError::TaskName`].
    fn load(&self, task: &str, generation: u64) -> Result<Vec<u8>, StoreError>;

    /// Removes everything of a task; nothing when there is none.
    ///
    /// # Errors
    /// [`StoreError::Failed`] or [`StoreError::TaskName`].
    fn remove(&self, task: &str) -> Result<(), StoreError>;

    /// The tasks of which there is anything, by name.
    ///
    /// # Errors
    /// [`StoreError::Failed`].
    fn tasks(&self) -> Result<Vec<String>, StoreError>;

    /// Everything the store did to go on after damage, since it was made, oldest first.
    fn incidents(&self) -> Vec<Incident>;
}

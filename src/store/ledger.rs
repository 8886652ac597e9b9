//! The newest generation of each task, beside the store: a store that silently goes back to an older state, or to nothing, is noticed by it.
//!
//! sled does that on its own when the end of its log does not verify. The ledger is written after the checkpoint and without fsync, so it is never ahead of
//! what the store was told to keep. A damaged ledger is reported, because a loss might go unnoticed then; it hides no checkpoint.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::snapshot::{Envelope, decode, encode};

const FORMAT: u16 = 1;

pub(super) struct Ledger {
    path: PathBuf,
    newest: Mutex<BTreeMap<String, u64>>,
    /// Whether the file was there at the opening and did not verify.
    was_damaged: bool,
}

impl Ledger {
    /// Reads the ledger of the store in `dir`; an empty one when there is none that verifies.
    pub(super) fn open(dir: &Path) -> Ledger {
        let path = dir.join("ledger");
        let read = |bytes: Vec<u8>| decode(Envelope::open(FORMAT, &bytes).ok()?.payload).ok();
        let newest: Option<BTreeMap<String, u64>> = fs::read(&path).ok().and_then(read);
        let was_damaged = newest.is_none() && path.exists();
        Ledger { path, newest: Mutex::new(newest.unwrap_or_default()), was_damaged }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, u64>> {
        self.newest.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What keeps the ledger from telling whether something of this task is missing; nothing once the task has been noted again.
    pub(super) fn damage(&self, task: &str) -> Option<String> {
        let blind = self.was_damaged && self.newest(task) == 0;
        blind.then(|| {
            format!("the ledger {} is damaged: whether task {task} has lost a checkpoint is not known", self.path.display())
        })
    }

    /// The newest generation that was written of a task, as far as is known; 0 for none.
    pub(super) fn newest(&self, task: &str) -> u64 {
        self.lock().get(task).copied().unwrap_or(0)
    }

    /// Notes the newest generation of a task; 0 forgets the task.
    pub(super) fn note(&self, task: &str, generation: u64) {
        let mut newest = self.lock();
        match generation {
            0 => newest.remove(task),
            _ => newest.insert(task.to_owned(), generation),
        };
        if let Err(error) = self.save(&newest) {
            tracing::warn!(path = %self.path.display(), %error, "the checkpoint ledger was not written: a lost checkpoint may go unnoticed");
        }
    }

    fn save(&self, newest: &BTreeMap<String, u64>) -> io::Result<()> {
        let new = self.path.with_extension("new");
        fs::write(&new, Envelope::seal(FORMAT, &encode(newest).map_err(io::Error::other)?))?;
        fs::rename(&new, &self.path)
    }
}

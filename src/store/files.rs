//! Slots as plain files: write a temporary file, fsync, rename, fsync the folder.
//!
//! A file is the length of the manifest (`u64`, little endian), the sealed manifest, the payload; the rename is what makes both visible at once.

use std::collections::BTreeSet;
use std::fs::{self, File, TryLockError};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use super::slots::{SlotStorage, StoredSlot, TwoSlots};
use super::{Incident, StoreError};
use crate::failpoint;

/// A store of plain files.
pub type FileStore = TwoSlots<FileSlots>;

/// The folder of a [`FileStore`].
pub struct FileSlots {
    dir: PathBuf,
    _lock: FolderLock,
}

const SUFFIX: &str = ".checkpoint";

impl TwoSlots<FileSlots> {
    /// Opens the store in `dir`; makes the folder when there is none.
    ///
    /// # Errors
    /// [`StoreError::InUse`] when another process has it open, [`StoreError::Failed`] when the folder cannot be made or locked.
    pub fn open(dir: &Path) -> Result<FileStore, StoreError> {
        let lock = lock_folder(dir)?;
        Ok(TwoSlots::new(FileSlots { dir: dir.to_owned(), _lock: lock }, dir))
    }
}

/// Keeps other processes out of a folder until it is dropped.
pub(super) struct FolderLock(File);

impl Drop for FolderLock {
    fn drop(&mut self) {
        // Closing alone would leave the lock to a child process that is just being started. An error changes nothing: the close follows.
        let _ = self.0.unlock();
    }
}

/// Makes `dir` and takes the lock that says whose it is.
pub(super) fn lock_folder(dir: &Path) -> Result<FolderLock, StoreError> {
    let failed = |e: io::Error| StoreError::Failed { dir: dir.to_owned(), cause: e.to_string() };
    fs::create_dir_all(dir).map_err(failed)?;
    let lock = File::options().create(true).append(true).open(dir.join("lock")).map_err(failed)?;
    match lock.try_lock() {
        Ok(()) => Ok(FolderLock(lock)),
        Err(TryLockError::WouldBlock) => Err(StoreError::InUse { dir: dir.to_owned() }),
        Err(TryLockError::Error(e)) => Err(failed(e)),
    }
}

impl FileSlots {
    fn path(&self, task: &str, slot: u8) -> PathBuf {
        self.dir.join(format!("{task}.{slot}{SUFFIX}"))
    }

    fn failed(&self, error: io::Error) -> StoreError {
        StoreError::Failed { dir: self.dir.clone(), cause: error.to_string() }
    }

    fn replace(&self, path: &Path, manifest: &[u8], payload: &[u8]) -> io::Result<()> {
        let temporary = path.with_extension("new");
        failpoint::hit("store.before-chunks");
        let mut file = File::create(&temporary)?;
        file.write_all(&(manifest.len() as u64).to_le_bytes())?;
        file.write_all(manifest)?;
        file.write_all(payload)?;
        file.sync_all()?;
        failpoint::hit("store.after-chunks");
        failpoint::hit("store.before-manifest");
        fs::rename(&temporary, path)?;
        File::open(&self.dir)?.sync_all()?;
        failpoint::hit("store.after-manifest");
        Ok(())
    }

    fn names(&self) -> io::Result<BTreeSet<String>> {
        let mut names = BTreeSet::new();
        for entry in fs::read_dir(&self.dir)? {
            let name = entry?.file_name();
            let task = name.to_str().and_then(|name| name.strip_suffix(SUFFIX)).and_then(|name| name.rsplit_once('.'));
            names.extend(task.map(|(task, _)| task.to_owned()));
        }
        Ok(names)
    }
}

impl SlotStorage for FileSlots {
    fn put(&self, task: &str, slot: u8, manifest: &[u8], payload: &[u8]) -> Result<(), StoreError> {
        self.replace(&self.path(task, slot), manifest, payload).map_err(|e| self.failed(e))
    }

    fn get(&self, task: &str, slot: u8) -> Result<Option<StoredSlot>, StoreError> {
        match fs::read(self.path(task, slot)) {
            Ok(bytes) => Ok(Some(split(&bytes))),
            Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
            Err(e) => Err(self.failed(e)),
        }
    }

    fn clear(&self, task: &str) -> Result<(), StoreError> {
        for slot in 0..2 {
            match fs::remove_file(self.path(task, slot)) {
                Err(e) if e.kind() != ErrorKind::NotFound => return Err(self.failed(e)),
                _ => {}
            }
        }
        File::open(&self.dir).and_then(|dir| dir.sync_all()).map_err(|e| self.failed(e))
    }

    fn tasks(&self) -> Result<Vec<String>, StoreError> {
        self.names().map(|names| names.into_iter().collect()).map_err(|e| self.failed(e))
    }

    fn incidents(&self) -> Vec<Incident> {
        // Every slot is a file of its own: a damaged one is listed as such, and nothing else is affected.
        Vec::new()
    }

    fn epoch(&self) -> u64 {
        0
    }
}

/// Splits a file; one too short for what it says gives a manifest that does not verify.
fn split(bytes: &[u8]) -> StoredSlot {
    let parts = bytes.split_first_chunk::<8>().and_then(|(length, rest)| {
        let length = usize::try_from(u64::from_le_bytes(*length)).ok()?;
        rest.split_at_checked(length)
    });
    let (manifest, payload) = parts.unwrap_or((bytes, &[]));
    StoredSlot { manifest: manifest.to_vec(), payload: payload.to_vec() }
}

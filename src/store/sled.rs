//! Slots in sled 0.34.7, by the only pattern that neither leaks memory nor disk nor trusts its files.
//!
//! Fixed keys, chunks of 64 KiB, at most 500 operations a batch, then flush and an fsync of our own (sled's flush is none), then the manifest, flush and
//! fsync again. Each of the two slots is a database of its own: sled takes back everything after a damaged place in its log, and often does not open at
//! all, so in one database a single wrong bit would cost both generations of every task.
//!
//! Layout of the folder: `lock`, `ledger`, the databases `sled-0` and `sled-1`, and beside them what was set aside.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use sled::{Batch, Db};

use super::files::{FolderLock, lock_folder};
use super::manifest::CHUNK_BYTES;
use super::recovery::{Failure, close, guarded, open_or_recover};
use super::slots::{SlotStorage, StoredSlot, TwoSlots};
use super::{Incident, StoreError};
use crate::failpoint;

/// A store in sled.
pub type SledStore = TwoSlots<SledSlots>;

/// The folder of a [`SledStore`].
pub struct SledSlots {
    slots: [SledSlot; 2],
    /// Ours, because sled's own goes with the folder when that is moved away.
    _lock: FolderLock,
}

/// The database of one slot.
struct SledSlot {
    place: PathBuf,
    open: Mutex<Open>,
}

#[derive(Default)]
struct Open {
    /// `None` after a failure, until the next call opens it anew.
    db: Option<Db>,
    epoch: u64,
    incidents: Vec<Incident>,
}

const OPERATIONS_PER_BATCH: usize = 500;

impl TwoSlots<SledSlots> {
    /// Opens the store in `dir`; makes the folder when there is none. A damaged database is set aside: see
    /// [`incidents`](super::CheckpointStore::incidents).
    ///
    /// # Errors
    /// [`StoreError::InUse`] when another process has it open, [`StoreError::Failed`] when the device fails or is full.
    pub fn open(dir: &Path) -> Result<SledStore, StoreError> {
        let lock = lock_folder(dir)?;
        let slot = |number: u8| SledSlot { place: dir.join(format!("sled-{number}")), open: Mutex::default() };
        let slots = SledSlots { slots: [slot(0), slot(1)], _lock: lock };
        slots.slots.iter().try_for_each(|slot| slot.with_db(|_| Ok(())))?;
        Ok(TwoSlots::new(slots, dir))
    }
}

impl SledSlot {
    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs `call` on the open database. After a failure sled answers every call with the same error, so it is dropped and opened anew by the next call.
    fn with_db<T>(&self, call: impl FnOnce(&Db) -> Result<T, sled::Error>) -> Result<T, StoreError> {
        let failed = |failure: Failure| StoreError::Failed { dir: self.place.clone(), cause: failure.cause };
        let mut open = self.open();
        let db = match open.db.take() {
            Some(db) => db,
            None => {
                open.epoch += 1;
                open_or_recover(&self.place, &mut open.incidents).map_err(failed)?
            }
        };
        match guarded(|| call(&db)) {
            Ok(answer) => {
                open.db = Some(db);
                Ok(answer)
            }
            Err(failure) => {
                close(db);
                Err(failed(failure))
            }
        }
    }

    /// Makes everything durable. sled's flush starts the writing of its log only, and of its blobs (pages over 128 KB) not even that.
    fn sync(&self, db: &Db) -> Result<(), sled::Error> {
        db.flush()?;
        let blobs = self.place.join("blobs");
        for blob in fs::read_dir(&blobs)? {
            match File::open(blob?.path()) {
                Ok(file) => file.sync_data()?,
                // sled removes the blobs it has replaced, at any time.
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(error.into()),
            }
        }
        File::open(blobs)?.sync_all()?;
        File::open(self.place.join("db"))?.sync_data()?;
        Ok(())
    }

    fn put(&self, task: &str, manifest: &[u8], payload: &[u8]) -> Result<(), StoreError> {
        self.with_db(|db| {
            failpoint::hit("store.before-chunks");
            write_chunks(db, task, payload)?;
            self.sync(db)?;
            failpoint::hit("store.after-chunks");
            failpoint::hit("store.before-manifest");
            db.insert(manifest_key(task), manifest)?;
            self.sync(db)?;
            failpoint::hit("store.after-manifest");
            Ok(())
        })
    }

    fn clear(&self, task: &str) -> Result<(), StoreError> {
        self.with_db(|db| {
            db.remove(manifest_key(task))?;
            write_chunks(db, task, &[])?;
            self.sync(db)
        })
    }
}

impl Drop for SledSlot {
    fn drop(&mut self) {
        if let Some(db) = self.open().db.take() {
            close(db);
        }
    }
}

impl SlotStorage for SledSlots {
    fn put(&self, task: &str, slot: u8, manifest: &[u8], payload: &[u8]) -> Result<(), StoreError> {
        self.slots[usize::from(slot)].put(task, manifest, payload)
    }

    fn get(&self, task: &str, slot: u8) -> Result<Option<StoredSlot>, StoreError> {
        self.slots[usize::from(slot)].with_db(|db| get(db, task))
    }

    fn clear(&self, task: &str) -> Result<(), StoreError> {
        self.slots.iter().try_for_each(|slot| slot.clear(task))
    }

    fn tasks(&self) -> Result<Vec<String>, StoreError> {
        let mut names = BTreeSet::new();
        for slot in &self.slots {
            names.extend(slot.with_db(tasks)?);
        }
        Ok(names.into_iter().collect())
    }

    fn incidents(&self) -> Vec<Incident> {
        self.slots.iter().flat_map(|slot| slot.open().incidents.clone()).collect()
    }

    fn epoch(&self) -> u64 {
        self.slots.iter().map(|slot| slot.open().epoch).sum()
    }
}

// Keys: `m` and the task for the manifest; `c`, the task, 0 and a number for each chunk. A task's name holds no 0.

fn manifest_key(task: &str) -> Vec<u8> {
    [b"m", task.as_bytes()].concat()
}

fn chunk_key(task: &str, index: u32) -> Vec<u8> {
    [b"c", task.as_bytes(), &[0], &index.to_be_bytes()].concat()
}

/// Writes the chunks and removes those that a longer payload has left behind.
fn write_chunks(db: &Db, task: &str, payload: &[u8]) -> Result<(), sled::Error> {
    let (mut batch, mut operations, mut count) = (Batch::default(), 0, 0);
    for chunk in payload.chunks(CHUNK_BYTES) {
        batch.insert(chunk_key(task, count), chunk);
        (operations, count) = (operations + 1, count + 1);
        if operations == OPERATIONS_PER_BATCH {
            db.apply_batch(std::mem::take(&mut batch))?;
            operations = 0;
        }
    }
    db.apply_batch(batch)?;
    for stale in db.range(chunk_key(task, count)..=chunk_key(task, u32::MAX)).keys() {
        db.remove(stale?)?;
    }
    Ok(())
}

fn get(db: &Db, task: &str) -> Result<Option<StoredSlot>, sled::Error> {
    let Some(manifest) = db.get(manifest_key(task))? else { return Ok(None) };
    let mut payload = Vec::new();
    for chunk in db.range(chunk_key(task, 0)..=chunk_key(task, u32::MAX)).values() {
        payload.extend_from_slice(&chunk?);
    }
    Ok(Some(StoredSlot { manifest: manifest.to_vec(), payload }))
}

fn tasks(db: &Db) -> Result<Vec<String>, sled::Error> {
    let name = |key: sled::IVec| String::from_utf8_lossy(&key[1..]).into_owned();
    db.scan_prefix(b"m").keys().map(|key| key.map(name)).collect()
}

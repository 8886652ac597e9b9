//! The database file: two tables of redb, one for the batches and one for the [`State`].
//!
//! All contact with redb is here. It checks its pages' checksums only when it repairs, and a damaged page can make it panic; so every value carries a
//! checksum of ours, and every call is guarded.

use std::fs::{self, File};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use redb::backends::FileBackend;
use redb::{Builder, Database, DatabaseError, Durability, ReadableDatabase, ReadableTable, Table, TableDefinition};

use super::backend::SyncedLength;
use super::batch::{self, BatchKey, HEADER, StoredBatch, damaged};
use super::state::{Located, State};
use super::{EmbeddedSettings, VerifyReport};
use crate::log::LogError;
use crate::record::{Offset, RecordBatch, TopicPartition};
use crate::{failpoint, snapshot::SnapshotError};

const BATCHES: TableDefinition<'static, BatchKey, &[u8]> = TableDefinition::new("batches");
const META: TableDefinition<'static, &str, &[u8]> = TableDefinition::new("meta");
/// The one row of [`META`]. It stands for every format to come: an envelope whose version names the format of the whole file.
const STATE_ROW: &str = "state";

const FILE: &str = "log.redb";
const NEW_FILE: &str = "log.redb.new";

/// The open database and where it is.
pub(super) struct Storage {
    /// `None` only while it closes.
    db: Option<Database>,
    dir: PathBuf,
    quick_repair: bool,
}

/// The table of batches inside a write transaction.
pub(super) struct Batches<'txn>(Table<'txn, BatchKey, &'static [u8]>);

impl Storage {
    /// Opens the log in `dir`, or makes an empty one.
    pub(super) fn open(dir: &Path, settings: &EmbeddedSettings) -> Result<(Storage, State), LogError> {
        guarded(dir, || {
            fs::create_dir_all(dir).map_err(|e| broken(dir, e))?;
            if !dir.join(FILE).exists() {
                create(dir, settings)?;
            }
            let db = open_database(dir, &dir.join(FILE), settings)?;
            let storage = Storage::new(db, dir, settings);
            let state = storage.load()?;
            Ok((storage, state))
        })
    }

    pub(super) fn new(db: Database, dir: &Path, settings: &EmbeddedSettings) -> Storage {
        Storage { db: Some(db), dir: dir.to_owned(), quick_repair: settings.quick_repair }
    }

    fn db(&self) -> &Database {
        self.db.as_ref().expect("the database is there until the storage is dropped")
    }

    pub(super) fn load(&self) -> Result<State, LogError> {
        let missing = || unusable(&self.dir, "its description is missing");
        let txn = self.db().begin_read().map_err(|e| self.failed(e))?;
        let table = txn.open_table(META).map_err(|e| self.failed(e))?;
        let row = table.get(STATE_ROW).map_err(|e| self.failed(e))?.ok_or_else(missing)?;
        State::decode(row.value()).map_err(|e| bad_state(&self.dir, &e))
    }

    /// Runs `change` in a write transaction and writes the state it leaves behind. An error leaves everything as it was.
    pub(super) fn write(
        &self,
        state: &mut State,
        durability: Durability,
        change: impl FnOnce(&mut State, &mut Batches<'_>) -> Result<(), LogError>,
    ) -> Result<(), LogError> {
        guarded(&self.dir, || {
            let mut txn = self.db().begin_write().map_err(|e| self.failed(e))?;
            txn.set_durability(durability).map_err(|e| self.failed(e))?;
            txn.set_quick_repair(self.quick_repair && matches!(durability, Durability::Immediate));
            failpoint::hit("log.before-append");
            change(state, &mut Batches(txn.open_table(BATCHES).map_err(|e| self.failed(e))?))?;
            failpoint::hit("log.after-append");
            let bytes = state.encode().map_err(|e| bad_state(&self.dir, &e))?;
            txn.open_table(META).map_err(|e| self.failed(e))?.insert(STATE_ROW, &*bytes).map_err(|e| self.failed(e))?;
            failpoint::hit("log.before-commit");
            txn.commit().map_err(|e| self.failed(e))?;
            failpoint::hit("log.after-commit");
            Ok(())
        })
    }

    /// The batch that holds `offset`, or the next one where offsets have gaps.
    pub(super) fn read(&self, located: &Located, at: &TopicPartition, offset: Offset) -> Result<StoredBatch, LogError> {
        guarded(&self.dir, || {
            let txn = self.db().begin_read().map_err(|e| self.failed(e))?;
            let table = txn.open_table(BATCHES).map_err(|e| self.failed(e))?;
            let mut range = table.range(partition_keys(located.topic, at.partition, offset)).map_err(|e| self.failed(e))?;
            let (key, value) =
                range.next().transpose().map_err(|e| self.failed(e))?.ok_or_else(|| damaged(at, offset, "it is missing"))?;
            let batch = StoredBatch::read(key.value(), value.value(), offset, at)?;
            if batch.base() > offset && !located.gaps { Err(damaged(at, offset, "it is missing")) } else { Ok(batch) }
        })
    }

    /// Reads and verifies every batch of a partition between its ends.
    pub(super) fn verify(&self, located: &Located, at: &TopicPartition, report: &mut VerifyReport) -> Result<(), LogError> {
        let mut position = located.partition.start;
        while position < located.partition.end {
            let batch = self.read(located, at, position)?;
            report.batches += 1;
            report.records += (batch.end().0 - batch.base().max(position).0) as u64;
            position = batch.end();
        }
        Ok(())
    }

    fn failed(&self, error: impl Into<redb::Error>) -> LogError {
        match error.into() {
            redb::Error::Corrupted(what) => unusable(&self.dir, &what),
            other => broken(&self.dir, other),
        }
    }
}

impl Drop for Storage {
    /// redb writes its free space down when it closes, and panics when the file is damaged there. What is committed does not need it.
    fn drop(&mut self) {
        let db = self.db.take();
        if catch_unwind(AssertUnwindSafe(move || drop(db))).is_err() {
            tracing::error!(dir = %self.dir.display(), "the embedded log did not close cleanly; the next start will check the whole file");
        }
    }
}

impl Batches<'_> {
    /// Stores one batch; the bytes it takes.
    pub(super) fn append(&mut self, key: BatchKey, records: &RecordBatch) -> Result<u64, LogError> {
        let length = HEADER + records.as_bytes().len();
        let mut value = self.0.insert_reserve(key, length).map_err(storage_failed)?;
        batch::write(key, records, value.as_mut());
        Ok(length as u64)
    }

    /// The oldest batch of a partition: the offset after it, and its bytes.
    pub(super) fn oldest(&self, topic: u32, partition: u32, start: Offset) -> Result<Option<(Offset, u64)>, LogError> {
        let first = self.0.range(partition_keys(topic, partition, start)).map_err(storage_failed)?.next();
        let first = first.transpose().map_err(storage_failed)?;
        Ok(first.map(|(key, value)| (Offset(key.value().2).next(), value.value().len() as u64)))
    }

    /// Removes the batch that ends before `end`.
    pub(super) fn remove(&mut self, topic: u32, partition: u32, end: Offset) -> Result<(), LogError> {
        self.0.remove((topic, partition, end.0 - 1)).map(drop).map_err(storage_failed)
    }

    /// Shows every batch of a partition that verifies, in order, with the offset of its first record.
    pub(super) fn each(&self, topic: u32, partition: u32, mut see: impl FnMut(Offset, &RecordBatch)) -> Result<(), LogError> {
        for row in self.0.range(partition_keys(topic, partition, Offset::ZERO)).map_err(storage_failed)? {
            let (key, value) = row.map_err(storage_failed)?;
            if let Some((base, records)) = batch::open(key.value(), value.value()) {
                see(base, &records);
            }
        }
        Ok(())
    }

    /// Removes the batch whose first record has the offset `base`, and returns it; `None` when it does not verify.
    pub(super) fn take(&mut self, topic: u32, partition: u32, base: Offset) -> Result<Option<RecordBatch>, LogError> {
        let first = self.0.range(partition_keys(topic, partition, base)).map_err(storage_failed)?.next();
        let Some((key, value)) = first.transpose().map_err(storage_failed)? else { return Ok(None) };
        let found = batch::open(key.value(), value.value()).filter(|(first, _)| *first == base);
        let (last, Some((_, records))) = (key.value().2, found) else { return Ok(None) };
        drop((key, value));
        self.remove(topic, partition, Offset(last).next())?;
        Ok(Some(records))
    }

    /// Removes every batch of a topic.
    pub(super) fn remove_topic(&mut self, topic: u32) -> Result<(), LogError> {
        self.0.retain_in((topic, 0, i64::MIN)..=(topic, u32::MAX, i64::MAX), |_, _| false).map_err(storage_failed)
    }
}

fn partition_keys(topic: u32, partition: u32, from: Offset) -> std::ops::RangeInclusive<BatchKey> {
    (topic, partition, from.0)..=(topic, partition, i64::MAX)
}

/// Makes an empty log under another name first: a crash on the way leaves nothing that could be taken for a damaged log.
fn create(dir: &Path, settings: &EmbeddedSettings) -> Result<(), LogError> {
    let new = dir.join(NEW_FILE);
    if new.exists() {
        fs::remove_file(&new).map_err(|e| broken(dir, e))?;
    }
    let db = open_database(dir, &new, settings)?;
    let storage = Storage::new(db, dir, settings);
    storage.write(&mut State::default(), Durability::Immediate, |_, _| Ok(()))?;
    drop(storage);
    fs::rename(&new, dir.join(FILE)).and_then(|()| File::open(dir)?.sync_all()).map_err(|e| broken(dir, e))
}

fn open_database(dir: &Path, file: &Path, settings: &EmbeddedSettings) -> Result<Database, LogError> {
    let bytes = File::options().read(true).write(true).create(true).truncate(false).open(file).map_err(|e| broken(dir, e))?;
    let backend = FileBackend::new(bytes).map(SyncedLength);
    let opened = backend.and_then(|backend| Builder::new().set_cache_size(settings.cache_bytes).create_with_backend(backend));
    opened.map_err(|error| match error {
        DatabaseError::DatabaseAlreadyOpen => in_use(dir),
        DatabaseError::UpgradeRequired(version) => unusable(dir, &format!("it is in redb's file format {version}")),
        DatabaseError::Storage(redb::StorageError::Corrupted(what)) => unusable(dir, &what),
        // A cut file shows itself as a read past its end, and a foreign one as invalid data.
        DatabaseError::Storage(redb::StorageError::Io(e)) if is_about_content(&e) => unusable(dir, &e.to_string()),
        other => broken(dir, other),
    })
}

fn is_about_content(error: &std::io::Error) -> bool {
    matches!(error.kind(), std::io::ErrorKind::UnexpectedEof | std::io::ErrorKind::InvalidData)
}

/// A damaged page can make redb panic; that is an answer about the file, not a reason to take the process down.
fn guarded<T>(dir: &Path, call: impl FnOnce() -> Result<T, LogError>) -> Result<T, LogError> {
    catch_unwind(AssertUnwindSafe(call)).unwrap_or_else(|_| Err(unusable(dir, "reading its pages failed")))
}

fn storage_failed(error: redb::StorageError) -> LogError {
    LogError::Storage(format!("the embedded log could not be written: {error}; mend the cause and start again"))
}

fn broken(dir: &Path, error: impl std::fmt::Display) -> LogError {
    LogError::Storage(format!(
        "the embedded log in {} cannot be read or written: {error}; what is committed is safe. Mend the cause (disk full? permissions?) and start again",
        dir.display()
    ))
}

fn in_use(dir: &Path) -> LogError {
    LogError::Usage(format!(
        "the embedded log in {} is open in another process (or twice in this one); one process owns it. Stop the other one, give this one another \
         state directory, or ask the running instance over HTTP (`topics consume` and `state inspect` do)",
        dir.display()
    ))
}

fn unusable(dir: &Path, what: &str) -> LogError {
    LogError::Damaged(format!(
        "the file of the embedded log in {} is damaged: {what}. Nothing was changed: put a copy of the folder back, or move it away to start with an \
         empty log",
        dir.display()
    ))
}

fn bad_state(dir: &Path, error: &SnapshotError) -> LogError {
    match error {
        SnapshotError::Version { found, supported } => LogError::Usage(format!(
            "the embedded log in {} has format {found}; this program reads up to {supported}: use the newer program that wrote it, or another state directory",
            dir.display()
        )),
        other => unusable(dir, &other.to_string()),
    }
}

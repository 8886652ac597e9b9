//! Opening sled when its files are damaged: what is moved away, and what is tried again.
//!
//! Its `snap.*` files only speed the opening up, and a torn one stops it: they go first. Then the folder goes, and an empty database takes its place.

use std::fs;
use std::io::{self, ErrorKind};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::Duration;

use sled::Db;

use super::Incident;

/// Why a call to sled failed, and whether its files are to blame for it.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) cause: String,
    is_damage: bool,
}

/// What sled says when its file is locked, which is no damage. We hold the folder's lock, so it is an echo: a child process that was just being started when
/// the store was closed keeps the old lock for a moment.
const LOCKED: &str = "could not acquire lock";
const LOCK_ATTEMPTS: u32 = 100;
const LOCK_PAUSE: Duration = Duration::from_millis(20);

/// sled's page cache, in bytes. Checkpoints are written over and over and read once.
const CACHE_BYTES: u64 = 8 << 20;

/// Opens the database in `place`, with whatever has to be set aside for that.
pub(super) fn open_or_recover(place: &Path, incidents: &mut Vec<Incident>) -> Result<Db, Failure> {
    let mut cause = match open_whole(place) {
        Err(failure) if failure.is_damage => failure.cause,
        outcome => return outcome,
    };
    if let Some(to) = set_snapshot_files_aside(place)? {
        incidents.push(Incident::SnapshotFilesSetAside { to, cause });
        cause = match open_whole(place) {
            Err(failure) if failure.is_damage => failure.cause,
            outcome => return outcome,
        };
    }
    let to = free_name(place, "damaged")?;
    fs::rename(place, &to)?;
    incidents.push(Incident::Quarantined { to, cause });
    open_whole(place)
}

/// Opens the database and reads it through once: sled finds some damage only when it comes to the page.
fn open_whole(place: &Path) -> Result<Db, Failure> {
    let db = open(place)?;
    match guarded(|| db.iter().try_for_each(|entry| entry.map(drop))) {
        Ok(()) => Ok(db),
        Err(failure) => {
            close(db);
            Err(failure)
        }
    }
}

fn open(place: &Path) -> Result<Db, Failure> {
    // Flushing is ours to do, at the moments that matter.
    let config = sled::Config::new().path(place).cache_capacity(CACHE_BYTES).flush_every_ms(None);
    let mut attempts = 1;
    loop {
        match guarded(|| config.open()) {
            Err(failure) if failure.cause.contains(LOCKED) && attempts < LOCK_ATTEMPTS => attempts += 1,
            outcome => return outcome,
        }
        std::thread::sleep(LOCK_PAUSE);
    }
}

/// Moves sled's `snap.*` files, finished or not, into a folder of their own; `None` when there are none.
fn set_snapshot_files_aside(place: &Path) -> Result<Option<PathBuf>, Failure> {
    let Ok(entries) = fs::read_dir(place) else { return Ok(None) };
    let entries = entries.collect::<io::Result<Vec<_>>>()?;
    let files: Vec<_> = entries.iter().filter(|entry| entry.file_name().as_encoded_bytes().starts_with(b"snap.")).collect();
    if files.is_empty() {
        return Ok(None);
    }
    let to = free_name(place, "snapshots")?;
    fs::create_dir(&to)?;
    files.into_iter().try_for_each(|entry| fs::rename(entry.path(), to.join(entry.file_name())))?;
    Ok(Some(to))
}

/// The first of `place.kind-1`, `place.kind-2`, ... that does not exist.
fn free_name(place: &Path, kind: &str) -> Result<PathBuf, Failure> {
    let candidates = (1..10_000).map(|number| place.with_extension(format!("{kind}-{number}")));
    let free = candidates.into_iter().find(|path| !path.exists());
    free.ok_or_else(|| Failure {
        cause: format!(
            "there are 9999 folders {}.{kind}-N; remove them: they are only kept for a look at the damage",
            place.display()
        ),
        is_damage: false,
    })
}

/// Runs a call to sled; a damaged page can make it panic.
pub(super) fn guarded<T>(call: impl FnOnce() -> Result<T, sled::Error>) -> Result<T, Failure> {
    match catch_unwind(AssertUnwindSafe(call)) {
        Ok(outcome) => Ok(outcome?),
        Err(_) => Err(Failure { cause: "sled panicked while it read its files".to_owned(), is_damage: true }),
    }
}

/// Closes the database; it panics when it cannot write what it still holds, and everything that counts is written already.
pub(super) fn close(db: Db) {
    if let Err(failure) = guarded(move || {
        drop(db);
        Ok(())
    }) {
        tracing::warn!(
            cause = failure.cause,
            "the checkpoint store did not close cleanly; its next start will look at every page"
        );
    }
}

impl From<sled::Error> for Failure {
    fn from(error: sled::Error) -> Self {
        let is_damage = match &error {
            sled::Error::Io(e) => is_about_content(e),
            _ => true,
        };
        let cause = error.to_string();
        Failure { is_damage: is_damage && !cause.contains(LOCKED), cause }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Failure { is_damage: is_about_content(&error), cause: error.to_string() }
    }
}

/// A full disk or missing permissions say nothing about the files: moving them away would lose good checkpoints. A cut or garbled file shows itself as a
/// read past its end, at an impossible place, or (`Other`) as a complaint of sled's own.
fn is_about_content(error: &io::Error) -> bool {
    use ErrorKind::{FileTooLarge, InvalidData, InvalidInput, Other, UnexpectedEof};
    matches!(error.kind(), UnexpectedEof | InvalidData | InvalidInput | FileTooLarge | Other)
}

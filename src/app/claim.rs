//! The claim on a state directory: while one process works on it, a second one is refused and told who has it.
//!
//! The operating system's lock on a file makes the claim, so it goes with the process however that ends. What is written in the file only tells people who it is.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::Path;

use anyhow::{Context, bail};

use super::state_dir::StateDir;

/// A state directory that belongs to this process until this is dropped.
#[derive(Debug)]
pub struct Claim {
    _file: File,
}

impl Claim {
    /// Claims `folder`, which is made if it does not exist, for a command called `what`.
    ///
    /// # Errors
    /// When another process has it (the message tells which), or the lock cannot be made.
    pub fn take(folder: &StateDir, what: &str) -> anyhow::Result<Self> {
        folder.make()?;
        let path = folder.path().join("lock");
        let cannot = || format!("cannot lock the state directory: {}", path.display());
        let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path).with_context(cannot)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => bail!("{}", refusal(folder, &holder(&mut file))),
            Err(TryLockError::Error(error)) => return Err(error).with_context(cannot),
        }
        note(&mut file, what).with_context(|| format!("cannot write {}", path.display()))?;
        Ok(Claim { _file: file })
    }

    /// Who has claimed `folder` now, if anybody has: `process 123 (tidemill run quickstart.toml)`.
    pub fn holder_of(folder: &Path) -> Option<String> {
        let mut file = OpenOptions::new().read(true).write(true).open(folder.join("lock")).ok()?;
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => Some(holder(&mut file)),
            _ => None,
        }
    }
}

fn refusal(folder: &StateDir, holder: &str) -> String {
    let url = folder.announced().map_or_else(String::new, |instance| format!(", {}", instance.url));
    format!(
        "the state directory {} is in use by {holder}{url}; stop it, or give this one another --state-dir (every instance needs its own)",
        folder.path().display()
    )
}

fn note(file: &mut File, what: &str) -> std::io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    write!(file, "process {} ({what})", std::process::id())?;
    file.sync_all()
}

fn holder(file: &mut File) -> String {
    let mut text = String::new();
    match file.read_to_string(&mut text) {
        Ok(count) if count > 0 => text,
        // It has the lock and has not written yet.
        _ => "another process".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_claim_is_refused_and_names_the_first() {
        let folder = tempfile::tempdir().unwrap();
        let state = StateDir::at(folder.path());
        let claim = Claim::take(&state, "tidemill run first.toml").unwrap();
        let error = Claim::take(&state, "tidemill run second.toml").unwrap_err().to_string();
        let expected = format!("is in use by process {} (tidemill run first.toml)", std::process::id());
        assert!(error.contains(&expected), "{error}");
        assert!(Claim::holder_of(folder.path()).is_some());
        drop(claim);
        assert_eq!(Claim::holder_of(folder.path()), None);
        Claim::take(&state, "tidemill run second.toml").unwrap();
    }
}

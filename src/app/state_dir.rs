//! The state directory: the checkpoint stores, the instance's id, on the embedded log the log itself, and a note of the instance that runs on it.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use serde::{Deserialize, Serialize};

use super::errors::UsageError;
use crate::config::Config;
use crate::log::embedded::EmbeddedLog;
use crate::store::SledStore;

/// The instance that runs on a state directory, as it tells other commands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunningInstance {
    /// Its process.
    pub pid: u32,
    /// Where its HTTP server listens: `http://127.0.0.1:8642`.
    pub url: String,
}

/// A state directory.
#[derive(Debug, Clone)]
pub struct StateDir {
    root: PathBuf,
}

impl StateDir {
    /// The directory that the configuration names.
    pub fn of(config: &Config) -> Self {
        StateDir::at(config.text("state.dir"))
    }

    /// The directory at `path`.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        StateDir { root: path.into() }
    }

    /// Makes the directory if it is not there.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn make(&self) -> anyhow::Result<()> {
        std::fs::create_dir_all(&self.root).with_context(|| format!("cannot make the state directory {}", self.root.display()))
    }

    /// The directory itself.
    pub fn path(&self) -> &Path {
        &self.root
    }

    /// Whether there is a log in it.
    pub fn has_log(&self) -> bool {
        self.root.join("log").is_dir()
    }

    /// Whether there are checkpoints in it.
    pub fn has_checkpoints(&self) -> bool {
        self.root.join("checkpoints").is_dir()
    }

    /// Opens the log, or makes one.
    ///
    /// # Errors
    /// When another process has it open, or it cannot be read.
    pub fn open_log(&self) -> anyhow::Result<EmbeddedLog> {
        self.make()?;
        Ok(EmbeddedLog::open(&self.root.join("log"))?)
    }

    /// Opens the checkpoint store of an application, or makes one.
    ///
    /// # Errors
    /// When the application's name cannot be a folder's, another process has the store open, or the device fails.
    pub fn open_store(&self, application: &str) -> anyhow::Result<SledStore> {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        if application.is_empty() || application.starts_with('.') || !application.chars().all(plain) {
            bail!(UsageError(format!(
                "application.id {application:?}: use the characters a-z A-Z 0-9 . _ -, and no dot in front"
            )));
        }
        Ok(SledStore::open(&self.root.join("checkpoints").join(application))?)
    }

    /// The applications that keep checkpoints here, by name.
    pub fn applications(&self) -> Vec<String> {
        let folders = std::fs::read_dir(self.root.join("checkpoints")).into_iter().flatten().flatten();
        let mut names: Vec<String> = folders.filter_map(|folder| folder.file_name().into_string().ok()).collect();
        names.retain(|name| !name.contains(".quarantine"));
        names.sort();
        names
    }

    fn note(&self) -> PathBuf {
        self.root.join("instance.json")
    }

    /// Leaves a note for other commands; it goes when the guard is dropped.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn announce(&self, instance: &RunningInstance) -> anyhow::Result<Announcement> {
        let path = self.note();
        std::fs::write(&path, serde_json::to_vec(instance)?).with_context(|| format!("cannot write {}", path.display()))?;
        Ok(Announcement { path })
    }

    /// The instance that left a note. It may have been killed since: only its answer tells.
    pub fn announced(&self) -> Option<RunningInstance> {
        serde_json::from_slice(&std::fs::read(self.note()).ok()?).ok()
    }
}

/// The note of a running instance, removed when dropped.
#[derive(Debug)]
pub struct Announcement {
    path: PathBuf,
}

impl Drop for Announcement {
    fn drop(&mut self) {
        // A note that stays is seen through by its reader: nobody answers.
        let _ = std::fs::remove_file(&self.path);
    }
}

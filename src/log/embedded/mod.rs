//! A durable log inside the process: topics, partitions, atomic commits and consumer groups without a broker.
//!
//! Records lie in batches in one redb file, together with the ends of the partitions and the committed offsets, so a commit is one database transaction
//! with one fsync. Commits of several threads take turns; readers never wait for them and see only what is committed. It serves one process: a second one is
//! refused, and asks the first over HTTP.
//!
//! What it does not have, compared with Kafka: partitions are dealt to the client threads by their index and never move, so a poll brings `Assigned` once and no
//! `Revoked` or `Lost`.

mod appender;
mod backend;
mod batch;
mod client;
mod compaction;
mod cursor;
mod lease;
#[cfg(test)]
mod power_loss;
mod reader;
mod shared;
mod signal;
mod state;
mod storage;
mod transaction;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use redb::Durability;
use tokio::sync::watch;

use self::lease::Holder;
use self::shared::Shared;
use super::{ClientSettings, Committed, Log, LogAppender, LogClient, LogError, LogReader, TopicDescription, TopicSpec};
use crate::record::TopicPartition;

/// How an embedded log uses memory and disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EmbeddedSettings {
    /// Memory for pages of the file, in bytes. Default 64 MiB.
    pub cache_bytes: usize,
    /// The most one transaction may hold before it commits, in bytes: it is kept in memory. Default 256 MiB.
    pub max_transaction_bytes: usize,
    /// Pays a second fsync with each commit so that the start after a crash need not read the whole file. Default `false`.
    pub quick_repair: bool,
}

impl Default for EmbeddedSettings {
    fn default() -> Self {
        EmbeddedSettings { cache_bytes: 64 << 20, max_transaction_bytes: 256 << 20, quick_repair: false }
    }
}

/// What [`EmbeddedLog::verify`] has read and found intact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct VerifyReport {
    /// Topics.
    pub topics: usize,
    /// Stored batches.
    pub batches: u64,
    /// Records.
    pub records: u64,
}

/// The log of one state directory. A clone is another handle of the same log; the file closes with the last handle, client, reader or appender.
///
/// ```
/// use tidemill::log::{Log, Retention, TopicSpec, embedded::EmbeddedLog};
/// use tidemill::record::{Offset, RecordBatch, Timestamp, TopicPartition};
/// # let dir = tempfile::tempdir().unwrap();
/// let log = EmbeddedLog::open(dir.path())?;
/// log.create_topics(&[TopicSpec { name: "candles".into(), partitions: 3, retention: Retention::Unlimited }])?;
///
/// let mut records = RecordBatch::new();
/// records.push(Timestamp(0), Some(b"BTC-USDT"), Some(b"{}"), &[]);
/// let partition = TopicPartition::new("candles", 1);
/// let mut appender = log.appender("example")?;
/// appender.append(&partition, &records)?;
/// appender.commit("line 1")?;
///
/// let fetched = log.reader()?.read(&partition, Offset(0), Offset(1), 100, std::time::Duration::ZERO)?;
/// assert_eq!(fetched.records.records, records);
/// # Ok::<(), tidemill::log::LogError>(())
/// ```
#[derive(Clone)]
pub struct EmbeddedLog {
    shared: Arc<Shared>,
}

impl EmbeddedLog {
    /// Opens the log in `dir` with the default settings; makes the folder and an empty log when there is none.
    ///
    /// # Errors
    /// As [`open_with`](Self::open_with).
    pub fn open(dir: &Path) -> Result<Self, LogError> {
        EmbeddedLog::open_with(dir, EmbeddedSettings::default())
    }

    /// Opens the log in `dir`. After a crash the file is brought back to its last commit first.
    ///
    /// # Errors
    /// [`LogError::Usage`] when another process has it open or a newer program wrote it, [`LogError::Damaged`] when it cannot be read, [`LogError::Storage`]
    /// when the device fails. Nothing is ever removed or reset here: the log is the source of truth.
    pub fn open_with(dir: &Path, settings: EmbeddedSettings) -> Result<Self, LogError> {
        Ok(EmbeddedLog { shared: Arc::new(Shared::open(dir, settings)?) })
    }

    /// Reads and verifies every record between the ends of every partition.
    ///
    /// # Errors
    /// [`LogError::Damaged`] with the first place that does not verify.
    pub fn verify(&self) -> Result<VerifyReport, LogError> {
        self.shared.verify()
    }
}

impl Log for EmbeddedLog {
    fn client(&self, settings: &ClientSettings) -> Result<Box<dyn LogClient>, LogError> {
        Ok(Box::new(client::EmbeddedClient::new(self.shared.clone(), settings)?))
    }

    fn reader(&self) -> Result<Box<dyn LogReader>, LogError> {
        Ok(Box::new(reader::EmbeddedReader::new(self.shared.clone())))
    }

    fn appender(&self, name: &str) -> Result<Box<dyn LogAppender>, LogError> {
        Ok(Box::new(appender::EmbeddedAppender::new(self.shared.clone(), name)))
    }

    fn create_topics(&self, topics: &[TopicSpec]) -> Result<(), LogError> {
        let missing = self.shared.state().as_ref().clone().create_topics(topics)?;
        if !missing {
            return Ok(());
        }
        self.shared.transact(Durability::Immediate, |state, _| state.create_topics(topics).map(drop))
    }

    fn delete_topics(&self, names: &[&str]) -> Result<(), LogError> {
        self.shared.transact(Durability::Immediate, |state, batches| {
            let ids: Vec<u32> = names.iter().filter_map(|name| state.delete_topic(name)).collect();
            ids.into_iter().try_for_each(|id| batches.remove_topic(id))
        })
    }

    fn topics(&self) -> Result<Vec<TopicDescription>, LogError> {
        Ok(self.shared.state().describe())
    }

    fn group_offsets(&self, application_id: &str) -> Result<BTreeMap<TopicPartition, Committed>, LogError> {
        Ok(self.shared.state().group(application_id))
    }

    fn delete_group(&self, application_id: &str) -> Result<(), LogError> {
        let of_group = |holder: &Holder| matches!(holder, Holder::Thread(id, _) if &**id == application_id);
        self.shared.transact(Durability::Immediate, |state, _| {
            if self.shared.leases().any(of_group) {
                return Err(LogError::Usage(format!("application {application_id:?} is running; stop it, then reset it")));
            }
            state.delete_group(application_id);
            Ok(())
        })
    }

    fn changes(&self) -> Option<watch::Receiver<u64>> {
        Some(self.shared.signal().watch())
    }
}

//! The log as a whole: it makes clients, readers and appenders, and administers topics and groups.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::{ClientSettings, Committed, LogClient, LogError, Watermarks};
use crate::record::{ConsumedBatch, Offset, RecordBatch, TopicPartition};

/// How long a topic keeps its records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Retention {
    /// For ever.
    #[default]
    Unlimited,
    /// About this many bytes per partition: the oldest records go, in whole batches, when a partition has more. The newest batch always stays.
    /// Committed offsets are not looked at, as in Kafka: a group that falls behind is told by [`LogError::OutOfRange`].
    Bytes(u64),
    /// The newest record of each key stays for ever (Kafka's `cleanup.policy=compact`). Older ones go some time after they were superseded, not at once; their offsets
    /// become gaps, and the others keep order and offset. Every record needs a key: one without is [`LogError::Usage`].
    Compacted,
}

/// A topic as it shall be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicSpec {
    /// Name: 1 to 249 of the characters `a-z A-Z 0-9 . _ -`, and neither `.` nor `..` (Kafka's rule).
    pub name: Arc<str>,
    /// Number of partitions, at least 1. It can never change: keys would move.
    pub partitions: u32,
    /// How long records are kept, by bytes. Never by time: replays carry historical event times, which a time limit would remove at once.
    pub retention: Retention,
}

/// A topic as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicDescription {
    /// What it was made as.
    pub spec: TopicSpec,
    /// The ends of each partition, by its number.
    pub watermarks: Vec<Watermarks>,
    /// Bytes stored in each partition, by its number; empty where the log cannot tell (Kafka's clients are not told).
    pub bytes: Vec<u64>,
}

/// A member of a consumer group: one client thread of one instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupMember {
    /// The group's name for it; the assignor breaks ties by it.
    pub id: Arc<str>,
    /// The instance it belongs to.
    pub instance: Arc<str>,
    /// Whether that is the instance this log was opened for.
    pub ours: bool,
    /// What it has been given.
    pub assignment: Vec<TopicPartition>,
}

/// A log that several threads share; cheap to hand around in an `Arc`.
pub trait Log: Send + Sync {
    /// A client for one thread of an application.
    ///
    /// # Errors
    /// [`LogError::Usage`] when a topic is missing or the topics' partition counts differ; others by their [`reaction`](LogError::reaction).
    fn client(&self, settings: &ClientSettings) -> Result<Box<dyn LogClient>, LogError>;

    /// A reader of committed records outside every group: for replays, for `topics consume`, for HTTP.
    ///
    /// # Errors
    /// By their [`reaction`](LogError::reaction).
    fn reader(&self) -> Result<Box<dyn LogReader>, LogError>;

    /// A producer that keeps its own position in its own source under `name`, so that it resumes exactly. Making one fences the one that had the name.
    ///
    /// # Errors
    /// By their [`reaction`](LogError::reaction).
    fn appender(&self, name: &str) -> Result<Box<dyn LogAppender>, LogError>;

    /// Creates the topics that do not exist. One that exists with the same number of partitions takes the retention given here.
    ///
    /// # Errors
    /// [`LogError::Usage`], before anything is changed, when a name is not valid or a topic exists with another number of partitions.
    fn create_topics(&self, topics: &[TopicSpec]) -> Result<(), LogError>;

    /// Removes topics with all their records, and the offsets that groups have committed for them. A name that does not exist is skipped.
    ///
    /// # Errors
    /// By their [`reaction`](LogError::reaction).
    fn delete_topics(&self, names: &[&str]) -> Result<(), LogError>;

    /// All topics, by name.
    ///
    /// # Errors
    /// By their [`reaction`](LogError::reaction).
    fn topics(&self) -> Result<Vec<TopicDescription>, LogError>;

    /// Everything a group has committed.
    ///
    /// # Errors
    /// By their [`reaction`](LogError::reaction).
    fn group_offsets(&self, application_id: &str) -> Result<BTreeMap<TopicPartition, Committed>, LogError>;

    /// The members of a group and what each has been given. Empty while the group is rebalancing, and where a group never has more than one instance.
    ///
    /// # Errors
    /// By their [`reaction`](LogError::reaction).
    fn group_members(&self, application_id: &str) -> Result<Vec<GroupMember>, LogError> {
        let _ = application_id;
        Ok(Vec::new())
    }

    /// Forgets what a group has committed: the application starts again from the beginning of what its topics hold.
    ///
    /// # Errors
    /// [`LogError::Usage`] while a client of the group is alive; others by their [`reaction`](LogError::reaction).
    fn delete_group(&self, application_id: &str) -> Result<(), LogError>;

    /// A number that rises with every commit that appends records, to wait on in async code (server-sent events). `None` where the log cannot tell.
    ///
    /// Mark the value as seen **before** reading, read to the end, then wait for a change: no record is missed.
    fn changes(&self) -> Option<watch::Receiver<u64>> {
        None
    }
}

/// What a [`LogReader`] brings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetched {
    /// The records, possibly none.
    pub records: ConsumedBatch,
    /// Where to read on. It passes gaps in the offsets: a replay is done when `next` has reached its goal, whatever the last record's offset was.
    pub next: Offset,
}

/// Reads committed records of any partition from any position, outside every consumer group.
pub trait LogReader: Send {
    /// Reads records whose offsets lie in `from..to`, at most `max_records`, waiting up to `timeout` for the first. At the end of the log an empty answer whose
    /// `next` is `from` (or beyond a gap).
    ///
    /// # Errors
    /// [`LogError::OutOfRange`] when `from` has been removed by retention or lies beyond the end; [`LogError::Usage`] when there is no such partition;
    /// [`LogError::Damaged`] when stored records do not verify.
    fn read(
        &mut self,
        partition: &TopicPartition,
        from: Offset,
        to: Offset,
        max_records: usize,
        timeout: Duration,
    ) -> Result<Fetched, LogError>;

    /// The ends of a partition.
    ///
    /// # Errors
    /// [`LogError::Usage`] when there is no such partition; others by their [`reaction`](LogError::reaction).
    fn watermarks(&mut self, partition: &TopicPartition) -> Result<Watermarks, LogError>;
}

/// Appends records together with the appender's own position in its source, so that a crash neither loses nor repeats a record.
pub trait LogAppender: Send {
    /// The position that the last successful [`commit`](Self::commit) of this name stored.
    ///
    /// # Errors
    /// By their [`reaction`](LogError::reaction).
    fn cursor(&mut self) -> Result<Option<String>, LogError>;

    /// Adds records to the open transaction; nobody sees them before the commit.
    ///
    /// # Errors
    /// [`LogError::Usage`] when there is no such partition; others by their [`reaction`](LogError::reaction).
    fn append(&mut self, to: &TopicPartition, records: &RecordBatch) -> Result<(), LogError>;

    /// Makes the records visible and durable together with `cursor`, a text of the appender's own of at most
    /// [`MAX_METADATA_BYTES`](super::MAX_METADATA_BYTES) (on Kafka it is the metadata of a committed offset).
    ///
    /// # Errors
    /// As [`LogClient::commit`]; after an error other than [`Retry`](super::Reaction::Retry) make a new appender and go on from its
    /// [`cursor`](Self::cursor).
    fn commit(&mut self, cursor: &str) -> Result<(), LogError>;
}

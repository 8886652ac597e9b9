//! The client of one thread: it reads its share of the input and commits outputs and input offsets together.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;

use super::LogError;
use crate::record::{ConsumedBatch, Offset, RecordBatch, TopicPartition};

/// The longest metadata a committed offset may carry, in bytes (Kafka's `offset.metadata.max.bytes`).
pub const MAX_METADATA_BYTES: usize = 4096;

/// What a commit promises (`processing.guarantee`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Guarantee {
    /// Outputs and input offsets become visible together or not at all.
    #[default]
    ExactlyOnceV2,
    /// Outputs may become visible before the input offsets commit, so that a crash or an abort leaves duplicates of them (with the same record ids),
    /// but never a loss.
    AtLeastOnce,
}

/// The name of no guarantee.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0:?} is not a processing guarantee; write \"exactly_once_v2\" or \"at_least_once\"")]
pub struct UnknownGuarantee(pub String);

impl FromStr for Guarantee {
    type Err = UnknownGuarantee;

    fn from_str(name: &str) -> Result<Self, UnknownGuarantee> {
        match name {
            "exactly_once_v2" => Ok(Guarantee::ExactlyOnceV2),
            "at_least_once" => Ok(Guarantee::AtLeastOnce),
            _ => Err(UnknownGuarantee(name.to_owned())),
        }
    }
}

impl fmt::Display for Guarantee {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Guarantee::ExactlyOnceV2 => "exactly_once_v2",
            Guarantee::AtLeastOnce => "at_least_once",
        })
    }
}

/// Where a partition is read from when its group has never committed an offset for it (`auto.offset.reset`).
///
/// It never applies to a committed offset that retention has removed: that is [`LogError::OutOfRange`], because records would be lost silently.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AutoOffsetReset {
    /// From the oldest record.
    #[default]
    Earliest,
    /// From the first record written after the assignment.
    Latest,
}

/// Which of an instance's client threads this is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ThreadSlot {
    /// Number of the thread, from 0.
    pub index: u32,
    /// How many client threads the instance has (`num.stream.threads`), at least 1.
    pub of: u32,
}

/// What a client is made for.
#[derive(Debug, Clone)]
pub struct ClientSettings {
    /// Name of the consumer group, and prefix of the transactional id (`application.id`).
    pub application_id: Arc<str>,
    /// The topics to read. A client is given the same partition numbers of all of them: they are co-partitioned.
    pub topics: Vec<Arc<str>>,
    /// The thread the client serves. Making a client for a slot fences the one that had it before.
    pub thread: ThreadSlot,
    /// What a commit promises.
    pub guarantee: Guarantee,
    /// Where to start without a committed offset.
    pub reset: AutoOffsetReset,
}

/// An input position that is done, with a note that commits together with it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Committed {
    /// Offset of the next record to read.
    pub offset: Offset,
    /// Any text of at most [`MAX_METADATA_BYTES`].
    pub metadata: String,
}

impl Committed {
    /// The position `offset` without a note.
    pub fn at(offset: Offset) -> Self {
        Committed { offset, metadata: String::new() }
    }
}

/// The ends of a partition, as a read-committed consumer sees them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Watermarks {
    /// Offset of the oldest record that is still there (or of the next one, if there is none).
    pub start: Offset,
    /// Offset after the last committed record. On Kafka offsets have gaps, so `end` minus a position is an upper bound of the records between.
    pub end: Offset,
}

/// What a [`poll`](LogClient::poll) brings, in the order to be handled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogEvent {
    /// Committed records of one assigned partition, following on those of earlier polls. Never empty.
    Records(ConsumedBatch),
    /// Partitions that now belong to this client, in addition to those it has. They start at their committed offset (without one, where
    /// [`AutoOffsetReset`] says), unless the caller seeks before the next poll. Every assignment is told, also one that adds nothing: it says that the client has
    /// joined, or joined again, and that others have the rest.
    Assigned(Vec<TopicPartition>),
    /// Partitions that belong to this client only until the next poll: finish and commit, or abort, before it. Always the last event of its poll.
    Revoked(Vec<TopicPartition>),
    /// Partitions that belong to somebody else already: abort and drop their state, nothing of them can be committed. Always the last event of its poll.
    Lost(Vec<TopicPartition>),
}

/// One consumer and one transactional producer, owned by one thread.
///
/// The transaction opens by itself with the first [`produce`](Self::produce) after a commit or an abort; one with offsets only opens in
/// [`commit`](Self::commit). Errors are sorted by what to do next: [`LogError::reaction`].
///
/// # The loop of a client thread
/// ```
/// use std::{collections::BTreeMap, time::Duration};
/// use tidemill::log::{Committed, LogClient, LogError, LogEvent};
/// use tidemill::record::TopicPartition;
///
/// fn copy_once(client: &mut dyn LogClient, output: &TopicPartition) -> Result<(), LogError> {
///     let mut done = BTreeMap::new();
///     for event in client.poll(500, Duration::from_millis(10))? {
///         if let LogEvent::Records(batch) = event {
///             client.produce(output, &batch.records)?;
///             done.extend(batch.next_offset().map(|offset| (batch.partition.clone(), Committed::at(offset))));
///         }
///     }
///     client.commit(&done)
/// }
/// ```
pub trait LogClient: Send {
    /// Waits up to `timeout` for something to happen and returns it, at most `max_records` records in all. Nothing within the time is an empty answer, not
    /// an error; it does not say that the end of the log is reached.
    ///
    /// Must be called regularly, also while everything is paused: it is the sign of life of the consumer.
    ///
    /// # Errors
    /// [`LogError::OutOfRange`] when a position has been removed by retention (at every poll until a seek mends it), [`LogError::Damaged`] when stored
    /// records do not verify, and others by their [`reaction`](LogError::reaction).
    fn poll(&mut self, max_records: usize, timeout: Duration) -> Result<Vec<LogEvent>, LogError>;

    /// Holds these partitions back: later polls bring no records of them. Pausing a paused partition does nothing.
    ///
    /// # Errors
    /// When a partition is not assigned.
    fn pause(&mut self, partitions: &[TopicPartition]) -> Result<(), LogError>;

    /// Lets paused partitions go on where they stood.
    ///
    /// # Errors
    /// When a partition is not assigned.
    fn resume(&mut self, partitions: &[TopicPartition]) -> Result<(), LogError>;

    /// Sets the position of the next poll. Records fetched ahead are forgotten; the committed offset stays as it is, and so does a pause.
    ///
    /// # Errors
    /// When the partition is not assigned. Whether the offset exists is found out by the next poll.
    fn seek(&mut self, partition: &TopicPartition, to: Offset) -> Result<(), LogError>;

    /// The offsets the group has committed, without those in a transaction that is still open somewhere. A partition without one is absent.
    ///
    /// # Errors
    /// By their [`reaction`](LogError::reaction).
    fn committed(&mut self, partitions: &[TopicPartition]) -> Result<BTreeMap<TopicPartition, Committed>, LogError>;

    /// Adds records to the open transaction, in the order of the calls for each partition.
    ///
    /// # Errors
    /// [`LogError::Usage`] when the topic or the partition does not exist; others by their [`reaction`](LogError::reaction).
    fn produce(&mut self, to: &TopicPartition, records: &RecordBatch) -> Result<(), LogError>;

    /// Makes everything produced since the last commit or abort visible, together with these input offsets. Returns when it is durable. With
    /// nothing produced and no offsets it does nothing.
    ///
    /// # Errors
    /// [`Retry`](super::Reaction::Retry) means that the transaction is as it was: the same call again. [`Abort`](super::Reaction::Abort) that it has not and
    /// will not become visible. [`Replace`](super::Reaction::Replace) that its outcome is unknown to this client.
    fn commit(&mut self, offsets: &BTreeMap<TopicPartition, Committed>) -> Result<(), LogError>;

    /// Gives up everything produced since the last commit. Positions stay: the caller seeks.
    ///
    /// With [`Guarantee::AtLeastOnce`] outputs that are out already stay visible.
    ///
    /// # Errors
    /// By their [`reaction`](LogError::reaction); without an open transaction there is none.
    fn abort(&mut self) -> Result<(), LogError>;

    /// The ends of a partition of any topic.
    ///
    /// # Errors
    /// [`LogError::Usage`] when there is no such partition; others by their [`reaction`](LogError::reaction).
    fn watermarks(&mut self, partition: &TopicPartition) -> Result<Watermarks, LogError>;

    /// Aborts what is open and leaves the group within `timeout`. Every later call fails.
    ///
    /// # Errors
    /// By their [`reaction`](LogError::reaction); the client is of no use afterwards either way.
    fn close(&mut self, timeout: Duration) -> Result<(), LogError>;
}

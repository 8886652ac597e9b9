//! What can go wrong in a log, sorted by what the caller has to do about it.

use thiserror::Error;

use crate::record::{Offset, TopicPartition};

/// What a caller does after a [`LogError`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reaction {
    /// Make the same call again after a pause; nothing has changed.
    Retry,
    /// Call [`abort`](super::LogClient::abort), seek back to the committed offsets and roll the state back to them.
    Abort,
    /// Drop the client, make a new one for the same thread slot, read the committed offsets again and rebuild the state from them. Also the answer to
    /// an unknown outcome: the transaction may or may not have committed, and only the committed offsets tell.
    Replace,
    /// Stop and show the message: it is for a person and says what to do.
    Stop,
}

/// A failed call to a log.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum LogError {
    /// The log is not reachable or busy; the same call may succeed later.
    #[error("{0}")]
    Retriable(String),
    /// The open transaction cannot commit any more; the client itself is well.
    #[error("{0}")]
    Abort(String),
    /// The client is of no use any more (fenced, broken, or the outcome of a commit is unknown).
    #[error("{0}")]
    Fatal(String),
    /// The position asked for is not in the partition: retention has removed it, or it was never written.
    #[error(
        "{partition} holds the offsets {start} to {end} (exclusive), but {asked} was asked for; if retention has removed records that were not \
         processed yet, raise the topic's retention, then reset the application to go on from what is left"
    )]
    OutOfRange {
        /// The partition.
        partition: TopicPartition,
        /// The offset that was asked for.
        asked: Offset,
        /// First offset that is still there.
        start: Offset,
        /// Offset of the next record to be written.
        end: Offset,
    },
    /// Stored bytes do not verify. Nothing of them has been handed out.
    #[error("{0}")]
    Damaged(String),
    /// The device or the file under the log failed (disk full, permissions, I/O error): nothing more can be written until a person has mended it and
    /// the process starts again. What was committed is safe; whether the last commit was, the committed offsets tell then.
    #[error("{0}")]
    Storage(String),
    /// The caller or the configuration asks for something that cannot be; the message says what would be right.
    #[error("{0}")]
    Usage(String),
}

impl LogError {
    /// What the caller has to do.
    ///
    /// ```
    /// use tidemill::log::{LogError, Reaction};
    /// assert_eq!(LogError::Fatal("fenced".into()).reaction(), Reaction::Replace);
    /// ```
    pub fn reaction(&self) -> Reaction {
        match self {
            LogError::Retriable(_) => Reaction::Retry,
            LogError::Abort(_) => Reaction::Abort,
            LogError::Fatal(_) => Reaction::Replace,
            LogError::OutOfRange { .. } | LogError::Damaged(_) | LogError::Storage(_) | LogError::Usage(_) => Reaction::Stop,
        }
    }
}

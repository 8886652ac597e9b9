//! What ends an instance.

use thiserror::Error;

use super::restore::RestoreError;
use crate::log::LogError;
use crate::record::TopicPartition;
use crate::task::SkipsError;

/// Why an instance did not start or has ended. The message is for a person and says what to do.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum InstanceError {
    /// The log refuses or cannot go on.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The state of a task cannot be brought back.
    #[error(transparent)]
    Restore(#[from] RestoreError),
    /// Too many records of a partition have failed, or its committed metadata is another program's.
    #[error("partition {partition}: {cause}")]
    Skips {
        /// The partition.
        partition: TopicPartition,
        /// Why.
        cause: SkipsError,
    },
    /// The operating system gives no more threads.
    #[error(
        "the instance needs more threads than the operating system gives: {0}; lower num.worker.threads or raise the limit (ulimit -u)"
    )]
    Threads(String),
    /// A fault of the runtime itself.
    #[error(
        "client thread {thread} panicked: {message}; this is a fault of tidemill, please report it. What was committed is safe"
    )]
    Panicked {
        /// The client thread.
        thread: u32,
        /// The panic's message.
        message: String,
    },
    /// The instance was told to end, and the time for it was over before everything was committed.
    #[error("the instance did not end cleanly within its deadline; what was not committed will be processed again")]
    Deadline,
    /// The instance was told to end at once.
    #[error("the instance was given up")]
    Abandoned,
}

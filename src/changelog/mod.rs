//! The changelog: snapshots of tasks in a compacted topic, so that another instance can take a partition over with its state.
//!
//! The topic has a partition for each task. A snapshot goes there in [`Chunk`]s under fixed keys, a *slot* and a number, and every chunk says what it belongs to. The two
//! slots are written in turn, so that compaction keeps the last two generations whatever their lengths. What a longer generation has left behind in a slot is known by its
//! generation and ignored; so is a generation of which a chunk is missing.
//!
//! * [`cut`] makes the chunks of a snapshot,
//! * [`Search`] finds the newest one that may be taken, looking at the end of the partition first, and reads it.
//!
//! It knows partitions and offsets, and nothing of what a snapshot means, of tasks or threads. Nothing here decides when to write.

mod chunk;
mod search;
mod view;

use std::sync::Arc;

pub use chunk::{CHUNK_BYTES, Chunk, ChunkError, Key, SnapshotId, cut, tombstones};
pub use search::{Found, Search, Sought};
pub use view::{Generation, View};

use crate::log::{Retention, TopicSpec};

/// The name of an application's changelog topic.
///
/// ```
/// assert_eq!(&*tidemill::changelog::topic_name("quickstart"), "quickstart-changelog");
/// ```
pub fn topic_name(application_id: &str) -> Arc<str> {
    format!("{application_id}-changelog").into()
}

/// The changelog topic of an application whose input topics have so many partitions: as many, and compacted.
pub fn topic_spec(application_id: &str, partitions: u32) -> TopicSpec {
    TopicSpec { name: topic_name(application_id), partitions, retention: Retention::Compacted }
}

//! The log port: what the engine needs of a partitioned, transactional log, and nothing of how one is made.
//!
//! Shaped after Apache Kafka, because that is the log it must fit: a consumer group hands partitions out, one thread owns one consumer and one
//! transactional producer ([`LogClient`]), outputs and input offsets commit together, readers see committed records only, rebalances surface in
//! `poll`. The adapters: [`embedded`] (durable, in process),
//! [`kafka`] (a cluster).
//!
//! Nothing here knows what a record means, what a topology is or that actors exist.

mod client;
pub mod embedded;
mod error;
mod faults;
pub mod kafka;
mod partitioner;
mod service;

pub use client::{
    AutoOffsetReset, ClientSettings, Committed, Guarantee, LogClient, LogEvent, MAX_METADATA_BYTES, ThreadSlot, UnknownGuarantee,
    Watermarks,
};
pub use error::{LogError, Reaction};
pub use faults::{Fault, FaultyLog};
pub use partitioner::{murmur2, partition_for_key};
pub use service::{Fetched, GroupMember, Log, LogAppender, LogReader, Retention, TopicDescription, TopicSpec};

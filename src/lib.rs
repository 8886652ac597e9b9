//! tidemill: Kafka Streams for online learning.
//!
//! The layers, from the ground up, each importing only what stands before it (`tests/architecture.rs` proves the table):
//! [`record`], [`snapshot`] · the pure libraries [`market`], [`window`], [`learn`] · [`processor`] · [`operators`], [`topology`] · [`task`] ·
//! [`driver`] · and, behind the feature `runtime`, the shell that does I/O.

pub mod driver;
pub mod learn;
pub mod market;
pub mod operators;
pub mod processor;
pub mod record;
pub mod snapshot;
pub mod task;
pub mod topology;
pub mod window;

#[cfg(feature = "runtime")]
#[allow(clippy::disallowed_methods, reason = "commands measure how long they take, and feed at a pace")]
pub mod app;
#[cfg(feature = "runtime")]
pub mod changelog;
#[cfg(feature = "runtime")]
pub mod cli;
#[cfg(feature = "runtime")]
pub mod config;
#[cfg(feature = "runtime")]
pub mod connect;
#[cfg(feature = "runtime")]
pub mod failpoint;
#[cfg(feature = "runtime")]
pub mod http;
#[cfg(feature = "runtime")]
#[allow(clippy::disallowed_methods, reason = "waiting for records takes a deadline")]
pub mod log;
#[cfg(feature = "runtime")]
pub mod runtime;
#[cfg(feature = "runtime")]
pub mod store;
#[cfg(feature = "runtime")]
pub mod telemetry;

//! The ground everything stands on: what a record is, where it stands in a log and when it happened.
//!
//! This layer knows nothing of markets, topologies or logs' implementations.

mod batch;
mod calendar;
mod ndjson;
mod partitioner;
mod position;
mod time;

pub use batch::{ConsumedBatch, Headers, RecordBatch, RecordBatchError, RecordRef};
pub use calendar::{DAY_MS, civil_from_days, days_from_civil};
pub use ndjson::{Place, write_ndjson};
pub use partitioner::{murmur2, partition_for_key};
pub use position::{Offset, TopicPartition};
pub use time::{DurationError, Timestamp, format_duration_ms, parse_duration_ms};

//! Kafka as the log: its settings from the configuration.

use std::sync::Arc;

use anyhow::bail;

use crate::config::Config;
use crate::log::Log;

/// Connects as `instance_id`.
///
/// # Errors
/// Until the adapter is in, always.
pub fn connect(config: &Config, instance_id: &str) -> anyhow::Result<Arc<dyn Log>> {
    bail!("{instance_id}: bootstrap.servers is {:?}, but this build has no Kafka adapter yet", config.text("bootstrap.servers"))
}

/// Connects to create topics with so many copies of each partition.
///
/// # Errors
/// As [`connect`].
pub fn connect_for_creation(config: &Config, _copies: u16) -> anyhow::Result<Arc<dyn Log>> {
    connect(config, "creation")
}

//! Errors that decide the exit code.

use thiserror::Error;

use crate::config::ConfigError;

/// A command that was called wrongly in a way that only running it shows: exit code 2.
#[derive(Debug, Error)]
#[error("{0}")]
pub struct UsageError(pub String);

/// Everything that is wrong with a configuration: exit code 78.
#[derive(Debug, Error)]
#[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\nerror: "))]
pub struct ConfigErrors(pub Vec<ConfigError>);

/// Topics that are not as the topology needs them: exit code 78.
#[derive(Debug, Error)]
#[error("{0}")]
pub struct TopicsError(pub String);

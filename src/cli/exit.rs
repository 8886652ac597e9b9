//! Exit codes, which scripts rely on: 0 done, 1 it failed while running, 2 wrong usage, 78 wrong configuration or topology.

use std::process::ExitCode;

use crate::app::errors::{ConfigErrors, TopicsError, UsageError};
use crate::topology::TopologyErrors;

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Done.
    Ok,
    /// It failed while running.
    Failed,
    /// It was called wrongly.
    Usage,
    /// A topology or configuration does not hold, or the topics are not as it needs them (`EX_CONFIG`).
    Config,
}

impl Exit {
    /// The exit that an error asks for.
    pub fn of(error: &anyhow::Error) -> Exit {
        if error.is::<TopologyErrors>() || error.is::<ConfigErrors>() || error.is::<TopicsError>() {
            Exit::Config
        } else if error.is::<UsageError>() {
            Exit::Usage
        } else {
            Exit::Failed
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(match exit {
            Exit::Ok => 0,
            Exit::Failed => 1,
            Exit::Usage => 2,
            Exit::Config => 78,
        })
    }
}

/// An error as people read it. Topology errors bring their own layout.
pub(super) fn render(error: &anyhow::Error) -> String {
    match error.downcast_ref::<TopologyErrors>() {
        Some(errors) => errors.to_string(),
        None => format!("error: {error:#}"),
    }
}

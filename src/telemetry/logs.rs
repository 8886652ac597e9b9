//! Log lines on standard error, as text or as JSON.

use std::io::IsTerminal;

use thiserror::Error;
use tracing_subscriber::EnvFilter;

/// The form of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// Logging that could not be set up.
#[derive(Debug, Error)]
pub enum LogsError {
    /// The level is neither a level nor a filter.
    #[error("log.level {text:?}: {cause}; write error, warn, info, debug, trace, or a list such as info,tidemill::runtime=debug")]
    Filter {
        /// What was given.
        text: String,
        /// What the parser says.
        cause: String,
    },
    /// Something else in the process logs already.
    #[error("the log was set up before: {0}")]
    Twice(String),
}

/// Sends log lines to standard error from now on. Colours only on a terminal, and not when `NO_COLOR` is set.
///
/// # Errors
/// When `level` is neither a level nor a filter, or the process has a log already.
pub fn init_logging(format: LogFormat, level: &str) -> Result<(), LogsError> {
    let filter = EnvFilter::try_new(level).map_err(|e| LogsError::Filter { text: level.to_owned(), cause: e.to_string() })?;
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let outcome = match format {
        LogFormat::Text => lines.with_ansi(colours()).try_init(),
        LogFormat::Json => lines.json().flatten_event(true).try_init(),
    };
    outcome.map_err(|e| LogsError::Twice(e.to_string()))
}

/// Whether standard error takes colours. An empty `NO_COLOR` does not count (no-color.org).
fn colours() -> bool {
    std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_level_is_named() {
        let error = init_logging(LogFormat::Text, "tidemill=loud").unwrap_err().to_string();
        assert!(error.contains("tidemill=loud") && error.contains("debug"), "{error}");
    }
}

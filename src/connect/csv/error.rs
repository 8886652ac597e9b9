//! What can be wrong with a file as a whole.

use std::path::{Path, PathBuf};

use thiserror::Error;

/// A candle file that cannot be read any further. Single rows that make no candle are no such error: they are handed on as records.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{}{}: {what}; expected {expected}; {remedy}", .file.display(), .line.map(|line| format!(", line {line}")).unwrap_or_default())]
pub struct CsvError {
    /// The file.
    pub file: PathBuf,
    /// The line, from 1, where one is to blame.
    pub line: Option<u64>,
    /// What was found.
    pub what: String,
    /// What was expected.
    pub expected: &'static str,
    /// What to do.
    pub remedy: &'static str,
}

impl CsvError {
    pub(super) fn io(file: &Path, line: Option<u64>, error: &std::io::Error) -> Self {
        let (expected, remedy) = match error.kind() {
            std::io::ErrorKind::UnexpectedEof | std::io::ErrorKind::InvalidInput | std::io::ErrorKind::InvalidData => {
                ("intact gzip data", "fetch or pack the file again; gzip -t tells whether it is whole")
            }
            _ => ("a readable file", "check the path and its permissions"),
        };
        CsvError { file: file.to_owned(), line, what: error.to_string(), expected, remedy }
    }
}

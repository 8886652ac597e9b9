//! What a window is: its kind, its sizes and its grace. It knows nothing of records.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::record::format_duration_ms;

/// The longest size, advance, gap or grace: 100 years of 365 days.
///
/// Together with [`TIME_LIMIT_MS`](super::TIME_LIMIT_MS) it keeps every sum of times far away from the ends of 64 bits.
pub const MAX_SPAN_MS: i64 = 100 * 365 * 86_400_000;

/// The most records in a count window.
pub const MAX_COUNT: u32 = 1_000_000;

/// The kinds of windows; pictures of each stand in the [module's documentation](super). All times in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WindowKind {
    /// Windows of one size side by side: `[k * size, (k + 1) * size)`.
    Tumbling {
        /// Length of a window.
        size_ms: i64,
    },
    /// Windows of one size that start every `advance_ms`: `[k * advance, k * advance + size)`.
    Hopping {
        /// Length of a window.
        size_ms: i64,
        /// Distance of their starts, at most the size.
        advance_ms: i64,
    },
    /// Kafka Streams' sliding windows: one for each set of records that lie within `size_ms` of each other, both ends inclusive.
    Sliding {
        /// Largest distance between two records of a window.
        size_ms: i64,
    },
    /// A window lasts as long as no pause is longer than the gap.
    Session {
        /// Longest pause inside a session.
        gap_ms: i64,
    },
    /// Windows of `size` records, one every `step` records. Kafka Streams has none like it.
    Count {
        /// Records in a window.
        size: u32,
        /// Records from the start of a window to the start of the next, at most the size.
        step: u32,
    },
}

/// A kind of window and its grace: how long, in stream time, a window waits for records that come late.
///
/// ```
/// use tidemill::window::{WindowKind, WindowSpec};
/// let bars = WindowSpec::new(WindowKind::Tumbling { size_ms: 300_000 }, 10_000).unwrap();
/// assert_eq!(bars.to_string(), "tumbling 5m, grace 10s");
/// assert!(WindowSpec::new(WindowKind::Hopping { size_ms: 1_000, advance_ms: 2_000 }, 0).is_err());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Unchecked")]
pub struct WindowSpec {
    kind: WindowKind,
    grace_ms: i64,
}

/// A window that cannot be.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum WindowError {
    /// A duration is out of range.
    #[error("the {what} of a window is {found_ms} ms; it must be {least_ms} ms to 100 years: write it as \"90s\" or \"5m\"")]
    Duration {
        /// Which one: size, advance, gap or grace.
        what: &'static str,
        /// What was given.
        found_ms: i64,
        /// The least allowed.
        least_ms: i64,
    },
    /// Windows with holes between them would let records fall through.
    #[error(
        "hopping windows of {size} that advance by {advance} leave holes into which records would fall: make the advance at most the size"
    )]
    Holes {
        /// Length of a window, as written.
        size: String,
        /// Its advance, as written.
        advance: String,
    },
    /// A count is out of range.
    #[error("the {what} of a count window is {found}; it must be 1 to {most}")]
    Count {
        /// Which one: size or step.
        what: &'static str,
        /// What was given.
        found: u32,
        /// The most allowed.
        most: u32,
    },
}

impl WindowSpec {
    /// A window of `kind` that waits `grace_ms` for late records, 0 for not at all.
    ///
    /// # Errors
    /// When a duration is below 1 ms (the grace: below 0) or above 100 years, an advance is longer than its size, a count is 0 or above one
    /// million, or a step is larger than its size.
    pub fn new(kind: WindowKind, grace_ms: i64) -> Result<Self, WindowError> {
        match kind {
            WindowKind::Tumbling { size_ms } | WindowKind::Sliding { size_ms } => duration("size", size_ms, 1)?,
            WindowKind::Hopping { size_ms, advance_ms } => hopping(size_ms, advance_ms)?,
            WindowKind::Session { gap_ms } => duration("gap", gap_ms, 1)?,
            WindowKind::Count { size, step } => {
                count("size", size, MAX_COUNT)?;
                count("step", step, size)?;
            }
        }
        duration("grace", grace_ms, 0)?;
        Ok(WindowSpec { kind, grace_ms })
    }

    /// The kind and its sizes.
    pub fn kind(&self) -> WindowKind {
        self.kind
    }

    /// How long a window waits for late records, in milliseconds of stream time.
    pub fn grace_ms(&self) -> i64 {
        self.grace_ms
    }
}

fn hopping(size_ms: i64, advance_ms: i64) -> Result<(), WindowError> {
    duration("size", size_ms, 1)?;
    duration("advance", advance_ms, 1)?;
    if advance_ms > size_ms {
        return Err(WindowError::Holes { size: format_duration_ms(size_ms), advance: format_duration_ms(advance_ms) });
    }
    Ok(())
}

fn duration(what: &'static str, found_ms: i64, least_ms: i64) -> Result<(), WindowError> {
    let fits = (least_ms..=MAX_SPAN_MS).contains(&found_ms);
    fits.then_some(()).ok_or(WindowError::Duration { what, found_ms, least_ms })
}

fn count(what: &'static str, found: u32, most: u32) -> Result<(), WindowError> {
    (1..=most).contains(&found).then_some(()).ok_or(WindowError::Count { what, found, most })
}

/// As people write it: `hopping 10m every 2m, grace 1m`.
impl std::fmt::Display for WindowSpec {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text = format_duration_ms;
        match self.kind {
            WindowKind::Tumbling { size_ms } => write!(f, "tumbling {}", text(size_ms))?,
            WindowKind::Hopping { size_ms, advance_ms } => write!(f, "hopping {} every {}", text(size_ms), text(advance_ms))?,
            WindowKind::Sliding { size_ms } => write!(f, "sliding {}", text(size_ms))?,
            WindowKind::Session { gap_ms } => write!(f, "session with gap {}", text(gap_ms))?,
            WindowKind::Count { size, step } => write!(f, "count {size} every {step}")?,
        }
        if self.grace_ms > 0 { write!(f, ", grace {}", text(self.grace_ms)) } else { Ok(()) }
    }
}

/// What was written, before it is checked: a spec that comes out of a file or a snapshot passes the same constructor as any other.
#[derive(Deserialize)]
struct Unchecked {
    kind: WindowKind,
    grace_ms: i64,
}

impl TryFrom<Unchecked> for WindowSpec {
    type Error = WindowError;
    fn try_from(written: Unchecked) -> Result<Self, WindowError> {
        WindowSpec::new(written.kind, written.grace_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_impossible_window_is_refused_with_what_to_do() {
        for kind in [
            WindowKind::Tumbling { size_ms: 0 },
            WindowKind::Sliding { size_ms: -5 },
            WindowKind::Session { gap_ms: MAX_SPAN_MS + 1 },
            WindowKind::Hopping { size_ms: 10, advance_ms: 0 },
            WindowKind::Hopping { size_ms: 10, advance_ms: 11 },
            WindowKind::Count { size: 0, step: 1 },
            WindowKind::Count { size: 3, step: 4 },
        ] {
            let error = WindowSpec::new(kind, 0).expect_err(&format!("{kind:?}"));
            assert!(error.to_string().contains("must be") || error.to_string().contains("make the advance"), "{error}");
        }
        assert!(WindowSpec::new(WindowKind::Tumbling { size_ms: 1 }, -1).is_err());
    }

    #[test]
    fn a_spec_from_a_file_is_checked_too() {
        let text = |size: i64| format!(r#"{{"kind":{{"tumbling":{{"size_ms":{size}}}}},"grace_ms":5}}"#);
        let spec: WindowSpec = serde_json::from_str(&text(60_000)).expect("a good one");
        assert_eq!(spec, WindowSpec::new(WindowKind::Tumbling { size_ms: 60_000 }, 5).expect("a good one"));
        assert!(serde_json::from_str::<WindowSpec>(&text(0)).expect_err("size 0").to_string().contains("1 ms to 100 years"));
    }
}

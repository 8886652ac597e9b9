//! Event time in milliseconds and the durations people write (`5m`, `1d`).

use std::fmt;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::calendar::{DAY_MS, civil_from_days};

/// A moment of event time: Unix milliseconds, UTC. Never the wall clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// Before every moment: the stream time of a coin that has not been seen yet.
    pub const MIN: Timestamp = Timestamp(i64::MIN);

    /// This moment plus `duration_ms`, held at the ends of the range.
    #[must_use]
    pub fn plus(self, duration_ms: i64) -> Timestamp {
        Timestamp(self.0.saturating_add(duration_ms))
    }

    /// This moment minus `duration_ms`, held at the ends of the range.
    #[must_use]
    pub fn minus(self, duration_ms: i64) -> Timestamp {
        Timestamp(self.0.saturating_sub(duration_ms))
    }

    /// Milliseconds from `earlier` to this moment, negative if it is later.
    pub fn since(self, earlier: Timestamp) -> i64 {
        self.0.saturating_sub(earlier.0)
    }
}

/// RFC 3339 with milliseconds and `Z`, for people; outside the years 0 to 9999 the bare milliseconds.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let days = self.0.div_euclid(DAY_MS);
        if !(-719_528..=2_932_896).contains(&days) {
            return write!(f, "{}ms", self.0);
        }
        let (year, month, day) = civil_from_days(days);
        let ms = self.0.rem_euclid(DAY_MS);
        let (hour, minute, second) = (ms / 3_600_000, ms / 60_000 % 60, ms / 1_000 % 60);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{:03}Z", ms % 1_000)
    }
}

/// A text that is no duration.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{text:?} is not a duration; write a whole number and a unit: ms, s, m, h, d or w, such as \"90s\" or \"5m\"")]
pub struct DurationError {
    /// What was written.
    pub text: String,
}

const UNITS: [(&str, i64); 6] = [("ms", 1), ("w", 604_800_000), ("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000)];

/// Reads a duration such as `250ms`, `10s`, `5m`, `2h`, `1d` or `1w` as milliseconds.
///
/// ```
/// use tidemill::record::parse_duration_ms;
/// assert_eq!(parse_duration_ms("5m").unwrap(), 300_000);
/// assert!(parse_duration_ms("five minutes").is_err());
/// ```
///
/// # Errors
/// When the text is no whole number with one of these units, or too large for 64 bits.
pub fn parse_duration_ms(text: &str) -> Result<i64, DurationError> {
    let error = || DurationError { text: text.to_owned() };
    let trimmed = text.trim();
    let (digits, unit_ms) =
        UNITS.iter().find_map(|(unit, ms)| trimmed.strip_suffix(unit).map(|digits| (digits, *ms))).ok_or_else(error)?;
    let digits = digits.trim_end();
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(error());
    }
    digits.parse::<i64>().ok().and_then(|n| n.checked_mul(unit_ms)).ok_or_else(error)
}

/// Writes milliseconds in the largest unit that divides them: the inverse of [`parse_duration_ms`].
///
/// ```
/// assert_eq!(tidemill::record::format_duration_ms(300_000), "5m");
/// ```
pub fn format_duration_ms(duration_ms: i64) -> String {
    if duration_ms == 0 {
        return "0ms".to_owned();
    }
    let by_size = [("w", 604_800_000), ("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];
    let (unit, unit_ms) = by_size.into_iter().find(|(_, ms)| duration_ms % ms == 0).unwrap_or(("ms", 1));
    format!("{}{unit}", duration_ms / unit_ms)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamps_read_as_dates() {
        assert_eq!(Timestamp(0).to_string(), "1970-01-01T00:00:00.000Z");
        assert_eq!(Timestamp(1_699_999_200_001).to_string(), "2023-11-14T22:00:00.001Z");
        assert_eq!(Timestamp(-1).to_string(), "1969-12-31T23:59:59.999Z");
        assert_eq!(Timestamp(951_782_400_000).to_string(), "2000-02-29T00:00:00.000Z");
        assert_eq!(Timestamp(i64::MAX).to_string(), format!("{}ms", i64::MAX));
    }

    #[test]
    fn durations_round_trip_and_refuse_nonsense() {
        for text in ["1ms", "90s", "5m", "2h", "3d", "1w", "0ms"] {
            assert_eq!(format_duration_ms(parse_duration_ms(text).unwrap()), text);
        }
        for text in ["", "5", "m", "-5m", "1.5h", "5 minutes", "99999999999999999w"] {
            assert!(parse_duration_ms(text).is_err(), "{text:?}");
        }
    }
}

//! Candle intervals, as exchanges name them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::record::{DAY_MS, Timestamp, civil_from_days, days_from_civil};

/// The span of a candle. Case matters in its name: `1m` is a minute, `1M` a calendar month.
///
/// ```
/// use tidemill::{market::Interval, record::Timestamp};
/// let month: Interval = "1M".parse().unwrap();
/// assert_eq!(month.close_time(Timestamp(1_704_067_200_000)).to_string(), "2024-02-01T00:00:00.000Z");
/// assert_eq!("5m".parse::<Interval>().unwrap().duration_ms(), Some(300_000));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum Interval {
    /// `1s`
    Second1,
    /// `1m`
    Minute1,
    /// `3m`
    Minute3,
    /// `5m`
    Minute5,
    /// `15m`
    Minute15,
    /// `30m`
    Minute30,
    /// `1h`
    Hour1,
    /// `2h`
    Hour2,
    /// `4h`
    Hour4,
    /// `6h`
    Hour6,
    /// `8h`
    Hour8,
    /// `12h`
    Hour12,
    /// `1d`
    Day1,
    /// `3d`
    Day3,
    /// `1w`
    Week1,
    /// `1M`: a calendar month, 28 to 31 days.
    Month1,
}

/// A text that names no interval.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "{text:?} is no candle interval; write one of 1s 1m 3m 5m 15m 30m 1h 2h 4h 6h 8h 12h 1d 3d 1w 1M (1m is a minute, 1M a month)"
)]
pub struct IntervalError {
    /// What was written, cut after 64 characters.
    pub text: String,
}

const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 60 * MINUTE_MS;

impl Interval {
    /// Every interval, shortest first.
    pub const ALL: [Interval; 16] = [
        Interval::Second1,
        Interval::Minute1,
        Interval::Minute3,
        Interval::Minute5,
        Interval::Minute15,
        Interval::Minute30,
        Interval::Hour1,
        Interval::Hour2,
        Interval::Hour4,
        Interval::Hour6,
        Interval::Hour8,
        Interval::Hour12,
        Interval::Day1,
        Interval::Day3,
        Interval::Week1,
        Interval::Month1,
    ];

    /// The canonical name.
    pub const fn name(self) -> &'static str {
        match self {
            Interval::Second1 => "1s",
            Interval::Minute1 => "1m",
            Interval::Minute3 => "3m",
            Interval::Minute5 => "5m",
            Interval::Minute15 => "15m",
            Interval::Minute30 => "30m",
            Interval::Hour1 => "1h",
            Interval::Hour2 => "2h",
            Interval::Hour4 => "4h",
            Interval::Hour6 => "6h",
            Interval::Hour8 => "8h",
            Interval::Hour12 => "12h",
            Interval::Day1 => "1d",
            Interval::Day3 => "3d",
            Interval::Week1 => "1w",
            Interval::Month1 => "1M",
        }
    }

    /// The interval of this canonical name.
    pub fn from_name(name: &[u8]) -> Option<Interval> {
        Interval::ALL.into_iter().find(|interval| interval.name().as_bytes() == name)
    }

    /// The length in milliseconds; `None` for the month, whose length changes.
    pub const fn duration_ms(self) -> Option<i64> {
        Some(match self {
            Interval::Second1 => 1_000,
            Interval::Minute1 => MINUTE_MS,
            Interval::Minute3 => 3 * MINUTE_MS,
            Interval::Minute5 => 5 * MINUTE_MS,
            Interval::Minute15 => 15 * MINUTE_MS,
            Interval::Minute30 => 30 * MINUTE_MS,
            Interval::Hour1 => HOUR_MS,
            Interval::Hour2 => 2 * HOUR_MS,
            Interval::Hour4 => 4 * HOUR_MS,
            Interval::Hour6 => 6 * HOUR_MS,
            Interval::Hour8 => 8 * HOUR_MS,
            Interval::Hour12 => 12 * HOUR_MS,
            Interval::Day1 => DAY_MS,
            Interval::Day3 => 3 * DAY_MS,
            Interval::Week1 => 7 * DAY_MS,
            Interval::Month1 => return None,
        })
    }

    /// The interval of this length in milliseconds; 28 to 31 days make a month.
    pub fn from_duration_ms(duration_ms: i64) -> Option<Interval> {
        let month = (28 * DAY_MS..=31 * DAY_MS).contains(&duration_ms).then_some(Interval::Month1);
        Interval::ALL.into_iter().find(|interval| interval.duration_ms() == Some(duration_ms)).or(month)
    }

    /// The first moment after a bar that opens at `open_time`; for a month the start of the next calendar month in UTC.
    pub fn close_time(self, open_time: Timestamp) -> Timestamp {
        match self.duration_ms() {
            Some(duration_ms) => open_time.plus(duration_ms),
            None => {
                let (year, month, _) = civil_from_days(open_time.0.div_euclid(DAY_MS));
                let (year, month) = if month == 12 { (year + 1, 1) } else { (year, month + 1) };
                Timestamp(days_from_civil(year, month, 1).saturating_mul(DAY_MS))
            }
        }
    }
}

impl FromStr for Interval {
    type Err = IntervalError;

    /// Reads a canonical name, or one of the spellings of files and vendors: `1mo`, `1wk`, `60m`.
    fn from_str(text: &str) -> Result<Self, IntervalError> {
        match text {
            "1mo" => Some(Interval::Month1),
            "1wk" => Some(Interval::Week1),
            "60m" => Some(Interval::Hour1),
            _ => Interval::from_name(text.as_bytes()),
        }
        .ok_or_else(|| IntervalError { text: text.chars().take(64).collect() })
    }
}

impl fmt::Display for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl From<Interval> for String {
    fn from(interval: Interval) -> String {
        interval.name().to_owned()
    }
}

impl TryFrom<String> for Interval {
    type Error = IntervalError;
    fn try_from(text: String) -> Result<Self, IntervalError> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_lengths_round_trip() {
        for interval in Interval::ALL {
            assert_eq!(interval.name().parse(), Ok(interval));
            if let Some(duration_ms) = interval.duration_ms() {
                assert_eq!(Interval::from_duration_ms(duration_ms), Some(interval));
            }
        }
        assert_eq!(Interval::from_duration_ms(29 * DAY_MS), Some(Interval::Month1));
        assert_eq!(Interval::from_duration_ms(7 * MINUTE_MS), None);
        assert!(Interval::ALL.is_sorted());
    }

    #[test]
    fn case_and_nonsense_are_not_guessed() {
        assert_ne!("1m".parse::<Interval>(), "1M".parse::<Interval>());
        for text in ["", "1H", "7m", "m", "1 m", "1D"] {
            assert!(text.parse::<Interval>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn months_close_where_the_next_begins() {
        let month_of = |year, month, day| Timestamp(days_from_civil(year, month, day) * DAY_MS);
        assert_eq!(Interval::Month1.close_time(month_of(2024, 2, 1)), month_of(2024, 3, 1));
        assert_eq!(Interval::Month1.close_time(month_of(2023, 12, 1)), month_of(2024, 1, 1));
        assert_eq!(Interval::Month1.close_time(month_of(2023, 1, 31)), month_of(2023, 2, 1));
    }
}

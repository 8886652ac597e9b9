//! Time cells: Unix times in any unit, and dates.

use std::fmt;

use crate::record::{DAY_MS, Timestamp, days_from_civil};

/// How a file writes its times.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TimeForm {
    /// Unix time; so many units make a second.
    Unix {
        /// 1, 1_000, 1_000_000 or 1_000_000_000.
        per_second: i64,
    },
    /// `2024-01-31`, with or without a time of day and a zone; without a zone it is UTC.
    Date,
}

impl fmt::Display for TimeForm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TimeForm::Unix { per_second: 1 } => "seconds",
            TimeForm::Unix { per_second: 1_000 } => "milliseconds",
            TimeForm::Unix { per_second: 1_000_000 } => "microseconds",
            TimeForm::Unix { .. } => "nanoseconds",
            TimeForm::Date => "dates",
        })
    }
}

/// Reads a time cell and tells in which form it was. Unix times are told by their number of digits: 9 or 10 seconds, 12 or 13 milliseconds, 15 or 16
/// microseconds, 18 or 19 nanoseconds; these fit all times from 1973 to 2286.
#[inline]
pub(super) fn parse_time(cell: &[u8]) -> Option<(Timestamp, TimeForm)> {
    let whole = match cell.iter().position(|byte| *byte == b'.') {
        // Data frames like to turn whole seconds into 1614556800.0.
        Some(point) if cell[point + 1..].iter().all(|byte| *byte == b'0') => &cell[..point],
        _ => cell,
    };
    match parse_digits(whole) {
        Some(number) => {
            let per_second = match whole.len() {
                9 | 10 => 1,
                12 | 13 => 1_000,
                15 | 16 => 1_000_000,
                18 | 19 => 1_000_000_000,
                _ => return None,
            };
            let time = if per_second == 1 { number * 1_000 } else { number / (per_second / 1_000) };
            Some((Timestamp(time), TimeForm::Unix { per_second }))
        }
        None => parse_date(cell).map(|time| (time, TimeForm::Date)),
    }
}

/// Digits only, at most 19 of them and within 64 bits.
#[inline]
fn parse_digits(text: &[u8]) -> Option<i64> {
    if text.is_empty() || text.len() > 19 {
        return None;
    }
    let mut number = 0i64;
    for byte in text {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        number = number.checked_mul(10)?.checked_add(i64::from(digit))?;
    }
    Some(number)
}

/// `2024-01-31`, `2024/01/31 13:05`, `2024-01-31T13:05:06.789Z`, `2024-01-31 13:05:06+02:00` and their like.
fn parse_date(cell: &[u8]) -> Option<Timestamp> {
    let (year, month, day) = (number_at(cell, 0, 4)?, number_at(cell, 5, 2)?, number_at(cell, 8, 2)?);
    let separators = (*cell.get(4)?, *cell.get(7)?);
    let plausible = (1..=12).contains(&month) && (1..=days_in_month(year, month)).contains(&day);
    if !matches!(separators, (b'-', b'-') | (b'/', b'/')) || !plausible {
        return None;
    }
    let midnight = days_from_civil(year, month, day) * DAY_MS;
    let time_of_day = match cell.get(10) {
        None => 0,
        Some(b'T' | b' ') => parse_time_of_day(&cell[11..])?,
        Some(_) => return None,
    };
    Some(Timestamp(midnight + time_of_day))
}

fn days_in_month(year: i64, month: i64) -> i64 {
    let (next_year, next_month) = if month == 12 { (year + 1, 1) } else { (year, month + 1) };
    days_from_civil(next_year, next_month, 1) - days_from_civil(year, month, 1)
}

/// Milliseconds since midnight UTC of `13:05`, `13:05:06`, `13:05:06.789`, each with or without a zone.
fn parse_time_of_day(text: &[u8]) -> Option<i64> {
    let (hour, minute) = (number_at(text, 0, 2)?, number_at(text, 3, 2)?);
    if text.get(2) != Some(&b':') || hour > 23 || minute > 59 {
        return None;
    }
    let (mut ms, mut rest) = ((hour * 60 + minute) * 60_000, &text[5..]);
    if rest.first() == Some(&b':') {
        let second = number_at(rest, 1, 2).filter(|second| *second < 60)?;
        (ms, rest) = (ms + second * 1_000, &rest[3..]);
        if rest.first() == Some(&b'.') {
            let digits = rest[1..].iter().take_while(|byte| byte.is_ascii_digit()).count();
            ms += (0..3)
                .try_fold(0, |ms, place| Some(ms * 10 + if place < digits { number_at(rest, 1 + place, 1)? } else { 0 }))?;
            rest = &rest[1 + digits..];
        }
    }
    Some(ms - parse_zone(rest)? * 60_000)
}

/// Minutes east of UTC of nothing, `Z`, `UTC`, `+02:00`, `-0530` or `+02`.
fn parse_zone(text: &[u8]) -> Option<i64> {
    let text = text.trim_ascii();
    let sign = match text.first() {
        None => return Some(0),
        Some(b'+') => 1,
        Some(b'-') => -1,
        Some(_) => return matches!(text, b"Z" | b"z" | b"UTC" | b"GMT").then_some(0),
    };
    let minutes = match text.len() {
        3 => 0,
        5 => number_at(text, 3, 2)?,
        6 if text[3] == b':' => number_at(text, 4, 2)?,
        _ => return None,
    };
    Some(sign * (number_at(text, 1, 2)? * 60 + minutes))
}

/// The number of `length` digits at `from`.
fn number_at(text: &[u8], from: usize, length: usize) -> Option<i64> {
    parse_digits(text.get(from..from + length)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_told_by_their_digits() {
        for (text, per_second) in
            [("1700000040", 1), ("1700000040000", 1_000), ("1700000040000000", 1_000_000), ("1700000040000000000", 1_000_000_000)]
        {
            assert_eq!(
                parse_time(text.as_bytes()),
                Some((Timestamp(1_700_000_040_000), TimeForm::Unix { per_second })),
                "{text}"
            );
        }
        assert_eq!(parse_time(b"1614556800.0"), Some((Timestamp(1_614_556_800_000), TimeForm::Unix { per_second: 1 })));
        assert_eq!(parse_time(b"915148800"), Some((Timestamp(915_148_800_000), TimeForm::Unix { per_second: 1 })));
    }

    #[test]
    fn dates_are_read_in_their_usual_forms() {
        for (text, shown) in [
            ("2014-09-17", "2014-09-17T00:00:00.000Z"),
            ("2014-09-17 00:00:00+00:00", "2014-09-17T00:00:00.000Z"),
            ("2024/02/29 13:05", "2024-02-29T13:05:00.000Z"),
            ("2024-01-31T13:05:06.7Z", "2024-01-31T13:05:06.700Z"),
            ("2024-01-31T13:05:06.789123456 UTC", "2024-01-31T13:05:06.789Z"),
            ("2024-01-31 01:00:00+02:00", "2024-01-30T23:00:00.000Z"),
            ("2024-01-31 23:00:00-0530", "2024-02-01T04:30:00.000Z"),
        ] {
            let (time, form) = parse_time(text.as_bytes()).unwrap_or_else(|| panic!("{text}"));
            assert_eq!((time.to_string().as_str(), form), (shown, TimeForm::Date), "{text}");
        }
    }

    #[test]
    fn what_is_no_time_is_not_guessed() {
        for text in [
            "",
            "17000000401",
            "-1700000040",
            "36500.10",
            "2024-13-01",
            "2023-02-29",
            "2024-01-32",
            "2024-01-31 25:00",
            "2024-01-31 13:05:60",
            "2024-01-31x",
            "31-01-2024",
            "2024-01-31 13:05 CET",
            "99999999999999999999",
            "9999999999999999999",
            "20240131",
        ] {
            assert_eq!(parse_time(text.as_bytes()), None, "{text:?}");
        }
    }
}

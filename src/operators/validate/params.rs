//! What a validate node's table may say.

use crate::learn::params::{Duration, ParamError, ParamErrorKind, child};
use crate::record::{Timestamp, days_from_civil};

crate::choices! {
    /// Which order records must come in.
    pub enum Order {
        /// Rising time; what is older than the newest taken is late. Features and learners without a window need it.
        Strict = "strict",
        /// Any; a window further down, with its grace, decides what is late.
        Any = "any",
    }
}

crate::choices! {
    /// What becomes of a bar that corrects one already taken.
    pub enum Revisions {
        /// It goes to the late topic: nothing is learned twice.
        Drop = "drop",
        /// It is passed on, for a window that is still open to take it.
        Forward = "forward",
    }
}

crate::params! {
    /// Parameters of `validate`.
    pub struct ValidateParams {
        /// Which order records must come in.
        order: Order = Order::Strict;
        /// What becomes of a bar that corrects one already taken.
        revisions: Revisions = Revisions::Drop;
        /// The span every candle must have; without it that of the source, if it declares one.
        interval: Option<Duration> = None, in Duration::from_ms(1)..;
        /// How far beyond its coin's newest time a record may be, unless the next one confirms the jump. Without it one day, or ten bars of the
        /// source where those are longer.
        max_ahead: Option<Duration> = None, in Duration::from_ms(1)..;
        /// Records before this day (UTC, `2017-01-01`) are dead letters.
        min_time: Option<String> = None;
        /// Records on or after this day (UTC) are dead letters; the only guard against an absurd time in the very first record of a coin.
        max_time: Option<String> = None;
        /// How many of the newest bars or trades are remembered to know duplicates and revisions by.
        remember: usize = 128, in 1..=100_000, unit "records";
    }
}

impl ValidateParams {
    /// First moment allowed and first moment after, where they are written.
    pub(super) fn bounds(&self, path: &[String]) -> Result<(Timestamp, Timestamp), Vec<ParamError>> {
        let bound = |name: &str, text: &Option<String>, otherwise| match text {
            Some(text) => day(text).ok_or_else(|| vec![no_day(&child(path, name), text)]),
            None => Ok(otherwise),
        };
        match (bound("min_time", &self.min_time, Timestamp::MIN), bound("max_time", &self.max_time, Timestamp(i64::MAX))) {
            (Ok(from), Ok(to)) if from >= to => {
                let message = format!("no time lies from min_time {from} to max_time {to}");
                Err(vec![ParamError::new(ParamErrorKind::Conflict, &child(path, "max_time"), message, "a day after min_time")])
            }
            (Ok(from), Ok(to)) => Ok((from, to)),
            (from, to) => Err([from.err(), to.err()].into_iter().flatten().flatten().collect()),
        }
    }
}

fn no_day(path: &[String], text: &str) -> ParamError {
    ParamError::new(ParamErrorKind::WrongType, path, format!("{text:?} is no day"), "a day such as \"2017-01-01\"")
}

/// The first moment of a day written as `YYYY-MM-DD`.
fn day(text: &str) -> Option<Timestamp> {
    if !text.bytes().all(|b| b.is_ascii_digit() || b == b'-') {
        return None;
    }
    let mut parts = text.split('-').map(|part| (part.len(), part.parse::<u32>()));
    let (Some((4, Ok(year))), Some((2, Ok(month))), Some((2, Ok(day))), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return None;
    };
    let number = days_from_civil(year.into(), month.into(), day.into());
    let exists = (1..=12).contains(&month) && crate::record::civil_from_days(number) == (year.into(), month.into(), day.into());
    exists.then_some(Timestamp(number * 86_400_000))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_read_and_others_refused() {
        assert_eq!(day("2023-11-14"), Some(Timestamp(1_699_920_000_000)));
        for text in ["", "2023-13-01", "2023-02-29", "2023-11-14T00:00", "23-11-14", "2023-00-10", "+023-01-01"] {
            assert_eq!(day(text), None, "{text:?}");
        }
    }
}

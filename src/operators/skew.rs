//! The skew cap: no single record may carry a coin's time far into the future.
//!
//! One absurd timestamp would close every open window of its coin and make everything after it late. The guard knows only the times it was
//! shown; what becomes of a refused record is its owner's business.

use serde::{Deserialize, Serialize};

use crate::processor::Context;
use crate::record::{Timestamp, format_duration_ms};

/// The cap where nothing else is said: one day, ms.
const DEFAULT_MAX_AHEAD_MS: i64 = 86_400_000;

/// Bars that may be missing before a jump is suspicious: long holidays close a stock exchange for nine days.
const DEFAULT_BARS: i64 = 10;

/// Refuses times more than `max_ahead_ms` beyond the newest one taken, unless the next record confirms them.
///
/// * The first time is taken, whatever it is.
/// * A time beyond the cap is refused and remembered as a suspect. When the **directly following** record lies after the suspect, by at most the cap,
///   the coin really has a gap (an outage, a delisted coin that came back): it is taken, and the suspect is the only record lost.
/// * A repetition of the suspect confirms nothing: a producer that sends twice would confirm its own mistake.
/// * Any record within the cap clears the suspicion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SkewGuard {
    max_ahead_ms: i64,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct State {
    newest: Option<Timestamp>,
    suspect: Option<Timestamp>,
}

impl SkewGuard {
    /// A guard that has seen nothing. `max_ahead_ms` is at least 1.
    pub(super) fn new(max_ahead_ms: i64) -> Self {
        SkewGuard { max_ahead_ms, state: State::default() }
    }

    /// Takes `time` or refuses it with the reason.
    pub(super) fn check(&mut self, time: Timestamp) -> Result<(), Refused> {
        let newest = *self.state.newest.get_or_insert(time);
        let within = |from: Timestamp| time.since(from) <= self.max_ahead_ms;
        let confirms = |suspect: Timestamp| time > suspect && within(suspect);
        if !within(newest) && !self.state.suspect.is_some_and(confirms) {
            self.state.suspect = Some(time);
            return Err(Refused { time, newest, max_ahead_ms: self.max_ahead_ms });
        }
        self.state = State { newest: Some(newest.max(time)), suspect: None };
        Ok(())
    }

    /// [`check`](Self::check), with a refused record's letter written: dead, `absurd_timestamp`.
    pub(super) fn admits(&mut self, time: Timestamp, ctx: &mut Context<'_>) -> bool {
        match self.check(time) {
            Ok(()) => true,
            Err(refused) => {
                ctx.dead("absurd_timestamp", refused.to_string());
                false
            }
        }
    }

    /// The state to keep.
    pub(super) fn state(&self) -> State {
        self.state
    }

    /// Goes on from a kept state.
    pub(super) fn restore(&mut self, state: State) {
        self.state = state;
    }
}

/// Why a time was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "its time {time} is more than {} after {newest}, the newest one taken of this coin; \
     only a next record after it, within the same span, would confirm the jump",
    format_duration_ms(*.max_ahead_ms)
)]
pub(super) struct Refused {
    time: Timestamp,
    newest: Timestamp,
    max_ahead_ms: i64,
}

/// The cap of a node: what was written, else one day or ten bars of its source, whichever is longer (a stock exchange pauses for holidays).
pub(super) fn max_ahead_ms(written: Option<i64>, interval_ms: Option<i64>) -> i64 {
    written.unwrap_or_else(|| DEFAULT_MAX_AHEAD_MS.max(interval_ms.unwrap_or(0).saturating_mul(DEFAULT_BARS)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(times: &[i64]) -> Vec<bool> {
        let mut guard = SkewGuard::new(100);
        times.iter().map(|t| guard.check(Timestamp(*t)).is_ok()).collect()
    }

    #[test]
    fn the_first_time_is_taken_whatever_it_is() {
        assert_eq!(taken(&[i64::MAX]), [true]);
        assert_eq!(taken(&[i64::MIN, 0]), [true, false]);
    }

    #[test]
    fn the_cap_itself_is_within_it() {
        assert_eq!(taken(&[0, 100, 201, 200]), [true, true, false, true]);
    }

    #[test]
    fn one_absurd_time_changes_nothing_for_the_others() {
        assert_eq!(taken(&[0, 10, 1_000_000, 20, 30, 2_000_000, 40]), [true, true, false, true, true, false, true]);
    }

    #[test]
    fn the_directly_following_time_confirms_a_gap() {
        assert_eq!(taken(&[0, 1_000, 1_010, 1_020]), [true, false, true, true]);
        assert_eq!(taken(&[0, 1_000, 1_101, 1_150]), [true, false, false, true], "too far after the suspect: a new suspect");
        assert_eq!(taken(&[0, 1_000, 10, 1_010]), [true, false, true, false], "the suspicion was cleared in between");
    }

    #[test]
    fn a_repeated_or_earlier_suspect_confirms_nothing() {
        assert_eq!(taken(&[0, 1_000, 1_000, 1_000]), [true, false, false, false]);
        assert_eq!(taken(&[0, 1_000, 990]), [true, false, false]);
    }

    #[test]
    fn old_times_are_no_skew() {
        assert_eq!(taken(&[1_000, -1_000_000, 1_100]), [true, true, true]);
    }

    #[test]
    fn the_default_cap_grows_with_the_bars() {
        assert_eq!(max_ahead_ms(None, None), 86_400_000);
        assert_eq!(max_ahead_ms(None, Some(60_000)), 86_400_000);
        assert_eq!(max_ahead_ms(None, Some(86_400_000)), 864_000_000);
        assert_eq!(max_ahead_ms(Some(5), Some(86_400_000)), 5);
    }
}

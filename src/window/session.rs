//! Windows that last as long as there is no pause: sessions.
//!
//! It knows nothing of grace; the engine hands it the close time, which is stream time minus grace minus the gap.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::part::{Parts, Place};
use super::{Aggregate, ClosedWindow, Observed, Part, Span, WindowBounds};
use crate::record::Timestamp;

/// How many closed sessions are remembered beyond those that a late part can surely still reach.
///
/// A late part may join an open session to a closed one before it, which may bring the one before that into reach, and so on. Kafka Streams
/// (4.3, cached store) never forgets until its cache is full; a chain of joins as long as this does not happen outside of tests.
const REMEMBERED: usize = 16;

/// Sessions in order of time; any two are further apart than the gap.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(bound = "P: Part, T: Serialize + serde::de::DeserializeOwned")]
pub(super) struct Sessions<P, T> {
    gap: i64,
    /// The parts of the sessions that are not [`Session::folded`].
    parts: Parts<P>,
    /// By start.
    sessions: BTreeMap<i64, Session<T>>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Session<T> {
    end: i64,
    /// Results of closed sessions that are part of this one, in order of time.
    earlier: Vec<T>,
    /// Closed for good: its parts were given up for its result, which is all that stands in `earlier`.
    folded: bool,
}

impl<P: Part, T: Clone> Sessions<P, T> {
    pub(super) fn new(gap: i64) -> Self {
        Sessions { gap, parts: Parts::new(), sessions: BTreeMap::new() }
    }

    /// Takes a part into the session it makes, prolongs or joins, unless that ends before `close_time`. Answers its start too.
    pub(super) fn insert(&mut self, part: P, close_time: i64) -> (Observed, Option<i64>) {
        let (mut start, mut end) = (part.start().0, part.end().0);
        let mut near = Vec::new();
        for (&other, session) in self.sessions.range(..=end + self.gap).rev() {
            // Sessions do not overlap, so their ends stand in the order of their starts.
            if session.end < part.start().0 - self.gap {
                break;
            }
            near.push(other);
            (start, end) = (start.min(other), end.max(session.end));
        }
        if end < close_time {
            return (Observed::late(start, end), None);
        }
        let place = self.parts.place(&part);
        if place == Place::Known {
            return (Observed::taken(place, 0), None);
        }
        self.parts.put(place, part);
        self.join(&near, start, end);
        (Observed::taken(place, 1), Some(start))
    }

    /// Makes one session from `start` to `end` of those that start at `near` (latest first).
    fn join(&mut self, near: &[i64], start: i64, end: i64) {
        if let [only] = near
            && *only == start
            && let Some(session) = self.sessions.get_mut(only)
        {
            (session.end, session.folded) = (end, false);
            return;
        }
        let earlier =
            near.iter().rev().filter_map(|start| self.sessions.remove(start)).flat_map(|session| session.earlier).collect();
        self.sessions.insert(start, Session { end, earlier, folded: false });
    }

    /// Closes every session that ends after `closed` and not after `close_time`, and `touched` if it ends by then.
    pub(super) fn close<A>(&mut self, closed: i64, close_time: i64, touched: Option<i64>, out: &mut Vec<ClosedWindow<T>>)
    where
        A: Aggregate<Part = P, Output = T>,
    {
        let first = out.len();
        for (&start, session) in self.sessions.range(..=close_time).rev() {
            // The touched session ends at the close time or later, so it comes before all that had closed already.
            if session.end <= closed && touched != Some(start) {
                break;
            }
            if session.end <= close_time {
                out.extend(self.result::<A>(start, session));
            }
        }
        out[first..].reverse();
        if close_time > closed {
            self.fold_closed::<A>(close_time);
            self.forget(close_time);
        }
    }

    fn result<A: Aggregate<Part = P, Output = T>>(&self, start: i64, session: &Session<T>) -> Option<ClosedWindow<T>> {
        let bounds = WindowBounds::new(start, session.end);
        let parts = self.parts.iter(self.parts.range(start, session.end + 1));
        let value = A::fold(Span::Covered, &session.earlier, parts)?;
        Some(ClosedWindow { start: bounds.start, end: bounds.end, value })
    }

    /// Gives up the parts of sessions that end before `close_time`: a part can only join these to an open one, never change them.
    fn fold_closed<A: Aggregate<Part = P, Output = T>>(&mut self, close_time: i64) {
        let closed = |(_, session): &(&i64, &Session<T>)| session.end < close_time;
        let unfolded = |(_, session): &(&i64, &Session<T>)| !session.folded;
        let starts: Vec<i64> =
            self.sessions.range(..close_time).rev().filter(closed).take_while(unfolded).map(|(&start, _)| start).collect();
        for start in starts {
            let value = self.sessions.get(&start).and_then(|session| self.result::<A>(start, session));
            if let (Some(closed), Some(session)) = (value, self.sessions.get_mut(&start)) {
                let Timestamp(end) = closed.end;
                (session.earlier, session.folded) = (vec![closed.value], true);
                self.parts.remove(self.parts.range(start, end + 1));
            }
        }
    }

    /// Forgets closed sessions that no late part can reach any more. One is taken as long as it lies within a gap of a session that is open,
    /// and then reaches a gap further back.
    fn forget(&mut self, close_time: i64) {
        let folded = self.sessions.values().take_while(|session| session.folded).count();
        let mut spare = folded.saturating_sub(REMEMBERED);
        if spare == 0 {
            return;
        }
        let oldest_open = self.sessions.iter().nth(folded).map_or(close_time, |(&start, _)| start.min(close_time));
        while spare > 0 && self.sessions.first_key_value().is_some_and(|(_, session)| session.end < oldest_open - 2 * self.gap) {
            self.sessions.pop_first();
            spare -= 1;
        }
    }

    pub(super) fn parts_held(&self) -> usize {
        self.parts.len()
    }
}

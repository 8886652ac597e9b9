//! Windows that stand on the clock: tumbling and hopping.
//!
//! No list of windows is kept: which ones exist follows from the parts and from how far stream time has come. It knows nothing of grace; the
//! engine hands it the close time, which is stream time minus grace.

use serde::{Deserialize, Serialize};

use super::part::Parts;
use super::{Aggregate, ClosedWindow, Fate, Observed, Part, Span, WindowBounds};

/// Windows `[k * advance, k * advance + size)`; an advance equal to the size makes them tumble.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(bound = "P: Part")]
pub(super) struct Grid<P> {
    size: i64,
    advance: i64,
    parts: Parts<P>,
    /// End of the earliest open window with parts in it; no window closes before. `i64::MAX` if none is open.
    next_end: i64,
    /// Start of the last window the last part lay in: parts mostly lie where the one before lay, and dividing is what costs here.
    last_start: i64,
}

impl<P: Part> Grid<P> {
    pub(super) fn new(size: i64, advance: i64) -> Self {
        Grid { size, advance, parts: Parts::new(), next_end: i64::MAX, last_start: 0 }
    }

    /// Takes a part into its windows that are open at `close_time`.
    #[inline]
    pub(super) fn insert(&mut self, part: P, close_time: i64) -> Observed {
        let (first, last) = self.windows_of(part.start().0);
        self.last_start = last;
        let (total, refused) = (self.count(first, last), self.count(first, last.min(close_time - self.size)));
        let first_refused = (refused > 0).then(|| WindowBounds::new(first, first + self.size));
        let place = self.parts.place(&part);
        let fate = if refused == total { Fate::Late } else { Fate::of(place) };
        if !fate.is_taken() {
            return Observed { fate, entered: 0, refused, first_refused };
        }
        self.parts.put(place, part);
        self.next_end = self.next_end.min(first + refused as i64 * self.advance + self.size);
        Observed { fate, entered: total - refused, refused, first_refused }
    }

    /// Closes every window that ends after `closed` and not after `close_time`.
    #[inline]
    pub(super) fn close<A: Aggregate<Part = P>>(&mut self, closed: i64, close_time: i64, out: &mut Vec<ClosedWindow<A::Output>>) {
        if close_time >= self.next_end {
            self.close_windows::<A>(closed, close_time, out);
        }
    }

    fn close_windows<A: Aggregate<Part = P>>(&mut self, closed: i64, close_time: i64, out: &mut Vec<ClosedWindow<A::Output>>) {
        let mut start = self.first_ending_after(closed);
        self.next_end = i64::MAX;
        while let Some(next) = self.next_filled(start) {
            if next + self.size > close_time {
                self.next_end = next + self.size;
                break;
            }
            out.extend(self.result::<A>(next));
            start = next + self.advance;
        }
        self.parts.forget_before(self.first_ending_after(close_time));
    }

    fn result<A: Aggregate<Part = P>>(&self, start: i64) -> Option<ClosedWindow<A::Output>> {
        let bounds = WindowBounds::new(start, start + self.size);
        let parts = self.parts.iter(self.parts.range(start, self.last_moment(start)));
        let value = A::fold(Span::Fixed { start: bounds.start, end: bounds.end }, &[], parts)?;
        Some(ClosedWindow { start: bounds.start, end: bounds.end, value })
    }

    /// The first window with parts in it that starts at `start` (a window's start) or later.
    fn next_filled(&self, start: i64) -> Option<i64> {
        let next = self.parts.get(self.parts.first_from(start))?.start().0;
        Some(if next < self.last_moment(start) { start } else { self.windows_of(next).0.max(start) })
    }

    /// The first start of a window that ends after `time`.
    fn first_ending_after(&self, time: i64) -> i64 {
        ((time - self.size).div_euclid(self.advance) + 1) * self.advance
    }

    /// First moment that a window starting at `start` does not take. As in Kafka Streams, a window that starts before 1970 takes nothing
    /// after it (see [`windows_of`](Self::windows_of)).
    fn last_moment(&self, start: i64) -> i64 {
        let end = start + self.size;
        if start < 0 { end.min(0) } else { end }
    }

    /// The first and the last start of the windows that `time` lies in. As in Kafka Streams, moments from 1970 on are in no window that starts
    /// before it.
    #[inline]
    fn windows_of(&self, time: i64) -> (i64, i64) {
        if self.advance == self.size && (self.last_start..self.last_start + self.size).contains(&time) {
            return (self.last_start, self.last_start);
        }
        let last = time.div_euclid(self.advance) * self.advance;
        let first = self.first_ending_after(time);
        (if time >= 0 { first.max(0) } else { first }, last)
    }

    /// How many windows start from `first` (a window's start) to `last`.
    #[inline]
    fn count(&self, first: i64, last: i64) -> u64 {
        match (last - first).max(-1) {
            // Spares the division where there is one window or none.
            -1 => 0,
            0 => 1,
            distance => (distance / self.advance) as u64 + 1,
        }
    }

    pub(super) fn parts_held(&self) -> usize {
        self.parts.len()
    }
}

//! Windows of so many records: count.
//!
//! Records are put in event-time order first: a record is *settled* once stream time has passed its end by the grace; then it takes the next
//! number, and windows are ranges of numbers. A record that belongs before a settled one is late. The engine hands over the close time, stream
//! time minus grace.

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};

use super::part::{Parts, Place};
use super::{Aggregate, ClosedWindow, Fate, Observed, Part, Relation, Span};

/// Windows of the records numbered `[k * step, k * step + size)`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(bound = "P: Part")]
pub(super) struct Counted<P> {
    size: usize,
    step: usize,
    /// From the first record of the first open window on.
    parts: Parts<P>,
    /// How many parts in front have their numbers.
    settled: usize,
    /// How many windows have closed.
    closed: u64,
    /// The settled record just before the first open window.
    before: Option<P>,
}

impl<P: Part> Counted<P> {
    pub(super) fn new(size: u32, step: u32) -> Self {
        Counted { size: size as usize, step: step as usize, parts: Parts::new(), settled: 0, closed: 0, before: None }
    }

    /// Takes a part, unless it belongs before a settled one.
    pub(super) fn insert(&mut self, part: P) -> Observed {
        let place = self.parts.place(&part);
        let index = match place {
            _ if self.is_over(&part) => return self.late(&part),
            Place::Known => return Observed::nothing(Fate::Duplicate),
            Place::Before(index) if index < self.settled => return self.late(&part),
            Place::Before(index) | Place::Instead(index) => index,
        };
        self.parts.put(place, part);
        Observed { refused: self.closed_windows_of(index), ..Observed::taken(place, self.open_windows_of(index)) }
    }

    /// Whether every window that `part` belongs to has closed.
    fn is_over(&self, part: &P) -> bool {
        self.before.as_ref().is_some_and(|before| match before.order(part) {
            Ordering::Less => false,
            Ordering::Equal => before.relation(part) != Relation::Distinct,
            Ordering::Greater => true,
        })
    }

    /// Names the stretch from the part to the last record that had its number when it came.
    fn late(&self, part: &P) -> Observed {
        let last = self.settled.checked_sub(1).and_then(|index| self.parts.get(index)).or(self.before.as_ref());
        Observed::late(part.start().0, last.map_or(part.end(), P::end).0)
    }

    /// How many open windows the part at `index` lies in, as the parts stand now.
    fn open_windows_of(&self, index: usize) -> u64 {
        let before = if index < self.size { 0 } else { (index - self.size) / self.step + 1 };
        (index / self.step + 1 - before) as u64
    }

    fn closed_windows_of(&self, index: usize) -> u64 {
        let reach = (self.size - 1).saturating_sub(index) / self.step;
        self.closed.min(reach as u64)
    }

    /// Settles every part that ends at `close_time` or before, and closes the windows that are full.
    pub(super) fn close<A: Aggregate<Part = P>>(&mut self, close_time: i64, out: &mut Vec<ClosedWindow<A::Output>>) {
        while self.parts.get(self.settled).is_some_and(|part| part.end().0 <= close_time) {
            self.settled += 1;
            if self.settled == self.size {
                out.extend(self.result::<A>());
                self.before = self.parts.get(self.step - 1).cloned();
                self.parts.remove(0..self.step);
                self.settled -= self.step;
                self.closed += 1;
            }
        }
    }

    fn result<A: Aggregate<Part = P>>(&self) -> Option<ClosedWindow<A::Output>> {
        let (start, end) = (self.parts.get(0)?.start(), self.parts.get(self.size - 1)?.end());
        let value = A::fold(Span::Covered, &[], self.parts.iter(0..self.size))?;
        Some(ClosedWindow { start, end, value })
    }

    pub(super) fn parts_held(&self) -> usize {
        self.parts.len()
    }
}

//! What windows are filled with: the [`Part`] trait and the ordered store of the parts that open windows still need.
//!
//! Every part is kept once however many windows it lies in; a window is a range of the store, and its result is folded from that range when it
//! closes. So a revised bar, or one that came late, changes every open window at no cost, the order of arrival cannot matter, and memory is
//! linear in the parts of open windows. The store knows nothing of windows.

use std::cmp::Ordering;
use std::collections::VecDeque;
use std::fmt::Debug;
use std::ops::Range;

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::record::Timestamp;

/// How a new part relates to a stored one that has the same place in the [order](Part::order).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Relation {
    /// Another part that happened at the same place; it is put behind.
    Distinct,
    /// The same part once more.
    Duplicate,
    /// The same part with other values: it replaces the stored one.
    Revision,
}

/// Something that windows are filled with: a candle, a trade, a number.
///
/// The state of a window is its parts, so parts must be serde-able.
pub trait Part: Clone + Debug + PartialEq + Serialize + DeserializeOwned {
    /// When it began; windows are assigned by this.
    fn start(&self) -> Timestamp;

    /// When it was complete: stream time moves here once it has been taken. For something that happens at once, the start.
    fn end(&self) -> Timestamp;

    /// Order in event time: by [`start`](Self::start), then by whatever tells parts of one moment apart.
    fn order(&self, other: &Self) -> Ordering;

    /// What `newer` is to this part, when both have the same place in the order.
    fn relation(&self, newer: &Self) -> Relation;
}

/// Parts in event-time order; among equals, in order of arrival.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(bound = "P: Part")]
pub(super) struct Parts<P> {
    sorted: VecDeque<P>,
}

/// Where a new part belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// In front of the part at this index.
    Before(usize),
    /// In the place of the part at this index, which it revises.
    Instead(usize),
    /// Nowhere: the same part is there.
    Known,
}

impl<P: Part> Parts<P> {
    pub(super) fn new() -> Self {
        Parts { sorted: VecDeque::new() }
    }

    /// Where `part` belongs; nothing is changed.
    #[inline]
    pub(super) fn place(&self, part: &P) -> Place {
        match self.sorted.back() {
            None => return Place::Before(0),
            Some(last) if last.order(part) == Ordering::Less => return Place::Before(self.sorted.len()),
            Some(_) => {}
        }
        let after = self.sorted.partition_point(|p| p.order(part) != Ordering::Greater);
        let equals = (0..after).rev().take_while(|&i| self.sorted[i].order(part) == Ordering::Equal);
        for i in equals {
            match self.sorted[i].relation(part) {
                Relation::Distinct => {}
                Relation::Duplicate => return Place::Known,
                Relation::Revision => return Place::Instead(i),
            }
        }
        Place::Before(after)
    }

    /// Puts `part` where [`place`](Self::place) said.
    #[inline]
    pub(super) fn put(&mut self, place: Place, part: P) {
        match place {
            Place::Before(i) if i == self.sorted.len() => self.sorted.push_back(part),
            Place::Before(i) => self.sorted.insert(i, part),
            Place::Instead(i) => self.sorted[i] = part,
            Place::Known => {}
        }
    }

    /// The index of the first part that starts at `time` or later.
    pub(super) fn first_from(&self, time: i64) -> usize {
        self.sorted.partition_point(|p| p.start().0 < time)
    }

    /// The indices of the parts that start at `from` or later and before `to`.
    pub(super) fn range(&self, from: i64, to: i64) -> Range<usize> {
        let lower = self.first_from(from);
        lower..self.first_from(to).max(lower)
    }

    pub(super) fn iter(&self, range: Range<usize>) -> impl DoubleEndedIterator<Item = &P> + Clone {
        self.sorted.range(range)
    }

    pub(super) fn get(&self, index: usize) -> Option<&P> {
        self.sorted.get(index)
    }

    pub(super) fn len(&self) -> usize {
        self.sorted.len()
    }

    pub(super) fn remove(&mut self, range: Range<usize>) {
        self.sorted.drain(range);
    }

    /// Forgets the parts that start before `time`.
    pub(super) fn forget_before(&mut self, time: i64) {
        while self.sorted.front().is_some_and(|p| p.start().0 < time) {
            self.sorted.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::window::Point;

    #[test]
    fn parts_stand_in_event_time_order_and_equals_in_arrival_order() {
        let mut parts = Parts::new();
        for (value, time) in [5, 1, 3, 3, 9, 0, 3].into_iter().enumerate() {
            let point = Point { time: Timestamp(time), value: value as f64 };
            parts.put(parts.place(&point), point);
        }
        let found: Vec<(i64, f64)> = parts.iter(0..parts.len()).map(|p| (p.time.0, p.value)).collect();
        assert_eq!(found, [(0, 5.0), (1, 1.0), (3, 2.0), (3, 3.0), (3, 6.0), (5, 0.0), (9, 4.0)]);
        assert_eq!(parts.range(1, 5), 1..5);
        parts.forget_before(3);
        assert_eq!(parts.len(), 5);
    }
}

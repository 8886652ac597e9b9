//! The newest values of one field, oldest first and in one piece, so that a rolling statistic reads a plain slice.

/// Keeps at least the newest `keep` values; pushing costs O(1) on average and allocates nothing.
///
/// Values are appended until the memory is full, then the newest `keep` move to its front.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct History {
    values: Vec<f64>,
    keep: usize,
    capacity: usize,
}

/// Memory of short histories in values: they would move too often otherwise.
const LEAST_CAPACITY: usize = 64;

impl History {
    /// An empty history that keeps `keep` values, at least one.
    pub(super) fn new(keep: usize) -> Self {
        let keep = keep.max(1);
        let capacity = (2 * keep).max(LEAST_CAPACITY);
        History { values: Vec::with_capacity(capacity), keep, capacity }
    }

    /// Appends the newest value.
    pub(super) fn push(&mut self, value: f64) {
        if self.values.len() == self.capacity {
            let kept = self.keep - 1;
            self.values.copy_within(self.capacity - kept.., 0);
            self.values.truncate(kept);
        }
        self.values.push(value);
    }

    /// The value `bars` before the newest one, NaN where there is none.
    pub(super) fn ago(&self, bars: usize) -> f64 {
        let at = self.values.len().checked_sub(1 + bars);
        at.map_or(f64::NAN, |at| self.values[at])
    }

    /// The newest `count` values, oldest first, if there are so many; `count` is at most what is kept.
    pub(super) fn newest(&self, count: usize) -> Option<&[f64]> {
        self.values.len().checked_sub(count).map(|from| &self.values[from..])
    }

    /// The values that later results depend on: the newest `keep`, or all if there are fewer.
    pub(super) fn kept(&self) -> &[f64] {
        &self.values[self.values.len().saturating_sub(self.keep)..]
    }

    /// Goes on from kept values; `false`, with nothing changed, when there are more than are ever kept.
    pub(super) fn restore(&mut self, kept: &[f64]) -> bool {
        if kept.len() > self.keep {
            return false;
        }
        self.values.clear();
        self.values.extend_from_slice(kept);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_values_stay_reachable_over_many_moves() {
        for keep in [1usize, 2, 31, 33, 100] {
            let mut history = History::new(keep);
            let capacity = history.values.capacity();
            for i in 0..1_000usize {
                history.push(i as f64);
                for bars in 0..keep.min(i + 1) {
                    assert_eq!(history.ago(bars), (i - bars) as f64);
                }
                let newest = history.newest(keep.min(i + 1)).unwrap();
                assert!(newest.iter().rev().enumerate().all(|(bars, v)| *v == (i - bars) as f64));
            }
            assert_eq!(history.values.capacity(), capacity, "no allocation after the start");
        }
    }

    #[test]
    fn what_is_not_there_yet_is_absent() {
        let mut history = History::new(3);
        history.push(1.0);
        assert!(history.ago(1).is_nan());
        assert_eq!(history.newest(2), None);
    }

    #[test]
    fn a_history_longer_than_it_may_be_is_refused() {
        let mut history = History::new(2);
        assert!(history.restore(&[1.0, 2.0]));
        assert!(!history.restore(&[1.0, 2.0, 3.0]));
        assert_eq!(history.kept(), [1.0, 2.0]);
    }
}

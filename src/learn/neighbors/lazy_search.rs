//! The last records, and the exact search for the nearest among them.

use serde::{Deserialize, Serialize};

/// A first-in first-out window of records, searched one by one.
///
/// An absent feature counts as 0.0, as in River. Features are kept column by column, so that the distances to all records are worked out with vector
/// instructions; the order of the additions is that of the features, as in River.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct LazySearch {
    window_size: usize,
    features: usize,
    /// How many records each column has room for.
    room: usize,
    columns: Vec<f64>,
    targets: Vec<f64>,
    /// Where the oldest record stands once the window is full.
    oldest: usize,
    #[serde(skip)]
    query: Vec<f64>,
    #[serde(skip)]
    squares: Vec<f64>,
}

/// One of the nearest records.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Nearest {
    /// Its Euclidean distance.
    pub distance: f64,
    /// Its target.
    pub target: f64,
    square: f64,
}

impl LazySearch {
    /// A window of the last `window_size` records, at least one, of `features` features.
    pub fn new(window_size: usize, features: usize) -> Self {
        LazySearch {
            window_size: window_size.max(1),
            features,
            room: 0,
            columns: Vec::new(),
            targets: Vec::new(),
            oldest: 0,
            query: Vec::new(),
            squares: Vec::new(),
        }
    }

    /// How many records are in the window.
    pub fn len(&self) -> usize {
        self.targets.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.targets.is_empty()
    }

    /// How many features a record has.
    pub fn features(&self) -> usize {
        self.features
    }

    /// Takes a record; the oldest goes when the window is full.
    pub fn append(&mut self, x: &[f64], y: f64) {
        let slot = self.next_slot(y);
        for (feature, x) in x.iter().take(self.features).enumerate() {
            self.columns[feature * self.room + slot] = if x.is_finite() { *x } else { 0.0 };
        }
    }

    fn next_slot(&mut self, y: f64) -> usize {
        if self.len() < self.window_size {
            if self.len() == self.room {
                self.grow();
            }
            self.targets.push(y);
            return self.len() - 1;
        }
        let slot = self.oldest;
        self.targets[slot] = y;
        self.oldest = (slot + 1) % self.window_size;
        slot
    }

    /// Doubles the room, up to the window: models of many coins should not pay for windows that are still empty.
    fn grow(&mut self) {
        let room = (self.room * 2).max(64).min(self.window_size);
        let mut columns = vec![0.0; room * self.features];
        for feature in 0..self.features {
            let from = &self.columns[feature * self.room..][..self.targets.len()];
            columns[feature * room..][..from.len()].copy_from_slice(from);
        }
        (self.room, self.columns) = (room, columns);
    }

    /// Fills `nearest` with the `count` records nearest to `x`, the nearest first; of equally near ones the older first.
    pub fn search(&mut self, x: &[f64], count: usize, nearest: &mut Vec<Nearest>) {
        nearest.clear();
        self.square_distances(x);
        // Newest first: in a series the near ones are mostly young, and the bar is then high early on.
        self.search_slots(0..self.oldest, count, nearest);
        self.search_slots(self.oldest..self.len(), count, nearest);
    }

    fn square_distances(&mut self, x: &[f64]) {
        self.query.clear();
        self.query.extend(x.iter().take(self.features).map(|x| if x.is_finite() { *x } else { 0.0 }));
        self.squares.clear();
        self.squares.resize(self.targets.len(), 0.0);
        for (feature, q) in self.query.iter().enumerate() {
            let column = &self.columns[feature * self.room..];
            for (square, value) in self.squares.iter_mut().zip(column) {
                let apart = q - value;
                *square += apart * apart;
            }
        }
    }

    /// Goes through a stretch of slots from the newest to the oldest, skipping runs in which nothing is near enough.
    fn search_slots(&self, slots: std::ops::Range<usize>, count: usize, nearest: &mut Vec<Nearest>) {
        const RUN: usize = 16;
        let (start, mut end) = (slots.start, slots.end);
        while end > start {
            let begin = end.saturating_sub(RUN).max(start);
            let bar = bar(nearest, count);
            let run = &self.squares[begin..end];
            if run.iter().fold(f64::INFINITY, |low, s| if *s < low { *s } else { low }) <= bar {
                for slot in (begin..end).rev() {
                    insert(nearest, count, self.squares[slot], self.targets[slot]);
                }
            }
            end = begin;
        }
    }
}

/// The square above which nothing can be among the nearest: a little more than the worst of them, since different squares can have the same root.
fn bar(nearest: &[Nearest], count: usize) -> f64 {
    match nearest.last() {
        Some(worst) if nearest.len() == count => worst.square * (1.0 + 1e-15),
        _ => f64::INFINITY,
    }
}

/// Puts a record, older than all those before it, in its place.
fn insert(nearest: &mut Vec<Nearest>, count: usize, square: f64, target: f64) {
    if square > bar(nearest, count) {
        return;
    }
    let distance = square.sqrt();
    let place = nearest.iter().rposition(|n| n.distance < distance).map_or(0, |p| p + 1);
    if place < count {
        if nearest.len() == count {
            nearest.pop();
        }
        nearest.insert(place, Nearest { distance, target, square });
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_nearest_are_those_of_a_sort_by_distance_and_age(
            records in prop::collection::vec((-4_i8..4, -4_i8..4), 1..300), window in 1_usize..150, count in 1_usize..12,
        ) {
            let mut search = LazySearch::new(window, 2);
            let mut found = Vec::new();
            for (k, (a, b)) in records.iter().enumerate() {
                let x = [f64::from(*a), f64::from(*b)];
                search.search(&x, count, &mut found);
                let kept = &records[k.saturating_sub(window)..k];
                let mut all: Vec<(f64, usize)> = kept.iter().enumerate()
                    .map(|(age, (c, d))| ((x[0] - f64::from(*c)).hypot(x[1] - f64::from(*d)), age)).collect();
                all.sort_by(|a, b| a.partial_cmp(b).unwrap());
                let first = k - kept.len();
                let expected: Vec<usize> = all.iter().take(count).map(|(_, age)| first + age).collect();
                prop_assert_eq!(found.iter().map(|n| n.target as usize).collect::<Vec<_>>(), expected);
                search.append(&x, k as f64);
            }
        }
    }

    #[test]
    fn squares_that_differ_but_have_the_same_root_are_equally_near() {
        let mut search = LazySearch::new(10, 2);
        // 1 + 2^-52 and 1 have the same root; the older record comes first.
        search.append(&[1.0, f64::EPSILON.sqrt()], 1.0);
        search.append(&[1.0, 0.0], 2.0);
        let mut found = Vec::new();
        search.search(&[0.0, 0.0], 1, &mut found);
        assert_eq!(found[0].target, 1.0);
    }
}

//! Sums over a sliding window that only ever add, so that nothing of a departed value is left behind.
//!
//! Adding what arrives and subtracting what leaves piles up rounding errors, and one enormous value spoils the sums long after it left. Here
//! the window is cut at a point: behind it a running sum grows with every arrival; before it, sums of each tail are prepared once and drop
//! one by one as values leave. When the front is used up, all that arrived meanwhile becomes the new front. The cost is constant on average, and
//! tails are kept per block of values, so memory is little more than the values themselves.

use std::collections::VecDeque;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{MetricName, direction::hit, r2::explained, smape_term};
use crate::learn::base::finite;

/// One judged prediction.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) struct Pair {
    /// When it was judged, in ms; 0 where nobody asks.
    pub at_ms: i64,
    /// The truth.
    pub y_true: f64,
    /// The prediction.
    pub y_pred: f64,
    /// The last value known when it was made, NaN where there was none.
    pub last: f64,
}

/// All that the measures need of a set of pairs; two sets merge into one.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct ErrorSums {
    n: f64,
    absolute: f64,
    squares: f64,
    symmetric: f64,
    mean_true: f64,
    squares_true: f64,
    hits: f64,
    directed: f64,
}

impl ErrorSums {
    fn of(pair: &Pair) -> Self {
        let error = finite(pair.y_true - pair.y_pred);
        let directed = pair.last.is_finite();
        ErrorSums {
            n: 1.0,
            absolute: error.abs(),
            squares: finite(error * error),
            symmetric: smape_term(pair.y_true, pair.y_pred),
            mean_true: pair.y_true,
            squares_true: 0.0,
            hits: if directed && hit(pair.y_true, pair.y_pred, pair.last) { 1.0 } else { 0.0 },
            directed: if directed { 1.0 } else { 0.0 },
        }
    }

    /// Both sets as one; the squares around the mean are combined after Chan, Golub and LeVeque (1979).
    fn merge(&self, later: &Self) -> Self {
        if self.n == 0.0 || later.n == 0.0 {
            return if self.n == 0.0 { *later } else { *self };
        }
        let n = self.n + later.n;
        let apart = finite(later.mean_true - self.mean_true);
        ErrorSums {
            n,
            absolute: finite(self.absolute + later.absolute),
            squares: finite(self.squares + later.squares),
            symmetric: self.symmetric + later.symmetric,
            mean_true: self.mean_true + apart * (later.n / n),
            squares_true: finite(self.squares_true + later.squares_true + finite(apart * apart) * (self.n / n * later.n)),
            hits: self.hits + later.hits,
            directed: self.directed + later.directed,
        }
    }

    /// How many pairs.
    pub fn n(&self) -> u64 {
        self.n as u64
    }

    /// The measure over the set; 0.0 over an empty one.
    pub fn get(&self, metric: MetricName) -> f64 {
        let mean = |sum: f64| if self.n > 0.0 { sum / self.n } else { 0.0 };
        match metric {
            MetricName::Mae => mean(self.absolute),
            MetricName::Mse => mean(self.squares),
            MetricName::Rmse => mean(self.squares).sqrt(),
            MetricName::Smape => 100.0 * mean(self.symmetric),
            MetricName::R2 => explained(self.n, self.squares, self.squares_true),
        }
    }

    /// The share of right directions among the pairs that had a last value.
    pub fn directional_accuracy(&self) -> Option<f64> {
        (self.directed > 0.0).then(|| self.hits / self.directed)
    }
}

/// How many values share one prepared tail.
const BLOCK: usize = 64;

/// Pairs in order of arrival, with their sums; leaves the choice of who leaves to its owner.
#[derive(Debug, Clone, Default)]
pub struct Sliding {
    pairs: VecDeque<Pair>,
    /// How many of the pairs are before the cut.
    front: usize,
    /// The tails of the oldest block: the last one is that of all its remaining pairs.
    block: Vec<ErrorSums>,
    /// The tails of the newer full blocks before the cut: the last one is that of all of them.
    blocks: Vec<ErrorSums>,
    /// The pairs behind the cut.
    back: ErrorSums,
}

impl Sliding {
    /// How many pairs are in the window.
    pub fn len(&self) -> usize {
        self.pairs.len()
    }

    /// Whether the window is empty.
    pub fn is_empty(&self) -> bool {
        self.pairs.is_empty()
    }

    /// The sums over the window.
    pub fn sums(&self) -> ErrorSums {
        let empty = ErrorSums::default();
        let tail = |tails: &[ErrorSums]| tails.last().copied().unwrap_or(empty);
        tail(&self.block).merge(&tail(&self.blocks)).merge(&self.back)
    }

    /// When the oldest pair was judged.
    pub(super) fn oldest_ms(&self) -> Option<i64> {
        self.pairs.front().map(|pair| pair.at_ms)
    }

    /// Lets a pair in.
    pub(super) fn push(&mut self, pair: Pair) {
        self.back = self.back.merge(&ErrorSums::of(&pair));
        self.pairs.push_back(pair);
    }

    /// Lets the newest pair out again.
    pub(super) fn pop_newest(&mut self) {
        self.pairs.pop_back();
        self.front = self.front.min(self.pairs.len());
        self.prepare();
    }

    /// Lets the oldest pair out.
    pub(super) fn pop_oldest(&mut self) {
        if self.front == 0 {
            self.front = self.pairs.len();
            self.prepare();
        }
        if self.pairs.pop_front().is_none() {
            return;
        }
        self.front -= 1;
        self.block.pop();
        if self.block.is_empty() && self.front > 0 {
            self.blocks.pop();
            self.block = tails(self.pairs.range(..BLOCK));
        }
    }

    /// Works out the tails before the cut and the sum behind it from the pairs alone.
    fn prepare(&mut self) {
        let full_blocks = self.front.saturating_sub(1) / BLOCK;
        let oldest = self.front - full_blocks * BLOCK;
        self.block = tails(self.pairs.range(..oldest));
        self.blocks.clear();
        let mut sum = ErrorSums::default();
        for k in (0..full_blocks).rev() {
            let start = oldest + k * BLOCK;
            let block = tails(self.pairs.range(start..start + BLOCK)).last().copied().unwrap_or_default();
            sum = block.merge(&sum);
            self.blocks.push(sum);
        }
        self.back = self.pairs.range(self.front..).fold(ErrorSums::default(), |sum, pair| sum.merge(&ErrorSums::of(pair)));
    }
}

/// The sums of every tail of `pairs`, the shortest first.
fn tails<'a>(pairs: impl DoubleEndedIterator<Item = &'a Pair>) -> Vec<ErrorSums> {
    let mut sum = ErrorSums::default();
    pairs
        .rev()
        .map(|pair| {
            sum = ErrorSums::of(pair).merge(&sum);
            sum
        })
        .collect()
}

/// The state is the pairs and the cut; the sums follow from them.
impl Serialize for Sliding {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (&self.pairs, self.front as u64).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Sliding {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (pairs, front): (VecDeque<Pair>, u64) = Deserialize::deserialize(deserializer)?;
        let front = usize::try_from(front).ok().filter(|front| *front <= pairs.len());
        let front = front.ok_or_else(|| serde::de::Error::custom("the cut lies beyond the window"))?;
        let mut sliding = Sliding { pairs, front, ..Sliding::default() };
        sliding.prepare();
        Ok(sliding)
    }
}

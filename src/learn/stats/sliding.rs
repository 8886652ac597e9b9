//! Sums over a sliding window that only ever add, so that nothing of a departed value is left behind.
//!
//! Adding what arrives and subtracting what leaves piles up rounding errors, and one enormous value spoils the sums long after it left. Here
//! the window is cut at a point: behind it a running sum grows with every arrival; before it, sums of each tail are prepared once and drop
//! one by one as values leave. When the front is used up, all that arrived meanwhile becomes the new front. The cost is constant on average, and
//! tails are kept per block of values, so memory is little more than the values themselves.

use std::collections::VecDeque;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::DeserializeOwned};

use crate::learn::base::finite;

/// A summary of a run of values: two neighbouring runs merge into one. The default is that of an empty run.
pub trait Summary: Copy + Default {
    /// What is summarised.
    type Value: Copy;

    /// The summary of one value.
    fn of(value: &Self::Value) -> Self;

    /// The summary of this run followed by a later one.
    fn merge(&self, later: &Self) -> Self;
}

/// How many values share one prepared tail.
const BLOCK: usize = 64;

/// Values in order of arrival, with their summary; the choice of who leaves is the owner's.
///
/// ```
/// use tidemill::learn::stats::{Moments, Sliding};
/// let mut window = Sliding::<Moments>::default();
/// for x in [1e200, 1.0, 2.0, 4.0] {
///     window.push(x);
/// }
/// window.pop_oldest();
/// assert_eq!(format!("{:.6}", window.summary().mean), "2.333333"); // nothing of 1e200 is left
/// ```
#[derive(Debug, Clone)]
pub struct Sliding<S: Summary> {
    values: VecDeque<S::Value>,
    /// How many of the values are before the cut.
    front: usize,
    /// The tails of the oldest block: the last one is that of all its remaining values.
    block: Vec<S>,
    /// The tails of the newer full blocks before the cut: the last one is that of all of them.
    blocks: Vec<S>,
    /// The values behind the cut.
    back: S,
}

// Written out because a derive would ask for a default value, and values need none.
impl<S: Summary> Default for Sliding<S> {
    fn default() -> Self {
        Sliding { values: VecDeque::new(), front: 0, block: Vec::new(), blocks: Vec::new(), back: S::default() }
    }
}

impl<S: Summary> Sliding<S> {
    /// How many values are in the window.
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether the window is empty.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// The oldest value.
    pub fn oldest(&self) -> Option<&S::Value> {
        self.values.front()
    }

    /// The summary of the window.
    pub fn summary(&self) -> S {
        let empty = S::default();
        let tail = |tails: &[S]| tails.last().copied().unwrap_or(empty);
        tail(&self.block).merge(&tail(&self.blocks)).merge(&self.back)
    }

    /// Lets a value in.
    pub fn push(&mut self, value: S::Value) {
        self.back = self.back.merge(&S::of(&value));
        self.values.push_back(value);
    }

    /// Lets the newest value out again; in proportion to the window, unlike the rest.
    pub fn pop_newest(&mut self) {
        self.values.pop_back();
        self.front = self.front.min(self.values.len());
        self.prepare();
    }

    /// Lets the oldest value out.
    pub fn pop_oldest(&mut self) {
        if self.front == 0 {
            self.front = self.values.len();
            self.prepare();
        }
        if self.values.pop_front().is_none() {
            return;
        }
        self.front -= 1;
        self.block.pop();
        if self.block.is_empty() && self.front > 0 {
            self.blocks.pop();
            tails(self.values.range(..BLOCK), &mut self.block);
        }
    }

    /// Works out the tails before the cut and the sum behind it from the values alone.
    fn prepare(&mut self) {
        let full_blocks = self.front.saturating_sub(1) / BLOCK;
        let oldest = self.front - full_blocks * BLOCK;
        self.blocks.clear();
        let mut sum = S::default();
        for k in (0..full_blocks).rev() {
            let start = oldest + k * BLOCK;
            tails(self.values.range(start..start + BLOCK), &mut self.block);
            sum = self.block.last().copied().unwrap_or_default().merge(&sum);
            self.blocks.push(sum);
        }
        tails(self.values.range(..oldest), &mut self.block);
        self.back = self.values.range(self.front..).fold(S::default(), |sum, value| sum.merge(&S::of(value)));
    }
}

/// Fills `out` with the summaries of every tail of `values`, the shortest first.
fn tails<'a, S: Summary>(values: impl DoubleEndedIterator<Item = &'a S::Value>, out: &mut Vec<S>)
where
    S::Value: 'a,
{
    let mut sum = S::default();
    out.clear();
    out.extend(values.rev().map(|value| {
        sum = S::of(value).merge(&sum);
        sum
    }));
}

/// The state is the values and the cut; the summaries follow from them.
impl<S: Summary<Value: Serialize>> Serialize for Sliding<S> {
    fn serialize<T: Serializer>(&self, serializer: T) -> Result<T::Ok, T::Error> {
        (&self.values, self.front as u64).serialize(serializer)
    }
}

impl<'de, S: Summary<Value: DeserializeOwned>> Deserialize<'de> for Sliding<S> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (values, front): (VecDeque<S::Value>, u64) = Deserialize::deserialize(deserializer)?;
        let front = usize::try_from(front).ok().filter(|front| *front <= values.len());
        let front = front.ok_or_else(|| serde::de::Error::custom("the cut lies beyond the window"))?;
        let mut sliding = Sliding { values, front, ..Sliding::default() };
        sliding.prepare();
        Ok(sliding)
    }
}

/// Count, mean and squares around the mean of a run of numbers.
///
/// Reference: T. F. Chan, G. H. Golub, R. J. LeVeque, "Updating formulae and a pairwise algorithm for computing sample variances", 1979.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Moments {
    /// How many numbers.
    pub n: f64,
    /// Their mean.
    pub mean: f64,
    /// The sum of their squared distances from the mean.
    pub squares: f64,
}

impl Summary for Moments {
    type Value = f64;

    fn of(value: &f64) -> Self {
        Moments { n: 1.0, mean: *value, squares: 0.0 }
    }

    fn merge(&self, later: &Self) -> Self {
        if self.n == 0.0 || later.n == 0.0 {
            return if self.n == 0.0 { *later } else { *self };
        }
        let (n, apart) = (self.n + later.n, finite(later.mean - self.mean));
        Moments {
            n,
            mean: self.mean + apart * (later.n / n),
            squares: finite(self.squares + later.squares + finite(apart * apart) * (self.n / n * later.n)),
        }
    }
}

//! The running mean.

use serde::{Deserialize, Serialize};

/// The weighted running mean: `mean += w / n * (x - mean)`, West's update.
///
/// Reference: D. H. D. West, "Updating mean and variance estimates: an improved method", Communications of the ACM 22(9), 1979.
///
/// ```
/// use tidemill::learn::stats::Mean;
/// let mut mean = Mean::default();
/// for x in [1.0, 2.0, 6.0] {
///     mean.update(x, 1.0);
/// }
/// assert_eq!(mean.get(), 3.0);
/// mean.revert(6.0, 1.0);
/// assert_eq!(mean.get(), 1.5);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Mean {
    n: f64,
    mean: f64,
}

impl Mean {
    /// A mean of values that weigh `n`.
    pub(super) fn of(n: f64, mean: f64) -> Self {
        Mean { n, mean }
    }

    /// Takes `x` with weight `w`. A value that would leave the finite numbers is refused: nothing changes.
    #[inline]
    pub fn update(&mut self, x: f64, w: f64) {
        let n = self.n + w;
        let mean = self.mean + w / n * (x - self.mean);
        if mean.is_finite() && n.is_finite() {
            *self = Mean { n, mean };
        }
    }

    /// Takes back an `x` that was given before with weight `w`; taking back everything gives the empty mean again.
    pub fn revert(&mut self, x: f64, w: f64) {
        let n = self.n - w;
        if n <= 0.0 {
            *self = Mean::default();
            return;
        }
        let mean = self.mean - w / n * (x - self.mean);
        if mean.is_finite() {
            *self = Mean { n, mean };
        }
    }

    /// The mean so far, 0.0 before the first value.
    pub fn get(&self) -> f64 {
        self.mean
    }

    /// The sum of the weights so far.
    pub fn n(&self) -> f64 {
        self.n
    }
}

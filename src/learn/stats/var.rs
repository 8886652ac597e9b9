//! The running variance.

use serde::{Deserialize, Serialize};

use super::Mean;

/// The weighted running variance over a running [`Mean`], sample variance (divided by n - 1) unless asked otherwise.
///
/// Reference: B. P. Welford, "Note on a method for calculating corrected sums of squares and products", Technometrics 4(3), 1962.
///
/// ```
/// use tidemill::learn::stats::Var;
/// let mut var = Var::default();
/// for x in [3.0, 5.0, 4.0, 7.0, 10.0, 12.0] {
///     var.update(x, 1.0);
/// }
/// assert!((var.get(1.0) - 12.566_666_666_666_666).abs() < 1e-12);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Var {
    mean: Mean,
    squares: f64,
}

impl Var {
    /// Takes `x` with weight `w`. A value that would leave the finite numbers is refused: nothing changes.
    pub fn update(&mut self, x: f64, w: f64) {
        let mut mean = self.mean;
        mean.update(x, w);
        let squares = self.squares + w * (x - self.mean.get()) * (x - mean.get());
        if squares.is_finite() {
            *self = Var { mean, squares };
        }
    }

    /// Takes back an `x` that was given before with weight `w`.
    pub fn revert(&mut self, x: f64, w: f64) {
        let mut mean = self.mean;
        mean.revert(x, w);
        let squares = self.squares - w * (x - self.mean.get()) * (x - mean.get());
        if squares.is_finite() {
            *self = Var { mean, squares };
        }
    }

    /// The variance with `ddof` degrees of freedom taken off: 1.0 for the sample, 0.0 for the population; 0.0 while n is not greater than `ddof`.
    pub fn get(&self, ddof: f64) -> f64 {
        if self.n() > ddof { self.squares / (self.n() - ddof) } else { 0.0 }
    }

    /// The mean of the same values.
    pub fn mean(&self) -> f64 {
        self.mean.get()
    }

    /// The sum of the weights so far.
    pub fn n(&self) -> f64 {
        self.mean.n()
    }
}

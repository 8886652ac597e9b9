//! The running variance.

use serde::{Deserialize, Serialize};

use super::Mean;
use crate::learn::arithmetic::Arithmetic;

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

crate::impl_snapshot!(Var);

impl Var {
    /// Takes `x` with weight `w`. A value that would leave the finite numbers is refused: nothing changes.
    #[inline]
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

    /// Takes all that `other` took. The mean is worked out anew from both, even where one is empty, as River does.
    ///
    /// Reference: T. F. Chan, G. H. Golub, R. J. LeVeque, "Algorithms for computing the sample variance", The American Statistician 37(3), 1983.
    #[inline]
    pub fn merge(&mut self, other: &Var, arithmetic: Arithmetic) {
        let (n, others) = (self.n(), other.n());
        if n + others > 0.0 {
            let apart = arithmetic.square(self.mean() - other.mean());
            self.squares = self.squares + other.squares + apart * n * others / (n + others);
            self.mean = Mean::of(n + others, (n * self.mean() + others * other.mean()) / (n + others));
        }
    }

    /// Takes back all that `other` took.
    #[inline]
    pub fn unmerge(&mut self, other: &Var, arithmetic: Arithmetic) {
        let (n, others) = (self.n() - other.n(), other.n());
        let mean = if n > 0.0 { Mean::of(n, (self.n() * self.mean() - others * other.mean()) / n) } else { Mean::default() };
        self.mean = mean;
        if n + others > 0.0 {
            let apart = arithmetic.square(mean.get() - other.mean());
            self.squares = self.squares - other.squares - apart * mean.n() * others / (mean.n() + others);
        }
    }

    /// Whether all its numbers are finite: merging may overflow where updating refuses to.
    pub fn is_finite(&self) -> bool {
        self.squares.is_finite() && self.mean().is_finite() && self.n().is_finite()
    }

    /// The variance with `ddof` degrees of freedom taken off: 1.0 for the sample, 0.0 for the population; 0.0 while n is not greater than `ddof`.
    #[inline]
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

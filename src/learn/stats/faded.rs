//! Exponentially weighted statistics: old values fade, nothing is kept but the means.

use serde::{Deserialize, Serialize};

use super::{Bivariate, Univariate};

/// Exponentially weighted mean: `mean = a x + (1 - a) mean` with the fading factor `a`; the first value is taken as it is.
///
/// Reference: T. Finch, "Incremental calculation of weighted mean and variance", University of Cambridge, 2009.
///
/// ```
/// use tidemill::learn::stats::{EwMean, Univariate};
/// let mut mean = EwMean::new(0.5);
/// for x in [1.0, 3.0, 5.0, 4.0] {
///     mean.update(x);
/// }
/// assert_eq!(mean.get(), Some(3.75));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct EwMean {
    fading_factor: f64,
    mean: Option<f64>,
}

impl EwMean {
    /// A mean with this fading factor, 0 to 1: the closer to 1, the more the newest value counts.
    pub fn new(fading_factor: f64) -> Self {
        EwMean { fading_factor, mean: None }
    }
}

impl Univariate for EwMean {
    fn update(&mut self, x: f64) {
        let a = self.fading_factor;
        let mean = self.mean.map_or(x, |mean| a * x + (1.0 - a) * mean);
        if mean.is_finite() {
            self.mean = Some(mean);
        }
    }

    fn get(&self) -> Option<f64> {
        self.mean
    }
}

/// Exponentially weighted variance: the faded mean of the squares less the square of the faded mean, never below 0.
///
/// A value whose square overflows is refused. The difference of squares loses digits when the mean is large against the spread, as in River.
///
/// Reference: River, `stats.EWVar`.
///
/// ```
/// use tidemill::learn::stats::{EwVar, Univariate};
/// let mut var = EwVar::new(0.5);
/// for x in [1.0, 3.0, 5.0, 4.0] {
///     var.update(x);
/// }
/// assert_eq!(var.get(), Some(1.4375));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct EwVar {
    mean: EwMean,
    squares: EwMean,
}

impl EwVar {
    /// A variance with this fading factor, 0 to 1.
    pub fn new(fading_factor: f64) -> Self {
        EwVar { mean: EwMean::new(fading_factor), squares: EwMean::new(fading_factor) }
    }

    /// The faded mean of the same values.
    pub fn mean(&self) -> Option<f64> {
        self.mean.get()
    }

    /// The difference of squares as it comes out, which rounding can leave below 0.
    pub(in crate::learn) fn difference(&self) -> Option<f64> {
        let (mean, squares) = (self.mean.get()?, self.squares.get()?);
        Some(squares - mean * mean)
    }
}

impl Univariate for EwVar {
    fn update(&mut self, x: f64) {
        let next = (self.mean, self.squares);
        if (x * x).is_finite() {
            self.mean.update(x);
            self.squares.update(x * x);
        }
        if self.difference().is_some_and(|var| !var.is_finite()) {
            (self.mean, self.squares) = next;
        }
    }

    fn get(&self) -> Option<f64> {
        self.difference().map(|var| var.max(0.0))
    }
}

/// Exponentially weighted covariance: the faded mean of the products less the product of the faded means.
///
/// Reference: River, `stats.EWCov`.
///
/// ```
/// use tidemill::learn::stats::{Bivariate, EwCov};
/// let mut cov = EwCov::new(0.5);
/// for (x, y) in [(1.0, 2.0), (3.0, 6.0), (5.0, 4.0)] {
///     cov.update(x, y);
/// }
/// assert_eq!(cov.get(), 1.0);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct EwCov {
    x: EwMean,
    y: EwMean,
    products: EwMean,
}

impl EwCov {
    /// A covariance with this fading factor, 0 to 1.
    pub fn new(fading_factor: f64) -> Self {
        let mean = EwMean::new(fading_factor);
        EwCov { x: mean, y: mean, products: mean }
    }
}

impl Bivariate for EwCov {
    fn update(&mut self, x: f64, y: f64) {
        let before = *self;
        self.x.update(x);
        self.y.update(y);
        self.products.update(x * y);
        // One refused value must not leave the three means out of step.
        if !((x * y).is_finite() && x.is_finite() && y.is_finite() && self.get().is_finite()) {
            *self = before;
        }
    }

    fn get(&self) -> f64 {
        let mean = |m: &EwMean| m.get().unwrap_or(0.0);
        mean(&self.products) - mean(&self.x) * mean(&self.y)
    }
}

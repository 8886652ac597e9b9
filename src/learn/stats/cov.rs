//! How two numbers move together.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::{Bivariate, Mean, RevertPair, Univariate, Var};
use crate::learn::base::finite;

/// Running sample covariance (divided by n - 1 unless built with another `ddof`).
///
/// Reference: E. Schubert, M. Gertz, "Numerically stable parallel computation of (co-)variance", SSDBM 2018.
///
/// ```
/// use tidemill::learn::stats::{Bivariate, Cov};
/// let mut cov = Cov::default();
/// for (x, y) in [(-2.1, 3.0), (-1.0, 1.1), (4.3, 0.12)] {
///     cov.update(x, y);
/// }
/// assert_eq!(format!("{:.3}", cov.get()), "-4.286");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Cov {
    ddof: f64,
    mean_x: Mean,
    mean_y: Mean,
    cov: f64,
}

impl Cov {
    /// A covariance with `ddof` degrees of freedom taken off: 1.0 for the sample, 0.0 for the population.
    pub fn new(ddof: f64) -> Self {
        Cov { ddof, mean_x: Mean::default(), mean_y: Mean::default(), cov: 0.0 }
    }

    /// How many pairs.
    pub fn n(&self) -> f64 {
        self.mean_x.n()
    }

    /// The next state, with `sign` 1.0 for a pair that comes and -1.0 for one that goes; a state that is not finite is refused.
    fn step(&mut self, x: f64, y: f64, sign: f64, means: (Mean, Mean)) {
        let apart = (x - self.mean_x.get()) * (y - means.1.get());
        let cov = self.cov + sign * (apart - self.cov) / (means.0.n() - self.ddof).max(1.0);
        if cov.is_finite() {
            *self = Cov { ddof: self.ddof, mean_x: means.0, mean_y: means.1, cov };
        }
    }
}

impl Default for Cov {
    fn default() -> Self {
        Cov::new(1.0)
    }
}

impl Bivariate for Cov {
    fn update(&mut self, x: f64, y: f64) {
        let mut means = (self.mean_x, self.mean_y);
        means.0.update(x, 1.0);
        means.1.update(y, 1.0);
        // Means refuse what would overflow; both have to have taken theirs.
        if means.0.n() == means.1.n() && means.0.n() > self.n() {
            self.step(x, y, 1.0, means);
        }
    }

    fn get(&self) -> f64 {
        self.cov
    }
}

impl RevertPair for Cov {
    fn revert(&mut self, x: f64, y: f64) {
        let mut means = (self.mean_x, self.mean_y);
        means.0.revert(x, 1.0);
        means.1.revert(y, 1.0);
        if means.0.n() == means.1.n() && means.0.n() < self.n() {
            self.step(x, y, -1.0, means);
        }
    }
}

/// Running Pearson correlation, -1 to 1 up to rounding; 0.0 while either number has not varied.
///
/// Reference: as [`Cov`].
///
/// ```
/// use tidemill::learn::stats::{Bivariate, PearsonCorr};
/// let mut corr = PearsonCorr::default();
/// for (x, y) in [(0.0, 0.0), (0.0, 1.0), (0.0, 2.0), (1.0, 3.0), (1.0, 4.0), (1.0, 5.0), (1.0, 6.0)] {
///     corr.update(x, y);
/// }
/// assert_eq!(format!("{:.6}", corr.get()), "0.866025");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, Default)]
pub struct PearsonCorr {
    x: Var,
    y: Var,
    cov: Cov,
}

impl PearsonCorr {
    fn step(&mut self, next: PearsonCorr) {
        let count = next.cov.n();
        if next.x.n() == count && next.y.n() == count {
            *self = next;
        }
    }
}

impl Bivariate for PearsonCorr {
    fn update(&mut self, x: f64, y: f64) {
        let mut next = *self;
        next.x.update(x, 1.0);
        next.y.update(y, 1.0);
        next.cov.update(x, y);
        self.step(next);
    }

    fn get(&self) -> f64 {
        let (x, y) = (self.x.get(1.0), self.y.get(1.0));
        // Sliding windows can leave a variance a rounding error below zero.
        if x > 0.0 && y > 0.0 {
            let together = x * y;
            let size = if together.is_normal() { together.sqrt() } else { x.sqrt() * y.sqrt() };
            finite(self.cov.get() / size)
        } else {
            0.0
        }
    }
}

impl RevertPair for PearsonCorr {
    fn revert(&mut self, x: f64, y: f64) {
        let mut next = *self;
        next.x.revert(x, 1.0);
        next.y.revert(y, 1.0);
        next.cov.revert(x, y);
        self.step(next);
    }
}

/// Running autocorrelation: the correlation of a series with itself `lag` values ago.
///
/// ```
/// use tidemill::learn::stats::{AutoCorr, Univariate};
/// let mut corr = AutoCorr::new(1);
/// for x in [0.25, 0.5, 0.2, -0.05] {
///     corr.update(x);
/// }
/// assert_eq!(format!("{:.4}", corr.get().unwrap()), "0.1036");
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AutoCorr {
    lag: usize,
    window: VecDeque<f64>,
    pearson: PearsonCorr,
}

impl AutoCorr {
    /// Against the value `lag` steps ago, at least 1.
    pub fn new(lag: usize) -> Self {
        AutoCorr { lag: lag.max(1), window: VecDeque::new(), pearson: PearsonCorr::default() }
    }
}

impl Univariate for AutoCorr {
    fn update(&mut self, x: f64) {
        if !x.is_finite() {
            return;
        }
        if self.window.len() == self.lag
            && let Some(earlier) = self.window.pop_front()
        {
            self.pearson.update(x, earlier);
        }
        self.window.push_back(x);
    }

    fn get(&self) -> Option<f64> {
        (!self.window.is_empty()).then(|| self.pearson.get())
    }
}

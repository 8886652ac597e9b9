//! Statistics over the last values: those that can take back, and mean and variance without anything left of what went.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::{Bivariate, Mean, Moments, Revert, RevertPair, Sem, Sliding, Univariate, Var};

/// A statistic over the last `window_size` values as River slides it: what leaves is taken back. Rounding errors pile up, and a huge value leaves a
/// trace; [`RollingMoments`] has neither for mean and variance.
///
/// ```
/// use tidemill::learn::stats::{Mean, Rolling, Univariate};
/// let mut mean = Rolling::new(Mean::default(), 3);
/// [1.0, 3.0, 5.0, 7.0].map(|x| mean.update(x));
/// assert_eq!(mean.get(), Some(5.0));
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Rolling<S> {
    statistic: S,
    size: usize,
    window: VecDeque<f64>,
}

impl<S: Revert> Rolling<S> {
    /// `statistic`, which has seen nothing yet, over the last `window_size` values.
    pub fn new(statistic: S, window_size: usize) -> Self {
        Rolling { statistic, size: window_size.max(1), window: VecDeque::new() }
    }

    /// The statistic itself.
    pub fn statistic(&self) -> &S {
        &self.statistic
    }
}

impl<S: Revert> Univariate for Rolling<S> {
    fn update(&mut self, x: f64) {
        if !x.is_finite() {
            return;
        }
        if self.window.len() == self.size
            && let Some(oldest) = self.window.pop_front()
        {
            self.statistic.revert(oldest);
        }
        self.statistic.update(x);
        self.window.push_back(x);
    }

    fn get(&self) -> Option<f64> {
        self.statistic.get()
    }
}

/// A statistic of pairs over the last `window_size` pairs as River slides it: what leaves is taken back.
///
/// ```
/// use tidemill::learn::stats::{Bivariate, Cov, RollingPair};
/// let mut cov = RollingPair::new(Cov::default(), 3);
/// for (x, y) in [(-2.1, 3.0), (-1.0, 1.1), (4.3, 0.12), (1.0, 1.0)] {
///     cov.update(x, y);
/// }
/// assert_eq!(format!("{:.3}", cov.get()), "-1.383");
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RollingPair<S> {
    statistic: S,
    size: usize,
    window: VecDeque<(f64, f64)>,
}

impl<S: RevertPair> RollingPair<S> {
    /// `statistic`, which has seen nothing yet, over the last `window_size` pairs.
    pub fn new(statistic: S, window_size: usize) -> Self {
        RollingPair { statistic, size: window_size.max(1), window: VecDeque::new() }
    }
}

impl<S: RevertPair> Bivariate for RollingPair<S> {
    fn update(&mut self, x: f64, y: f64) {
        if !(x.is_finite() && y.is_finite()) {
            return;
        }
        if self.window.len() == self.size
            && let Some((x, y)) = self.window.pop_front()
        {
            self.statistic.revert(x, y);
        }
        self.statistic.update(x, y);
        self.window.push_back((x, y));
    }

    fn get(&self) -> f64 {
        self.statistic.get()
    }
}

/// Mean, variance and standard deviation over the last values, without anything left of a value that went. Constant cost on average.
///
/// ```
/// use tidemill::learn::stats::RollingMoments;
/// let mut window = RollingMoments::new(3);
/// [1e200, 1.0, 2.0, 6.0].map(|x| window.update(x));
/// assert_eq!((window.mean(), window.var(1.0)), (Some(3.0), Some(7.0)));
/// ```
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RollingMoments {
    size: usize,
    window: Sliding<Moments>,
}

impl RollingMoments {
    /// Over the last `window_size` values.
    pub fn new(window_size: usize) -> Self {
        RollingMoments { size: window_size.max(1), window: Sliding::default() }
    }

    /// Takes the next value; what is not finite is refused.
    pub fn update(&mut self, x: f64) {
        if x.is_finite() {
            self.window.push(x);
            if self.window.len() > self.size {
                self.window.pop_oldest();
            }
        }
    }

    /// How many values are in the window.
    pub fn n(&self) -> usize {
        self.window.len()
    }

    /// The mean; `None` before the first value.
    pub fn mean(&self) -> Option<f64> {
        (!self.window.is_empty()).then(|| self.window.summary().mean)
    }

    /// The variance with `ddof` degrees of freedom taken off (1.0 for the sample, 0.0 for the population), 0.0 while there are not more values than
    /// that; `None` before the first value.
    pub fn var(&self, ddof: f64) -> Option<f64> {
        let summary = self.window.summary();
        let var = || if summary.n > ddof { summary.squares / (summary.n - ddof) } else { 0.0 };
        (!self.window.is_empty()).then(var)
    }
}

/// The running mean, as a statistic.
impl Univariate for Mean {
    fn update(&mut self, x: f64) {
        Mean::update(self, x, 1.0);
    }

    fn get(&self) -> Option<f64> {
        (self.n() > 0.0).then(|| Mean::get(self))
    }
}

impl Revert for Mean {
    fn revert(&mut self, x: f64) {
        Mean::revert(self, x, 1.0);
    }
}

/// The running sample variance, as a statistic.
impl Univariate for Var {
    fn update(&mut self, x: f64) {
        Var::update(self, x, 1.0);
    }

    fn get(&self) -> Option<f64> {
        (self.n() > 0.0).then(|| Var::get(self, 1.0))
    }
}

impl Revert for Var {
    fn revert(&mut self, x: f64) {
        Var::revert(self, x, 1.0);
    }
}

impl Revert for Sem {
    fn revert(&mut self, x: f64) {
        self.0.revert(x, 1.0);
    }
}

//! A sliding window that stays sorted, and the quantiles over it.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::Univariate;

/// The last `size` values in order of arrival and in order of size. An update moves at most the window's values by one place.
///
/// ```
/// use tidemill::learn::stats::SortedWindow;
/// let mut window = SortedWindow::new(3);
/// for x in [5.0, 1.0, 3.0, 2.0] {
///     window.push(x);
/// }
/// assert_eq!(window.sorted(), [1.0, 2.0, 3.0]);
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SortedWindow {
    size: usize,
    values: VecDeque<f64>,
    sorted: Vec<f64>,
}

impl SortedWindow {
    /// The last `size` values, at least one.
    pub fn new(size: usize) -> Self {
        SortedWindow { size: size.max(1), values: VecDeque::new(), sorted: Vec::new() }
    }

    /// Takes the next value, which pushes out the oldest of a full window; what is not finite is refused.
    pub fn push(&mut self, x: f64) {
        if !x.is_finite() {
            return;
        }
        // By total order, so that -0.0 and 0.0 are told apart when they leave.
        let place = |sorted: &[f64], x: f64| sorted.partition_point(|s| s.total_cmp(&x).is_lt());
        if self.values.len() == self.size
            && let Some(oldest) = self.values.pop_front()
        {
            // The gap closes and opens in one move of what lies between.
            let (from, mut to) = (place(&self.sorted, oldest), place(&self.sorted, x));
            if from < to {
                to -= 1;
                self.sorted.copy_within(from + 1..=to, from);
            } else {
                self.sorted.copy_within(to..from, to + 1);
            }
            self.sorted[to] = x;
        } else {
            self.sorted.insert(place(&self.sorted, x), x);
        }
        self.values.push_back(x);
    }

    /// The values in order of size.
    pub fn sorted(&self) -> &[f64] {
        &self.sorted
    }

    /// The quantile at `q`, 0 to 1, with linear interpolation between neighbours; `None` for an empty window.
    pub fn quantile(&self, q: f64) -> Option<f64> {
        let last = self.sorted.len().checked_sub(1)?;
        let place = q * last as f64;
        let lower = (place.floor() as usize).min(last);
        let (a, b) = (self.sorted[lower], self.sorted[(lower + 1).min(last)]);
        let between = a + (b - a) * (place - lower as f64);
        // The difference of two huge values of different signs overflows.
        Some(if between.is_finite() { between } else { a / 2.0 + b / 2.0 })
    }
}

/// Quantile over the last values, exact, with linear interpolation.
///
/// ```
/// use tidemill::learn::stats::{RollingQuantile, Univariate};
/// let mut median = RollingQuantile::new(0.5, 3);
/// for x in [5.0, 1.0, 3.0, 2.0] {
///     median.update(x);
/// }
/// assert_eq!(median.get(), Some(2.0));
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RollingQuantile {
    q: f64,
    window: SortedWindow,
}

impl RollingQuantile {
    /// The quantile at `q`, 0 to 1, over the last `window_size` values.
    pub fn new(q: f64, window_size: usize) -> Self {
        RollingQuantile { q, window: SortedWindow::new(window_size) }
    }
}

impl Univariate for RollingQuantile {
    fn update(&mut self, x: f64) {
        self.window.push(x);
    }

    fn get(&self) -> Option<f64> {
        self.window.quantile(self.q)
    }
}

/// Interquartile range over the last values, exact.
///
/// ```
/// use tidemill::learn::stats::{RollingIqr, Univariate};
/// let mut iqr = RollingIqr::new(101, 0.25, 0.75);
/// for x in 0..=100 {
///     iqr.update(f64::from(x));
/// }
/// assert_eq!(iqr.get(), Some(50.0));
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RollingIqr {
    q_inf: f64,
    q_sup: f64,
    window: SortedWindow,
}

impl RollingIqr {
    /// The distance of the quantiles at `q_inf` and `q_sup` over the last `window_size` values.
    pub fn new(window_size: usize, q_inf: f64, q_sup: f64) -> Self {
        RollingIqr { q_inf, q_sup, window: SortedWindow::new(window_size) }
    }
}

impl Univariate for RollingIqr {
    fn update(&mut self, x: f64) {
        self.window.push(x);
    }

    fn get(&self) -> Option<f64> {
        Some(self.window.quantile(self.q_sup)? - self.window.quantile(self.q_inf)?).filter(|iqr| iqr.is_finite())
    }
}

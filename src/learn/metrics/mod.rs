//! Measures of how well predictions meet the truth: since the start with River's arithmetic, and over the last records or the last stretch of time.
//!
//! Pairs with a value that is not finite are refused; a term that overflows counts as the largest finite number. A metric knows nothing of
//! models, coins or topics.

mod adjusted_r2;
mod direction;
mod error_sums;
mod intervals;
mod mae;
mod mape;
mod mse;
mod pinball;
mod r2;
mod rmsle;
mod rolling;
mod scores;
mod smape;
mod windowed;

pub use adjusted_r2::AdjustedR2;
pub use direction::DirectionalAccuracy;
pub use error_sums::{ErrorSums, Pair};
pub use intervals::Intervals;
pub use mae::Mae;
pub use mape::Mape;
pub use mse::{Mse, Rmse};
pub use pinball::Pinball;
pub use r2::R2;
pub use rmsle::Rmsle;
pub use rolling::{Rolling, RollingScorer};
pub use scores::{Scorer, Scores};
pub use smape::Smape;
pub use windowed::Windowed;

use super::base::Metric;

crate::choices! {
    /// A measure by its name.
    pub enum MetricName {
        /// Mean absolute error, in units of the target.
        Mae = "mae",
        /// Mean squared error, in squared units of the target.
        Mse = "mse",
        /// Root of the mean squared error, in units of the target.
        Rmse = "rmse",
        /// Symmetric mean absolute percentage error, 0 to 200 %.
        Smape = "smape",
        /// Share of the target's variance that is explained, at most 1.
        R2 = "r2",
    }
}

impl MetricName {
    /// The measure itself, since the start.
    pub fn cumulative(self) -> Box<dyn Metric> {
        match self {
            MetricName::Mae => Box::new(Mae::default()),
            MetricName::Mse => Box::new(Mse::default()),
            MetricName::Rmse => Box::new(Rmse::default()),
            MetricName::Smape => Box::new(Smape::default()),
            MetricName::R2 => Box::new(R2::default()),
        }
    }

    /// The measure over the last `window` pairs.
    pub fn rolling(self, window: usize) -> Rolling {
        Rolling::new(self, window)
    }

    /// Whether a larger value is better.
    pub fn bigger_is_better(self) -> bool {
        self == MetricName::R2
    }
}

/// `|y - p| / (|y| + |p|)` doubled, 0.0 when both are 0; halved before the subtraction where the plain sum would overflow.
fn smape_term(y_true: f64, y_pred: f64) -> f64 {
    let size = y_true.abs() + y_pred.abs();
    if size == 0.0 {
        0.0
    } else if size.is_finite() {
        2.0 * (y_true - y_pred).abs() / size
    } else {
        let (y, p) = (y_true / 4.0, y_pred / 4.0);
        2.0 * (y - p).abs() / (y.abs() + p.abs())
    }
}

#[cfg(test)]
mod tests;

//! The mean squared error and its root.

use serde::{Deserialize, Serialize};

use crate::{
    impl_snapshot,
    learn::{
        base::{Metric, finite},
        stats::Mean,
    },
};

/// Mean squared error, in squared units of the target; smaller is better.
///
/// ```
/// use tidemill::learn::{base::Metric, metrics::Mse};
/// let mut mse = Mse::default();
/// for (y, p) in [(3.0, 2.5), (-0.5, 0.0), (2.0, 2.0), (7.0, 8.0)] {
///     mse.update(y, p);
/// }
/// assert_eq!(mse.get(), 0.375);
/// ```
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Mse {
    mean: Mean,
}

impl Metric for Mse {
    fn update(&mut self, y_true: f64, y_pred: f64) {
        if y_true.is_finite() && y_pred.is_finite() {
            self.mean.update(squared_error(y_true, y_pred), 1.0);
        }
    }

    fn revert(&mut self, y_true: f64, y_pred: f64) {
        if y_true.is_finite() && y_pred.is_finite() {
            self.mean.revert(squared_error(y_true, y_pred), 1.0);
        }
    }

    fn get(&self) -> f64 {
        self.mean.get()
    }

    fn bigger_is_better(&self) -> bool {
        false
    }
}

fn squared_error(y_true: f64, y_pred: f64) -> f64 {
    let error = y_true - y_pred;
    finite(error * error)
}

/// Root of the mean squared error, in units of the target; smaller is better.
///
/// ```
/// use tidemill::learn::{base::Metric, metrics::Rmse};
/// let mut rmse = Rmse::default();
/// for (y, p) in [(3.0, 2.5), (-0.5, 0.0), (2.0, 2.0), (7.0, 8.0)] {
///     rmse.update(y, p);
/// }
/// assert_eq!(format!("{:.6}", rmse.get()), "0.612372");
/// ```
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Rmse {
    mse: Mse,
}

impl Metric for Rmse {
    fn update(&mut self, y_true: f64, y_pred: f64) {
        self.mse.update(y_true, y_pred);
    }

    fn revert(&mut self, y_true: f64, y_pred: f64) {
        self.mse.revert(y_true, y_pred);
    }

    fn get(&self) -> f64 {
        // Taking back pairs can leave a rounding error below zero.
        self.mse.get().max(0.0).sqrt()
    }

    fn bigger_is_better(&self) -> bool {
        false
    }
}

impl_snapshot!(Mse, Rmse);

//! The mean absolute percentage error.

use serde::{Deserialize, Serialize};

use crate::{
    impl_snapshot,
    learn::{
        base::{Metric, finite},
        stats::Mean,
    },
};

/// Mean absolute percentage error, in per cent of the truth; a truth of 0 counts as no error. Smaller is better.
///
/// ```
/// use tidemill::learn::{base::Metric, metrics::Mape};
/// let mut mape = Mape::default();
/// for (y, p) in [(3.0, 2.5), (-0.5, 0.0), (2.0, 2.0), (7.0, 8.0)] {
///     mape.update(y, p);
/// }
/// assert_eq!(format!("{:.6}", mape.get()), "32.738095");
/// ```
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Mape {
    mean: Mean,
}

fn share(y_true: f64, y_pred: f64) -> f64 {
    if y_true == 0.0 { 0.0 } else { finite((y_true - y_pred).abs() / y_true.abs()) }
}

impl Metric for Mape {
    fn update(&mut self, y_true: f64, y_pred: f64) {
        if y_true.is_finite() && y_pred.is_finite() {
            self.mean.update(share(y_true, y_pred), 1.0);
        }
    }

    fn revert(&mut self, y_true: f64, y_pred: f64) {
        if y_true.is_finite() && y_pred.is_finite() {
            self.mean.revert(share(y_true, y_pred), 1.0);
        }
    }

    fn get(&self) -> f64 {
        finite(100.0 * self.mean.get())
    }

    fn bigger_is_better(&self) -> bool {
        false
    }
}

impl_snapshot!(Mape);

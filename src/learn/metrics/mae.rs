//! The mean absolute error.

use serde::{Deserialize, Serialize};

use crate::{
    impl_snapshot,
    learn::{
        base::{Metric, finite},
        stats::Mean,
    },
};

/// Mean absolute error, in units of the target; smaller is better.
///
/// ```
/// use tidemill::learn::{base::Metric, metrics::Mae};
/// let mut mae = Mae::default();
/// for (y, p) in [(3.0, 2.5), (-0.5, 0.0), (2.0, 2.0), (7.0, 8.0)] {
///     mae.update(y, p);
/// }
/// assert_eq!(mae.get(), 0.5);
/// ```
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Mae {
    mean: Mean,
}

impl Metric for Mae {
    fn update(&mut self, y_true: f64, y_pred: f64) {
        if y_true.is_finite() && y_pred.is_finite() {
            self.mean.update(finite((y_true - y_pred).abs()), 1.0);
        }
    }

    fn revert(&mut self, y_true: f64, y_pred: f64) {
        if y_true.is_finite() && y_pred.is_finite() {
            self.mean.revert(finite((y_true - y_pred).abs()), 1.0);
        }
    }

    fn get(&self) -> f64 {
        self.mean.get()
    }

    fn bigger_is_better(&self) -> bool {
        false
    }
}

impl_snapshot!(Mae);

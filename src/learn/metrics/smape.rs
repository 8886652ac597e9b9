//! The symmetric mean absolute percentage error.

use serde::{Deserialize, Serialize};

use super::smape_term;
use crate::{
    impl_snapshot,
    learn::{base::Metric, stats::Mean},
};

/// Symmetric mean absolute percentage error, 0 to 200 %; smaller is better. A pair of zeros counts as no error.
///
/// Reference: S. Makridakis, "Accuracy measures: theoretical and practical concerns", International Journal of Forecasting 9(4), 1993.
///
/// ```
/// use tidemill::learn::{base::Metric, metrics::Smape};
/// let mut smape = Smape::default();
/// for (y, p) in [(0.0, 0.0), (1.0, 2.0), (2.0, 2.0), (3.0, 1.0)] {
///     smape.update(y, p);
/// }
/// assert_eq!(format!("{:.4}", smape.get()), "41.6667");
/// ```
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Smape {
    mean: Mean,
}

impl Metric for Smape {
    fn update(&mut self, y_true: f64, y_pred: f64) {
        if y_true.is_finite() && y_pred.is_finite() {
            self.mean.update(smape_term(y_true, y_pred), 1.0);
        }
    }

    fn revert(&mut self, y_true: f64, y_pred: f64) {
        if y_true.is_finite() && y_pred.is_finite() {
            self.mean.revert(smape_term(y_true, y_pred), 1.0);
        }
    }

    fn get(&self) -> f64 {
        100.0 * self.mean.get()
    }

    fn bigger_is_better(&self) -> bool {
        false
    }
}

impl_snapshot!(Smape);

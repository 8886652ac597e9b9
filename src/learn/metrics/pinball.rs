//! The loss of a quantile.

use serde::{Deserialize, Serialize};

use crate::{
    impl_snapshot,
    learn::{
        base::{Metric, finite},
        stats::Mean,
    },
};

/// Mean pinball loss of predictions of the quantile `alpha`: truths above the prediction cost `alpha` a unit, truths below `1 - alpha`. In units of
/// the target; smaller is better. At 0.5 it is half the mean absolute error.
///
/// Reference: R. Koenker, G. Bassett, "Regression quantiles", Econometrica 46(1), 1978.
///
/// ```
/// use tidemill::learn::{base::Metric, metrics::Pinball};
/// let mut loss = Pinball::new(0.9);
/// for (y, p) in [(3.0, 2.0), (2.0, 3.0)] {
///     loss.update(y, p);
/// }
/// assert_eq!(loss.get(), 0.5); // (0.9 + 0.1) / 2
/// ```
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Pinball {
    alpha: f64,
    mean: Mean,
}

impl Pinball {
    /// The loss of the quantile at `alpha`, between 0 and 1.
    pub fn new(alpha: f64) -> Self {
        Pinball { alpha, mean: Mean::default() }
    }

    fn loss(&self, y_true: f64, y_pred: f64) -> f64 {
        let error = finite(y_true - y_pred);
        (self.alpha * error).max((self.alpha - 1.0) * error)
    }
}

impl Metric for Pinball {
    fn update(&mut self, y_true: f64, y_pred: f64) {
        if y_true.is_finite() && y_pred.is_finite() {
            self.mean.update(self.loss(y_true, y_pred), 1.0);
        }
    }

    fn revert(&mut self, y_true: f64, y_pred: f64) {
        if y_true.is_finite() && y_pred.is_finite() {
            self.mean.revert(self.loss(y_true, y_pred), 1.0);
        }
    }

    fn get(&self) -> f64 {
        self.mean.get()
    }

    fn bigger_is_better(&self) -> bool {
        false
    }
}

impl_snapshot!(Pinball);

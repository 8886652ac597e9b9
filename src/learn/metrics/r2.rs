//! The coefficient of determination.

use serde::{Deserialize, Serialize};

use crate::{
    impl_snapshot,
    learn::{
        base::{Metric, finite},
        stats::Var,
    },
};

/// Share of the target's variance that the predictions explain: 1 is perfect, 0 is as good as the mean; larger is better. 0.0 before the second
/// pair and while the target has not varied.
///
/// ```
/// use tidemill::learn::{base::Metric, metrics::R2};
/// let mut r2 = R2::default();
/// for (y, p) in [(3.0, 2.5), (-0.5, 0.0), (2.0, 2.0), (7.0, 8.0)] {
///     r2.update(y, p);
/// }
/// assert_eq!(format!("{:.6}", r2.get()), "0.948608");
/// ```
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct R2 {
    targets: Var,
    residual_squares: f64,
}

/// `1 - residual / total`, 0.0 where it says nothing.
pub(super) fn explained(n: f64, residual_squares: f64, total_squares: f64) -> f64 {
    if n > 1.0 && total_squares > 0.0 { finite(1.0 - residual_squares / total_squares) } else { 0.0 }
}

impl Metric for R2 {
    fn update(&mut self, y_true: f64, y_pred: f64) {
        if y_true.is_finite() && y_pred.is_finite() {
            self.targets.update(y_true, 1.0);
            self.residual_squares = finite(self.residual_squares + (y_true - y_pred) * (y_true - y_pred));
        }
    }

    fn revert(&mut self, y_true: f64, y_pred: f64) {
        if y_true.is_finite() && y_pred.is_finite() {
            self.targets.revert(y_true, 1.0);
            self.residual_squares = finite(self.residual_squares - finite((y_true - y_pred) * (y_true - y_pred)));
        }
    }

    fn get(&self) -> f64 {
        let n = self.targets.n();
        explained(n, self.residual_squares, (n - 1.0) * self.targets.get(1.0))
    }

    fn bigger_is_better(&self) -> bool {
        true
    }
}

impl_snapshot!(R2);

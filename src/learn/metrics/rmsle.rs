//! The root of the mean squared logarithmic error.

use serde::{Deserialize, Serialize};

use super::Rmse;
use crate::{impl_snapshot, learn::base::Metric};

/// Root of the mean squared difference of `log(y + 1)`: errors count by their ratio, not their size. Smaller is better.
///
/// A pair with a value of -1 or less, which has no logarithm, is refused.
///
/// ```
/// use tidemill::learn::{base::Metric, metrics::Rmsle};
/// let mut rmsle = Rmsle::default();
/// for (y, p) in [(3.0, 2.5), (0.5, 0.0), (2.0, 2.0), (7.0, 8.0)] {
///     rmsle.update(y, p);
/// }
/// assert_eq!(format!("{:.6}", rmsle.get()), "0.221419");
/// ```
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Rmsle {
    rmse: Rmse,
}

/// The logarithms, NaN where there is none.
fn logarithms(y_true: f64, y_pred: f64) -> (f64, f64) {
    let log = |y: f64| if y > -1.0 { libm::log(y + 1.0) } else { f64::NAN };
    (log(y_true), log(y_pred))
}

impl Metric for Rmsle {
    fn update(&mut self, y_true: f64, y_pred: f64) {
        let (y_true, y_pred) = logarithms(y_true, y_pred);
        self.rmse.update(y_true, y_pred);
    }

    fn revert(&mut self, y_true: f64, y_pred: f64) {
        let (y_true, y_pred) = logarithms(y_true, y_pred);
        self.rmse.revert(y_true, y_pred);
    }

    fn get(&self) -> f64 {
        self.rmse.get()
    }

    fn bigger_is_better(&self) -> bool {
        false
    }
}

impl_snapshot!(Rmsle);

//! The standard error of the mean.

use serde::{Deserialize, Serialize};

use super::{Univariate, Var};

/// The running standard error of the mean: the root of the sample variance over the count.
///
/// ```
/// use tidemill::learn::stats::{Sem, Univariate};
/// let mut sem = Sem::default();
/// for x in [3.0, 5.0, 4.0, 7.0, 10.0, 12.0] {
///     sem.update(x);
/// }
/// assert_eq!(format!("{:.6}", sem.get().unwrap()), "1.447220");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Sem(pub(super) Var);

impl Univariate for Sem {
    fn update(&mut self, x: f64) {
        self.0.update(x, 1.0);
    }

    fn get(&self) -> Option<f64> {
        let n = self.0.n();
        // A sliding window can leave a variance a rounding error below zero.
        (n > 0.0).then(|| (self.0.get(1.0).max(0.0) / n).sqrt())
    }
}

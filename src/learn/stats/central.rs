//! Skewness and kurtosis from running central moments.

use serde::{Deserialize, Serialize};

use super::Univariate;
use crate::learn::base::finite;

/// Count, mean and the sums of the second to fourth powers of the distances from the mean.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
struct CentralMoments {
    n: f64,
    mean: f64,
    m2: f64,
    m3: f64,
    m4: f64,
}

impl CentralMoments {
    fn update(&mut self, x: f64) {
        let n = self.n + 1.0;
        let delta = (x - self.mean) / n;
        let (step, square) = ((x - self.mean) * delta * (n - 1.0), delta * delta);
        let next = CentralMoments {
            n,
            mean: self.mean + delta,
            m2: self.m2 + step,
            m3: self.m3 + (step * delta * (n - 2.0) - 3.0 * delta * self.m2),
            m4: self.m4 + (step * square * (n * n - 3.0 * n + 3.0) + 6.0 * square * self.m2 - 4.0 * delta * self.m3),
        };
        if [next.mean, next.m2, next.m3, next.m4].iter().all(|m| m.is_finite()) {
            *self = next;
        }
    }
}

/// Running skewness: how lopsided the values lie around their mean; 0.0 while they do not vary. The sample skewness (corrected for bias) from three
/// values on, unless built [`biased`](Self::biased).
///
/// A value whose fourth power overflows is refused.
///
/// Reference: P. Pébay, "Formulas for robust, one-pass parallel computation of covariances and arbitrary-order statistical moments", 2008.
///
/// ```
/// use tidemill::learn::stats::{Skew, Univariate};
/// let mut skew = Skew::default();
/// for x in [1.0, 2.0, 3.0, 10.0] {
///     skew.update(x);
/// }
/// assert_eq!(format!("{:.4}", skew.get().unwrap()), "1.7636");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Skew {
    moments: CentralMoments,
    biased: bool,
}

impl Skew {
    /// The plain moment ratio, without the correction for bias.
    pub fn biased() -> Self {
        Skew { biased: true, ..Skew::default() }
    }
}

impl Univariate for Skew {
    fn update(&mut self, x: f64) {
        self.moments.update(x);
    }

    fn get(&self) -> Option<f64> {
        let CentralMoments { n, m2, m3, .. } = self.moments;
        let skew = if m2 > 0.0 { finite(n.sqrt() * m3 / (m2 * m2.sqrt())) } else { 0.0 };
        let corrected = || ((n - 1.0) * n).sqrt() / (n - 2.0) * skew;
        (n > 0.0).then(|| if self.biased || n <= 2.0 { skew } else { finite(corrected()) })
    }
}

/// Running excess kurtosis: how heavy the tails are against those of the normal distribution (0.0). The sample kurtosis (corrected for bias) from four
/// values on, unless built [`biased`](Self::biased); -3.0 while the values do not vary.
///
/// A value whose fourth power overflows is refused.
///
/// Reference: P. Pébay, "Formulas for robust, one-pass parallel computation of covariances and arbitrary-order statistical moments", 2008.
///
/// ```
/// use tidemill::learn::stats::{Kurtosis, Univariate};
/// let mut kurtosis = Kurtosis::default();
/// for x in [1.0, 2.0, 3.0, 10.0] {
///     kurtosis.update(x);
/// }
/// assert_eq!(format!("{:.4}", kurtosis.get().unwrap()), "3.2280");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Kurtosis {
    moments: CentralMoments,
    biased: bool,
}

impl Kurtosis {
    /// The plain moment ratio less 3, without the correction for bias.
    pub fn biased() -> Self {
        Kurtosis { biased: true, ..Kurtosis::default() }
    }
}

impl Univariate for Kurtosis {
    fn update(&mut self, x: f64) {
        self.moments.update(x);
    }

    fn get(&self) -> Option<f64> {
        let CentralMoments { n, m2, m4, .. } = self.moments;
        let ratio = if m2 > 0.0 { finite(n * m4 / (m2 * m2)) } else { 0.0 };
        let corrected = || 1.0 / (n - 2.0) / (n - 3.0) * ((n * n - 1.0) * ratio - 3.0 * ((n - 1.0) * (n - 1.0)));
        (n > 0.0).then(|| if self.biased || n <= 3.0 { ratio - 3.0 } else { finite(corrected()) })
    }
}

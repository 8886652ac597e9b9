//! Bounds by quantiles of the signed errors.

use serde::{Deserialize, Serialize};

use super::Bounds;
use crate::learn::stats::{Quantile, RollingQuantile, Univariate};

crate::params! {
    /// Parameters of [`Jackknife`].
    pub struct JackknifeParams {
        /// Take the quantiles of the last so many errors; "none" of all of them, by the P² estimate.
        window_size: Option<usize> = None, in 2..=100_000, unit "errors";
    }
}

/// Bounds between two quantiles of the errors so far, at `(1 - level) / 2` and `1 - (1 - level) / 2`: as far below and above as the model was off before.
///
/// They need not lie on either side of the prediction: a model that is always too low gets bounds above it.
///
/// Reference: R. F. Barber, E. J. Candès, A. Ramdas, R. J. Tibshirani, "Predictive inference with the jackknife+", Annals of Statistics 49(1), 2021; as
/// River's `conf.RegressionJackknife`.
///
/// ```
/// use tidemill::learn::conformal::{Bounds, Jackknife, JackknifeParams};
/// let mut jackknife = Jackknife::new(0.5, &JackknifeParams { window_size: Some(5) });
/// assert_eq!(jackknife.bounds(), None);
/// for error in [100.0, -2.0, -1.0, 0.0, 1.0, 2.0] {
///     jackknife.update(error);
/// }
/// assert_eq!(jackknife.bounds(), Some(Bounds { lower: -1.0, upper: 1.0 })); // quartiles of -2 to 2
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Jackknife {
    level: f64,
    window_size: Option<usize>,
    quantiles: Quantiles,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Quantiles {
    All { lower: Quantile, upper: Quantile },
    Last { lower: RollingQuantile, upper: RollingQuantile },
}

impl Jackknife {
    /// Bounds that should cover the share `level`, between 0 and 1.
    pub fn new(level: f64, params: &JackknifeParams) -> Self {
        let alpha = (1.0 - level) / 2.0;
        let quantiles = match params.window_size {
            None => Quantiles::All { lower: Quantile::new(alpha), upper: Quantile::new(1.0 - alpha) },
            Some(n) => Quantiles::Last { lower: RollingQuantile::new(alpha, n), upper: RollingQuantile::new(1.0 - alpha, n) },
        };
        Jackknife { level, window_size: params.window_size, quantiles }
    }

    /// The level and the window it was made with.
    pub fn setting(&self) -> (f64, Option<usize>) {
        (self.level, self.window_size)
    }

    /// Takes the error of a prediction: truth minus prediction. One that is not finite is refused.
    pub fn update(&mut self, error: f64) {
        if !error.is_finite() {
            return;
        }
        match &mut self.quantiles {
            Quantiles::All { lower, upper } => {
                lower.update(error);
                upper.update(error);
            }
            Quantiles::Last { lower, upper } => {
                lower.update(error);
                upper.update(error);
            }
        }
    }

    /// The bounds; `None` before the first error.
    pub fn bounds(&self) -> Option<Bounds> {
        let (lower, upper) = match &self.quantiles {
            Quantiles::All { lower, upper } => (lower.get()?, upper.get()?),
            Quantiles::Last { lower, upper } => (lower.get()?, upper.get()?),
        };
        // Two P² estimates can cross while they have seen little.
        Some(Bounds { lower, upper: upper.max(lower) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_follow_a_bias_and_refuse_poison() {
        for window_size in [None, Some(50)] {
            let mut jackknife = Jackknife::new(0.9, &JackknifeParams { window_size });
            (0..200).for_each(|k| jackknife.update(10.0 + f64::from(k % 11)));
            let before = jackknife.clone();
            [f64::NAN, f64::INFINITY].iter().for_each(|error| jackknife.update(*error));
            assert_eq!(jackknife, before);
            let bounds = jackknife.bounds().unwrap();
            assert!(bounds.lower >= 10.0 && bounds.upper <= 20.0 && bounds.upper - bounds.lower > 7.0, "{bounds:?}");
        }
    }
}

//! The coefficient of determination, adjusted for the number of features.

use serde::{Deserialize, Serialize};

use super::R2;
use crate::{
    impl_snapshot,
    learn::base::{Metric, finite},
};

/// R2 with a price on features: `1 - (1 - R2) (n - 1) / (n - features - 1)`; 0.0 until there are more pairs than that. Larger is better.
///
/// Reference: M. Ezekiel, "Methods of correlation analysis", 1930; recommended for streaming regression by arXiv 2502.07213, 2025.
///
/// ```
/// use tidemill::learn::{base::Metric, metrics::AdjustedR2};
/// let mut r2 = AdjustedR2::new(1);
/// for (y, p) in [(3.0, 2.5), (-0.5, 0.0), (2.0, 2.0), (7.0, 8.0)] {
///     r2.update(y, p);
/// }
/// assert_eq!(format!("{:.6}", r2.get()), "0.922912");
/// ```
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct AdjustedR2 {
    features: u64,
    n: u64,
    r2: R2,
}

impl AdjustedR2 {
    /// For a model of `features` features.
    pub fn new(features: u64) -> Self {
        AdjustedR2 { features, ..AdjustedR2::default() }
    }
}

impl Metric for AdjustedR2 {
    fn update(&mut self, y_true: f64, y_pred: f64) {
        self.n += u64::from(y_true.is_finite() && y_pred.is_finite());
        self.r2.update(y_true, y_pred);
    }

    fn revert(&mut self, y_true: f64, y_pred: f64) {
        self.n = self.n.saturating_sub(u64::from(y_true.is_finite() && y_pred.is_finite()));
        self.r2.revert(y_true, y_pred);
    }

    fn get(&self) -> f64 {
        let (n, freedom) = (self.n as f64, self.n as f64 - self.features as f64 - 1.0);
        if freedom > 0.0 { finite(1.0 - (1.0 - self.r2.get()) * (n - 1.0) / freedom) } else { 0.0 }
    }

    fn bigger_is_better(&self) -> bool {
        true
    }
}

impl_snapshot!(AdjustedR2);

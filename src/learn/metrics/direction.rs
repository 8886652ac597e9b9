//! How often the direction was right.

use serde::{Deserialize, Serialize};

use crate::impl_snapshot;

/// Share of predictions, 0 to 1, that lie on the same side of the last known value as the truth: up, down or unchanged. Larger is better.
///
/// The naive forecast predicts no change and is right only where there was none.
///
/// Reference: M. H. Pesaran, A. Timmermann, "A simple nonparametric test of predictive performance", J. Business & Economic Statistics 10(4), 1992.
///
/// ```
/// use tidemill::learn::metrics::DirectionalAccuracy;
/// let mut accuracy = DirectionalAccuracy::default();
/// accuracy.update(101.0, 105.0, 100.0); // both up
/// accuracy.update(101.0, 99.0, 100.0); // up, not down
/// assert_eq!(accuracy.get(), 0.5);
/// ```
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct DirectionalAccuracy {
    hits: u64,
    n: u64,
}

/// Whether both lie on the same side of `last`.
pub(super) fn hit(y_true: f64, y_pred: f64, last: f64) -> bool {
    y_true.partial_cmp(&last) == y_pred.partial_cmp(&last)
}

impl DirectionalAccuracy {
    /// Takes a truth, its prediction, and the last value known when it was made.
    pub fn update(&mut self, y_true: f64, y_pred: f64, last: f64) {
        if y_true.is_finite() && y_pred.is_finite() && last.is_finite() {
            self.hits += u64::from(hit(y_true, y_pred, last));
            self.n += 1;
        }
    }

    /// Takes back what was given before.
    pub fn revert(&mut self, y_true: f64, y_pred: f64, last: f64) {
        if y_true.is_finite() && y_pred.is_finite() && last.is_finite() {
            self.hits = self.hits.saturating_sub(u64::from(hit(y_true, y_pred, last)));
            self.n = self.n.saturating_sub(1);
        }
    }

    /// The share so far; 0.0 before the first prediction.
    pub fn get(&self) -> f64 {
        if self.n > 0 { self.hits as f64 / self.n as f64 } else { 0.0 }
    }

    /// How many predictions were judged.
    pub fn n(&self) -> u64 {
        self.n
    }
}

impl_snapshot!(DirectionalAccuracy);

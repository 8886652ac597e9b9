//! All that the measures need of a set of judged predictions, in a form that merges.

use serde::{Deserialize, Serialize};

use super::{MetricName, direction::hit, r2::explained, smape_term};
use crate::learn::{
    base::finite,
    stats::{Moments, Summary},
};

/// One judged prediction.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Pair {
    /// When it was judged, in ms; 0 where nobody asks.
    pub at_ms: i64,
    /// The truth.
    pub y_true: f64,
    /// The prediction.
    pub y_pred: f64,
    /// The last value known when it was made, NaN where there was none.
    pub last: f64,
}

/// The sums over a set of pairs; two sets merge into one.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct ErrorSums {
    absolute: f64,
    squares: f64,
    symmetric: f64,
    truths: Moments,
    hits: f64,
    directed: f64,
}

impl Summary for ErrorSums {
    type Value = Pair;

    fn of(pair: &Pair) -> Self {
        let error = finite(pair.y_true - pair.y_pred);
        let directed = pair.last.is_finite();
        ErrorSums {
            absolute: error.abs(),
            squares: finite(error * error),
            symmetric: smape_term(pair.y_true, pair.y_pred),
            truths: Moments::of(&pair.y_true),
            hits: if directed && hit(pair.y_true, pair.y_pred, pair.last) { 1.0 } else { 0.0 },
            directed: if directed { 1.0 } else { 0.0 },
        }
    }

    fn merge(&self, later: &Self) -> Self {
        ErrorSums {
            absolute: finite(self.absolute + later.absolute),
            squares: finite(self.squares + later.squares),
            symmetric: self.symmetric + later.symmetric,
            truths: self.truths.merge(&later.truths),
            hits: self.hits + later.hits,
            directed: self.directed + later.directed,
        }
    }
}

impl ErrorSums {
    /// How many pairs.
    pub fn n(&self) -> u64 {
        self.truths.n as u64
    }

    /// The measure over the set; 0.0 over an empty one.
    pub fn get(&self, metric: MetricName) -> f64 {
        let n = self.truths.n;
        let mean = |sum: f64| if n > 0.0 { sum / n } else { 0.0 };
        match metric {
            MetricName::Mae => mean(self.absolute),
            MetricName::Mse => mean(self.squares),
            MetricName::Rmse => mean(self.squares).sqrt(),
            MetricName::Smape => 100.0 * mean(self.symmetric),
            MetricName::R2 => explained(n, self.squares, self.truths.squares),
        }
    }

    /// The share of right directions among the pairs that had a last value.
    pub fn directional_accuracy(&self) -> Option<f64> {
        (self.directed > 0.0).then(|| self.hits / self.directed)
    }
}

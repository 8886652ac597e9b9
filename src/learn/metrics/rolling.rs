//! Measures over the last records, or over the last stretch of event time.

use serde::{Deserialize, Serialize};

use super::{ErrorSums, MetricName, Pair, Scores};
use crate::{
    impl_snapshot,
    learn::{base::Metric, stats::Sliding},
};

/// One measure over the last `window` pairs.
///
/// ```
/// use tidemill::learn::{base::Metric, metrics::MetricName};
/// let mut mae = MetricName::Mae.rolling(2);
/// for (y, p) in [(1e300, 0.0), (3.0, 2.0), (5.0, 2.0)] {
///     mae.update(y, p);
/// }
/// assert_eq!(mae.get(), 2.0); // nothing is left of the first pair
/// ```
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Rolling {
    metric: MetricName,
    window: usize,
    pairs: Sliding<ErrorSums>,
}

impl Rolling {
    /// The measure over the last `window` pairs, at least one.
    pub fn new(metric: MetricName, window: usize) -> Self {
        Rolling { metric, window: window.max(1), pairs: Sliding::default() }
    }
}

impl Metric for Rolling {
    fn update(&mut self, y_true: f64, y_pred: f64) {
        if y_true.is_finite() && y_pred.is_finite() {
            self.pairs.push(Pair { at_ms: 0, y_true, y_pred, last: f64::NAN });
            if self.pairs.len() > self.window {
                self.pairs.pop_oldest();
            }
        }
    }

    /// Takes back the newest pair, which the arguments must repeat; the pair that it pushed out does not come back.
    fn revert(&mut self, y_true: f64, y_pred: f64) {
        if y_true.is_finite() && y_pred.is_finite() {
            self.pairs.pop_newest();
        }
    }

    fn get(&self) -> f64 {
        self.pairs.summary().get(self.metric)
    }

    fn bigger_is_better(&self) -> bool {
        self.metric.bigger_is_better()
    }
}

/// All measures at once over the last so many pairs, or over the pairs of the last stretch of time; at least one limit should be set.
///
/// ```
/// use tidemill::learn::metrics::RollingScorer;
/// let mut hour = RollingScorer::of_time(3_600_000);
/// hour.update(0, 10.0, 14.0, Some(9.0));
/// hour.update(1_800_000, 11.0, 10.0, Some(10.0));
/// assert_eq!(hour.scores().mae, 2.5);
/// hour.update(3_600_000, 12.0, 14.0, Some(11.0)); // the first pair is exactly an hour old: gone
/// assert_eq!((hour.scores().n, hour.scores().mae), (2, 1.5));
/// ```
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RollingScorer {
    max_pairs: Option<usize>,
    max_age_ms: Option<i64>,
    pairs: Sliding<ErrorSums>,
}

impl RollingScorer {
    /// Over the last `pairs` pairs, at least one.
    pub fn of_count(pairs: usize) -> Self {
        RollingScorer { max_pairs: Some(pairs.max(1)), max_age_ms: None, pairs: Sliding::default() }
    }

    /// Over the pairs younger than `age_ms`, by the times given to [`update`](Self::update).
    pub fn of_time(age_ms: i64) -> Self {
        RollingScorer { max_pairs: None, max_age_ms: Some(age_ms), pairs: Sliding::default() }
    }

    /// The same, but never more than `pairs` pairs: memory stays bounded whatever the times.
    pub fn at_most(mut self, pairs: usize) -> Self {
        self.max_pairs = Some(pairs.max(1));
        self
    }

    /// Takes a truth and its prediction, judged at `at_ms` (event time, not falling), with the last value known when it was made.
    pub fn update(&mut self, at_ms: i64, y_true: f64, y_pred: f64, last: Option<f64>) {
        if y_true.is_finite() && y_pred.is_finite() {
            self.pairs.push(Pair { at_ms, y_true, y_pred, last: last.unwrap_or(f64::NAN) });
        }
        self.advance(at_ms);
    }

    /// Lets go of the pairs that are too old at `now_ms`, or too many.
    pub fn advance(&mut self, now_ms: i64) {
        let too_many = |pairs: &Sliding<ErrorSums>| self.max_pairs.is_some_and(|most| pairs.len() > most);
        let too_old = |pairs: &Sliding<ErrorSums>| {
            let oldest = pairs.oldest().map(|pair| pair.at_ms);
            self.max_age_ms.zip(oldest).is_some_and(|(age, oldest)| now_ms.saturating_sub(oldest) >= age)
        };
        while too_many(&self.pairs) || too_old(&self.pairs) {
            self.pairs.pop_oldest();
        }
    }

    /// All measures over the window.
    pub fn scores(&self) -> Scores {
        Scores::of(&self.pairs.summary())
    }
}

impl_snapshot!(Rolling, RollingScorer);

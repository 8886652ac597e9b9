//! Any metric over the last pairs or the last stretch of event time.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{
    learn::base::Metric,
    snapshot::{Snapshot, SnapshotError, decode, encode_into},
};

/// A metric over a window, by taking back what leaves. Each time as many pairs have left as the window holds, it is worked out anew from the window,
/// so that rounding errors and traces of huge errors do not pile up. (For MAE, MSE, RMSE, SMAPE and R2 [`Rolling`](super::Rolling) has none at all.)
///
/// ```
/// use tidemill::learn::{base::Metric, metrics::{Mape, Windowed}};
///
/// let mut mape = Windowed::of_count(Mape::default(), 2);
/// for (y, p) in [(1.0, 5.0), (4.0, 3.0), (10.0, 5.0)] {
///     mape.update(y, p);
/// }
/// assert_eq!(format!("{:.1}", mape.get()), "37.5");
///
/// let mut hour = Windowed::of_time(Mape::default(), 3_600_000);
/// hour.update_at(0, 10.0, 14.0);
/// hour.update_at(3_600_000, 10.0, 15.0); // the first pair is exactly an hour old: gone
/// assert_eq!(hour.get(), 50.0);
/// ```
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Windowed<M> {
    fresh: M,
    metric: M,
    max_pairs: Option<usize>,
    max_age_ms: Option<i64>,
    pairs: VecDeque<(i64, f64, f64)>,
    left: u64,
}

impl<M: Metric + Clone> Windowed<M> {
    fn new(fresh: M, max_pairs: Option<usize>, max_age_ms: Option<i64>) -> Self {
        Windowed { metric: fresh.clone(), fresh, max_pairs, max_age_ms, pairs: VecDeque::new(), left: 0 }
    }

    /// `fresh`, which has seen nothing yet, over the last `pairs` pairs, at least one.
    pub fn of_count(fresh: M, pairs: usize) -> Self {
        Windowed::new(fresh, Some(pairs.max(1)), None)
    }

    /// `fresh`, which has seen nothing yet, over the pairs younger than `age_ms`, by the times given to [`update_at`](Self::update_at).
    pub fn of_time(fresh: M, age_ms: i64) -> Self {
        Windowed::new(fresh, None, Some(age_ms))
    }

    /// The same, but never more than `pairs` pairs: memory stays bounded whatever the times.
    pub fn at_most(mut self, pairs: usize) -> Self {
        self.max_pairs = Some(pairs.max(1));
        self
    }

    /// Takes a truth and its prediction, judged at `at_ms` (event time, not falling).
    pub fn update_at(&mut self, at_ms: i64, y_true: f64, y_pred: f64) {
        if y_true.is_finite() && y_pred.is_finite() {
            self.metric.update(y_true, y_pred);
            self.pairs.push_back((at_ms, y_true, y_pred));
        }
        self.advance(at_ms);
    }

    /// Lets go of the pairs that are too old at `now_ms`, or too many.
    pub fn advance(&mut self, now_ms: i64) {
        while let Some((at, y_true, y_pred)) = self.pairs.front().copied() {
            let too_many = self.max_pairs.is_some_and(|most| self.pairs.len() > most);
            if !too_many && self.max_age_ms.is_none_or(|age| now_ms.saturating_sub(at) < age) {
                break;
            }
            self.pairs.pop_front();
            self.metric.revert(y_true, y_pred);
            self.left += 1;
        }
        if self.left > self.pairs.len() as u64 {
            self.left = 0;
            self.metric = self.fresh.clone();
            self.pairs.iter().for_each(|(_, y_true, y_pred)| self.metric.update(*y_true, *y_pred));
        }
    }

    /// How many pairs are in the window.
    pub fn n(&self) -> usize {
        self.pairs.len()
    }
}

impl<M: Metric + Clone + Serialize + DeserializeOwned> Metric for Windowed<M> {
    /// Takes a pair at the time of the newest one.
    fn update(&mut self, y_true: f64, y_pred: f64) {
        self.update_at(self.pairs.back().map_or(0, |(at, ..)| *at), y_true, y_pred);
    }

    /// Takes back the newest pair, which the arguments must repeat; the pair that it pushed out does not come back.
    fn revert(&mut self, y_true: f64, y_pred: f64) {
        if y_true.is_finite() && y_pred.is_finite() && self.pairs.pop_back().is_some() {
            self.metric.revert(y_true, y_pred);
        }
    }

    fn get(&self) -> f64 {
        self.metric.get()
    }

    fn bigger_is_better(&self) -> bool {
        self.metric.bigger_is_better()
    }
}

impl<M: Serialize + DeserializeOwned> Snapshot for Windowed<M> {
    fn save(&self, out: &mut Vec<u8>) -> Result<(), SnapshotError> {
        encode_into(self, out)
    }

    fn load(&mut self, bytes: &[u8]) -> Result<(), SnapshotError> {
        *self = decode(bytes)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::learn::metrics::{AdjustedR2, Mape, Pinball, Rmsle};

    fn check<M: Metric + Clone + Serialize + DeserializeOwned>(
        fresh: &M,
        pairs: &[(f64, f64)],
        size: usize,
    ) -> Result<(), TestCaseError> {
        let mut windowed = Windowed::of_count(fresh.clone(), size);
        for (k, (y, p)) in pairs.iter().enumerate() {
            windowed.update(*y, *p);
            let mut alone = fresh.clone();
            pairs[(k + 1).saturating_sub(size)..=k].iter().for_each(|(y, p)| alone.update(*y, *p));
            let (a, b) = (windowed.get(), alone.get());
            prop_assert!((a - b).abs() <= 1e-6 * a.abs().max(b.abs()).max(1.0), "{k}: {a} against {b}");
        }
        Ok(())
    }

    proptest! {
        #[test]
        fn a_window_equals_the_metric_over_its_pairs_alone(
            pairs in prop::collection::vec((1.0..100.0_f64, -0.9..100.0_f64), 1..200), size in 1_usize..60,
        ) {
            check(&Mape::default(), &pairs, size)?;
            check(&Rmsle::default(), &pairs, size)?;
            check(&Pinball::new(0.2), &pairs, size)?;
        }
    }

    #[test]
    fn a_huge_error_leaves_no_trace_for_long() {
        let mut windowed = Windowed::of_count(AdjustedR2::new(1), 10);
        windowed.update(1e150, -1e150);
        for k in 0..30_u32 {
            windowed.update(f64::from(k % 7), f64::from(k % 7) + 0.5);
        }
        let mut alone = AdjustedR2::new(1);
        (20..30_u32).for_each(|k| alone.update(f64::from(k % 7), f64::from(k % 7) + 0.5));
        assert!((windowed.get() - alone.get()).abs() < 1e-9, "{} against {}", windowed.get(), alone.get());
    }
}

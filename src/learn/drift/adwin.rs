//! Adaptive windowing.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    impl_snapshot,
    learn::{
        base::DriftDetector,
        catalog::{Component, ModelBuild},
        params::{ParamError, above},
    },
};

crate::params! {
    /// Parameters of [`Adwin`].
    pub struct AdwinParams {
        /// How likely a false alarm may be at a check; smaller means fewer alarms and later ones.
        delta: f64 = 0.002, in above(0.0);
        /// A check every so many values.
        clock: u32 = 32, in 1.., unit "values";
        /// How many buckets of a size are kept before two of them are merged; more remember the past more finely.
        max_buckets: u32 = 5, in 1..=1_000;
        /// The least length of both parts of the window when they are compared.
        min_window_length: u32 = 5, in 1.., unit "values";
        /// No check before so many values.
        grace_period: u32 = 10, unit "values";
    }
}

/// ADWIN: a window of the latest values as long as their mean stays the same; when two parts of it differ too much, the older one is dropped and the
/// alarm raised.
///
/// The window is kept as buckets of 1, 2, 4, ... values, a few of each size, so memory grows with the logarithm of its length. The update after an
/// alarm starts afresh, as in River. A value that is not finite, or whose square the sums cannot take, is refused: nothing changes.
///
/// Reference: A. Bifet, R. Gavaldà, "Learning from time-changing data with adaptive windowing", SIAM International Conference on Data Mining, 2007.
///
/// ```
/// use tidemill::learn::{base::DriftDetector, drift::{Adwin, AdwinParams}};
///
/// let mut adwin = Adwin::new(AdwinParams::default());
/// let alarm = (0..2000).find(|k| {
///     adwin.update(if *k < 1000 { f64::from(k % 2) } else { 4.0 + f64::from(k % 4) });
///     adwin.drift_detected()
/// });
/// assert_eq!(alarm, Some(1023));
/// assert_eq!(format!("{} values, mean {:.3}", adwin.width(), adwin.estimation()), "32 values, mean 4.250");
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Adwin {
    params: AdwinParams,
    width: f64,
    total: f64,
    squares: f64,
    until_check: u32,
    detected: bool,
    /// How many buckets each row holds; row `i` has buckets of 2^i values.
    rows: Vec<u32>,
    /// The buckets: `max_buckets` + 1 places a row, the oldest first.
    buckets: Vec<Bucket>,
}

/// The sum of some values, and of their squared deviations from their mean.
type Bucket = (f64, f64);

/// What a window may be cut by: the terms of the bound that do not depend on where the cut is.
struct Bound {
    min_length: f64,
    variance: f64,
    log_term: f64,
    /// No cut anywhere has a smaller bound.
    least: f64,
}

impl Bound {
    fn exceeded(&self, n0: f64, n1: f64, difference: f64) -> bool {
        if difference <= self.least {
            return false;
        }
        let m = 1.0 / (n0 - self.min_length + 1.0) + 1.0 / (n1 - self.min_length + 1.0);
        let linear = 2.0 / 3.0 * self.log_term * m;
        difference > (2.0 * m * self.variance * self.log_term).sqrt() + linear
    }
}

impl Adwin {
    /// A detector with an empty window.
    pub fn new(params: AdwinParams) -> Self {
        Adwin {
            width: 0.0,
            total: 0.0,
            squares: 0.0,
            until_check: params.clock,
            detected: false,
            rows: vec![0],
            buckets: vec![(0.0, 0.0); params.max_buckets as usize + 1],
            params,
        }
    }

    /// How many values the window holds.
    pub fn width(&self) -> u64 {
        self.width as u64
    }

    /// The mean of the window, 0.0 if it is empty.
    pub fn estimation(&self) -> f64 {
        if self.width > 0.0 { self.total / self.width } else { 0.0 }
    }

    /// The sum of squared deviations from the mean over the window: what River calls its variance.
    pub fn squares(&self) -> f64 {
        self.squares
    }

    /// Starts afresh, without giving memory back.
    fn reset(&mut self) {
        (self.width, self.total, self.squares, self.detected) = (0.0, 0.0, 0.0, false);
        self.until_check = self.params.clock;
        self.rows.truncate(1);
        self.rows[0] = 0;
        self.buckets.truncate(self.places());
        self.buckets.fill((0.0, 0.0));
    }

    fn places(&self) -> usize {
        self.params.max_buckets as usize + 1
    }

    fn insert(&mut self, value: f64) -> bool {
        let width = self.width + 1.0;
        let deviation = if self.width > 0.0 { value - self.total / self.width } else { 0.0 };
        let squares = self.squares + self.width * deviation * deviation / width;
        let total = self.total + value;
        if !(squares.is_finite() && total.is_finite()) {
            return false;
        }
        (self.width, self.total, self.squares) = (width, total, squares);
        self.buckets[self.rows[0] as usize] = (value, 0.0);
        self.rows[0] += 1;
        self.merge_full_rows();
        true
    }

    /// Full rows hand their two oldest buckets, merged, to the next row.
    fn merge_full_rows(&mut self) {
        let places = self.places();
        let mut row = 0;
        while self.rows[row] as usize == places {
            if row + 1 == self.rows.len() {
                self.rows.push(0);
                self.buckets.resize(self.buckets.len() + places, (0.0, 0.0));
            }
            let (this, next) = self.buckets[row * places..(row + 2) * places].split_at_mut(places);
            let n = size(row);
            let ((sum_a, squares_a), (sum_b, squares_b)) = (this[0], this[1]);
            let apart = sum_a / n - sum_b / n;
            let squares = squares_a + squares_b + n * 0.5 * apart * apart;
            next[self.rows[row + 1] as usize] = (sum_a + sum_b, squares.min(f64::MAX));
            self.rows[row + 1] += 1;
            for k in 2..places {
                this[k - 2] = this[k];
            }
            self.rows[row] -= 2;
            row += 1;
        }
    }

    /// Drops the oldest bucket.
    fn forget_oldest(&mut self) {
        let (row, places) = (self.rows.len() - 1, self.places());
        let (n, oldest) = (size(row), &mut self.buckets[row * places..]);
        let (sum, squares) = oldest[0];
        oldest.copy_within(1.., 0);
        self.width -= n;
        self.total -= sum;
        let apart = sum / n - self.total / self.width;
        self.squares -= squares + n * self.width * apart * apart / (n + self.width);
        if !self.squares.is_finite() {
            // The pieces overflowed where their sum did not: nothing is known of the rest but that its mean is finite.
            self.squares = 0.0;
        }
        self.rows[row] -= 1;
        if self.rows[row] == 0 && row > 0 {
            self.rows.pop();
            self.buckets.truncate(row * places);
        }
    }

    /// Drops old buckets while some cut shows two different means.
    fn check(&mut self) {
        while self.bound().is_some_and(|bound| self.has_cut(&bound)) {
            self.detected = true;
            self.forget_oldest();
        }
    }

    /// The bound of the present window; none if the window is too short to be cut.
    fn bound(&self) -> Option<Bound> {
        let min_length = f64::from(self.params.min_window_length);
        if self.width < 2.0 * min_length {
            return None;
        }
        let log_term = libm::log(2.0 * libm::log(self.width) / self.params.delta);
        let variance = self.squares / self.width;
        let mut bound = Bound { min_length, variance, log_term, least: 0.0 };
        // Both parts equally long is the least bound; the margin is for rounding.
        let m = 4.0 / (self.width - 2.0 * min_length + 2.0);
        let least = ((2.0 * m * variance * log_term).sqrt() + 2.0 / 3.0 * log_term * m) * (1.0 - 1e-9);
        bound.least = if log_term >= 0.0 && least > 0.0 { least } else { -1.0 };
        Some(bound)
    }

    fn has_cut(&self, bound: &Bound) -> bool {
        let places = self.places();
        let (mut n0, mut n1, mut sum0, mut sum1) = (0.0, self.width, 0.0, self.total);
        for (row, count) in self.rows.iter().enumerate().rev() {
            let n = size(row);
            for (sum, _) in &self.buckets[row * places..][..*count as usize] {
                n0 += n;
                n1 -= n;
                sum0 += sum;
                sum1 -= sum;
                if n1 < bound.min_length {
                    return false;
                }
                if n0 >= bound.min_length && bound.exceeded(n0, n1, (sum0 / n0 - sum1 / n1).abs()) {
                    return true;
                }
            }
        }
        false
    }
}

/// How many values a bucket of a row stands for.
fn size(row: usize) -> f64 {
    (1_u64 << row.min(63)) as f64
}

impl DriftDetector for Adwin {
    fn update(&mut self, value: f64) {
        if !value.is_finite() {
            return;
        }
        if self.detected {
            self.reset();
        }
        if !self.insert(value) {
            return;
        }
        self.until_check -= 1;
        if self.until_check == 0 {
            self.until_check = self.params.clock;
            if self.width > f64::from(self.params.grace_period) {
                self.check();
            }
        }
    }

    fn drift_detected(&self) -> bool {
        self.detected
    }

    fn clone_fresh(&self) -> Box<dyn DriftDetector> {
        Box::new(Adwin::new(self.params.clone()))
    }

    fn clone_learned(&self) -> Box<dyn DriftDetector> {
        Box::new(self.clone())
    }
}

impl Component for Adwin {
    type Params = AdwinParams;
    const NAME: &'static str = "adwin";
    const SUMMARY: &'static str = "ADWIN: a window that shrinks when the means of two parts of it differ";
    const REFERENCE: &'static str = "Bifet, Gavaldà, Learning from time-changing data with adaptive windowing, 2007";

    fn examples() -> Vec<Value> {
        vec![json!(Self::NAME), json!({ Self::NAME: { "delta": 0.9, "clock": 1, "max_buckets": 1, "grace_period": 0 } })]
    }

    fn build(params: AdwinParams, _on: &ModelBuild<'_>) -> Result<Self, Vec<ParamError>> {
        Ok(Adwin::new(params))
    }
}

impl_snapshot!(Adwin);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_keeps_the_sums_of_what_it_holds() {
        let mut adwin = Adwin::new(AdwinParams::default());
        let values: Vec<f64> = (0..500).map(|k| f64::from(k * 37 % 11)).collect();
        values.iter().for_each(|v| adwin.update(*v));
        let mean = values.iter().sum::<f64>() / 500.0;
        let squares: f64 = values.iter().map(|v| (v - mean) * (v - mean)).sum();
        assert_eq!((adwin.width(), adwin.estimation()), (500, mean));
        assert!((adwin.squares() - squares).abs() < 1e-9 * squares);
        let held: f64 = adwin.rows.iter().enumerate().map(|(row, count)| size(row) * f64::from(*count)).sum();
        assert_eq!(held, 500.0);
        assert!(adwin.rows.iter().all(|count| *count <= 5) && adwin.rows.len() <= 8, "{:?}", adwin.rows);
    }

    #[test]
    fn a_change_shortens_the_window_and_the_next_value_starts_it_afresh() {
        let mut adwin = Adwin::new(AdwinParams::default());
        (0..200).for_each(|_| adwin.update(0.0));
        let mut after = 0;
        while !adwin.drift_detected() {
            adwin.update(100.0);
            after += 1;
        }
        assert!(after <= 56 && adwin.width() < 200 + after, "{after}");
        adwin.update(100.0);
        assert_eq!((adwin.width(), adwin.drift_detected()), (1, false));
    }

    #[test]
    fn sizes_that_cannot_be_squared_are_refused() {
        let mut adwin = Adwin::new(AdwinParams { clock: 1, ..AdwinParams::default() });
        for k in 0..300 {
            adwin.update([1e300, -1e300, 1.0, 1e150, -1e150, f64::MAX, 1e-300, f64::INFINITY][k * k % 8]);
            assert!(adwin.squares.is_finite() && adwin.total.is_finite());
        }
    }
}

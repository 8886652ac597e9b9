//! Kolmogorov-Smirnov windowing.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    impl_snapshot,
    learn::{
        base::DriftDetector,
        catalog::{Component, ModelBuild},
        params::{ParamError, ParamErrorKind, child},
        random::Random,
    },
};

crate::params! {
    /// Parameters of [`Kswin`].
    pub struct KswinParams {
        /// Probability of a false alarm at each value once the window is full.
        alpha: f64 = 0.005, in 0.0..=1.0;
        /// How many values the window holds.
        window_size: usize = 100, in 4..=10_000, unit "values";
        /// How many of the newest values are compared with as many of the older ones; at most half of the window.
        stat_size: usize = 30, in 2..=5_000, unit "values";
        /// The seed of the sampling; "none" takes that of the topology or program.
        seed: Option<u64> = None;
    }
}

/// KSWIN: compares the newest values of a window with a random sample of the older ones by the two-sample Kolmogorov-Smirnov test (its exact
/// distribution), so it hears any change of the distribution, not only of the mean.
///
/// The alarm is raised when the test's probability is at most `alpha` and the distributions are more than 0.1 apart. The update after an alarm starts
/// afresh, random numbers included, as in River.
///
/// Memory: the window and the generator's 624 words.
///
/// Reference: C. Raab, M. Heusinger, F.-M. Schleif, "Reactive soft prototype computing for concept drift streams", Neurocomputing 416, 2020; the exact
/// distribution: J. L. Hodges, "The significance probability of the Smirnov two-sample test", Arkiv för Matematik 3, 1958.
///
/// ```
/// use tidemill::learn::{base::DriftDetector, drift::{Kswin, KswinParams}};
/// let mut detector = Kswin::new(KswinParams { alpha: 1e-4, ..KswinParams::default() }, 42);
/// let alarm = (0..600_u32).find(|k| {
///     // Numbers from 0 to 6 in no visible order, which spread over three times the range from 300 on.
///     detector.update(f64::from(k * k * 31 % 7 * if *k < 300 { 1 } else { 3 }));
///     detector.drift_detected()
/// });
/// assert_eq!(alarm, Some(319));
/// ```
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Kswin {
    params: KswinParams,
    seed: u64,
    random: Random,
    window: VecDeque<f64>,
    p_value: f64,
    detected: bool,
    #[serde(skip)]
    scratch: Scratch,
}

#[derive(Debug, Clone, Default)]
struct Scratch {
    places: Vec<usize>,
    sample: Vec<f64>,
    newest: Vec<f64>,
}

impl Kswin {
    /// A detector that has seen nothing; `seed` counts where the parameters name none.
    pub fn new(params: KswinParams, seed: u64) -> Self {
        let seed = params.seed.unwrap_or(seed);
        let window = VecDeque::with_capacity(params.window_size);
        Kswin { random: Random::new(seed), seed, window, p_value: 0.0, detected: false, scratch: Scratch::default(), params }
    }

    /// The probability of the last test; 0.0 before the first one after a start.
    pub fn p_value(&self) -> f64 {
        self.p_value
    }

    /// Tests the full window.
    fn test(&mut self) {
        let (size, Scratch { places, sample, newest }) = (self.params.stat_size, &mut self.scratch);
        let older = self.params.window_size - size;
        self.random.sample_into(older, size, places);
        sample.clear();
        sample.extend(places.iter().map(|place| self.window[*place]));
        newest.clear();
        newest.extend(self.window.range(older..));
        sample.sort_unstable_by(f64::total_cmp);
        newest.sort_unstable_by(f64::total_cmp);
        let apart = steps_apart(sample, newest);
        self.p_value = probability(size, apart);
        self.detected = self.p_value <= self.params.alpha && apart as f64 / size as f64 > 0.1;
    }
}

/// How many values the cumulative counts of two sorted samples are apart at most.
fn steps_apart(a: &[f64], b: &[f64]) -> usize {
    let (mut i, mut j, mut most) = (0, 0, 0);
    while i < a.len() && j < b.len() {
        let value = a[i].min(b[j]);
        // All that equal the smallest value come at once.
        i += a[i..].iter().take_while(|x| **x <= value).count();
        j += b[j..].iter().take_while(|x| **x <= value).count();
        most = most.max(i.abs_diff(j));
    }
    most
}

/// The probability that two samples of `n` values of one distribution are at least `apart` steps apart.
fn probability(n: usize, apart: usize) -> f64 {
    if apart == 0 {
        return 1.0;
    }
    // An alternating sum of ratios of binomials, from its smallest term on.
    let mut sum = 0.0;
    for k in (0..=n / apart).rev() {
        let ratio = (0..apart).fold(1.0, |p, j| (n as f64 - (k * apart + j) as f64) * p / (n + k * apart + j + 1) as f64);
        sum = ratio * (1.0 - sum);
    }
    (2.0 * sum).clamp(0.0, 1.0)
}

impl DriftDetector for Kswin {
    fn update(&mut self, value: f64) {
        if !value.is_finite() {
            return;
        }
        if self.detected {
            self.window.clear();
            self.random = Random::new(self.seed);
            (self.p_value, self.detected) = (0.0, false);
        }
        if self.window.len() == self.params.window_size {
            self.window.pop_front();
        }
        self.window.push_back(value);
        if self.window.len() == self.params.window_size {
            self.test();
        }
    }

    fn drift_detected(&self) -> bool {
        self.detected
    }

    fn clone_fresh(&self) -> Box<dyn DriftDetector> {
        Box::new(Kswin::new(self.params.clone(), self.seed))
    }

    fn clone_learned(&self) -> Box<dyn DriftDetector> {
        Box::new(self.clone())
    }
}

impl Component for Kswin {
    type Params = KswinParams;
    const NAME: &'static str = "kswin";
    const SUMMARY: &'static str = "Kolmogorov-Smirnov test of the newest values against a sample of older ones";
    const REFERENCE: &'static str = "Raab, Heusinger and Schleif, Neurocomputing 416, 2020";

    fn examples() -> Vec<Value> {
        vec![json!(Self::NAME), json!({ Self::NAME: { "alpha": 0.01, "window_size": 60, "stat_size": 20, "seed": 3 } })]
    }

    fn build(params: KswinParams, on: &ModelBuild<'_>) -> Result<Self, Vec<ParamError>> {
        if params.stat_size * 2 > params.window_size {
            let message =
                format!("{} newest values leave too few older ones in a window of {}", params.stat_size, params.window_size);
            let path = child(on.path, "stat_size");
            return Err(vec![ParamError::new(ParamErrorKind::Conflict, &path, message, "at most half of window_size")]);
        }
        Ok(Kswin::new(params, on.seed))
    }
}

impl_snapshot!(Kswin);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probabilities_are_those_of_all_orders_of_the_two_samples() {
        // Every choice of the places of the first sample among six values, equally likely.
        let apart = |places: u32| {
            let (mut level, mut most) = (0_i32, 0_i32);
            for k in 0..6 {
                level += if places >> k & 1 == 1 { 1 } else { -1 };
                most = most.max(level.abs());
            }
            most as usize
        };
        let orders: Vec<usize> = (0..64_u32).filter(|places| places.count_ones() == 3).map(apart).collect();
        for steps in 1..=3 {
            let share = orders.iter().filter(|most| **most >= steps).count() as f64 / orders.len() as f64;
            assert!((probability(3, steps) - share).abs() < 1e-15, "{steps}: {} against {share}", probability(3, steps));
        }
        assert_eq!(probability(3, 0), 1.0);
    }

    #[test]
    fn equal_values_are_counted_together() {
        assert_eq!(steps_apart(&[1.0, 1.0, 2.0], &[1.0, 2.0, 2.0]), 1);
        assert_eq!(steps_apart(&[1.0, 2.0], &[3.0, 4.0]), 2);
        assert_eq!(steps_apart(&[5.0; 4], &[5.0; 4]), 0);
    }
}

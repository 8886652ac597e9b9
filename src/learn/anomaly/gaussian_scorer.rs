//! How far in the tails of a normal distribution a number lies.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    impl_snapshot,
    learn::{
        base::AnomalyDetector,
        catalog::{Component, ModelBuild},
        params::ParamError,
        stats::{Moments, Sliding, Var},
    },
};

crate::params! {
    /// Parameters of [`GaussianScorer`].
    pub struct GaussianScorerParams {
        /// Fit the distribution to the last so many values; "none" fits it to all.
        window_size: Option<usize> = None, in 2..=100_000, unit "values";
        /// Values before which every score is 0.
        grace_period: u64 = 100, unit "values";
        /// While all values were the same, River scores every value 1; by default that very value scores 0.
        river_compat: bool = false;
    }
}

/// Fits a normal distribution to the values and scores a value by the share of the distribution that is nearer to the mean: 0 at the mean, near 1
/// far out. Beyond eight deviations the score is 1 and tells no more.
///
/// `score = 2 |CDF(y) - 0.5| = erf(|y - mean| / (deviation * sqrt(2)))`, with the sample deviation. A detector of one number.
///
/// Reference: River's `anomaly.GaussianScorer`.
///
/// ```
/// use tidemill::learn::{anomaly::{GaussianScorer, GaussianScorerParams}, base::AnomalyDetector};
/// let mut scorer = GaussianScorer::new(GaussianScorerParams { grace_period: 4, ..GaussianScorerParams::default() });
/// for y in [1.0, 2.0, 3.0, 4.0, 5.0] {
///     scorer.learn_one(&[], y);
/// }
/// let scores = [3.0, 5.0, 9.0].map(|y| format!("{:.4}", scorer.score_one(&[], y)));
/// assert_eq!(scores, ["0.0000", "0.7941", "0.9999"]); // 2 / 1.5811 and 6 / 1.5811 deviations
/// ```
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct GaussianScorer {
    params: GaussianScorerParams,
    values: Values,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
enum Values {
    All(Var),
    Last(Sliding<Moments>),
}

impl GaussianScorer {
    /// A scorer that has seen nothing.
    pub fn new(params: GaussianScorerParams) -> Self {
        let values = match params.window_size {
            None => Values::All(Var::default()),
            Some(_) => Values::Last(Sliding::default()),
        };
        GaussianScorer { params, values }
    }

    /// Number, mean and sample variance of the values.
    fn moments(&self) -> (f64, f64, f64) {
        match &self.values {
            Values::All(var) => (var.n(), var.mean(), var.get(1.0)),
            Values::Last(window) => {
                let moments = window.summary();
                (moments.n, moments.mean, if moments.n > 1.0 { moments.squares / (moments.n - 1.0) } else { 0.0 })
            }
        }
    }
}

impl AnomalyDetector for GaussianScorer {
    fn score_one(&mut self, _x: &[f64], y: f64) -> f64 {
        let (n, mean, variance) = self.moments();
        if n < self.params.grace_period as f64 {
            return 0.0;
        }
        let distance = (y - mean).abs();
        if !distance.is_finite() {
            return 1.0;
        }
        if variance > 0.0 {
            return libm::erf(distance / variance.sqrt() * std::f64::consts::FRAC_1_SQRT_2);
        }
        f64::from(u8::from(distance > 0.0 || self.params.river_compat))
    }

    fn learn_one(&mut self, _x: &[f64], y: f64) {
        if !y.is_finite() {
            return;
        }
        match &mut self.values {
            Values::All(var) => var.update(y, 1.0),
            Values::Last(window) => {
                window.push(y);
                if Some(window.len()) > self.params.window_size {
                    window.pop_oldest();
                }
            }
        }
    }

    fn looks_at_y(&self) -> bool {
        true
    }

    fn clone_fresh(&self) -> Box<dyn AnomalyDetector> {
        Box::new(GaussianScorer::new(self.params.clone()))
    }

    fn clone_learned(&self) -> Box<dyn AnomalyDetector> {
        Box::new(self.clone())
    }
}

impl Component for GaussianScorer {
    type Params = GaussianScorerParams;
    const NAME: &'static str = "gaussian_scorer";
    const SUMMARY: &'static str = "scores a number by how far in the tails of a normal distribution it lies, 0 to 1";
    const REFERENCE: &'static str = "River's anomaly.GaussianScorer";

    fn examples() -> Vec<Value> {
        let of = |params: Value| json!({ Self::NAME: params });
        vec![json!(Self::NAME), of(json!({ "window_size": 50, "grace_period": 10 })), of(json!({ "river_compat": true }))]
    }

    fn build(params: GaussianScorerParams, _on: &ModelBuild<'_>) -> Result<Self, Vec<ParamError>> {
        Ok(GaussianScorer::new(params))
    }
}

impl_snapshot!(GaussianScorer);

#[cfg(test)]
mod tests {
    use super::*;

    fn scorer(window_size: Option<usize>, river_compat: bool) -> GaussianScorer {
        GaussianScorer::new(GaussianScorerParams { window_size, grace_period: 2, river_compat })
    }

    #[test]
    fn a_constant_series_is_usual_and_anything_else_is_not() {
        for (river_compat, same) in [(false, 0.0), (true, 1.0)] {
            let mut scorer = scorer(None, river_compat);
            (0..5).for_each(|_| scorer.learn_one(&[], 7.0));
            assert_eq!((scorer.score_one(&[], 7.0), scorer.score_one(&[], 7.1)), (same, 1.0));
        }
    }

    #[test]
    fn a_window_forgets_what_left_it() {
        let (mut long, mut short) = (scorer(Some(10), false), scorer(Some(10), false));
        (0..500).for_each(|k| long.learn_one(&[], 1e9 + f64::from(k)));
        for k in 0..10 {
            long.learn_one(&[], f64::from(k));
            short.learn_one(&[], f64::from(k));
        }
        assert_eq!(long.score_one(&[], 12.5).to_bits(), short.score_one(&[], 12.5).to_bits());
    }

    #[test]
    fn what_is_no_number_is_as_unusual_as_can_be() {
        let mut scorer = scorer(None, false);
        (0..9).for_each(|k| scorer.learn_one(&[], f64::from(k)));
        assert_eq!([f64::NAN, f64::INFINITY].map(|y| scorer.score_one(&[], y)), [1.0, 1.0]);
    }
}

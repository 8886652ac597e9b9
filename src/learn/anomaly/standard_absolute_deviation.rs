//! How many deviations a number lies from the middle.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    impl_snapshot,
    learn::{
        base::{AnomalyDetector, finite},
        catalog::{Component, ModelBuild},
        params::ParamError,
        stats::{Quantile, Univariate, Var},
    },
};

crate::choices! {
    /// What distances are taken from.
    pub enum Center {
        /// The arithmetic mean of all values.
        Mean = "mean",
        /// Their median, by the P² estimate.
        Median = "median",
    }
}

crate::params! {
    /// Parameters of [`StandardAbsoluteDeviation`].
    pub struct StandardAbsoluteDeviationParams {
        /// What distances are taken from.
        center: Center = Center::Mean;
        /// Values before which every score is 0; River has none, and scores the first values beyond all bounds.
        grace_period: u64 = 30, unit "values";
    }
}

/// Added to the deviation, so that a constant series divides by something.
const LEAST_DEVIATION: f64 = 1e-10;

/// Scores a value by its distance from the mean or median in sample standard deviations of all values: `|y - center| / (deviation + 1e-10)`. A
/// detector of one number; 3 is the customary limit.
///
/// Reference: J. Hochenbaum, O. S. Vallis, A. Kejariwal, "Automatic anomaly detection in the cloud via statistical learning", 2017.
///
/// ```
/// use tidemill::learn::{anomaly::{StandardAbsoluteDeviation, StandardAbsoluteDeviationParams}, base::AnomalyDetector};
/// let params = StandardAbsoluteDeviationParams { grace_period: 5, ..StandardAbsoluteDeviationParams::default() };
/// let mut deviation = StandardAbsoluteDeviation::new(params);
/// for y in [1.0, 2.0, 3.0, 4.0, 5.0] {
///     deviation.learn_one(&[], y);
/// }
/// assert_eq!(format!("{:.4}", deviation.score_one(&[], 9.0)), "3.7947"); // 6 / 1.5811
/// ```
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct StandardAbsoluteDeviation {
    params: StandardAbsoluteDeviationParams,
    var: Var,
    median: Option<Quantile>,
}

impl StandardAbsoluteDeviation {
    /// A detector that has seen nothing.
    pub fn new(params: StandardAbsoluteDeviationParams) -> Self {
        let median = (params.center == Center::Median).then(|| Quantile::new(0.5));
        StandardAbsoluteDeviation { params, var: Var::default(), median }
    }
}

impl AnomalyDetector for StandardAbsoluteDeviation {
    fn score_one(&mut self, _x: &[f64], y: f64) -> f64 {
        if self.var.n() < self.params.grace_period as f64 {
            return 0.0;
        }
        let center = match &self.median {
            None => self.var.mean(),
            Some(median) => median.get().unwrap_or(0.0),
        };
        let score = (y - center).abs() / (self.var.get(1.0).sqrt() + LEAST_DEVIATION);
        if score.is_nan() { f64::MAX } else { finite(score) }
    }

    fn learn_one(&mut self, _x: &[f64], y: f64) {
        if y.is_finite() {
            self.var.update(y, 1.0);
            if let Some(median) = &mut self.median {
                median.update(y);
            }
        }
    }

    fn looks_at_y(&self) -> bool {
        true
    }

    fn clone_fresh(&self) -> Box<dyn AnomalyDetector> {
        Box::new(StandardAbsoluteDeviation::new(self.params.clone()))
    }

    fn clone_learned(&self) -> Box<dyn AnomalyDetector> {
        Box::new(self.clone())
    }
}

impl Component for StandardAbsoluteDeviation {
    type Params = StandardAbsoluteDeviationParams;
    const NAME: &'static str = "standard_absolute_deviation";
    const SUMMARY: &'static str = "scores a number by its distance from the mean or median in standard deviations";
    const REFERENCE: &'static str = "Hochenbaum, Vallis, Kejariwal, Automatic anomaly detection in the cloud, 2017";

    fn examples() -> Vec<Value> {
        vec![json!(Self::NAME), json!({ Self::NAME: { "center": "median", "grace_period": 0 } })]
    }

    fn build(params: StandardAbsoluteDeviationParams, _on: &ModelBuild<'_>) -> Result<Self, Vec<ParamError>> {
        Ok(StandardAbsoluteDeviation::new(params))
    }
}

impl_snapshot!(StandardAbsoluteDeviation);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_not_drawn_by_what_is_unusual() {
        let of = |center| {
            let mut detector = StandardAbsoluteDeviation::new(StandardAbsoluteDeviationParams { center, grace_period: 3 });
            [1.0, 1.1, 0.9, 1.0, 1e6].iter().for_each(|y| detector.learn_one(&[], *y));
            detector.score_one(&[], 1.0)
        };
        assert!(of(Center::Median) < 1e-6 && of(Center::Mean) > 0.4);
    }

    #[test]
    fn without_grace_the_first_value_scores_as_in_river() {
        let params = StandardAbsoluteDeviationParams { grace_period: 0, ..StandardAbsoluteDeviationParams::default() };
        let mut detector = StandardAbsoluteDeviation::new(params);
        assert_eq!(detector.score_one(&[], 2.0), 2.0 / 1e-10);
        assert_eq!(detector.score_one(&[], f64::NAN), f64::MAX);
    }
}

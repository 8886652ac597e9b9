//! The model that did best so far.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Judges;
use crate::{
    impl_snapshot,
    learn::{
        base::Regressor,
        catalog::{Component, ModelBuild},
        compose::Members,
        metrics::MetricName,
        params::ParamError,
    },
    snapshot::{Snapshot, SnapshotError},
};

crate::params! {
    /// Parameters of [`GreedyRegressor`].
    pub struct GreedyRegressorParams {
        required {
            /// The models to choose from, at least two; each a name or an object with the name as its only key.
            models: Vec<Value>;
        }
        /// By what the models are compared.
        metric: MetricName = MetricName::Mae;
        /// Over how many of the last records they are compared; "none" means over all since the start.
        window: Option<usize> = None, in 1..=1_000_000, unit "records";
    }
}

/// Trains all its models and predicts with the one whose metric is the best, the first of equals.
///
/// Each record is first predicted by every model and then learned by every model. Before the first record it predicts with the first model.
///
/// Reference: River's `model_selection.GreedyRegressor`.
///
/// ```
/// use serde_json::json;
/// use tidemill::learn::{base::{Regressor, Schema}, catalog::Catalog};
///
/// let spec = json!({ "greedy_regressor": { "models": ["mean", "shift"] } });
/// let mut model = Catalog::standard().regressor(&spec, &[], &Schema::default(), 7).unwrap();
/// for close in [100.0, 102.0, 104.0, 106.0] {
///     model.learn_one(&[], close);
/// }
/// assert_eq!(model.predict_one(&[]), 106.0); // on a trend the last value beats the mean of all
/// ```
pub struct GreedyRegressor {
    models: Members,
    judges: Judges,
    best: Best,
}

/// Which model is the best.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
struct Best(usize);

impl_snapshot!(Best);

impl GreedyRegressor {
    fn judge(&mut self, k: usize, x: &[f64], y: f64) {
        let prediction = self.models.at(k).predict_one(x);
        self.judges.update(k, y, prediction);
    }

    fn compare(&mut self, k: usize) {
        if self.judges.better(k, self.best.0) {
            self.best = Best(k);
        }
    }
}

impl Regressor for GreedyRegressor {
    fn predict_one(&mut self, x: &[f64]) -> f64 {
        let best = self.best.0;
        self.models.at(best).predict_one(x)
    }

    fn learn_one(&mut self, x: &[f64], y: f64) {
        if y.is_finite() {
            for k in 0..self.models.len() {
                self.judge(k, x, y);
                self.models.at(k).learn_one(x, y);
                self.compare(k);
            }
        }
    }

    fn learn_weighted(&mut self, x: &[f64], y: f64, weight: f64) {
        if y.is_finite() && weight > 0.0 {
            for k in 0..self.models.len() {
                self.judge(k, x, y);
                self.models.at(k).learn_weighted(x, y, weight);
                self.compare(k);
            }
        }
    }

    fn counters(&self, report: &mut dyn FnMut(&'static str, u64)) {
        self.models.counters(report);
    }

    fn clone_fresh(&self) -> Box<dyn Regressor> {
        Box::new(GreedyRegressor { models: self.models.fresh(), judges: self.judges.fresh(), best: Best(0) })
    }

    fn clone_learned(&self) -> Box<dyn Regressor> {
        Box::new(GreedyRegressor { models: self.models.learned(), judges: self.judges.learned(), best: self.best })
    }
}

impl Snapshot for GreedyRegressor {
    fn save(&self, out: &mut Vec<u8>) -> Result<(), SnapshotError> {
        let mut own: Vec<&dyn Snapshot> = vec![&self.best];
        own.extend(self.judges.parts());
        self.models.save_with(&own, out)
    }

    fn load(&mut self, bytes: &[u8]) -> Result<(), SnapshotError> {
        let (before, count) = (self.best, self.models.len());
        let mut own: Vec<&mut dyn Snapshot> = vec![&mut self.best];
        own.extend(self.judges.parts_mut());
        self.models.load_with(own, bytes)?;
        if self.best.0 >= count {
            let wrong = self.best.0;
            self.best = before;
            return Err(SnapshotError::Decode(format!("model {wrong} of {count} is said to be the best")));
        }
        Ok(())
    }
}

impl Component for GreedyRegressor {
    type Params = GreedyRegressorParams;
    const NAME: &'static str = "greedy_regressor";
    const SUMMARY: &'static str = "trains several models and predicts with the one that did best so far";
    const REFERENCE: &'static str = "River, model_selection.GreedyRegressor";

    fn examples() -> Vec<Value> {
        let models = ["linear_regression", "pa_regressor"].map(|m| json!({ "pipeline": { "steps": ["standard_scaler", m] } }));
        vec![
            json!({ Self::NAME: { "models": models } }),
            json!({ Self::NAME: { "models": models, "metric": "rmse", "window": 50 } }),
        ]
    }

    fn build(params: GreedyRegressorParams, on: &ModelBuild<'_>) -> Result<Self, Vec<ParamError>> {
        let models = Members::build(&params.models, "models", 2, on)?;
        Ok(GreedyRegressor { judges: Judges::new(params.metric, params.window, models.len()), models, best: Best(0) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::learn::{base::Schema, catalog::Catalog};

    /// What is predicted after a long trend and then a stretch around 0, where the mean of all is better than the last value for a short while only.
    fn after_the_trend(window: Value) -> f64 {
        let spec = json!({ "greedy_regressor": { "models": [{ "shift": { "fill_value": 1.0 } }, "mean"], "window": window } });
        let mut model = Catalog::standard().regressor(&spec, &[], &Schema::default(), 1).unwrap();
        (0..100).for_each(|k| model.learn_one(&[], f64::from(k)));
        (0..20).for_each(|k| model.learn_one(&[], if k % 2 == 0 { -1_000.0 } else { 1_000.0 }));
        model.predict_one(&[])
    }

    #[test]
    fn a_window_forgets_what_was_good_long_ago() {
        assert_eq!(after_the_trend(json!("none")), 4_950.0 / 120.0);
        assert_eq!(after_the_trend(json!(10)), 4_950.0 / 120.0);
        let spec = json!({ "greedy_regressor": { "models": ["shift", "mean"], "window": 3 } });
        let mut model = Catalog::standard().regressor(&spec, &[], &Schema::default(), 1).unwrap();
        for y in [5.0, -5.0, 5.0, -5.0, 5.0, -5.0, 5.0, 6.0, 7.0, 8.0, 9.0] {
            model.learn_one(&[], y);
        }
        assert_eq!(model.predict_one(&[]), 9.0); // the last three were a trend, all together were not
    }
}

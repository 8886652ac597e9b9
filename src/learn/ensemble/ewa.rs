//! Experts weighted by the exponential of their losses.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    impl_snapshot,
    learn::{
        base::{Regressor, finite},
        catalog::{Component, ModelBuild},
        compose::Members,
        optim::Loss,
        params::{ParamError, above},
    },
    snapshot::{Snapshot, SnapshotError},
};

/// The smallest logarithm of a weight beside the largest, which is 0. A smaller weight is seen in no sum, and a model that becomes good again would
/// need for ever to come back.
const LEAST_LOG: f64 = -700.0;

crate::params! {
    /// Parameters of [`EwaRegressor`].
    pub struct EwaRegressorParams {
        required {
            /// The models, at least two; each a name or an object with the name as its only key.
            models: Vec<Value>;
        }
        /// What an error costs a model.
        loss: Loss = Loss::default();
        /// How fast weights follow the losses: a weight is multiplied by the exponential of minus this times the loss.
        learning_rate: f64 = 0.5, in above(0.0);
        /// The part of the weight that is shared out evenly after each record, so that a model that becomes the best comes up soon
        /// (fixed share). 0 shares nothing. Not with river_compat.
        share: f64 = 0.0, in 0.0..1.0;
        /// Repeat River's defects: the first prediction is the sum of the models' predictions, and with losses of the size of prices all weights
        /// become 0 and the prediction with them, for ever.
        river_compat: bool = false;
    }
}

/// The mean of its models' predictions, weighted by `exp(-learning_rate * loss so far)`.
///
/// Weights are kept as logarithms beside the largest, so they cannot all vanish; none falls below `exp(-700)` of the largest. A record of weight w
/// costs w times its loss.
///
/// Reference: J. Kivinen, M. K. Warmuth, "Exponentiated gradient versus gradient descent for linear predictors", Information and Computation 132(1),
/// 1997; fixed share: M. Herbster, M. K. Warmuth, "Tracking the best expert", Machine Learning 32, 1998.
///
/// ```
/// use serde_json::json;
/// use tidemill::learn::{base::{Regressor, Schema}, catalog::Catalog};
///
/// let spec = json!({ "ewa_regressor": { "models": ["mean", "shift"], "learning_rate": 0.001 } });
/// let mut model = Catalog::standard().regressor(&spec, &[], &Schema::default(), 7).unwrap();
/// for close in [100.0, 110.0, 120.0, 130.0, 140.0] {
///     model.learn_one(&[], close);
/// }
/// // The last value is worth more than the mean of all (120), and no more than it knows.
/// assert_eq!(format!("{:.3}", model.predict_one(&[])), "134.422");
/// ```
pub struct EwaRegressor {
    params: EwaRegressorParams,
    models: Members,
    weights: Weights,
    predictions: Vec<f64>,
}

/// Under `river_compat` the weights themselves; else their logarithms beside the largest.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Weights(Vec<f64>);

impl_snapshot!(Weights);

impl EwaRegressor {
    fn new(params: EwaRegressorParams, models: Members) -> Self {
        let first = if params.river_compat { 1.0 } else { 0.0 };
        let weights = Weights(vec![first; models.len()]);
        EwaRegressor { params, models, weights, predictions: Vec::new() }
    }

    /// The weights of the models, in their order; they sum to 1 (under `river_compat` once something was learned, and while any is above 0).
    pub fn weights(&self) -> Vec<f64> {
        if self.params.river_compat {
            return self.weights.0.clone();
        }
        let weights: Vec<f64> = self.weights.0.iter().map(|log| libm::exp(*log)).collect();
        let sum: f64 = weights.iter().sum();
        weights.into_iter().map(|w| w / sum).collect()
    }

    fn weigh(&mut self, y: f64, weight: f64) {
        let (params, weights) = (&self.params, &mut self.weights.0);
        let cost = |p: f64| finite(params.learning_rate * weight * finite(params.loss.value(y, p)));
        if params.river_compat {
            weights.iter_mut().zip(&self.predictions).for_each(|(w, p)| *w = finite(*w * libm::exp(-cost(*p))));
            let sum: f64 = weights.iter().sum();
            if sum > 0.0 && sum.is_finite() {
                weights.iter_mut().for_each(|w| *w /= sum);
            }
            return;
        }
        weights.iter_mut().zip(&self.predictions).for_each(|(log, p)| *log = finite(*log - cost(*p)));
        level(weights);
        if params.share > 0.0 {
            share_out(weights, params.share);
        }
    }
}

/// Moves logarithms so that the largest is 0 and none lies below the least.
fn level(logs: &mut [f64]) {
    let largest = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    logs.iter_mut().for_each(|log| *log = (*log - largest).max(LEAST_LOG));
}

/// Takes the part `share` of every weight and gives each model as much of it.
fn share_out(logs: &mut [f64], share: f64) {
    let sum: f64 = logs.iter().map(|log| libm::exp(*log)).sum();
    let even = share * sum / logs.len() as f64;
    logs.iter_mut().for_each(|log| *log = libm::log((1.0 - share) * libm::exp(*log) + even));
    level(logs);
}

impl Regressor for EwaRegressor {
    fn predict_one(&mut self, x: &[f64]) -> f64 {
        self.models.predict(x, &mut self.predictions);
        let pairs = self.predictions.iter().zip(&self.weights.0);
        if self.params.river_compat {
            return finite(pairs.map(|(p, w)| p * w).sum());
        }
        let (mut sum, mut weights) = (0.0, 0.0);
        for (p, log) in pairs {
            let w = libm::exp(*log);
            weights += w;
            // The mean moves by parts, so that models near the ends of the number range do not overflow it.
            sum += w / weights * (p - sum);
        }
        finite(sum)
    }

    fn learn_one(&mut self, x: &[f64], y: f64) {
        if y.is_finite() {
            self.models.predict(x, &mut self.predictions);
            self.weigh(y, 1.0);
            self.models.iter_mut().for_each(|model| model.learn_one(x, y));
        }
    }

    fn learn_weighted(&mut self, x: &[f64], y: f64, weight: f64) {
        if y.is_finite() && weight > 0.0 {
            self.models.predict(x, &mut self.predictions);
            self.weigh(y, weight);
            self.models.iter_mut().for_each(|model| model.learn_weighted(x, y, weight));
        }
    }

    fn counters(&self, report: &mut dyn FnMut(&'static str, u64)) {
        self.models.counters(report);
    }

    fn clone_fresh(&self) -> Box<dyn Regressor> {
        Box::new(EwaRegressor::new(self.params.clone(), self.models.fresh()))
    }

    fn clone_learned(&self) -> Box<dyn Regressor> {
        let (params, models) = (self.params.clone(), self.models.learned());
        Box::new(EwaRegressor { params, models, weights: self.weights.clone(), predictions: Vec::new() })
    }
}

impl Snapshot for EwaRegressor {
    fn save(&self, out: &mut Vec<u8>) -> Result<(), SnapshotError> {
        self.models.save_with(&[&self.weights], out)
    }

    fn load(&mut self, bytes: &[u8]) -> Result<(), SnapshotError> {
        self.models.load_with(vec![&mut self.weights], bytes)
    }
}

impl Component for EwaRegressor {
    type Params = EwaRegressorParams;
    const NAME: &'static str = "ewa_regressor";
    const SUMMARY: &'static str = "mean of several models, weighted by the exponential of their losses";
    const REFERENCE: &'static str = "Kivinen and Warmuth, Exponentiated gradient versus gradient descent for linear predictors, Information and Computation 132(1), 1997";

    fn examples() -> Vec<Value> {
        let models = ["linear_regression", "pa_regressor"].map(|m| json!({ "pipeline": { "steps": ["standard_scaler", m] } }));
        vec![
            json!({ Self::NAME: { "models": models } }),
            json!({ Self::NAME: { "models": models, "share": 0.01 } }),
            json!({ Self::NAME: { "models": models, "river_compat": true } }),
        ]
    }

    fn build(params: EwaRegressorParams, on: &ModelBuild<'_>) -> Result<Self, Vec<ParamError>> {
        let models = Members::build(&params.models, "models", 2, on)?;
        Ok(EwaRegressor::new(params, models))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::learn::{
        base::Schema,
        catalog::Catalog,
        params::{ParamErrorKind, Params},
    };

    fn model(params: &Value) -> EwaRegressor {
        let (catalog, schema) = (Catalog::standard(), Schema::default());
        let on = ModelBuild { params, path: &[], schema: &schema, seed: 1, catalog: &catalog };
        EwaRegressor::build(EwaRegressorParams::read(params, &[]).unwrap(), &on).unwrap()
    }

    /// A mean, which is far off here, and the last value.
    fn far_and_near(more: &Value) -> EwaRegressor {
        let mut params = json!({ "models": ["mean", "shift"] });
        params.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        model(&params)
    }

    #[test]
    fn losses_of_the_size_of_prices_do_not_put_all_weights_out() {
        let (mut ours, mut rivers) = (far_and_near(&json!({})), far_and_near(&json!({ "river_compat": true })));
        for k in 0..100 {
            let close = 30_000.0 + 100.0 * f64::from(k);
            ours.learn_one(&[], close);
            rivers.learn_one(&[], close);
        }
        assert_eq!(ours.predict_one(&[]), 39_900.0);
        assert_eq!(rivers.weights(), [0.0, 0.0]);
        assert_eq!(rivers.predict_one(&[]), 0.0);
    }

    #[test]
    fn with_a_share_a_model_that_becomes_the_best_comes_up_soon() {
        let weight_after = |share: f64| {
            let mut model = far_and_near(&json!({ "share": share, "learning_rate": 0.01 }));
            (0..200).for_each(|k| model.learn_one(&[], f64::from(k)));
            // Now the value jumps to and fro around the mean of all, and the last value is always wrong.
            (0..10).for_each(|k| model.learn_one(&[], if k % 2 == 0 { 90.0 } else { 110.0 }));
            model.weights()[0]
        };
        assert!(weight_after(0.0) < 1e-100, "{}", weight_after(0.0));
        assert!(weight_after(0.05) > 0.9, "{}", weight_after(0.05));
    }

    #[test]
    fn one_model_is_no_ensemble() {
        let spec = json!({ "ewa_regressor": { "models": ["mean"] } });
        let errors = Catalog::standard().regressor(&spec, &[], &Schema::default(), 1).err().unwrap();
        assert_eq!((errors[0].kind, errors[0].path.join(".")), (ParamErrorKind::OutOfRange, "ewa_regressor.models".to_owned()));
    }
}

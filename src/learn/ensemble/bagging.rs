//! Copies of one model, each trained on records drawn with replacement.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    impl_snapshot,
    learn::{
        base::{Regressor, finite},
        catalog::{Component, ModelBuild},
        compose::Members,
        params::{ParamError, above_to},
        random::Random,
        stats::exact_mean,
    },
    snapshot::{Snapshot, SnapshotError},
};

crate::params! {
    /// Parameters of [`BaggingRegressor`].
    pub struct BaggingRegressorParams {
        required {
            /// The model that is copied: a name or an object with the name as its only key.
            model: Value;
        }
        /// How many copies there are.
        n_models: usize = 10, in 1..=1_000, unit "models";
        /// How often a copy learns a record on average; how often it does is Poisson distributed.
        rate: f64 = 1.0, in above_to(0.0, 100.0);
        /// The seed of the random numbers; "none" takes the one the model is built with.
        seed: Option<u64> = None;
    }
}

/// Copies of one model; each learns a record as often as a Poisson number says, and the prediction is the mean of theirs, rounded once.
///
/// With rate 1 a copy leaves out 37 % of the records and repeats 26 %, as drawing with replacement does.
///
/// Reference: N. C. Oza, S. Russell, "Online bagging and boosting", AISTATS 2001; other rates: A. Bifet, G. Holmes, B. Pfahringer, "Leveraging bagging
/// for evolving data streams", ECML PKDD 2010.
///
/// ```
/// use serde_json::json;
/// use tidemill::learn::{base::{Regressor, Schema}, catalog::Catalog};
///
/// let spec = json!({ "bagging_regressor": { "model": "linear_regression", "n_models": 5, "seed": 42 } });
/// let mut model = Catalog::standard().regressor(&spec, &[], &Schema::new(["x"]), 7).unwrap();
/// for k in 0..100 {
///     let x = f64::from(k % 5) - 2.0;
///     model.learn_one(&[x], 3.0 * x + 1.0);
/// }
/// assert_eq!(format!("{:.3}", model.predict_one(&[2.0])), "6.756");
/// ```
pub struct BaggingRegressor {
    params: BaggingRegressorParams,
    models: Members,
    draws: Draws,
    seed: u64,
    predictions: Vec<f64>,
}

/// The random numbers that are still to come.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Draws(Random);

impl_snapshot!(Draws);

impl BaggingRegressor {
    fn new(params: BaggingRegressorParams, models: Members, seed: u64) -> Self {
        BaggingRegressor { params, models, draws: Draws(Random::new(seed)), seed, predictions: Vec::new() }
    }

    fn learn(&mut self, learn: impl Fn(&mut dyn Regressor)) {
        let limit = libm::exp(-self.params.rate);
        for model in self.models.iter_mut() {
            for _ in 0..self.draws.0.poisson_above(limit) {
                learn(&mut **model);
            }
        }
    }
}

impl Regressor for BaggingRegressor {
    fn predict_one(&mut self, x: &[f64]) -> f64 {
        self.models.predict(x, &mut self.predictions);
        finite(exact_mean(&self.predictions))
    }

    fn learn_one(&mut self, x: &[f64], y: f64) {
        if y.is_finite() {
            self.learn(|model| model.learn_one(x, y));
        }
    }

    fn learn_weighted(&mut self, x: &[f64], y: f64, weight: f64) {
        if y.is_finite() && weight > 0.0 {
            self.learn(|model| model.learn_weighted(x, y, weight));
        }
    }

    fn counters(&self, report: &mut dyn FnMut(&'static str, u64)) {
        self.models.counters(report);
    }

    fn clone_fresh(&self) -> Box<dyn Regressor> {
        Box::new(BaggingRegressor::new(self.params.clone(), self.models.fresh(), self.seed))
    }

    fn clone_learned(&self) -> Box<dyn Regressor> {
        let mut copy = BaggingRegressor::new(self.params.clone(), self.models.learned(), self.seed);
        copy.draws = self.draws.clone();
        Box::new(copy)
    }
}

impl Snapshot for BaggingRegressor {
    fn save(&self, out: &mut Vec<u8>) -> Result<(), SnapshotError> {
        self.models.save_with(&[&self.draws], out)
    }

    fn load(&mut self, bytes: &[u8]) -> Result<(), SnapshotError> {
        self.models.load_with(vec![&mut self.draws], bytes)
    }
}

impl Component for BaggingRegressor {
    type Params = BaggingRegressorParams;
    const NAME: &'static str = "bagging_regressor";
    const SUMMARY: &'static str = "copies of one model, each trained on records drawn with replacement";
    const REFERENCE: &'static str = "Oza and Russell, Online bagging and boosting, AISTATS 2001";

    fn examples() -> Vec<Value> {
        let model = json!({ "pipeline": { "steps": ["standard_scaler", "linear_regression"] } });
        vec![
            json!({ Self::NAME: { "model": model, "n_models": 5 } }),
            json!({ Self::NAME: { "model": model, "n_models": 2, "rate": 6.0 } }),
        ]
    }

    fn build(params: BaggingRegressorParams, on: &ModelBuild<'_>) -> Result<Self, Vec<ParamError>> {
        let models = Members::build_copies(&params.model, "model", params.n_models, on)?;
        let seed = params.seed.unwrap_or(on.seed);
        Ok(BaggingRegressor::new(params, models, seed))
    }
}

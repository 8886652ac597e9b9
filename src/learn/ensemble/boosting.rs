//! Streaming gradient boosting: a row of models, each of which learns what the ones before it leave over.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::patch::{Parts, Patch};
use crate::{
    learn::{
        base::{DriftDetector, Regressor, Schema, finite},
        catalog::{Component, ModelBuild},
        optim::Loss,
        params::{ParamError, above_to, child},
        random::Random,
        stats::Mean,
    },
    snapshot::{Snapshot, SnapshotError, decode, encode_into},
};

crate::params! {
    /// Parameters of [`SgbRegressor`].
    pub struct SgbRegressorParams {
        /// The model of every stage: a name or an object with the name as its only key.
        model: Value = json!({ "hoeffding_tree_regressor": { "grace_period": 50, "delta": 0.01, "leaf_prediction": "mean" } });
        /// How many stages.
        n_stages: usize = 10, in 1..=1_000, unit "models";
        /// Which part of a stage's prediction counts; smaller is slower and smoother.
        learning_rate: f64 = 0.5, in above_to(0.0, 1.0);
        /// How many records later each stage begins than the one before it. Stages that begin together see the same rest and make the same splits; 0 lets them.
        stagger: u64 = 100, in 0..=1_000_000, unit "records";
        /// Which part of the features each stage sees; they are drawn once.
        feature_share: f64 = 0.75, in above_to(0.0, 1.0);
        /// What an error costs; the stages learn its negative gradients.
        loss: Loss = Loss::default();
        /// The detector after whose alarm a stage starts afresh with other features; it is given the absolute errors of the stage. "none" resets none.
        drift_detector: Option<Value> = Some(json!({ "adwin": { "delta": 1e-5 } }));
        /// The seed of the random numbers; "none" takes the one the model is built with.
        seed: Option<u64> = None;
    }
}

/// A first guess, and stages of one model that correct it one after the other.
///
/// The first guess is the mean of the targets so far (0 for the Poisson loss). Each stage predicts the negative gradient of the loss at what was predicted
/// before it, for the squared error the rest that is left over, and a `learning_rate` part of that is added. Every stage learns from predictions that
/// were made before any of them learned the record. Stages begin one after the other, so that each finds a rest that differs from what the one before
/// it found. Any regressor can be a stage: trees, or linear models on their share of the features.
///
/// Reference: N. Gunasekara, B. Pfahringer, H. M. Gomes, A. Bifet, "Gradient boosted trees for evolving data streams", Machine Learning 113, 2024, and
/// "Gradient boosted bagging for evolving data stream regression", Data Mining and Knowledge Discovery 39, 2025. Our stages all see every record,
/// and have detectors of their own instead of trees that prune themselves.
///
/// ```
/// use serde_json::json;
/// use tidemill::learn::{base::{Regressor, Schema}, catalog::Catalog};
///
/// let spec = json!({ "sgb_regressor": { "seed": 1, "feature_share": 1.0 } });
/// let mut model = Catalog::standard().regressor(&spec, &[], &Schema::new(["x"]), 7).unwrap();
/// for k in 0..5000 {
///     let x = f64::from(k * 7 % 100) / 10.0;
///     model.learn_one(&[x], x * x);
/// }
/// assert_eq!(format!("{:.1}", model.predict_one(&[5.0])), "25.9");
/// ```
pub struct SgbRegressor {
    params: SgbRegressorParams,
    parts: Parts,
    features: usize,
    seed: u64,
    state: State,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct State {
    random: Random,
    start: Mean,
    /// Records learned.
    seen: u64,
    stages: Vec<Patch>,
    /// How often a stage started afresh.
    resets: u64,
}

impl SgbRegressor {
    fn new(params: SgbRegressorParams, parts: Parts, features: usize, seed: u64) -> Self {
        let mut random = Random::new(params.seed.unwrap_or(seed));
        let stage = |_| {
            let space = draw(features, params.feature_share, &mut random);
            Patch::new(&parts, space)
        };
        let stages = (0..params.n_stages).map(stage).collect();
        let state = State { random, start: Mean::default(), seen: 0, stages, resets: 0 };
        SgbRegressor { params, parts, features, seed, state }
    }

    /// How many stages take part by now.
    fn begun(&self) -> usize {
        let stages = self.state.stages.len();
        match self.state.seen.checked_div(self.params.stagger) {
            None => stages,
            Some(more) => more.saturating_add(1).min(stages as u64) as usize,
        }
    }

    fn start(&self) -> f64 {
        if matches!(self.params.loss, Loss::Poisson(_)) { 0.0 } else { self.state.start.get() }
    }

    /// What a stage should add at the prediction `p`.
    fn rest(&self, y: f64, p: f64) -> f64 {
        match self.params.loss {
            // The Newton step: the second derivative is 2.
            Loss::Squared(_) => finite(y - p),
            _ => finite(-self.params.loss.gradient(y, p, false)),
        }
    }

    fn learn(&mut self, x: &[f64], y: f64, learn: impl Fn(&mut dyn Regressor, &[f64], f64)) {
        let mut prediction = self.start();
        for k in 0..self.begun() {
            let rest = self.rest(y, prediction);
            let stage = &mut self.state.stages[k];
            let step = stage.predict(x);
            stage.learn(x, &|model, x| learn(model, x, rest));
            if stage.drifts((rest - step).abs()) {
                let space = draw(self.features, self.params.feature_share, &mut self.state.random);
                stage.start_over(&self.parts, space);
                self.state.resets += 1;
            }
            prediction = finite(prediction + self.params.learning_rate * step);
        }
        self.state.start.update(y, 1.0);
        self.state.seen += 1;
    }
}

/// A share of the features, at least one, in their order; nothing for all.
fn draw(features: usize, share: f64, random: &mut Random) -> Option<Vec<usize>> {
    let size = width(features, share);
    (size < features).then(|| {
        let mut space = random.sample(features, size);
        space.sort_unstable();
        space
    })
}

/// How many features a stage sees.
fn width(features: usize, share: f64) -> usize {
    ((features as f64 * share).ceil() as usize).clamp(1, features.max(1))
}

impl Regressor for SgbRegressor {
    fn predict_one(&mut self, x: &[f64]) -> f64 {
        let mut prediction = self.start();
        let begun = self.begun();
        for stage in &mut self.state.stages[..begun] {
            prediction = finite(prediction + self.params.learning_rate * stage.predict(x));
        }
        finite(self.params.loss.mean(prediction))
    }

    fn learn_one(&mut self, x: &[f64], y: f64) {
        if y.is_finite() {
            self.learn(x, y, |model, x, rest| model.learn_one(x, rest));
        }
    }

    fn learn_weighted(&mut self, x: &[f64], y: f64, weight: f64) {
        if y.is_finite() && weight > 0.0 {
            self.learn(x, y, |model, x, rest| model.learn_weighted(x, rest, weight));
        }
    }

    fn counters(&self, report: &mut dyn FnMut(&'static str, u64)) {
        report("reset_stages", self.state.resets);
    }

    fn clone_fresh(&self) -> Box<dyn Regressor> {
        Box::new(SgbRegressor::new(self.params.clone(), self.parts.fresh(), self.features, self.seed))
    }

    fn clone_learned(&self) -> Box<dyn Regressor> {
        let (params, parts, state) = (self.params.clone(), self.parts.fresh(), self.state.clone());
        Box::new(SgbRegressor { params, parts, features: self.features, seed: self.seed, state })
    }
}

impl Snapshot for SgbRegressor {
    fn save(&self, out: &mut Vec<u8>) -> Result<(), SnapshotError> {
        encode_into(&self.state, out)
    }

    fn load(&mut self, bytes: &[u8]) -> Result<(), SnapshotError> {
        let mut state: State = decode(bytes)?;
        for stage in &mut state.stages {
            stage.revive(&self.parts, self.features)?;
        }
        self.state = state;
        Ok(())
    }
}

impl Component for SgbRegressor {
    type Params = SgbRegressorParams;
    const NAME: &'static str = "sgb_regressor";
    const SUMMARY: &'static str =
        "streaming gradient boosting: stages of one model, each learning what the ones before leave over";
    const REFERENCE: &'static str =
        "Gunasekara et al., Gradient boosted trees for evolving data streams, Machine Learning 113, 2024";

    fn examples() -> Vec<Value> {
        let tree = json!({ "hoeffding_tree_regressor": { "max_nodes": 7, "max_size": 0.01, "grace_period": 50, "leaf_prediction": "mean" } });
        let linear = json!({ "pipeline": { "steps": ["standard_scaler", "linear_regression"] } });
        vec![
            json!({ Self::NAME: { "model": tree, "n_stages": 3, "stagger": 20 } }),
            json!({ Self::NAME: { "model": tree, "n_stages": 2, "loss": "huber", "drift_detector": { "adwin": { "delta": 0.5 } } } }),
            json!({ Self::NAME: { "model": linear, "n_stages": 3, "stagger": 0, "drift_detector": "none", "feature_share": 0.3 } }),
        ]
    }

    fn build(params: SgbRegressorParams, on: &ModelBuild<'_>) -> Result<Self, Vec<ParamError>> {
        let features = on.schema.len();
        let schema = Schema::new(on.schema.names().iter().take(width(features, params.feature_share)).cloned());
        let model = on.catalog.regressor(&params.model, &child(on.path, "model"), &schema, on.seed)?;
        let detector = |spec: &Value| on.catalog.drift_detector(spec, &child(on.path, "drift_detector"), on.seed);
        let drift: Option<Box<dyn DriftDetector>> = params.drift_detector.as_ref().map(detector).transpose()?;
        Ok(SgbRegressor::new(params, Parts { model, drift, warning: None }, features, on.seed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::learn::catalog::Catalog;

    /// The error over the last thousand of 6000 records of a bent surface.
    fn error(params: &Value) -> f64 {
        let schema = Schema::new(["a", "b"]);
        let mut model = Catalog::standard().regressor(&json!({ "sgb_regressor": params }), &[], &schema, 1).unwrap();
        let mut error = 0.0;
        for k in 0..6_000_u32 {
            let x = [f64::from(k * 37 % 101) / 10.0, f64::from(k * 17 % 97) / 10.0];
            let y = x[0] * x[0] - 4.0 * (x[1] - 5.0).abs();
            if k >= 5_000 {
                error += (model.predict_one(&x) - y).abs() / 1_000.0;
            }
            model.learn_one(&x, y);
        }
        error
    }

    #[test]
    fn more_stages_of_weak_models_make_a_stronger_one_if_they_begin_one_after_the_other() {
        let stump = json!({ "hoeffding_tree_regressor": { "max_depth": 2, "grace_period": 50, "leaf_prediction": "mean", "delta": 0.01 } });
        let with = |n: usize, rate: f64, stagger: u64| {
            error(
                &json!({ "model": stump, "n_stages": n, "feature_share": 1.0, "learning_rate": rate, "drift_detector": "none", "stagger": stagger }),
            )
        };
        let (one, ten, together) = (with(1, 1.0, 0), with(10, 0.5, 100), with(10, 0.5, 0));
        assert!(ten < 0.5 * one, "{ten} with ten stages, {one} with one");
        assert!(ten < 0.7 * together, "{ten} one after the other, {together} together");
    }
}

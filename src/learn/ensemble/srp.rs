//! Streaming random patches: copies of one model, each with its own features and its own share of the records.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    patch::{Parts, Patch},
    subspace::{SubspaceSize, subspaces},
};
use crate::{
    learn::{
        arithmetic::Arithmetic,
        base::{DriftDetector, Regressor, Schema, finite},
        catalog::{Component, ModelBuild},
        forest::{Aggregation, median},
        metrics::{MetricName, Scorer},
        params::{ParamError, ParamErrorKind, above_to, child},
        random::Random,
    },
    snapshot::{Snapshot, SnapshotError, decode, encode_into},
};

crate::choices! {
    /// What makes the copies differ.
    pub enum TrainingMethod {
        /// Each has its own features and learns a record as often as a Poisson number says.
        Patches = "patches",
        /// Each has its own features and learns every record once.
        Subspaces = "subspaces",
        /// Each has all features and learns a record as often as a Poisson number says.
        Resampling = "resampling",
    }
}

crate::choices! {
    /// What the drift detectors are given.
    pub enum DriftInput {
        /// The size of the error of the prediction that was made before the record was learned.
        Error = "error",
        /// That prediction itself.
        Prediction = "prediction",
    }
}

crate::params! {
    /// Parameters of [`SrpRegressor`].
    pub struct SrpRegressorParams {
        /// The model that is copied: a name or an object with the name as its only key.
        model: Value = json!({ "hoeffding_tree_regressor": { "grace_period": 50, "delta": 0.01 } });
        /// How many copies.
        n_models: usize = 10, in 1..=1_000, unit "models";
        /// How many features each copy has.
        subspace_size: SubspaceSize = SubspaceSize::Share(0.6);
        /// What makes the copies differ.
        training_method: TrainingMethod = TrainingMethod::Patches;
        /// How often a copy learns a record on average.
        lam: f64 = 6.0, in above_to(0.0, 100.0);
        /// The detector after whose alarm a copy is replaced; "none" replaces none.
        drift_detector: Option<Value> = Some(json!({ "adwin": { "delta": 1e-5 } }));
        /// The detector after whose alarm a successor begins to learn in the background; "none" lets successors begin with nothing learned.
        warning_detector: Option<Value> = Some(json!({ "adwin": { "delta": 1e-4 } }));
        /// What the detectors are given.
        drift_detection_criteria: DriftInput = DriftInput::Error;
        /// How the predictions become one.
        aggregation_method: Aggregation = Aggregation::Mean;
        /// Whether the mean is weighted by how well the copies predicted.
        weighted_vote: bool = false;
        /// By what they are weighted.
        metric: MetricName = MetricName::Mae;
        /// The seed of the random numbers; "none" takes the one the model is built with.
        seed: Option<u64> = None;
        /// Repeat River's defects: the detectors are given predictions whatever the criteria say, made after the record was learned, and a weighted mean of
        /// equally good copies is 0. Means are summed as numpy sums.
        river_compat: bool = false;
    }
}

/// Copies of one model on random patches of the stream, with detectors that replace a copy when it goes wrong.
///
/// A copy that warns raises a successor with other features in the background, which takes over at the alarm. Of up to 20 features the subspaces are taken
/// in turn from all combinations, of more they are drawn. Models with names for features see those of the first features of the schema.
///
/// Reference: H. M. Gomes, J. Montiel, S. M. Mastelini, B. Pfahringer, A. Bifet, "On ensemble techniques for data stream regression", IJCNN 2020.
///
/// ```
/// use serde_json::json;
/// use tidemill::learn::{base::{Regressor, Schema}, catalog::Catalog};
///
/// let spec = json!({ "srp_regressor": { "model": "knn_regressor", "n_models": 3, "seed": 42 } });
/// let mut model = Catalog::standard().regressor(&spec, &[], &Schema::new(["a", "b", "c"]), 7).unwrap();
/// for k in 0..300 {
///     let x = f64::from(k % 10);
///     model.learn_one(&[x, 2.0 * x, -x], 5.0 * x);
/// }
/// assert_eq!(model.predict_one(&[4.0, 8.0, -4.0]), 20.0);
/// ```
pub struct SrpRegressor {
    params: SrpRegressorParams,
    parts: Parts,
    features: usize,
    seed: u64,
    state: State,
    predictions: Vec<f64>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct State {
    random: Random,
    members: Vec<Member>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Member {
    patch: Patch,
    successor: Option<Patch>,
    scorer: Scorer,
}

impl SrpRegressor {
    fn new(params: SrpRegressorParams, parts: Parts, features: usize, seed: u64) -> Self {
        let mut random = Random::new(params.seed.unwrap_or(seed));
        let size = params.subspace_size.of(features);
        let whole = params.training_method == TrainingMethod::Resampling || size >= features;
        let mut spaces =
            if whole { vec![None; params.n_models] } else { subspaces(features, size, params.n_models, &mut random) };
        if !whole {
            random.shuffle(&mut spaces);
        }
        let member = |features| Member { patch: Patch::new(&parts, features), successor: None, scorer: Scorer::default() };
        let members = spaces.into_iter().map(member).collect();
        SrpRegressor { params, parts, features, seed, state: State { random, members }, predictions: Vec::new() }
    }

    fn learn(&mut self, x: &[f64], y: f64, learn: &dyn Fn(&mut dyn Regressor, &[f64])) {
        let State { random, members } = &mut self.state;
        let limit = libm::exp(-self.params.lam);
        let by_prediction = self.params.river_compat || self.params.drift_detection_criteria == DriftInput::Prediction;
        let once = self.params.training_method == TrainingMethod::Subspaces
            && self.params.subspace_size.of(self.features) < self.features;
        for member in members {
            let before = member.patch.predict(x);
            member.scorer.update(y, before, None);
            let times = if once { 1 } else { random.poisson_above(limit) };
            if times == 0 {
                continue;
            }
            (0..times).for_each(|_| member.patch.learn(x, learn));
            let prediction = if self.params.river_compat { member.patch.predict(x) } else { before };
            let sign = if by_prediction { prediction } else { (prediction - y).abs() };
            if let Some(successor) = &mut member.successor {
                (0..times).for_each(|_| successor.learn(x, learn));
            }
            if member.patch.warns(sign) {
                let features = other_features(&member.patch, self.features, random);
                member.successor = Some(Patch::new(&self.parts, features));
                member.patch.rearm_warning(&self.parts);
            }
            if member.patch.drifts(sign) {
                match member.successor.take() {
                    Some(successor) => member.patch.replace_by(successor),
                    None => {
                        let features = other_features(&member.patch, self.features, random);
                        member.patch.start_over(&self.parts, features);
                    }
                }
                member.scorer = Scorer::default();
            }
        }
    }

    /// The mean weighted by how good the copies are by the metric.
    fn weighted_mean(&self) -> f64 {
        let metric = self.params.metric;
        let mut weights: Vec<f64> = self.state.members.iter().map(|m| m.scorer.scores().get(metric).max(0.0)).collect();
        if !metric.bigger_is_better() {
            let most = weights.iter().copied().fold(0.0, f64::max);
            weights.iter_mut().for_each(|w| *w = most - *w);
        }
        let arithmetic = self.arithmetic();
        let sum = arithmetic.sum(&weights);
        if sum > 0.0 && sum.is_finite() {
            weights.iter_mut().zip(&self.predictions).for_each(|(w, p)| *w *= p);
            return arithmetic.sum(&weights) / sum;
        }
        if self.params.river_compat { 0.0 } else { self.mean() }
    }

    fn mean(&self) -> f64 {
        self.arithmetic().sum(&self.predictions) / self.predictions.len() as f64
    }

    fn arithmetic(&self) -> Arithmetic {
        Arithmetic::of(self.params.river_compat)
    }
}

/// As many features as the patch has, drawn from all; all where it has all.
fn other_features(patch: &Patch, features: usize, random: &mut Random) -> Option<Vec<usize>> {
    patch.features().map(|own| random.sample(features, own.len()))
}

impl Regressor for SrpRegressor {
    fn predict_one(&mut self, x: &[f64]) -> f64 {
        self.predictions.clear();
        self.predictions.extend(self.state.members.iter_mut().map(|member| member.patch.predict(x)));
        finite(match self.params.aggregation_method {
            Aggregation::Median => median(&mut self.predictions),
            Aggregation::Mean if self.params.weighted_vote => self.weighted_mean(),
            Aggregation::Mean => self.mean(),
        })
    }

    fn learn_one(&mut self, x: &[f64], y: f64) {
        if y.is_finite() {
            self.learn(x, y, &|model, x| model.learn_one(x, y));
        }
    }

    fn learn_weighted(&mut self, x: &[f64], y: f64, weight: f64) {
        if y.is_finite() && weight > 0.0 {
            self.learn(x, y, &|model, x| model.learn_weighted(x, y, weight));
        }
    }

    fn clone_fresh(&self) -> Box<dyn Regressor> {
        Box::new(SrpRegressor::new(self.params.clone(), self.parts.fresh(), self.features, self.seed))
    }

    fn clone_learned(&self) -> Box<dyn Regressor> {
        let mut copy = SrpRegressor::new(self.params.clone(), self.parts.fresh(), self.features, self.seed);
        copy.state = self.state.clone();
        Box::new(copy)
    }
}

impl Snapshot for SrpRegressor {
    fn save(&self, out: &mut Vec<u8>) -> Result<(), SnapshotError> {
        encode_into(&self.state, out)
    }

    fn load(&mut self, bytes: &[u8]) -> Result<(), SnapshotError> {
        let mut state: State = decode(bytes)?;
        for member in &mut state.members {
            for patch in std::iter::once(&mut member.patch).chain(&mut member.successor) {
                patch.revive(&self.parts, self.features)?;
            }
        }
        self.state = state;
        Ok(())
    }
}

impl Component for SrpRegressor {
    type Params = SrpRegressorParams;
    const NAME: &'static str = "srp_regressor";
    const SUMMARY: &'static str = "copies of one model on random features and records, replaced when they drift";
    const REFERENCE: &'static str = "Gomes et al., On ensemble techniques for data stream regression, IJCNN 2020";
    const DIVERGES_UNSCALED: bool = true;

    fn examples() -> Vec<Value> {
        let tree = json!({ "hoeffding_tree_regressor": { "max_nodes": 7, "max_size": 0.01, "grace_period": 50 } });
        let with = |more: Value| {
            let mut params = json!({ "model": tree, "n_models": 3 });
            params.as_object_mut().into_iter().for_each(|all| all.extend(more.as_object().cloned().unwrap_or_default()));
            json!({ Self::NAME: params })
        };
        vec![
            with(json!({})),
            with(
                json!({ "training_method": "subspaces", "aggregation_method": "median", "drift_detector": { "adwin": { "delta": 0.5 } } }),
            ),
            with(json!({ "training_method": "resampling", "weighted_vote": true, "warning_detector": "none" })),
            with(json!({ "subspace_size": "sqrt", "drift_detector": "none", "drift_detection_criteria": "prediction" })),
        ]
    }

    fn build(params: SrpRegressorParams, on: &ModelBuild<'_>) -> Result<Self, Vec<ParamError>> {
        let features = on.schema.len();
        if params.drift_detector.is_none()
            && params.warning_detector.is_some()
            && params.warning_detector != SrpRegressorParams::default().warning_detector
        {
            let error = ParamError::new(
                ParamErrorKind::Conflict,
                &child(on.path, "warning_detector"),
                "a warning without a drift detector leads to nothing",
                "a drift_detector too, or none of both",
            );
            return Err(vec![error]);
        }
        let width =
            if params.training_method == TrainingMethod::Resampling { features } else { params.subspace_size.of(features) };
        let schema = Schema::new(on.schema.names().iter().take(width).cloned());
        let model = on.catalog.regressor(&params.model, &child(on.path, "model"), &schema, on.seed)?;
        let detector = |key: &str, spec: &Option<Value>| -> Result<Option<Box<dyn DriftDetector>>, Vec<ParamError>> {
            spec.as_ref().map(|spec| on.catalog.drift_detector(spec, &child(on.path, key), on.seed)).transpose()
        };
        let drift = detector("drift_detector", &params.drift_detector)?;
        let warning = detector("warning_detector", &params.warning_detector)?.filter(|_| drift.is_some());
        Ok(SrpRegressor::new(params, Parts { model, drift, warning }, features, on.seed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::learn::catalog::Catalog;

    /// The error over the last 50 of 1050 records, 250 after the target rose; each copy predicts the mean of what it learned.
    fn error_after_the_rise(more: &Value) -> f64 {
        let mut params = json!({ "model": "mean", "n_models": 3, "seed": 5 });
        params.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let (catalog, schema) = (Catalog::standard(), Schema::new(["a", "b", "c"]));
        let mut model = catalog.regressor(&json!({ "srp_regressor": params }), &[], &schema, 1).unwrap();
        let mut error = 0.0;
        for k in 0..1_050_u32 {
            let y = f64::from(k % 7) + if k < 800 { 10.0 } else { 500.0 };
            if k >= 1_000 {
                error += (model.predict_one(&[1.0; 3]) - y).abs() / 50.0;
            }
            model.learn_one(&[1.0; 3], y);
        }
        error
    }

    #[test]
    fn copies_that_drift_are_replaced() {
        let without = error_after_the_rise(&json!({ "drift_detector": "none" }));
        assert!(without > 300.0, "{without}");
        for warning in [json!({ "adwin": { "delta": 1e-4 } }), Value::Null] {
            let with = error_after_the_rise(&json!({ "warning_detector": warning }));
            assert!(with < 30.0, "{with} with the warning {warning}");
        }
    }

    #[test]
    fn a_warning_without_a_drift_detector_is_refused() {
        let spec = json!({ "srp_regressor": { "drift_detector": "none", "warning_detector": "page_hinkley" } });
        let errors = Catalog::standard().regressor(&spec, &[], &Schema::new(["a"]), 1).err().unwrap();
        assert_eq!(errors[0].path, ["srp_regressor", "warning_detector"]);
    }
}

//! Self-optimising nearest leaves.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{adaptive::ArfRegressor, max_features::MaxFeatures};
use crate::{
    impl_snapshot,
    learn::{
        base::{Regressor, finite},
        catalog::{Component, ModelBuild},
        compose::{load_parts, save_parts},
        params::{ParamError, ParamValue, above, above_to},
        tree::{SplitterSpec, TebstParams},
    },
    snapshot::{Snapshot, SnapshotError},
};

crate::params! {
    /// Parameters of [`SoknlRegressor`].
    pub struct SoknlRegressorParams {
        /// How many trees.
        n_models: u32 = 30, in 1..=1_000;
        /// How many features a leaf watches, drawn anew for each leaf.
        max_features: MaxFeatures = MaxFeatures::Share(0.6);
        /// The mean of the random weight (Poisson) with which a tree learns a record.
        lambda_value: f64 = 6.0, in above_to(0.0, 100.0);
        /// What tells that a tree has to go.
        drift_detector: Value = json!({ "adwin": { "delta": 0.001 } });
        /// What tells that a tree may have to go, so that its successor starts to learn.
        warning_detector: Value = json!({ "adwin": { "delta": 0.01 } });
        /// A leaf tries to split each time it has seen so much more weight.
        grace_period: u32 = 50, in 1.., unit "records";
        /// How likely a split may be the wrong one; smaller means later splits.
        delta: f64 = 0.01, in above_to(0.0, 1.0);
        /// Once the Hoeffding bound is below this, the best split is made even if the second is as good.
        tau: f64 = 0.05, in 0.0..;
        /// What a leaf keeps of each feature to find splits.
        splitter: SplitterSpec = SplitterSpec::Tebst(TebstParams::default());
        /// A tree has at most so many nodes.
        max_nodes: u32 = 4_096, in 1..;
        /// What the leaves of a tree keep of the features takes at most so much memory.
        max_size: f64 = 100.0, in above(0.0), unit "MiB";
        /// What is kept of the squared errors that choose the number of leaves, from one record to the next.
        error_decay: f64 = 0.999, in 0.0..=1.0;
        /// Seed of the random weights and choices; "none" means the seed of the topology.
        seed: Option<u64> = None;
    }
}

/// SOKNL: an adaptive random forest in which only the leaves nearest to a record predict, as many as erred least of late.
///
/// Each leaf keeps the mean of the features of its records. For a record each tree names one leaf; the leaves are ordered by the distance of their
/// mean to the record, and the prediction is the mean of the targets of the first k. The squared error of every k is remembered, fading, and the k
/// with the least is used (the paper takes a window of records; fading needs no memory for it). Distances need features of one scale, so scale them.
///
/// Reference: Y. Sun, B. Pfahringer, H. M. Gomes, A. Bifet, "SOKNL: A novel way of integrating K-nearest neighbours with adaptive random forest
/// regression for data streams", Data Mining and Knowledge Discovery 36, 2022.
///
/// ```
/// use serde_json::json;
/// use tidemill::learn::{base::{Regressor, Schema}, catalog::Catalog};
///
/// let spec = json!({ "soknl_regressor": { "n_models": 5, "seed": 1 } });
/// let mut forest = Catalog::standard().regressor(&spec, &[], &Schema::new(["x", "noise"]), 1).unwrap();
/// for k in 0..1_000 {
///     let x = f64::from(k % 20) / 10.0;
///     forest.learn_one(&[x, f64::from(k % 7)], if x <= 0.7 { 1.0 } else { 5.0 });
/// }
/// assert_eq!(format!("{:.1} {:.1}", forest.predict_one(&[0.2, 3.0]), forest.predict_one(&[1.5, 3.0])), "1.0 5.0");
/// ```
pub struct SoknlRegressor {
    forest: ArfRegressor,
    /// What is kept of the errors from one record to the next.
    decay: f64,
    errors: Errors,
    /// Distance and mean target of each tree's leaf.
    leaves: Vec<(f64, f64)>,
}

/// The faded squared error of each number of leaves.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Errors {
    of: Vec<f64>,
}

impl_snapshot!(Errors);

impl Errors {
    /// The number of leaves that erred least; the largest of equals.
    fn best(&self) -> usize {
        let mut best = self.of.len().saturating_sub(1);
        for k in (0..self.of.len()).rev() {
            if self.of[k] < self.of[best] {
                best = k;
            }
        }
        best + 1
    }
}

impl SoknlRegressor {
    /// The leaves for `x`, the nearest first.
    fn rank(&mut self, x: &[f64]) {
        let leaves = &mut self.leaves;
        leaves.clear();
        self.forest.leaves(x, &mut |leaf| leaves.push((leaf.distance(x), finite(leaf.targets.mean()))));
        leaves.sort_by(|a, b| a.0.total_cmp(&b.0));
    }
}

impl Regressor for SoknlRegressor {
    fn predict_one(&mut self, x: &[f64]) -> f64 {
        self.rank(x);
        let nearest = &self.leaves[..self.errors.best().min(self.leaves.len())];
        finite(nearest.iter().map(|(_, mean)| mean / nearest.len().max(1) as f64).sum())
    }

    fn learn_one(&mut self, x: &[f64], y: f64) {
        self.learn_weighted(x, y, 1.0);
    }

    fn learn_weighted(&mut self, x: &[f64], y: f64, weight: f64) {
        if !(y.is_finite() && weight > 0.0 && weight.is_finite()) {
            return;
        }
        self.rank(x);
        let mut sum = 0.0;
        for (k, ((_, mean), error)) in self.leaves.iter().zip(&mut self.errors.of).enumerate() {
            sum = finite(sum + mean);
            let off = y - sum / (k + 1) as f64;
            *error = finite(self.decay * *error + off * off);
        }
        self.forest.learn_weighted(x, y, weight);
    }

    fn takes_weights(&self) -> bool {
        true
    }

    fn counters(&self, report: &mut dyn FnMut(&'static str, u64)) {
        self.forest.counters(report);
    }

    fn clone_fresh(&self) -> Box<dyn Regressor> {
        let errors = Errors { of: vec![0.0; self.errors.of.len()] };
        Box::new(SoknlRegressor { forest: self.forest.fresh(), decay: self.decay, errors, leaves: Vec::new() })
    }

    fn clone_learned(&self) -> Box<dyn Regressor> {
        let errors = self.errors.clone();
        Box::new(SoknlRegressor { forest: self.forest.learned(), decay: self.decay, errors, leaves: Vec::new() })
    }
}

impl Component for SoknlRegressor {
    type Params = SoknlRegressorParams;
    const NAME: &'static str = "soknl_regressor";
    const SUMMARY: &'static str = "an adaptive random forest in which the leaves nearest to a record predict";
    const REFERENCE: &'static str = "Sun et al., SOKNL, 2022";
    const DIVERGES_UNSCALED: bool = true;

    fn examples() -> Vec<Value> {
        let small = json!({ "n_models": 4, "max_nodes": 7, "max_size": 0.01, "seed": 1 });
        let quick = json!({ "adwin": { "delta": 0.5, "clock": 8 } });
        vec![
            json!({ Self::NAME: small }),
            json!({ Self::NAME: { "n_models": 3, "max_nodes": 7, "max_size": 0.01, "drift_detector": quick, "warning_detector": "no_drift" } }),
        ]
    }

    fn build(params: SoknlRegressorParams, on: &ModelBuild<'_>) -> Result<Self, Vec<ParamError>> {
        // A parameter of the forest has the same name here, so its errors name the right place.
        let forest = json!({
            "n_models": params.n_models, "lambda_value": params.lambda_value, "drift_detector": params.drift_detector,
            "warning_detector": params.warning_detector, "grace_period": params.grace_period, "delta": params.delta, "tau": params.tau, "splitter": params.splitter.to_value(),
            "max_nodes": params.max_nodes, "max_size": params.max_size, "leaf_prediction": "mean", "seed": params.seed,
            "max_features": params.max_features.to_value(),
        });
        let forest = ArfRegressor::with_centroids(&ModelBuild { params: &forest, ..*on })?;
        let errors = Errors { of: vec![0.0; params.n_models as usize] };
        Ok(SoknlRegressor { forest, decay: params.error_decay, errors, leaves: Vec::new() })
    }
}

impl Snapshot for SoknlRegressor {
    fn save(&self, out: &mut Vec<u8>) -> Result<(), SnapshotError> {
        save_parts(&[&self.errors, &self.forest], out)
    }

    fn load(&mut self, bytes: &[u8]) -> Result<(), SnapshotError> {
        load_parts(&mut [&mut self.errors, &mut self.forest], bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::learn::{base::Schema, catalog::Catalog};

    /// The mean error over the second half of a smooth curve in two features, and two that mean nothing.
    fn error(spec: &Value) -> f64 {
        let schema = Schema::new(["a", "b", "c", "d"]);
        let mut model = Catalog::standard().regressor(spec, &[], &schema, 1).unwrap();
        let (mut random, mut sum) = (crate::learn::random::Random::new(5), 0.0);
        for k in 0..6_000 {
            let x: [f64; 4] = std::array::from_fn(|_| random.uniform(-1.0, 1.0));
            let y = 10.0 * libm::sin(3.0 * x[0] * x[1]) + 5.0 * x[1];
            if k >= 3_000 {
                sum += (model.predict_one(&x) - y).abs() / 3_000.0;
            }
            model.learn_one(&x, y);
        }
        sum
    }

    #[test]
    fn the_nearest_leaves_say_more_than_all_of_them() {
        let common = json!({ "n_models": 20, "max_features": 0.6, "splitter": { "tebst": { "digits": 2 } }, "seed": 3 });
        let with = |name: &str, more: Value| {
            let mut params = common.clone();
            let more = more.as_object().cloned().unwrap_or_default();
            params.as_object_mut().into_iter().for_each(|params| params.extend(more.clone()));
            error(&json!({ name: params }))
        };
        let near = with("soknl_regressor", json!({}));
        let all = with("arf_regressor", json!({ "leaf_prediction": "mean", "aggregation_method": "mean" }));
        assert!(near < all, "{near} by the nearest leaves, {all} by all");
    }

    #[test]
    fn the_number_of_leaves_is_the_one_that_erred_least() {
        let best = |of: &[f64]| Errors { of: of.to_vec() }.best();
        assert_eq!([best(&[3.0, 1.0, 2.0]), best(&[0.0, 0.0, 0.0]), best(&[2.0, 2.0, 3.0]), best(&[])], [2, 3, 2, 1]);
    }
}

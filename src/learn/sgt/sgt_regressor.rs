//! The stochastic gradient tree for regression.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    grad_stats::GradStats,
    quantizer::{Bins, Quantizer, QuantizerSpec},
    split::{Candidate, Weighing},
};
use crate::{
    impl_snapshot,
    learn::{
        base::Regressor,
        catalog::{Component, ModelBuild},
        params::{ParamError, above_to},
    },
};

crate::params! {
    /// Parameters of [`SgtRegressor`].
    pub struct SgtRegressorParams {
        /// The significance level of the tests that decide on splits and on steps of a leaf's prediction.
        delta: f64 = 1e-7, in above_to(0.0, 1.0);
        /// The weight that a leaf gathers between two tests.
        grace_period: u64 = 200, in 2.., unit "records";
        /// What is predicted before anything was learned.
        init_pred: f64 = 0.0;
        /// The largest depth of a leaf, the root's being 0; "none" leaves it to max_nodes.
        max_depth: Option<usize> = None, in 0..=10_000;
        /// The most nodes; leaves then go on learning their predictions but split no more.
        max_nodes: usize = 1_000, in 1..=1_000_000, unit "nodes";
        /// Against large steps of the predictions.
        lambda_value: f64 = 0.1, in 0.0..;
        /// Against splits: what two leaves instead of one cost, in units of the loss and spread over the leaf's records.
        gamma: f64 = 1.0, in 0.0..;
        /// How features are cut into bins, between which a split may go.
        feature_quantizer: QuantizerSpec = QuantizerSpec::default();
        /// Repeat River's defects: the loss of a split is summed over all smaller thresholds too, a penalised split is compared with one that is not,
        /// a record at the end of the warm start counts twice, after a step a leaf waits longer for its next test each time, and a leaf that is always off
        /// by the same amount learns nothing.
        river_compat: bool = false;
    }
}

/// A tree that lowers the squared error by steps of its leaves' predictions and by splits, each only if an F test says that the loss falls.
///
/// A leaf sums up gradients for each bin of each feature; after every `grace_period` records it tries the best split, and the best step without one. A
/// record whose split feature is absent goes to the heavier child. At `max_nodes` nodes leaves split no more; a leaf takes about
/// `24 * n_bins` bytes a feature.
///
/// Reference: H. Gouk, B. Pfahringer, E. Frank, "Stochastic gradient trees", ACML 2019.
///
/// ```
/// use tidemill::learn::{base::Regressor, sgt::{SgtRegressor, SgtRegressorParams}};
///
/// let params = SgtRegressorParams { grace_period: 50, delta: 0.01, lambda_value: 0.0, ..SgtRegressorParams::default() };
/// let mut model = SgtRegressor::new(params, 1);
/// for k in 0..3000 {
///     let x = f64::from(k * 7 % 100) / 100.0;
///     model.learn_one(&[x], if x < 0.5 { 10.0 } else { 20.0 } + f64::from(k % 3));
/// }
/// assert_eq!(format!("{:.1} {:.1}", model.predict_one(&[0.1]), model.predict_one(&[0.9])), "11.0 21.0");
/// ```
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SgtRegressor {
    params: SgtRegressorParams,
    /// The root first; children stand behind their parents.
    nodes: Vec<Node>,
    /// What leaves have found about the bins of each feature.
    bins: Vec<Bins>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
enum Node {
    Leaf(Leaf),
    /// Values up to the threshold go to `first`, larger ones to the node after it.
    Branch {
        feature: u32,
        threshold: f64,
        first: u32,
    },
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Leaf {
    prediction: f64,
    depth: usize,
    last_attempt: f64,
    all: GradStats,
    quantizers: Vec<Option<Quantizer>>,
}

impl Leaf {
    fn node(prediction: f64, depth: usize, features: usize) -> Node {
        let quantizers = vec![None; features];
        Node::Leaf(Leaf { prediction, depth, last_attempt: 0.0, all: GradStats::default(), quantizers })
    }
}

impl SgtRegressor {
    /// A tree over `features` features.
    pub fn new(params: SgtRegressorParams, features: usize) -> Self {
        let root = Leaf::node(params.init_pred, 0, features);
        SgtRegressor { params, nodes: vec![root], bins: vec![Bins::default(); features] }
    }

    /// How many nodes the tree has.
    pub fn nodes(&self) -> usize {
        self.nodes.len()
    }

    /// The weight below a node.
    fn weight(&self, node: usize) -> f64 {
        match &self.nodes[node] {
            Node::Leaf(leaf) => leaf.all.n,
            Node::Branch { first, .. } => self.weight(*first as usize) + self.weight(*first as usize + 1),
        }
    }

    /// The leaf that `x` belongs to, and whether a split feature was absent on the way.
    fn leaf_of(&self, x: &[f64]) -> (usize, bool) {
        let (mut node, mut absent) = (0, false);
        while let Node::Branch { feature, threshold, first } = self.nodes[node] {
            let (value, left) = (x[feature as usize], first as usize);
            let to_right = if value.is_finite() {
                value > threshold
            } else {
                absent = true;
                self.weight(left) < self.weight(left + 1)
            };
            node = left + usize::from(to_right);
        }
        (node, absent)
    }

    fn learn(&mut self, x: &[f64], y: f64, w: f64) {
        let (at, absent) = self.leaf_of(x);
        let (params, features) = (&self.params, self.bins.len());
        let room = self.nodes.len() + 2 <= params.max_nodes;
        let Node::Leaf(leaf) = &mut self.nodes[at] else { return };
        let gradient = leaf.prediction - y;
        if !gradient.is_finite() {
            return;
        }
        for ((quantizer, value), known) in leaf.quantizers.iter_mut().zip(x).zip(&self.bins) {
            if value.is_finite() {
                let quantizer = quantizer.get_or_insert_with(|| Quantizer::new(&params.feature_quantizer, *known));
                quantizer.update(&params.feature_quantizer, *value, gradient, w, params.river_compat);
            }
        }
        leaf.all.update(gradient, w);
        // River never lets a record with an absent split feature lead to a split.
        if leaf.all.n - leaf.last_attempt < params.grace_period as f64 || (absent && params.river_compat) {
            return;
        }
        leaf.last_attempt = leaf.all.n;
        let weighing = Weighing { lambda: params.lambda_value, gamma: params.gamma, river_compat: params.river_compat };
        let candidate = if room && params.max_depth.is_none_or(|most| leaf.depth < most) {
            let filled = || leaf.quantizers.iter().enumerate().filter_map(|(k, q)| Some((k, q.as_ref()?)));
            filled().for_each(|(k, quantizer)| quantizer.tell(&params.feature_quantizer, &mut self.bins[k]));
            Candidate::best(leaf.all, filled(), weighing)
        } else {
            Candidate::step(leaf.all, weighing)
        };
        let predictions = (leaf.prediction + candidate.steps.0, leaf.prediction + candidate.steps.1);
        let finite = predictions.0.is_finite() && predictions.1.is_finite();
        if !(finite && candidate.is_significant(leaf.all.n, params.delta, params.river_compat)) {
            return;
        }
        let depth = leaf.depth + 1;
        match candidate.split {
            None => {
                leaf.prediction = predictions.0;
                leaf.all = GradStats::default();
                leaf.quantizers.iter_mut().for_each(|q| *q = None);
                if !params.river_compat {
                    leaf.last_attempt = 0.0;
                }
            }
            Some((feature, threshold)) => {
                let first = self.nodes.len() as u32;
                self.nodes[at] = Node::Branch { feature: feature as u32, threshold, first };
                self.nodes.push(Leaf::node(predictions.0, depth, features));
                self.nodes.push(Leaf::node(predictions.1, depth, features));
            }
        }
    }
}

impl Regressor for SgtRegressor {
    fn predict_one(&mut self, x: &[f64]) -> f64 {
        match &self.nodes[self.leaf_of(x).0] {
            Node::Leaf(leaf) => leaf.prediction,
            Node::Branch { .. } => self.params.init_pred,
        }
    }

    fn learn_one(&mut self, x: &[f64], y: f64) {
        if y.is_finite() {
            self.learn(x, y, 1.0);
        }
    }

    fn learn_weighted(&mut self, x: &[f64], y: f64, weight: f64) {
        if y.is_finite() && weight > 0.0 && weight.is_finite() {
            self.learn(x, y, weight);
        }
    }

    fn clone_fresh(&self) -> Box<dyn Regressor> {
        Box::new(SgtRegressor::new(self.params.clone(), self.bins.len()))
    }

    fn clone_learned(&self) -> Box<dyn Regressor> {
        Box::new(self.clone())
    }
}

impl Component for SgtRegressor {
    type Params = SgtRegressorParams;
    const NAME: &'static str = "sgt_regressor";
    const SUMMARY: &'static str = "stochastic gradient tree: grows by gradients where a test says that the loss falls";
    const REFERENCE: &'static str = "Gouk, Pfahringer and Frank, Stochastic gradient trees, ACML 2019";

    fn examples() -> Vec<Value> {
        let quick = json!({ "grace_period": 30, "delta": 0.1, "max_nodes": 31 });
        let with = |key: &str, value: Value| {
            let mut params = quick.clone();
            params[key] = value;
            json!({ Self::NAME: params })
        };
        vec![
            with("gamma", json!(0.1)),
            with("feature_quantizer", json!({ "static": { "n_bins": 8, "warm_start": 20 } })),
            with("feature_quantizer", json!({ "dynamic": { "std_prop": 0.1 } })),
            with("river_compat", json!(true)),
        ]
    }

    fn build(params: SgtRegressorParams, on: &ModelBuild<'_>) -> Result<Self, Vec<ParamError>> {
        Ok(SgtRegressor::new(params, on.schema.len()))
    }
}

impl_snapshot!(SgtRegressor);

#[cfg(test)]
mod tests {
    use super::*;

    fn steps(model: &mut SgtRegressor, records: u32) {
        for k in 0..records {
            let x = f64::from(k * 37 % 101) / 101.0;
            model.learn_one(&[x], (x * 8.0).floor());
        }
    }

    #[test]
    fn at_the_limit_leaves_split_no_more_and_learn_on() {
        let params = SgtRegressorParams { grace_period: 20, delta: 0.05, max_nodes: 3, ..SgtRegressorParams::default() };
        let mut model = SgtRegressor::new(params, 1);
        steps(&mut model, 5_000);
        assert_eq!(model.nodes(), 3);
        let before = model.predict_one(&[0.1]);
        (0..500).for_each(|_| model.learn_one(&[0.1], 100.0));
        assert!(model.predict_one(&[0.1]) > before + 50.0, "{before}, then {}", model.predict_one(&[0.1]));
    }

    #[test]
    fn without_rivers_defects_the_error_is_smaller() {
        let error = |river_compat: bool| {
            let params = SgtRegressorParams { grace_period: 50, delta: 0.01, river_compat, ..SgtRegressorParams::default() };
            let mut model = SgtRegressor::new(params, 1);
            steps(&mut model, 10_000);
            (0..101)
                .map(|k| (model.predict_one(&[f64::from(k) / 101.0]) - (f64::from(k) / 101.0 * 8.0).floor()).abs())
                .sum::<f64>()
                / 101.0
        };
        let (ours, rivers) = (error(false), error(true));
        assert!(ours < 0.5 * rivers && ours < 0.3, "{ours} and {rivers}");
    }
}

//! The Hoeffding adaptive tree for regression.

use serde_json::{Value, json};

use super::{
    grower::Shape,
    growth::{Growth, LeafPrediction, Seedling, common},
    guarded::{Contest, Events, GuardedTree, Nursery, Replacement},
    hoeffding::leaf_model,
    splitter::{SplitterSpec, TebstParams},
};
use crate::{
    learn::{
        base::{DriftDetector, Regressor, finite},
        catalog::{Component, ModelBuild},
        params::{ParamError, above, above_to, child},
    },
    snapshot::{Snapshot, SnapshotError, decode, encode_into},
};

crate::params! {
    /// Parameters of [`HoeffdingAdaptiveTreeRegressor`].
    pub struct HoeffdingAdaptiveTreeRegressorParams {
        /// A leaf tries to split each time it has seen so much more weight.
        grace_period: u32 = 200, in 1.., unit "records";
        /// Leaves this deep do not split; "none" means 980, as in River.
        max_depth: Option<u32> = None;
        /// How likely a split may be the wrong one; smaller means later splits.
        delta: f64 = 1e-7, in above_to(0.0, 1.0);
        /// Once the Hoeffding bound is below this, the best split is made even if the second is as good.
        tau: f64 = 0.05, in 0.0..;
        /// What a leaf predicts with.
        leaf_prediction: LeafPrediction = LeafPrediction::Adaptive;
        /// The regressor in the leaves; "none" means linear regression with its defaults.
        leaf_model: Option<Value> = None;
        /// What is kept of the squared errors that choose between mean and model.
        model_selector_decay: f64 = 0.95, in 0.0..=1.0;
        /// What a leaf keeps of each feature to find splits.
        splitter: SplitterSpec = SplitterSpec::Tebst(TebstParams::default());
        /// Both sides of a split must weigh so much.
        min_samples_split: u32 = 5, in 1.., unit "records";
        /// Nothing splits that would give the tree, with its alternates, more nodes. A leaf that wants to split when it is full stops watching the
        /// features, but still learns and predicts. Alternates start all the same, as leaves: at most half as many nodes come on top.
        max_nodes: u32 = 4_096, in 1..;
        /// What the leaves keep of the features takes at most so much memory; then no further possible splits are noted, and those there are
        /// still counted.
        max_size: f64 = 100.0, in above(0.0), unit "MiB";
        /// After the first leaf that reached the depth limit, no leaf splits any more (River's name).
        stop_mem_management: bool = false;
        /// Features that split much worse than the best are not watched any more.
        remove_poor_attrs: bool = false;
        /// Not to split is a candidate too.
        merit_preprune: bool = true;
        /// Leaves learn each record with a random weight of mean about 1 (Poisson, at least 1).
        bootstrap_sampling: bool = true;
        /// A subtree and its alternate are compared once both have seen more errors than this.
        drift_window_threshold: u32 = 300, unit "records";
        /// What watches the absolute error of each node.
        drift_detector: Value = json!("adwin");
        /// How likely the difference of a subtree and its alternate may be chance when one of them is given up.
        switch_significance: f64 = 0.05, in 0.0..=1.0;
        /// Seed of the random weights; "none" means the seed of the topology.
        seed: Option<u64> = None;
        /// Repeat River's defects: alternates take over as soon as they split, and their immature predictions are averaged in; the quantiser's left
        /// sides are one slot too wide; and take squares by the C library's `pow`, to River's last bit.
        river_compat: bool = false;
    }
}

impl HoeffdingAdaptiveTreeRegressorParams {
    fn growth(&self) -> Growth {
        Growth::new(&common!(self, &self.splitter))
    }
}

/// A Hoeffding tree that replaces the parts of it whose errors rise.
///
/// Every node shows the absolute error of its records to a detector. Where the detector hears errors rise, a fresh tree starts to learn beside the
/// subtree; once both have seen enough, a z-test of their mean errors decides which one stays. Until then the old subtree alone predicts. River lets
/// the fresh tree take over as soon as it splits, and averages its predictions in from the first record; `river_compat` does so too, and gives
/// River's numbers to the last bit.
///
/// `counters` tells how many alternates were started (`alternate_trees`), took over (`switched_trees`) or were given up (`pruned_trees`).
///
/// Reference: A. Bifet, R. Gavaldà, "Adaptive learning from evolving data streams", IDA 2009.
///
/// ```
/// use serde_json::json;
/// use tidemill::learn::{base::{Regressor, Schema}, catalog::Catalog};
///
/// let spec = json!({ "hoeffding_adaptive_tree_regressor": { "grace_period": 50, "leaf_prediction": "mean", "seed": 1 } });
/// let mut tree = Catalog::standard().regressor(&spec, &[], &Schema::new(["x"]), 1).unwrap();
/// for k in 0..6_000 {
///     let (x, turned) = (f64::from(k % 20) / 10.0, k >= 3_000);
///     tree.learn_one(&[x], if (x <= 0.7) != turned { 1.0 } else { 5.0 });
/// }
/// // The two sides have changed their targets, and the tree has followed.
/// assert_eq!(format!("{:.1} {:.1}", tree.predict_one(&[0.2]), tree.predict_one(&[1.5])), "5.0 1.0");
/// ```
pub struct HoeffdingAdaptiveTreeRegressor {
    growth: Growth,
    replacement: Replacement,
    leaf_model: Box<dyn Regressor>,
    detector: Box<dyn DriftDetector>,
    seed: u64,
    tree: GuardedTree,
}

macro_rules! nursery {
    ($of:expr) => {
        Nursery {
            seedling: Seedling { growth: &$of.growth, leaf_model: &*$of.leaf_model },
            replacement: &$of.replacement,
            detector: &*$of.detector,
        }
    };
}

impl HoeffdingAdaptiveTreeRegressor {
    /// A tree of one leaf, whose leaves have models like `leaf_model` and whose nodes are watched by detectors like `detector`; `seed` is for
    /// parameters that name none.
    pub fn new(
        params: &HoeffdingAdaptiveTreeRegressorParams,
        leaf_model: Box<dyn Regressor>,
        detector: Box<dyn DriftDetector>,
        seed: u64,
    ) -> Self {
        let replacement = Replacement {
            bootstrap_limit: params.bootstrap_sampling.then(|| libm::exp(-1.0)),
            contest: Contest::ZTest {
                threshold: f64::from(params.drift_window_threshold),
                significance: params.switch_significance,
            },
        };
        Self::of(params.growth(), replacement, leaf_model, detector, params.seed.unwrap_or(seed))
    }

    pub(super) fn of(
        growth: Growth,
        replacement: Replacement,
        leaf_model: Box<dyn Regressor>,
        detector: Box<dyn DriftDetector>,
        seed: u64,
    ) -> Self {
        let seedling = Seedling { growth: &growth, leaf_model: &*leaf_model };
        let tree = GuardedTree::new(&Nursery { seedling, replacement: &replacement, detector: &*detector }, seed);
        HoeffdingAdaptiveTreeRegressor { growth, replacement, leaf_model, detector, seed, tree }
    }

    /// Learns a record that is fit for it; its errors are watched multiplied by `scale`.
    pub(super) fn learn_scaled(&mut self, x: &[f64], y: f64, weight: f64, scale: f64) {
        self.tree.learn(x, y, weight, scale, &nursery!(self));
    }

    /// The shape of the tree, alternates aside.
    pub fn shape(&self) -> Shape {
        self.tree.tree().shape()
    }

    /// What happened to subtrees so far.
    pub fn events(&self) -> Events {
        self.tree.events()
    }

    pub(super) fn learned(&self) -> Self {
        HoeffdingAdaptiveTreeRegressor { tree: self.tree.clone(), ..self.fresh() }
    }

    pub(super) fn fresh(&self) -> Self {
        let (leaf_model, detector) = (self.leaf_model.clone_fresh(), self.detector.clone_fresh());
        Self::of(self.growth.clone(), self.replacement.clone(), leaf_model, detector, self.seed)
    }
}

impl Regressor for HoeffdingAdaptiveTreeRegressor {
    fn predict_one(&mut self, x: &[f64]) -> f64 {
        finite(self.tree.predict(x, &self.growth))
    }

    fn learn_one(&mut self, x: &[f64], y: f64) {
        self.learn_weighted(x, y, 1.0);
    }

    fn learn_weighted(&mut self, x: &[f64], y: f64, weight: f64) {
        if y.is_finite() && weight > 0.0 && weight.is_finite() {
            self.learn_scaled(x, y, weight, 1.0);
        }
    }

    fn takes_weights(&self) -> bool {
        true
    }

    fn counters(&self, report: &mut dyn FnMut(&'static str, u64)) {
        let events = self.tree.events();
        report("alternate_trees", events.alternates);
        report("switched_trees", events.switches);
        report("pruned_trees", events.prunings);
    }

    fn clone_fresh(&self) -> Box<dyn Regressor> {
        Box::new(self.fresh())
    }

    fn clone_learned(&self) -> Box<dyn Regressor> {
        Box::new(self.learned())
    }
}

impl Component for HoeffdingAdaptiveTreeRegressor {
    type Params = HoeffdingAdaptiveTreeRegressorParams;
    const NAME: &'static str = "hoeffding_adaptive_tree_regressor";
    const SUMMARY: &'static str = "a Hoeffding tree that replaces the parts of it whose errors rise";
    const REFERENCE: &'static str = "Bifet, Gavaldà, Adaptive learning from evolving data streams, 2009";
    const DIVERGES_UNSCALED: bool = true;

    fn examples() -> Vec<Value> {
        // Small limits and quick alarms, so that the checks see what happens at them.
        let of = |params: Value| {
            let mut all = json!({
                "max_nodes": 15, "max_size": 0.02, "grace_period": 30, "delta": 0.5, "drift_window_threshold": 40, "seed": 1,
                "drift_detector": { "adwin": { "delta": 0.5, "clock": 8 } },
            });
            all.as_object_mut().into_iter().for_each(|all| all.extend(params.as_object().cloned().unwrap_or_default()));
            json!({ Self::NAME: all })
        };
        [
            json!({}),
            json!({ "leaf_prediction": "mean", "bootstrap_sampling": false, "max_depth": 2 }),
            json!({ "river_compat": true, "leaf_prediction": "model" }),
            json!({ "drift_detector": { "page_hinkley": { "threshold": 1.0 } }, "splitter": "qo", "switch_significance": 0.9 }),
        ]
        .map(of)
        .into()
    }

    fn build(params: HoeffdingAdaptiveTreeRegressorParams, on: &ModelBuild<'_>) -> Result<Self, Vec<ParamError>> {
        let leaf_model = leaf_model(params.leaf_model.as_ref(), params.river_compat, on)?;
        let detector = on.catalog.drift_detector(&params.drift_detector, &child(on.path, "drift_detector"), on.seed)?;
        Ok(HoeffdingAdaptiveTreeRegressor::new(&params, leaf_model, detector, on.seed))
    }
}

impl Snapshot for HoeffdingAdaptiveTreeRegressor {
    fn save(&self, out: &mut Vec<u8>) -> Result<(), SnapshotError> {
        encode_into(&self.tree, out)
    }

    fn load(&mut self, bytes: &[u8]) -> Result<(), SnapshotError> {
        let mut tree: GuardedTree = decode(bytes)?;
        tree.revive(&nursery!(self))?;
        self.tree = tree;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::learn::{catalog::Catalog, params::Params};

    fn tree(params: Value) -> HoeffdingAdaptiveTreeRegressor {
        let params = HoeffdingAdaptiveTreeRegressorParams::read(&params, &[]).unwrap();
        let catalog = Catalog::standard();
        let model = catalog.regressor(&json!("mean"), &[], &crate::learn::base::Schema::new(["x"]), 1).unwrap();
        let detector = catalog.drift_detector(&params.drift_detector, &[], 1).unwrap();
        HoeffdingAdaptiveTreeRegressor::new(&params, model, detector, 1)
    }

    /// Steps that move every 400 records, so that subtrees and alternates come and go.
    fn stream(k: u32) -> (f64, f64) {
        let (x, phase) = (f64::from(k * 7 % 100) / 10.0, f64::from(k / 400 % 5));
        (x, if x <= 2.0 * phase { 10.0 * phase } else { -3.0 * phase + x })
    }

    #[test]
    fn a_full_tree_still_starts_alternates_and_stays_within_the_limit() {
        let quick = json!({ "adwin": { "delta": 0.5, "clock": 8 } });
        for compat in [false, true] {
            let mut tree = tree(json!({
                "leaf_prediction": "mean", "grace_period": 20, "delta": 0.9, "drift_window_threshold": 30, "max_nodes": 9,
                "drift_detector": quick, "river_compat": compat,
            }));
            let mut largest = 0;
            for k in 0..8_000 {
                let (x, y) = stream(k);
                tree.learn_one(&[x], y);
                largest = largest.max(tree.tree.tree().len());
            }
            let events = tree.events();
            assert!(events.alternates > 0, "{events:?}");
            // Nine nodes are four branches at most, each with a leaf beside it.
            assert!((9..=13).contains(&largest), "{largest} nodes, river_compat = {compat}");
        }
    }

    #[test]
    fn without_rivers_defects_alternates_take_over_by_the_test_alone() {
        let params = |compat: bool| json!({ "leaf_prediction": "mean", "grace_period": 20, "delta": 0.1, "drift_window_threshold": 30, "river_compat": compat });
        let (mut ours, mut rivers) = (tree(params(false)), tree(params(true)));
        let mut errors = [0.0; 2];
        for k in 0..8_000 {
            let (x, y) = stream(k);
            for (tree, error) in [&mut ours, &mut rivers].into_iter().zip(&mut errors) {
                *error += (tree.predict_one(&[x]) - y).abs();
                tree.learn_one(&[x], y);
            }
        }
        assert!(ours.events().switches > 0, "{:?}", ours.events());
        assert!(errors[0] < 1.5 * errors[1], "ours {} River's {}", errors[0], errors[1]);
    }
}

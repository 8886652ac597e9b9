//! The Hoeffding tree for regression.

use serde_json::{Value, json};

use super::{
    grower::{Shape, Tree},
    growth::{Growth, LeafPrediction, Seedling, common},
    splitter::{SplitterSpec, TebstParams},
};
use crate::{
    learn::{
        base::{Regressor, finite},
        catalog::{Component, ModelBuild},
        params::{ParamError, above, above_to, child},
    },
    snapshot::{Snapshot, SnapshotError, decode, encode_into},
};

crate::params! {
    /// Parameters of [`HoeffdingTreeRegressor`].
    pub struct HoeffdingTreeRegressorParams {
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
        /// The tree has at most so many nodes. A leaf that wants to split when it is full stops watching the features, but still learns and predicts.
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
        /// Repeat River's defects: the quantiser's left sides are one slot too wide; and take squares by the C library's `pow`, to River's last bit.
        river_compat: bool = false;
    }
}

impl HoeffdingTreeRegressorParams {
    /// How a tree of these parameters grows.
    pub fn growth(&self) -> Growth {
        Growth::new(&common!(self, &self.splitter))
    }
}

/// The model of leaves: the one named by `spec`, or linear regression.
///
/// # Errors
/// When the spec names no regressor, or has wrong parameters.
pub fn leaf_model(spec: Option<&Value>, river_compat: bool, on: &ModelBuild<'_>) -> Result<Box<dyn Regressor>, Vec<ParamError>> {
    let default = json!({ "linear_regression": { "river_compat": river_compat } });
    on.catalog.regressor(spec.unwrap_or(&default), &child(on.path, "leaf_model"), on.schema, on.seed)
}

/// A regression tree that splits a leaf once the best split is, with high probability, the best one.
///
/// A leaf keeps the mean of its targets and a model, and of each feature what is needed to tell how much a split would reduce the variance. After
/// every `grace_period` records it compares its two best splits; Hoeffding's bound says whether the difference can be chance. Children start with
/// their side of the targets and a copy of the model. Absent features are skipped, and a record that lacks a feature which is asked for goes
/// to the heavier side. With River's parameters and `river_compat` the numbers are River's to the last bit.
///
/// The models of leaves are linear by default and diverge on unscaled prices, so put a scaler before the tree.
///
/// Reference: P. Domingos, G. Hulten, "Mining high-speed data streams", KDD 2000; E. Ikonomovska, J. Gama, S. Džeroski, "Learning model trees from
/// evolving data streams", Data Mining and Knowledge Discovery 23, 2011.
///
/// ```
/// use serde_json::json;
/// use tidemill::learn::{base::{Regressor, Schema}, catalog::Catalog};
///
/// let spec = json!({ "hoeffding_tree_regressor": { "grace_period": 50, "leaf_prediction": "mean" } });
/// let mut tree = Catalog::standard().regressor(&spec, &[], &Schema::new(["x"]), 1).unwrap();
/// for k in 0..500 {
///     let x = f64::from(k % 20) / 10.0;
///     tree.learn_one(&[x], if x <= 0.7 { 1.0 } else { 5.0 });
/// }
/// assert_eq!(format!("{:.2} {:.2}", tree.predict_one(&[0.2]), tree.predict_one(&[1.5])), "1.00 5.00");
/// assert_eq!(format!("{:.2}", tree.predict_one(&[f64::NAN])), "5.00"); // the heavier side
/// ```
pub struct HoeffdingTreeRegressor {
    growth: Growth,
    leaf_model: Box<dyn Regressor>,
    tree: Tree,
}

impl HoeffdingTreeRegressor {
    /// A tree of one leaf, whose leaves have models like `leaf_model`.
    pub fn new(params: &HoeffdingTreeRegressorParams, leaf_model: Box<dyn Regressor>) -> Self {
        let growth = params.growth();
        let tree = Tree::new(&Seedling { growth: &growth, leaf_model: &*leaf_model });
        HoeffdingTreeRegressor { growth, leaf_model, tree }
    }

    /// The shape of the tree.
    pub fn shape(&self) -> Shape {
        self.tree.shape()
    }
}

impl Regressor for HoeffdingTreeRegressor {
    fn predict_one(&mut self, x: &[f64]) -> f64 {
        finite(self.tree.predict(x, &self.growth))
    }

    fn learn_one(&mut self, x: &[f64], y: f64) {
        self.learn_weighted(x, y, 1.0);
    }

    fn learn_weighted(&mut self, x: &[f64], y: f64, weight: f64) {
        if y.is_finite() && weight > 0.0 && weight.is_finite() {
            self.tree.learn(x, y, weight, &self.growth, None);
        }
    }

    fn takes_weights(&self) -> bool {
        true
    }

    fn clone_fresh(&self) -> Box<dyn Regressor> {
        let (growth, leaf_model) = (self.growth.clone(), self.leaf_model.clone_fresh());
        let tree = Tree::new(&Seedling { growth: &growth, leaf_model: &*leaf_model });
        Box::new(HoeffdingTreeRegressor { growth, leaf_model, tree })
    }

    fn clone_learned(&self) -> Box<dyn Regressor> {
        let (growth, leaf_model) = (self.growth.clone(), self.leaf_model.clone_fresh());
        Box::new(HoeffdingTreeRegressor { growth, leaf_model, tree: self.tree.clone() })
    }
}

impl Component for HoeffdingTreeRegressor {
    type Params = HoeffdingTreeRegressorParams;
    const NAME: &'static str = "hoeffding_tree_regressor";
    const SUMMARY: &'static str = "a regression tree that splits when Hoeffding's bound says so";
    const REFERENCE: &'static str = "Domingos, Hulten, Mining high-speed data streams, 2000; Ikonomovska et al., 2011";
    const DIVERGES_UNSCALED: bool = true;

    fn examples() -> Vec<Value> {
        // Small limits, so that the checks see what happens at them.
        let of = |params: Value| {
            let mut all = json!({ "max_nodes": 15, "max_size": 0.02, "grace_period": 50 });
            all.as_object_mut().into_iter().for_each(|all| all.extend(params.as_object().cloned().unwrap_or_default()));
            json!({ Self::NAME: all })
        };
        [
            json!({}),
            json!({ "leaf_prediction": "mean", "splitter": "ebst", "tau": 0.2 }),
            json!({ "leaf_prediction": "model", "leaf_model": { "knn_regressor": { "window_size": 5 } } }),
            json!({ "splitter": { "tebst": { "digits": 3 } }, "river_compat": true, "delta": 0.1 }),
            json!({ "splitter": { "qo": { "radius": 0.1 } }, "remove_poor_attrs": true, "merit_preprune": false }),
            json!({ "max_depth": 2, "stop_mem_management": true, "delta": 0.5 }),
        ]
        .map(of)
        .into()
    }

    fn build(params: HoeffdingTreeRegressorParams, on: &ModelBuild<'_>) -> Result<Self, Vec<ParamError>> {
        let leaf_model = leaf_model(params.leaf_model.as_ref(), params.river_compat, on)?;
        Ok(HoeffdingTreeRegressor::new(&params, leaf_model))
    }
}

impl Snapshot for HoeffdingTreeRegressor {
    fn save(&self, out: &mut Vec<u8>) -> Result<(), SnapshotError> {
        encode_into(&self.tree, out)
    }

    fn load(&mut self, bytes: &[u8]) -> Result<(), SnapshotError> {
        let mut tree: Tree = decode(bytes)?;
        tree.revive(&Seedling { growth: &self.growth, leaf_model: &*self.leaf_model })?;
        self.tree = tree;
        Ok(())
    }
}

//! Fast incremental model trees with drift detection.

use serde_json::{Value, json};

use super::{
    adaptive::HoeffdingAdaptiveTreeRegressor,
    grower::Shape,
    growth::{Common, Growth, LeafPrediction},
    guarded::{Contest, Events, Replacement},
    hoeffding::leaf_model,
    splitter::{EbstParams, SplitterSpec},
};
use crate::{
    learn::{
        base::Regressor,
        catalog::{Component, ModelBuild, scaled},
        compose::{load_parts, save_parts},
        params::{ParamError, above, above_to, child},
        stats::Var,
    },
    snapshot::{Snapshot, SnapshotError},
};

crate::params! {
    /// Parameters of [`FimtddRegressor`].
    pub struct FimtddRegressorParams {
        /// A leaf tries to split each time it has seen so much more weight.
        grace_period: u32 = 200, in 1.., unit "records";
        /// Leaves this deep do not split; "none" means 980.
        max_depth: Option<u32> = None;
        /// How likely a split may be the wrong one; smaller means later splits.
        delta: f64 = 1e-7, in above_to(0.0, 1.0);
        /// Once the Hoeffding bound is below this, the best split is made even if the second is as good.
        tau: f64 = 0.05, in 0.0..;
        /// What a leaf predicts with: its model makes a model tree, the mean a regression tree.
        leaf_prediction: LeafPrediction = LeafPrediction::Model;
        /// The regressor in the leaves; "none" means linear regression on scaled features and a scaled target, in shrinking steps along a bounded
        /// gradient, with predictions kept near the range of the targets.
        leaf_model: Option<Value> = None;
        /// What a leaf keeps of each feature to find splits.
        splitter: SplitterSpec = SplitterSpec::Ebst(EbstParams::default());
        /// Both sides of a split must weigh so much.
        min_samples_split: u32 = 5, in 1.., unit "records";
        /// What watches the absolute error of each node, in standard deviations of the target.
        drift_detector: Value = json!({ "page_hinkley": { "mode": "up", "alpha": 1.0 } });
        /// What is kept of the squared errors of a subtree and its alternate from one record to the next.
        fading_factor: f64 = 0.995, in 0.0..=1.0;
        /// A subtree and its alternate are compared every so many records.
        comparison_period: u32 = 150, in 1.., unit "records";
        /// After so many comparisons an alternate that falls behind is given up.
        patience: u32 = 10, unit "comparisons";
        /// Nothing splits that would give the tree, with its alternates, more nodes. A leaf that wants to split when it is full stops watching the
        /// features, but still learns and predicts. Alternates start all the same, as leaves: at most half as many nodes come on top.
        max_nodes: u32 = 4_096, in 1..;
        /// What the leaves keep of the features takes at most so much memory; then no further possible splits are noted, and those there are
        /// still counted.
        max_size: f64 = 100.0, in above(0.0), unit "MiB";
    }
}

/// FIMT-DD: a tree of linear models that splits by standard deviation reduction and regrows where Page-Hinkley hears errors rise.
///
/// Where a detector hears errors rise, an alternate subtree starts to learn beside the old one, which goes on predicting. Every `comparison_period`
/// records the logarithm of the ratio of their faded squared errors is taken: when it favours the alternate, that takes over; when, after
/// `patience` comparisons, it gets worse on the average, the alternate is given up. Errors are those of the leaf, shown to every node on the way
/// (the paper's bottom-up method), in standard deviations of all targets so far, so that thresholds mean the same on every scale.
///
/// Leaves standardise features and target, as in the paper, but on what came so far. Prices that grow a hundredfold lie ten deviations above their mean, and
/// with three such features a step along the plain gradient overshoots by more than it corrects: weights swing from side to side and grow without end.
/// So the gradient is cut at one deviation, steps shrink weight by weight (AdaGrad), and no leaf predicts further outside the range of its targets
/// than that range is wide.
///
/// `counters` tells how many alternates were started (`alternate_trees`), took over (`switched_trees`) or were given up (`pruned_trees`).
///
/// Reference: E. Ikonomovska, J. Gama, S. Džeroski, "Learning model trees from evolving data streams", Data Mining and Knowledge Discovery 23, 2011.
///
/// ```
/// use serde_json::json;
/// use tidemill::learn::{base::{Regressor, Schema}, catalog::Catalog};
///
/// let spec = json!({ "fimtdd_regressor": { "grace_period": 100 } });
/// let mut tree = Catalog::standard().regressor(&spec, &[], &Schema::new(["x"]), 1).unwrap();
/// for k in 0..4_000 {
///     let x = f64::from(k * 7 % 100) / 10.0;
///     tree.learn_one(&[x], if x <= 5.0 { 2.0 * x } else { 30.0 - x });
/// }
/// assert_eq!(format!("{:.1} {:.1}", tree.predict_one(&[2.0]), tree.predict_one(&[8.0])), "4.0 21.9");
/// ```
pub struct FimtddRegressor {
    tree: HoeffdingAdaptiveTreeRegressor,
    /// The targets so far: their deviation is the unit of errors.
    targets: Var,
}

impl FimtddRegressor {
    /// The shape of the tree, alternates aside.
    pub fn shape(&self) -> Shape {
        self.tree.shape()
    }

    /// What happened to subtrees so far.
    pub fn events(&self) -> Events {
        self.tree.events()
    }
}

impl Regressor for FimtddRegressor {
    fn predict_one(&mut self, x: &[f64]) -> f64 {
        self.tree.predict_one(x)
    }

    fn learn_one(&mut self, x: &[f64], y: f64) {
        self.learn_weighted(x, y, 1.0);
    }

    fn learn_weighted(&mut self, x: &[f64], y: f64, weight: f64) {
        if !(y.is_finite() && weight > 0.0 && weight.is_finite()) {
            return;
        }
        self.targets.update(y, weight);
        let deviation = self.targets.get(1.0).sqrt();
        let scale = 1.0 / deviation;
        // Before targets differ there is no unit, and nothing to watch.
        self.tree.learn_scaled(x, y, weight, if scale.is_finite() { scale } else { 0.0 });
    }

    fn takes_weights(&self) -> bool {
        true
    }

    fn counters(&self, report: &mut dyn FnMut(&'static str, u64)) {
        self.tree.counters(report);
    }

    fn clone_fresh(&self) -> Box<dyn Regressor> {
        Box::new(FimtddRegressor { tree: self.tree.fresh(), targets: Var::default() })
    }

    fn clone_learned(&self) -> Box<dyn Regressor> {
        Box::new(FimtddRegressor { tree: self.tree.learned(), targets: self.targets })
    }
}

/// What learns in the leaves where nothing is named.
fn default_leaf() -> Value {
    let steps = json!({ "optimizer": { "ada_grad": { "learning_rate": 0.3 } }, "clip_gradient": 1.0 });
    let linear = scaled("standard_scaler".into(), json!({ "linear_regression": steps }));
    json!({ "range_clipper": { "regressor": { "target_standard_scaler": { "regressor": linear } } } })
}

impl Component for FimtddRegressor {
    type Params = FimtddRegressorParams;
    const NAME: &'static str = "fimtdd_regressor";
    const SUMMARY: &'static str = "FIMT-DD: a tree of linear models that regrows where errors rise";
    const REFERENCE: &'static str = "Ikonomovska, Gama, Džeroski, Learning model trees from evolving data streams, 2011";

    fn examples() -> Vec<Value> {
        // Small limits and quick alarms, so that the checks see what happens at them.
        let of = |params: Value| {
            let mut all = json!({
                "max_nodes": 11, "max_size": 0.003, "grace_period": 30, "delta": 0.5, "comparison_period": 10, "patience": 2,
                "drift_detector": { "page_hinkley": { "threshold": 1.0, "mode": "up" } },
            });
            all.as_object_mut().into_iter().for_each(|all| all.extend(params.as_object().cloned().unwrap_or_default()));
            json!({ Self::NAME: all })
        };
        [
            json!({}),
            json!({ "leaf_prediction": "mean", "splitter": "tebst" }),
            json!({ "leaf_model": "linear_regression", "max_depth": 3 }),
        ]
        .map(of)
        .into()
    }

    fn build(params: FimtddRegressorParams, on: &ModelBuild<'_>) -> Result<Self, Vec<ParamError>> {
        let leaf_model = leaf_model(Some(&params.leaf_model.unwrap_or_else(default_leaf)), false, on)?;
        let detector = on.catalog.drift_detector(&params.drift_detector, &child(on.path, "drift_detector"), on.seed)?;
        let growth = Growth::new(&Common {
            grace_period: params.grace_period,
            max_depth: params.max_depth,
            delta: params.delta,
            tau: params.tau,
            leaf_prediction: params.leaf_prediction,
            model_selector_decay: 0.95,
            splitter: &params.splitter,
            min_samples_split: params.min_samples_split,
            max_nodes: params.max_nodes,
            max_size: params.max_size,
            stop_mem_management: false,
            remove_poor_attrs: false,
            merit_preprune: true,
            river_compat: false,
        });
        let replacement = Replacement {
            bootstrap_limit: None,
            contest: Contest::Losses {
                fading: params.fading_factor,
                period: u64::from(params.comparison_period),
                patience: u64::from(params.patience),
            },
        };
        let growth = Growth { by_deviation: true, ..growth };
        let tree = HoeffdingAdaptiveTreeRegressor::of(growth, replacement, leaf_model, detector, on.seed);
        Ok(FimtddRegressor { tree, targets: Var::default() })
    }
}

impl Snapshot for FimtddRegressor {
    fn save(&self, out: &mut Vec<u8>) -> Result<(), SnapshotError> {
        save_parts(&[&self.targets, &self.tree], out)
    }

    fn load(&mut self, bytes: &[u8]) -> Result<(), SnapshotError> {
        load_parts(&mut [&mut self.targets, &mut self.tree], bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::learn::{base::Schema, catalog::Catalog, random::Random};

    /// A tree with these parameters after `records` of a stream that turns over in the middle, its targets times `unit`; and its mean error, in
    /// units, over the last quarter.
    fn run(params: Value, records: u32, unit: f64) -> (FimtddRegressor, f64) {
        let (schema, catalog, mut random) = (Schema::new(["a", "b"]), Catalog::standard(), Random::new(3));
        let on = ModelBuild { params: &params, path: &[], schema: &schema, seed: 1, catalog: &catalog };
        let mut tree = FimtddRegressor::build(crate::learn::params::Params::read(&params, &[]).unwrap(), &on).unwrap();
        let mut error = 0.0;
        for k in 0..records {
            let x = [random.uniform(0.0, 4.0), random.uniform(0.0, 4.0)];
            let turned = if k < records / 2 { 1.0 } else { -1.0 };
            let y = turned * unit * if x[0] <= 2.0 { 3.0 * x[1] } else { 20.0 - x[1] };
            if k >= records / 4 * 3 {
                error += (tree.predict_one(&x) - y).abs() / unit / f64::from(records / 4);
            }
            tree.learn_one(&x, y);
        }
        (tree, error)
    }

    #[test]
    fn where_errors_rise_an_alternate_takes_over_and_the_error_falls() {
        let (tree, adapted) = run(json!({}), 8_000, 1.0);
        let (deaf, kept) = run(json!({ "drift_detector": "no_drift" }), 8_000, 1.0);
        assert!(tree.events().switches >= 1 && deaf.events() == Events::default(), "{:?}", tree.events());
        assert!(adapted < 0.8 * kept, "{adapted} with a detector, {kept} without");
    }

    #[test]
    fn the_close_of_a_price_that_multiplies_is_told_better_than_by_the_last_close() {
        let (schema, mut random) = (Schema::new(["open", "high", "low"]), Random::new(5));
        let catalog = Catalog::standard();
        let shrinking = json!({ "inverse_scaling": { "learning_rate": 0.1, "power": 0.25 } });
        let plain = json!({ "linear_regression": { "optimizer": { "sgd": { "learning_rate": shrinking } } } });
        let plain = scaled("standard_scaler".into(), plain);
        let specs = [json!({}), json!({ "leaf_model": { "target_standard_scaler": { "regressor": plain } } })];
        let mut trees = specs.map(|params| catalog.regressor(&json!({ "fimtdd_regressor": params }), &[], &schema, 1).unwrap());
        let (mut close, mut naive, mut errors) = (10.0, 0.0, [0.0; 2]);
        for k in 0..3_000 {
            let open: f64 = close;
            // Calm, a year in which the price grows thirtyfold, and a slow rise.
            close *= random.uniform(0.97, 1.03) + if (1_000..1_365).contains(&k) { 0.01 } else { 0.0004 };
            let (up, down) = (random.uniform(0.0, 0.01), random.uniform(0.0, 0.01));
            let x = [open, open.max(close) * (1.0 + up), open.min(close) * (1.0 - down)];
            for (tree, error) in trees.iter_mut().zip(&mut errors) {
                *error += if k > 0 { (tree.predict_one(&x) - close).abs() } else { 0.0 };
                tree.learn_one(&x, close);
            }
            naive += if k > 0 { (close - open).abs() } else { 0.0 };
        }
        assert!(errors[0] < 0.75 * naive, "{} where naive has {naive}", errors[0]);
        // The same without the guards: plain steps on the same scales.
        assert!(errors[1] > 1e3 * naive, "{} where naive has {naive}", errors[1]);
    }

    #[test]
    fn the_unit_of_the_target_changes_nothing_but_the_unit() {
        let unit = f64::from(1 << 20);
        let ((mut one, error), (mut million, scaled)) = (run(json!({}), 6_000, 1.0), run(json!({}), 6_000, unit));
        assert_eq!((one.events(), one.shape(), error), (million.events(), million.shape(), scaled));
        assert_eq!(one.predict_one(&[1.0, 3.0]) * unit, million.predict_one(&[1.0, 3.0]));
    }
}

//! The adaptive random forest for regression.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    max_features::MaxFeatures,
    vote::{Aggregation, Performance, median},
};
use crate::{
    learn::{
        arithmetic::Arithmetic,
        base::{DriftDetector, Regressor, finite},
        catalog::{Component, ModelBuild},
        compose::Kept,
        metrics::MetricName,
        params::{ParamError, Params, above, above_to, child},
        random::Random,
        stats::Var,
        tree::{Growth, Leaf, LeafPrediction, Seedling, SplitterSpec, TebstParams, Tree, common, leaf_model, name_order},
    },
    snapshot::{Snapshot, SnapshotError, decode, encode_into},
};

crate::params! {
    /// Parameters of [`ArfRegressor`].
    pub struct ArfRegressorParams {
        /// How many trees.
        n_models: u32 = 10, in 1..=1_000;
        /// How many features a leaf watches, drawn anew for each leaf.
        max_features: MaxFeatures = MaxFeatures::Sqrt;
        /// How the predictions of the trees become one.
        aggregation_method: Aggregation = Aggregation::Median;
        /// The mean of the random weight (Poisson) with which a tree learns a record.
        lambda_value: f64 = 6.0, in above_to(0.0, 100.0);
        /// What the trees are weighed by, with weighted votes.
        metric: MetricName = MetricName::Mse;
        /// Every tree has the same vote; else, with the mean, the votes of trees with larger errors weigh less.
        disable_weighted_vote: bool = true;
        /// What tells that a tree has to go.
        drift_detector: Value = json!({ "adwin": { "delta": 0.001 } });
        /// What tells that a tree may have to go, so that its successor starts to learn.
        warning_detector: Value = json!({ "adwin": { "delta": 0.01 } });
        /// A leaf tries to split each time it has seen so much more weight.
        grace_period: u32 = 50, in 1.., unit "records";
        /// Leaves this deep do not split; "none" means 980, as in River.
        max_depth: Option<u32> = None;
        /// How likely a split may be the wrong one; smaller means later splits.
        delta: f64 = 0.01, in above_to(0.0, 1.0);
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
        /// A tree has at most so many nodes. A leaf that wants to split when it is full stops watching the features, but still learns and predicts.
        max_nodes: u32 = 4_096, in 1..;
        /// What the leaves of a tree keep of the features takes at most so much memory; then no further possible splits are noted, and those there are
        /// still counted.
        max_size: f64 = 100.0, in above(0.0), unit "MiB";
        /// After the first leaf that reached the depth limit, no leaf splits any more (River's name).
        stop_mem_management: bool = false;
        /// Features that split much worse than the best are not watched any more.
        remove_poor_attrs: bool = false;
        /// Not to split is a candidate too.
        merit_preprune: bool = true;
        /// Seed of the random weights and choices; "none" means the seed of the topology.
        seed: Option<u64> = None;
        /// Repeat River's defects: weighted votes are divided by the number of trees once more, and `min_samples_split` is 5 whatever is set; the
        /// quantiser's left sides are one slot too wide; and take squares by the C library's `pow`, to River's last bit.
        river_compat: bool = false;
    }
}

impl ArfRegressorParams {
    fn growth(&self, by_name: Vec<u32>) -> Growth {
        let growth = Growth::new(&common!(self, &self.splitter));
        // River forgets to hand this parameter to the trees.
        let min_samples_split = if self.river_compat { 5.0 } else { growth.min_samples_split };
        Growth { by_name, min_samples_split, ..growth }
    }
}

/// A forest of Hoeffding trees, each of which learns other records and watches other features, and is replaced when its errors change.
///
/// Each tree learns a record with a random weight. A detector of warnings lets a successor of a tree start to learn in the background; a detector of
/// drift lets the successor (or a fresh tree) take the tree's place. Detectors are shown the error, scaled by its running deviation to about
/// 0 to 1. With River's parameters, a seed and `river_compat` the numbers are River's to the last bit.
///
/// `counters` tells how many `warnings` and `drifts` there were.
///
/// Reference: H. M. Gomes, J. P. Barddal, L. E. Boiko Ferreira, A. Bifet, "Adaptive random forests for data stream regression", ESANN 2018.
///
/// ```
/// use serde_json::json;
/// use tidemill::learn::{base::{Regressor, Schema}, catalog::Catalog};
///
/// let spec = json!({ "arf_regressor": { "n_models": 5, "seed": 42, "leaf_prediction": "mean" } });
/// let mut forest = Catalog::standard().regressor(&spec, &[], &Schema::new(["x", "noise"]), 1).unwrap();
/// for k in 0..1_000 {
///     let x = f64::from(k % 20) / 10.0;
///     forest.learn_one(&[x, f64::from(k % 7)], if x <= 0.7 { 1.0 } else { 5.0 });
/// }
/// assert_eq!(format!("{:.1} {:.1}", forest.predict_one(&[0.2, 3.0]), forest.predict_one(&[1.5, 3.0])), "1.0 5.0");
/// ```
pub struct ArfRegressor {
    settings: Settings,
    growth: Growth,
    leaf_model: Box<dyn Regressor>,
    drift: Box<dyn DriftDetector>,
    warning: Box<dyn DriftDetector>,
    state: State,
    predictions: Vec<f64>,
}

/// What the parameters say of the forest itself.
#[derive(Debug, Clone)]
struct Settings {
    models: usize,
    max_features: MaxFeatures,
    aggregation: Aggregation,
    /// exp(-lambda): what products of random numbers fall below.
    limit: f64,
    /// The measure that votes are weighed by, if they are.
    weighed_by: Option<MetricName>,
    seed: u64,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct State {
    members: Vec<Member>,
    random: Random,
    /// How many features leaves watch; known with the first record.
    watched: Option<u32>,
    warnings: u64,
    drifts: u64,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Member {
    tree: Tree,
    background: Option<Tree>,
    warning: Option<Kept<dyn DriftDetector>>,
    drift: Option<Kept<dyn DriftDetector>>,
    errors: Var,
    performance: Option<Performance>,
}

impl ArfRegressor {
    fn of(
        settings: Settings,
        growth: Growth,
        leaf_model: Box<dyn Regressor>,
        drift: Box<dyn DriftDetector>,
        warning: Box<dyn DriftDetector>,
    ) -> Self {
        let growth = Growth { max_features: None, ..growth };
        let new = |detector: &dyn DriftDetector| (!detector.is_off()).then(|| Kept::Live(detector.clone_fresh()));
        let member = |_| Member {
            tree: Tree::new(&Seedling { growth: &growth, leaf_model: &*leaf_model }),
            background: None,
            warning: new(&*warning),
            drift: new(&*drift),
            errors: Var::default(),
            performance: settings.weighed_by.map(Performance::new),
        };
        let members = (0..settings.models).map(member).collect();
        let state = State { members, random: Random::new(settings.seed), watched: None, warnings: 0, drifts: 0 };
        ArfRegressor { settings, growth, leaf_model, drift, warning, state, predictions: Vec::new() }
    }

    /// The same forest with nothing learned.
    pub(super) fn fresh(&self) -> Self {
        let parts = (self.leaf_model.clone_fresh(), self.drift.clone_fresh(), self.warning.clone_fresh());
        Self::of(self.settings.clone(), self.growth.clone(), parts.0, parts.1, parts.2)
    }

    /// A copy with everything learned.
    pub(super) fn learned(&self) -> Self {
        ArfRegressor { state: self.state.clone(), ..self.fresh() }
    }

    /// A forest whose leaves keep the mean of the features of their records.
    ///
    /// # Errors
    /// Everything that is wrong with the parameters.
    pub(super) fn with_centroids(on: &ModelBuild<'_>) -> Result<Self, Vec<ParamError>> {
        let mut forest = ArfRegressor::build(ArfRegressorParams::read(on.params, on.path)?, on)?;
        forest.growth.centroids = true;
        Ok(forest.fresh())
    }

    /// Shows the leaf of each tree that `x` comes to.
    pub(super) fn leaves(&self, x: &[f64], see: &mut dyn FnMut(&Leaf)) {
        for member in &self.state.members {
            if let Some(leaf) = member.tree.leaf(member.tree.arrive(member.tree.root(), x).leaf) {
                see(leaf);
            }
        }
    }

    /// The vote, where trees with larger errors weigh less.
    fn weighed(&self) -> Option<f64> {
        let get = |performance: &Performance| performance.get(self.growth.arithmetic);
        let weights: Vec<f64> = self.state.members.iter().map(|m| m.performance.as_ref().map(get)).collect::<Option<_>>()?;
        let sum = weights.iter().fold(0.0, |sum, w| sum + w);
        if sum == 0.0 {
            return None;
        }
        let votes: Vec<f64> = if self.settings.weighed_by.is_some_and(MetricName::bigger_is_better) && !self.growth.river_compat {
            weights.iter().map(|w| w.max(0.0)).collect()
        } else {
            weights.iter().map(|w| sum - w).collect()
        };
        let total = Arithmetic::River.sum(&votes);
        let weighed: Vec<f64> = self.predictions.iter().zip(&votes).map(|(p, vote)| p * (vote / total)).collect();
        let sum = Arithmetic::River.sum(&weighed);
        let vote = if self.growth.river_compat { sum / weighed.len() as f64 } else { sum };
        vote.is_finite().then_some(vote)
    }
}

impl Member {
    /// The signed error on a scale on which it is mostly from 0 to 1.
    fn scaled(&mut self, error: f64) -> f64 {
        self.errors.update(error, 1.0);
        let deviation = self.errors.get(1.0).sqrt();
        let scaled = (error + 3.0 * deviation) / (6.0 * deviation);
        if self.errors.n() == 1.0 || !(deviation > 0.0 && scaled.is_finite()) { 0.5 } else { scaled }
    }
}

impl Regressor for ArfRegressor {
    fn predict_one(&mut self, x: &[f64]) -> f64 {
        self.predictions.clear();
        for member in &mut self.state.members {
            self.predictions.push(finite(member.tree.predict(x, &self.growth)));
        }
        let vote = match self.settings.aggregation {
            Aggregation::Median => median(&mut self.predictions),
            Aggregation::Mean => {
                self.weighed().unwrap_or_else(|| Arithmetic::River.sum(&self.predictions) / self.predictions.len() as f64)
            }
        };
        finite(vote)
    }

    fn learn_one(&mut self, x: &[f64], y: f64) {
        self.learn_weighted(x, y, 1.0);
    }

    fn learn_weighted(&mut self, x: &[f64], y: f64, weight: f64) {
        if !(y.is_finite() && weight > 0.0 && weight.is_finite()) {
            return;
        }
        let ArfRegressor { settings, growth, leaf_model, drift, warning, state, .. } = self;
        let State { members, random, watched, warnings, drifts } = state;
        if watched.is_none() {
            // River counts the features of the first record.
            let present = if growth.river_compat { x.iter().filter(|x| x.is_finite()).count() } else { x.len() };
            *watched = Some(settings.max_features.of(present, random) as u32);
        }
        growth.max_features = watched.map(|n| n as usize);
        let growth = &*growth;
        let new_tree = || Tree::new(&Seedling { growth, leaf_model: &**leaf_model });
        for member in members {
            let prediction = finite(member.tree.predict(x, growth));
            if let Some(performance) = &mut member.performance {
                performance.update(y, prediction);
            }
            let k = random.poisson_above(settings.limit);
            if k == 0 {
                continue;
            }
            let w = f64::from(k) * weight;
            if let Some(background) = &mut member.background {
                background.learn(x, y, w, growth, Some(&mut *random));
            }
            member.tree.learn(x, y, w, growth, Some(&mut *random));
            if member.warning.is_none() && member.drift.is_none() {
                continue;
            }
            let error = member.scaled(finite(y - prediction));
            if member.warning.as_mut().is_some_and(|detector| detector.alarms(error)) {
                member.background = Some(new_tree());
                member.warning = Some(Kept::Live(warning.clone_fresh()));
                *warnings += 1;
            }
            if member.drift.as_mut().is_some_and(|detector| detector.alarms(error)) {
                if let Some(background) = member.background.take() {
                    member.tree = background;
                    member.warning = Some(Kept::Live(warning.clone_fresh()));
                } else {
                    member.tree = new_tree();
                }
                member.drift = Some(Kept::Live(drift.clone_fresh()));
                member.performance = settings.weighed_by.map(Performance::new);
                *drifts += 1;
            }
        }
    }

    fn takes_weights(&self) -> bool {
        true
    }

    fn counters(&self, report: &mut dyn FnMut(&'static str, u64)) {
        report("warnings", self.state.warnings);
        report("drifts", self.state.drifts);
    }

    fn clone_fresh(&self) -> Box<dyn Regressor> {
        Box::new(self.fresh())
    }

    fn clone_learned(&self) -> Box<dyn Regressor> {
        Box::new(self.learned())
    }
}

impl Component for ArfRegressor {
    type Params = ArfRegressorParams;
    const NAME: &'static str = "arf_regressor";
    const SUMMARY: &'static str = "adaptive random forest: bagged Hoeffding trees that are replaced when their errors change";
    const REFERENCE: &'static str = "Gomes et al., Adaptive random forests for data stream regression, 2018";
    const DIVERGES_UNSCALED: bool = true;

    fn examples() -> Vec<Value> {
        // Small limits and quick alarms, so that the checks see what happens at them.
        let of = |params: Value| {
            let mut all = json!({ "n_models": 3, "max_nodes": 7, "max_size": 0.01, "seed": 1 });
            all.as_object_mut().into_iter().for_each(|all| all.extend(params.as_object().cloned().unwrap_or_default()));
            json!({ Self::NAME: all })
        };
        let quick = json!({ "adwin": { "delta": 0.5, "clock": 8 } });
        [
            json!({}),
            json!({ "aggregation_method": "mean", "disable_weighted_vote": false, "drift_detector": quick, "leaf_prediction": "mean" }),
            json!({ "warning_detector": "no_drift", "drift_detector": quick, "max_features": "none", "metric": "r2" }),
            json!({ "warning_detector": quick, "drift_detector": "no_drift", "max_features": 0.7, "river_compat": true }),
        ]
        .map(of)
        .into()
    }

    fn build(params: ArfRegressorParams, on: &ModelBuild<'_>) -> Result<Self, Vec<ParamError>> {
        let detector = |spec: &Value, key: &str| on.catalog.drift_detector(spec, &child(on.path, key), on.seed);
        let weighs = !params.disable_weighted_vote && params.aggregation_method == Aggregation::Mean;
        let settings = Settings {
            models: params.n_models as usize,
            max_features: params.max_features,
            aggregation: params.aggregation_method,
            limit: libm::exp(-params.lambda_value),
            weighed_by: weighs.then_some(params.metric),
            seed: params.seed.unwrap_or(on.seed),
        };
        let leaf_model = leaf_model(params.leaf_model.as_ref(), params.river_compat, on)?;
        let (drift, warning) =
            (detector(&params.drift_detector, "drift_detector")?, detector(&params.warning_detector, "warning_detector")?);
        Ok(ArfRegressor::of(settings, params.growth(name_order(on.schema)), leaf_model, drift, warning))
    }
}

impl Snapshot for ArfRegressor {
    fn save(&self, out: &mut Vec<u8>) -> Result<(), SnapshotError> {
        encode_into(&self.state, out)
    }

    fn load(&mut self, bytes: &[u8]) -> Result<(), SnapshotError> {
        let mut state: State = decode(bytes)?;
        let seedling = Seedling { growth: &self.growth, leaf_model: &*self.leaf_model };
        for member in &mut state.members {
            member.tree.revive(&seedling)?;
            member.background.as_mut().map_or(Ok(()), |tree| tree.revive(&seedling))?;
            member.warning.as_mut().map_or(Ok(()), |detector| detector.revive(&*self.warning))?;
            member.drift.as_mut().map_or(Ok(()), |detector| detector.revive(&*self.drift))?;
        }
        if state.members.len() != self.settings.models {
            let message = format!("{} trees where {} belong", state.members.len(), self.settings.models);
            return Err(SnapshotError::Decode(message));
        }
        self.growth.max_features = state.watched.map(|n| n as usize);
        self.state = state;
        Ok(())
    }
}

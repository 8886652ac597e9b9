//! The online extra trees forest for regression.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{max_features::MaxFeatures, vote::Performance};
use crate::{
    learn::{
        base::{DriftDetector, Regressor, finite},
        catalog::{Component, ModelBuild},
        compose::Kept,
        metrics::MetricName,
        params::{ParamError, ParamErrorKind, above, above_to, child},
        random::Random,
        stats::Mean,
        tree::{
            DEEPEST, Growth, LeafPrediction, Seedling, SplitterKind, SplitterSpec, TebstParams, Tree, common, leaf_model,
            name_order,
        },
    },
    snapshot::{Snapshot, SnapshotError, decode, encode_into},
};

crate::choices! {
    /// Which records a tree learns.
    pub enum Resampling {
        /// Each with a random weight (Poisson) of mean `resampling_rate`.
        Bagging = "bagging",
        /// Each with probability `resampling_rate`.
        Subbagging = "subbagging",
    }
}

crate::choices! {
    /// What detectors do.
    pub enum DetectionMode {
        /// A warning lets a successor start to learn; a drift lets it take over.
        All = "all",
        /// A drift puts a fresh tree in place; there are no warnings.
        Drop = "drop",
        /// Nothing is detected.
        Off = "off",
    }
}

crate::params! {
    /// Parameters of [`OxtRegressor`].
    pub struct OxtRegressorParams {
        /// How many trees.
        n_models: u32 = 10, in 1..=1_000;
        /// How many features a leaf watches, drawn anew for each leaf.
        max_features: MaxFeatures = MaxFeatures::Sqrt;
        /// Which records a tree learns; "none" means all.
        resampling_strategy: Option<Resampling> = Some(Resampling::Subbagging);
        /// The mean weight of bagging (at least 1; cut to a whole number), or the probability of subbagging.
        resampling_rate: f64 = 0.5, in above_to(0.0, 100.0);
        /// What detectors do.
        detection_mode: DetectionMode = DetectionMode::All;
        /// What tells that a tree may have to go, so that its successor starts to learn.
        warning_detector: Value = json!({ "adwin": { "delta": 0.01 } });
        /// What tells that a tree has to go.
        drift_detector: Value = json!({ "adwin": { "delta": 0.001 } });
        /// Draw the depth limit of each tree.
        randomize_tree_depth: bool = false;
        /// What the trees are weighed by, with weighted votes.
        track_metric: MetricName = MetricName::Mae;
        /// Every tree has the same vote; else the votes of trees with larger errors weigh less.
        disable_weighted_vote: bool = true;
        /// A leaf draws the threshold of a feature once it has seen so many values.
        split_buffer_size: u32 = 5, in 1..=10_000, unit "records";
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
        /// Seed of all random choices; "none" means the seed of the topology.
        seed: Option<u64> = None;
        /// Repeat River's defects: leaves watch all features, whatever `max_features` says; the record with which a threshold is drawn does not count;
        /// alarms count too where errors fall; a tree that takes another's place does not learn the record with which it does. Squares are taken by the C library's `pow`, to
        /// River's last bit.
        river_compat: bool = false;
    }
}

impl OxtRegressorParams {
    fn growth(&self, by_name: Vec<u32>) -> Growth {
        let growth = Growth::new(&common!(self, &SplitterSpec::Tebst(TebstParams::default())));
        Growth { by_name, splitter: SplitterKind::Threshold(self.split_buffer_size as usize), ..growth }
    }
}

/// Online extra trees: a forest whose leaves try one random threshold a feature, which makes trees cheap and different.
///
/// Each tree learns a random part of the records. Two detectors a tree watch its absolute error, as in the adaptive random forest; an alarm counts if the
/// errors of late are larger than before (River replaces trees whose errors fall, too). With River's
/// parameters, a seed and `river_compat` the numbers are River's to the last bit.
///
/// `counters` tells how many `warnings` and `drifts` there were, and how often a successor took over (`swaps`).
///
/// Reference: S. M. Mastelini, F. K. Nakano, C. Vens, A. C. P. de Leon Ferreira de Carvalho, "Online extra trees regressor", IEEE Transactions on
/// Neural Networks and Learning Systems, 2022.
///
/// ```
/// use serde_json::json;
/// use tidemill::learn::{base::{Regressor, Schema}, catalog::Catalog};
///
/// let spec = json!({ "oxt_regressor": { "seed": 42, "leaf_prediction": "mean", "max_features": "none" } });
/// let mut forest = Catalog::standard().regressor(&spec, &[], &Schema::new(["x", "noise"]), 1).unwrap();
/// for k in 0..4_000 {
///     let x = f64::from(k % 20) / 10.0;
///     forest.learn_one(&[x, f64::from(k % 7)], if x <= 0.7 { 1.0 } else { 5.0 });
/// }
/// let (low, high) = (forest.predict_one(&[0.2, 3.0]), forest.predict_one(&[1.8, 3.0]));
/// assert_eq!(format!("{low:.1} {high:.1}"), "1.0 5.0");
/// ```
pub struct OxtRegressor {
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
    max_depth: u32,
    random_depth: Option<i64>,
    sampling: Sampling,
    detection: DetectionMode,
    track_metric: MetricName,
    weighed: bool,
    seed: u64,
}

/// Which records a tree learns.
#[derive(Debug, Clone, Copy)]
enum Sampling {
    All,
    /// exp(-rate).
    Bagging(f64),
    Subbagging(f64),
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct State {
    members: Vec<Member>,
    random: Random,
    warnings: u64,
    drifts: u64,
    swaps: u64,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Member {
    tree: Tried,
    background: Option<Tried>,
    warning: Kept<dyn DriftDetector>,
    drift: Kept<dyn DriftDetector>,
    level: Level,
    performance: Option<Performance>,
}

/// How large errors are of late and were before, since the tree began or its errors last fell.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Level {
    before: Mean,
    of_late: f64,
}

impl Level {
    /// What a new error counts among those of late.
    const SHARE: f64 = 1.0 / 32.0;

    fn update(&mut self, error: f64) {
        self.before.update(error, 1.0);
        self.of_late = if self.before.n() == 1.0 { error } else { self.of_late + Self::SHARE * (error - self.of_late) };
    }

    fn has_risen(&self) -> bool {
        self.of_late > self.before.get()
    }
}

/// A tree with limits of its own.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Tried {
    tree: Tree,
    max_depth: u32,
    max_features: u32,
}

impl Tried {
    /// A new tree; draws its limits and the seed of its thresholds.
    fn new(features: usize, settings: &Settings, seedling: &Seedling<'_>, random: &mut Random) -> Self {
        let max_features = settings.max_features.of(features, random) as u32;
        let drawn = settings.random_depth.map(|deepest| random.randint(1, deepest) as u32);
        let seed = random.below(1 << 63);
        let mut tree = Tree::new(seedling);
        // The tree's own generator gives one number: the seed of the generator that the splitters take their seeds from.
        tree.seeds = Some(Random::new(Random::new(seed).below(1 << 63)));
        Tried { tree, max_depth: drawn.unwrap_or(settings.max_depth).min(DEEPEST), max_features }
    }

    fn learn(&mut self, x: &[f64], y: f64, w: f64, growth: &mut Growth, random: &mut Random) {
        growth.max_depth = self.max_depth;
        growth.max_features = (!growth.river_compat).then_some(self.max_features as usize);
        self.tree.learn(x, y, w, growth, Some(random));
    }
}

impl OxtRegressor {
    fn of(
        settings: Settings,
        growth: Growth,
        leaf_model: Box<dyn Regressor>,
        drift: Box<dyn DriftDetector>,
        warning: Box<dyn DriftDetector>,
    ) -> Self {
        // The trees are made with the first record, which tells how many features there are.
        let state = State { members: Vec::new(), random: Random::new(settings.seed), warnings: 0, drifts: 0, swaps: 0 };
        OxtRegressor { settings, growth, leaf_model, drift, warning, state, predictions: Vec::new() }
    }

    fn fresh(&self) -> Self {
        let parts = (self.leaf_model.clone_fresh(), self.drift.clone_fresh(), self.warning.clone_fresh());
        Self::of(self.settings.clone(), self.growth.clone(), parts.0, parts.1, parts.2)
    }

    fn plant(&mut self, features: usize) {
        let seedling = Seedling { growth: &self.growth, leaf_model: &*self.leaf_model };
        for _ in 0..self.settings.models {
            let tree = Tried::new(features, &self.settings, &seedling, &mut self.state.random);
            self.state.members.push(Member {
                tree,
                background: None,
                warning: Kept::Live(self.warning.clone_fresh()),
                drift: Kept::Live(self.drift.clone_fresh()),
                level: Level::default(),
                performance: self.settings.weighed.then(|| Performance::new(self.settings.track_metric)),
            });
        }
    }

    /// The vote, where trees with larger errors weigh less.
    fn weighed(&self) -> Option<f64> {
        let get = |performance: &Performance| performance.get(self.growth.arithmetic);
        let mut weights: Vec<f64> = self.state.members.iter().map(|m| m.performance.as_ref().map(get)).collect::<Option<_>>()?;
        let mut sum = weights.iter().fold(0.0, |sum, w| sum + w);
        if sum == 0.0 {
            return None;
        }
        if !self.settings.track_metric.bigger_is_better() {
            weights.iter_mut().for_each(|w| *w = (1.0 + 1e-8) / (*w + 1e-8));
            sum = weights.iter().fold(0.0, |sum, w| sum + w);
        }
        let vote = self.predictions.iter().zip(&weights).fold(0.0, |vote, (p, w)| vote + (w / sum) * p);
        vote.is_finite().then_some(vote)
    }
}

impl Regressor for OxtRegressor {
    fn predict_one(&mut self, x: &[f64]) -> f64 {
        if self.state.members.is_empty() {
            return 0.0;
        }
        self.predictions.clear();
        for member in &mut self.state.members {
            self.predictions.push(finite(member.tree.tree.predict(x, &self.growth)));
        }
        let mean = || self.predictions.iter().fold(0.0, |sum, p| sum + p) / self.predictions.len() as f64;
        finite(self.weighed().unwrap_or_else(mean))
    }

    fn learn_one(&mut self, x: &[f64], y: f64) {
        self.learn_weighted(x, y, 1.0);
    }

    fn learn_weighted(&mut self, x: &[f64], y: f64, weight: f64) {
        if !(y.is_finite() && weight > 0.0 && weight.is_finite()) {
            return;
        }
        let compat = self.growth.river_compat;
        let features = if compat { x.iter().filter(|x| x.is_finite()).count() } else { x.len() };
        if self.state.members.is_empty() {
            self.plant(features);
        }
        let OxtRegressor { settings, growth, leaf_model, drift, warning, state, .. } = self;
        let State { members, random, warnings, drifts, swaps } = state;
        for member in members {
            let prediction = finite(member.tree.tree.predict(x, growth));
            let error = finite(y - prediction).abs();
            let new_tree =
                |random: &mut Random| Tried::new(features, settings, &Seedling { growth, leaf_model: &**leaf_model }, random);
            member.level.update(error);
            // Both detectors see the error before either acts.
            let [warned, drifted] = match settings.detection {
                DetectionMode::Off => [false, false],
                DetectionMode::Drop => [false, member.drift.alarms(error)],
                DetectionMode::All => [member.warning.alarms(error), member.drift.alarms(error)],
            };
            // A tree whose errors fall is learning. River replaces it all the same.
            let calmed = !compat && (warned || drifted) && !member.level.has_risen();
            let [warned, drifted] = [warned && !calmed, drifted && !calmed];
            if calmed {
                member.level = Level::default();
            }
            if warned {
                member.background = Some(new_tree(random));
                member.warning = Kept::Live(warning.clone_fresh());
                *warnings += 1;
            }
            if drifted {
                if let Some(background) = member.background.take() {
                    member.tree = background;
                    *swaps += 1;
                } else {
                    member.tree = new_tree(random);
                }
                member.drift = Kept::Live(drift.clone_fresh());
                member.level = Level::default();
                member.performance = settings.weighed.then(|| Performance::new(settings.track_metric));
                *drifts += 1;
            }
            if let Some(performance) = &mut member.performance {
                performance.update(y, prediction);
            }
            let drawn = match settings.sampling {
                Sampling::All => 1,
                Sampling::Bagging(limit) => random.poisson_above(limit),
                Sampling::Subbagging(rate) => u32::from(random.random() <= rate),
            };
            if drawn == 0 {
                continue;
            }
            let w = f64::from(drawn) * weight;
            // River teaches the tree that has just been replaced.
            if !(drifted && compat) {
                member.tree.learn(x, y, w, growth, random);
            }
            if let Some(background) = &mut member.background {
                background.learn(x, y, w, growth, random);
            }
        }
    }

    fn takes_weights(&self) -> bool {
        true
    }

    fn counters(&self, report: &mut dyn FnMut(&'static str, u64)) {
        report("warnings", self.state.warnings);
        report("drifts", self.state.drifts);
        report("swaps", self.state.swaps);
    }

    fn clone_fresh(&self) -> Box<dyn Regressor> {
        Box::new(self.fresh())
    }

    fn clone_learned(&self) -> Box<dyn Regressor> {
        Box::new(OxtRegressor { state: self.state.clone(), ..self.fresh() })
    }
}

impl Component for OxtRegressor {
    type Params = OxtRegressorParams;
    const NAME: &'static str = "oxt_regressor";
    const SUMMARY: &'static str = "online extra trees: a forest whose leaves try one random threshold a feature";
    const REFERENCE: &'static str = "Mastelini et al., Online extra trees regressor, 2022";
    const DIVERGES_UNSCALED: bool = true;

    fn examples() -> Vec<Value> {
        // Small limits and quick alarms, so that the checks see what happens at them.
        let of = |params: Value| {
            let mut all =
                json!({ "n_models": 3, "max_nodes": 7, "seed": 1, "drift_detector": { "adwin": { "delta": 0.5, "clock": 8 } } });
            all.as_object_mut().into_iter().for_each(|all| all.extend(params.as_object().cloned().unwrap_or_default()));
            json!({ Self::NAME: all })
        };
        [
            json!({}),
            json!({ "resampling_strategy": "bagging", "resampling_rate": 2, "disable_weighted_vote": false, "max_features": "random" }),
            json!({ "resampling_strategy": "none", "detection_mode": "drop", "randomize_tree_depth": true, "max_depth": 3 }),
            json!({ "detection_mode": "off", "river_compat": true, "leaf_prediction": "mean" }),
        ]
        .map(of)
        .into()
    }

    fn build(params: OxtRegressorParams, on: &ModelBuild<'_>) -> Result<Self, Vec<ParamError>> {
        let detector = |spec: &Value, key: &str| on.catalog.drift_detector(spec, &child(on.path, key), on.seed);
        let rate = params.resampling_rate;
        let wrong = |expected: &str| {
            let path = child(on.path, "resampling_rate");
            Err(vec![ParamError::new(ParamErrorKind::Conflict, &path, format!("{rate} does not fit the strategy"), expected)])
        };
        let sampling = match params.resampling_strategy {
            None => Sampling::All,
            Some(Resampling::Bagging) if rate < 1.0 => return wrong("1 or more for bagging"),
            Some(Resampling::Bagging) => Sampling::Bagging(libm::exp(-rate.trunc())),
            Some(Resampling::Subbagging) if rate > 1.0 => return wrong("at most 1 for subbagging"),
            Some(Resampling::Subbagging) => Sampling::Subbagging(rate),
        };
        let settings = Settings {
            models: params.n_models as usize,
            max_features: params.max_features,
            max_depth: params.max_depth.unwrap_or(DEEPEST),
            random_depth: params.randomize_tree_depth.then(|| params.max_depth.map_or(9_999, |depth| i64::from(depth.max(1)))),
            sampling,
            detection: params.detection_mode,
            track_metric: params.track_metric,
            weighed: !params.disable_weighted_vote,
            seed: params.seed.unwrap_or(on.seed),
        };
        let leaf_model = leaf_model(params.leaf_model.as_ref(), params.river_compat, on)?;
        let (drift, warning) =
            (detector(&params.drift_detector, "drift_detector")?, detector(&params.warning_detector, "warning_detector")?);
        Ok(OxtRegressor::of(settings, params.growth(name_order(on.schema)), leaf_model, drift, warning))
    }
}

impl Snapshot for OxtRegressor {
    fn save(&self, out: &mut Vec<u8>) -> Result<(), SnapshotError> {
        encode_into(&self.state, out)
    }

    fn load(&mut self, bytes: &[u8]) -> Result<(), SnapshotError> {
        let mut state: State = decode(bytes)?;
        let seedling = Seedling { growth: &self.growth, leaf_model: &*self.leaf_model };
        for member in &mut state.members {
            member.tree.tree.revive(&seedling)?;
            member.background.as_mut().map_or(Ok(()), |tried| tried.tree.revive(&seedling))?;
            member.warning.revive(&*self.warning)?;
            member.drift.revive(&*self.drift)?;
        }
        self.state = state;
        Ok(())
    }
}

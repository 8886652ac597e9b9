//! Leaves: they learn, predict, and watch the features for a split.

use serde::{Deserialize, Serialize};

use super::{
    criterion::{Candidate, Criterion},
    growth::{Growth, LeafPrediction, Seedling},
    splitter::{Pruning, Splitter, Work},
};
use crate::learn::{
    base::{Regressor, finite},
    compose::Kept,
    random::Random,
    stats::{Mean, Var},
};

/// A leaf.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Leaf {
    /// The targets of the records that came here, those inherited among them.
    pub targets: Var,
    /// How many branches lead here.
    pub depth: u32,
    /// The weight at the last attempt to split.
    pub last_attempt: f64,
    /// Faded squared errors of the mean and of the model.
    errors: [f64; 2],
    model: Option<Kept<dyn Regressor>>,
    /// Nothing in a leaf that does not split any more.
    watch: Option<Watch>,
    /// Features that are not watched any more.
    dropped: Vec<u32>,
    /// The features that are watched, where not all are; drawn with the first record.
    chosen: Vec<u32>,
    /// The mean of each feature, where the tree keeps it.
    centroid: Vec<Mean>,
}

/// The splitters of a leaf, in the order in which their features first came.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Watch {
    slots: Vec<Slot>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Slot {
    feature: u32,
    splitter: Splitter,
}

/// What leaves take from the tree while they learn.
pub struct Supply<'a> {
    /// How many points splitters may still add.
    pub room: &'a mut u64,
    /// What the choice of features is drawn from.
    pub features: Option<&'a mut Random>,
    /// What the seeds of splitters are drawn from.
    pub seeds: Option<&'a mut Random>,
    /// Memory for samples.
    pub sample: &'a mut Vec<usize>,
}

impl Leaf {
    /// The first leaf of a tree or subtree.
    pub fn first(seedling: &Seedling<'_>) -> Self {
        let with_model = seedling.growth.leaf_prediction != LeafPrediction::Mean;
        Leaf {
            targets: Var::default(),
            depth: 0,
            last_attempt: 0.0,
            errors: [0.0; 2],
            model: with_model.then(|| Kept::Live(seedling.leaf_model.clone_fresh())),
            watch: Some(Watch::default()),
            dropped: Vec::new(),
            chosen: Vec::new(),
            centroid: Vec::new(),
        }
    }

    /// The leaf of one side of a split of this one: it inherits the targets of that side, the model, and what chooses between mean and model.
    pub fn child(&self, targets: Var) -> Self {
        Leaf {
            targets,
            depth: self.depth + 1,
            last_attempt: targets.n(),
            errors: self.errors,
            model: self.model.clone(),
            watch: Some(Watch::default()),
            dropped: Vec::new(),
            chosen: Vec::new(),
            centroid: Vec::new(),
        }
    }

    /// The weight of the records that came here.
    pub fn weight(&self) -> f64 {
        self.targets.n()
    }

    /// Whether it still watches for a split.
    pub fn is_active(&self) -> bool {
        self.watch.is_some()
    }

    /// Starts to watch, from nothing.
    pub fn activate(&mut self) {
        self.watch.get_or_insert_with(Watch::default);
    }

    /// Stops watching and gives back how many points that frees.
    pub fn deactivate(&mut self) -> u64 {
        self.watch.take().map_or(0, |watch| watch.points())
    }

    /// How many points its splitters keep.
    pub fn points(&self) -> u64 {
        self.watch.as_ref().map_or(0, Watch::points)
    }

    /// The prediction.
    #[inline]
    pub fn predict(&mut self, x: &[f64], growth: &Growth) -> f64 {
        let by_mean = match growth.leaf_prediction {
            LeafPrediction::Mean => true,
            LeafPrediction::Model => false,
            LeafPrediction::Adaptive => self.errors[0] < self.errors[1],
        };
        match self.model.as_mut().and_then(Kept::get_mut) {
            Some(model) if !by_mean => model.predict_one(x),
            _ => finite(self.targets.mean()),
        }
    }

    /// Learns a record. A target whose square the statistics cannot take is refused.
    pub fn learn(&mut self, x: &[f64], y: f64, w: f64, growth: &Growth, supply: &mut Supply<'_>) {
        let mut targets = self.targets;
        targets.update(y, w);
        if targets.n() == self.targets.n() {
            return;
        }
        if growth.leaf_prediction == LeafPrediction::Adaptive {
            let predictions = [self.targets.mean(), self.model_says(x)];
            for (error, prediction) in self.errors.iter_mut().zip(predictions) {
                let faded = growth.model_selector_decay * *error + growth.arithmetic.square(y - prediction);
                *error = faded.min(f64::MAX);
            }
        }
        self.targets = targets;
        if growth.centroids {
            self.centroid.resize_with(x.len(), Mean::default);
            let present = self.centroid.iter_mut().zip(x).filter(|(_, x)| x.is_finite());
            present.for_each(|(mean, x)| mean.update(*x, w));
        }
        if let Some(mut watch) = self.watch.take() {
            self.observe(&mut watch, x, y, w, growth, supply);
            self.watch = Some(watch);
        }
        if let Some(model) = self.model.as_mut().and_then(Kept::get_mut) {
            if w == 1.0 || model.takes_weights() {
                model.learn_weighted(x, y, w);
            } else {
                (0..w as u32).for_each(|_| model.learn_one(x, y));
            }
        }
    }

    /// The squared distance of `x` to the mean of the records here, over the features present; infinite where none came yet.
    pub fn distance(&self, x: &[f64]) -> f64 {
        if self.centroid.is_empty() {
            return f64::INFINITY;
        }
        let apart = |(mean, x): (&Mean, &f64)| if x.is_finite() { (x - mean.get()) * (x - mean.get()) } else { 0.0 };
        self.centroid.iter().zip(x).map(apart).sum()
    }

    fn model_says(&mut self, x: &[f64]) -> f64 {
        self.model.as_mut().and_then(Kept::get_mut).map_or(0.0, |model| model.predict_one(x))
    }

    fn observe(&mut self, watch: &mut Watch, x: &[f64], y: f64, w: f64, growth: &Growth, supply: &mut Supply<'_>) {
        if growth.max_features.is_none() {
            for (feature, value) in x.iter().enumerate() {
                self.observe_one(watch, feature, *value, y, w, growth, supply);
            }
            return;
        }
        if self.chosen.is_empty() {
            self.choose(x, growth, supply);
        }
        for at in 0..self.chosen.len() {
            let feature = self.chosen[at] as usize;
            self.observe_one(watch, feature, x[feature], y, w, growth, supply);
        }
    }

    /// Draws the features to watch from those present, in the order of their names.
    fn choose(&mut self, x: &[f64], growth: &Growth, supply: &mut Supply<'_>) {
        let wanted = growth.max_features.unwrap_or(usize::MAX);
        self.chosen.extend(growth.by_name.iter().filter(|f| x[**f as usize].is_finite()));
        if let Some(random) = supply.features.as_deref_mut().filter(|_| self.chosen.len() >= wanted) {
            random.sample_into(self.chosen.len(), wanted, supply.sample);
            self.chosen = supply.sample.iter().map(|k| self.chosen[*k]).collect();
        }
    }

    #[inline]
    #[allow(clippy::too_many_arguments, reason = "a record, and all that the leaf needs to learn it")]
    fn observe_one(
        &self,
        watch: &mut Watch,
        feature: usize,
        value: f64,
        y: f64,
        w: f64,
        growth: &Growth,
        supply: &mut Supply<'_>,
    ) {
        if !value.is_finite() || self.dropped.contains(&(feature as u32)) {
            return;
        }
        let at = watch.position(feature as u32);
        let at = at.unwrap_or_else(|| {
            let seed = supply.seeds.as_deref_mut().map_or(0, |seeds| seeds.below(1 << 63));
            watch.slots.push(Slot { feature: feature as u32, splitter: Splitter::new(growth.splitter, seed) });
            watch.slots.len() - 1
        });
        let splitter = &mut watch.slots[at].splitter;
        if splitter.update(growth.splitter, value, y, w, *supply.room > 0, growth.river_compat) {
            *supply.room -= 1;
        }
    }

    /// The best split of each watched feature, in the order in which they came, after the candidate not to split.
    pub fn candidates(&self, growth: &Growth, work: &mut Work, out: &mut Vec<Candidate>) {
        out.clear();
        if growth.merit_preprune {
            out.push(Candidate::NONE);
        }
        let criterion = self.criterion(growth);
        let slots = self.watch.iter().flat_map(|watch| &watch.slots);
        out.extend(slots.map(|slot| slot.splitter.best(slot.feature, &criterion, growth.river_compat, work)));
    }

    fn criterion(&self, growth: &Growth) -> Criterion<'_> {
        Criterion::new(&self.targets, growth.min_samples_split, growth.arithmetic).by_deviation(growth.by_deviation)
    }

    /// Stops watching a feature.
    pub fn drop_feature(&mut self, feature: u32) {
        if let Some(watch) = &mut self.watch {
            let before = watch.slots.len();
            watch.slots.retain(|slot| slot.feature != feature);
            if watch.slots.len() < before {
                self.dropped.push(feature);
            }
        }
    }

    /// Lets every splitter forget what is much worse than the best.
    pub fn prune(&mut self, growth: &Growth, pruning: Pruning, work: &mut Work) {
        if let Some(mut watch) = self.watch.take() {
            let criterion = self.criterion(growth);
            watch.slots.iter_mut().for_each(|slot| slot.splitter.prune(&criterion, pruning, work));
            self.watch = Some(watch);
        }
    }

    /// Brings the model back that was read with the leaf.
    ///
    /// # Errors
    /// When its bytes are no state of a model like that of the seedling.
    pub fn revive(&mut self, seedling: &Seedling<'_>) -> Result<(), crate::snapshot::SnapshotError> {
        self.model.as_mut().map_or(Ok(()), |model| model.revive(seedling.leaf_model))
    }
}

impl Watch {
    fn points(&self) -> u64 {
        self.slots.iter().map(|slot| slot.splitter.len() as u64).sum()
    }

    #[inline]
    fn position(&self, feature: u32) -> Option<usize> {
        // Features mostly came in their order.
        if self.slots.get(feature as usize).is_some_and(|slot| slot.feature == feature) {
            return Some(feature as usize);
        }
        self.slots.iter().position(|slot| slot.feature == feature)
    }
}

//! A rule: its conditions, its model, and what it watches to grow, to doubt a record, and to notice a change.

use serde::{Deserialize, Serialize};

use super::literal::Literal;
use crate::{
    learn::{
        arithmetic::Arithmetic,
        base::{DriftDetector, Regressor, finite},
        compose::Kept,
        stats::{Mean, Var},
        tree::{Candidate, Criterion, Splitter, SplitterKind, Work},
    },
    snapshot::SnapshotError,
};

crate::choices! {
    /// What a rule predicts with.
    pub enum PredictionType {
        /// The mean of its targets.
        Mean = "mean",
        /// Its model.
        Model = "model",
        /// Whichever of both erred less of late.
        Adaptive = "adaptive",
    }
}

/// What all rules of a set have in common.
pub struct Setting {
    /// What rules predict with.
    pub prediction: PredictionType,
    /// The model of a rule, with nothing learned.
    pub model: Box<dyn Regressor>,
    /// The detector of a rule, having seen nothing.
    pub detector: Box<dyn DriftDetector>,
    /// What is kept of each feature.
    pub splitter: SplitterKind,
    /// What is kept of absolute errors at each record.
    pub fading: f64,
    /// Both sides of a split must weigh so much.
    pub least_side: f64,
    /// ln(1 / delta).
    pub log_inverse_delta: f64,
    /// Below this bound the best split is made even if the second is as good.
    pub tau: f64,
    /// Whether River's bits are asked for.
    pub river_compat: bool,
}

impl Setting {
    /// The same setting.
    pub fn fresh(&self) -> Self {
        Setting { model: self.model.clone_fresh(), detector: self.detector.clone_fresh(), ..*self }
    }
}

/// What a rule predicts with, handed on when the rule grows.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Predictor {
    mean: Mean,
    model: Option<Kept<dyn Regressor>>,
    /// Faded absolute errors of the mean and of the model.
    errors: [f64; 2],
}

impl Predictor {
    fn new(setting: &Setting) -> Self {
        let with_model = setting.prediction != PredictionType::Mean;
        let model = with_model.then(|| Kept::Live(setting.model.clone_fresh()));
        Predictor { mean: Mean::default(), model, errors: [0.0; 2] }
    }

    /// The same model with the mean of one side of a split. River keeps the mean of both sides.
    fn of_side(&self, side: &Var, setting: &Setting) -> Self {
        if setting.river_compat {
            return self.clone();
        }
        let mut mean = Mean::default();
        mean.update(side.mean(), side.n());
        Predictor { mean, model: self.model.clone(), errors: [0.0; 2] }
    }

    fn of_model(&mut self, x: &[f64]) -> f64 {
        self.model.as_mut().and_then(Kept::get_mut).map_or(0.0, |model| model.predict_one(x))
    }

    fn predict(&mut self, x: &[f64], prediction: PredictionType) -> f64 {
        match prediction {
            PredictionType::Model => self.of_model(x),
            PredictionType::Adaptive if self.errors[0] > self.errors[1] => self.of_model(x),
            PredictionType::Mean | PredictionType::Adaptive => self.mean.get(),
        }
    }

    fn learn(&mut self, x: &[f64], y: f64, w: f64, setting: &Setting) {
        if setting.prediction == PredictionType::Adaptive {
            let predictions = [self.mean.get(), self.of_model(x)];
            for (error, prediction) in self.errors.iter_mut().zip(predictions) {
                *error = (setting.fading * *error + (y - prediction).abs()).min(f64::MAX);
            }
        }
        self.mean.update(y, w);
        if let Some(model) = self.model.as_mut().and_then(Kept::get_mut) {
            if w == 1.0 { model.learn_one(x, y) } else { model.learn_weighted(x, y, w) }
        }
    }
}

/// A rule.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Rule {
    literals: Vec<Literal>,
    weight: f64,
    /// The weight at the last attempt to grow.
    pub last_attempt: f64,
    targets: Var,
    features: Vec<Var>,
    /// In the order in which the features first came.
    splitters: Vec<(u32, Splitter)>,
    predictor: Predictor,
    detector: Kept<dyn DriftDetector>,
}

impl Rule {
    /// A rule without conditions over `features` features.
    pub fn new(setting: &Setting, features: usize) -> Self {
        Rule {
            literals: Vec::new(),
            weight: 0.0,
            last_attempt: 0.0,
            targets: Var::default(),
            features: vec![Var::default(); features],
            splitters: Vec::new(),
            predictor: Predictor::new(setting),
            detector: Kept::Live(setting.detector.clone_fresh()),
        }
    }

    /// The weight of the records it has learned since it last grew.
    pub fn weight(&self) -> f64 {
        self.weight
    }

    /// How many points its splitters keep.
    pub fn points(&self) -> usize {
        self.splitters.iter().map(|(_, splitter)| splitter.len()).sum()
    }

    /// Whether `x` fulfils all conditions.
    pub fn covers(&self, x: &[f64]) -> bool {
        self.literals.iter().all(|literal| literal.holds(x))
    }

    /// The prediction.
    pub fn predict(&mut self, x: &[f64], setting: &Setting) -> f64 {
        finite(self.predictor.predict(x, setting.prediction))
    }

    /// How usual `x` is for this rule: below 0 the rarer the smaller, by Cantelli's inequality for each feature.
    pub fn score(&self, x: &[f64], arithmetic: Arithmetic) -> f64 {
        let (mut score, mut hits) = (0.0, 0.0);
        for (feature, value) in self.features.iter().zip(x).filter(|(_, value)| value.is_finite()) {
            let variance = feature.get(1.0);
            if variance > 0.0 {
                let likely = (2.0 * variance) / (variance + arithmetic.square(value - feature.mean()));
                if likely > 0.0 && likely < 1.0 {
                    score += arithmetic.log(likely) - arithmetic.log(1.0 - likely);
                    hits += 1.0;
                }
            }
        }
        if hits > 0.0 { score / hits } else { 0.0 }
    }

    /// Whether the error of the prediction raises the alarm.
    pub fn drifts(&mut self, y: f64, prediction: f64) -> bool {
        self.detector.alarms((y - prediction).abs())
    }

    /// Learns a record; without `room` its splitters note no new points. Tells how many they noted.
    pub fn learn(&mut self, x: &[f64], y: f64, w: f64, setting: &Setting, room: bool) -> usize {
        let mut noted = 0;
        self.weight += w;
        self.targets.update(y, w);
        for (k, value) in x.iter().enumerate().filter(|(_, value)| value.is_finite()) {
            let at = self.splitters.iter().position(|(feature, _)| *feature as usize == k).unwrap_or_else(|| {
                self.splitters.push((k as u32, Splitter::new(setting.splitter, 0)));
                self.splitters.len() - 1
            });
            noted += usize::from(self.splitters[at].1.update(setting.splitter, *value, y, w, room, setting.river_compat));
            self.features[k].update(*value, w);
        }
        self.predictor.learn(x, y, w, setting);
        noted
    }

    /// The rule with one condition more, if a split is good enough, and the rule without conditions for what it leaves over. The first begins with the
    /// model and the mean of its side of the split, the second with those of the other side (in River with nothing); what splits need they learn afresh.
    pub fn grown(&mut self, setting: &Setting, work: &mut Work) -> Option<(Rule, Rule)> {
        let arithmetic = Arithmetic::of(setting.river_compat);
        let criterion = Criterion::of_ratios(&self.targets, setting.least_side, arithmetic);
        let best_of = |(feature, splitter): &(u32, Splitter)| splitter.best(*feature, &criterion, setting.river_compat, work);
        let mut candidates: Vec<Candidate> = self.splitters.iter().map(best_of).collect();
        candidates.sort_by(|a, b| a.merit.total_cmp(&b.merit));
        let Some(split) = candidates.last().filter(|best| self.is_good(best, &candidates, setting)).and_then(|best| best.split)
        else {
            self.last_attempt = self.weight;
            return None;
        };
        let n = split.left.n() + split.right.n();
        let share = |side: &Var| side.n() / n * side.get(1.0);
        let above = share(&split.left) > share(&split.right);
        let mut grown = Rule::new(setting, self.features.len());
        grown.literals = std::mem::take(&mut self.literals);
        Literal { feature: split.feature, threshold: split.threshold, above }.add_to(&mut grown.literals);
        let (own, other) = if above { (&split.right, &split.left) } else { (&split.left, &split.right) };
        grown.predictor = self.predictor.of_side(own, setting);
        let mut rest = Rule::new(setting, self.features.len());
        if !setting.river_compat {
            rest.predictor = self.predictor.of_side(other, setting);
        }
        Some((grown, rest))
    }

    /// Whether the best split is better than the second by more than chance. River takes a split of the only feature as it comes.
    fn is_good(&self, best: &Candidate, candidates: &[Candidate], setting: &Setting) -> bool {
        let second = match candidates {
            [.., second, _] => second.merit,
            _ if setting.river_compat => return true,
            _ => 0.0,
        };
        let bound = (setting.log_inverse_delta / (2.0 * self.weight)).sqrt();
        best.merit > 0.0 && (best.merit - second > bound || bound < setting.tau)
    }

    /// Brings the parts back after reading.
    ///
    /// # Errors
    /// When they are no parts of such a rule.
    pub fn revive(&mut self, setting: &Setting, features: usize) -> Result<(), SnapshotError> {
        let known = |feature: u32| (feature as usize) < features;
        let fits = self.features.len() == features
            && self.literals.iter().all(|l| known(l.feature))
            && self.splitters.iter().all(|(feature, _)| known(*feature));
        if !fits || self.predictor.model.is_some() != (setting.prediction != PredictionType::Mean) {
            return Err(SnapshotError::Decode(format!("a rule is not one over {features} features")));
        }
        self.detector.revive(&*setting.detector)?;
        self.predictor.model.as_mut().map_or(Ok(()), |model| model.revive(&*setting.model))
    }
}

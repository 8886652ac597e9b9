//! A copy of a model with features and detectors of its own.

use serde::{Deserialize, Serialize};

use crate::{
    learn::{
        base::{DriftDetector, Regressor},
        compose::Kept,
    },
    snapshot::SnapshotError,
};

/// What patches are made of, with nothing learned.
pub struct Parts {
    pub model: Box<dyn Regressor>,
    pub drift: Option<Box<dyn DriftDetector>>,
    pub warning: Option<Box<dyn DriftDetector>>,
}

impl Parts {
    /// The same parts.
    pub fn fresh(&self) -> Self {
        let detector = |d: &Option<Box<dyn DriftDetector>>| d.as_ref().map(|d| d.clone_fresh());
        Parts { model: self.model.clone_fresh(), drift: detector(&self.drift), warning: detector(&self.warning) }
    }
}

/// A copy of the model at work.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Patch {
    model: Kept<dyn Regressor>,
    /// The features it sees, in its order; nothing for all.
    features: Option<Vec<usize>>,
    drift: Option<Kept<dyn DriftDetector>>,
    warning: Option<Kept<dyn DriftDetector>>,
    #[serde(skip)]
    seen: Vec<f64>,
}

impl Patch {
    /// A fresh copy that sees these features, or all.
    pub fn new(parts: &Parts, features: Option<Vec<usize>>) -> Self {
        let detector = |d: &Option<Box<dyn DriftDetector>>| d.as_ref().map(|d| Kept::Live(d.clone_fresh()));
        Patch {
            model: Kept::Live(parts.model.clone_fresh()),
            features,
            drift: detector(&parts.drift),
            warning: detector(&parts.warning),
            seen: Vec::new(),
        }
    }

    /// The features it sees; nothing for all.
    pub fn features(&self) -> Option<&[usize]> {
        self.features.as_deref()
    }

    /// The prediction from its features.
    pub fn predict(&mut self, x: &[f64]) -> f64 {
        let Some(model) = self.model.get_mut() else { return 0.0 };
        match &self.features {
            None => model.predict_one(x),
            Some(features) => {
                self.seen.clear();
                self.seen.extend(features.iter().map(|k| x[*k]));
                model.predict_one(&self.seen)
            }
        }
    }

    /// Learns from its features in the given way.
    pub fn learn(&mut self, x: &[f64], learn: &dyn Fn(&mut dyn Regressor, &[f64])) {
        let Some(model) = self.model.get_mut() else { return };
        match &self.features {
            None => learn(model, x),
            Some(features) => {
                self.seen.clear();
                self.seen.extend(features.iter().map(|k| x[*k]));
                learn(model, &self.seen);
            }
        }
    }

    /// Gives the sign to the detector of warnings; whether it raised its alarm.
    pub fn warns(&mut self, sign: f64) -> bool {
        self.warning.as_mut().is_some_and(|detector| detector.alarms(sign))
    }

    /// Gives the sign to the detector of drifts; whether it raised its alarm.
    pub fn drifts(&mut self, sign: f64) -> bool {
        self.drift.as_mut().is_some_and(|detector| detector.alarms(sign))
    }

    /// Starts the detector of warnings afresh.
    pub fn rearm_warning(&mut self, parts: &Parts) {
        self.warning = parts.warning.as_ref().map(|d| Kept::Live(d.clone_fresh()));
    }

    /// A successor that was raised in the background takes over.
    pub fn replace_by(&mut self, successor: Patch) {
        *self = successor;
    }

    /// Starts afresh with other features; the detector of warnings goes on.
    pub fn start_over(&mut self, parts: &Parts, features: Option<Vec<usize>>) {
        let warning = self.warning.take();
        *self = Patch { warning, ..Patch::new(parts, features) };
    }

    /// Brings the parts back after reading.
    ///
    /// # Errors
    /// When they are no such parts, or a feature does not exist.
    pub fn revive(&mut self, parts: &Parts, features: usize) -> Result<(), SnapshotError> {
        let missing = || SnapshotError::Decode("the state has other detectors or features than the model".to_owned());
        if self.features.iter().flatten().any(|k| *k >= features) {
            return Err(missing());
        }
        self.model.revive(&*parts.model)?;
        for (kept, like) in [(&mut self.drift, &parts.drift), (&mut self.warning, &parts.warning)] {
            match (kept, like) {
                (Some(kept), Some(like)) => kept.revive(&**like)?,
                (None, None) => {}
                _ => return Err(missing()),
            }
        }
        Ok(())
    }
}

//! Prediction intervals for any model: bounds around a prediction, learned from the errors of the predictions before it.
//!
//! An interval knows no model. It is told how far off the model was, and says how far off it may be: [`Jackknife`] by quantiles of the signed errors
//! (River's method), [`Adaptive`] by a quantile of their sizes at a level that moves until the coverage is right.

mod adaptive;
mod jackknife;

pub use adaptive::{Adaptive, AdaptiveParams};
pub use jackknife::{Jackknife, JackknifeParams};

use serde::{Deserialize, Serialize};

crate::variants! {
    /// How bounds are found.
    pub enum IntervalMethod {
        /// Quantiles of the signed errors (Barber, Candès, Ramdas, Tibshirani 2021; as River).
        Jackknife(JackknifeParams) = "jackknife",
        /// A quantile of the errors' sizes at a level that follows the coverage (Gibbs, Candès 2021).
        Adaptive(AdaptiveParams) = "adaptive",
    }
}

/// Bounds around a prediction, in the unit of the errors: add them to the prediction.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Bounds {
    /// From the prediction to the lower bound; usually below 0.
    pub lower: f64,
    /// From the prediction to the upper bound; usually above 0.
    pub upper: f64,
}

impl Bounds {
    /// The bounds around `value`.
    pub fn around(&self, value: f64) -> (f64, f64) {
        (value + self.lower, value + self.upper)
    }
}

/// Either method at work.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[allow(clippy::large_enum_variant, reason = "there is one for each learner, and a box would cost a jump for each record")]
pub enum Conformal {
    /// Quantiles of the signed errors.
    Jackknife(Jackknife),
    /// A quantile of their sizes at a moving level.
    Adaptive(Adaptive),
}

impl Conformal {
    /// An interval that should cover the share `level` of the truths, between 0 and 1.
    pub fn new(method: &IntervalMethod, level: f64) -> Self {
        match method {
            IntervalMethod::Jackknife(params) => Conformal::Jackknife(Jackknife::new(level, params)),
            IntervalMethod::Adaptive(params) => Conformal::Adaptive(Adaptive::new(level, params)),
        }
    }

    /// Takes the error, truth minus prediction, of a question, and the bounds that were given with it. An error that is not finite is refused.
    pub fn update(&mut self, error: f64, given: Option<Bounds>) {
        match self {
            Conformal::Jackknife(jackknife) => jackknife.update(error),
            Conformal::Adaptive(adaptive) => adaptive.update(error, given),
        }
    }

    /// The bounds around the next prediction; `None` before there is an error to learn from.
    pub fn bounds(&self) -> Option<Bounds> {
        match self {
            Conformal::Jackknife(jackknife) => jackknife.bounds(),
            Conformal::Adaptive(adaptive) => adaptive.bounds(),
        }
    }

    /// Whether a state of this one could be a state of `other`: the same method with the same parameters.
    pub fn is_like(&self, other: &Conformal) -> bool {
        match (self, other) {
            (Conformal::Jackknife(a), Conformal::Jackknife(b)) => a.setting() == b.setting(),
            (Conformal::Adaptive(a), Conformal::Adaptive(b)) => a.setting() == b.setting(),
            _ => false,
        }
    }
}

//! What every model is: the narrow interfaces of the library.

use crate::snapshot::Snapshot;

/// The names of the features, in the order of the slices that models are given. Fixed for the life of a model.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Schema {
    names: Vec<String>,
}

impl Schema {
    /// A schema of these names, which must differ.
    pub fn new<S: Into<String>>(names: impl IntoIterator<Item = S>) -> Self {
        Schema { names: names.into_iter().map(Into::into).collect() }
    }

    /// The names in order.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Number of features.
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Whether there is no feature.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// Where the feature `name` stands.
    pub fn position(&self, name: &str) -> Option<usize> {
        self.names.iter().position(|n| n == name)
    }
}

/// Features arrive as a dense slice over a [`Schema`]; an absent value is NaN. Models skip absent values and never let NaN or infinity into their state.
///
/// A model that predicts a number from features and learns from the true number later.
pub trait Regressor: Snapshot + Send {
    /// The prediction for `x`. Finite for finite state and inputs; 0.0 where nothing has been learned, unless the model says otherwise.
    ///
    /// `&mut self` is for scratch memory only: asking must not change what is predicted or learned later (bandit policies, which say so, aside).
    fn predict_one(&mut self, x: &[f64]) -> f64;

    /// Learns that `x` had the target `y`. A non-finite `y` is refused: nothing changes.
    fn learn_one(&mut self, x: &[f64], y: f64);

    /// Learns with a sample weight; models without weights learn once if the weight is positive.
    fn learn_weighted(&mut self, x: &[f64], y: f64, weight: f64) {
        if weight > 0.0 {
            self.learn_one(x, y);
        }
    }

    /// Whether [`learn_weighted`](Self::learn_weighted) makes use of the weight; models that do not are taught a record of weight 3 three times by
    /// trees.
    fn takes_weights(&self) -> bool {
        false
    }

    /// Reports counters of unusual events since the start, as (name, count): what a guard refused or replaced. Most models have none.
    fn counters(&self, _report: &mut dyn FnMut(&'static str, u64)) {}

    /// A fresh model with the same parameters: nothing learned.
    fn clone_fresh(&self) -> Box<dyn Regressor>;

    /// A copy with everything learned.
    fn clone_learned(&self) -> Box<dyn Regressor>;
}

/// A model of a series: learns each value as it becomes known and forecasts steps ahead.
pub trait Forecaster: Snapshot + Send {
    /// Learns the next value of the series, with exogenous features `x` (empty where there are none).
    fn learn_one(&mut self, y: f64, x: &[f64]);

    /// The forecasts 1 to `horizon` steps after the last learned value; empty while the model has not seen enough to say anything.
    /// `xs` holds one row of exogenous features a step, or nothing.
    fn forecast(&mut self, horizon: usize, xs: &[&[f64]]) -> Vec<f64>;

    /// A fresh model with the same parameters: nothing learned.
    fn clone_fresh(&self) -> Box<dyn Forecaster>;
}

/// A transformation of features that may learn from them. Output slices are `output_len()` long.
pub trait Transformer: Snapshot + Send {
    /// Writes the transformed `x` to `out` with the current state; nothing is learned.
    fn transform_one(&mut self, x: &[f64], out: &mut Vec<f64>);

    /// Learns from the features alone.
    fn learn_one(&mut self, x: &[f64]);

    /// Learns the target of `x`; called after `x` has been transformed, so that no output knows its own answer. Most transformations look at no target.
    fn learn_target(&mut self, _x: &[f64], _y: f64) {}

    /// The names of the outputs.
    fn output_schema(&self, input: &Schema) -> Schema;

    /// A fresh transformer with the same parameters.
    fn clone_fresh(&self) -> Box<dyn Transformer>;

    /// A copy with everything learned.
    fn clone_learned(&self) -> Box<dyn Transformer>;
}

/// A detector of change in a stream of numbers.
pub trait DriftDetector: Snapshot + Send {
    /// Takes the next value; [`drift_detected`](Self::drift_detected) then tells whether this value raised the alarm.
    fn update(&mut self, value: f64);

    /// Whether the last update raised the alarm.
    fn drift_detected(&self) -> bool;

    /// Whether the last update raised a warning, for detectors that have one.
    fn warning_detected(&self) -> bool {
        false
    }

    /// Whether it never raises an alarm, so that models can leave out the work that serves alarms alone.
    fn is_off(&self) -> bool {
        false
    }

    /// A fresh detector with the same parameters.
    fn clone_fresh(&self) -> Box<dyn DriftDetector>;

    /// A copy that has seen the same.
    fn clone_learned(&self) -> Box<dyn DriftDetector>;
}

/// A detector of what is unusual: gives every record a score, the higher the more unusual.
///
/// There are detectors of one number, which look at `y` alone, and detectors of features, which look at `x` alone;
/// [`looks_at_y`](Self::looks_at_y) tells them apart. Absent features (NaN) are skipped; what is not finite never enters the state.
pub trait AnomalyDetector: Snapshot + Send {
    /// How unusual the record is. Finite; nothing is learned. What cannot be judged (a `y` that is not finite) scores as high as there is.
    ///
    /// `&mut self` is for scratch memory only.
    fn score_one(&mut self, x: &[f64], y: f64) -> f64;

    /// Learns the record as one of the usual ones.
    fn learn_one(&mut self, x: &[f64], y: f64);

    /// Whether it looks at `y` instead of at the features.
    fn looks_at_y(&self) -> bool {
        false
    }

    /// A fresh detector with the same parameters.
    fn clone_fresh(&self) -> Box<dyn AnomalyDetector>;

    /// A copy with everything learned.
    fn clone_learned(&self) -> Box<dyn AnomalyDetector>;
}

/// A measure of how well predictions meet the truth.
pub trait Metric: Snapshot + Send {
    /// Takes one truth and its prediction.
    fn update(&mut self, y_true: f64, y_pred: f64);

    /// Takes back one pair given before, where the measure allows it.
    fn revert(&mut self, y_true: f64, y_pred: f64);

    /// The value so far; 0.0 before the first update.
    fn get(&self) -> f64;

    /// Whether a larger value is better.
    fn bigger_is_better(&self) -> bool;
}

/// A value that may be told: itself where finite, the largest finite number of its sign where it overflowed, 0.0 where it is undefined.
///
/// Inputs near the ends of the number range can overflow a sound model's prediction; what leaves a model stays finite all the same.
pub fn finite(value: f64) -> f64 {
    if value.is_finite() {
        value
    } else if value.is_nan() {
        0.0
    } else {
        f64::MAX.copysign(value)
    }
}

//! The passive-aggressive regressor.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::dot;
use crate::{
    impl_snapshot,
    learn::{
        arithmetic::Arithmetic,
        base::{Regressor, finite},
        catalog::{Component, ModelBuild},
        optim::{epsilon_insensitive_loss, river_target},
        params::{NoRange, ParamError, ParamErrorKind, ParamValue, above},
    },
};

/// How far one step goes, written as the number 0, 1 or 2.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum PaMode {
    /// 0 (PA): as far as it takes to bring the record's error into the tube.
    Full,
    /// 1 (PA-I): the same, but at most C.
    Capped,
    /// 2 (PA-II): damped by C.
    Damped,
}

impl ParamValue for PaMode {
    type Scalar = NoRange;

    fn type_text() -> String {
        "0, 1 or 2".to_owned()
    }

    fn read_value(value: &Value, path: &[String]) -> Result<Self, Vec<ParamError>> {
        match value.as_i64() {
            Some(0) => Ok(PaMode::Full),
            Some(1) => Ok(PaMode::Capped),
            Some(2) => Ok(PaMode::Damped),
            Some(other) => Err(vec![ParamError::new(
                ParamErrorKind::OutOfRange,
                path,
                format!("{other} is out of range"),
                Self::type_text(),
            )]),
            None => Err(vec![ParamError::wrong_type(path, value, Self::type_text())]),
        }
    }

    fn to_value(&self) -> Value {
        (*self as u64).into()
    }

    fn scalar_text(scalar: &NoRange) -> String {
        match *scalar {}
    }

    fn outside<R: std::ops::RangeBounds<NoRange>>(&self, _: &R) -> Option<String> {
        None
    }
}

crate::params! {
    /// Parameters of [`PaRegressor`].
    pub struct PaRegressorParams {
        /// How aggressive a step may be; without effect in mode 0.
        c: f64 = 1.0, in above(0.0);
        /// How a step is limited: 0 not at all, 1 capped at c, 2 damped by c.
        mode: PaMode = PaMode::Capped;
        /// Errors up to this size are ignored, in units of the target.
        eps: f64 = 0.1, in 0.0..;
        /// Whether an intercept is learned.
        learn_intercept: bool = true;
        /// Repeat River's defect: the loss takes the target for a class label, so that on prices the model predicts far too little.
        /// Squares are then taken by the C library's `pow`, to River's last bit.
        river_compat: bool = false;
    }
}

/// Passive-aggressive regression: nothing happens while the error stays within `eps`; otherwise the weights move as little as needed to bring it back.
///
/// With `loss = max(|p - y| - eps, 0)` and `n2 = |x|^2` the step is `loss / n2` (mode 0), `min(c, loss / n2)` (mode 1) or `loss / (n2 + 1 / (2 c))`
/// (mode 2), towards the truth; weights move by `step * x`, the intercept by `step`. A step past the finite numbers is not taken but counted
/// (`refused_steps`).
///
/// Reference: K. Crammer et al., "Online passive-aggressive algorithms", JMLR 7, 2006.
///
/// ```
/// use tidemill::learn::{base::Regressor, linear_model::{PaRegressor, PaRegressorParams}};
///
/// let mut model = PaRegressor::new(PaRegressorParams::default(), 1);
/// for k in 0..100 {
///     let x = f64::from(k % 5) - 2.0;
///     model.learn_one(&[x], 3.0 * x + 1.0);
/// }
/// assert_eq!(format!("{:.3} {:.3}", model.weights()[0], model.intercept()), "2.994 0.972");
/// assert_eq!(format!("{:.3}", model.predict_one(&[2.0])), "6.959"); // inside the tube around 7
/// ```
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PaRegressor {
    params: PaRegressorParams,
    weights: Vec<f64>,
    intercept: f64,
    refused: u64,
    #[serde(skip)]
    undo: Vec<f64>,
}

impl PaRegressor {
    /// A model of `features` features.
    pub fn new(params: PaRegressorParams, features: usize) -> Self {
        PaRegressor { params, weights: vec![0.0; features], intercept: 0.0, refused: 0, undo: Vec::new() }
    }

    /// The weights, in the order of the features.
    pub fn weights(&self) -> &[f64] {
        &self.weights
    }

    /// The intercept, in units of the target.
    pub fn intercept(&self) -> f64 {
        self.intercept
    }

    /// How long the step for this loss is; 0.0 where there is nothing to move along.
    fn tau(&self, x: &[f64], loss: f64) -> f64 {
        let squares: f64 = x.iter().filter(|x| x.is_finite()).map(|x| x * x).sum();
        // River takes the root and squares it again; the rounding of that is part of the numbers.
        let norm = Arithmetic::of(self.params.river_compat).square(squares.sqrt());
        match self.params.mode {
            PaMode::Full if norm > 0.0 => loss / norm,
            PaMode::Capped if norm > 0.0 => self.params.c.min(loss / norm),
            PaMode::Damped => loss / (norm + 0.5 / self.params.c),
            PaMode::Full | PaMode::Capped => 0.0,
        }
    }

    fn raw(&self, x: &[f64]) -> f64 {
        dot(&self.weights, x) + self.intercept
    }

    fn move_by(&mut self, x: &[f64], step: f64) {
        for (w, x) in self.weights.iter_mut().zip(x).filter(|(_, x)| x.is_finite()) {
            *w += step * x;
        }
        if self.params.learn_intercept {
            self.intercept += step;
        }
    }
}

/// The sign of `value`, 0.0 for zero.
fn sign(value: f64) -> f64 {
    if value == 0.0 { 0.0 } else { 1.0_f64.copysign(value) }
}

impl Regressor for PaRegressor {
    fn predict_one(&mut self, x: &[f64]) -> f64 {
        finite(self.raw(x))
    }

    fn learn_one(&mut self, x: &[f64], y: f64) {
        let p = self.raw(x);
        if !y.is_finite() {
            return;
        }
        let loss = epsilon_insensitive_loss(river_target(y, self.params.river_compat), p, self.params.eps);
        let step = self.tau(x, loss) * sign(y - p);
        let intercept = self.intercept;
        self.undo.clear();
        self.undo.extend_from_slice(&self.weights);
        self.move_by(x, step);
        if !(self.intercept.is_finite() && self.weights.iter().all(|w| w.is_finite())) {
            self.weights.copy_from_slice(&self.undo);
            self.intercept = intercept;
            self.refused += 1;
        }
    }

    fn counters(&self, report: &mut dyn FnMut(&'static str, u64)) {
        report("refused_steps", self.refused);
    }

    fn clone_fresh(&self) -> Box<dyn Regressor> {
        Box::new(PaRegressor::new(self.params.clone(), self.weights.len()))
    }

    fn clone_learned(&self) -> Box<dyn Regressor> {
        Box::new(self.clone())
    }
}

impl Component for PaRegressor {
    type Params = PaRegressorParams;
    const NAME: &'static str = "pa_regressor";
    const SUMMARY: &'static str = "passive-aggressive linear regression: moves only when the error leaves a tube";
    const REFERENCE: &'static str = "Crammer et al., Online passive-aggressive algorithms, JMLR 7, 2006";
    const DIVERGES_UNSCALED: bool = true;

    fn examples() -> Vec<Value> {
        [0, 1, 2].map(|mode| json!({ Self::NAME: { "mode": mode } })).into()
    }

    fn build(params: PaRegressorParams, on: &ModelBuild<'_>) -> Result<Self, Vec<ParamError>> {
        Ok(PaRegressor::new(params, on.schema.len()))
    }
}

impl_snapshot!(PaRegressor);

//! The one-class support vector machine, learned by gradient steps.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    impl_snapshot,
    learn::{
        arithmetic::Arithmetic,
        base::{AnomalyDetector, finite},
        catalog::{Component, ModelBuild},
        linear_model::dot,
        optim::{LearningRate, Optimizer, OptimizerSpec, SgdParams},
        params::{ParamError, ParamValue, above, above_to},
    },
};

crate::params! {
    /// Parameters of [`OneClassSvm`].
    pub struct OneClassSvmParams {
        /// About which share of the records may lie outside; also the strength of the regularisation.
        nu: f64 = 0.1, in above_to(0.0, 1.0);
        /// How the weights follow the gradient.
        optimizer: OptimizerSpec = OptimizerSpec::Sgd(SgdParams::default());
        /// Length of the intercept's steps, or a schedule of lengths.
        intercept_lr: LearningRate = LearningRate::constant(0.01);
        /// The largest gradient of the loss that is followed; larger ones are cut to it.
        clip_gradient: f64 = 1e12, in above(0.0);
        /// Score as River does: by the weighted sum alone, which is *higher* for usual records; and take roots by the C library's `pow`.
        river_compat: bool = false;
    }
}

/// Learns a plane with the usual records on its far side: a record lies outside where `w . x + b` is below 1. The score is `1 - (w . x + b)`: above 0
/// outside, below 0 inside. A detector of features, which should be scaled.
///
/// Every record is learned as a usual one: gradient steps on the hinge loss with an l2 regularisation of `nu / 2`, and on the intercept. An exact
/// solution this is not. A step that would leave the finite numbers is not taken.
///
/// Reference: B. Schölkopf, J. Platt, J. Shawe-Taylor, A. Smola, R. Williamson, "Estimating the support of a high-dimensional distribution", Neural
/// Computation 13(7), 2001.
///
/// ```
/// use tidemill::learn::{anomaly::{OneClassSvm, OneClassSvmParams}, base::AnomalyDetector};
/// let mut svm = OneClassSvm::new(OneClassSvmParams::default(), 2);
/// for k in 0..500 {
///     svm.learn_one(&[1.0 + f64::from(k % 5) / 10.0, 0.5], f64::NAN);
/// }
/// let (inside, outside) = (svm.score_one(&[1.2, 0.5], f64::NAN), svm.score_one(&[-3.0, 0.5], f64::NAN));
/// assert!(inside < 0.05 && outside > 0.5, "{inside} {outside}");
/// ```
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct OneClassSvm {
    params: OneClassSvmParams,
    weights: Vec<f64>,
    intercept: f64,
    optimizer: Optimizer,
    #[serde(skip)]
    scratch: Scratch,
}

/// Working memory of a learning step: never part of the state.
#[derive(Debug, Clone, Default)]
struct Scratch {
    gradient: Vec<f64>,
    weights: Vec<f64>,
    optimizer: Vec<f64>,
}

impl OneClassSvm {
    /// A machine for `features` features.
    pub fn new(params: OneClassSvmParams, features: usize) -> Self {
        let optimizer = Optimizer::new(params.optimizer.clone(), features, Arithmetic::of(params.river_compat));
        OneClassSvm { weights: vec![0.0; features], intercept: 1.0, optimizer, scratch: Scratch::default(), params }
    }

    fn step(&mut self, x: &[f64]) {
        self.optimizer.look_ahead(&mut self.weights, x);
        let l2 = self.params.nu / 2.0;
        let violated = dot(&self.weights, x) + self.intercept <= 1.0;
        let loss = if violated { -self.params.clip_gradient.min(1.0) } else { 0.0 };
        self.scratch.gradient.clear();
        let of = |(w, x): (&f64, &f64)| if x.is_finite() { x * loss + l2 * w } else { f64::NAN };
        self.scratch.gradient.extend(self.weights.iter().zip(x).map(of));
        let rate = self.params.intercept_lr.get(self.optimizer.steps());
        self.intercept -= rate * loss + 2.0 * rate * l2;
        self.optimizer.step(&mut self.weights, &self.scratch.gradient);
    }
}

impl AnomalyDetector for OneClassSvm {
    fn score_one(&mut self, x: &[f64], _y: f64) -> f64 {
        let raw = dot(&self.weights, x) + self.intercept;
        finite(if self.params.river_compat { raw - self.intercept } else { 1.0 - raw })
    }

    fn learn_one(&mut self, x: &[f64], _y: f64) {
        if !x.iter().any(|x| x.is_finite()) {
            return;
        }
        let intercept = self.intercept;
        self.scratch.weights.clear();
        self.scratch.weights.extend_from_slice(&self.weights);
        self.optimizer.keep(&mut self.scratch.optimizer);
        self.step(x);
        if !(self.intercept.is_finite() && self.weights.iter().all(|w| w.is_finite()) && self.optimizer.is_finite()) {
            self.intercept = intercept;
            self.weights.copy_from_slice(&self.scratch.weights);
            self.optimizer.restore(&self.scratch.optimizer);
        }
    }

    fn clone_fresh(&self) -> Box<dyn AnomalyDetector> {
        Box::new(OneClassSvm::new(self.params.clone(), self.weights.len()))
    }

    fn clone_learned(&self) -> Box<dyn AnomalyDetector> {
        Box::new(self.clone())
    }
}

impl Component for OneClassSvm {
    type Params = OneClassSvmParams;
    const NAME: &'static str = "one_class_svm";
    const SUMMARY: &'static str = "a plane that most records lie beyond, learned by gradient steps";
    const REFERENCE: &'static str = "Schölkopf et al., Estimating the support of a high-dimensional distribution, 2001";
    const DIVERGES_UNSCALED: bool = true;

    fn examples() -> Vec<Value> {
        let of = |params: Value| json!({ Self::NAME: params });
        let optimizers = OptimizerSpec::choices().into_iter().map(|choice| of(json!({ "optimizer": choice.name })));
        [json!(Self::NAME), of(json!({ "nu": 0.5, "river_compat": true }))].into_iter().chain(optimizers).collect()
    }

    fn build(params: OneClassSvmParams, on: &ModelBuild<'_>) -> Result<Self, Vec<ParamError>> {
        Ok(OneClassSvm::new(params, on.schema.len()))
    }
}

impl_snapshot!(OneClassSvm);

#[cfg(test)]
mod tests {
    use super::*;

    /// nu = 1 (l2 = 0.5), rates 0.01, x = 2. First: w x + b = 1 <= 1, so the loss's gradient is -1: w = 0 + 0.01 * 2, b = 1 + 0.01 - 0.01 = 1.
    /// Second: w x + b = 1.04: only the regularisation: w = 0.02 - 0.01 * 0.5 * 0.02, b = 1 - 0.01.
    #[test]
    fn two_steps_by_hand() {
        let mut svm = OneClassSvm::new(OneClassSvmParams { nu: 1.0, ..OneClassSvmParams::default() }, 1);
        svm.learn_one(&[2.0], f64::NAN);
        assert!((svm.weights[0] - 0.02).abs() < 1e-15 && (svm.intercept - 1.0).abs() < 1e-15, "{svm:?}");
        svm.learn_one(&[2.0], f64::NAN);
        assert!((svm.weights[0] - 0.0199).abs() < 1e-15 && (svm.intercept - 0.99).abs() < 1e-15, "{svm:?}");
        assert!((svm.score_one(&[2.0], f64::NAN) - (1.0 - 0.0398 - 0.99)).abs() < 1e-15);
    }

    #[test]
    fn a_record_without_features_teaches_nothing() {
        let mut svm = OneClassSvm::new(OneClassSvmParams::default(), 2);
        svm.learn_one(&[1.0, 2.0], f64::NAN);
        let before = (svm.weights.clone(), svm.intercept, svm.optimizer.steps());
        svm.learn_one(&[f64::NAN, f64::INFINITY], 1.0);
        assert_eq!((svm.weights, svm.intercept, svm.optimizer.steps()), before);
    }
}

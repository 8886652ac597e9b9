//! Linear regression learned by gradient steps.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::dot;
use crate::{
    impl_snapshot,
    learn::{
        arithmetic::Arithmetic,
        base::{Regressor, finite},
        catalog::{Component, ModelBuild},
        optim::{Averager, LearningRate, Loss, Optimizer, OptimizerSpec, SgdParams},
        params::{ParamError, ParamErrorKind, ParamValue, above, child},
    },
};

crate::params! {
    /// Parameters of [`LinearRegression`].
    pub struct LinearRegressionParams {
        /// How the weights follow the gradient; the intercept always takes plain steps of its own.
        optimizer: OptimizerSpec = OptimizerSpec::Sgd(SgdParams::default());
        /// What an error costs.
        loss: Loss = Loss::default();
        /// Strength of the l2 regularisation. Not together with l1.
        l2: f64 = 0.0, in 0.0..;
        /// Strength of the l1 regularisation, by cumulative penalties. Not together with l2.
        l1: f64 = 0.0, in 0.0..;
        /// The intercept before the first record, in units of the target.
        intercept_init: f64 = 0.0;
        /// Length of the intercept's steps, or a schedule of lengths; 0 keeps the intercept as it is.
        intercept_lr: LearningRate = LearningRate::constant(0.01);
        /// The largest gradient of the loss that is followed; larger ones are cut to it.
        clip_gradient: f64 = 1e12, in above(0.0);
        /// Predict with the average of the weights over all steps from this one on (River's `Averager`); "none" predicts with the last weights.
        average_from: Option<u64> = None, unit "steps";
        /// Repeat River's defects: `average_from` has no effect, the epsilon-insensitive loss takes the target for a class label, and
        /// squares and roots are taken by the C library's `pow`, to River's last bit.
        river_compat: bool = false;
    }
}

/// Linear regression: prediction `w . x + intercept`, learned one gradient step a record.
///
/// Learning takes the gradient of the loss at the prediction, times the sample weight, cut to `clip_gradient`; moves the intercept; then lets the
/// optimiser move the weights of the features present. With River's parameters the numbers are River's. On unscaled prices the steps overshoot and
/// the model diverges (in River as well), so put a scaler before it; a step that would leave the finite numbers is not taken but counted
/// (`refused_steps`).
///
/// Reference: C. M. Bishop, "Pattern Recognition and Machine Learning", 2006, section 3.1.3; l1: Y. Tsuruoka, J. Tsujii, S. Ananiadou,
/// "Stochastic gradient descent training for L1-regularized log-linear models with cumulative penalty", ACL 2009.
///
/// ```
/// use tidemill::learn::{base::Regressor, linear_model::{LinearRegression, LinearRegressionParams}};
///
/// let mut model = LinearRegression::new(LinearRegressionParams::default(), 1).unwrap();
/// for k in 0..200 {
///     let x = f64::from(k % 5) - 2.0;
///     model.learn_one(&[x], 3.0 * x + 1.0);
/// }
/// assert_eq!(format!("{:.3} {:.3}", model.weights()[0], model.intercept()), "3.000 0.983");
/// assert_eq!(format!("{:.3}", model.predict_one(&[2.0])), "6.982");
/// assert_eq!(format!("{:.3}", model.predict_one(&[f64::NAN])), "0.983"); // an absent feature is skipped
/// ```
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct LinearRegression {
    params: LinearRegressionParams,
    weights: Vec<f64>,
    intercept: f64,
    optimizer: Optimizer,
    l1: Option<L1>,
    averager: Option<Averager>,
    refused: u64,
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

impl LinearRegression {
    /// A model of `features` features.
    ///
    /// # Errors
    /// When both l1 and l2 are above zero.
    pub fn new(params: LinearRegressionParams, features: usize) -> Result<Self, ParamError> {
        if params.l1 > 0.0 && params.l2 > 0.0 {
            let error = ParamError::new(
                ParamErrorKind::Conflict,
                &[],
                "l1 and l2 cannot be used together",
                "at most one of them above 0",
            );
            return Err(error.suggest("set one of them to 0"));
        }
        Ok(LinearRegression {
            weights: vec![0.0; features],
            intercept: params.intercept_init,
            optimizer: Optimizer::new(params.optimizer.clone(), features, Arithmetic::of(params.river_compat)),
            l1: (params.l1 > 0.0).then(|| L1::new(features)),
            averager: params.average_from.filter(|_| !params.river_compat).map(|start| Averager::new(start, features)),
            refused: 0,
            scratch: Scratch::default(),
            params,
        })
    }

    /// The weights, in the order of the features.
    pub fn weights(&self) -> &[f64] {
        &self.weights
    }

    /// The intercept, in units of the target.
    pub fn intercept(&self) -> f64 {
        self.intercept
    }

    /// How many steps were not taken because they would have left the finite numbers.
    pub fn refused_steps(&self) -> u64 {
        self.refused
    }

    fn fresh(&self) -> Self {
        // The parameters were accepted when this model was made, so only the clean slate differs.
        let features = self.weights.len();
        LinearRegression {
            params: self.params.clone(),
            weights: vec![0.0; features],
            intercept: self.params.intercept_init,
            optimizer: Optimizer::new(self.params.optimizer.clone(), features, Arithmetic::of(self.params.river_compat)),
            l1: self.l1.as_ref().map(|_| L1::new(features)),
            averager: self.averager.as_ref().and(self.params.average_from).map(|start| Averager::new(start, features)),
            refused: 0,
            scratch: Scratch::default(),
        }
    }

    /// The gradient of the loss by the raw score, weighted and cut.
    fn loss_gradient(&self, x: &[f64], y: f64, weight: f64) -> f64 {
        let raw = dot(&self.weights, x) + self.intercept;
        let gradient = self.params.loss.gradient(y, raw, self.params.river_compat) * weight;
        gradient.min(self.params.clip_gradient).max(-self.params.clip_gradient)
    }

    /// Fills the scratch gradient: NaN marks the absent.
    fn weight_gradient(&mut self, x: &[f64], loss_gradient: f64) {
        let l2 = self.params.l2;
        self.scratch.gradient.clear();
        self.scratch.gradient.extend(self.weights.iter().zip(x).map(|(w, x)| match x.is_finite() {
            true if l2 > 0.0 => x * loss_gradient + l2 * w,
            true => x * loss_gradient,
            false => f64::NAN,
        }));
    }

    fn step(&mut self, x: &[f64], y: f64, weight: f64) {
        self.optimizer.look_ahead(&mut self.weights, x);
        let loss_gradient = self.loss_gradient(x, y, weight);
        self.weight_gradient(x, loss_gradient);
        self.intercept -= self.params.intercept_lr.get(self.optimizer.steps()) * loss_gradient;
        self.optimizer.step(&mut self.weights, &self.scratch.gradient);
    }

    fn is_finite(&self) -> bool {
        self.intercept.is_finite() && self.weights.iter().all(|w| w.is_finite()) && self.optimizer.is_finite()
    }
}

impl Regressor for LinearRegression {
    fn predict_one(&mut self, x: &[f64]) -> f64 {
        let (weights, intercept) = self.averager.as_ref().and_then(Averager::get).unwrap_or((&self.weights, self.intercept));
        finite(self.params.loss.mean(dot(weights, x) + intercept))
    }

    fn learn_one(&mut self, x: &[f64], y: f64) {
        self.learn_weighted(x, y, 1.0);
    }

    fn learn_weighted(&mut self, x: &[f64], y: f64, weight: f64) {
        if !(y.is_finite() && weight > 0.0 && weight.is_finite()) {
            return;
        }
        let intercept = self.intercept;
        self.scratch.weights.clear();
        self.scratch.weights.extend_from_slice(&self.weights);
        self.optimizer.keep(&mut self.scratch.optimizer);
        self.step(x, y, weight);
        if !self.is_finite() {
            self.intercept = intercept;
            self.weights.copy_from_slice(&self.scratch.weights);
            self.optimizer.restore(&self.scratch.optimizer);
            self.refused += 1;
            return;
        }
        if let Some(l1) = &mut self.l1 {
            l1.apply(&mut self.weights, x, self.params.l1 * self.optimizer.learning_rate());
        }
        if let Some(averager) = &mut self.averager {
            averager.update(&self.weights, self.intercept);
        }
    }

    fn takes_weights(&self) -> bool {
        true
    }

    fn counters(&self, report: &mut dyn FnMut(&'static str, u64)) {
        report("refused_steps", self.refused);
    }

    fn clone_fresh(&self) -> Box<dyn Regressor> {
        Box::new(self.fresh())
    }

    fn clone_learned(&self) -> Box<dyn Regressor> {
        Box::new(self.clone())
    }
}

impl Component for LinearRegression {
    type Params = LinearRegressionParams;
    const NAME: &'static str = "linear_regression";
    const SUMMARY: &'static str = "linear regression learned by gradient steps (any optimiser, loss and regularisation)";
    const REFERENCE: &'static str = "Bishop, Pattern Recognition and Machine Learning, 2006, section 3.1.3";
    const DIVERGES_UNSCALED: bool = true;

    fn examples() -> Vec<Value> {
        let of = |params: Value| json!({ Self::NAME: params });
        let optimizers = OptimizerSpec::choices().into_iter().map(|choice| of(json!({ "optimizer": choice.name })));
        let losses = Loss::choices().into_iter().map(|choice| of(json!({ "loss": choice.name })));
        let others = [
            json!({ "l1": 0.001 }),
            json!({ "l2": 0.01, "average_from": 10 }),
            json!({ "optimizer": "ada_bound", "river_compat": true }),
            json!({ "optimizer": { "sgd": { "learning_rate": { "inverse_scaling": { "learning_rate": 0.1 } } } }, "intercept_lr": 0.1 }),
        ];
        optimizers.chain(losses).chain(others.map(of)).collect()
    }

    fn build(params: LinearRegressionParams, on: &ModelBuild<'_>) -> Result<Self, Vec<ParamError>> {
        LinearRegression::new(params, on.schema.len()).map_err(|error| vec![ParamError { path: child(on.path, "l1"), ..error }])
    }
}

impl_snapshot!(LinearRegression);

/// The cumulative l1 penalty: how much every weight could have been pushed to zero so far, and how much each has been.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct L1 {
    possible: f64,
    applied: Vec<f64>,
}

impl L1 {
    fn new(features: usize) -> Self {
        L1 { possible: 0.0, applied: vec![0.0; features] }
    }

    /// Raises the possible penalty by `amount` and lets the weights of the present features catch up, never across zero.
    fn apply(&mut self, weights: &mut [f64], x: &[f64], amount: f64) {
        self.possible += amount;
        for ((w, applied), _) in weights.iter_mut().zip(&mut self.applied).zip(x).filter(|(_, x)| x.is_finite()) {
            let before = *w;
            if before > 0.0 {
                *w = (before - (self.possible + *applied)).max(0.0);
            } else if before < 0.0 {
                *w = (before + (self.possible - *applied)).min(0.0);
            }
            *applied += *w - before;
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::learn::params::Params;

    fn model(params: Value) -> LinearRegression {
        LinearRegression::new(LinearRegressionParams::read(&params, &[]).unwrap(), 2).unwrap()
    }

    #[test]
    fn a_step_past_the_finite_numbers_is_refused_and_counted() {
        let mut model = model(json!({}));
        model.learn_one(&[1.0, 2.0], 3.0);
        let (weights, intercept) = (model.weights().to_vec(), model.intercept());
        model.learn_one(&[1e300, 1.0], 1e300);
        assert_eq!((model.weights(), model.intercept(), model.refused_steps()), (weights.as_slice(), intercept, 1));
        model.learn_one(&[1.0, 2.0], f64::NAN);
        assert_eq!(model.weights(), weights);
    }

    #[test]
    fn averaged_weights_predict_and_the_last_weights_learn() {
        let (mut plain, mut averaged) = (model(json!({})), model(json!({"average_from": 0})));
        let mut compat = model(json!({"average_from": 0, "river_compat": true}));
        let mut sum = 0.0;
        for k in 0..10 {
            let (x, y) = ([f64::from(k % 3), 1.0], f64::from(k));
            for m in [&mut plain, &mut averaged, &mut compat] {
                m.learn_one(&x, y);
            }
            sum += plain.predict_one(&[1.0, 1.0]);
        }
        assert_eq!(plain.weights(), averaged.weights());
        assert!((averaged.predict_one(&[1.0, 1.0]) - sum / 10.0).abs() < 1e-12);
        assert_eq!(compat.predict_one(&[1.0, 1.0]), plain.predict_one(&[1.0, 1.0]));
    }

    #[test]
    fn l1_and_l2_together_are_refused() {
        let params = LinearRegressionParams { l1: 0.1, l2: 0.1, ..LinearRegressionParams::default() };
        assert!(LinearRegression::new(params, 1).unwrap_err().to_string().contains("cannot be used together"));
    }
}

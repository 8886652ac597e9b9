//! Bayesian linear regression.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{blas, dot, matrix};
use crate::{
    impl_snapshot,
    learn::{
        base::{Regressor, finite},
        catalog::{Component, ModelBuild},
        params::{ParamError, above},
    },
};

crate::params! {
    /// Parameters of [`BayesianLinearRegression`].
    pub struct BayesianLinearRegressionParams {
        /// Precision of the prior of every weight: the larger, the closer the weights stay to 0.
        alpha: f64 = 1.0, in above(0.0);
        /// Precision of the noise in the target, one over its variance.
        beta: f64 = 1.0, in above(0.0);
        /// How much of the past is kept from one record to the next, the rest going to the new record; "none" forgets nothing. A dear mode: every
        /// record inverts a matrix.
        smoothing: Option<f64> = None, in 0.0..=1.0;
        /// Round as River does where OpenBLAS uses its kernels for Haswell and Zen, and never restart; begin smoothing with the
        /// inverse of the prior's precision.
        river_compat: bool = false;
    }
}

/// Linear regression with a normal prior on the weights: the weights' distribution is kept exactly, so a prediction comes with its standard deviation.
/// No intercept: give it inputs that need none (prices), or a feature that is always 1.
///
/// Cost: the square of the number of features a record, with smoothing its cube. An absent feature counts as 0. A record that would drive the state out
/// of the finite numbers is refused and counted (`refused_steps`); when rounding has spoiled the covariance it starts afresh from the prior with the
/// weights as they are (`restarts`).
///
/// Reference: C. M. Bishop, "Pattern Recognition and Machine Learning", 2006, section 3.3; River's `linear_model.BayesianLinearRegression`.
///
/// ```
/// use tidemill::learn::{base::Regressor, linear_model::{BayesianLinearRegression, BayesianLinearRegressionParams}};
///
/// let mut model = BayesianLinearRegression::new(BayesianLinearRegressionParams::default(), 2);
/// assert_eq!(model.predict_distribution(&[1.0, 0.0]), (0.0, 2.0_f64.sqrt()));
/// for k in 0..100 {
///     let x = [f64::from(k % 5), f64::from(k % 3)];
///     model.learn_one(&x, 2.0 * x[0] - x[1]);
/// }
/// let (mean, deviation) = model.predict_distribution(&[1.0, 1.0]);
/// assert_eq!(format!("{mean:.3} {deviation:.3}"), "1.008 1.003");
/// ```
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct BayesianLinearRegression {
    params: BayesianLinearRegressionParams,
    features: usize,
    /// The weights' covariance, row by row. As River pads it, matrices and vectors have further rows that stay as they are.
    covariance: Vec<f64>,
    /// Its inverse; empty without smoothing, which alone needs it.
    precision: Vec<f64>,
    /// The precision times the mean of the weights.
    natural_mean: Vec<f64>,
    weights: Vec<f64>,
    refused: u64,
    restarts: u64,
    #[serde(skip)]
    scratch: Scratch,
}

/// Working memory of a learning step.
#[derive(Debug, Clone, Default)]
struct Scratch {
    x: Vec<f64>,
    column: Vec<f64>,
    row: Vec<f64>,
    matrix: Vec<f64>,
    vector: Vec<f64>,
    factor: Vec<f64>,
}

/// How many rows the matrices have.
fn size(params: &BayesianLinearRegressionParams, features: usize) -> usize {
    if params.river_compat && params.smoothing.is_none() { blas::padded(features) } else { features }
}

impl BayesianLinearRegression {
    /// A model of `features` features.
    pub fn new(params: BayesianLinearRegressionParams, features: usize) -> Self {
        let size = size(&params, features);
        let prior = if params.river_compat { 1.0 / params.alpha } else { params.alpha };
        let precision = if params.smoothing.is_some() { matrix::diagonal(size, prior) } else { Vec::new() };
        BayesianLinearRegression {
            covariance: matrix::diagonal(size, 1.0 / params.alpha),
            precision,
            natural_mean: vec![0.0; size],
            weights: vec![0.0; size],
            refused: 0,
            restarts: 0,
            scratch: Scratch::default(),
            features,
            params,
        }
    }

    /// The mean of the weights, in the order of the features.
    pub fn weights(&self) -> &[f64] {
        &self.weights[..self.features]
    }

    /// The prediction and its standard deviation, in units of the target.
    pub fn predict_distribution(&self, x: &[f64]) -> (f64, f64) {
        let mut variance = 1.0 / self.params.beta;
        for (row, a) in self.covariance.chunks_exact(self.weights.len().max(1)).zip(x) {
            if a.is_finite() {
                variance += a * dot(row, x);
            }
        }
        (finite(dot(&self.weights, x)), finite(variance.max(0.0)).sqrt())
    }

    /// Without smoothing: a rank-one update of the covariance. Whether the new state in the scratch memory is sound.
    fn condition(&mut self, y: f64, beta: f64) -> bool {
        let (n, Scratch { x, column, row, matrix, vector, .. }) = (self.weights.len(), &mut self.scratch);
        matrix.clear();
        let sound = if self.params.river_compat {
            x.resize(n, 0.0);
            vector.clear();
            vector.extend(x.iter().map(|x| beta * x));
            blas::times(&self.covariance, vector, column);
            blas::row_times(x, &self.covariance, row);
            let shrink = -1.0 / (1.0 + dot(column, x));
            for (a, line) in column.iter().zip(self.covariance.chunks_exact(n)) {
                matrix.extend(line.iter().zip(row.iter()).map(|(c, b)| c + a * (shrink * b)));
            }
            true
        } else {
            column.clear();
            column.extend(self.covariance.chunks_exact(n).map(|line| dot(line, x)));
            let shrink = beta / (1.0 + beta * dot(column, x));
            // Both factors are shrunk alike, so that the covariance stays symmetric in every bit.
            let root = shrink.sqrt();
            for (a, line) in column.iter().zip(self.covariance.chunks_exact(n)) {
                matrix.extend(line.iter().zip(column.iter()).map(|(c, b)| c - (root * a) * (root * b)));
            }
            shrink > 0.0
        };
        vector.clear();
        vector.extend(self.natural_mean.iter().zip(x.iter()).map(|(m, x)| m + beta * x * y));
        sound
    }

    /// With smoothing: the precision fades towards the record's and is inverted.
    fn smooth(&mut self, y: f64, beta: f64, keep: f64) -> bool {
        let (n, Scratch { x, column, matrix, vector, factor, .. }) = (self.weights.len(), &mut self.scratch);
        column.clear();
        for (a, row) in x.iter().zip(self.precision.chunks_exact(n)) {
            column.extend(row.iter().zip(x.iter()).map(|(p, b)| keep * p + (1.0 - keep) * (beta * a * b)));
        }
        vector.clear();
        vector.extend(self.natural_mean.iter().zip(x.iter()).map(|(m, x)| keep * m + (1.0 - keep) * (beta * x) * y));
        let inverted = matrix::invert(column, n, factor, matrix);
        if inverted && column.iter().all(|p| p.is_finite()) {
            self.precision.copy_from_slice(column);
        }
        inverted
    }

    /// The prior again, around the weights as they are.
    fn restart(&mut self) {
        let (n, alpha) = (self.weights.len(), self.params.alpha);
        for (mean, weight) in self.natural_mean.iter_mut().zip(&self.weights) {
            *mean = weight * alpha;
        }
        matrix::set_diagonal(&mut self.covariance, n, 1.0 / alpha);
        matrix::set_diagonal(&mut self.precision, n, alpha);
        self.restarts += 1;
    }
}

impl Regressor for BayesianLinearRegression {
    fn predict_one(&mut self, x: &[f64]) -> f64 {
        finite(dot(&self.weights, x))
    }

    fn learn_one(&mut self, x: &[f64], y: f64) {
        self.learn_weighted(x, y, 1.0);
    }

    fn learn_weighted(&mut self, x: &[f64], y: f64, weight: f64) {
        if !(y.is_finite() && weight > 0.0 && weight.is_finite()) || self.features == 0 {
            return;
        }
        self.scratch.x.clear();
        self.scratch.x.extend(x.iter().map(|x| if x.is_finite() { *x } else { 0.0 }));
        let beta = self.params.beta * weight;
        let sound = match self.params.smoothing {
            None => self.condition(y, beta),
            Some(keep) => self.smooth(y, beta, keep),
        };
        let n = self.weights.len();
        let Scratch { matrix, vector, factor: weights, .. } = &mut self.scratch;
        if self.params.river_compat {
            blas::times(matrix, vector, weights);
        } else {
            weights.clear();
            weights.extend(matrix.chunks_exact(n).map(|row| dot(row, vector)));
        }
        let finite = [&*matrix, &*vector, &*weights].iter().all(|numbers| numbers.iter().all(|v| v.is_finite()));
        match (sound, finite) {
            (true, true) => {
                self.covariance.copy_from_slice(matrix);
                self.natural_mean.copy_from_slice(vector);
                self.weights.copy_from_slice(weights);
            }
            (_, false) => self.refused += 1,
            (false, true) => self.restart(),
        }
    }

    fn counters(&self, report: &mut dyn FnMut(&'static str, u64)) {
        report("refused_steps", self.refused);
        report("restarts", self.restarts);
    }

    fn clone_fresh(&self) -> Box<dyn Regressor> {
        Box::new(BayesianLinearRegression::new(self.params.clone(), self.features))
    }

    fn clone_learned(&self) -> Box<dyn Regressor> {
        Box::new(self.clone())
    }
}

impl Component for BayesianLinearRegression {
    type Params = BayesianLinearRegressionParams;
    const NAME: &'static str = "bayesian_linear_regression";
    const SUMMARY: &'static str =
        "linear regression that keeps the weights' distribution; predictions with a standard deviation; no intercept";
    const REFERENCE: &'static str = "Bishop, Pattern Recognition and Machine Learning, 2006, section 3.3";

    fn examples() -> Vec<Value> {
        let others = [json!({ "alpha": 0.3, "beta": 2.0 }), json!({ "smoothing": 0.99 })];
        [Value::from(Self::NAME)].into_iter().chain(others.map(|params| json!({ Self::NAME: params }))).collect()
    }

    fn build(params: BayesianLinearRegressionParams, on: &ModelBuild<'_>) -> Result<Self, Vec<ParamError>> {
        Ok(BayesianLinearRegression::new(params, on.schema.len()))
    }
}

impl_snapshot!(BayesianLinearRegression);

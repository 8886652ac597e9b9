//! Recursive least squares with forgetting.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{dot, matrix};
use crate::{
    impl_snapshot,
    learn::{
        base::{Regressor, finite},
        catalog::{Component, ModelBuild},
        params::{ParamError, above, above_to},
    },
};

crate::params! {
    /// Parameters of [`RecursiveLeastSquares`].
    pub struct RecursiveLeastSquaresParams {
        /// What is left of a record's weight at each further record: 1 forgets nothing, 0.99 remembers about 100 records.
        forgetting: f64 = 0.99, in above_to(0.0, 1.0);
        /// The variance of the weights before the first record: the larger, the less they are held at 0.
        initial_variance: f64 = 1e3, in above(0.0);
        /// Forgetting pauses while the mean variance of the weights is beyond this: with inputs that tell nothing new it would grow without end.
        max_variance: f64 = 1e9, in above(0.0);
        /// Whether there is an intercept.
        intercept: bool = true;
    }
}

/// The least-squares fit over all records so far, old ones weighing less and less: exact at every record, with no learning rate to choose.
///
/// Scales matter little, so prices can go in as they are. Cost: the square of the number of features a record. An absent feature counts as 0. A record
/// that would drive the state out of the finite numbers is refused and counted (`refused_steps`); when rounding has spoiled the covariance it
/// starts afresh with the weights as they are (`restarts`).
///
/// Reference: S. Haykin, "Adaptive filter theory", 3rd edition, 1996, chapter 13; the bound on the variance against wind-up: K. J. Åström, B.
/// Wittenmark, "Adaptive control", section 11.4.
///
/// ```
/// use tidemill::learn::{base::Regressor, linear_model::{RecursiveLeastSquares, RecursiveLeastSquaresParams}};
///
/// let mut model = RecursiveLeastSquares::new(RecursiveLeastSquaresParams::default(), 2);
/// for k in 0..60 {
///     let x = [f64::from(k % 5), f64::from(k % 3)];
///     model.learn_one(&x, 2.0 * x[0] - x[1] + 7.0);
/// }
/// assert_eq!(format!("{:.4}", model.predict_one(&[10.0, 0.0])), "27.0004");
/// ```
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RecursiveLeastSquares {
    params: RecursiveLeastSquaresParams,
    features: usize,
    /// The weights, the intercept last.
    weights: Vec<f64>,
    /// The weights' covariance over the variance of the noise, row by row.
    covariance: Vec<f64>,
    refused: u64,
    restarts: u64,
    #[serde(skip)]
    scratch: Scratch,
}

#[derive(Debug, Clone, Default)]
struct Scratch {
    x: Vec<f64>,
    gain: Vec<f64>,
    weights: Vec<f64>,
    covariance: Vec<f64>,
}

impl RecursiveLeastSquares {
    /// A model of `features` features.
    pub fn new(params: RecursiveLeastSquaresParams, features: usize) -> Self {
        let n = features + usize::from(params.intercept);
        RecursiveLeastSquares {
            weights: vec![0.0; n],
            covariance: matrix::diagonal(n, params.initial_variance),
            refused: 0,
            restarts: 0,
            scratch: Scratch::default(),
            features,
            params,
        }
    }

    /// The weights in the order of the features, the intercept (if any) last.
    pub fn weights(&self) -> &[f64] {
        &self.weights
    }

    /// The first covariance again; the weights stay as they are.
    fn restart(&mut self) {
        matrix::set_diagonal(&mut self.covariance, self.weights.len(), self.params.initial_variance);
        self.restarts += 1;
    }

    fn intercept(&self) -> f64 {
        self.weights.get(self.features).copied().unwrap_or(0.0)
    }
}

impl Regressor for RecursiveLeastSquares {
    fn predict_one(&mut self, x: &[f64]) -> f64 {
        finite(dot(&self.weights[..self.features], x) + self.intercept())
    }

    fn learn_one(&mut self, x: &[f64], y: f64) {
        self.learn_weighted(x, y, 1.0);
    }

    fn learn_weighted(&mut self, x: &[f64], y: f64, weight: f64) {
        let n = self.weights.len();
        if !(y.is_finite() && weight > 0.0 && weight.is_finite()) || n == 0 {
            return;
        }
        let Scratch { x: row, gain, weights, covariance } = &mut self.scratch;
        row.clear();
        row.extend(x.iter().map(|x| if x.is_finite() { *x } else { 0.0 }));
        row.resize(n, 1.0);
        let trace: f64 = self.covariance.iter().step_by(n + 1).sum();
        let forgetting = if trace / n as f64 > self.params.max_variance { 1.0 } else { self.params.forgetting };
        gain.clear();
        gain.extend(self.covariance.chunks_exact(n).map(|line| dot(line, row)));
        let excitation = dot(gain, row);
        let size = forgetting / weight + excitation;
        if !size.is_finite() {
            self.refused += 1;
            return;
        }
        if excitation < 0.0 || size <= 0.0 {
            self.restart();
            return;
        }
        let error = y - dot(&self.weights, row);
        weights.clear();
        weights.extend(self.weights.iter().zip(gain.iter()).map(|(w, g)| w + g / size * error));
        // Both factors are divided alike, so that the covariance stays symmetric in every bit: a difference would grow with every record that is forgotten.
        let root = size.sqrt();
        covariance.clear();
        for (g, line) in gain.iter().zip(self.covariance.chunks_exact(n)) {
            covariance.extend(line.iter().zip(gain.iter()).map(|(c, h)| (c - (g / root) * (h / root)) / forgetting));
        }
        if !weights.iter().chain(covariance.iter()).all(|v| v.is_finite()) {
            self.refused += 1;
        } else if covariance.iter().step_by(n + 1).any(|variance| *variance <= 0.0) {
            self.restart();
        } else {
            self.weights.copy_from_slice(weights);
            self.covariance.copy_from_slice(covariance);
        }
    }

    fn counters(&self, report: &mut dyn FnMut(&'static str, u64)) {
        report("refused_steps", self.refused);
        report("restarts", self.restarts);
    }

    fn clone_fresh(&self) -> Box<dyn Regressor> {
        Box::new(RecursiveLeastSquares::new(self.params.clone(), self.features))
    }

    fn clone_learned(&self) -> Box<dyn Regressor> {
        Box::new(self.clone())
    }
}

impl Component for RecursiveLeastSquares {
    type Params = RecursiveLeastSquaresParams;
    const NAME: &'static str = "recursive_least_squares";
    const SUMMARY: &'static str = "least squares over all records, exact at every one, with forgetting";
    const REFERENCE: &'static str = "Haykin, Adaptive filter theory, 1996, chapter 13";

    fn examples() -> Vec<Value> {
        let others = [json!({ "forgetting": 1.0 }), json!({ "forgetting": 0.9, "intercept": false })];
        [Value::from(Self::NAME)].into_iter().chain(others.map(|params| json!({ Self::NAME: params }))).collect()
    }

    fn build(params: RecursiveLeastSquaresParams, on: &ModelBuild<'_>) -> Result<Self, Vec<ParamError>> {
        Ok(RecursiveLeastSquares::new(params, on.schema.len()))
    }
}

impl_snapshot!(RecursiveLeastSquares);

#[cfg(test)]
mod tests {
    use super::*;

    /// Weighted sums over all records, solved at the end: what the recursion has to give at every record.
    fn batch(records: &[([f64; 2], f64)], forgetting: f64, initial_variance: f64) -> Vec<f64> {
        let mut a = matrix::diagonal(3, 1.0 / initial_variance);
        let mut b = vec![0.0; 3];
        for (x, y) in records {
            let row = [x[0], x[1], 1.0];
            for i in 0..3 {
                b[i] = forgetting * b[i] + row[i] * y;
                for j in 0..3 {
                    a[i * 3 + j] = forgetting * a[i * 3 + j] + row[i] * row[j];
                }
            }
        }
        let (mut factor, mut inverse) = (Vec::new(), Vec::new());
        assert!(matrix::invert(&a, 3, &mut factor, &mut inverse));
        inverse.chunks_exact(3).map(|line| dot(line, &b)).collect()
    }

    #[test]
    fn every_step_is_the_weighted_fit_of_all_records() {
        let value = |k: i32| f64::from(k * 37 % 19) - 9.0;
        let records: Vec<([f64; 2], f64)> =
            (0..80).map(|k| ([value(k), value(k * k)], value(k + 5) + f64::from(k) / 10.0)).collect();
        for forgetting in [1.0, 0.95] {
            let params = RecursiveLeastSquaresParams { forgetting, ..RecursiveLeastSquaresParams::default() };
            let mut model = RecursiveLeastSquares::new(params, 2);
            for (k, (x, y)) in records.iter().enumerate() {
                model.learn_one(x, *y);
                let expected = batch(&records[..=k], forgetting, 1e3);
                let near = model.weights().iter().zip(&expected).all(|(a, b)| (a - b).abs() < 1e-6 * b.abs().max(1.0));
                assert!(near, "{k}: {:?} against {expected:?}", model.weights());
            }
        }
    }

    #[test]
    fn rounding_does_not_spoil_the_covariance_of_a_long_stream() {
        let mut model = RecursiveLeastSquares::new(RecursiveLeastSquaresParams::default(), 2);
        for k in 0..50_000_u32 {
            let x = [f64::from(k % 17), f64::from(k % 23)];
            model.learn_one(&x, x[0] - x[1]);
        }
        model.counters(&mut |name, n| assert_eq!(n, 0, "{name}"));
        assert!((model.predict_one(&[3.0, 1.0]) - 2.0).abs() < 1e-9);
    }

    #[test]
    fn inputs_that_tell_nothing_new_do_not_wind_the_variance_up() {
        let mut model = RecursiveLeastSquares::new(RecursiveLeastSquaresParams { forgetting: 0.9, ..Default::default() }, 2);
        for _ in 0..20_000 {
            model.learn_one(&[1.0, 0.0], 3.0);
        }
        assert!(model.covariance.iter().all(|c| c.abs() < 1e10), "{:?}", model.covariance);
        assert!((model.predict_one(&[1.0, 0.0]) - 3.0).abs() < 1e-6);
    }
}

//! Linear models: a weight per feature and an intercept.

mod bayesian;
mod blas;
mod linear_regression;
mod matrix;
mod pa_regressor;
mod recursive_least_squares;

pub use bayesian::{BayesianLinearRegression, BayesianLinearRegressionParams};
pub use linear_regression::{LinearRegression, LinearRegressionParams};
pub use pa_regressor::{PaMode, PaRegressor, PaRegressorParams};
pub use recursive_least_squares::{RecursiveLeastSquares, RecursiveLeastSquaresParams};

/// The sum of weight times feature over the features present, left to right. An infinite feature counts as absent.
pub(in crate::learn) fn dot(weights: &[f64], x: &[f64]) -> f64 {
    let mut sum = 0.0;
    for (w, x) in weights.iter().zip(x) {
        if x.is_finite() {
            sum += w * x;
        }
    }
    sum
}

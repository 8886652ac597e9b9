//! Gradient descent with momentum.

use super::{LearningRate, Step, present};
use crate::learn::arithmetic::Arithmetic;

crate::params! {
    /// Gradient descent with momentum: `s = rho * s + rate * g; w -= s`.
    ///
    /// Reference: B. T. Polyak, "Some methods of speeding up the convergence of iteration methods", 1964.
    pub struct MomentumParams {
        /// Length of a step, or a schedule of lengths.
        learning_rate: LearningRate = LearningRate::constant(0.1);
        /// How much of the last movement is kept.
        rho: f64 = 0.9, in 0.0..1.0;
    }
}

impl Step for MomentumParams {
    fn initial(&self, features: usize) -> Vec<f64> {
        vec![0.0; features]
    }

    fn learning_rate(&self, t: u64) -> f64 {
        self.learning_rate.get(t)
    }

    fn step(&self, t: u64, weights: &mut [f64], gradient: &[f64], state: &mut [f64], _math: Arithmetic) {
        let rate = self.learning_rate.get(t);
        for (i, g) in present(gradient) {
            state[i] = self.rho * state[i] + rate * g;
            weights[i] -= state[i];
        }
    }
}

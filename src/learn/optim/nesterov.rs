//! Momentum that looks ahead.

use super::{LearningRate, Step, present};
use crate::learn::arithmetic::Arithmetic;

crate::params! {
    /// Nesterov momentum: the gradient is taken where the momentum is about to carry the weights.
    ///
    /// Reference: Y. Nesterov, "A method for solving the convex programming problem with convergence rate O(1/k^2)", 1983.
    pub struct NesterovParams {
        /// Length of a step, or a schedule of lengths.
        learning_rate: LearningRate = LearningRate::constant(0.1);
        /// How much of the last movement is kept.
        rho: f64 = 0.9, in 0.0..1.0;
    }
}

impl Step for NesterovParams {
    fn initial(&self, features: usize) -> Vec<f64> {
        vec![0.0; features]
    }

    fn learning_rate(&self, t: u64) -> f64 {
        self.learning_rate.get(t)
    }

    fn look_ahead(&self, weights: &mut [f64], x: &[f64], state: &[f64]) {
        for ((w, s), _) in weights.iter_mut().zip(state).zip(x).filter(|(_, x)| x.is_finite()) {
            *w -= self.rho * s;
        }
    }

    fn step(&self, t: u64, weights: &mut [f64], gradient: &[f64], state: &mut [f64], _math: Arithmetic) {
        let rate = self.learning_rate.get(t);
        for (i, g) in present(gradient) {
            weights[i] += self.rho * state[i];
            state[i] = self.rho * state[i] + rate * g;
            weights[i] -= state[i];
        }
    }
}

//! Momentum and scaled steps, both corrected for their start.

use super::{LearningRate, Step, present, start_correction};
use crate::learn::{arithmetic::Arithmetic, params::above};

crate::params! {
    /// Adam: faded mean of the gradients over the root of the faded mean of their squares.
    ///
    /// Reference: D. P. Kingma, J. Ba, "Adam: a method for stochastic optimization", ICLR 2015.
    pub struct AdamParams {
        /// Length of a step, or a schedule of lengths.
        learning_rate: LearningRate = LearningRate::constant(0.1);
        /// How much of the past mean gradient is kept.
        beta_1: f64 = 0.9, in 0.0..1.0;
        /// How much of the past mean square is kept.
        beta_2: f64 = 0.999, in 0.0..1.0;
        /// Keeps the division from zero.
        eps: f64 = 1e-8, in above(0.0);
    }
}

impl Step for AdamParams {
    fn initial(&self, features: usize) -> Vec<f64> {
        vec![0.0; 2 * features]
    }

    fn learning_rate(&self, t: u64) -> f64 {
        self.learning_rate.get(t)
    }

    fn step(&self, t: u64, weights: &mut [f64], gradient: &[f64], state: &mut [f64], math: Arithmetic) {
        let (m, v) = state.split_at_mut(weights.len());
        let rate = self.learning_rate.get(t) * math.root(start_correction(math, self.beta_2, t))
            / start_correction(math, self.beta_1, t);
        for (i, g) in present(gradient) {
            m[i] = self.beta_1 * m[i] + (1.0 - self.beta_1) * g;
            v[i] = self.beta_2 * v[i] + (1.0 - self.beta_2) * (g * g);
            weights[i] -= rate * m[i] / (math.root(v[i]) + self.eps);
        }
    }
}

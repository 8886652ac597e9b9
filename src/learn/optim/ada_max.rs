//! Adam with the maximum norm.

use super::{LearningRate, Step, present, start_correction};
use crate::learn::{arithmetic::Arithmetic, params::above};

crate::params! {
    /// AdaMax: Adam that divides by the faded largest gradient instead of the root mean square.
    ///
    /// Reference: D. P. Kingma, J. Ba, "Adam: a method for stochastic optimization", ICLR 2015, section 7.1.
    pub struct AdaMaxParams {
        /// Length of a step, or a schedule of lengths.
        learning_rate: LearningRate = LearningRate::constant(0.1);
        /// How much of the past mean gradient is kept.
        beta_1: f64 = 0.9, in 0.0..1.0;
        /// How much of the past maximum is kept.
        beta_2: f64 = 0.999, in 0.0..1.0;
        /// Keeps the division from zero.
        eps: f64 = 1e-8, in above(0.0);
    }
}

impl Step for AdaMaxParams {
    fn initial(&self, features: usize) -> Vec<f64> {
        vec![0.0; 2 * features]
    }

    fn learning_rate(&self, t: u64) -> f64 {
        self.learning_rate.get(t)
    }

    fn step(&self, t: u64, weights: &mut [f64], gradient: &[f64], state: &mut [f64], math: Arithmetic) {
        let (m, largest) = state.split_at_mut(weights.len());
        let rate = self.learning_rate.get(t) / start_correction(math, self.beta_1, t);
        for (i, g) in present(gradient) {
            m[i] = self.beta_1 * m[i] + (1.0 - self.beta_1) * g;
            largest[i] = (self.beta_2 * largest[i]).max(g.abs());
            weights[i] -= rate * m[i] / (largest[i] + self.eps);
        }
    }
}

//! Steps scaled by the faded size of the gradients.

use super::{LearningRate, Step, present};
use crate::learn::{arithmetic::Arithmetic, params::above};

crate::params! {
    /// RMSProp: each weight's step is divided by the faded root mean square of its gradients.
    ///
    /// Reference: T. Tieleman, G. Hinton, "Lecture 6.5: RMSProp", Coursera, 2012.
    pub struct RmsPropParams {
        /// Length of a step, or a schedule of lengths.
        learning_rate: LearningRate = LearningRate::constant(0.1);
        /// How much of the past mean square is kept.
        rho: f64 = 0.9, in 0.0..1.0;
        /// Keeps the division from zero.
        eps: f64 = 1e-8, in above(0.0);
    }
}

impl Step for RmsPropParams {
    fn initial(&self, features: usize) -> Vec<f64> {
        vec![0.0; features]
    }

    fn learning_rate(&self, t: u64) -> f64 {
        self.learning_rate.get(t)
    }

    fn step(&self, t: u64, weights: &mut [f64], gradient: &[f64], state: &mut [f64], math: Arithmetic) {
        let rate = self.learning_rate.get(t);
        for (i, g) in present(gradient) {
            state[i] = self.rho * state[i] + (1.0 - self.rho) * (g * g);
            weights[i] -= rate / math.root(state[i] + self.eps) * g;
        }
    }
}

//! Steps that shrink with the sum of squared gradients.

use super::{LearningRate, Step, present};
use crate::learn::{arithmetic::Arithmetic, params::above};

crate::params! {
    /// AdaGrad: each weight's step shrinks with the root of the sum of its squared gradients.
    ///
    /// Reference: J. Duchi, E. Hazan, Y. Singer, "Adaptive subgradient methods for online learning and stochastic optimization", JMLR 12, 2011.
    pub struct AdaGradParams {
        /// Length of a step, or a schedule of lengths.
        learning_rate: LearningRate = LearningRate::constant(0.1);
        /// Keeps the division from zero.
        eps: f64 = 1e-8, in above(0.0);
    }
}

impl Step for AdaGradParams {
    fn initial(&self, features: usize) -> Vec<f64> {
        vec![0.0; features]
    }

    fn learning_rate(&self, t: u64) -> f64 {
        self.learning_rate.get(t)
    }

    fn step(&self, t: u64, weights: &mut [f64], gradient: &[f64], state: &mut [f64], math: Arithmetic) {
        let rate = self.learning_rate.get(t);
        for (i, g) in present(gradient) {
            state[i] += math.square(g);
            weights[i] -= rate / math.root(state[i] + self.eps) * g;
        }
    }
}

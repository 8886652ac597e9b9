//! Steps scaled by the ratio of past step and gradient sizes.

use super::{Step, present};
use crate::learn::{arithmetic::Arithmetic, params::above};

crate::params! {
    /// AdaDelta: a step is as long as past steps were in proportion to past gradients; there is no learning rate.
    ///
    /// Reference: M. D. Zeiler, "ADADELTA: an adaptive learning rate method", arXiv 1212.5701, 2012.
    pub struct AdaDeltaParams {
        /// How much of the past mean squares is kept.
        rho: f64 = 0.95, in 0.0..1.0;
        /// Keeps the division from zero and starts the movement.
        eps: f64 = 1e-8, in above(0.0);
    }
}

impl Step for AdaDeltaParams {
    fn initial(&self, features: usize) -> Vec<f64> {
        vec![0.0; 2 * features]
    }

    fn learning_rate(&self, _t: u64) -> f64 {
        0.0
    }

    fn step(&self, _t: u64, weights: &mut [f64], gradient: &[f64], state: &mut [f64], math: Arithmetic) {
        let (gradients, steps) = state.split_at_mut(weights.len());
        let size = |mean_square: f64| math.root(mean_square + self.eps);
        for (i, g) in present(gradient) {
            gradients[i] = self.rho * gradients[i] + (1.0 - self.rho) * math.square(g);
            let step = -size(steps[i]) / size(gradients[i]) * g;
            steps[i] = self.rho * steps[i] + (1.0 - self.rho) * math.square(step);
            weights[i] += step;
        }
    }
}

//! Adam with bounds that turn it into gradient descent.

use super::{LearningRate, Step, present, start_correction};
use crate::learn::{arithmetic::Arithmetic, params::above};

crate::params! {
    /// AdaBound: Adam whose per-weight rates are clipped between bounds that close on a final rate.
    ///
    /// Reference: L. Luo et al., "Adaptive gradient methods with dynamic bound of learning rate", ICLR 2019.
    pub struct AdaBoundParams {
        /// Length of a step, or a schedule of lengths.
        learning_rate: LearningRate = LearningRate::constant(0.001);
        /// How much of the past mean gradient is kept.
        beta_1: f64 = 0.9, in 0.0..1.0;
        /// How much of the past mean square is kept.
        beta_2: f64 = 0.999, in 0.0..1.0;
        /// Keeps the division from zero.
        eps: f64 = 1e-8, in above(0.0);
        /// How fast the bounds close.
        gamma: f64 = 0.001, in above(0.0);
        /// The rate that the bounds close on.
        final_lr: f64 = 0.1, in above(0.0);
    }
}

impl Step for AdaBoundParams {
    /// Two blocks of means, and the final rate, which follows the schedule.
    fn initial(&self, features: usize) -> Vec<f64> {
        let mut state = vec![0.0; 2 * features];
        state.push(self.final_lr);
        state
    }

    fn learning_rate(&self, t: u64) -> f64 {
        self.learning_rate.get(t)
    }

    fn step(&self, t: u64, weights: &mut [f64], gradient: &[f64], state: &mut [f64], math: Arithmetic) {
        let features = weights.len();
        let (m, rest) = state.split_at_mut(features);
        let (v, final_lr) = rest.split_at_mut(features);
        let (rate, steps) = (self.learning_rate.get(t), (t + 1) as f64);
        let step_size = rate * start_correction(math, self.beta_2, t).sqrt() / start_correction(math, self.beta_1, t);
        if self.learning_rate.get(0) > 0.0 {
            final_lr[0] *= rate / self.learning_rate.get(0);
        }
        let lower = final_lr[0] * (1.0 - 1.0 / (self.gamma * steps + 1.0));
        let upper = final_lr[0] * (1.0 + 1.0 / (self.gamma * steps));
        for (i, g) in present(gradient) {
            m[i] = self.beta_1 * m[i] + (1.0 - self.beta_1) * g;
            v[i] = self.beta_2 * v[i] + (1.0 - self.beta_2) * math.square(g);
            weights[i] -= (step_size / (v[i].sqrt() + self.eps)).min(upper).max(lower) * m[i];
        }
    }
}

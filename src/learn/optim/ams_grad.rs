//! Adam whose scaling never grows back.

use super::{LearningRate, Step, present, start_correction};
use crate::learn::{arithmetic::Arithmetic, params::above};

crate::params! {
    /// AMSGrad: Adam that divides by the largest mean square seen, so that steps never grow again.
    ///
    /// Reference: S. J. Reddi, S. Kale, S. Kumar, "On the convergence of Adam and beyond", ICLR 2018.
    pub struct AmsGradParams {
        /// Length of a step, or a schedule of lengths.
        learning_rate: LearningRate = LearningRate::constant(0.1);
        /// How much of the past mean gradient is kept.
        beta_1: f64 = 0.9, in 0.0..1.0;
        /// How much of the past mean square is kept.
        beta_2: f64 = 0.999, in 0.0..1.0;
        /// Keeps the division from zero.
        eps: f64 = 1e-8, in above(0.0);
        /// Whether the means are corrected for their start at zero.
        correct_bias: bool = true;
    }
}

impl Step for AmsGradParams {
    fn initial(&self, features: usize) -> Vec<f64> {
        vec![0.0; 3 * features]
    }

    fn learning_rate(&self, t: u64) -> f64 {
        self.learning_rate.get(t)
    }

    fn step(&self, t: u64, weights: &mut [f64], gradient: &[f64], state: &mut [f64], math: Arithmetic) {
        let features = weights.len();
        let (m, rest) = state.split_at_mut(features);
        let (v, largest) = rest.split_at_mut(features);
        let mut rate = self.learning_rate.get(t);
        if self.correct_bias {
            rate = rate * math.root(start_correction(math, self.beta_2, t)) / start_correction(math, self.beta_1, t);
        }
        for (i, g) in present(gradient) {
            m[i] = self.beta_1 * m[i] + (1.0 - self.beta_1) * g;
            v[i] = self.beta_2 * v[i] + (1.0 - self.beta_2) * math.square(g);
            largest[i] = largest[i].max(v[i]);
            weights[i] -= rate * m[i] / (math.root(largest[i]) + self.eps);
        }
    }
}

//! Stochastic gradient descent.

use super::{LearningRate, Step};
use crate::learn::arithmetic::Arithmetic;

crate::params! {
    /// Stochastic gradient descent: `w -= rate * g`.
    ///
    /// Reference: H. Robbins, S. Monro, "A stochastic approximation method", Annals of Mathematical Statistics 22, 1951.
    pub struct SgdParams {
        /// Length of a step, or a schedule of lengths.
        learning_rate: LearningRate = LearningRate::constant(0.01);
    }
}

impl Step for SgdParams {
    fn initial(&self, _features: usize) -> Vec<f64> {
        Vec::new()
    }

    fn learning_rate(&self, t: u64) -> f64 {
        self.learning_rate.get(t)
    }

    fn step(&self, t: u64, weights: &mut [f64], gradient: &[f64], _state: &mut [f64], _math: Arithmetic) {
        let rate = self.learning_rate.get(t);
        for (w, g) in weights.iter_mut().zip(gradient) {
            if !g.is_nan() {
                *w -= rate * g;
            }
        }
    }
}

//! The online Newton step.

use super::{LearningRate, Step};
use crate::learn::{arithmetic::Arithmetic, params::above};

crate::params! {
    /// Online Newton step: the gradient is multiplied by the inverse of the summed outer products of gradients, kept up to date by the formula of
    /// Sherman and Morrison. Time and memory grow with the square of the number of features.
    ///
    /// Reference: E. Hazan, A. Agarwal, S. Kale, "Logarithmic regret algorithms for online convex optimization", Machine Learning 69, 2007.
    pub struct NewtonParams {
        /// Length of a step, or a schedule of lengths.
        learning_rate: LearningRate = LearningRate::constant(0.1);
        /// The start of the summed outer products on the diagonal.
        eps: f64 = 1e-5, in above(0.0);
    }
}

impl Step for NewtonParams {
    /// The inverse, row by row, and one row of working space.
    fn initial(&self, features: usize) -> Vec<f64> {
        let mut state = vec![0.0; features * features + features];
        for i in 0..features {
            state[i * features + i] = 1.0 / self.eps;
        }
        state
    }

    fn learning_rate(&self, t: u64) -> f64 {
        self.learning_rate.get(t)
    }

    fn step(&self, t: u64, weights: &mut [f64], gradient: &[f64], state: &mut [f64], _math: Arithmetic) {
        let features = weights.len();
        let (inverse, product) = state.split_at_mut(features * features);
        multiply(inverse, gradient, product);
        let scale = -1.0 / (1.0 + dot(gradient, product));
        for i in 0..features {
            for j in 0..features {
                inverse[i * features + j] += scale * product[i] * product[j];
            }
        }
        multiply(inverse, gradient, product);
        let rate = self.learning_rate.get(t);
        for (i, w) in weights.iter_mut().enumerate().filter(|(i, _)| !gradient[*i].is_nan()) {
            *w -= rate * product[i];
        }
    }
}

/// The sum of products; absent gradients count as zero.
fn dot(gradient: &[f64], other: &[f64]) -> f64 {
    gradient.iter().zip(other).filter(|(g, _)| !g.is_nan()).map(|(g, o)| g * o).sum()
}

/// Symmetric matrix times vector.
fn multiply(matrix: &[f64], gradient: &[f64], out: &mut [f64]) {
    for (row, o) in matrix.chunks_exact(gradient.len().max(1)).zip(out) {
        *o = dot(gradient, row);
    }
}

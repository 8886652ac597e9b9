//! Follow the regularised leader.

use super::{Step, present};
use crate::learn::{arithmetic::Arithmetic, params::above};

crate::params! {
    /// FTRL-Proximal: per-coordinate rates with built-in l1 and l2 regularisation; l1 gives truly sparse weights.
    ///
    /// Reference: H. B. McMahan et al., "Ad click prediction: a view from the trenches", KDD 2013.
    pub struct FtrlParams {
        /// Scale of the per-coordinate learning rates.
        alpha: f64 = 0.05, in above(0.0);
        /// Smoothing of the per-coordinate learning rates.
        beta: f64 = 1.0, in 0.0..;
        /// Strength of the l1 regularisation.
        l1: f64 = 0.0, in 0.0..;
        /// Strength of the l2 regularisation.
        l2: f64 = 1.0, in 0.0..;
    }
}

impl Step for FtrlParams {
    fn initial(&self, features: usize) -> Vec<f64> {
        vec![0.0; 2 * features]
    }

    fn learning_rate(&self, _t: u64) -> f64 {
        0.0
    }

    fn step(&self, _t: u64, weights: &mut [f64], gradient: &[f64], state: &mut [f64], math: Arithmetic) {
        let (z, n) = state.split_at_mut(weights.len());
        for (i, g) in present(gradient) {
            if z[i].abs() > self.l1 {
                let shrunk = z[i] - self.l1.copysign(z[i]);
                weights[i] = -math.inverse((self.beta + math.root(n[i])) / self.alpha + self.l2) * shrunk;
            }
            let s = (math.root(n[i] + math.square(g)) - math.root(n[i])) / self.alpha;
            z[i] += g - s * weights[i];
            n[i] += math.square(g);
        }
    }
}

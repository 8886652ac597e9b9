//! Regression losses: their values, their gradients by the prediction, and the prediction that a raw score stands for.

use crate::learn::{
    arithmetic::Arithmetic,
    params::{above, above_to},
};

crate::params! {
    /// No parameters.
    pub struct NoLossParams {}
}

crate::params! {
    /// Quadratic near zero, linear beyond.
    pub struct HuberParams {
        /// Where the loss turns linear, in units of the target.
        epsilon: f64 = 0.1, in above(0.0);
    }
}

crate::params! {
    /// Logarithmic in large errors.
    pub struct CauchyParams {
        /// The error at which the gradient is largest, in units of the target.
        c: f64 = 80.0, in above(0.0);
    }
}

crate::params! {
    /// Nothing inside the tube, absolute outside.
    pub struct EpsilonInsensitiveParams {
        /// Half the width of the tube, in units of the target.
        eps: f64 = 0.1, in 0.0..;
    }
}

crate::params! {
    /// The pinball loss of a quantile.
    pub struct QuantileParams {
        /// Which quantile.
        alpha: f64 = 0.5, in above_to(0.0, 1.0);
    }
}

crate::variants! {
    /// What an error costs.
    pub enum Loss {
        /// The square of the error.
        Squared(NoLossParams) = "squared",
        /// The size of the error.
        Absolute(NoLossParams) = "absolute",
        /// Quadratic near zero, linear beyond (Huber 1964).
        Huber(HuberParams) = "huber",
        /// Logarithmic in large errors.
        Cauchy(CauchyParams) = "cauchy",
        /// Nothing inside a tube, absolute outside.
        EpsilonInsensitive(EpsilonInsensitiveParams) = "epsilon_insensitive",
        /// The pinball loss: the model learns a quantile.
        Quantile(QuantileParams) = "quantile",
        /// Counts: the raw score is the logarithm of the prediction.
        Poisson(NoLossParams) = "poisson",
    }
}

impl Default for Loss {
    fn default() -> Self {
        Loss::Squared(NoLossParams {})
    }
}

impl Loss {
    /// The derivative by the raw score `p` for the truth `y`.
    ///
    /// `river_compat` maps the target of the epsilon-insensitive loss to `2 y - 1` as River does, which treats a price as a class label, and takes squares
    /// as River does.
    pub fn gradient(&self, y: f64, p: f64, river_compat: bool) -> f64 {
        match self {
            Loss::Squared(_) => 2.0 * (p - y),
            Loss::Absolute(_) => {
                if p > y {
                    1.0
                } else {
                    -1.0
                }
            }
            Loss::Huber(h) => (p - y).clamp(-h.epsilon, h.epsilon),
            Loss::Cauchy(c) => {
                let error = p - y;
                error / (Arithmetic::of(river_compat).square(error / c.c) + 1.0)
            }
            Loss::EpsilonInsensitive(e) => epsilon_insensitive_gradient(river_target(y, river_compat), p, e.eps),
            Loss::Quantile(q) => (if y < p { 1.0 } else { 0.0 }) - q.alpha,
            Loss::Poisson(_) => libm::exp(p) - y,
        }
    }

    /// The prediction that the raw score `p` stands for.
    pub fn mean(&self, p: f64) -> f64 {
        match self {
            Loss::Poisson(_) => libm::exp(p),
            _ => p,
        }
    }

    /// What the raw score `p` costs for the truth `y`.
    pub fn value(&self, y: f64, p: f64) -> f64 {
        let error = p - y;
        match self {
            Loss::Squared(_) => error * error,
            Loss::Absolute(_) => error.abs(),
            Loss::Huber(h) if error.abs() <= h.epsilon => 0.5 * error * error,
            Loss::Huber(h) => h.epsilon * error.abs() - 0.5 * h.epsilon * h.epsilon,
            // The integral of the gradient; River gives the absolute error here.
            Loss::Cauchy(c) => 0.5 * c.c * c.c * libm::log1p((error / c.c) * (error / c.c)),
            Loss::EpsilonInsensitive(e) => epsilon_insensitive_loss(y, p, e.eps),
            Loss::Quantile(q) => ((if error > 0.0 { 1.0 } else { 0.0 }) - q.alpha) * error,
            Loss::Poisson(_) => libm::exp(p) - y * p,
        }
    }
}

/// The target as River's epsilon-insensitive loss sees it: mapped like a class label under `river_compat`, itself otherwise.
pub fn river_target(y: f64, river_compat: bool) -> f64 {
    if river_compat { y * 2.0 - 1.0 } else { y }
}

/// How far `p` lies outside the tube of half-width `eps` around `y`.
pub fn epsilon_insensitive_loss(y: f64, p: f64, eps: f64) -> f64 {
    ((p - y).abs() - eps).max(0.0)
}

fn epsilon_insensitive_gradient(y: f64, p: f64, eps: f64) -> f64 {
    if p > y + eps {
        1.0
    } else if p + eps < y {
        -1.0
    } else {
        0.0
    }
}

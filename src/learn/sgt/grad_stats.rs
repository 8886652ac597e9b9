//! Sums of gradients, and what a change of the prediction would do to the loss.

use serde::{Deserialize, Serialize};

/// Weight, mean and squared deviations of gradients. The second derivative of the squared error is 1 for every record, so nothing is kept of it.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct GradStats {
    pub n: f64,
    pub mean: f64,
    pub squares: f64,
}

impl GradStats {
    /// Takes a gradient with weight `w`; refuses one that would leave the finite numbers.
    pub fn update(&mut self, gradient: f64, w: f64) {
        let n = self.n + w;
        let mean = self.mean + w / n * (gradient - self.mean);
        let squares = self.squares + w * (gradient - self.mean) * (gradient - mean);
        if squares.is_finite() && mean.is_finite() {
            *self = GradStats { n, mean, squares };
        }
    }

    /// Both together.
    pub fn plus(self, other: GradStats) -> GradStats {
        let n = self.n + other.n;
        if n <= 0.0 {
            return GradStats::default();
        }
        let apart = self.mean - other.mean;
        GradStats {
            n,
            mean: (self.n * self.mean + other.n * other.mean) / n,
            squares: self.squares + other.squares + apart * apart * self.n * other.n / n,
        }
    }

    /// These without `other`, which is a part of them; nothing is left where `other` weighs as much.
    pub fn minus(self, other: GradStats) -> GradStats {
        let n = self.n - other.n;
        if n <= 0.0 {
            return GradStats::default();
        }
        let mean = (self.n * self.mean - other.n * other.mean) / n;
        let apart = mean - other.mean;
        GradStats { n, mean, squares: self.squares - other.squares - apart * apart * n * other.n / self.n }
    }

    /// The step of the prediction that lowers the loss most, with `lambda` against large ones.
    pub fn best_step(self, lambda: f64) -> f64 {
        let curvature = if self.n > 0.0 { 1.0 } else { 0.0 };
        -self.mean / (curvature + f64::MIN_POSITIVE + lambda)
    }

    /// Mean and variance of the change of the loss over these records if their prediction moved by `step`.
    pub fn loss_change(self, step: f64) -> LossChange {
        let curvature = if self.n > 0.0 { 1.0 } else { 0.0 };
        let variance = if self.n > 1.0 { self.squares / (self.n - 1.0) } else { 0.0 };
        LossChange {
            n: self.n,
            mean: step * self.mean + 0.5 * curvature * step * step,
            squares: (self.n - 1.0) * (step * step * variance).max(0.0),
        }
    }
}

/// Weight, mean and squared deviations of changes of the loss.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct LossChange {
    pub n: f64,
    pub mean: f64,
    squares: f64,
}

impl LossChange {
    /// Both together.
    pub fn plus(self, other: LossChange) -> LossChange {
        let n = self.n + other.n;
        if n <= 0.0 {
            return LossChange::default();
        }
        let apart = self.mean - other.mean;
        LossChange {
            n,
            mean: (self.n * self.mean + other.n * other.mean) / n,
            squares: self.squares + other.squares + apart * apart * self.n * other.n / n,
        }
    }

    /// The sample variance, 0.0 for a weight of 1 or less.
    pub fn variance(self) -> f64 {
        if self.n > 1.0 { self.squares / (self.n - 1.0) } else { 0.0 }
    }
}

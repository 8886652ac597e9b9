//! The best split of a leaf, or the best step of its prediction.

use super::{
    grad_stats::{GradStats, LossChange},
    quantizer::Quantizer,
};
use crate::learn::stats::f_upper_tail;

/// What a leaf could do, and what it would do to the loss.
#[derive(Debug, Clone, Copy)]
pub struct Candidate {
    /// The feature and the threshold of a split; nothing for a step of the leaf's prediction.
    pub split: Option<(usize, f64)>,
    /// The steps of the predictions to the left and to the right; both the same without a split.
    pub steps: (f64, f64),
    mean: f64,
    variance: f64,
}

/// How the candidates of a leaf are weighed.
#[derive(Debug, Clone, Copy)]
pub struct Weighing {
    /// Against large steps.
    pub lambda: f64,
    /// Against splits.
    pub gamma: f64,
    /// Repeat River's sums.
    pub river_compat: bool,
}

impl Candidate {
    /// A step of the prediction of the whole leaf.
    pub fn step(all: GradStats, weighing: Weighing) -> Self {
        let step = all.best_step(weighing.lambda);
        let change = all.loss_change(step);
        Candidate { split: None, steps: (step, step), mean: change.mean, variance: change.variance() }
    }

    /// The best of a step and of all splits.
    pub fn best<'a>(all: GradStats, quantizers: impl Iterator<Item = (usize, &'a Quantizer)>, weighing: Weighing) -> Candidate {
        let mut best = Candidate::step(all, weighing);
        for (feature, quantizer) in quantizers.filter(|(_, q)| q.len() > 1) {
            if let Some(split) = best_threshold(all, feature, quantizer, weighing)
                && split.mean < best.mean
            {
                best = split;
            }
        }
        best
    }

    /// Whether it lowers the loss, at the significance level `delta` of an F test over `n` records. Without variance it is certain; River then takes it
    /// for chance.
    pub fn is_significant(&self, n: f64, delta: f64, river_compat: bool) -> bool {
        let without = if river_compat { 0.0 } else { f64::INFINITY };
        let f = if self.variance > 0.0 { n * (self.mean * self.mean) / self.variance } else { without };
        self.mean < 0.0 && f_upper_tail(f, 1.0, n - 1.0) < delta
    }
}

/// The best threshold of one feature.
fn best_threshold(all: GradStats, feature: usize, quantizer: &Quantizer, weighing: Weighing) -> Option<Candidate> {
    let penalty = 2.0 * weighing.gamma / all.n;
    let (mut left, mut sum, mut best) = (GradStats::default(), LossChange::default(), None::<Candidate>);
    quantizer.each(|threshold, bin| {
        left = left.plus(bin);
        let right = all.minus(left);
        if !weighing.river_compat && right.n <= 0.0 {
            return;
        }
        let steps = (left.best_step(weighing.lambda), right.best_step(weighing.lambda));
        let left_change = left.loss_change(steps.0);
        // River adds up the changes of all thresholds so far.
        sum = if weighing.river_compat { sum.plus(left_change) } else { left_change };
        let change = sum.plus(right.loss_change(steps.1));
        // River compares a change without the penalty to one with it.
        let mean = change.mean + penalty;
        let compared = if weighing.river_compat { change.mean } else { mean };
        if best.is_none_or(|b| compared < b.mean) && mean.is_finite() {
            best = Some(Candidate { split: Some((feature, threshold)), steps, mean, variance: change.variance() });
        }
    });
    best
}

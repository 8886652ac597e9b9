//! How good a split is: the variance, or the standard deviation, that it takes away.

use crate::learn::{arithmetic::Arithmetic, stats::Var};

/// Judges splits of one leaf.
pub struct Criterion<'a> {
    whole: &'a Var,
    /// The variance, or the standard deviation.
    spread: f64,
    least_weight: f64,
    /// Whether merits are shares of the variance.
    ratio: bool,
    by_deviation: bool,
    pub(super) arithmetic: Arithmetic,
}

impl<'a> Criterion<'a> {
    /// For a leaf whose targets are `whole`; both sides of a split have to weigh `least_weight`.
    pub fn new(whole: &'a Var, least_weight: f64, arithmetic: Arithmetic) -> Self {
        Criterion { whole, spread: whole.get(1.0), least_weight, ratio: false, by_deviation: false, arithmetic }
    }

    /// The same, with merits as shares of the variance: at most 1, as rules are judged.
    pub fn of_ratios(whole: &'a Var, least_weight: f64, arithmetic: Arithmetic) -> Self {
        Criterion { ratio: true, ..Criterion::new(whole, least_weight, arithmetic) }
    }

    /// The same, judged by the standard deviation instead of the variance if `by_deviation`.
    pub fn by_deviation(mut self, by_deviation: bool) -> Self {
        self.by_deviation = by_deviation;
        self.spread = self.spread(self.whole);
        self
    }

    fn spread(&self, targets: &Var) -> f64 {
        let variance = targets.get(1.0);
        if self.by_deviation { variance.max(0.0).sqrt() } else { variance }
    }

    /// What is left of the leaf's targets without `left`.
    pub fn rest(&self, left: &Var) -> Var {
        let mut right = *self.whole;
        right.unmerge(left, self.arithmetic);
        right
    }

    /// The variance (or standard deviation) less the weighed ones of both sides; 0.0 where a side is too light, or where it cannot be told.
    pub fn merit(&self, left: &Var, right: &Var) -> f64 {
        if left.n() < self.least_weight || right.n() < self.least_weight {
            return 0.0;
        }
        let n = self.whole.n();
        if self.ratio {
            let share = |side: &Var| side.n() / n * (self.spread(side) / self.spread);
            let merit = 1.0 - share(left) - share(right);
            return if merit.is_finite() { merit } else { 0.0 };
        }
        let merit = self.spread - left.n() / n * self.spread(left) - right.n() / n * self.spread(right);
        if merit.is_finite() { merit } else { 0.0 }
    }
}

/// The best split that a splitter has to offer.
#[derive(Debug, Clone, Copy)]
pub struct Candidate {
    /// Its merit; minus infinity for no split at all.
    pub merit: f64,
    /// Where it would be; nothing for no split at all.
    pub split: Option<Split>,
}

/// A split: what is at most the threshold goes left.
#[derive(Debug, Clone, Copy)]
pub struct Split {
    /// The feature that is asked.
    pub feature: u32,
    /// The threshold, in units of the feature.
    pub threshold: f64,
    /// The targets that went left.
    pub left: Var,
    /// The targets that went right.
    pub right: Var,
}

impl Candidate {
    /// Not to split.
    pub const NONE: Candidate = Candidate { merit: f64::NEG_INFINITY, split: None };
}

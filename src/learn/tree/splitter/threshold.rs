//! One random threshold: the split that extremely randomised trees try.

use serde::{Deserialize, Serialize};

use super::super::criterion::{Candidate, Criterion, Split};
use crate::learn::{random::Random, stats::Var};

/// Waits for a few records, draws a threshold between their extremes, and from then on counts both sides of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Threshold {
    seed: u64,
    waiting: Vec<(f64, f64, f64)>,
    threshold: Option<f64>,
    sides: [Var; 2],
}

impl Threshold {
    /// Draws with this seed.
    pub fn new(seed: u64) -> Self {
        Threshold { seed, waiting: Vec::new(), threshold: None, sides: [Var::default(); 2] }
    }

    /// How many records wait for the threshold.
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Takes a record; `buffer_size` records are waited for. The record with which the threshold is drawn counts too, except with `river_compat`.
    pub fn update(&mut self, buffer_size: usize, value: f64, y: f64, w: f64, river_compat: bool) {
        let Some(threshold) = self.threshold else {
            if self.waiting.len() < buffer_size {
                self.waiting.push((value, y, w));
                return;
            }
            let values = || self.waiting.iter().map(|(value, ..)| *value);
            let (low, high) = (values().fold(f64::INFINITY, f64::min), values().fold(f64::NEG_INFINITY, f64::max));
            let drawn = if low <= high { Random::new(self.seed).uniform(low, high) } else { value };
            let threshold = if drawn.is_finite() { drawn } else { value };
            for (value, y, w) in std::mem::take(&mut self.waiting) {
                self.sides[usize::from(value > threshold)].update(y, w);
            }
            self.threshold = Some(threshold);
            if !river_compat {
                self.sides[usize::from(value > threshold)].update(y, w);
            }
            return;
        };
        self.sides[usize::from(value > threshold)].update(y, w);
    }

    /// The one split there is.
    pub fn best(&self, feature: u32, criterion: &Criterion<'_>) -> Candidate {
        let [left, right] = self.sides;
        let split = self.threshold.map(|threshold| Split { feature, threshold, left, right });
        Candidate { merit: criterion.merit(&left, &right), split }
    }
}

//! Slots of equal width: the boundaries between filled slots are the possible splits.

use serde::{Deserialize, Serialize};

use super::super::criterion::{Candidate, Criterion, Split};
use crate::learn::stats::{Mean, Var};

/// The quantisation observer (QO): one slot for each interval of the feature's values that was seen.
///
/// Reference: S. M. Mastelini, A. C. P. de Leon Ferreira de Carvalho, "Using dynamical quantization to perform split attempts in online tree
/// regressors", Pattern Recognition Letters 145, 2021.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Quantizer {
    /// By their interval.
    slots: Vec<Slot>,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Slot {
    interval: f64,
    values: Mean,
    targets: Var,
}

impl Quantizer {
    /// How many slots there are.
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// Takes a record. Without `room` it goes to the nearest slot there is. Tells whether a slot was made.
    pub fn update(&mut self, radius: f64, value: f64, y: f64, w: f64, room: bool) -> bool {
        let interval = (value / radius).floor();
        if !interval.is_finite() {
            return false;
        }
        let at = self.slots.partition_point(|slot| slot.interval < interval);
        let found = self.slots.get(at).is_some_and(|slot| slot.interval == interval);
        if !found && room {
            self.slots.insert(at, Slot { interval, values: Mean::default(), targets: Var::default() });
        }
        let last = self.slots.len().saturating_sub(1);
        if let Some(slot) = self.slots.get_mut(at.min(last)) {
            slot.values.update(value, w);
            slot.targets.update(y, w);
        }
        !found && room
    }

    /// The best boundary between two filled slots, the smallest of equals.
    ///
    /// River counts the slot right of a boundary to its left side, and hands the left child the targets of all slots; `river_compat` does so too.
    pub fn best(&self, feature: u32, criterion: &Criterion<'_>, river_compat: bool) -> Candidate {
        let (mut best, mut left) = (Candidate::NONE, Var::default());
        for (k, slot) in self.slots.iter().enumerate() {
            if river_compat || k == 0 {
                left.merge(&slot.targets, criterion.arithmetic);
            }
            if k == 0 {
                continue;
            }
            let right = criterion.rest(&left);
            let merit = if left.is_finite() && right.is_finite() { criterion.merit(&left, &right) } else { 0.0 };
            if merit > best.merit {
                let threshold = (self.slots[k - 1].values.get() + slot.values.get()) / 2.0;
                best = Candidate { merit, split: Some(Split { feature, threshold, left, right }) };
            }
            if !river_compat {
                left.merge(&slot.targets, criterion.arithmetic);
            }
        }
        if let Some(split) = best.split.as_mut().filter(|_| river_compat) {
            split.left = left;
        }
        best
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::learn::arithmetic::Arithmetic;

    #[test]
    fn a_step_is_found_where_it_is_and_by_river_a_slot_too_far_left() {
        let (mut quantizer, mut whole) = (Quantizer::default(), Var::default());
        for k in 0..100_u32 {
            let (x, y) = (f64::from(k % 10), if k % 10 < 4 { 0.0 } else { 8.0 } + f64::from(k % 3));
            quantizer.update(1.0, x, y, 1.0, true);
            whole.update(y, 1.0);
        }
        let criterion = Criterion::new(&whole, 5.0, Arithmetic::Native);
        let right = quantizer.best(0, &criterion, false).split.unwrap();
        assert_eq!((right.threshold, right.left.n(), right.right.n()), (3.5, 40.0, 60.0));
        let rivers = quantizer.best(0, &criterion, true).split.unwrap();
        assert_eq!((rivers.threshold, rivers.left.n(), rivers.right.n()), (2.5, 100.0, 60.0));
        assert!(!quantizer.update(1.0, 77.0, 0.0, 1.0, false) && quantizer.len() == 10);
    }
}

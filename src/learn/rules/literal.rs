//! One condition on one feature.

use serde::{Deserialize, Serialize};

/// A feature that must be at most a threshold, or above it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Literal {
    pub feature: u32,
    pub threshold: f64,
    pub above: bool,
}

impl Literal {
    /// Whether `x` fulfils it; not if the feature is absent.
    pub fn holds(&self, x: &[f64]) -> bool {
        let value = x[self.feature as usize];
        value.is_finite() && (value > self.threshold) == self.above
    }

    /// Adds the condition to a list: a condition of the same kind on the same feature is narrowed instead, and never widened.
    pub fn add_to(self, literals: &mut Vec<Literal>) {
        match literals.iter_mut().find(|l| l.feature == self.feature && l.above == self.above) {
            Some(known) if self.above => known.threshold = known.threshold.max(self.threshold),
            Some(known) => known.threshold = known.threshold.min(self.threshold),
            None => literals.push(self),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_of_a_kind_are_narrowed() {
        let at_most = |threshold| Literal { feature: 0, threshold, above: false };
        let mut literals = Vec::new();
        for literal in [at_most(3.0), Literal { above: true, ..at_most(1.0) }, at_most(5.0), at_most(2.0)] {
            literal.add_to(&mut literals);
        }
        assert_eq!(literals, [at_most(2.0), Literal { above: true, ..at_most(1.0) }]);
        let covers = |x: f64| literals.iter().all(|l| l.holds(&[x]));
        assert_eq!([1.0, 1.5, 2.0, 2.5, f64::NAN].map(covers), [false, true, true, false, false]);
    }
}

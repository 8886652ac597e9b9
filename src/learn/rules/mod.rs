//! Rules: conditions on the features, each set of them with a model of its own.

mod am_rules;
mod literal;
mod rule;

pub use am_rules::{AmRules, AmRulesParams};
pub use rule::PredictionType;

use super::catalog::Entry;

/// The models of this family.
pub fn models() -> Vec<Entry> {
    vec![Entry::regressor::<AmRules>()]
}

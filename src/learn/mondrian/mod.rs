//! Mondrian trees and forests: splits drawn at random as the data spread, predictions averaged over all prunings.

mod amf_regressor;
mod tree;

pub use amf_regressor::{AmfRegressor, AmfRegressorParams};

use super::catalog::Entry;

/// The models of this family.
pub fn models() -> Vec<Entry> {
    vec![Entry::regressor::<AmfRegressor>()]
}

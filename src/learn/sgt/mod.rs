//! Stochastic gradient trees: trees that grow by gradients of the loss.

mod grad_stats;
mod quantizer;
mod sgt_regressor;
mod split;

pub use quantizer::{DynamicQuantizerParams, QuantizerSpec, StaticQuantizerParams};
pub use sgt_regressor::{SgtRegressor, SgtRegressorParams};

use super::catalog::Entry;

/// The models of this family.
pub fn models() -> Vec<Entry> {
    vec![Entry::regressor::<SgtRegressor>()]
}

//! Ensembles: several regressors whose predictions become one.

mod ewa;
mod stacking;

pub use ewa::{EwaRegressor, EwaRegressorParams};
pub use stacking::{StackingRegressor, StackingRegressorParams};

use super::catalog::Entry;

/// The models of this family.
pub fn models() -> Vec<Entry> {
    vec![Entry::regressor::<EwaRegressor>(), Entry::regressor::<StackingRegressor>()]
}

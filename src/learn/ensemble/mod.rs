//! Ensembles: several regressors whose predictions become one.

mod bagging;
mod ewa;
mod stacking;

pub use bagging::{BaggingRegressor, BaggingRegressorParams};
pub use ewa::{EwaRegressor, EwaRegressorParams};
pub use stacking::{StackingRegressor, StackingRegressorParams};

use super::catalog::Entry;

/// The models of this family.
pub fn models() -> Vec<Entry> {
    vec![Entry::regressor::<EwaRegressor>(), Entry::regressor::<StackingRegressor>(), Entry::regressor::<BaggingRegressor>()]
}

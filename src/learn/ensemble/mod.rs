//! Ensembles: several regressors whose predictions become one.

mod bagging;
mod boosting;
mod ewa;
mod patch;
mod srp;
mod stacking;
mod subspace;

pub use bagging::{BaggingRegressor, BaggingRegressorParams};
pub use boosting::{SgbRegressor, SgbRegressorParams};
pub use ewa::{EwaRegressor, EwaRegressorParams};
pub use srp::{DriftInput, SrpRegressor, SrpRegressorParams, TrainingMethod};
pub use stacking::{StackingRegressor, StackingRegressorParams};
pub use subspace::SubspaceSize;

use super::catalog::Entry;

/// The models of this family.
pub fn models() -> Vec<Entry> {
    vec![
        Entry::regressor::<EwaRegressor>(),
        Entry::regressor::<StackingRegressor>(),
        Entry::regressor::<BaggingRegressor>(),
        Entry::regressor::<SrpRegressor>(),
        Entry::regressor::<SgbRegressor>(),
    ]
}

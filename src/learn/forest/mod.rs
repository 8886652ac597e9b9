//! Forests of trees that grow with the stream.

mod adaptive;
mod extra;
mod max_features;
mod soknl;
mod vote;

pub use adaptive::{ArfRegressor, ArfRegressorParams};
pub use extra::{DetectionMode, OxtRegressor, OxtRegressorParams, Resampling};
pub use max_features::MaxFeatures;
pub use soknl::{SoknlRegressor, SoknlRegressorParams};
pub use vote::{Aggregation, median};

use super::catalog::Entry;

/// The models of this family, for the catalogue.
pub fn models() -> Vec<Entry> {
    vec![Entry::regressor::<ArfRegressor>(), Entry::regressor::<OxtRegressor>(), Entry::regressor::<SoknlRegressor>()]
}

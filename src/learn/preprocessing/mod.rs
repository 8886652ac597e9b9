//! Transformations of features that learn from the features alone.

mod standard_scaler;

pub use standard_scaler::{StandardScaler, StandardScalerParams};

//! Baselines that look at no feature: what every model has to beat.

mod mean;
mod naive;
mod shift;

pub use mean::MeanRegressor;
pub use naive::Naive;
pub use shift::{ShiftRegressor, ShiftRegressorParams};

crate::params! {
    /// No parameters.
    pub struct NoParams {}
}

//! Baselines that look at no feature: what every model has to beat.

mod mean;
mod naive;
mod shift;
mod statistic;

pub use mean::MeanRegressor;
pub use naive::Naive;
pub use shift::{ShiftRegressor, ShiftRegressorParams};
pub use statistic::{StatisticRegressor, StatisticRegressorParams};

crate::params! {
    /// No parameters.
    pub struct NoParams {}
}

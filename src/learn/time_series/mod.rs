//! Forecasters: models of a series that look steps ahead.

mod differencer;
mod drift;
mod holt_winters;
mod seasonal_naive;
mod snarimax;

pub use differencer::Differencer;
pub use drift::DriftForecaster;
pub use holt_winters::{HoltWinters, HoltWintersParams};
pub use seasonal_naive::{SeasonalNaive, SeasonalNaiveParams};
pub use snarimax::{Snarimax, SnarimaxParams};

use super::catalog::Entry;

/// The forecasters of this family, for the catalogue.
pub fn models() -> Vec<Entry> {
    vec![
        Entry::forecaster::<Snarimax>(),
        Entry::forecaster::<HoltWinters>(),
        Entry::forecaster::<SeasonalNaive>(),
        Entry::forecaster::<DriftForecaster>(),
    ]
}

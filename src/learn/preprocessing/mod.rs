//! Transformations of features: scalers, imputers, products, statistics of past targets.

mod adaptive_standard_scaler;
mod feature;
mod imputers;
mod max_abs_scaler;
mod min_max_scaler;
mod normalizer;
mod polynomial_extender;
mod robust_scaler;
mod select;
mod standard_scaler;
mod target_agg;

pub use adaptive_standard_scaler::{AdaptiveStandardScaler, AdaptiveStandardScalerParams};
pub(super) use feature::share;
pub use imputers::{PreviousImputer, StatImputer, StatImputerParams};
pub use max_abs_scaler::{MaxAbsScaler, MaxAbsScalerParams};
pub use min_max_scaler::{MinMaxScaler, MinMaxScalerParams};
pub use normalizer::{Norm, Normalizer, NormalizerParams};
pub use polynomial_extender::{PolynomialExtender, PolynomialExtenderParams};
pub use robust_scaler::{RobustScaler, RobustScalerParams};
pub use select::{Select, SelectParams};
pub use standard_scaler::{StandardScaler, StandardScalerParams};
pub use target_agg::{TargetAgg, TargetAggParams};

use super::{base::Transformer, catalog::Entry, compose::Union};

/// The transformers of this family, and the one made of them, for the catalogue.
pub fn transformers() -> Vec<Entry<Box<dyn Transformer>>> {
    vec![
        Entry::transformer::<StandardScaler>(),
        Entry::transformer::<MinMaxScaler>(),
        Entry::transformer::<MaxAbsScaler>(),
        Entry::transformer::<RobustScaler>(),
        Entry::transformer::<AdaptiveStandardScaler>(),
        Entry::transformer::<Normalizer>(),
        Entry::transformer::<StatImputer>(),
        Entry::transformer::<PreviousImputer>(),
        Entry::transformer::<PolynomialExtender>(),
        Entry::transformer::<TargetAgg>(),
        Entry::transformer::<Select>(),
        Entry::transformer::<Union>(),
    ]
}

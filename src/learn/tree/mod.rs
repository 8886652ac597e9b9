//! Trees that grow with the stream.

mod adaptive;
mod criterion;
mod fimtdd;
mod grower;
mod growth;
mod guarded;
mod hoeffding;
mod leaf;
mod splitter;

pub use adaptive::{HoeffdingAdaptiveTreeRegressor, HoeffdingAdaptiveTreeRegressorParams};
pub use fimtdd::{FimtddRegressor, FimtddRegressorParams};
pub use grower::{Arrival, Branch, Node, Shape, Tree};
pub(in crate::learn) use growth::common;
pub use growth::{Common, DEEPEST, Growth, LeafPrediction, Seedling, name_order};
pub use guarded::Events;
pub use hoeffding::{HoeffdingTreeRegressor, HoeffdingTreeRegressorParams, leaf_model};
pub use leaf::Leaf;
pub use splitter::{EbstParams, QoParams, SplitterKind, SplitterSpec, TebstParams, round_decimal};

pub(in crate::learn) use criterion::{Candidate, Criterion};
pub(in crate::learn) use splitter::{Splitter, Work};

use super::catalog::Entry;

/// The models of this family, for the catalogue.
pub fn models() -> Vec<Entry> {
    vec![
        Entry::regressor::<HoeffdingTreeRegressor>(),
        Entry::regressor::<HoeffdingAdaptiveTreeRegressor>(),
        Entry::regressor::<FimtddRegressor>(),
    ]
}

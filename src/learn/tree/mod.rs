//! Trees that grow with the stream.

mod criterion;
mod grower;
mod growth;
mod hoeffding;
mod leaf;
mod splitter;

pub use grower::{Arrival, Branch, Node, Shape, Tree};
pub use growth::{Common, DEEPEST, Growth, LeafPrediction, Seedling};
pub use hoeffding::{HoeffdingTreeRegressor, HoeffdingTreeRegressorParams};
pub use leaf::Leaf;
pub use splitter::{EbstParams, QoParams, SplitterKind, SplitterSpec, TebstParams, round_decimal};

pub(in crate::learn) use criterion::{Candidate, Criterion};
pub(in crate::learn) use splitter::{Splitter, Work};

use super::catalog::Entry;

/// The models of this family, for the catalogue.
pub fn models() -> Vec<Entry> {
    vec![Entry::regressor::<HoeffdingTreeRegressor>()]
}

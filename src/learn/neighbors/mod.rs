//! Models that answer with the records most like the question.

mod knn_regressor;
mod lazy_search;

pub use knn_regressor::{Aggregation, KnnRegressor, KnnRegressorParams};
pub use lazy_search::{LazySearch, Nearest};

//! Models fitted to whole windows of records, one fit after the other.

mod batch_incremental;
mod least_squares;

pub use batch_incremental::{BatchIncremental, BatchIncrementalParams, Weighting};
pub use least_squares::{Fit, LeastSquares};

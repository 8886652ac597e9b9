//! Exact decimal numbers for volumes: sums do not depend on their order.

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// A decimal with 18 places after the point, exact under addition and subtraction; about ±1.7e20 at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Decimal(i128);

/// A text that is no decimal, or one out of range.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{text:?} is not a decimal number of at most 20 digits before the point")]
pub struct DecimalError {
    /// What was written.
    pub text: String,
}

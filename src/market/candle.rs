//! The candle: what a market did in a span of time.

use serde::{Deserialize, Serialize};

use super::Decimal;
use crate::record::Timestamp;

/// Open, high, low, close and volume of one coin over `[open_time, close_time)`.
///
/// A bar that a window makes is a candle too, with the window's span; for session and count windows spans differ from bar to bar.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Candle {
    /// First moment of the span; the bar is named by it.
    pub open_time: Timestamp,
    /// First moment after the span: when the bar is complete and its close is known.
    pub close_time: Timestamp,
    /// First price.
    pub open: f64,
    /// Highest price.
    pub high: f64,
    /// Lowest price.
    pub low: f64,
    /// Last price.
    pub close: f64,
    /// Traded amount in the base coin.
    pub volume: Decimal,
    /// Traded amount in the quote coin.
    pub quote_volume: Option<Decimal>,
    /// Number of trades.
    pub trades: Option<u64>,
    /// Base volume bought by takers.
    pub taker_base: Option<Decimal>,
    /// Quote volume bought by takers.
    pub taker_quote: Option<Decimal>,
}

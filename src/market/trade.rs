//! The trade: one exchange of coins.

use serde::{Deserialize, Serialize};

use super::Decimal;
use crate::record::Timestamp;

/// One trade of one coin.
///
/// Two trades equal in every field can be two real trades unless they carry an id: never drop by content.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Trade {
    /// When the trade happened, by the exchange's clock.
    pub time: Timestamp,
    /// Price in the quote coin, above zero.
    pub price: f64,
    /// Amount in the base coin; zero for feeds that report price updates as trades.
    pub amount: Decimal,
    /// The exchange's number of the trade, where it has one.
    pub id: Option<u64>,
    /// Whether the buyer's order stood in the book, so that the seller was the aggressor; where the exchange tells.
    pub buyer_is_maker: Option<bool>,
}

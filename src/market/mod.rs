//! Market data: symbols, intervals, candles, trades, exact decimals, and their wire forms.
//!
//! Pure: it turns bytes into values and back. It knows nothing of topologies, windows or models.

mod candle;
pub mod codec;
mod decimal;
pub mod feed;
mod interval;
pub mod sim;
mod symbol;
mod trade;

pub use candle::Candle;
pub use decimal::{Decimal, DecimalError};
pub use interval::{Interval, IntervalError};
pub use symbol::{Symbol, SymbolError};
pub use trade::Trade;

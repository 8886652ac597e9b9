//! Numbers that traders compute from bars: momentum, trend, volatility and volume indicators, each after the source that named it.
//!
//! Everything here takes one bar at a time and says nothing (`None`) until it has seen what its definition asks for: no value is made up at
//! the start. Memory is bounded by the lengths in the parameters, the state holds finite numbers only, and a number that is not finite changes
//! nothing. What is a function of a window alone takes the window as a slice; the others keep a state.

mod atr;
mod bollinger;
mod group_stat;
mod macd;
mod obv;
mod polynomial;
mod rsi;
mod smoothed;
mod vwap;

pub use atr::{Atr, true_range};
pub use bollinger::{Bollinger, bollinger};
pub use group_stat::{GroupHow, GroupStat};
pub use macd::{Macd, MacdLines, MacdParams};
pub use obv::Obv;
pub use polynomial::products;
pub use rsi::Rsi;
pub use smoothed::Smoothed;
pub use vwap::{VwapWindow, vwap};

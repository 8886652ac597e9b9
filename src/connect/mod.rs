//! Market connectors: where records come from outside. One file or folder each; each gives a [`Feed`](crate::market::feed::Feed).
//!
//! Connectors know formats and transports. They know nothing of topologies, windows or models, and judge no candle: that is the decoder's work.

pub mod csv;

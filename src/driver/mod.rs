//! The task on one thread without actors and without a log: for tests ([`TopologyTestDriver`]) and for replaying history ([`Backtest`]).
//!
//! Both run the same [`Task`](crate::task::Task) as the runtime; there is no second engine.

mod backtest;
mod test_driver;

pub use backtest::{Backtest, BacktestError, BacktestReport, DEFAULT_BATCH_RECORDS};
pub use test_driver::{OutputRecord, TopologyTestDriver};

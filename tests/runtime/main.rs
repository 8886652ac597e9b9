//! The runtime on the embedded log: outputs and state equal those of the backtest, whatever the threads, batches, restarts, panics and failed commits.
#![cfg(feature = "runtime")]

mod bench;
mod changelog;
mod equality;
mod faults;
mod limits;
mod nodes;
mod panics;
mod restarts;
mod standby;

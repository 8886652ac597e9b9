//! The embedded log: the contract of the port (`tests/common/port`), and what is its own:
//! retention, compaction, one owner, crashes, damage.
#![cfg(feature = "runtime")]

mod compaction;
#[path = "../common/port/mod.rs"]
#[macro_use]
mod port_contract;

mod crash;
mod damage;
mod embedded;
mod faults;
mod port;

use port_contract::{PATIENCE, append, at, client, numbers, offsets, poll_values, read_all, slot, topic, values};

//! Exactly once on real Kafka, whatever breaks: kills, rebalances, frozen instances, broker faults, lost answers.
//!
//! Every test runs instances of the real program as processes against a real broker, feeds the input in portions while things break, and ends with the same
//! question: is every output partition byte for byte, and the state of every coin, that of an undisturbed run? The seed and the faults are printed.
//!
//! The short versions run always (where there is a broker), the long ones with `TIDEMILL_FAULT_TESTS=1`; docs/reliability.md has their results.

#![allow(clippy::disallowed_methods, reason = "faults happen by the clock")]

mod answers;
mod brokers;
#[path = "../common/mod.rs"]
mod common;
mod fleet;
#[path = "../common/kafka/mod.rs"]
mod kafka;
mod kills;
mod moving;
mod plants;
mod scenario;
mod storm;
mod storm_report;
mod zombies;

use std::time::Duration;

use common::random::seed;
use common::waiting::Deadline;
use fleet::Instance;
use scenario::Scenario;

/// Longest time of a short test; the longest takes about a minute and a half.
const SHORT: Duration = Duration::from_secs(360);
/// Longest time of a long one.
const LONG: Duration = Duration::from_secs(3_600);

/// The deadline of a long test, if these are to run.
fn long(test: &str) -> Option<Deadline> {
    if !common::fault_tests() {
        println!("{test} did not run: set TIDEMILL_FAULT_TESTS=1");
        return None;
    }
    Some(Deadline::of(test, LONG))
}

/// The deadline of a short test.
fn short(test: &str) -> Deadline {
    Deadline::of(test, SHORT)
}

/// Says what it begins with, so that it can be repeated.
fn announce(scenario: &Scenario, what: &str) {
    let build = if cfg!(debug_assertions) { "debug" } else { "release" };
    println!("seed {}, {build} build, {} records, {what}", seed(), scenario.records());
}

/// Feeds the rest, waits for it, ends everything cleanly and compares.
fn finish(scenario: &Scenario, instances: Vec<Instance>) {
    scenario.feed(1, 1);
    scenario.drain();
    instances.into_iter().for_each(Instance::stop);
    scenario.check();
}

#[test]
fn every_planted_bug_is_caught() {
    let Some(_deadline) = long("every_planted_bug_is_caught") else { return };
    let Some(servers) = kafka::shared() else { return };
    plants::check_all(servers);
}

/// Not a test of its own: the process that [`plants`] starts and kills.
#[test]
fn planted_child() {
    plants::child_main();
}

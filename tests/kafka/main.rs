//! The Kafka adapter of the log port against a real broker: the contract of the port, what is Kafka's own, broker faults, and the runtime on it.
#![cfg(feature = "runtime")]
#![allow(clippy::disallowed_methods, reason = "waiting for brokers takes a clock")]

#[path = "../common/mod.rs"]
mod common;
#[path = "../common/kafka/mod.rs"]
mod kafka;
#[path = "../common/port/mod.rs"]
#[macro_use]
mod port_contract;

mod aborts;
mod brokers;
mod equality;
mod errors;
mod groups;
mod records;

use tidemill::log::Log;
use tidemill::log::kafka::{KafkaLog, KafkaSettings};

use common::waiting::Deadline;
use port_contract::{set_prefix, topic};

/// A handle of the shared broker for an instance of this name.
fn connect(servers: &str, instance: &str) -> KafkaLog {
    KafkaLog::connect(KafkaSettings::new(servers, instance)).unwrap()
}

/// A log with the topics of the contract, under names of this test's own; without a broker the test does not run.
fn with_log(test: impl FnOnce(&dyn Log)) {
    let Some(servers) = kafka::shared() else { return };
    let _deadline =
        Deadline::of(std::thread::current().name().unwrap_or("a test of the log"), std::time::Duration::from_secs(180));
    set_prefix(kafka::unique("t-"));
    let log = connect(servers, "i");
    log.create_topics(&[topic("in", 2), topic("other", 2), topic("out", 2)]).unwrap();
    test(&log);
}

mod contract {
    port_tests!(super::with_log);
}

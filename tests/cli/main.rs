//! The program from outside: arguments in, exit code, output and topics out. On the embedded log, and on Kafka where there is one.

#![allow(clippy::disallowed_methods, reason = "programs are started, stopped and waited for by the clock")]

#[path = "../common/mod.rs"]
mod common;
mod embedded;
mod kafka;
mod lifecycle;
mod program;
#[path = "../common/kafka/mod.rs"]
mod real_kafka;

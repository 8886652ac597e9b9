//! docker-compose.yml, grafana/ and the image, as far as they can be proved without Docker: every file is checked by the tool that reads it, every dashboard query runs
//! on a real Prometheus, and the processes that compose describes run by hand with the same commands, environments and files.
//!
//! Prometheus (with promtool), compose and Kafka are used where they are; `TIDEMILL_REQUIRE_PROMETHEUS=1`, `TIDEMILL_REQUIRE_COMPOSE=1` and
//! `TIDEMILL_REQUIRE_KAFKA=1` make a missing one a failure.

#![allow(clippy::disallowed_methods, reason = "processes start and stop by the clock")]

#[path = "../common/mod.rs"]
mod common;
mod compose;
mod dashboard;
#[path = "../common/kafka/mod.rs"]
mod kafka;
mod processes;
mod queries;

use std::process::Command;

/// Whether a program is there. A missing one is said, and is a failure where `variable` is 1.
fn has(program: &str, variable: &str) -> bool {
    let there = Command::new(program).arg("--version").output().is_ok_and(|run| run.status.success());
    if !there {
        assert!(!std::env::var(variable).is_ok_and(|value| value == "1"), "{variable}=1, but {program} is not there");
        println!("{program} is not there: this part of the test did not run");
    }
    there
}

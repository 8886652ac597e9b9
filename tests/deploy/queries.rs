//! Every query of the dashboard on a real Prometheus that scrapes a real instance.

use std::process::Command;
use std::time::Duration;

use crate::common::waiting::wait_until;
use crate::dashboard::queries;
use crate::kafka::free_port;
use crate::processes::{Process, Prometheus};
use crate::{common, has};

/// A query as Grafana sends it: its variables replaced.
pub fn filled_in(expr: &str) -> String {
    let expr = expr.replace("$__rate_interval", "20s");
    ["$job", "$instance", "$coin"].iter().fold(expr, |expr, variable| expr.replace(variable, ".+"))
}

/// Panels that are empty while all is well.
const QUIET: &[&str] = &[
    "Late and dead",
    "Transactions that did not commit",
    "Champion changes and drift alarms",
    "Questions without an answer",
    "Refusals of models",
    "Duplicates and revisions",
    "Trouble of the store",
    "Records a crash would replay",
    "Champions",
    // The embedded log has no changelog, and the quickstart neither guards nor intervals.
    "Changelog",
    "Age of what a restart would begin with",
    "Snapshot size in the changelog",
    "Standby copies",
    "Standby lag",
    "Refused snapshots",
    "Coverage of intervals (rolling)",
    "Width of intervals (rolling)",
    "Anomalies",
];

#[test]
fn every_query_of_the_dashboard_is_answered() {
    if !has("prometheus", "TIDEMILL_REQUIRE_PROMETHEUS") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let port = free_port();
    let mut demo = Command::new(env!("CARGO_BIN_EXE_tidemill"));
    demo.arg("demo").arg("--topology").arg(common::root().join("topologies/quickstart.toml")).args(["--speed", "600x"]);
    demo.arg("--state-dir").arg(folder.path().join("state")).args(["--set", &format!("http.port={port}")]);
    let _demo = Process::start("tidemill", &mut demo, &folder.path().join("tidemill.log"));
    let prometheus = Prometheus::start(folder.path(), &[format!("127.0.0.1:{port}")]);
    assert!(
        wait_until(Duration::from_secs(120), || prometheus.is_positive("sum(rate(tidemill_records_in_total[20s]))")),
        "Prometheus scrapes the instance"
    );
    let mut empty = Vec::new();
    for query in queries() {
        let expr = filled_in(&query.expr);
        // A rate needs two scrapes after the first event, so an empty answer may fill up.
        let answered = wait_until(Duration::from_secs(if QUIET.contains(&&*query.panel) { 0 } else { 30 }), || {
            let rows = prometheus.query(&expr).unwrap_or_else(|error| panic!("{}: {expr}: {error}", query.panel));
            !rows.is_empty()
        });
        if !answered && !QUIET.contains(&&*query.panel) {
            empty.push(format!("{}: {expr}", query.panel));
        }
    }
    assert!(empty.is_empty(), "queries without an answer:\n{}", empty.join("\n"));
}

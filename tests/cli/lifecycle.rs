//! The life of an instance: ready, seen from outside, stopped by signals, alone on its state directory.

use serde_json::Value;

use crate::program::{Backtested, Running, eventually, tidemill, topology};

/// A state directory with the topics of `small.toml` and so many records.
struct Ground {
    folder: tempfile::TempDir,
    topology: String,
}

impl Ground {
    fn new(records: u64) -> Self {
        let ground = Ground { folder: tempfile::tempdir().unwrap(), topology: topology("small.toml") };
        let state = ground.state();
        tidemill(&["topics", "create", &ground.topology, "--partitions", "2", "--state-dir", &state]).ok();
        let records = records.to_string();
        tidemill(&["ingest", "sim", "--topic", "market.candles.1m", "--records", &records, "--state-dir", &state]).ok();
        ground
    }

    fn state(&self) -> String {
        self.folder.path().display().to_string()
    }

    fn run(&self, more: &[&str]) -> Running {
        let state = self.state();
        Running::start(&[&["run", &*self.topology, "--state-dir", &state, "--http", "0"], more].concat())
    }
}

fn healthy(url: &str, more: &[&str]) -> bool {
    tidemill(&[&["healthcheck", url], more].concat()).code == Some(0)
}

#[test]
fn a_stopped_instance_has_committed_everything_it_did_and_goes_on() {
    const RECORDS: u64 = 40_000;
    let ground = Ground::new(RECORDS);
    let mut first = ground.run(&["--set", "max.poll.records=50"]);
    let url = first.url();
    let read = |url: &str| {
        let sample: Value = serde_json::from_str(&tidemill(&["top", url, "--once", "--format", "json"]).ok()).unwrap();
        sample["counts"]["read"].as_u64().unwrap()
    };
    eventually("something is processed", || read(&url) > 0);
    assert_eq!(first.stop(), Some(0), "{:?}", first.said);
    let last = first.said.last().unwrap().clone();
    let done: u64 = last.chars().filter(char::is_ascii_digit).collect::<String>().parse().unwrap();
    assert!(last.starts_with("stopped cleanly after") && done > 0, "{last}");
    // Every task's state was kept where its last commit is.
    let state = ground.state();
    let tasks: Vec<Value> =
        serde_json::from_str(&tidemill(&["state", "inspect", "--format", "json", "--state-dir", &state]).ok()).unwrap();
    let committed: u64 = tasks.iter().map(|task| task["committed"].as_u64().unwrap()).sum();
    assert_eq!(committed, done);
    assert!(tasks.iter().all(|task| task["checkpoints"][0]["state"]["position"] == task["committed"]), "{tasks:#?}");

    let rest = tidemill(&["run", &ground.topology, "--state-dir", &state, "--http", "0", "--exit-at-end"]);
    assert!(rest.err.contains("stopped cleanly after"), "{}", rest.err);
    rest.ok();
    Backtested::of(&ground.topology, RECORDS, 2).check(&["--state-dir", &state], 2);
}

#[test]
fn an_instance_tells_that_it_is_ready_and_what_it_does() {
    let ground = Ground::new(3_000);
    let mut instance = ground.run(&["--set", "num.stream.threads=3"]);
    let url = instance.url();
    // One of three threads has no partition: others have them all.
    eventually("it is ready", || healthy(&url, &[]));
    assert!(healthy(&url, &["--live"]));
    eventually("everything is processed", || {
        let sample: Value = serde_json::from_str(&tidemill(&["top", &url, "--once", "--format", "json"]).ok()).unwrap();
        sample["counts"]["read"] == 3_000
            && sample["instances"][0]["state"] == "running"
            && sample["tasks"].as_array().unwrap().len() == 2
    });
    let table = tidemill(&["top", &url, "--once"]).ok();
    assert!(table.starts_with("tidemill top · small · instances: 1 running · 2 tasks\n3,000 records"), "{table}");
    assert!(["BTC-USDT", "ETH-USDT", "LTC-USDT", "naive", "linear"].iter().all(|word| table.contains(word)), "{table}");
    let both = tidemill(&["top", &url, "127.0.0.1:1", "--once"]).ok();
    assert!(both.contains("instances: 1 running") && both.contains("http://127.0.0.1:1 does not answer"), "{both}");

    assert_eq!(instance.stop(), Some(0));
    assert!(!healthy(&url, &[]) && !healthy(&url, &["--live"]));
    let silent = tidemill(&["top", &url, "--once"]).failed(1);
    assert!(silent.contains("does not answer"), "{silent}");
}

#[test]
fn a_second_instance_on_a_state_directory_is_refused_and_told_who_has_it() {
    let ground = Ground::new(100);
    let mut first = ground.run(&[]);
    let url = first.url();
    let state = ground.state();
    let refused = |arguments: &[&str]| {
        let error = tidemill(&[arguments, &["--state-dir", &state]].concat()).failed(1);
        let holder = format!("is in use by process {} (tidemill run {}), {url}", first.id(), ground.topology);
        assert!(error.contains(&holder), "{error}");
    };
    refused(&["run", &ground.topology, "--http", "0"]);
    refused(&["demo", "--records", "10"]);
    refused(&["ingest", "sim", "--topic", "market.candles.1m", "--records", "5"]);
    refused(&["state", "reset", &ground.topology, "--yes"]);
    // Who looks on is served by the instance.
    assert!(tidemill(&["topics", "list", "--state-dir", &state]).ok().contains("small.predictions"));
    assert!(tidemill(&["state", "list", "--state-dir", &state]).code == Some(0));

    // A process that was killed has no claim any more.
    first.signal("KILL");
    first.end();
    let mut second = ground.run(&[]);
    second.url();
    assert_eq!(second.stop(), Some(0));
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let ground = Ground::new(100);
    let mut instance = ground.run(&[]);
    instance.url();
    // Both signals wait while the process is stopped, and come together.
    instance.signal("STOP");
    instance.signal("INT");
    instance.signal("TERM");
    instance.signal("CONT");
    assert_eq!(instance.end().code(), Some(130), "{:?}", instance.said);
}

#[test]
fn an_instance_keeps_its_id() {
    let ground = Ground::new(10);
    let id = || std::fs::read_to_string(ground.folder.path().join("instance.id")).unwrap();
    let run = |more: &[&str]| {
        let state = ground.state();
        tidemill(&[&["run", &*ground.topology, "--state-dir", &state, "--http", "0", "--exit-at-end"], more].concat())
    };
    run(&[]).ok();
    let first = id();
    let second = run(&[]);
    assert!(id() == first && second.err.contains(&format!("instance {}", first.trim())), "{}", second.err);
    run(&["--instance-id", "worker-1"]).ok();
    assert_eq!(id(), "worker-1\n");
    let wrong = run(&["--instance-id", "worker 1"]).failed(2);
    assert!(wrong.contains("instance.id \"worker 1\": expected 1 to 64"), "{wrong}");
}

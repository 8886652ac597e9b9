//! Commands on a real Kafka.

use serde_json::Value;

use crate::program::{Backtested, Running, consumed, eventually, tidemill, tidemill_with, topology};
use crate::real_kafka;

/// A topology of its own on the shared broker: a shipped one under another name, with another input.
struct Ground {
    folder: tempfile::TempDir,
    servers: &'static str,
    name: String,
    input: String,
    topology: String,
}

impl Ground {
    fn new() -> Option<Self> {
        Ground::of("small.toml")
    }

    fn of(file: &str) -> Option<Self> {
        let servers = real_kafka::shared()?;
        let folder = tempfile::tempdir().unwrap();
        let (name, input) = (real_kafka::unique("app"), real_kafka::unique("candles"));
        let text = std::fs::read_to_string(topology(file)).unwrap();
        let own = format!("\"{}", file.trim_end_matches(".toml"));
        let text = text.replace("market.candles.1m", &input).replace(&own, &format!("\"{name}"));
        let file = folder.path().join("topology.toml");
        std::fs::write(&file, text).unwrap();
        Some(Ground { topology: file.display().to_string(), folder, servers, name, input })
    }

    /// With its topics, and so many records in the input. Up to 10,000 they are one transaction, so that no gap tells their offsets from those of a backtest.
    fn with_records(file: &str, records: u64, partitions: u32) -> Option<Self> {
        let ground = Ground::of(file)?;
        ground.tidemill(&["topics", "create", &ground.topology, "--partitions", &partitions.to_string()]).ok();
        ground.tidemill(&["ingest", "sim", "--topic", &ground.input, "--records", &records.to_string()]).ok();
        Some(ground)
    }

    fn log(&self) -> [&str; 2] {
        ["--bootstrap-servers", self.servers]
    }

    fn tidemill(&self, arguments: &[&str]) -> crate::program::Ended {
        tidemill(&[arguments, &self.log()].concat())
    }

    fn state(&self, instance: &str) -> String {
        self.folder.path().join(instance).display().to_string()
    }

    fn run(&self, instance: &str, more: &[&str]) -> Running {
        let state = self.state(instance);
        Running::start(&[&["run", &*self.topology, "--http", "0", "--state-dir", &state], &self.log()[..], more].concat())
    }

    fn run_to_end(&self, instance: &str) -> String {
        let state = self.state(instance);
        let run = self.tidemill(&["run", &self.topology, "--http", "0", "--exit-at-end", "--state-dir", &state]);
        assert_eq!(run.code, Some(0), "{}", run.err);
        run.err
    }
}

fn sample(urls: &[&str]) -> Value {
    let arguments = [&["top", "--once", "--format", "json"], urls].concat();
    serde_json::from_str(&tidemill(&arguments).ok()).unwrap()
}

#[test]
fn created_ingested_run_and_consumed_it_equals_a_backtest() {
    const RECORDS: u64 = 8_000;
    let Some(ground) = Ground::new() else { return };
    let missing = ground.tidemill(&["topics", "describe", &ground.topology]).failed(78);
    let command = format!("tidemill topics create {} --bootstrap-servers {} --partitions 3", ground.topology, ground.servers);
    assert!(missing.contains(&command), "{missing}");
    let refused = ground.tidemill(&["run", &ground.topology, "--http", "0", "--state-dir", &ground.state("one")]).failed(78);
    assert!(refused.contains(&command) && refused.contains(&format!("{}.dead-letters", ground.name)), "{refused}");

    ground.tidemill(&["topics", "create", &ground.topology, "--partitions", "3", "--replication-factor", "1"]).ok();
    let again = ground.tidemill(&["topics", "create", &ground.topology]).ok();
    assert!(!again.contains("created") && again.contains("is there"), "{again}");
    let described: Vec<Value> =
        serde_json::from_str(&ground.tidemill(&["topics", "describe", &ground.topology, "--format", "json"]).ok()).unwrap();
    assert!(described.iter().all(|topic| topic["state"] == "fits" && topic["found_partitions"] == 3), "{described:#?}");

    ground.tidemill(&["ingest", "sim", "--topic", &ground.input, "--records", &RECORDS.to_string()]).ok();
    assert!(ground.run_to_end("one").contains("stopped cleanly after 8,000 records"));
    Backtested::of(&ground.topology, RECORDS, 3).check(&ground.log(), 3);
    assert!(ground.run_to_end("one").contains("stopped cleanly after 0 records"));

    let inspect = ["state", "inspect", "--format", "json", "--state-dir", &ground.state("one")];
    let tasks: Vec<Value> = serde_json::from_str(&ground.tidemill(&inspect).ok()).unwrap();
    // A partition that no coin fell into has nothing to commit.
    assert!(
        tasks.len() >= 2 && tasks.iter().all(|task| task["checkpoints"][0]["state"]["position"] == task["committed"]),
        "{tasks:#?}"
    );
}

#[test]
fn topics_with_other_partitions_than_the_input_are_one_error() {
    let Some(ground) = Ground::new() else { return };
    let output = format!("{}.predictions", ground.name);
    for (topic, partitions) in [(&ground.input, "2"), (&output, "3")] {
        ground.tidemill(&["ingest", "sim", "--topic", topic, "--partitions", partitions, "--records", "10"]).ok();
    }
    let error = ground.tidemill(&["run", &ground.topology, "--http", "0", "--state-dir", &ground.state("one")]).failed(78);
    assert!(error.contains(&format!("has 3 partitions, not 2 as the input {}", ground.input)), "{error}");
    assert!(error.contains(&format!("{}.evaluations", ground.name)) && error.contains("does not exist"), "{error}");
    let refused = ground.tidemill(&["topics", "create", &ground.topology]).failed(78);
    assert!(refused.contains("Nothing has been created"), "{refused}");
}

#[test]
fn an_ingest_killed_anywhere_goes_on_without_loss_or_repetition() {
    let Some(ground) = Ground::new() else { return };
    let (whole, broken) = (real_kafka::unique("whole"), real_kafka::unique("broken"));
    let ingest = |topic: &str, failpoint: &str| {
        let arguments = ["ingest", "sim", "--topic", topic, "--partitions", "3", "--coins", "7", "--records", "35000"];
        tidemill_with(&[("TIDEMILL_FAILPOINTS", failpoint)], &[&arguments[..], &ground.log()].concat())
    };
    ingest(&whole, "").ok();
    for failpoint in ["ingest.before-commit=1", "ingest.after-commit=1", "ingest.before-commit=2", "ingest.after-commit=1"] {
        assert_eq!(ingest(&broken, failpoint).code, None, "{failpoint} kills it");
    }
    let last = ingest(&broken, "");
    assert!(last.err.contains("resumed: the first 30,000 records"), "{}", last.err);
    let (whole, broken) = (consumed(&ground.log(), &whole), consumed(&ground.log(), &broken));
    assert_eq!(whole.iter().map(Vec::len).sum::<usize>(), 35_000);
    assert!(whole == broken);
}

#[test]
fn instances_share_the_work_come_back_after_a_kill_and_lose_nothing() {
    const RECORDS: u64 = 9_900;
    let Some(ground) = Ground::with_records("quickstart.toml", RECORDS, 4) else { return };
    let small = ["--set", "max.poll.records=20"];
    let (mut one, mut two) = (ground.run("one", &small), ground.run("two", &small));
    let (first, second) = (one.url(), two.url());
    eventually("both have two tasks", || {
        let tasks = sample(&[&first, &second])["tasks"].as_array().unwrap().clone();
        let running = |url: &str| tasks.iter().filter(|task| task["instance"] == url && task["state"] == "running").count();
        running(&first) == 2 && running(&second) == 2
    });
    one.signal("KILL");
    one.end();
    let mut one = ground.run("one", &small);
    let first = one.url();
    eventually("it is ready again", || tidemill(&["healthcheck", &first]).code == Some(0));
    assert!(
        tidemill(&[
            "state",
            "reset",
            &ground.topology,
            "--yes",
            "--bootstrap-servers",
            ground.servers,
            "--state-dir",
            &ground.state("none")
        ])
        .code
            == Some(1),
        "the group is alive"
    );
    assert_eq!(one.stop(), Some(0), "{:?}", one.said);
    eventually("the other has everything", || {
        let tasks = sample(&[&second])["tasks"].as_array().unwrap().clone();
        tasks.iter().filter(|task| task["state"] == "running").count() == 4
    });
    assert_eq!(two.stop(), Some(0), "{:?}", two.said);
    ground.run_to_end("two");
    Backtested::of(&ground.topology, RECORDS, 4).check(&ground.log(), 4);
}

#[test]
fn an_instance_without_partitions_is_ready_to_take_over() {
    let Some(ground) = Ground::with_records("small.toml", 500, 1) else { return };
    let (mut one, mut two) = (ground.run("one", &[]), ground.run("two", &[]));
    for instance in [&mut one, &mut two] {
        let url = instance.url();
        eventually("it is ready", || tidemill(&["healthcheck", &url]).code == Some(0));
    }
    let urls = (one.url(), two.url());
    let open = |url: &str| sample(&[url])["tasks"].as_array().unwrap().iter().filter(|task| task["state"] == "running").count();
    assert_eq!(open(&urls.0) + open(&urls.1), 1);
    assert_eq!((one.stop(), two.stop()), (Some(0), Some(0)));
}

#[test]
fn a_reset_tells_first_and_then_begins_anew() {
    let Some(ground) = Ground::with_records("small.toml", 1_500, 2) else { return };
    assert!(ground.run_to_end("one").contains("after 1,500 records"));
    let state = ground.state("one");
    let reset =
        |more: &[&str]| ground.tidemill(&[&["state", "reset", &*ground.topology, "--state-dir", &state], more].concat()).ok();
    let told = reset(&["--outputs"]);
    assert!(
        told.contains("is forgotten")
            && told.contains("its checkpoints are removed")
            && told.contains("Nothing has been changed"),
        "{told}"
    );
    assert!(ground.run_to_end("one").contains("after 0 records"), "the dry run has changed nothing");
    reset(&["--outputs", "--yes"]);
    assert!(ground.run_to_end("one").contains("after 1,500 records"));
    Backtested::of(&ground.topology, 1_500, 2).check(&ground.log(), 2);
}

#[test]
fn without_brokers_it_waits_and_can_be_stopped() {
    let (folder, small) = (tempfile::tempdir().unwrap(), topology("small.toml"));
    let state = folder.path().display().to_string();
    let mut instance =
        Running::start(&["run", &small, "--bootstrap-servers", "127.0.0.1:1", "--state-dir", &state, "--http", "0"]);
    instance.says("waiting: ");
    assert_eq!(instance.stop(), Some(0), "{:?}", instance.said);
}

//! Commands on the embedded log.

use serde_json::Value;

use crate::program::{Backtested, consumed, tidemill, tidemill_with, topology};

#[test]
fn topics_are_created_once_and_described() {
    let folder = tempfile::tempdir().unwrap();
    let (state, small) = (folder.path().display().to_string(), topology("small.toml"));
    let create = |more: &[&str]| tidemill(&[&["topics", "create", &small, "--state-dir", &state], more].concat());
    let describe = |more: &[&str]| tidemill(&[&["topics", "describe", &small, "--state-dir", &state], more].concat());

    let planned = create(&["--partitions", "2", "--dry-run"]).ok();
    assert!(planned.contains("market.candles.1m") && planned.contains("would be created"), "{planned}");
    let missing = describe(&["--format", "json"]).failed(78);
    let command = format!("Create what is missing: tidemill topics create {small} --state-dir {state} --partitions 3");
    assert!(missing.contains(&command), "{missing}");

    let made = create(&["--partitions", "2"]).ok();
    assert_eq!(made.matches(" created").count(), 5, "{made}");
    let again = create(&[]).ok();
    assert_eq!(again.matches("is there").count(), 5, "the input's two partitions count: {again}");
    let refused = create(&["--partitions", "4"]).failed(78);
    assert!(refused.contains("here 4, but market.candles.1m (input) has 2"), "{refused}");

    let described: Vec<Value> = serde_json::from_str(&describe(&["--format", "json"]).ok()).unwrap();
    assert!(described.len() == 5 && described.iter().all(|topic| topic["fits"] == true && topic["found_partitions"] == 2));
    assert!(described.iter().any(|topic| topic["role"] == "dead letters" && topic["topic"] == "small.dead-letters"));
}

#[test]
fn a_run_without_topics_ends_with_one_error_that_names_the_command() {
    let folder = tempfile::tempdir().unwrap();
    let (state, small) = (folder.path().display().to_string(), topology("small.toml"));
    let error = tidemill(&["run", &small, "--state-dir", &state, "--http", "0"]).failed(78);
    for topic in ["market.candles.1m", "small.predictions", "small.evaluations", "small.late", "small.dead-letters"] {
        assert!(error.contains(&format!("{topic} ")), "{error}");
    }
    assert!(error.contains(&format!("tidemill topics create {small} --state-dir {state} --partitions 3")), "{error}");
    assert!(error.contains("For Kafka: --bootstrap-servers HOST:PORT"), "{error}");
}

#[test]
fn what_is_ingested_and_run_equals_a_backtest() {
    const RECORDS: u64 = 6_000;
    let folder = tempfile::tempdir().unwrap();
    let (state, small) = (folder.path().display().to_string(), topology("small.toml"));
    let log = ["--state-dir", &*state];
    tidemill(&[&["topics", "create", &small, "--partitions", "2"], &log[..]].concat()).ok();
    let records = RECORDS.to_string();
    tidemill(&[&["ingest", "sim", "--topic", "market.candles.1m", "--records", &records], &log[..]].concat()).ok();
    let run = tidemill(&[&["run", &small, "--exit-at-end", "--http", "0"], &log[..]].concat());
    assert!(run.err.contains("stopped cleanly after 6,000 records; everything is committed"), "{}", run.err);
    run.ok();
    Backtested::of(&small, RECORDS, 2).check(&log, 2);

    // Nothing is left to do, and the state is where the group is.
    let run = tidemill(&[&["run", &small, "--exit-at-end", "--http", "0"], &log[..]].concat());
    assert!(run.err.contains("stopped cleanly after 0 records"), "{}", run.err);
    let tasks: Vec<Value> =
        serde_json::from_str(&tidemill(&[&["state", "inspect", "--format", "json"], &log[..]].concat()).ok()).unwrap();
    let committed: u64 = tasks.iter().map(|task| task["committed"].as_u64().unwrap()).sum();
    assert_eq!(committed, RECORDS);
    assert!(tasks.iter().all(|task| task["checkpoints"][0]["state"]["position"] == task["committed"]), "{tasks:#?}");
}

#[test]
fn an_ingest_killed_anywhere_goes_on_without_loss_or_repetition() {
    const RECORDS: &str = "36000";
    let (whole, broken) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let ingest = |folder: &tempfile::TempDir, failpoint: &str| {
        let state = folder.path().display().to_string();
        let arguments =
            ["ingest", "sim", "--topic", "t", "--partitions", "3", "--coins", "7", "--records", RECORDS, "--state-dir", &state];
        tidemill_with(&[("TIDEMILL_FAILPOINTS", failpoint)], &arguments)
    };
    ingest(&whole, "").ok();
    for failpoint in
        ["ingest.before-commit=1", "ingest.after-commit=1", "log.before-commit=1", "ingest.before-commit=2", "log.after-commit=1"]
    {
        assert_eq!(ingest(&broken, failpoint).code, None, "{failpoint} kills it");
    }
    let last = ingest(&broken, "");
    assert!(last.err.contains("resumed: the first 30,000 records are in t already"), "{}", last.err);
    let topic = |folder: &tempfile::TempDir| consumed(&["--state-dir", &folder.path().display().to_string()], "t");
    assert!(topic(&whole) == topic(&broken));
    assert_eq!(topic(&whole).iter().map(Vec::len).sum::<usize>(), 36_000);
    assert!(ingest(&broken, "").err.contains("0 records of simulated exchange"), "once more changes nothing");
    assert_eq!(topic(&broken).iter().map(Vec::len).sum::<usize>(), 36_000);
}

#[test]
fn any_csv_becomes_records_and_another_input_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state").display().to_string();
    let file = folder.path().join("orders.csv");
    std::fs::write(&file, "when,shop,amount\n1700000040,north,12.50\n1700000041,south,\n").unwrap();
    let file = file.display().to_string();
    let ingest =
        |more: &[&str]| tidemill(&[&["ingest", "csv", &file, "--topic", "orders", "--state-dir", &state], more].concat());
    let missing = ingest(&["--key", "shop", "--timestamp", "when"]).failed(78);
    assert!(missing.contains("topic orders does not exist on the embedded log"), "{missing}");
    let wrong = ingest(&["--key", "store", "--timestamp", "when", "--partitions", "1"]).failed(1);
    assert!(wrong.contains("no column \"store\" (--key); the header names when, shop, amount"), "{wrong}");
    ingest(&["--key", "shop", "--timestamp", "when", "--partitions", "1"]).ok();
    let expected = [
        r#"{"key":"north","timestamp":1700000040000,"value":{"when":1700000040,"shop":"north","amount":12.50}}"#,
        r#"{"key":"south","timestamp":1700000041000,"value":{"when":1700000041,"shop":"south","amount":null}}"#,
    ];
    assert_eq!(consumed(&["--state-dir", &state], "orders"), [expected]);
    let other = tidemill(&["ingest", "sim", "--topic", "orders", "--records", "5", "--state-dir", &state]).failed(2);
    assert!(other.contains("topic orders was fed from") && other.contains("--name"), "{other}");
    tidemill(&["ingest", "sim", "--topic", "orders", "--records", "5", "--name", "more", "--state-dir", &state]).ok();
    assert_eq!(consumed(&["--state-dir", &state], "orders")[0].len(), 7);
}

#[test]
fn a_reset_tells_first_and_then_begins_anew() {
    let folder = tempfile::tempdir().unwrap();
    let (state, small) = (folder.path().display().to_string(), topology("small.toml"));
    let log = ["--state-dir", &*state];
    tidemill(&[&["topics", "create", &small, "--partitions", "1"], &log[..]].concat()).ok();
    tidemill(&[&["ingest", "sim", "--topic", "market.candles.1m", "--records", "1500"], &log[..]].concat()).ok();
    let run = || tidemill(&[&["run", &small, "--exit-at-end", "--http", "0"], &log[..]].concat());
    assert!(run().err.contains("after 1,500 records"));
    let reset = |more: &[&str]| tidemill(&[&["state", "reset", &small], &log[..], more].concat()).ok();
    let told = reset(&[]);
    assert!(told.contains("committed position 1500 is forgotten") && told.contains("Nothing has been changed"), "{told}");
    assert!(run().err.contains("after 0 records"), "the dry run has changed nothing");
    assert!(reset(&["--yes"]).contains("the next start begins with the first record of market.candles.1m"));
    let again = run();
    assert!(again.err.contains("after 1,500 records"), "{}", again.err);
    Backtested::of(&small, 1_500, 1).check(&log, 1);
}

#[test]
fn secrets_are_taken_by_reference_only_and_never_shown() {
    let refused = tidemill(&["config", "--set", "kafka.sasl.password=hunter2"]).failed(78);
    assert!(refused.contains("kafka.sasl.password must be env:NAME or file:PATH") && !refused.contains("hunter2"), "{refused}");
    let shown = tidemill_with(&[("PW", "hunter2"), ("TIDEMILL_KAFKA_SASL_PASSWORD", "env:PW")], &["config"]).ok();
    assert!(shown.contains("env:PW") && !shown.contains("hunter2"), "{shown}");
}

#[test]
fn keys_that_contradict_each_other_are_refused() {
    let small = topology("small.toml");
    let error = tidemill(&["run", &small, "--set", "transaction.timeout.ms=1000", "--set", "commit.interval.ms=2000"]).failed(78);
    assert!(error.contains("transaction.timeout.ms = \"1000\": expected more than commit.interval.ms = 2000"), "{error}");
}

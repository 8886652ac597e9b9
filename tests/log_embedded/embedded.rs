//! What is the embedded log's own: durability, retention, one owner, the format.

use std::process::Command;
use std::time::Duration;

use tidemill::log::embedded::{EmbeddedLog, EmbeddedSettings, VerifyReport};
use tidemill::log::{Log, LogError, Retention, TopicSpec};
use tidemill::record::Offset;

use super::{PATIENCE, append, at, client, numbers, offsets, poll_values, read_all, topic};

#[test]
fn everything_committed_is_there_after_opening_again() {
    let dir = tempfile::tempdir().unwrap();
    for round in 0..3 {
        let log = EmbeddedLog::open(dir.path()).unwrap();
        log.create_topics(&[topic("in", 1)]).unwrap();
        append(&log, &at("in", 0), &numbers(round * 10..round * 10 + 10));
        assert_eq!(read_all(&log, &at("in", 0)), (0..round * 10 + 10).collect::<Vec<_>>());
        assert_eq!(log.appender("test").unwrap().cursor().unwrap().as_deref(), Some(""));
        assert_eq!(log.verify().unwrap(), VerifyReport { topics: 1, batches: round + 1, records: round * 10 + 10 });
    }
}

#[test]
fn a_second_open_is_refused_and_says_where_and_what_to_do() {
    let dir = tempfile::tempdir().unwrap();
    let log = EmbeddedLog::open(dir.path()).unwrap();
    let Err(LogError::Usage(message)) = EmbeddedLog::open(dir.path()).map(drop) else { panic!("opened twice") };
    assert!(message.contains(&dir.path().display().to_string()) && message.contains("HTTP"), "{message}");
    let handle = log.clone();
    drop(log);
    assert!(EmbeddedLog::open(dir.path()).is_err(), "a clone still holds it");
    drop(handle);
    EmbeddedLog::open(dir.path()).unwrap();
}

#[test]
fn a_second_process_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let _log = EmbeddedLog::open(dir.path()).unwrap();
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "embedded::child_opens_the_log", "--nocapture"])
        .env("TIDEMILL_TEST_OPEN", dir.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&child.stdout);
    assert!(said.contains("is open in another process"), "{said}");
}

/// The other process of the test above; without its variable it does nothing.
#[test]
fn child_opens_the_log() {
    if let Some(dir) = std::env::var_os("TIDEMILL_TEST_OPEN") {
        println!("{:?}", EmbeddedLog::open(dir.as_ref()).map(drop));
    }
}

#[test]
fn a_crash_while_the_log_is_made_does_not_stop_the_next_start() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("log.redb.new"), b"half a file").unwrap();
    let log = EmbeddedLog::open(dir.path()).unwrap();
    assert_eq!(log.topics().unwrap(), []);
}

#[test]
fn retention_removes_the_oldest_batches_and_moves_the_start() {
    let dir = tempfile::tempdir().unwrap();
    let log = EmbeddedLog::open(dir.path()).unwrap();
    let small = TopicSpec { name: "small".into(), partitions: 1, retention: Retention::Bytes(4_000) };
    log.create_topics(&[small, topic("whole", 1)]).unwrap();
    for round in 0..50 {
        append(&log, &at("small", 0), &numbers(round * 10..round * 10 + 10));
        append(&log, &at("whole", 0), &numbers(round * 10..round * 10 + 10));
    }
    let described = &log.topics().unwrap()[0];
    let start = described.watermarks[0].start;
    assert!(start > Offset(300) && start < Offset(500) && start.0 % 10 == 0, "{start}");
    assert!(described.bytes[0] <= 4_000 && described.bytes[0] > 3_000, "{}", described.bytes[0]);
    assert_eq!(read_all(&log, &at("small", 0)), (start.0 as u64..500).collect::<Vec<_>>());
    assert_eq!(read_all(&log, &at("whole", 0)).len(), 500);
    log.verify().unwrap();
}

#[test]
fn the_newest_batch_stays_even_when_it_alone_is_too_large() {
    let dir = tempfile::tempdir().unwrap();
    let log = EmbeddedLog::open(dir.path()).unwrap();
    log.create_topics(&[TopicSpec { name: "tiny".into(), partitions: 1, retention: Retention::Bytes(1) }]).unwrap();
    append(&log, &at("tiny", 0), &numbers(0..10));
    append(&log, &at("tiny", 0), &numbers(10..20));
    assert_eq!(read_all(&log, &at("tiny", 0)), (10..20).collect::<Vec<_>>());
}

#[test]
fn a_group_that_falls_behind_retention_is_told_and_loses_nothing_silently() {
    let dir = tempfile::tempdir().unwrap();
    let log = EmbeddedLog::open(dir.path()).unwrap();
    log.create_topics(&[TopicSpec { name: "in".into(), partitions: 1, retention: Retention::Bytes(1_000) }]).unwrap();
    append(&log, &at("in", 0), &numbers(0..10));
    let mut slow = client(&log, "app", &["in"]);
    slow.commit(&offsets(&[(&at("in", 0), 5)])).unwrap();
    for round in 1..20 {
        append(&log, &at("in", 0), &numbers(round * 10..round * 10 + 10));
    }
    let mut slow_again = client(&log, "app", &["in"]);
    for _ in 0..2 {
        let error = slow_again.poll(10, PATIENCE).unwrap_err();
        let LogError::OutOfRange { asked: Offset(5), start, .. } = &error else { panic!("{error}") };
        assert!(start.0 > 10 && error.to_string().contains("retention"), "{error}");
    }
    let start = slow_again.watermarks(&at("in", 0)).unwrap().start;
    slow_again.seek(&at("in", 0), start).unwrap();
    assert_eq!(poll_values(&mut *slow_again, 1, 1)[&at("in", 0)], [start.0 as u64]);
}

#[test]
fn space_freed_by_retention_is_used_again() {
    let dir = tempfile::tempdir().unwrap();
    let log = EmbeddedLog::open(dir.path()).unwrap();
    log.create_topics(&[TopicSpec { name: "in".into(), partitions: 1, retention: Retention::Bytes(1_000_000) }]).unwrap();
    let size = || std::fs::metadata(dir.path().join("log.redb")).unwrap().len();
    let mut sizes = Vec::new();
    for round in 0..400 {
        append(&log, &at("in", 0), &numbers(round * 1_000..round * 1_000 + 1_000));
        sizes.push(size());
    }
    assert!(sizes[399] <= 2 * sizes[100], "{} bytes after 100 rounds, {} after 400", sizes[100], sizes[399]);
}

#[test]
fn a_transaction_has_a_limit() {
    let dir = tempfile::tempdir().unwrap();
    let settings = EmbeddedSettings { max_transaction_bytes: 1_000, ..EmbeddedSettings::default() };
    let log = EmbeddedLog::open_with(dir.path(), settings).unwrap();
    log.create_topics(&[topic("in", 1)]).unwrap();
    let mut appender = log.appender("a").unwrap();
    assert!(matches!(appender.append(&at("in", 0), &numbers(0..1_000)), Err(LogError::Usage(_))));
    appender.append(&at("in", 0), &numbers(0..3)).unwrap();
    appender.commit("").unwrap();
    assert_eq!(read_all(&log, &at("in", 0)), [0, 1, 2]);
}

#[test]
fn quick_repair_keeps_the_same_records() {
    let dir = tempfile::tempdir().unwrap();
    for round in 0..3 {
        let settings = EmbeddedSettings { quick_repair: round % 2 == 0, ..EmbeddedSettings::default() };
        let log = EmbeddedLog::open_with(dir.path(), settings).unwrap();
        log.create_topics(&[topic("in", 1)]).unwrap();
        append(&log, &at("in", 0), &numbers(round * 10..round * 10 + 10));
        let fetched = log.reader().unwrap().read(&at("in", 0), Offset(0), Offset(99), 99, Duration::ZERO).unwrap();
        assert_eq!(fetched.next, Offset(round as i64 * 10 + 10));
    }
}

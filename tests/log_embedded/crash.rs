//! Killed writers and copies taken in the middle of a write: what opens holds whole transactions, and every one that was acknowledged.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};

use tidemill::log::embedded::EmbeddedLog;
use tidemill::log::{Log, LogError};

use super::{append, at, client, numbers, offsets, read_all, topic};

/// How many outputs one transaction makes of one input; odd, so that a torn one cannot look whole.
const OUTPUTS: u64 = 7;

fn prepare(dir: &Path) {
    let log = EmbeddedLog::open(dir).unwrap();
    log.create_topics(&[topic("in", 1), topic("out", 2)]).unwrap();
    append(&log, &at("in", 0), &numbers(0..10));
}

/// One transaction after the other, from where the committed offset says; `committed` is told each that is acknowledged.
fn write_transactions(log: &dyn Log, mut go_on: impl FnMut(i64) -> bool) {
    let mut client = client(log, "app", &["in"]);
    let mut done = client.committed(&[at("in", 0)]).unwrap().get(&at("in", 0)).map_or(0, |c| c.offset.0);
    loop {
        let first = done as u64 * OUTPUTS;
        client.produce(&at("out", 0), &numbers(first..first + OUTPUTS)).unwrap();
        client.produce(&at("out", 1), &numbers(first..first + OUTPUTS)).unwrap();
        done += 1;
        client.commit(&offsets(&[(&at("in", 0), done)])).unwrap();
        if !go_on(done) {
            return;
        }
    }
}

/// How many transactions the log holds; panics when one is there in part or out of order.
fn whole_transactions(log: &EmbeddedLog) -> i64 {
    log.verify().unwrap();
    let done = log.group_offsets("app").unwrap().get(&at("in", 0)).map_or(0, |c| c.offset.0);
    let expected: Vec<u64> = (0..done as u64 * OUTPUTS).collect();
    assert_eq!(read_all(log, &at("out", 0)), expected);
    assert_eq!(read_all(log, &at("out", 1)), expected);
    done
}

fn kill_writer(dir: &Path, failpoint: &str, after: usize) -> i64 {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "crash::child_writes_until_it_is_killed", "--nocapture"])
        .env("TIDEMILL_TEST_WRITE", dir)
        .env("TIDEMILL_FAILPOINTS", failpoint)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut acknowledged = 0;
    let mut seen = 0;
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        if let Some(done) = line.unwrap().strip_prefix("committed ") {
            (acknowledged, seen) = (done.parse().unwrap(), seen + 1);
        }
        if failpoint.is_empty() && seen == after {
            child.kill().unwrap();
        }
    }
    assert!(!child.wait().unwrap().success(), "the writer was to be killed");
    acknowledged
}

#[test]
fn a_killed_writer_leaves_whole_transactions_and_all_that_were_acknowledged() {
    let dir = tempfile::tempdir().unwrap();
    prepare(dir.path());
    let mut total = 0;
    for kill in 0..12 {
        let acknowledged = kill_writer(dir.path(), "", 1 + kill * 5 % 13);
        let found = whole_transactions(&EmbeddedLog::open(dir.path()).unwrap());
        assert!(acknowledged > total && found >= acknowledged, "kill {kill}: {found} found, {acknowledged} acknowledged");
        total = found;
    }
}

#[test]
fn a_writer_killed_at_each_named_point_leaves_whole_transactions() {
    for (point, lost) in [("log.before-append", 1), ("log.after-append", 1), ("log.before-commit", 1), ("log.after-commit", 0)] {
        let dir = tempfile::tempdir().unwrap();
        prepare(dir.path());
        let acknowledged = kill_writer(dir.path(), &format!("{point}=5"), 0);
        let found = whole_transactions(&EmbeddedLog::open(dir.path()).unwrap());
        assert_eq!((acknowledged, found), (4, 5 - lost), "{point}");
    }
}

/// The writer of the tests above; without its variable it does nothing.
#[test]
fn child_writes_until_it_is_killed() {
    if let Some(dir) = std::env::var_os("TIDEMILL_TEST_WRITE") {
        write_transactions(&EmbeddedLog::open(dir.as_ref()).unwrap(), |done| {
            println!("committed {done}");
            true
        });
    }
}

/// A copy is not a moment: it may mix pages of several transactions, worse than a crash does. It must never open with something else in it.
#[test]
fn a_copy_made_while_another_thread_writes_opens_whole_or_is_refused() {
    let (dir, copies) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    prepare(dir.path());
    let stop = AtomicBool::new(false);
    let (mut opened, mut refused) = (0, 0);
    std::thread::scope(|scope| {
        let writer =
            scope.spawn(|| write_transactions(&EmbeddedLog::open(dir.path()).unwrap(), |_| !stop.load(Ordering::SeqCst)));
        for _ in 0..40 {
            std::fs::copy(dir.path().join("log.redb"), copies.path().join("log.redb")).unwrap();
            match EmbeddedLog::open(copies.path()) {
                Ok(log) => {
                    // What opens may still find a damaged batch when it reads; then it must say so.
                    match log.verify() {
                        Ok(_) => opened += i64::from(whole_transactions(&log) >= 0),
                        Err(error) => refused += i64::from(says_what_to_do(&error)),
                    }
                }
                Err(error) => refused += i64::from(says_what_to_do(&error)),
            }
        }
        stop.store(true, Ordering::SeqCst);
        writer.join().unwrap();
    });
    assert_eq!(opened + refused, 40);
    assert!(opened > 0, "not one of 40 copies opened");
    println!("{opened} copies opened, {refused} were refused");
}

fn says_what_to_do(error: &LogError) -> bool {
    assert!(matches!(error, LogError::Damaged(message) if message.contains("put a copy")), "{error:?}");
    true
}

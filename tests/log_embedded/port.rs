//! The contract of the port, and what only the embedded log promises of it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tidemill::log::embedded::EmbeddedLog;
use tidemill::log::{Log, LogEvent};
use tidemill::record::Offset;

use super::{PATIENCE, append, at, client, numbers, offsets, poll_values, slot, topic, values};

fn with_log(test: impl FnOnce(&dyn Log)) {
    let dir = tempfile::tempdir().unwrap();
    let log = EmbeddedLog::open(dir.path()).unwrap();
    log.create_topics(&[topic("in", 2), topic("other", 2), topic("out", 2)]).unwrap();
    test(&log);
}

port_tests!(with_log);

#[test]
fn no_partition_starves_behind_a_long_one() {
    with_log(|log| {
        append(log, &at("in", 0), &numbers(0..10_000));
        append(log, &at("in", 1), &numbers(0..1));
        assert!(poll_values(&mut *client(log, "app", &["in"]), 30, 10).contains_key(&at("in", 1)));
    });
}

#[test]
fn threads_share_the_partition_numbers_of_all_topics() {
    with_log(|log| {
        let assigned =
            |index, of| log.client(&slot("app", &["in", "other"], index, of)).unwrap().poll(1, Duration::ZERO).unwrap();
        assert_eq!(assigned(1, 2), [LogEvent::Assigned(vec![at("in", 1), at("other", 1)])]);
        assert_eq!(assigned(2, 3), [LogEvent::Assigned(vec![])], "it has joined, and others have everything");
    });
}

#[test]
fn changes_rise_with_every_append() {
    with_log(|log| {
        let mut changes = log.changes().unwrap();
        changes.mark_unchanged();
        append(log, &at("in", 1), &numbers(0..1));
        assert!(changes.has_changed().unwrap());
    });
}

#[test]
fn a_reader_sees_whole_transactions_only_while_others_write() {
    with_log(|log| {
        append(log, &at("in", 0), &numbers(0..1));
        append(log, &at("in", 1), &numbers(0..1));
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let write = |index: u32| {
                let mut client = log.client(&slot("app", &["in"], index, 2)).unwrap();
                client.poll(1, PATIENCE).unwrap();
                for transaction in 0..100_u64 {
                    for part in 0..3 {
                        let first = transaction * 30 + part * 10;
                        client.produce(&at("out", index), &numbers(first..first + 10)).unwrap();
                    }
                    client.commit(&offsets(&[(&at("in", index), transaction as i64)])).unwrap();
                }
            };
            let writers = [scope.spawn(move || write(0)), scope.spawn(move || write(1))];
            let read = |partition: u32| {
                let (mut reader, mut position) = (log.reader().unwrap(), Offset(0));
                while position < Offset(3_000) {
                    let ends = reader.watermarks(&at("out", partition)).unwrap();
                    assert_eq!(ends.end.0 % 30, 0, "half a transaction is visible");
                    let committed = log.group_offsets("app").unwrap().get(&at("in", partition)).map_or(-1, |c| c.offset.0);
                    let end = reader.watermarks(&at("out", partition)).unwrap().end;
                    assert!(end.0 >= (committed + 1) * 30, "offsets are visible before outputs");
                    let fetched = reader.read(&at("out", partition), position, Offset(i64::MAX), 47, PATIENCE).unwrap();
                    let expected: Vec<u64> = (position.0 as u64..fetched.next.0 as u64).collect();
                    assert_eq!(values(&fetched.records), expected);
                    position = fetched.next;
                }
            };
            let readers = [scope.spawn(move || read(0)), scope.spawn(move || read(1))];
            for thread in writers.into_iter().chain(readers) {
                thread.join().unwrap();
            }
            done.store(true, Ordering::SeqCst);
        });
        assert!(done.into_inner());
    });
}

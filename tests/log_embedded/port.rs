//! What every adapter of the port promises.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tidemill::log::embedded::EmbeddedLog;
use tidemill::log::{AutoOffsetReset, Committed, Guarantee, Log, LogError, LogEvent, Reaction};
use tidemill::record::{Offset, RecordBatch};

use super::{PATIENCE, append, at, client, numbers, offsets, poll_values, read_all, slot, topic, values};

fn with_log(test: impl FnOnce(&dyn Log)) {
    let dir = tempfile::tempdir().unwrap();
    let log = EmbeddedLog::open(dir.path()).unwrap();
    log.create_topics(&[topic("in", 2), topic("other", 2), topic("out", 2)]).unwrap();
    test(&log);
}

#[test]
fn the_first_poll_announces_the_assignment_and_the_next_brings_the_records_in_order() {
    with_log(|log| {
        append(log, &at("in", 0), &numbers(0..10));
        append(log, &at("in", 0), &numbers(10..13));
        let mut client = log.client(&slot("app", &["in"], 0, 1)).unwrap();
        assert_eq!(client.poll(100, PATIENCE).unwrap(), [LogEvent::Assigned(vec![at("in", 0), at("in", 1)])]);
        assert_eq!(poll_values(&mut *client, 13, 100), BTreeMap::from([(at("in", 0), (0..13).collect())]));
        assert_eq!(client.poll(100, Duration::ZERO).unwrap(), []);
    });
}

#[test]
fn records_and_offsets_do_not_depend_on_the_size_of_polls_and_batches() {
    with_log(|log| {
        for (from, to) in [(0, 1), (1, 8), (8, 700), (700, 701), (701, 2_000)] {
            append(log, &at("in", 1), &numbers(from..to));
        }
        for max in [1, 7, 500, 10_000] {
            let mut client = client(log, "app", &["in"]);
            assert_eq!(poll_values(&mut *client, 2_000, max)[&at("in", 1)], (0..2_000).collect::<Vec<_>>(), "polls of {max}");
        }
    });
}

#[test]
fn records_come_back_with_key_timestamp_and_headers() {
    with_log(|log| {
        append(log, &at("in", 0), &numbers(5..7));
        let fetched = log.reader().unwrap().read(&at("in", 0), Offset(0), Offset(9), 9, PATIENCE).unwrap();
        assert_eq!((fetched.records.records, fetched.next), (numbers(5..7), Offset(2)));
    });
}

#[test]
fn outputs_and_offsets_become_visible_together_and_only_with_the_commit() {
    with_log(|log| {
        append(log, &at("in", 0), &numbers(0..10));
        let mut client = client(log, "app", &["in"]);
        client.produce(&at("out", 0), &numbers(0..4)).unwrap();
        client.produce(&at("out", 1), &numbers(4..6)).unwrap();
        assert_eq!((read_all(log, &at("out", 0)), log.group_offsets("app").unwrap()), (vec![], BTreeMap::new()));
        client.commit(&offsets(&[(&at("in", 0), 6)])).unwrap();
        assert_eq!((read_all(log, &at("out", 0)), read_all(log, &at("out", 1))), (vec![0, 1, 2, 3], vec![4, 5]));
        assert_eq!(log.group_offsets("app").unwrap(), offsets(&[(&at("in", 0), 6)]));
    });
}

#[test]
fn an_aborted_transaction_leaves_nothing_and_the_next_one_is_clean() {
    with_log(|log| {
        append(log, &at("in", 0), &numbers(0..10));
        let mut client = client(log, "app", &["in"]);
        poll_values(&mut *client, 4, 4);
        client.produce(&at("out", 0), &numbers(0..4)).unwrap();
        client.abort().unwrap();
        client.seek(&at("in", 0), Offset(0)).unwrap();
        assert_eq!(poll_values(&mut *client, 2, 2)[&at("in", 0)], [0, 1]);
        client.produce(&at("out", 0), &numbers(0..2)).unwrap();
        client.commit(&offsets(&[(&at("in", 0), 2)])).unwrap();
        assert_eq!(read_all(log, &at("out", 0)), [0, 1]);
    });
}

#[test]
fn an_open_transaction_of_a_dropped_client_leaves_nothing() {
    with_log(|log| {
        append(log, &at("in", 0), &numbers(0..10));
        client(log, "app", &["in"]).produce(&at("out", 0), &numbers(0..4)).unwrap();
        client(log, "app", &["in"]).commit(&offsets(&[(&at("in", 0), 1)])).unwrap();
        assert!(read_all(log, &at("out", 0)).is_empty());
    });
}

#[test]
fn a_new_client_goes_on_at_the_committed_offset_with_its_metadata() {
    with_log(|log| {
        append(log, &at("in", 0), &numbers(0..10));
        let done = BTreeMap::from([(at("in", 0), Committed { offset: Offset(7), metadata: "stream time 12".into() })]);
        client(log, "app", &["in"]).commit(&done).unwrap();
        let mut second = client(log, "app", &["in"]);
        assert_eq!(second.committed(&[at("in", 0), at("in", 1)]).unwrap(), done);
        assert_eq!(poll_values(&mut *second, 3, 100)[&at("in", 0)], [7, 8, 9]);
        assert_eq!(poll_values(&mut *client(log, "other-app", &["in"]), 10, 100)[&at("in", 0)].len(), 10);
    });
}

#[test]
fn metadata_longer_than_kafkas_limit_is_refused() {
    with_log(|log| {
        let long = BTreeMap::from([(at("in", 0), Committed { offset: Offset(0), metadata: "x".repeat(4_097) })]);
        assert!(matches!(client(log, "app", &["in"]).commit(&long), Err(LogError::Usage(_))));
    });
}

#[test]
fn without_a_committed_offset_latest_starts_at_the_end() {
    with_log(|log| {
        append(log, &at("in", 0), &numbers(0..10));
        let settings = tidemill::log::ClientSettings { reset: AutoOffsetReset::Latest, ..slot("app", &["in"], 0, 1) };
        let mut client = log.client(&settings).unwrap();
        client.poll(1, PATIENCE).unwrap();
        append(log, &at("in", 0), &numbers(10..12));
        assert_eq!(poll_values(&mut *client, 2, 100)[&at("in", 0)], [10, 11]);
    });
}

#[test]
fn a_paused_partition_is_silent_until_it_is_resumed() {
    with_log(|log| {
        append(log, &at("in", 0), &numbers(0..10));
        append(log, &at("in", 1), &numbers(0..10));
        let mut client = client(log, "app", &["in"]);
        client.pause(&[at("in", 0)]).unwrap();
        assert_eq!(poll_values(&mut *client, 10, 3).keys().collect::<Vec<_>>(), [&at("in", 1)]);
        assert_eq!(client.poll(100, Duration::ZERO).unwrap(), []);
        client.seek(&at("in", 0), Offset(8)).unwrap();
        assert_eq!(client.poll(100, Duration::ZERO).unwrap(), [], "a seek does not end the pause");
        client.resume(&[at("in", 0)]).unwrap();
        assert_eq!(poll_values(&mut *client, 2, 100)[&at("in", 0)], [8, 9]);
    });
}

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
fn a_client_whose_slot_was_taken_over_commits_nothing_more() {
    with_log(|log| {
        append(log, &at("in", 0), &numbers(0..10));
        let mut zombie = client(log, "app", &["in"]);
        zombie.produce(&at("out", 0), &numbers(0..10)).unwrap();
        let mut owner = client(log, "app", &["in"]);
        let error = zombie.commit(&offsets(&[(&at("in", 0), 10)])).unwrap_err();
        assert_eq!(error.reaction(), Reaction::Replace, "{error}");
        assert_eq!(zombie.poll(1, Duration::ZERO).unwrap_err().reaction(), Reaction::Replace);
        assert!(read_all(log, &at("out", 0)).is_empty());
        drop(zombie);
        owner.commit(&offsets(&[(&at("in", 0), 1)])).unwrap();
        owner.close(PATIENCE).unwrap();
        assert!(owner.commit(&offsets(&[(&at("in", 0), 2)])).is_err());
    });
}

#[test]
fn at_least_once_sends_outputs_ahead_of_the_offsets_and_an_abort_leaves_them() {
    with_log(|log| {
        append(log, &at("in", 0), &numbers(0..10));
        let settings = tidemill::log::ClientSettings { guarantee: Guarantee::AtLeastOnce, ..slot("app", &["in"], 0, 1) };
        let mut client = log.client(&settings).unwrap();
        client.poll(1, PATIENCE).unwrap();
        poll_values(&mut *client, 4, 4);
        client.produce(&at("out", 0), &numbers(0..4)).unwrap();
        client.poll(1, PATIENCE).unwrap();
        assert_eq!((read_all(log, &at("out", 0)), log.group_offsets("app").unwrap()), (vec![0, 1, 2, 3], BTreeMap::new()));
        client.abort().unwrap();
        assert_eq!(read_all(log, &at("out", 0)), [0, 1, 2, 3]);
        client.produce(&at("out", 0), &numbers(4..5)).unwrap();
        client.commit(&offsets(&[(&at("in", 0), 5)])).unwrap();
        assert_eq!(read_all(log, &at("out", 0)), [0, 1, 2, 3, 4]);
        assert_eq!(log.group_offsets("app").unwrap(), offsets(&[(&at("in", 0), 5)]));
    });
}

#[test]
fn a_poll_is_woken_by_a_commit() {
    with_log(|log| {
        let mut client = client(log, "app", &["in"]);
        std::thread::scope(|scope| {
            // The poll would last for hours if nothing woke it.
            let polled = scope.spawn(move || client.poll(10, Duration::from_secs(36_000)).unwrap());
            append(log, &at("in", 1), &numbers(0..1));
            assert!(matches!(polled.join().unwrap()[..], [LogEvent::Records(_)]));
        });
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
fn a_reader_stays_within_its_bounds_and_waits_at_the_end() {
    with_log(|log| {
        append(log, &at("in", 0), &numbers(0..100));
        let mut reader = log.reader().unwrap();
        let fetched = reader.read(&at("in", 0), Offset(10), Offset(20), 1_000, PATIENCE).unwrap();
        assert_eq!((values(&fetched.records), fetched.next), ((10..20).collect(), Offset(20)));
        let fetched = reader.read(&at("in", 0), Offset(95), Offset(i64::MAX), 3, PATIENCE).unwrap();
        assert_eq!((values(&fetched.records), fetched.next), ((95..98).collect(), Offset(98)));
        let fetched = reader.read(&at("in", 0), Offset(100), Offset(i64::MAX), 3, Duration::from_millis(1)).unwrap();
        assert_eq!((fetched.records.len(), fetched.next), (0, Offset(100)));
        let fetched = reader.read(&at("in", 0), Offset(50), Offset(40), 3, PATIENCE).unwrap();
        assert_eq!((fetched.records.len(), fetched.next), (0, Offset(50)));
        let beyond = reader.read(&at("in", 0), Offset(101), Offset(i64::MAX), 3, PATIENCE);
        assert!(matches!(beyond, Err(LogError::OutOfRange { end: Offset(100), .. })), "{beyond:?}");
    });
}

#[test]
fn an_appender_resumes_exactly_where_its_cursor_says() {
    with_log(|log| {
        let mut first = log.appender("csv").unwrap();
        assert_eq!(first.cursor().unwrap(), None);
        first.append(&at("in", 0), &numbers(0..3)).unwrap();
        first.append(&at("in", 1), &numbers(3..4)).unwrap();
        assert!(read_all(log, &at("in", 0)).is_empty());
        first.commit("line 4").unwrap();
        first.append(&at("in", 0), &numbers(4..9)).unwrap();
        let mut second = log.appender("csv").unwrap();
        assert_eq!(first.commit("line 9").unwrap_err().reaction(), Reaction::Replace);
        assert_eq!(second.cursor().unwrap().as_deref(), Some("line 4"));
        second.commit("line 4, checked").unwrap();
        assert_eq!((read_all(log, &at("in", 0)), read_all(log, &at("in", 1))), (vec![0, 1, 2], vec![3]));
        assert_eq!(log.appender("sim").unwrap().cursor().unwrap(), None);
    });
}

#[test]
fn topics_are_listed_made_once_and_removed() {
    with_log(|log| {
        append(log, &at("in", 1), &numbers(0..5));
        log.create_topics(&[topic("in", 2)]).unwrap();
        let refused = log.create_topics(&[topic("new", 1), topic("in", 3)]).unwrap_err();
        assert!(matches!(&refused, LogError::Usage(message) if message.contains("\"in\"") && message.contains('2')), "{refused}");
        let names = |log: &dyn Log| log.topics().unwrap().iter().map(|t| t.spec.name.to_string()).collect::<Vec<_>>();
        assert_eq!(names(log), ["in", "other", "out"]);
        let described = &log.topics().unwrap()[0];
        assert_eq!((described.watermarks[1].end, described.watermarks[0].end, described.bytes[0]), (Offset(5), Offset(0), 0));
        log.delete_topics(&["in", "unknown"]).unwrap();
        assert_eq!(names(log), ["other", "out"]);
        log.create_topics(&[topic("in", 1)]).unwrap();
        assert!(read_all(log, &at("in", 0)).is_empty());
    });
}

#[test]
fn a_group_is_forgotten_only_while_nobody_works_for_it() {
    with_log(|log| {
        append(log, &at("in", 0), &numbers(0..5));
        let mut running = client(log, "app", &["in"]);
        running.commit(&offsets(&[(&at("in", 0), 5)])).unwrap();
        assert!(matches!(log.delete_group("app"), Err(LogError::Usage(_))));
        drop(running);
        log.delete_group("app").unwrap();
        assert_eq!(poll_values(&mut *client(log, "app", &["in"]), 5, 10)[&at("in", 0)].len(), 5);
    });
}

#[test]
fn what_cannot_be_is_refused_with_the_name_of_the_thing() {
    with_log(|log| {
        let says = |outcome: Result<(), LogError>, word: &str| match outcome {
            Err(LogError::Usage(message)) => assert!(message.contains(word), "{message}"),
            other => panic!("{word}: {other:?}"),
        };
        says(log.client(&slot("app", &["missing"], 0, 1)).map(drop), "missing");
        log.create_topics(&[topic("wide", 5)]).unwrap();
        says(log.client(&slot("app", &["in", "wide"], 0, 1)).map(drop), "same number of partitions");
        let mut client = client(log, "app", &["in"]);
        says(client.produce(&at("out", 9), &numbers(0..1)), "partition 9");
        says(client.produce(&at("nowhere", 0), &numbers(0..1)), "nowhere");
        says(client.seek(&at("out", 0), Offset(0)), "out-0 is not assigned");
        says(client.pause(&[at("out", 0)]), "out-0 is not assigned");
        says(client.commit(&offsets(&[(&at("out", 0), 1)])), "out-0 is not assigned");
        says(client.watermarks(&at("out", 7)).map(drop), "partition 7");
        client.produce(&at("out", 0), &RecordBatch::new()).unwrap();
        client.commit(&BTreeMap::new()).unwrap();
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

//! What every adapter of the log port promises. Each test is given a log with the topics `in`, `other` and `out` of two partitions, under names of its own.

use std::collections::BTreeMap;
use std::time::Duration;

use tidemill::log::{AutoOffsetReset, Committed, Guarantee, Log, LogError, LogEvent, Reaction};
use tidemill::record::{Offset, RecordBatch};

use super::{PATIENCE, append, assert_reads, at, client, named, numbers, offsets, poll_values, read_all, slot, topic, values};

pub fn the_first_poll_announces_the_assignment_and_the_next_brings_the_records_in_order(log: &dyn Log) {
    append(log, &at("in", 0), &numbers(0..10));
    append(log, &at("in", 0), &numbers(10..13));
    let mut client = log.client(&slot("app", &["in"], 0, 1)).unwrap();
    assert_eq!(client.poll(100, PATIENCE).unwrap(), [LogEvent::Assigned(vec![at("in", 0), at("in", 1)])]);
    assert_eq!(poll_values(&mut *client, 13, 100), BTreeMap::from([(at("in", 0), (0..13).collect())]));
    assert_eq!(client.poll(100, Duration::ZERO).unwrap(), []);
}

pub fn records_and_offsets_do_not_depend_on_the_size_of_polls_and_batches(log: &dyn Log) {
    for (from, to) in [(0, 1), (1, 8), (8, 700), (700, 701), (701, 2_000)] {
        append(log, &at("in", 1), &numbers(from..to));
    }
    for max in [1, 7, 500, 10_000] {
        let mut client = client(log, "app", &["in"]);
        assert_eq!(poll_values(&mut *client, 2_000, max)[&at("in", 1)], (0..2_000).collect::<Vec<_>>(), "polls of {max}");
    }
}

pub fn records_come_back_with_key_timestamp_and_headers(log: &dyn Log) {
    append(log, &at("in", 0), &numbers(5..7));
    let fetched = log.reader().unwrap().read(&at("in", 0), Offset(0), Offset(9), 9, PATIENCE).unwrap();
    assert_eq!((fetched.records.records, fetched.next), (numbers(5..7), Offset(2)));
}

pub fn outputs_and_offsets_become_visible_together_and_only_with_the_commit(log: &dyn Log) {
    append(log, &at("in", 0), &numbers(0..10));
    let mut client = client(log, "app", &["in"]);
    client.produce(&at("out", 0), &numbers(0..4)).unwrap();
    client.produce(&at("out", 1), &numbers(4..6)).unwrap();
    assert_reads(log, &at("out", 0), &[]);
    assert_eq!(log.group_offsets(&named("app")).unwrap(), BTreeMap::new());
    client.commit(&offsets(&[(&at("in", 0), 6)])).unwrap();
    assert_reads(log, &at("out", 0), &[0, 1, 2, 3]);
    assert_reads(log, &at("out", 1), &[4, 5]);
    assert_eq!(log.group_offsets(&named("app")).unwrap(), offsets(&[(&at("in", 0), 6)]));
}

pub fn an_aborted_transaction_leaves_nothing_and_the_next_one_is_clean(log: &dyn Log) {
    append(log, &at("in", 0), &numbers(0..10));
    let mut client = client(log, "app", &["in"]);
    poll_values(&mut *client, 4, 4);
    client.produce(&at("out", 0), &numbers(0..4)).unwrap();
    client.abort().unwrap();
    client.seek(&at("in", 0), Offset(0)).unwrap();
    assert_eq!(poll_values(&mut *client, 2, 2)[&at("in", 0)], [0, 1]);
    client.produce(&at("out", 0), &numbers(0..2)).unwrap();
    client.commit(&offsets(&[(&at("in", 0), 2)])).unwrap();
    assert_reads(log, &at("out", 0), &[0, 1]);
}

pub fn an_open_transaction_of_a_dropped_client_leaves_nothing(log: &dyn Log) {
    append(log, &at("in", 0), &numbers(0..10));
    client(log, "app", &["in"]).produce(&at("out", 0), &numbers(0..4)).unwrap();
    client(log, "app", &["in"]).commit(&offsets(&[(&at("in", 0), 1)])).unwrap();
    assert!(read_all(log, &at("out", 0)).is_empty());
}

pub fn a_new_client_goes_on_at_the_committed_offset_with_its_metadata(log: &dyn Log) {
    append(log, &at("in", 0), &numbers(0..10));
    let done = BTreeMap::from([(at("in", 0), Committed { offset: Offset(7), metadata: "stream time 12".into() })]);
    client(log, "app", &["in"]).commit(&done).unwrap();
    let mut second = client(log, "app", &["in"]);
    assert_eq!(second.committed(&[at("in", 0), at("in", 1)]).unwrap(), done);
    assert_eq!(poll_values(&mut *second, 3, 100)[&at("in", 0)], [7, 8, 9]);
    assert_eq!(poll_values(&mut *client(log, "other-app", &["in"]), 10, 100)[&at("in", 0)].len(), 10);
}

pub fn metadata_longer_than_kafkas_limit_is_refused(log: &dyn Log) {
    let long = BTreeMap::from([(at("in", 0), Committed { offset: Offset(0), metadata: "x".repeat(4_097) })]);
    assert!(matches!(client(log, "app", &["in"]).commit(&long), Err(LogError::Usage(_))));
}

pub fn without_a_committed_offset_latest_starts_at_the_end(log: &dyn Log) {
    append(log, &at("in", 0), &numbers(0..10));
    let settings = tidemill::log::ClientSettings { reset: AutoOffsetReset::Latest, ..slot("app", &["in"], 0, 1) };
    let mut client = log.client(&settings).unwrap();
    client.poll(1, PATIENCE).unwrap();
    append(log, &at("in", 0), &numbers(10..12));
    assert_eq!(poll_values(&mut *client, 2, 100)[&at("in", 0)], [10, 11]);
}

pub fn a_paused_partition_is_silent_until_it_is_resumed(log: &dyn Log) {
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
}

pub fn a_client_whose_slot_was_taken_over_commits_nothing_more(log: &dyn Log) {
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
}

pub fn at_least_once_sends_outputs_ahead_of_the_offsets_and_an_abort_leaves_them(log: &dyn Log) {
    append(log, &at("in", 0), &numbers(0..10));
    let settings = tidemill::log::ClientSettings { guarantee: Guarantee::AtLeastOnce, ..slot("app", &["in"], 0, 1) };
    let mut client = log.client(&settings).unwrap();
    client.poll(1, PATIENCE).unwrap();
    poll_values(&mut *client, 4, 4);
    client.produce(&at("out", 0), &numbers(0..4)).unwrap();
    client.poll(1, PATIENCE).unwrap();
    assert_reads(log, &at("out", 0), &[0, 1, 2, 3]);
    assert_eq!(log.group_offsets(&named("app")).unwrap(), BTreeMap::new());
    client.abort().unwrap();
    assert_reads(log, &at("out", 0), &[0, 1, 2, 3]);
    client.produce(&at("out", 0), &numbers(4..5)).unwrap();
    client.commit(&offsets(&[(&at("in", 0), 5)])).unwrap();
    assert_reads(log, &at("out", 0), &[0, 1, 2, 3, 4]);
    assert_eq!(log.group_offsets(&named("app")).unwrap(), offsets(&[(&at("in", 0), 5)]));
}

pub fn a_poll_is_woken_by_a_commit(log: &dyn Log) {
    let mut client = client(log, "app", &["in"]);
    std::thread::scope(|scope| {
        // The poll would last for hours if nothing woke it.
        let polled = scope.spawn(move || client.poll(10, Duration::from_secs(36_000)).unwrap());
        append(log, &at("in", 1), &numbers(0..1));
        assert!(matches!(polled.join().unwrap()[..], [LogEvent::Records(_)]));
    });
}

pub fn a_reader_stays_within_its_bounds_and_waits_at_the_end(log: &dyn Log) {
    append(log, &at("in", 0), &numbers(0..100));
    let mut reader = log.reader().unwrap();
    let fetched = reader.read(&at("in", 0), Offset(10), Offset(20), 1_000, PATIENCE).unwrap();
    assert_eq!((values(&fetched.records), fetched.next), ((10..20).collect(), Offset(20)));
    let fetched = reader.read(&at("in", 0), Offset(95), Offset(i64::MAX), 3, PATIENCE).unwrap();
    assert_eq!((values(&fetched.records), fetched.next), ((95..98).collect(), Offset(98)));
    // Beyond the last record there may be a gap.
    let end = reader.watermarks(&at("in", 0)).unwrap().end;
    let fetched = reader.read(&at("in", 0), Offset(100), Offset(i64::MAX), 3, Duration::from_millis(1)).unwrap();
    assert!(fetched.records.is_empty() && (fetched.next == Offset(100) || fetched.next == end), "{fetched:?}");
    let fetched = reader.read(&at("in", 0), Offset(100), end, 3, PATIENCE).unwrap();
    assert_eq!((fetched.records.len(), fetched.next), (0, end));
    let fetched = reader.read(&at("in", 0), Offset(50), Offset(40), 3, PATIENCE).unwrap();
    assert_eq!((fetched.records.len(), fetched.next), (0, Offset(50)));
    let beyond = reader.read(&at("in", 0), end.next(), Offset(i64::MAX), 3, PATIENCE);
    assert!(matches!(beyond, Err(LogError::OutOfRange { end: found, .. }) if found == end), "{beyond:?}");
}

pub fn an_appender_resumes_exactly_where_its_cursor_says(log: &dyn Log) {
    let mut first = log.appender(&named("csv")).unwrap();
    assert_eq!(first.cursor().unwrap(), None);
    first.append(&at("in", 0), &numbers(0..3)).unwrap();
    first.append(&at("in", 1), &numbers(3..4)).unwrap();
    assert!(read_all(log, &at("in", 0)).is_empty());
    first.commit("line 4").unwrap();
    first.append(&at("in", 0), &numbers(4..9)).unwrap();
    let mut second = log.appender(&named("csv")).unwrap();
    assert_eq!(first.commit("line 9").unwrap_err().reaction(), Reaction::Replace);
    assert_eq!(second.cursor().unwrap().as_deref(), Some("line 4"));
    second.commit("line 4, checked").unwrap();
    assert_reads(log, &at("in", 0), &[0, 1, 2]);
    assert_reads(log, &at("in", 1), &[3]);
    assert_eq!(log.appender(&named("sim")).unwrap().cursor().unwrap(), None);
}

pub fn topics_are_listed_made_once_and_removed(log: &dyn Log) {
    append(log, &at("in", 1), &numbers(0..5));
    log.create_topics(&[topic("in", 2)]).unwrap();
    let refused = log.create_topics(&[topic("new", 1), topic("in", 3)]).unwrap_err();
    assert!(
        matches!(&refused, LogError::Usage(message) if message.contains(&*named("in")) && message.contains('2')),
        "{refused}"
    );
    let mine = || {
        let all = log.topics().unwrap().into_iter().filter(|topic| topic.spec.name.starts_with(&named("")));
        all.collect::<Vec<_>>()
    };
    let names = || mine().iter().map(|topic| topic.spec.name[named("").len()..].to_owned()).collect::<Vec<_>>();
    assert_eq!(names(), ["in", "other", "out"]);
    let described = &mine()[0];
    assert!(described.watermarks[1].end >= Offset(5) && described.watermarks[0].end == Offset(0), "{described:?}");
    assert_eq!(described.bytes.first().copied().unwrap_or(0), 0);
    log.delete_topics(&[&named("in"), &named("unknown")]).unwrap();
    assert_eq!(names(), ["other", "out"]);
    log.create_topics(&[topic("in", 1)]).unwrap();
    assert!(read_all(log, &at("in", 0)).is_empty());
}

pub fn a_group_is_forgotten_only_while_nobody_works_for_it(log: &dyn Log) {
    append(log, &at("in", 0), &numbers(0..5));
    let mut running = client(log, "app", &["in"]);
    running.commit(&offsets(&[(&at("in", 0), 5)])).unwrap();
    assert!(matches!(log.delete_group(&named("app")), Err(LogError::Usage(_))));
    running.close(PATIENCE).unwrap();
    log.delete_group(&named("app")).unwrap();
    assert_eq!(poll_values(&mut *client(log, "app", &["in"]), 5, 10)[&at("in", 0)].len(), 5);
}

pub fn what_cannot_be_is_refused_with_the_name_of_the_thing(log: &dyn Log) {
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
}

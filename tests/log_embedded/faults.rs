//! The planned faults do what they say, so that a test that uses them tests something.

use std::sync::Arc;

use tidemill::log::embedded::EmbeddedLog;
use tidemill::log::{Fault, FaultyLog, Log, LogEvent, Reaction};

use super::{PATIENCE, append, at, client, numbers, offsets, poll_values, read_all, topic};

fn with_faults(faults: Vec<Fault>, test: impl FnOnce(&dyn Log)) {
    let dir = tempfile::tempdir().unwrap();
    let log = EmbeddedLog::open(dir.path()).unwrap();
    log.create_topics(&[topic("in", 1), topic("out", 1)]).unwrap();
    append(&log, &at("in", 0), &numbers(0..10));
    test(&FaultyLog::new(Arc::new(log), faults));
}

#[test]
fn a_commit_can_be_put_off_refused_lost_or_unanswered() {
    let outcomes = [
        (Fault::RetryCommit(1), Reaction::Retry, false),
        (Fault::RefuseCommit(1), Reaction::Abort, false),
        (Fault::LoseCommit(1), Reaction::Replace, false),
        (Fault::LoseAnswer(1), Reaction::Replace, true),
    ];
    for (fault, reaction, visible) in outcomes {
        with_faults(vec![fault], |log| {
            let mut first = client(log, "app", &["in"]);
            first.produce(&at("out", 0), &numbers(0..3)).unwrap();
            let done = offsets(&[(&at("in", 0), 3)]);
            assert_eq!(first.commit(&done).unwrap_err().reaction(), reaction);
            assert_eq!(
                (read_all(log, &at("out", 0)).len(), log.group_offsets("app").unwrap().len()),
                if visible { (3, 1) } else { (0, 0) }
            );
            if reaction == Reaction::Retry {
                first.commit(&done).unwrap();
                assert_eq!(read_all(log, &at("out", 0)), [0, 1, 2]);
            }
            assert_eq!(first.poll(1, PATIENCE).is_err(), reaction == Reaction::Replace);
            client(log, "app", &["in"]).commit(&done).unwrap();
        });
    }
}

#[test]
fn revoked_partitions_can_be_committed_once_more_and_come_back_at_the_committed_offset() {
    with_faults(vec![Fault::Revoke(3)], |log| {
        let mut client = client(log, "app", &["in"]);
        poll_values(&mut *client, 4, 4);
        assert_eq!(client.poll(9, PATIENCE).unwrap(), [LogEvent::Revoked(vec![at("in", 0)])]);
        client.commit(&offsets(&[(&at("in", 0), 2)])).unwrap();
        assert_eq!(client.poll(9, PATIENCE).unwrap(), [LogEvent::Assigned(vec![at("in", 0)])]);
        assert_eq!(poll_values(&mut *client, 8, 9)[&at("in", 0)], (2..10).collect::<Vec<_>>());
    });
}

#[test]
fn lost_partitions_cannot_be_committed() {
    with_faults(vec![Fault::LosePartitions(3)], |log| {
        let mut client = client(log, "app", &["in"]);
        poll_values(&mut *client, 4, 4);
        client.produce(&at("out", 0), &numbers(0..4)).unwrap();
        assert_eq!(client.poll(9, PATIENCE).unwrap(), [LogEvent::Lost(vec![at("in", 0)])]);
        assert_eq!(client.commit(&offsets(&[(&at("in", 0), 4)])).unwrap_err().reaction(), Reaction::Abort);
        client.abort().unwrap();
        assert_eq!(client.poll(9, PATIENCE).unwrap(), [LogEvent::Assigned(vec![at("in", 0)])]);
        assert_eq!(poll_values(&mut *client, 10, 10)[&at("in", 0)].len(), 10);
        assert!(read_all(log, &at("out", 0)).is_empty());
    });
}

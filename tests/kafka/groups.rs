//! Members of a group: who has which partition, and how long a change takes.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use tidemill::log::kafka::{Assignment, KafkaLog, KafkaSettings};
use tidemill::log::{Log, LogClient, LogEvent, Reaction};
use tidemill::record::TopicPartition;

use crate::port_contract::{PATIENCE, append, at, named, numbers, offsets, slot, topic, values};
use crate::{connect, kafka, with_log};

/// A client and the partitions it has.
struct Member {
    client: Box<dyn LogClient>,
    has: BTreeSet<TopicPartition>,
    revoked: BTreeSet<TopicPartition>,
    read: Vec<u64>,
}

impl Member {
    fn join(log: &dyn Log) -> Member {
        let client = log.client(&slot("app", &["four"], 0, 1)).unwrap();
        Member { client, has: BTreeSet::new(), revoked: BTreeSet::new(), read: Vec::new() }
    }

    fn poll(&mut self) {
        for event in self.client.poll(100, Duration::from_millis(20)).unwrap() {
            match event {
                LogEvent::Assigned(partitions) => self.has.extend(partitions),
                LogEvent::Records(batch) => self.read.extend(values(&batch)),
                LogEvent::Revoked(partitions) => {
                    for partition in partitions {
                        // Ours until the next poll: it can still be committed.
                        self.client.commit(&offsets(&[(&partition, 1)])).unwrap();
                        assert!(self.has.remove(&partition));
                        self.revoked.insert(partition);
                    }
                }
                LogEvent::Lost(partitions) => panic!("lost {partitions:?}"),
            }
        }
    }
}

fn until(members: &mut [&mut Member], within: Duration, what: &str, done: impl Fn(&[&mut Member]) -> bool) {
    let deadline = Instant::now() + within;
    while !done(members) {
        let have: Vec<_> = members.iter().map(|member| &member.has).collect();
        assert!(Instant::now() < deadline, "{what}: {have:?}");
        members.iter_mut().for_each(|member| member.poll());
    }
}

fn handle(instance: &str, assignment: Assignment) -> KafkaLog {
    let servers = kafka::shared().expect("the test runs");
    KafkaLog::connect(KafkaSettings::new(servers, instance).with_assignment(assignment)).unwrap()
}

#[test]
fn a_second_member_takes_half_and_the_rest_goes_on_untouched() {
    for (assignment, moved) in [(Assignment::Cooperative, 2), (Assignment::Eager, 4)] {
        with_log(|log| {
            log.create_topics(&[topic("four", 4)]).unwrap();
            let append_to_all =
                |range: std::ops::Range<u64>| (0..4).for_each(|n| append(log, &at("four", n), &numbers(range.clone())));
            append_to_all(0..1);
            let mut first = Member::join(&handle("a", assignment));
            until(&mut [&mut first], PATIENCE, "the first joins", |m| m[0].has.len() == 4 && m[0].read.len() == 4);
            let mut second = Member::join(&handle("b", assignment));
            until(&mut [&mut first, &mut second], PATIENCE, "the second joins", |m| m[0].has.len() == 2 && m[1].has.len() == 2);
            assert_eq!(first.revoked.len(), moved, "{assignment:?}");
            append_to_all(1..11);
            until(&mut [&mut first, &mut second], PATIENCE, "all is read once", |m| m[0].read.len() + m[1].read.len() >= 44);
            let mut read: Vec<u64> = first.read.iter().chain(&second.read).copied().collect();
            read.sort_unstable();
            let expected: Vec<u64> = (0..11).flat_map(|n| [n; 4]).collect();
            assert_eq!(read, expected, "{assignment:?}");
            // A clean close leaves the group: the other has everything long before the session is over.
            second.client.close(PATIENCE).unwrap();
            until(&mut [&mut first], Duration::from_secs(8), "the second has left", |m| m[0].has.len() == 4);
        });
    }
}

#[test]
fn a_member_that_is_not_to_leave_keeps_its_partitions_over_a_restart() {
    with_log(|log| {
        log.create_topics(&[topic("four", 4)]).unwrap();
        let servers = kafka::shared().expect("the test runs");
        let staying = || KafkaLog::connect(KafkaSettings::new(servers, "b").with_leave_on_close(false)).unwrap();
        let mut first = Member::join(&connect(servers, "a"));
        until(&mut [&mut first], PATIENCE, "the first joins", |m| m[0].has.len() == 4);
        let mut second = Member::join(&staying());
        until(&mut [&mut first, &mut second], PATIENCE, "both have two", |m| m[0].has.len() == 2 && m[1].has.len() == 2);
        let before = (first.has.clone(), second.has.clone(), first.revoked.len());
        second.client.close(PATIENCE).unwrap();
        drop(second);
        let started = Instant::now();
        let mut again = Member::join(&staying());
        until(&mut [&mut first, &mut again], PATIENCE, "it is back", |m| m[1].has.len() == 2);
        assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
        assert_eq!((first.has.clone(), again.has.clone(), first.revoked.len()), before, "nothing moved");
    });
}

#[test]
fn a_killed_members_successor_has_its_partitions_at_once_and_the_dead_one_is_fenced() {
    with_log(|log| {
        log.create_topics(&[topic("four", 4)]).unwrap();
        append(log, &at("four", 0), &numbers(0..3));
        let mut dead = Member::join(log);
        until(&mut [&mut dead], PATIENCE, "it joins", |m| m[0].has.len() == 4);
        dead.client.produce(&at("out", 0), &numbers(0..100)).unwrap();
        let started = Instant::now();
        let mut next = Member::join(log);
        until(&mut [&mut next], PATIENCE, "its successor", |m| m[0].has.len() == 4);
        assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
        let error = dead.client.commit(&offsets(&[(&at("four", 0), 3)])).unwrap_err();
        assert_eq!(error.reaction(), Reaction::Replace, "{error}");
        next.client.commit(&offsets(&[(&at("four", 0), 2)])).unwrap();
        assert_eq!(log.group_offsets(&named("app")).unwrap(), offsets(&[(&at("four", 0), 2)]));
    });
}

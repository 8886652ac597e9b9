//! Brokers that are not there, come back, or were never told of.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use tidemill::log::kafka::{KafkaLog, KafkaSettings};
use tidemill::log::{Committed, Log, LogClient, LogError, LogEvent, Reaction};
use tidemill::record::{Offset, TopicPartition};

use crate::common::waiting::Deadline;
use crate::port_contract::{assert_reads, at, numbers, set_prefix, slot, topic};
use crate::{connect, kafka};

#[test]
fn a_cluster_that_is_not_there_is_named() {
    let error = KafkaLog::connect(KafkaSettings::new("127.0.0.1:1", "i")).map(drop).unwrap_err();
    assert!(matches!(&error, LogError::Retriable(text) if text.contains("127.0.0.1:1")), "{error}");
}

#[test]
fn a_missing_topic_names_the_command_that_makes_it() {
    crate::with_log(|log| {
        let error = log.client(&slot("app", &["nowhere"], 0, 1)).map(drop).unwrap_err();
        let LogError::Usage(text) = &error else { panic!("{error}") };
        assert!(text.contains("nowhere") && text.contains("tidemill topics create TOPOLOGY --bootstrap-servers"), "{text}");
    });
}

/// Longest wait for a cluster to be of use again.
const PATIENCE: Duration = Duration::from_secs(180);

/// Copies `in` to `out`, one transaction for each poll, and puts right what goes wrong as the engine does.
struct Copier<'a> {
    log: &'a dyn Log,
    client: Box<dyn LogClient>,
    troubles: u32,
}

impl Copier<'_> {
    fn turn(&mut self) {
        if let Err(error) = self.copy() {
            self.put_right(error);
        }
    }

    /// Goes back to what is committed, however often it takes.
    fn put_right(&mut self, mut error: LogError) {
        self.troubles += 1;
        let started = Instant::now();
        loop {
            let mended = match error.reaction() {
                Reaction::Stop => panic!("{error}"),
                // The transaction is open and whole; giving it up is as good as going on.
                Reaction::Retry | Reaction::Abort => self.go_back(),
                Reaction::Replace => self.log.client(&slot("app", &["in"], 0, 1)).map(|client| self.client = client),
            };
            match mended {
                Ok(()) => return,
                Err(next) => error = next,
            }
            assert!(started.elapsed() < PATIENCE, "{error}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn go_back(&mut self) -> Result<(), LogError> {
        self.client.abort().and_then(|()| self.rewind())
    }

    fn copy(&mut self) -> Result<(), LogError> {
        let mut done = BTreeMap::new();
        for event in self.client.poll(50, Duration::from_millis(50))? {
            if let LogEvent::Records(batch) = event {
                self.client.produce(&at("out", batch.partition.partition), &batch.records)?;
                done.extend(batch.next_offset().map(|offset| (batch.partition.clone(), Committed::at(offset))));
            }
        }
        self.client.commit(&done)
    }

    fn rewind(&mut self) -> Result<(), LogError> {
        let all: Vec<TopicPartition> = (0..2).map(|number| at("in", number)).collect();
        let committed = self.client.committed(&all)?;
        for partition in &all {
            match self.client.seek(partition, committed.get(partition).map_or(Offset::ZERO, |done| done.offset)) {
                // Not assigned at the moment: it will come at its committed offset.
                Err(LogError::Usage(_)) | Ok(()) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

#[test]
fn a_broker_that_is_killed_and_comes_back_costs_time_and_nothing_else() {
    let _deadline = Deadline::of("a_broker_that_is_killed_and_comes_back_costs_time_and_nothing_else", 2 * PATIENCE);
    let Some(mut cluster) = kafka::available(kafka::Cluster::start(1)) else { return };
    set_prefix("b-".to_owned());
    let log = connect(&cluster.bootstrap(), "i");
    log.create_topics(&[topic("in", 2), topic("out", 2)]).unwrap();
    let mut appender = log.appender("input").unwrap();
    for partition in 0..2 {
        appender.append(&at("in", partition), &numbers(0..3_000)).unwrap();
    }
    appender.commit("all").unwrap();
    let client = log.client(&slot("app", &["in"], 0, 1)).unwrap();
    let mut copier = Copier { log: &log, client, troubles: 0 };
    let (started, mut round) = (Instant::now(), 0);
    let done = |copier: &mut Copier<'_>| {
        let committed = copier.client.committed(&[at("in", 0), at("in", 1)]);
        committed.is_ok_and(|all| all.len() == 2 && all.values().all(|done| done.offset == Offset(3_000)))
    };
    while !done(&mut copier) {
        (0..10).for_each(|_| copier.turn());
        if round < 3 {
            // A lone broker that is killed before it has written the markers of a transaction may call the transaction complete when it comes back and never
            // write them (seen with Kafka 4.3.0): so it may finish what it has said yes to.
            (0..2).for_each(|number| drop(copier.client.committed(&[at("in", number)])));
            cluster.brokers[0].kill9();
            // What is read here is dropped, and has to come again.
            copier.client.poll(50, Duration::from_millis(300)).map(drop).unwrap_or_default();
            cluster.brokers[0].restart().unwrap();
            copier.go_back().unwrap_or_else(|error| copier.put_right(error));
        }
        round += 1;
        assert!(started.elapsed() < PATIENCE, "{} troubles", copier.troubles);
    }
    assert!(round >= 3);
    let expected: Vec<u64> = (0..3_000).collect();
    assert_reads(&log, &at("out", 0), &expected);
    assert_reads(&log, &at("out", 1), &expected);
}

#[test]
fn a_cluster_of_three_survives_the_loss_of_a_broker() {
    let _deadline = Deadline::of("a_cluster_of_three_survives_the_loss_of_a_broker", 2 * PATIENCE);
    let Some(mut cluster) = kafka::available(kafka::Cluster::start(3)) else { return };
    cluster.brokers[0].kill9();
    cluster.wait_ready().unwrap();
    cluster.brokers[0].restart().unwrap();
    cluster.brokers[1].stop();
    cluster.wait_ready().unwrap();
    cluster.brokers[2].pause();
    cluster.brokers[2].resume();
    cluster.wait_ready().unwrap();
}

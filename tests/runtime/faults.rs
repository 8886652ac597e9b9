//! Commits that fail, at chosen moments and in every way the port knows: the bytes are the same.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tidemill::log::{
    ClientSettings, Committed, Log, LogAppender, LogClient, LogError, LogEvent, LogReader, TopicDescription, TopicSpec,
    Watermarks,
};
use tidemill::record::{Offset, RecordBatch, TopicPartition};
use tidemill::runtime::InstanceStatus;

use super::bench::{Bench, PATIENCE, expected, graph, input, settings};
use super::nodes::Mishaps;

/// How a commit fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    /// For the moment only.
    Retry,
    /// The transaction is lost.
    Abort,
    /// The client is lost, and the transaction with it.
    Fatal,
    /// The transaction has committed, but the answer is lost.
    FatalAfterwards,
    /// Partitions are lost at the next poll.
    Lost,
    /// Partitions are revoked at the next poll and come back at the one after it.
    Revoked,
}

/// A log whose clients fail every so many commits.
struct Faulty {
    inner: Arc<dyn Log>,
    fault: Fault,
    every: u32,
    commits: Arc<AtomicU32>,
    faults: Arc<AtomicU32>,
}

impl Log for Faulty {
    fn client(&self, settings: &ClientSettings) -> Result<Box<dyn LogClient>, LogError> {
        let (fault, every, commits, faults) = (self.fault, self.every, self.commits.clone(), self.faults.clone());
        let inner = self.inner.client(settings)?;
        Ok(Box::new(FaultyClient { inner, fault, every, commits, faults, assigned: Vec::new(), due: false, back: false }))
    }

    fn reader(&self) -> Result<Box<dyn LogReader>, LogError> {
        self.inner.reader()
    }

    fn appender(&self, name: &str) -> Result<Box<dyn LogAppender>, LogError> {
        self.inner.appender(name)
    }

    fn create_topics(&self, topics: &[TopicSpec]) -> Result<(), LogError> {
        self.inner.create_topics(topics)
    }

    fn delete_topics(&self, names: &[&str]) -> Result<(), LogError> {
        self.inner.delete_topics(names)
    }

    fn topics(&self) -> Result<Vec<TopicDescription>, LogError> {
        self.inner.topics()
    }

    fn group_offsets(&self, application_id: &str) -> Result<BTreeMap<TopicPartition, Committed>, LogError> {
        self.inner.group_offsets(application_id)
    }

    fn delete_group(&self, application_id: &str) -> Result<(), LogError> {
        self.inner.delete_group(application_id)
    }
}

struct FaultyClient {
    inner: Box<dyn LogClient>,
    fault: Fault,
    every: u32,
    commits: Arc<AtomicU32>,
    faults: Arc<AtomicU32>,
    assigned: Vec<TopicPartition>,
    due: bool,
    back: bool,
}

impl FaultyClient {
    /// As a group would: one partition is taken away, and given back at the next poll, to begin at its committed offset.
    fn rebalance(&mut self) -> Option<Vec<LogEvent>> {
        let one = vec![self.assigned.last()?.clone()];
        if std::mem::take(&mut self.back) {
            let committed = self.inner.committed(&one).unwrap();
            let at = committed.get(&one[0]).map_or(Offset::ZERO, |committed| committed.offset);
            self.inner.seek(&one[0], at).unwrap();
            self.inner.resume(&one).unwrap();
            return Some(vec![LogEvent::Assigned(one)]);
        }
        if !std::mem::take(&mut self.due) {
            return None;
        }
        self.faults.fetch_add(1, Ordering::Relaxed);
        self.back = true;
        self.inner.pause(&one).unwrap();
        Some(vec![if self.fault == Fault::Lost { LogEvent::Lost(one) } else { LogEvent::Revoked(one) }])
    }
}

impl LogClient for FaultyClient {
    fn poll(&mut self, max_records: usize, timeout: Duration) -> Result<Vec<LogEvent>, LogError> {
        if let Some(events) = self.rebalance() {
            return Ok(events);
        }
        let events = self.inner.poll(max_records, timeout)?;
        for event in &events {
            if let LogEvent::Assigned(partitions) = event {
                self.assigned.extend(partitions.iter().cloned());
            }
        }
        Ok(events)
    }

    fn pause(&mut self, partitions: &[TopicPartition]) -> Result<(), LogError> {
        self.inner.pause(partitions)
    }

    fn resume(&mut self, partitions: &[TopicPartition]) -> Result<(), LogError> {
        self.inner.resume(partitions)
    }

    fn seek(&mut self, partition: &TopicPartition, to: Offset) -> Result<(), LogError> {
        self.inner.seek(partition, to)
    }

    fn committed(&mut self, partitions: &[TopicPartition]) -> Result<BTreeMap<TopicPartition, Committed>, LogError> {
        self.inner.committed(partitions)
    }

    fn produce(&mut self, to: &TopicPartition, records: &RecordBatch) -> Result<(), LogError> {
        self.inner.produce(to, records)
    }

    fn commit(&mut self, offsets: &BTreeMap<TopicPartition, Committed>) -> Result<(), LogError> {
        if !(self.commits.fetch_add(1, Ordering::Relaxed) + 1).is_multiple_of(self.every) {
            return self.inner.commit(offsets);
        }
        let why = || "a planned fault".to_owned();
        match self.fault {
            Fault::Lost | Fault::Revoked => {
                self.due = true;
                return self.inner.commit(offsets);
            }
            _ => self.faults.fetch_add(1, Ordering::Relaxed),
        };
        match self.fault {
            Fault::Retry => Err(LogError::Retriable(why())),
            Fault::Abort => Err(LogError::Abort(why())),
            Fault::FatalAfterwards => self.inner.commit(offsets).and(Err(LogError::Fatal(why()))),
            Fault::Fatal | Fault::Lost | Fault::Revoked => Err(LogError::Fatal(why())),
        }
    }

    fn abort(&mut self) -> Result<(), LogError> {
        self.inner.abort()
    }

    fn watermarks(&mut self, partition: &TopicPartition) -> Result<Watermarks, LogError> {
        self.inner.watermarks(partition)
    }

    fn close(&mut self, timeout: Duration) -> Result<(), LogError> {
        self.inner.close(timeout)
    }
}

/// Runs the whole input with this fault every third commit and compares with the backtest.
fn survives(fault: Fault, threads: u32) {
    let graph = graph(&Mishaps::none());
    let bench = Bench::new(input(400), &graph);
    let faults = Arc::new(AtomicU32::new(0));
    let log = Faulty { inner: bench.log(), fault, every: 3, commits: Arc::default(), faults: faults.clone() };
    let mut settings = settings();
    settings.commit_interval_ms = 1;
    settings.max_batch_records = 2;
    settings.max_in_flight_batches = 2;
    settings.num_stream_threads = threads;
    let handle = bench.start_on(Arc::new(log), &graph, settings);
    assert!(handle.wait_until(PATIENCE, |status| bench.done(status)), "{fault:?}: {:#?}", handle.status());
    // The last commit may have been followed by a fault: the next commit tells, at the shutdown.
    let ready = |status: &InstanceStatus| status.ready();
    assert!(handle.wait_until(PATIENCE, ready), "{fault:?}: {:#?}", handle.status());
    drop(handle);
    assert!(faults.load(Ordering::Relaxed) >= 5, "{fault:?} came {} times", faults.load(Ordering::Relaxed));
    // An undisturbed start keeps the states, so that they can be compared.
    let outcome = bench.finish(bench.start(&graph, super::bench::settings()));
    outcome.assert_equals(&expected(&graph, &bench.input), &format!("{fault:?}"));
}

#[test]
fn a_commit_that_is_to_be_repeated_is_repeated() {
    survives(Fault::Retry, 1);
}

#[test]
fn an_aborted_transaction_rolls_its_tasks_back() {
    survives(Fault::Abort, 1);
    survives(Fault::Abort, 2);
}

#[test]
fn a_lost_client_is_replaced() {
    survives(Fault::Fatal, 1);
}

#[test]
fn an_unknown_outcome_is_found_out_from_the_committed_offsets() {
    survives(Fault::FatalAfterwards, 1);
}

#[test]
fn a_revoked_partition_is_finished_committed_and_taken_up_again() {
    survives(Fault::Revoked, 1);
}

#[test]
fn a_lost_partition_is_dropped_and_the_others_in_its_transaction_are_rolled_back() {
    survives(Fault::Lost, 1);
}

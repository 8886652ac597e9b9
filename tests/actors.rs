//! Guarantee 1 on the runtime: for every shipped topology the actors on the embedded log commit the bytes of the backtest and keep its state, whatever the number
//! of worker threads, client threads and records in a batch.

#![allow(clippy::disallowed_methods, reason = "the harness it shares with the kill test waits by the clock")]

#[path = "common/mod.rs"]
mod common;
#[allow(dead_code, reason = "the kill test uses the rest")]
#[path = "kill/harness.rs"]
mod harness;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use common::{input_for, shipped_topologies};
use harness::{Expected, PARTITIONS};
use tidemill::log::embedded::EmbeddedLog;
use tidemill::log::{Log, Retention, TopicSpec};
use tidemill::record::TopicPartition;
use tidemill::runtime::{Instance, RuntimeSettings};
use tidemill::store::{CheckpointStore, SledStore};
use tidemill::telemetry::Telemetry;

/// Longer than any run takes; reached only when something hangs.
const PATIENCE: Duration = Duration::from_secs(120);

fn fill(log: &EmbeddedLog, expected: &Expected) {
    let topics = std::iter::once(expected.graph.source.topic.clone()).chain(expected.graph.output_topics());
    let topics: Vec<_> = topics.map(|name| TopicSpec { name, partitions: PARTITIONS, retention: Retention::Unlimited }).collect();
    log.create_topics(&topics).unwrap();
    let mut appender = log.appender("fill").unwrap();
    for (partition, batch) in (0..).zip(&expected.input).filter(|(_, batch)| !batch.is_empty()) {
        appender.append(&TopicPartition::new(expected.graph.source.topic.clone(), partition), batch).unwrap();
    }
    appender.commit("filled").unwrap();
}

fn run(folder: &Path, expected: &Expected, workers: usize, clients: u32, batch_records: usize) {
    let log = EmbeddedLog::open(&folder.join("log")).unwrap();
    fill(&log, expected);
    let store: Arc<dyn CheckpointStore> =
        Arc::new(SledStore::open(&folder.join("checkpoints").join(&*expected.graph.name)).unwrap());
    let mut settings = RuntimeSettings::new(expected.graph.name.clone());
    settings.num_worker_threads = workers;
    settings.num_stream_threads = clients;
    settings.max_batch_records = batch_records;
    let log: Arc<dyn Log> = Arc::new(log);
    let instance = Instance::start(expected.graph.clone(), log, store, Arc::new(Telemetry::new()), settings).unwrap();
    let records: u64 = expected.input.iter().map(|batch| batch.len() as u64).sum();
    assert!(instance.wait_until(PATIENCE, |status| status.since_start().read >= records), "{:?}", instance.status());
    instance.shutdown(PATIENCE).unwrap();
}

#[test]
fn no_number_of_threads_and_no_batch_size_changes_a_byte() {
    for (name, graph) in shipped_topologies() {
        let input = input_for(&graph, 3_000, PARTITIONS);
        let (lines, digests) = common::reference(&graph, &input, 500);
        let expected = Expected { graph, lines, digests, input };
        for (workers, clients, batch_records) in [(1, 1, 500), (2, 2, 7), (4, 1, 1)] {
            let folder = tempfile::tempdir().unwrap();
            run(folder.path(), &expected, workers, clients, batch_records);
            let fault = expected.final_fault(folder.path());
            assert_eq!(fault, None, "{name}: {workers} workers, {clients} client threads, batches of {batch_records}");
        }
    }
}

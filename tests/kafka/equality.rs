//! The runtime on Kafka puts out, byte for byte, what the backtest puts out, whatever the number of threads and instances.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tidemill::log::kafka::KafkaLog;
use tidemill::log::{Log, Retention, TopicSpec};
use tidemill::record::{Offset, RecordBatch, TopicPartition};
use tidemill::runtime::{Instance, InstanceHandle, RuntimeSettings, task_name};
use tidemill::store::{CheckpointStore, FileStore};
use tidemill::task::TaskSnapshot;
use tidemill::telemetry::Telemetry;
use tidemill::topology::Graph;

use crate::common::logs::partition_lines;
use crate::common::waiting::Deadline;
use crate::common::{self, Lines, assert_same_lines, input_for, reference};
use crate::{connect, kafka};

const PATIENCE: Duration = Duration::from_secs(120);
const PARTITIONS: u32 = 3;

struct Run {
    graph: Arc<Graph>,
    log: KafkaLog,
    input: Vec<RecordBatch>,
    application: String,
}

impl Run {
    /// Topics with the input in them: one transaction, so that offsets have no gaps and equal those of the backtest.
    fn new(servers: &str, name: &str, graph: &Graph, records: usize) -> Run {
        let prefix = kafka::unique("e-");
        let input = input_for(graph, records, PARTITIONS);
        let graph = common::graph_from(&common::renamed(name, &format!("{prefix}-")), name);
        let log = connect(servers, "input");
        let mut names = vec![graph.source.topic.clone()];
        names.extend(graph.output_topics());
        let spec = |name| TopicSpec { name, partitions: PARTITIONS, retention: Retention::Unlimited };
        log.create_topics(&names.into_iter().map(spec).collect::<Vec<_>>()).unwrap();
        let mut appender = log.appender(&prefix).unwrap();
        for (partition, records) in (0..).zip(&input) {
            appender.append(&TopicPartition::new(graph.source.topic.clone(), partition), records).unwrap();
        }
        appender.commit("all").unwrap();
        Run { graph, log, input, application: prefix }
    }

    fn is_done(&self) -> bool {
        let committed = self.log.group_offsets(&self.application).unwrap_or_default();
        (0..).zip(&self.input).all(|(number, records)| {
            let at = TopicPartition::new(self.graph.source.topic.clone(), number);
            records.is_empty() || committed.get(&at).is_some_and(|done| done.offset == Offset(records.len() as i64))
        })
    }

    fn lines(&self) -> Lines {
        let mut reader = self.log.reader().unwrap();
        let places =
            self.graph.output_topics().into_iter().flat_map(|topic| (0..PARTITIONS).map(move |number| (topic.clone(), number)));
        places
            .map(|(topic, number)| {
                let text = partition_lines(reader.as_mut(), &TopicPartition::new(topic.clone(), number));
                ((topic, number), text)
            })
            .collect()
    }

    /// Runs instances of so many threads each until everything is committed; their outputs, and the digests of the states they keep at the end.
    fn go(&self, servers: &str, threads: u32, instances: usize) -> (Lines, BTreeMap<u32, BTreeMap<String, String>>) {
        let dir = tempfile::tempdir().unwrap();
        let store = |index: usize| -> Arc<dyn CheckpointStore> {
            Arc::new(FileStore::open(&dir.path().join(index.to_string())).unwrap())
        };
        let start = |index: usize| -> InstanceHandle {
            let log = Arc::new(connect(servers, &format!("i{index}")));
            let mut settings = RuntimeSettings::new(&*self.application);
            settings.num_stream_threads = threads;
            settings.num_worker_threads = 2;
            settings.commit_interval_ms = 50;
            Instance::start(self.graph.clone(), log, store(index), Arc::new(Telemetry::new()), settings).unwrap()
        };
        let mut handles = Vec::new();
        for index in 0..instances {
            handles.push(start(index));
            // The later ones join while the first work, so that partitions move.
            std::thread::sleep(Duration::from_millis(if instances > 1 { 500 } else { 0 }));
        }
        let deadline = Instant::now() + PATIENCE;
        while !self.is_done() {
            let states: Vec<_> = handles.iter().map(|handle| handle.status()).collect();
            assert!(states.iter().all(|state| state.failure.is_none()) && Instant::now() < deadline, "{states:#?}");
            std::thread::sleep(Duration::from_millis(20));
        }
        let owner = |handle: &InstanceHandle, number| handle.status().task(number).is_some_and(|task| task.position.is_some());
        let owners: Vec<Vec<u32>> =
            handles.iter().map(|h| (0..PARTITIONS).filter(|number| owner(h, *number)).collect()).collect();
        for handle in handles {
            handle.shutdown(PATIENCE).unwrap();
        }
        let mut digests = BTreeMap::new();
        for (index, numbers) in owners.iter().enumerate() {
            for number in numbers {
                let at = TopicPartition::new(self.graph.source.topic.clone(), *number);
                let store = store(index);
                let Some(newest) = store.list(&task_name(&at)).unwrap().intact.first().map(|info| info.generation) else {
                    continue;
                };
                let snapshot = TaskSnapshot::from_bytes(&store.load(&task_name(&at), newest).unwrap()).unwrap();
                if snapshot.position == Offset(self.input[*number as usize].len() as i64) {
                    digests.insert(*number, snapshot.coin_digests());
                }
            }
        }
        (self.lines(), digests)
    }
}

fn check(name: &str, graph: &Graph, records: usize, threads: u32, instances: usize) {
    let Some(servers) = kafka::shared() else { return };
    let _deadline = Deadline::of(&format!("equality of {name}"), 2 * PATIENCE);
    let run = Run::new(servers, name, graph, records);
    let (expected, digests) = reference(&run.graph, &run.input, 500);
    let what = format!("{name}, {threads} threads, {instances} instances");
    let (found, found_digests) = run.go(servers, threads, instances);
    assert_same_lines(&what, &found, &expected);
    let filled = |all: &BTreeMap<u32, BTreeMap<String, String>>| {
        all.iter()
            .filter(|(_, coins)| !coins.is_empty())
            .map(|(number, coins)| (*number, coins.clone()))
            .collect::<BTreeMap<_, _>>()
    };
    assert_eq!(filled(&found_digests), filled(&digests), "{what}: state");
}

#[test]
fn every_shipped_topology_puts_out_what_the_backtest_does() {
    for (name, graph) in common::shipped_topologies() {
        check(&name, &graph, 3_000, 2, 1);
    }
}

/// Some minutes, so only with `TIDEMILL_FAULT_TESTS=1`.
#[test]
fn every_shipped_topology_with_any_number_of_threads_and_instances() {
    if !common::fault_tests() {
        return;
    }
    for (name, graph) in common::shipped_topologies() {
        for (threads, instances) in [1, 2, 4].into_iter().flat_map(|threads| [1, 2, 3].map(|instances| (threads, instances))) {
            check(&name, &graph, 3_000, threads, instances);
            println!("{name}: {threads} threads, {instances} instances: no difference");
        }
    }
}

#[test]
fn threads_do_not_change_a_byte() {
    for threads in [1, 4] {
        check("small.toml", &common::shipped("small.toml"), 5_000, threads, 1);
    }
}

#[test]
fn instances_that_join_and_share_do_not_change_a_byte() {
    for instances in [2, 3] {
        check("small.toml", &common::shipped("small.toml"), 10_000, 1, instances);
    }
}

#[test]
fn the_quickstart_on_three_instances_puts_out_what_the_backtest_does() {
    check("quickstart.toml", &common::shipped("quickstart.toml"), 5_000, 1, 3);
}

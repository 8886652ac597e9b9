//! Engines with planted bugs: proof that the harness would notice.
//!
//! A plant wraps the log or the store of an otherwise sound engine, which runs in a process of its own (this test binary, started again) and is killed at
//! random moments and in the middle of the planted misdeed.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use tidemill::failpoint;
use tidemill::log::embedded::EmbeddedLog;
use tidemill::log::{
    ClientSettings, Committed, Log, LogAppender, LogClient, LogError, LogEvent, LogReader, Retention, TopicDescription,
    TopicSpec, Watermarks,
};
use tidemill::market::sim::{SimConfig, SimulatedExchange};
use tidemill::record::{Offset, RecordBatch, TopicPartition};
use tidemill::runtime::{Instance, RuntimeSettings};
use tidemill::store::{Checkpoint, CheckpointStore, Incident, Listing, SledStore, StoreError};
use tidemill::task::{CheckpointPolicy, TaskSnapshot};
use tidemill::telemetry::Telemetry;

use crate::common;
use crate::harness::{Expected, PARTITIONS, Random, killed};

const RECORDS: u64 = 3_000;
const ROUNDS: usize = 12;

/// What is wrong with an engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plant {
    /// Nothing: the alarm must stay silent.
    Nothing,
    /// Offsets commit before the outputs.
    CommitBeforeAppend,
    /// A commit is reported before it is durable, so that the snapshot is written first.
    SnapshotBeforeCommit,
    /// The committed offset is one too high.
    OffsetOffByOne,
    /// A failed commit is taken for a successful one: the state is not rolled back.
    NotRolledBack,
    /// A snapshot says that it was taken one record earlier: that record is learned twice.
    LearnedTwice,
}

impl Plant {
    pub const ALL: [Plant; 5] = [
        Plant::CommitBeforeAppend,
        Plant::SnapshotBeforeCommit,
        Plant::OffsetOffByOne,
        Plant::NotRolledBack,
        Plant::LearnedTwice,
    ];
}

/// Kills an engine with this plant until the harness raises the alarm; the alarm's text, or `None`.
pub fn caught(plant: Plant, seed: u64) -> Option<String> {
    let graph = common::shipped("small.toml");
    let expected = Expected::of(graph, Box::new(SimulatedExchange::new(SimConfig::default())), RECORDS);
    let folder = tempfile::tempdir().unwrap();
    let mut random = Random::new(seed);
    for round in 0..=ROUNDS {
        let last = round == ROUNDS;
        fill(folder.path(), &expected, round);
        if let Some(fault) = run_child(plant, folder.path(), &mut random, last) {
            return Some(fault);
        }
        if let Some(fault) = expected.crash_fault(folder.path()) {
            return Some(fault);
        }
    }
    expected.final_fault(folder.path())
}

/// Puts a round's share of the input into the log, so that every round has something to commit.
fn fill(folder: &Path, expected: &Expected, round: usize) {
    let log = EmbeddedLog::open(&folder.join("log")).unwrap();
    let topics = std::iter::once(expected.graph.source.topic.clone()).chain(expected.graph.output_topics());
    let topics: Vec<_> = topics.map(|name| TopicSpec { name, partitions: PARTITIONS, retention: Retention::Unlimited }).collect();
    log.create_topics(&topics).unwrap();
    let mut appender = log.appender("fill").unwrap();
    for (partition, batch) in (0..).zip(&expected.input).filter(|(_, batch)| !batch.is_empty()) {
        let share = |round: usize| batch.len() * round / (ROUNDS + 1);
        let records = (share(round)..share(round + 1)).filter_map(|place| batch.get(place)).map(|record| common::owned(&record));
        appender
            .append(&TopicPartition::new(expected.graph.source.topic.clone(), partition), &common::records_of(records))
            .unwrap();
    }
    appender.commit(&round.to_string()).unwrap();
}

/// Runs the child and kills it, except in the last round. An engine that stops by itself with an error is an alarm too.
fn run_child(plant: Plant, folder: &Path, random: &mut Random, last: bool) -> Option<String> {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["planted_child", "--exact", "--nocapture", "--test-threads=1"]);
    command.env("TIDEMILL_PLANT", format!("{plant:?}")).env("TIDEMILL_PLANT_DIR", folder);
    if !last {
        let point = ["planted", "planted", "runtime.after-checkpoint", "runtime.after-commit"][random.below(4) as usize];
        command.env("TIDEMILL_FAILPOINTS", format!("{point}={}", 1 + random.below(2)));
    }
    let output = command.stdout(Stdio::piped()).stderr(Stdio::piped()).output().unwrap();
    if output.status.success() || killed(output.status) {
        return None;
    }
    let text = String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
    Some(format!("the engine stopped by itself: {}", text.lines().find(|line| line.contains("engine:")).unwrap_or(&text)))
}

/// The child's side: runs the engine over what is in the log, if this process was started for it.
pub fn child_main() {
    let (Ok(plant), Ok(folder)) = (std::env::var("TIDEMILL_PLANT"), std::env::var("TIDEMILL_PLANT_DIR")) else { return };
    let plant = Plant::ALL.into_iter().find(|p| format!("{p:?}") == plant).unwrap_or(Plant::Nothing);
    let folder = Path::new(&folder);
    let graph = common::shipped("small.toml");
    let log = PlantedLog { inner: EmbeddedLog::open(&folder.join("log")).unwrap(), plant };
    let store = SledStore::open(&folder.join("checkpoints").join(&*graph.name)).unwrap();
    let mut settings = RuntimeSettings::new(graph.name.clone());
    settings.commit_interval_ms = 5;
    settings.max_batch_records = 50;
    settings.checkpoint = CheckpointPolicy { interval_ms: 1, max_records: 100, ..CheckpointPolicy::default() };
    let log: Arc<dyn Log> = Arc::new(log);
    let store: Arc<dyn CheckpointStore> = Arc::new(PlantedStore { inner: store, plant });
    let instance = Instance::start(graph, log, store, Arc::new(Telemetry::new()), settings).unwrap();
    let done = instance.wait_until(Duration::from_secs(60), |status| {
        status.tasks.len() == PARTITIONS as usize && status.tasks.iter().all(|task| task.lag == Some(0))
    });
    if let Some(failure) = instance.status().failure {
        panic!("engine: {failure}");
    }
    assert!(done, "engine: it did not get to the end of its input");
    instance.shutdown(Duration::from_secs(30)).unwrap_or_else(|error| panic!("engine: {error}"));
}

struct PlantedLog {
    inner: EmbeddedLog,
    plant: Plant,
}

impl Log for PlantedLog {
    fn client(&self, settings: &ClientSettings) -> Result<Box<dyn LogClient>, LogError> {
        let inner = self.inner.client(settings)?;
        Ok(Box::new(PlantedClient { inner, plant: self.plant, produced: Vec::new(), deferred: None, commits: 0 }))
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

type Offsets = BTreeMap<TopicPartition, Committed>;
type Produced = Vec<(TopicPartition, RecordBatch)>;

struct PlantedClient {
    inner: Box<dyn LogClient>,
    plant: Plant,
    produced: Produced,
    deferred: Option<(Produced, Offsets)>,
    commits: u32,
}

impl PlantedClient {
    fn commit_whole(&mut self, produced: &Produced, offsets: &Offsets) -> Result<(), LogError> {
        produced.iter().try_for_each(|(to, records)| self.inner.produce(to, records))?;
        self.inner.commit(offsets)
    }
}

impl LogClient for PlantedClient {
    fn poll(&mut self, max_records: usize, timeout: Duration) -> Result<Vec<LogEvent>, LogError> {
        self.inner.poll(max_records, timeout)
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

    fn committed(&mut self, partitions: &[TopicPartition]) -> Result<Offsets, LogError> {
        self.inner.committed(partitions)
    }

    fn produce(&mut self, to: &TopicPartition, records: &RecordBatch) -> Result<(), LogError> {
        self.produced.push((to.clone(), records.clone()));
        Ok(())
    }

    fn commit(&mut self, offsets: &Offsets) -> Result<(), LogError> {
        let produced = std::mem::take(&mut self.produced);
        self.commits += 1;
        match self.plant {
            Plant::CommitBeforeAppend => {
                self.inner.commit(offsets)?;
                failpoint::hit("planted");
                self.commit_whole(&produced, &BTreeMap::new())
            }
            Plant::SnapshotBeforeCommit => {
                if let Some((produced, offsets)) = self.deferred.replace((produced, offsets.clone())) {
                    self.commit_whole(&produced, &offsets)?;
                }
                Ok(())
            }
            Plant::OffsetOffByOne => {
                let shifted =
                    offsets.iter().map(|(at, c)| (at.clone(), Committed { offset: c.offset.next(), ..c.clone() })).collect();
                self.commit_whole(&produced, &shifted)?;
                failpoint::hit("planted");
                Ok(())
            }
            Plant::NotRolledBack if self.commits.is_multiple_of(2) => {
                self.inner.abort()?;
                failpoint::hit("planted");
                Ok(())
            }
            Plant::Nothing | Plant::NotRolledBack | Plant::LearnedTwice => {
                self.commit_whole(&produced, offsets)?;
                failpoint::hit("planted");
                Ok(())
            }
        }
    }

    fn abort(&mut self) -> Result<(), LogError> {
        self.produced.clear();
        self.inner.abort()
    }

    fn watermarks(&mut self, partition: &TopicPartition) -> Result<Watermarks, LogError> {
        self.inner.watermarks(partition)
    }

    fn close(&mut self, timeout: Duration) -> Result<(), LogError> {
        if let Some((produced, offsets)) = self.deferred.take() {
            self.commit_whole(&produced, &offsets)?;
        }
        self.inner.close(timeout)
    }
}

struct PlantedStore {
    inner: SledStore,
    plant: Plant,
}

impl CheckpointStore for PlantedStore {
    fn write(&self, task: &str, checkpoint: &Checkpoint) -> Result<u64, StoreError> {
        let mut checkpoint = checkpoint.clone();
        if self.plant == Plant::LearnedTwice {
            let mut snapshot = TaskSnapshot::from_bytes(&checkpoint.payload)?;
            snapshot.position = Offset((snapshot.position.0 - 1).max(0));
            checkpoint.positions.values_mut().for_each(|position| *position = snapshot.position);
            checkpoint.payload = snapshot.to_bytes()?;
        }
        self.inner.write(task, &checkpoint)
    }

    fn list(&self, task: &str) -> Result<Listing, StoreError> {
        self.inner.list(task)
    }

    fn load(&self, task: &str, generation: u64) -> Result<Vec<u8>, StoreError> {
        self.inner.load(task, generation)
    }

    fn remove(&self, task: &str) -> Result<(), StoreError> {
        self.inner.remove(task)
    }

    fn tasks(&self) -> Result<Vec<String>, StoreError> {
        self.inner.tasks()
    }

    fn incidents(&self) -> Vec<Incident> {
        self.inner.incidents()
    }
}

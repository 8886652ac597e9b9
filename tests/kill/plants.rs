//! Engines with planted bugs, each in a process of its own (this test binary, started again) that is killed in the middle of the planted misdeed: proof that the
//! harness would notice.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use tidemill::log::embedded::EmbeddedLog;
use tidemill::log::{Log, Retention, TopicSpec};
use tidemill::market::sim::{SimConfig, SimulatedExchange};
use tidemill::record::TopicPartition;
use tidemill::runtime::{Instance, RuntimeSettings};
use tidemill::store::{CheckpointStore, SledStore};
use tidemill::task::CheckpointPolicy;
use tidemill::telemetry::Telemetry;

use crate::common;
use crate::common::planted::{Plant, PlantedLog, PlantedStore};
use crate::common::random::Random;
use crate::harness::{Expected, PARTITIONS, killed};

const RECORDS: u64 = 3_000;
const ROUNDS: usize = 12;

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
    let log = PlantedLog { inner: Arc::new(EmbeddedLog::open(&folder.join("log")).unwrap()), plant };
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

//! Engines with planted bugs on real Kafka, each in a process of its own (this test binary, started again): proof that the suite would notice.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use tidemill::log::Log;
use tidemill::log::kafka::{KafkaLog, KafkaSettings};
use tidemill::runtime::{Instance, RuntimeSettings};
use tidemill::store::{CheckpointStore, SledStore};
use tidemill::task::CheckpointPolicy;
use tidemill::telemetry::Telemetry;

use crate::common;
use crate::common::planted::{Plant, PlantedLog, PlantedStore};
use crate::common::random::{Random, seed};
use crate::scenario::{Plan, Scenario};

const PARTITIONS: u32 = 2;
const ROUNDS: usize = 8;

/// Runs an engine with every bug, and a sound one.
pub fn check_all(servers: &str) {
    for plant in Plant::ALL.into_iter().chain(Plant::ON_KAFKA) {
        let caught = caught(servers, plant);
        println!("planted {plant:?}: {}", caught.as_deref().unwrap_or("not caught"));
        assert!(caught.is_some(), "the suite does not notice {plant:?}");
    }
    assert_eq!(caught(servers, Plant::Nothing), None, "a sound engine raises no alarm");
}

/// Kills an engine with this bug again and again, at the point where the bug does its harm or at a random moment; the alarm's text, or `None`.
fn caught(servers: &str, plant: Plant) -> Option<String> {
    let plan = Plan { topology: "small.toml", partitions: PARTITIONS, records: 4_000, coins: 4 };
    let mut scenario = Scenario::new(servers, &plan);
    let mut random = Random::new(seed());
    for round in 1..=ROUNDS {
        scenario.feed(round, ROUNDS);
        if round == ROUNDS && plant == Plant::ReadUncommitted {
            // What no reader may see, behind all that there is to see.
            scenario.feed_and_abort();
        }
        let fault = run_child(&scenario, plant, &mut random, round == ROUNDS);
        let fault = fault.or_else(|| scenario.changelog_fault());
        if fault.is_some() {
            return fault;
        }
    }
    scenario.fault()
}

/// Runs the child, and kills it except in the last round. An engine that stops by itself with an error is an alarm too.
fn run_child(scenario: &Scenario, plant: Plant, random: &mut Random, last: bool) -> Option<String> {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["planted_child", "--exact", "--nocapture", "--test-threads=1"]);
    command.env("TIDEMILL_PLANT", format!("{plant:?}")).env("TIDEMILL_PLANT_SERVERS", &scenario.bootstrap);
    command
        .env("TIDEMILL_PLANT_TOPOLOGY", &scenario.topology)
        .env("TIDEMILL_PLANT_DIR", scenario.folder.path().join("instance-0"));
    command.env("TIDEMILL_PLANT_RECORDS", scenario.fed().to_string());
    if !last {
        let point = ["planted", "planted", "runtime.after-checkpoint", "runtime.after-commit"][random.below(4) as usize];
        command.env("TIDEMILL_FAILPOINTS", format!("{point}={}", 1 + random.below(2)));
    }
    let output = command.stdout(Stdio::piped()).stderr(Stdio::piped()).output().unwrap();
    use std::os::unix::process::ExitStatusExt;
    if output.status.success() || matches!(output.status.signal(), Some(6 | 9)) {
        return None;
    }
    let text = String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
    Some(format!("the engine stopped by itself: {}", text.lines().find(|line| line.contains("engine:")).unwrap_or(&text)))
}

/// The child's side: runs the engine over what is in the log, if this process was started for it.
pub fn child_main() {
    let variable = |name: &str| std::env::var(name).ok();
    let (Some(plant), Some(servers)) = (variable("TIDEMILL_PLANT"), variable("TIDEMILL_PLANT_SERVERS")) else { return };
    let plants = || Plant::ALL.into_iter().chain(Plant::ON_KAFKA);
    let plant = plants().find(|p| format!("{p:?}") == plant).unwrap_or(Plant::Nothing);
    let folder = variable("TIDEMILL_PLANT_DIR").unwrap();
    let records: usize = variable("TIDEMILL_PLANT_RECORDS").unwrap().parse().unwrap();
    let graph = common::graph_of(Path::new(&variable("TIDEMILL_PLANT_TOPOLOGY").unwrap()));
    let mut settings = KafkaSettings::new(servers, "planted");
    if plant == Plant::ReadUncommitted {
        settings = settings.with_planted_property("isolation.level", "read_uncommitted");
    }
    let log: Arc<dyn Log> = Arc::new(PlantedLog { inner: Arc::new(KafkaLog::connect(settings).unwrap()), plant });
    let store = SledStore::open(&Path::new(&folder).join("checkpoints").join(&*graph.name)).unwrap();
    let store: Arc<dyn CheckpointStore> = Arc::new(PlantedStore { inner: store, plant });
    let mut settings = RuntimeSettings::new(graph.name.clone());
    settings.commit_interval_ms = 20;
    settings.max_batch_records = 50;
    settings.checkpoint = CheckpointPolicy { interval_ms: 1, max_records: 100, ..CheckpointPolicy::default() };
    let instance = Instance::start(graph, log.clone(), store, Arc::new(Telemetry::new()), settings).unwrap();
    let done = instance.wait_until(Duration::from_secs(60), |status| {
        let offset = |task: &tidemill::runtime::TaskStatus| task.position.map_or(0, |position| position.0);
        status.tasks.iter().map(offset).sum::<i64>() >= records as i64
    });
    if let Some(failure) = instance.status().failure {
        panic!("engine: {failure}");
    }
    assert!(done, "engine: it did not get to the end of its input");
    instance.shutdown(Duration::from_secs(30)).unwrap_or_else(|error| panic!("engine: {error}"));
    std::io::stdout().flush().unwrap();
}

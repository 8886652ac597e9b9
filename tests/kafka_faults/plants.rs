//! Engines with planted bugs on real Kafka, each in a process of its own (this test binary, started again): proof that the suite would notice.

use std::io::Write;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use std::time::Duration;

use tidemill::log::Log;
use tidemill::log::kafka::{KafkaLog, KafkaSettings};
use tidemill::runtime::{ChangelogSettings, Instance, RuntimeSettings};
use tidemill::store::{CheckpointStore, SledStore};
use tidemill::task::CheckpointPolicy;
use tidemill::telemetry::Telemetry;

use crate::common;
use crate::common::planted::{Plant, PlantedLog, PlantedStore};
use crate::common::random::{Random, seed};
use crate::scenario::{Plan, Scenario, wait_until};

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
        let fault = fault.or_else(|| scenario.changelog_fault()).or_else(|| scenario.store_fault());
        if fault.is_some() {
            return fault;
        }
    }
    scenario.fault()
}

/// Runs the child, and kills it except in the last round, in which a second one joins it: whoever commits under the first one's standing in the group is then wrong.
/// An engine that stops by itself with an error is an alarm too.
fn run_child(scenario: &Scenario, plant: Plant, random: &mut Random, last: bool) -> Option<String> {
    let point = ["planted", "planted", "runtime.after-checkpoint", "runtime.after-commit"][random.below(4) as usize];
    let failpoints = if last { String::new() } else { format!("{point}={}", 1 + random.below(2)) };
    let children: Vec<Child> = (0..if last { 2 } else { 1 })
        .map(|instance: u32| {
            std::thread::sleep(Duration::from_secs(2 * u64::from(instance)));
            let mut command = Command::new(std::env::current_exe().unwrap());
            command.args(["planted_child", "--exact", "--nocapture", "--test-threads=1"]);
            command.env("TIDEMILL_PLANT", format!("{plant:?}")).env("TIDEMILL_PLANT_SERVERS", &scenario.bootstrap);
            command.env("TIDEMILL_PLANT_TOPOLOGY", &scenario.topology).env("TIDEMILL_PLANT_INSTANCE", instance.to_string());
            command.env("TIDEMILL_PLANT_DIR", scenario.folder.path().join(format!("instance-{instance}")));
            command
                .env("TIDEMILL_PLANT_RECORDS", scenario.fed().to_string())
                .env("TIDEMILL_PLANT_LINGER", if last { "8" } else { "0" });
            command.env("TIDEMILL_PLANTED", plant.inside()).env("TIDEMILL_FAILPOINTS", &failpoints);
            command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
        })
        .collect();
    let faults: Vec<_> = children.into_iter().filter_map(|child| fault_of(child.wait_with_output().unwrap())).collect();
    faults.into_iter().next()
}

fn fault_of(output: Output) -> Option<String> {
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
    let records: i64 = variable("TIDEMILL_PLANT_RECORDS").unwrap().parse().unwrap();
    let graph = common::graph_of(Path::new(&variable("TIDEMILL_PLANT_TOPOLOGY").unwrap()));
    let settings = KafkaSettings::new(servers, format!("planted-{}", variable("TIDEMILL_PLANT_INSTANCE").unwrap()));
    let log: Arc<dyn Log> = Arc::new(PlantedLog { inner: Arc::new(KafkaLog::connect(settings).unwrap()), plant });
    let store = SledStore::open(&Path::new(&folder).join("checkpoints").join(&*graph.name)).unwrap();
    let store: Arc<dyn CheckpointStore> = Arc::new(PlantedStore { inner: store, plant });
    let name = graph.name.clone();
    let mut settings = RuntimeSettings::new(name.clone());
    settings.commit_interval_ms = 20;
    settings.max_batch_records = 50;
    settings.changelog = Some(ChangelogSettings { interval_ms: 1, max_traffic_percent: 100_000 });
    settings.checkpoint = CheckpointPolicy { interval_ms: 1, max_records: 100, ..CheckpointPolicy::default() };
    let instance = Instance::start(graph, log.clone(), store, Arc::new(Telemetry::new()), settings).unwrap();
    // The last round lasts until the second instance has joined.
    std::thread::sleep(Duration::from_secs(variable("TIDEMILL_PLANT_LINGER").unwrap().parse().unwrap()));
    let committed = || log.group_offsets(&name).map_or(0, |offsets| offsets.values().map(|done| done.offset.0).sum::<i64>());
    let done = wait_until(Duration::from_secs(40), || instance.status().failure.is_some() || committed() >= records);
    if let Some(failure) = instance.status().failure {
        panic!("engine: {failure}");
    }
    assert!(done, "engine: it did not get to the end of its input");
    instance.shutdown(Duration::from_secs(30)).unwrap_or_else(|error| panic!("engine: {error}"));
    std::io::stdout().flush().unwrap();
}

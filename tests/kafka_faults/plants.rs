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
use crate::common::waiting::{ends_at_deadlines, has_ended, wait_until};
use crate::scenario::{Plan, Scenario};

const PARTITIONS: u32 = 2;
const ROUNDS: usize = 8;

/// How an engine is put to the test.
#[derive(Clone, Copy)]
struct Trial {
    /// Rounds that end with a kill; each has one share of [`ROUNDS`] of the input.
    kills: usize,
    /// The last round, in which nobody is killed; an engine that stopped by itself, if one did.
    last: fn(&Scenario, Plant) -> Option<String>,
}

/// Killed again and again; then a second engine joins.
const JOINED: Trial = Trial { kills: ROUNDS - 1, last: join };
/// Frozen, with most of the input left for the engine that takes its place.
const FROZEN: Trial = Trial { kills: 2, last: freeze };
/// Killed again and again; then comes what no reader may see.
const READING_ON: Trial = Trial { kills: ROUNDS - 1, last: read_on };

/// Runs a sound engine, and one with every bug.
pub fn check_all(servers: &str) {
    for trial in [JOINED, FROZEN, READING_ON] {
        assert_eq!(caught(servers, Plant::Nothing, trial), None, "a sound engine raises no alarm");
    }
    println!("planted nothing: no alarm");
    let plants: Vec<Plant> = Plant::ALL.into_iter().chain(Plant::ON_KAFKA).collect();
    let missed = plants.iter().filter(|plant| {
        let trial = match plant {
            Plant::ChangelogOutsideTransaction => FROZEN,
            Plant::ReadUncommitted => READING_ON,
            _ => JOINED,
        };
        let caught = caught(servers, **plant, trial);
        let text: String = caught.as_deref().unwrap_or("not caught").chars().take(400).collect();
        println!("planted {plant:?}: {text}");
        caught.is_none()
    });
    let missed: Vec<_> = missed.collect();
    assert!(missed.is_empty(), "the suite does not notice {missed:?}");
}

/// Kills an engine with this bug again and again, at the point where the bug does its harm or at a random moment; the alarm's text, or `None`.
fn caught(servers: &str, plant: Plant, trial: Trial) -> Option<String> {
    let plan = Plan { topology: "small.toml", partitions: PARTITIONS, records: 16_000, coins: 4 };
    let scenario = Scenario::new(servers, &plan);
    let mut random = Random::new(seed());
    for round in 1..=trial.kills {
        scenario.feed(round, ROUNDS);
        let point = ["planted", "planted", "runtime.after-checkpoint", "runtime.after-commit"][random.below(4) as usize];
        let failpoints = format!("{point}={}", 1 + random.below(2));
        let fault = start(&scenario, plant, 0, &[("TIDEMILL_FAILPOINTS", &failpoints)]).fault();
        let fault = fault.or_else(|| scenario.changelog_fault()).or_else(|| scenario.store_fault());
        if fault.is_some() {
            return fault;
        }
    }
    (trial.last)(&scenario, plant).or_else(|| scenario.store_fault()).or_else(|| scenario.fault())
}

/// The last round: nobody is killed, and a second engine joins while the first is at work. Whoever commits under the first one's old standing in the group is then
/// wrong. An engine that stops by itself with an error is an alarm too.
fn join(scenario: &Scenario, plant: Plant) -> Option<String> {
    scenario.feed(2 * ROUNDS - 1, 2 * ROUNDS);
    let first = start(scenario, plant, 0, &[]);
    wait_until(PATIENCE, || scenario.committed() >= scenario.fed());
    let second = start(scenario, plant, 1, &[]);
    scenario.wait_for_group(2, PATIENCE);
    scenario.feed(1, 1);
    first.fault().or(second.fault())
}

/// The last round: the first engine freezes in the middle of its write to the changelog, and wakes up when a second one has taken its place.
fn freeze(scenario: &Scenario, plant: Plant) -> Option<String> {
    scenario.feed(1, 1);
    let first = start(scenario, plant, 0, &[("TIDEMILL_PLANT_FREEZE", "3")]);
    let frozen = wait_until(PATIENCE, || first.is_frozen());
    // It outlives the first one: two that end in the middle of a rebalance may both be without the last state, which the next would rebuild.
    let second = start(scenario, plant, 1, &[("TIDEMILL_PLANT_LINGER", "10")]);
    let done = wait_until(PATIENCE, || scenario.committed() == scenario.fed());
    first.wake();
    let fault = first.fault().or(second.fault());
    let stuck = (!frozen || !done).then(|| format!("engine: frozen {frozen}, its input done without it {done}"));
    fault.or(stuck)
}

/// The last round: behind all that there is to see comes what no reader may see, and time to read it.
fn read_on(scenario: &Scenario, plant: Plant) -> Option<String> {
    scenario.feed(1, 1);
    scenario.feed_and_abort();
    start(scenario, plant, 0, &[("TIDEMILL_PLANT_LINGER", "5")]).fault()
}

/// Longest wait for anything of the last round. A bug may make it wait in vain: what is wrong then shows at the end.
const PATIENCE: Duration = Duration::from_secs(40);

/// An engine with a bug in a process of its own.
struct Planted(Child);

fn start(scenario: &Scenario, plant: Plant, instance: u32, variables: &[(&str, &str)]) -> Planted {
    // The last round goes on to the end of the input, of which not all may be there yet.
    let killed = variables.iter().any(|(name, _)| *name == "TIDEMILL_FAILPOINTS");
    let goal = if killed { scenario.fed() } else { scenario.records() };
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["planted_child", "--exact", "--nocapture", "--test-threads=1"]);
    command.env("TIDEMILL_PLANT", format!("{plant:?}")).env("TIDEMILL_PLANT_SERVERS", &scenario.bootstrap);
    command.env("TIDEMILL_PLANT_TOPOLOGY", &scenario.topology).env("TIDEMILL_PLANT_INSTANCE", instance.to_string());
    command.env("TIDEMILL_PLANT_DIR", scenario.folder.path().join(format!("instance-{instance}")));
    command.env("TIDEMILL_PLANT_RECORDS", goal.to_string()).env("TIDEMILL_PLANTED", plant.inside());
    command.envs(variables.iter().copied()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn().unwrap();
    ends_at_deadlines(child.id());
    Planted(child)
}

impl Planted {
    fn is_frozen(&self) -> bool {
        let state = std::fs::read_to_string(format!("/proc/{}/stat", self.0.id())).unwrap_or_default();
        state.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with('T'))
    }

    fn wake(&self) {
        drop(Command::new("kill").args(["-CONT", &self.0.id().to_string()]).status());
    }

    /// Waits for its end: what it stopped with, when nobody killed it.
    fn fault(self) -> Option<String> {
        let id = self.0.id();
        let output = self.0.wait_with_output().unwrap();
        has_ended(id);
        fault_of(&output)
    }
}

fn fault_of(output: &Output) -> Option<String> {
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
    let settings = settings.with_session_timeout_ms(6_000).with_transaction_timeout_ms(6_000);
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
    let committed = || log.group_offsets(&name).map_or(0, |offsets| offsets.values().map(|done| done.offset.0).sum::<i64>());
    let done = wait_until(2 * PATIENCE, || instance.status().failure.is_some() || committed() >= records);
    // Time for what comes behind the end.
    std::thread::sleep(Duration::from_secs(variable("TIDEMILL_PLANT_LINGER").map_or(0, |text| text.parse().unwrap())));
    if let Some(failure) = instance.status().failure {
        panic!("engine: {failure}");
    }
    assert!(done, "engine: it did not get to the end of its input");
    instance.shutdown(Duration::from_secs(30)).unwrap_or_else(|error| panic!("engine: {error}"));
    std::io::stdout().flush().unwrap();
}

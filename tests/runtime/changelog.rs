//! State follows the partition: instances with state directories of their own take over from each other by the changelog, and nobody can tell from outputs and state.

use std::sync::Arc;
use std::time::Duration;

use tidemill::changelog::{Key, SnapshotId, View, cut, tombstones, topic_name, topic_spec};
use tidemill::log::embedded::EmbeddedLog;
use tidemill::log::{Fault, FaultyLog, Log};
use tidemill::record::{Offset, RecordBatch, Timestamp, TopicPartition};
use tidemill::runtime::{ChangelogSettings, Instance, InstanceHandle, InstanceStatus, RuntimeSettings};
use tidemill::store::{CheckpointStore, FileStore};
use tidemill::task::TaskSnapshot;
use tidemill::telemetry::{RestoreSource, Telemetry};
use tidemill::topology::Graph;

use super::bench::{self, Bench, INPUT, Outcome, PATIENCE, expected, graph, input};
use super::nodes::Mishaps;

/// Settings with which every checkpoint goes to the changelog.
pub fn settings() -> RuntimeSettings {
    let mut settings = bench::settings();
    settings.changelog = Some(ChangelogSettings { interval_ms: 0, max_traffic_percent: 1_000_000 });
    settings
}

/// A log with input and a changelog, and as many state directories as are named.
struct Shared {
    bench: Bench,
    graph: Arc<Graph>,
}

impl Shared {
    fn new(minutes: i64) -> Self {
        let graph = graph(&Mishaps::none());
        let bench = Bench::new(input(minutes), &graph);
        bench.log().create_topics(&[topic_spec("bench", 2)]).unwrap();
        Shared { bench, graph }
    }

    fn expected(&self) -> Outcome {
        expected(&self.graph, &self.bench.input)
    }

    fn store(&self, name: &str) -> Arc<dyn CheckpointStore> {
        Arc::new(FileStore::open(&self.bench.folder(name)).unwrap())
    }

    fn start(&self, name: &str, settings: RuntimeSettings) -> InstanceHandle {
        self.start_on(self.bench.log(), name, settings)
    }

    fn start_on(&self, log: Arc<dyn Log>, name: &str, settings: RuntimeSettings) -> InstanceHandle {
        Instance::start(self.graph.clone(), log, self.store(name), Arc::new(Telemetry::new()), settings).unwrap()
    }

    /// Starts on a log with these faults.
    fn start_with(&self, faults: impl Iterator<Item = Fault>, name: &str) -> InstanceHandle {
        self.start_on(Arc::new(FaultyLog::new(self.bench.log(), faults.collect())), name, settings())
    }

    fn finish(&self, name: &str, settings: RuntimeSettings) -> Outcome {
        self.finish_handle(name, self.start(name, settings))
    }

    fn finish_handle(&self, name: &str, handle: InstanceHandle) -> Outcome {
        let finished = handle.wait_until(PATIENCE, |status| self.bench.done(status) && status.ready());
        assert!(finished, "{:#?}", handle.status());
        bench::stop(handle);
        self.bench.outcome_with(&self.graph, self.store(name).as_ref())
    }

    /// Runs until so many records have committed, and stops cleanly.
    fn run_some(&self, name: &str, records: u64) -> InstanceStatus {
        let handle = self.start(name, settings());
        assert!(handle.wait_until(PATIENCE, |status| status.since_start().read >= records || self.bench.done(status)));
        bench::stop(handle)
    }

    fn at(partition: u32) -> TopicPartition {
        TopicPartition::new(topic_name("bench"), partition)
    }

    /// What the changelog of a partition holds.
    fn view(&self, partition: u32) -> View {
        let log = self.bench.log();
        let mut reader = log.reader().unwrap();
        let ends = reader.watermarks(&Self::at(partition)).unwrap();
        let (mut view, mut from) = (View::default(), ends.start);
        while from < ends.end {
            let fetched = reader.read(&Self::at(partition), from, ends.end, 100, Duration::ZERO).unwrap();
            view.take(&fetched.records);
            from = fetched.next;
        }
        view
    }

    fn append(&self, partition: u32, records: &RecordBatch) {
        let log = self.bench.log();
        let mut appender = log.appender("forger").unwrap();
        appender.append(&Self::at(partition), records).unwrap();
        appender.commit("").unwrap();
    }

    /// Puts rubbish where the newest snapshot of each partition begins.
    fn damage_newest(&self) {
        for partition in 0..2 {
            let newest = self.view(partition).generations().remove(0);
            let key = newest.keys().next().unwrap();
            let mut rubbish = RecordBatch::new();
            rubbish.push(Timestamp(0), Some(key.to_string().as_bytes()), Some(b"rubbish"), &[]);
            self.append(partition, &rubbish);
        }
    }
}

fn sources(status: &InstanceStatus) -> Vec<RestoreSource> {
    status.tasks.iter().map(|task| task.restored.as_ref().unwrap().source).collect()
}

fn replayed(status: &InstanceStatus) -> u64 {
    status.tasks.iter().map(|task| task.restored.as_ref().unwrap().records).sum()
}

/// Starts on this state directory, waits until all is live, and crashes.
fn how_it_comes_back(shared: &Shared, name: &str, settings: RuntimeSettings) -> (InstanceStatus, String) {
    let handle = shared.start(name, settings);
    assert!(handle.wait_until(PATIENCE, InstanceStatus::ready), "{:#?}", handle.status());
    (handle.status(), handle.telemetry().render())
}

#[test]
fn a_clean_stop_hands_the_state_over_without_a_replay() {
    let shared = Shared::new(400);
    let stopped = shared.run_some("a", 200);
    for task in &stopped.tasks {
        assert_eq!(task.changelog.map(|kept| kept.position), task.position, "the state is in the changelog where it stopped");
    }
    let (status, metrics) = how_it_comes_back(&shared, "b", settings());
    assert_eq!((sources(&status), replayed(&status)), (vec![RestoreSource::Changelog; 2], 0));
    assert!(metrics.contains("tidemill_restores_total{source=\"changelog\"} 2"), "{metrics}");
    let (status, _) = how_it_comes_back(&shared, "b", settings());
    assert!(!sources(&status).contains(&RestoreSource::Rebuild), "what came from the changelog was kept: {status:#?}");
    shared.finish("c", settings()).assert_equals(&shared.expected(), "after two take-overs");
}

#[test]
fn what_came_from_the_changelog_is_kept_locally() {
    let shared = Shared::new(200);
    shared.run_some("a", 1_000_000);
    how_it_comes_back(&shared, "b", settings());
    let mut without = settings();
    without.changelog = None;
    let (status, _) = how_it_comes_back(&shared, "b", without);
    assert_eq!((sources(&status), replayed(&status)), (vec![RestoreSource::Checkpoint; 2], 0));
}

#[test]
fn instances_that_crash_in_turn_leave_no_trace() {
    let shared = Shared::new(500);
    let (mut in_the_middle, mut from_changelog) = (0, 0);
    for crash in 0..24u64 {
        let mut settings = settings();
        settings.commit_interval_ms = 1 + crash % 3;
        settings.checkpoint.interval_ms = [0, 5, 20][crash as usize % 3];
        settings.max_batch_records = [1, 3, 20][crash as usize % 3];
        let handle = shared.start(["a", "b", "c"][crash as usize % 3], settings);
        assert!(handle.wait_until(PATIENCE, |status| status.since_start().read > crash || shared.bench.done(status)));
        in_the_middle += u32::from(!shared.bench.done(&handle.status()));
        // A task that is not live yet has not been restored yet.
        let status = handle.status();
        let restored = status.tasks.iter().filter_map(|task| task.restored.as_ref());
        from_changelog += restored.filter(|restored| restored.source == RestoreSource::Changelog).count();
        drop(handle);
    }
    assert!(in_the_middle >= 10 && from_changelog >= 5, "{in_the_middle} in the middle, {from_changelog} from the changelog");
    shared.finish("d", settings()).assert_equals(&shared.expected(), "after 24 crashes of three instances");
}

#[test]
fn failed_and_unanswered_commits_leave_no_trace() {
    let shared = Shared::new(300);
    for (round, name) in (0..4u64).zip(["a", "b", "a", "c"]) {
        let faults = (0..12u64).flat_map(|n| {
            let commit = 2 + n * 3 + round;
            let kinds =
                [Fault::RefuseCommit(commit), Fault::LoseCommit(commit), Fault::LoseAnswer(commit), Fault::RetryCommit(commit)];
            [kinds[((n + round) % 4) as usize], Fault::Revoke(20 + n * 15)]
        });
        let handle = shared.start_with(faults, name);
        let records = 60 * (round + 1);
        assert!(
            handle.wait_until(PATIENCE, |status| status.since_start().read >= records || shared.bench.done(status)),
            "{:#?}",
            handle.status()
        );
        drop(handle);
    }
    shared.finish("d", settings()).assert_equals(&shared.expected(), "after failed commits");
}

#[test]
fn an_instance_that_starts_while_no_broker_answers_waits_for_one() {
    let shared = Shared::new(200);
    let handle = shared.start_with((1..=5).map(Fault::NoClient), "a");
    assert!(handle.wait_until(PATIENCE, |status| shared.bench.done(status)), "{:#?}", handle.status());
    let metrics = handle.telemetry().render();
    assert!(metrics.contains("tidemill_log_retries_total{call=\"client\"} 4"), "one call of five is of the start: {metrics}");
    bench::stop(handle);
    shared.finish("b", settings()).assert_equals(&shared.expected(), "after an outage at the start");
}

#[test]
fn an_instance_that_waits_for_a_broker_ends_when_told_to() {
    let shared = Shared::new(10);
    let handle = shared.start_with((1..=1_000).map(Fault::NoClient), "a");
    let retried = || handle.telemetry().render().contains("tidemill_log_retries_total{call=\"client\"} 2");
    assert!(handle.wait_until(PATIENCE, |_| retried()), "it goes on asking");
    assert!(!handle.status().ready());
    bench::stop(handle);
}

#[test]
fn a_damaged_snapshot_falls_to_the_older_generation_then_to_the_log() {
    let shared = Shared::new(400);
    shared.run_some("a", 100);
    shared.run_some("a", 300);
    for partition in 0..2 {
        assert_eq!(shared.view(partition).generations().len(), 2);
    }
    shared.damage_newest();
    let (status, metrics) = how_it_comes_back(&shared, "b", settings());
    assert_eq!(sources(&status), [RestoreSource::Changelog; 2]);
    assert!(replayed(&status) > 0, "the older generation costs a replay");
    assert!(metrics.contains("tidemill_changelog_snapshots_refused_total{reason=\"damaged\"} 2"), "{metrics}");
    for partition in 0..2 {
        let everything: Vec<Key> = (0..2).map(|slot| Key { slot, number: 0 }).collect();
        shared.append(partition, &tombstones(&everything));
    }
    let (status, _) = how_it_comes_back(&shared, "c", settings());
    assert_eq!(sources(&status), [RestoreSource::Rebuild; 2]);
    shared.finish("d", settings()).assert_equals(&shared.expected(), "after damage");
}

#[test]
fn a_snapshot_that_verifies_and_does_not_load_is_passed_over() {
    let shared = Shared::new(300);
    shared.run_some("a", 200);
    for partition in 0..2 {
        let newest = shared.view(partition).generations().remove(0);
        let payload = b"no snapshot at all".to_vec();
        let id = forged(newest.id.generation + 1, newest.id.position, &newest.id, &payload);
        shared.append(partition, &cut(&id, 1 - newest.slot, &payload).unwrap());
    }
    let (status, metrics) = how_it_comes_back(&shared, "b", settings());
    assert_eq!((sources(&status), replayed(&status)), (vec![RestoreSource::Changelog; 2], 0), "{metrics}");
    assert!(metrics.contains("tidemill_changelog_snapshots_refused_total{reason=\"damaged\"} 2"), "{metrics}");
    shared.finish("c", settings()).assert_equals(&shared.expected(), "after a forged snapshot");
}

fn forged(generation: u64, position: Offset, like: &SnapshotId, payload: &[u8]) -> SnapshotId {
    SnapshotId {
        generation,
        position,
        payload_bytes: payload.len() as u64,
        payload_crc: crc32fast::hash(payload),
        ..like.clone()
    }
}

#[test]
fn snapshots_of_another_topology_or_partition_are_not_taken() {
    let shared = Shared::new(300);
    shared.run_some("a", 200);
    for partition in 0..2 {
        let newest = shared.view(partition).generations().remove(0);
        let mut id = forged(newest.id.generation + 1, newest.id.position, &newest.id, b"x");
        match partition {
            0 => id.topology = "other".into(),
            _ => id.partition = TopicPartition::new(INPUT, 7),
        }
        shared.append(partition, &cut(&id, newest.slot, b"x").unwrap());
    }
    let (_, metrics) = how_it_comes_back(&shared, "b", settings());
    assert!(metrics.contains("tidemill_changelog_snapshots_refused_total{reason=\"foreign\"} 2"), "{metrics}");
    shared.finish("c", settings()).assert_equals(&shared.expected(), "after foreign snapshots");
}

#[test]
fn what_a_longer_generation_has_left_behind_is_ignored() {
    let shared = Shared::new(300);
    let payload = vec![1; 500_000];
    for partition in 0..2 {
        let like = SnapshotId {
            topology: "bench".into(),
            fingerprint: "old".into(),
            partition: TopicPartition::new(INPUT, partition),
            generation: 0,
            position: Offset(0),
            payload_bytes: 0,
            payload_crc: 0,
        };
        for slot in 0..2 {
            let id = forged(u64::from(slot), Offset(0), &like, &payload);
            shared.append(partition, &cut(&id, slot, &payload).unwrap());
        }
    }
    shared.run_some("a", 100);
    shared.run_some("a", 200);
    let (status, metrics) = how_it_comes_back(&shared, "b", settings());
    assert_eq!((sources(&status), replayed(&status)), (vec![RestoreSource::Changelog; 2], 0));
    assert!(!metrics.contains("tidemill_changelog_snapshots_refused_total{"), "{metrics}");
    shared.finish("c", settings()).assert_equals(&shared.expected(), "after leftovers");
}

#[test]
fn a_snapshot_ahead_of_the_committed_position_is_refused_counted_and_taken_back() {
    let shared = Shared::new(400);
    shared.run_some("a", 200);
    for partition in 0..2 {
        let newest = shared.view(partition).generations().remove(0);
        // The state of another past, which pretends to stand a little further on.
        let store = shared.store("a");
        let task = TopicPartition::new(INPUT, partition).to_string();
        let latest = store.list(&task).unwrap().intact[0].generation;
        let mut snapshot = TaskSnapshot::from_bytes(&store.load(&task, latest).unwrap()).unwrap();
        snapshot.position = Offset(snapshot.position.0 + 20);
        let payload = snapshot.to_bytes().unwrap();
        let id = forged(newest.id.generation + 1, snapshot.position, &newest.id, &payload);
        shared.append(partition, &cut(&id, 1 - newest.slot, &payload).unwrap());
    }
    let mut quiet = settings();
    quiet.checkpoint.interval_ms = 1_000_000;
    quiet.checkpoint.max_records = 1_000_000;
    let handle = shared.start("b", quiet.clone());
    assert!(handle.wait_until(PATIENCE, |status| shared.bench.done(status)), "{:#?}", handle.status());
    let metrics = handle.telemetry().render();
    assert!(metrics.contains("tidemill_changelog_snapshots_refused_total{reason=\"ahead\"} 2"), "{metrics}");
    // It has passed the forged position, and crashes before it keeps a snapshot of its own.
    drop(handle);
    shared.finish("c", quiet).assert_equals(&shared.expected(), "after snapshots ahead of the commit");
}

#[test]
fn compaction_between_two_owners_takes_nothing_that_is_needed() {
    let shared = Shared::new(400);
    let filler: Vec<u8> = (0..400_000u32).flat_map(|i| i.wrapping_mul(2_654_435_761).to_le_bytes()).collect();
    let fill = |partition: u32| {
        let newest = shared.view(partition).generations().remove(0);
        let id = forged(newest.id.generation + 1, Offset(0), &newest.id, &filler);
        shared.append(partition, &cut(&id, 1 - newest.slot, &filler).unwrap());
    };
    for round in 1..=6 {
        shared.run_some(["a", "b"][round as usize % 2], 60);
        (0..2).for_each(fill);
    }
    let described = shared.bench.log().topics().unwrap();
    let changelog = described.iter().find(|topic| topic.spec.name == topic_name("bench")).unwrap();
    let written = 6 * filler.len() as u64;
    assert!(changelog.bytes.iter().all(|bytes| *bytes < written / 2 + (1 << 20)), "{:?} bytes of {written}", changelog.bytes);
    let (status, _) = how_it_comes_back(&shared, "c", settings());
    assert_eq!(sources(&status), [RestoreSource::Changelog; 2]);
    shared.finish("d", settings()).assert_equals(&shared.expected(), "after compaction");
}

#[test]
fn without_its_topic_the_changelog_is_refused_with_the_command_that_makes_it() {
    let graph = graph(&Mishaps::none());
    let bench = Bench::new(input(10), &graph);
    let start = |log: Arc<dyn Log>| {
        let store: Arc<dyn CheckpointStore> = Arc::new(FileStore::open(&bench.folder("x")).unwrap());
        Instance::start(graph.clone(), log, store, Arc::new(Telemetry::new()), settings()).map(drop)
    };
    let missing = start(bench.log()).unwrap_err().to_string();
    assert!(missing.contains("bench-changelog") && missing.contains("tidemill topics create"), "{missing}");
    let log = EmbeddedLog::open(&bench.folder("log")).unwrap();
    log.create_topics(&[topic_spec("bench", 3)]).unwrap();
    let wrong = start(Arc::new(log)).unwrap_err().to_string();
    assert!(wrong.contains("has 3 partitions; it must have 2"), "{wrong}");
}

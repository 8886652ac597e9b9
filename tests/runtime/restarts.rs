//! Stopped, crashed, restored: nobody can tell from the outputs.

use std::sync::atomic::Ordering;

use tidemill::record::TopicPartition;
use tidemill::runtime::{InstanceStatus, TaskStatus, task_name};
use tidemill::snapshot::Envelope;
use tidemill::store::Checkpoint;
use tidemill::task::SNAPSHOT_VERSION;
use tidemill::telemetry::RestoreSource;

use super::bench::{Bench, INPUT, PATIENCE, TOPOLOGY, compiled, expected, graph, input, settings};
use super::nodes::{self, Mishaps};

#[test]
fn a_clean_stop_in_the_middle_leaves_no_trace() {
    let graph = graph(&Mishaps::none());
    let bench = Bench::new(input(400), &graph);
    let expected = expected(&graph, &bench.input);
    for records in [1, 50, 300] {
        let handle = bench.start(&graph, settings());
        assert!(handle.wait_until(PATIENCE, |status| status.since_start().read >= records || bench.done(status)));
        let status = super::bench::stop(handle);
        let kept = |task: &TaskStatus| task.since_start.read == 0 || task.checkpoint.map(|kept| kept.position) == task.position;
        let kept = status.tasks.iter().all(kept);
        assert!(kept, "each state is kept where it stopped: {status:#?}");
    }
    bench.finish(bench.start(&graph, settings())).assert_equals(&expected, "after three stops");
}

#[test]
fn crashes_anywhere_leave_no_trace() {
    let graph = graph(&Mishaps::none());
    let bench = Bench::new(input(400), &graph);
    let expected = expected(&graph, &bench.input);
    let mut in_the_middle = 0;
    for crash in 0..25u64 {
        let mut settings = settings();
        settings.commit_interval_ms = 1 + crash % 3;
        settings.checkpoint.interval_ms = [0, 5, 1_000_000][crash as usize % 3];
        settings.max_batch_records = [1, 3, 20][crash as usize % 3];
        let handle = bench.start(&graph, settings);
        let records = 1 + crash;
        assert!(handle.wait_until(PATIENCE, |status| status.since_start().read >= records || bench.done(status)));
        in_the_middle += u32::from(!bench.done(&handle.status()));
        drop(handle);
    }
    assert!(in_the_middle >= 10, "only {in_the_middle} crashes came in the middle of the work");
    bench.finish(bench.start(&graph, settings())).assert_equals(&expected, "after 25 crashes");
}

#[test]
fn a_crash_costs_a_replay_from_the_last_checkpoint_only() {
    let graph = graph(&Mishaps::none());
    let bench = Bench::new(input(400), &graph);
    let handle = bench.start(&graph, settings());
    assert!(handle.wait_until(PATIENCE, |status| bench.done(status)));
    super::bench::stop(handle);

    let mut settings = settings();
    settings.checkpoint.interval_ms = 1_000_000;
    let mut bench = bench;
    let more = bench.append(400..500);
    let handle = bench.start(&graph, settings.clone());
    assert!(handle.wait_until(PATIENCE, |status| status.since_start().read == more));
    drop(handle);

    let handle = bench.start(&graph, settings);
    assert!(handle.wait_until(PATIENCE, InstanceStatus::ready));
    let replayed: u64 = handle.status().tasks.iter().map(|task| task.restored.as_ref().unwrap().records).sum();
    assert_eq!(replayed, more);
    let from = handle.status().tasks.iter().all(|task| task.restored.as_ref().unwrap().source == RestoreSource::Checkpoint);
    assert!(from, "{:#?}", handle.status());
}

#[test]
fn damaged_and_foreign_checkpoints_are_passed_over_for_older_ones_then_for_the_log() {
    let graph = graph(&Mishaps::none());
    let bench = Bench::new(input(300), &graph);
    let expected = expected(&graph, &bench.input);
    for round in 0..3 {
        let handle = bench.start(&graph, settings());
        assert!(handle.wait_until(PATIENCE, |status| status.since_start().read >= 60 || bench.done(status)));
        super::bench::stop(handle);
        let store = bench.store();
        for partition in 0..2 {
            let place = TopicPartition::new(INPUT, partition);
            let other = TopicPartition::new(INPUT, 1 - partition);
            let own = store.list(&task_name(&place)).unwrap().intact.remove(0);
            let payload = match round {
                0 => b"not a snapshot at all".to_vec(),
                1 => store.load(&task_name(&other), store.list(&task_name(&other)).unwrap().intact[0].generation).unwrap(),
                _ => Vec::new(),
            };
            let bad = Checkpoint { positions: own.positions, fingerprint: own.fingerprint, payload };
            // The last round leaves no good generation at all.
            for _ in 0..1 + round / 2 {
                store.write(&task_name(&place), &bad).unwrap();
            }
        }
    }
    let handle = bench.start(&graph, settings());
    let telemetry = handle.telemetry().clone();
    let sources =
        |status: &InstanceStatus| status.tasks.iter().filter_map(|t| Some(t.restored.as_ref()?.source)).collect::<Vec<_>>();
    assert!(handle.wait_until(PATIENCE, InstanceStatus::ready));
    assert_eq!(sources(&handle.status()), [RestoreSource::Rebuild, RestoreSource::Rebuild]);
    bench.finish(handle).assert_equals(&expected, "after damage");
    assert!(telemetry.render().contains("tidemill_checkpoints_refused_total{reason=\"damaged\"} 4"), "{}", telemetry.render());
}

#[test]
fn checkpoints_of_another_version_are_refused_under_a_name_of_their_own() {
    let graph = graph(&Mishaps::none());
    let mut bench = Bench::new(input(300), &graph);
    let handle = bench.start(&graph, settings());
    assert!(handle.wait_until(PATIENCE, |status| status.since_start().read >= 60 || bench.done(status)));
    super::bench::stop(handle);
    let store = bench.store();
    for partition in 0..2 {
        let task = task_name(&TopicPartition::new(INPUT, partition));
        let own = store.list(&task).unwrap().intact.remove(0);
        let snapshot = store.load(&task, own.generation).unwrap();
        let payload = Envelope::seal(SNAPSHOT_VERSION + 1, Envelope::open_only(SNAPSHOT_VERSION, &snapshot).unwrap());
        store.write(&task, &Checkpoint { positions: own.positions, fingerprint: own.fingerprint, payload }).unwrap();
    }
    drop(store);
    bench.append(300..350);
    let handle = bench.start(&graph, settings());
    let telemetry = handle.telemetry().clone();
    bench.finish(handle).assert_equals(&expected(&graph, &bench.input), "after another version");
    assert!(
        telemetry.render().contains("tidemill_checkpoints_refused_total{reason=\"other_version\"} 2"),
        "{}",
        telemetry.render()
    );
}

#[test]
fn a_checkpoint_ahead_of_the_committed_position_is_not_taken() {
    let mishaps = Mishaps::none();
    let graph = graph(&mishaps);
    let bench = Bench::new(input(300), &graph);
    let expected = expected(&graph, &bench.input);
    mishaps.delay_ms.store(1, Ordering::Relaxed);
    let handle = bench.start(&graph, settings());
    assert!(handle.wait_until(PATIENCE, |status| status.since_start().read >= 40));
    drop(handle);
    mishaps.delay_ms.store(0, Ordering::Relaxed);
    // The planted bug "snapshot before commit", at its worst: the states of the end of the input.
    let store = bench.store();
    for (partition, state) in &expected.states {
        let place = TopicPartition::new(INPUT, *partition);
        let positions = [(place.clone(), state.position)].into();
        let checkpoint = Checkpoint { positions, fingerprint: graph.fingerprint.clone(), payload: state.to_bytes().unwrap() };
        store.write(&task_name(&place), &checkpoint).unwrap();
    }
    drop(store);
    let handle = bench.start(&graph, settings());
    let telemetry = handle.telemetry().clone();
    bench.finish(handle).assert_equals(&expected, "with a snapshot of the future in the store");
    assert!(telemetry.render().contains("tidemill_checkpoints_refused_total{reason=\"ahead\"} 2"), "{}", telemetry.render());
}

#[test]
fn a_model_that_is_added_is_warmed_and_the_others_keep_their_state() {
    let catalog = nodes::catalog(&Mishaps::none());
    let small = compiled(TOPOLOGY, &catalog);
    let large = TOPOLOGY.replace(
        "[evaluators.score]",
        "[learners.late]\ntype = \"mean\"\nparents = [\"valid\"]\npull = 0.7\n\n[sinks.late]\ntopic = \"late_model\"\nparents = [\"late\"]\nrecords = \"predictions\"\n\n[evaluators.score]",
    );
    let large = compiled(&large.replace("[sinks.late]", "[sinks.newcomer]"), &catalog);
    let bench = Bench::new(input(300), &large);
    let fresh = expected(&large, &bench.input);
    let handle = bench.start(&small, settings());
    assert!(handle.wait_until(PATIENCE, |status| status.since_start().read >= 300));
    super::bench::stop(handle);

    let handle = bench.start(&large, settings());
    assert!(handle.wait_until(PATIENCE, InstanceStatus::ready));
    for task in &handle.status().tasks {
        let restored = task.restored.as_ref().unwrap();
        assert_eq!((restored.source, &restored.warmed[..]), (RestoreSource::Warm, &["late".to_owned()][..]));
    }
    let outcome = bench.finish(handle);
    for (partition, state) in &fresh.states {
        assert_eq!(outcome.states[partition].coin_digests(), state.coin_digests(), "partition {partition}");
    }
    assert!(
        outcome.outputs[&TopicPartition::new("late_model", 0)].len() < fresh.outputs[&TopicPartition::new("late_model", 0)].len()
    );
    assert_eq!(outcome.outputs[&TopicPartition::new("predictions", 0)], fresh.outputs[&TopicPartition::new("predictions", 0)]);
}

#[test]
fn a_node_that_has_changed_stops_the_instance_with_a_diff_and_the_command() {
    let catalog = nodes::catalog(&Mishaps::none());
    let graph = compiled(TOPOLOGY, &catalog);
    let bench = Bench::new(input(100), &graph);
    bench.finish(bench.start(&graph, settings()));
    let changed = compiled(&TOPOLOGY.replace("pull = 0.1", "pull = 0.2"), &catalog);
    let handle = bench.start(&changed, settings());
    let why = handle.wait_failed(PATIENCE).expect("it stops");
    for part in ["slow", "pull: 0.1 -> 0.2", "tidemill state reset TOPOLOGY --node slow"] {
        assert!(why.contains(part), "{part} in {why}");
    }
    assert!(handle.shutdown(PATIENCE).is_err());
}

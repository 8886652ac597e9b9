//! A panic restores its task; a record that panics again and again is dead-lettered; the other tasks do not notice.

use std::sync::atomic::Ordering;

use tidemill::log::Guarantee;
use tidemill::record::{Offset, TopicPartition};
use tidemill::runtime::InstanceStatus;

use super::bench::{Bench, INPUT, PATIENCE, expected, expected_with_skips, graph, input, minute, settings};
use super::nodes::Mishaps;

/// Offset of the (first) record of partition 1, the one with a single coin, whose time is that of `minute`.
fn offset_of(bench: &Bench, at: i64) -> Offset {
    let found = bench.input[1].iter().position(|record| record.timestamp.0 == minute(at));
    Offset(found.expect("there is such a record") as i64)
}

#[test]
fn a_stage_that_panics_once_is_restored_and_nothing_shows() {
    for batch in [1, 7, 500] {
        let mishaps = Mishaps::panic_at("slow", minute(150), 1);
        let graph = graph(&mishaps);
        let bench = Bench::new(input(300), &graph);
        let mut settings = settings();
        settings.max_batch_records = batch;
        let outcome = bench.finish(bench.start(&graph, settings));
        assert_eq!(mishaps.panicked.load(Ordering::Relaxed), 1);
        outcome.assert_equals(&expected(&graph, &bench.input), &format!("batches of {batch}"));
    }
}

#[test]
fn a_record_that_always_panics_is_dead_lettered_after_the_limit() {
    for batch in [1, 7, 500] {
        let mishaps = Mishaps::panic_at("slow", minute(150), u32::MAX);
        let broken = graph(&mishaps);
        let bench = Bench::new(input(300), &broken);
        // In both partitions a record has that time; the one of BTC and SOL has two.
        let mut settings = settings();
        settings.max_batch_records = batch;
        settings.failure_limit = 2;
        let handle = bench.start(&broken, settings);
        assert!(handle.wait_until(PATIENCE, |status| bench.done(status)), "{:#?}", handle.status());
        let status = handle.status();
        let telemetry = handle.telemetry().clone();
        let outcome = bench.finish(handle);

        let reason = format!("failed 2 times in slow: slow cannot stand {}", minute(150));
        let healthy = graph(&Mishaps::none());
        let skipped = [(offset_of(&bench, 150), &*reason)];
        let expected = expected_with_skips(&healthy, &bench.input, 1, &skipped);
        let only = |all: &super::bench::Outcome| {
            let outputs = all.outputs.iter().filter(|(place, _)| place.partition == 1);
            let outputs = outputs.map(|(place, records)| (place.clone(), records.clone())).collect();
            super::bench::Outcome { outputs, states: [(1, all.states[&1].clone())].into() }
        };
        only(&outcome).assert_equals(&only(&expected), &format!("batches of {batch}"));
        assert_eq!(status.task(1).unwrap().skipped, 1);
        assert_eq!(status.task(0).unwrap().skipped, 2, "BTC and SOL share the partition");
        assert!(status.task(1).unwrap().last_failure.as_deref().unwrap().contains("cannot stand"));
        let metrics = telemetry.render();
        let count = "tidemill_records_dead_lettered_total{partition=\"1\",reason=\"processing_failed\"} 1";
        assert!(metrics.contains(count), "{metrics}");
        assert!(metrics.contains("tidemill_panics_total{stage=\"slow\"}"), "{metrics}");
    }
}

#[test]
fn skips_are_committed_with_the_offsets_and_every_restart_knows_them() {
    let mishaps = Mishaps::panic_at("fast", minute(50), u32::MAX);
    let broken = graph(&mishaps);
    let bench = Bench::new(input(300), &broken);
    let mut settings = settings();
    settings.failure_limit = 1;
    settings.checkpoint.interval_ms = 1_000_000;
    let handle = bench.start(&broken, settings.clone());
    let past = |status: &InstanceStatus| status.tasks.len() == 2 && status.tasks.iter().all(|t| t.position > Some(Offset(200)));
    assert!(handle.wait_until(PATIENCE, past), "{:#?}", handle.status());
    drop(handle);
    let log = bench.log();
    let place = TopicPartition::new(INPUT, 1);
    let metadata = log.group_offsets("bench").unwrap()[&place].metadata.clone();
    assert_eq!(metadata, format!("skip:{}", offset_of(&bench, 50)));
    drop(log);

    // The restore replays from the beginning of the log, over the record that panics.
    let panicked = mishaps.panicked.load(Ordering::Relaxed);
    let outcome = bench.finish(bench.start(&broken, settings));
    assert_eq!(mishaps.panicked.load(Ordering::Relaxed), panicked, "it was not tried again");
    let reason = format!("failed 1 times in fast: fast cannot stand {}", minute(50));
    let skipped = [(offset_of(&bench, 50), &*reason)];
    let expected = expected_with_skips(&graph(&Mishaps::none()), &bench.input, 1, &skipped);
    assert_eq!(outcome.states[&1], expected.states[&1]);
    for (place, records) in expected.outputs.iter().filter(|(place, _)| place.partition == 1) {
        assert_eq!(&outcome.outputs[place], records, "{place}");
    }
}

#[test]
fn the_other_partition_goes_on_while_one_recovers() {
    // Partition 1 carries ETH alone; it panics on a time that the others do not have.
    let mishaps = Mishaps::panic_at("raw", minute(20), u32::MAX);
    let graph = graph(&mishaps);
    let mut partitions = input(300);
    partitions[0] = super::bench::input(300)[1].clone();
    partitions[0] = {
        let mut later = tidemill::record::RecordBatch::new();
        partitions[0].iter().filter(|r| r.timestamp.0 > minute(20)).for_each(|r| later.push(r.timestamp, r.key, r.value, &[]));
        later
    };
    let bench = Bench::new(partitions, &graph);
    let mut settings = settings();
    settings.failure_limit = 20;
    let handle = bench.start(&graph, settings);
    assert!(handle.wait_until(PATIENCE, |status| bench.done(status)), "{:#?}", handle.status());
    let status = handle.status();
    assert_eq!(status.task(0).unwrap().failures, 0);
    assert!(status.task(1).unwrap().failures >= 20);
    assert_eq!(status.task(0).unwrap().restored.as_ref().unwrap().records, 0, "it was restored once, at the start");
    bench.finish(handle);
}

#[test]
fn a_replay_that_panics_stops_the_instance_with_the_records() {
    let graph_now = graph(&Mishaps::none());
    let bench = Bench::new(input(100), &graph_now);
    let mut settings = settings();
    settings.checkpoint.interval_ms = 1_000_000;
    let handle = bench.start(&graph_now, settings.clone());
    assert!(handle.wait_until(PATIENCE, |status| bench.done(status)));
    drop(handle);
    let handle = bench.start(&graph(&Mishaps::panic_at("slow", minute(30), u32::MAX)), settings);
    let why = handle.wait_failed(PATIENCE).expect("it stops");
    assert!(why.contains("cannot stand") && why.contains("tidemill state reset"), "{why}");
}

#[test]
fn at_least_once_loses_nothing_and_repeats_only_what_it_had_said() {
    let mishaps = Mishaps::panic_at("slow", minute(150), 1);
    let graph = graph(&mishaps);
    let bench = Bench::new(input(300), &graph);
    let mut settings = settings();
    settings.guarantee = Guarantee::AtLeastOnce;
    let outcome = bench.finish(bench.start(&graph, settings));
    let expected = expected(&graph, &bench.input);
    assert_eq!(outcome.states, expected.states);
    for (place, records) in &expected.outputs {
        for record in records.iter() {
            assert!(outcome.outputs[place].iter().any(|found| found == record), "{place} lacks {record:?}");
        }
        for found in outcome.outputs[place].iter() {
            assert!(records.iter().any(|record| found == record), "{place} has {found:?} too many");
        }
    }
}

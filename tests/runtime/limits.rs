//! Bounds: what is in flight, what waits, and what happens when time is up.

use std::sync::atomic::Ordering;
use std::time::Duration;

use tidemill::log::{Retention, TopicSpec};
use tidemill::runtime::InstanceError;

use super::bench::{Bench, PATIENCE, expected, graph, input, settings};
use super::nodes::Mishaps;

#[test]
fn a_slow_stage_holds_the_source_back() {
    let mishaps = Mishaps::none();
    let graph = graph(&mishaps);
    let bench = Bench::new(input(400), &graph);
    mishaps.delay_ms.store(2, Ordering::Relaxed);
    let mut settings = settings();
    settings.max_in_flight_batches = 3;
    settings.max_batch_records = 5;
    let handle = bench.start(&graph, settings);
    let mut most = 0;
    while !handle.wait_until(Duration::from_millis(1), |status| status.since_start().read > 150) {
        let status = handle.status();
        most = status.tasks.iter().map(|task| task.in_flight).chain([most]).max().unwrap();
        assert!(status.failure.is_none(), "{status:#?}");
    }
    assert!((1..=3).contains(&most), "{most} batches in flight");
    mishaps.delay_ms.store(0, Ordering::Relaxed);
    bench.finish(handle).assert_equals(&expected(&graph, &bench.input), "after a slow start");
}

#[test]
fn a_shutdown_that_runs_out_of_time_says_so_and_the_rest_is_processed_later() {
    let mishaps = Mishaps::none();
    let graph = graph(&mishaps);
    let bench = Bench::new(input(200), &graph);
    mishaps.delay_ms.store(50, Ordering::Relaxed);
    let mut slow = settings();
    slow.max_batch_records = 50;
    let handle = bench.start(&graph, slow);
    assert!(handle.wait_until(PATIENCE, |status| status.ready()));
    std::thread::sleep(Duration::from_millis(60));
    assert_eq!(handle.shutdown(Duration::from_millis(10)).unwrap_err(), InstanceError::Deadline);
    drop(handle);
    mishaps.delay_ms.store(0, Ordering::Relaxed);
    bench.finish(bench.start(&graph, settings())).assert_equals(&expected(&graph, &bench.input), "after a hasty stop");
}

#[test]
fn a_missing_topic_is_told_at_the_start() {
    let graph = graph(&Mishaps::none());
    let bench = Bench::new(input(10), &graph);
    bench.log().delete_topics(&["candles"]).unwrap();
    let start = || {
        let telemetry = std::sync::Arc::new(tidemill::telemetry::Telemetry::new());
        tidemill::runtime::Instance::start(graph.clone(), bench.log(), bench.store(), telemetry, settings()).map(drop)
    };
    let error = start().unwrap_err().to_string();
    assert!(error.contains("candles"), "{error}");
}

#[test]
fn a_log_that_was_made_anew_under_the_committed_offsets_is_refused() {
    let graph = graph(&Mishaps::none());
    let bench = Bench::new(input(10), &graph);
    bench.finish(bench.start(&graph, settings()));
    let log = bench.log();
    let offsets = log.group_offsets("bench").unwrap();
    log.delete_topics(&["candles"]).unwrap();
    log.create_topics(&[TopicSpec { name: "candles".into(), partitions: 2, retention: Retention::Unlimited }]).unwrap();
    let kept = log.group_offsets("bench").unwrap();
    drop(log);
    let handle = bench.start(&graph, settings());
    if kept == offsets {
        let why = handle.wait_failed(PATIENCE).expect("it stops");
        assert!(why.contains("made anew"), "{why}");
    } else {
        // The embedded log forgets the offsets of a topic it deletes: the application begins anew.
        assert!(handle.wait_until(PATIENCE, |status| status.ready()));
    }
}

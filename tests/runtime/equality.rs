//! Actors on the log give what one thread without a log gives.

use super::bench::{Bench, expected, graph, input, settings};
use super::nodes::Mishaps;

#[test]
fn outputs_and_state_equal_the_backtest_for_any_threads_and_batches() {
    let graph = graph(&Mishaps::none());
    let expected = expected(&graph, &input(400));
    for (threads, workers, batch) in [(1, 1, 7), (1, 2, 1), (1, 4, 500), (2, 2, 7), (2, 4, 500)] {
        let bench = Bench::new(input(400), &graph);
        let mut settings = settings();
        settings.num_stream_threads = threads;
        settings.num_worker_threads = workers;
        settings.max_batch_records = batch;
        let outcome = bench.finish(bench.start(&graph, settings));
        outcome.assert_equals(&expected, &format!("{threads} client threads, {workers} workers, batches of {batch}"));
    }
}

#[test]
fn every_record_is_accounted_for_and_shown() {
    let graph = graph(&Mishaps::none());
    let bench = Bench::new(input(200), &graph);
    let handle = bench.start(&graph, settings());
    assert!(handle.wait_until(super::bench::PATIENCE, |status| bench.done(status)));
    let latest = handle.predictions();
    let telemetry = handle.telemetry().clone();
    let status = super::bench::stop(handle);

    let counts = status.since_start();
    let records: u64 = bench.input.iter().map(|records| records.len() as u64).sum();
    assert_eq!(counts.read, records);
    assert_eq!(counts.processed + counts.late + counts.dead, records);
    assert!(counts.late > 0 && counts.dead > 0);
    assert_eq!(status.total(), counts, "nothing ran before");

    let names: Vec<_> = latest.iter().map(|p| (&*p.coin, &**graph.node_name(p.prediction.model))).collect();
    assert_eq!(names.len(), 9, "three coins, three models: {names:?}");
    assert!(latest.iter().all(|p| p.prediction.champion.is_some()), "the evaluator has seen them");
    assert!(latest.iter().all(|p| p.prediction.asked_at.0 == super::bench::minute(200)), "the newest bar");

    let metrics = telemetry.render();
    let read: u64 = sum(&metrics, "tidemill_records_in_total");
    assert_eq!(read, records);
    assert_eq!(sum(&metrics, "tidemill_records_dead_lettered_total"), counts.dead);
    assert_eq!(sum(&metrics, "tidemill_records_late_total"), counts.late);
    assert_eq!(sum(&metrics, "tidemill_consumer_lag_records"), 0);
    assert!(metrics.contains("tidemill_task_state{partition=\"0\",state=\"closed\"} 1"), "{metrics}");
    assert!(sum(&metrics, "tidemill_checkpoints_total") >= 2, "{metrics}");
}

/// The sum of a metric over its labels.
fn sum(metrics: &str, name: &str) -> u64 {
    let value = |line: &str| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap() as u64;
    metrics.lines().filter(|line| line.starts_with(&format!("{name}{{"))).map(value).sum()
}

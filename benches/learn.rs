//! Records per second of each model, predict and learn, three features: `cargo bench --no-default-features --bench learn`.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use serde_json::{Value, json};
use tidemill::learn::{
    base::{Regressor, Schema},
    catalog::{Catalog, scaled},
    metrics::{RollingScorer, Scorer},
};

const RECORDS: usize = 10_000;

/// Bars of a walk that is always the same: open, high, low, and the close to predict.
fn bars() -> Vec<([f64; 3], f64)> {
    let (mut close, mut seed) = (30_000.0, 0x9E37_79B9_7F4A_7C15_u64);
    let mut noise = move || {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        (seed >> 11) as f64 / (1_u64 << 52) as f64 - 1.0
    };
    let mut bar = |_| {
        let open: f64 = close;
        close += 20.0 * noise();
        ([open, open.max(close) + noise().abs(), open.min(close) - noise().abs()], close)
    };
    (0..RECORDS).map(&mut bar).collect()
}

fn test_then_learn(model: &mut dyn Regressor, bars: &[([f64; 3], f64)]) {
    for (x, y) in bars {
        black_box(model.predict_one(x));
        model.learn_one(x, *y);
    }
}

fn models(c: &mut Criterion) {
    let (bars, catalog, schema) = (bars(), Catalog::standard(), Schema::new(["open", "high", "low"]));
    let mut group = c.benchmark_group("predict_and_learn");
    group.throughput(Throughput::Elements(RECORDS as u64)).sample_size(20);
    let with_scaler = |model: Value| scaled(json!("standard_scaler"), model);
    for (name, spec) in [
        ("mean", json!("mean")),
        ("scaler+linear_regression", with_scaler(json!("linear_regression"))),
        ("scaler+linear_regression(adam)", with_scaler(json!({ "linear_regression": { "optimizer": "adam" } }))),
        ("scaler+pa_regressor", with_scaler(json!("pa_regressor"))),
        ("knn_regressor(1000)", json!("knn_regressor")),
        ("batch_incremental(20, 10)", json!("batch_incremental")),
    ] {
        let mut model = catalog.regressor(&spec, &[], &schema, 1).expect("the spec is right");
        test_then_learn(&mut *model, &bars);
        group.bench_function(name, |b| b.iter(|| test_then_learn(&mut *model, &bars)));
    }
    group.finish();
}

fn ensembles(c: &mut Criterion) {
    let (bars, catalog, schema) = (bars(), Catalog::standard(), Schema::new(["open", "high", "low"]));
    let mut group = c.benchmark_group("ensembles");
    group.throughput(Throughput::Elements(RECORDS as u64)).sample_size(10);
    let four = json!(
        [0.0001, 0.001, 0.01, 0.1]
            .map(|rate| json!({ "linear_regression": { "optimizer": { "sgd": { "learning_rate": rate } } } }))
    );
    for (name, model) in [
        ("scaler+ewa_regressor(4)", json!({ "ewa_regressor": { "models": four } })),
        ("scaler+stacking_regressor(4)", json!({ "stacking_regressor": { "models": four } })),
        ("scaler+bagging_regressor(10)", json!({ "bagging_regressor": { "model": "linear_regression" } })),
        ("scaler+greedy_regressor(4)", json!({ "greedy_regressor": { "models": four } })),
        ("scaler+bandit_regressor(4)", json!({ "bandit_regressor": { "models": four } })),
        ("scaler+sgt_regressor", json!("sgt_regressor")),
        ("scaler+amf_regressor(10)", json!("amf_regressor")),
        ("scaler+am_rules", json!("am_rules")),
        ("scaler+srp_regressor(10)", json!("srp_regressor")),
        ("scaler+sgb_regressor(10)", json!("sgb_regressor")),
    ] {
        let mut model = catalog.regressor(&scaled(json!("standard_scaler"), model), &[], &schema, 1).expect("the spec is right");
        test_then_learn(&mut *model, &bars);
        group.bench_function(name, |b| b.iter(|| test_then_learn(&mut *model, &bars)));
    }
    group.finish();
}

fn metrics(c: &mut Criterion) {
    let bars = bars();
    let mut group = c.benchmark_group("metrics");
    group.throughput(Throughput::Elements(RECORDS as u64)).sample_size(20);
    let (mut cumulative, mut rolling) = (Scorer::default(), RollingScorer::of_count(1_440));
    group.bench_function("all, since the start", |b| {
        b.iter(|| bars.iter().for_each(|(x, y)| cumulative.update(*y, x[0], Some(x[0]))));
    });
    group.bench_function("all, over the last 1440", |b| {
        b.iter(|| bars.iter().for_each(|(x, y)| rolling.update(0, *y, x[0], Some(x[0]))));
    });
    group.finish();
}

criterion_group!(benches, models, ensembles, metrics);
criterion_main!(benches);

//! Records per second of each model, predict and learn, three features: `cargo bench --no-default-features --bench learn`.
//!
//! Every pass over the records begins with a fresh model, because trees grow with what they learn.

use std::hint::black_box;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use serde_json::{Value, json};
use tidemill::learn::{
    base::{Regressor, Schema},
    catalog::{Catalog, Model, scaled},
    metrics::{RollingScorer, Scorer},
    params::ParamValue,
    stats::{StatisticSpec, Univariate},
};

const RECORDS: usize = 20_000;

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
        ("bayesian_linear_regression", json!("bayesian_linear_regression")),
        ("recursive_least_squares", json!("recursive_least_squares")),
        ("min_max_scaler+linear_regression", scaled(json!("min_max_scaler"), json!("linear_regression"))),
        ("robust_scaler+linear_regression", scaled(json!("robust_scaler"), json!("linear_regression"))),
        ("knn_regressor(1000)", json!("knn_regressor")),
        ("batch_incremental(20, 10)", json!("batch_incremental")),
        ("scaler+hoeffding_tree_regressor", with_scaler(json!("hoeffding_tree_regressor"))),
        ("scaler+hoeffding_adaptive_tree_regressor", with_scaler(json!("hoeffding_adaptive_tree_regressor"))),
        ("scaler+arf_regressor(10)", with_scaler(json!("arf_regressor"))),
        ("scaler+oxt_regressor(10)", with_scaler(json!("oxt_regressor"))),
        ("fimtdd_regressor", json!("fimtdd_regressor")),
        ("scaler+soknl_regressor(10)", with_scaler(json!({ "soknl_regressor": { "n_models": 10 } }))),
    ] {
        let fresh = || catalog.regressor(&spec, &[], &schema, 1).expect("the spec is right");
        group.bench_function(name, |b| b.iter_batched_ref(fresh, |m| test_then_learn(&mut **m, &bars), BatchSize::PerIteration));
    }
    group.finish();
}

/// The seven models of the first course project, one after the other on each record.
fn seven(c: &mut Criterion) {
    let (bars, catalog, schema) = (bars(), Catalog::standard(), Schema::new(["open", "high", "low"]));
    let mut group = c.benchmark_group("all_seven");
    group.throughput(Throughput::Elements(RECORDS as u64)).sample_size(10);
    let regressors = [
        "linear_regression",
        "pa_regressor",
        "knn_regressor",
        "hoeffding_tree_regressor",
        "hoeffding_adaptive_tree_regressor",
        "arf_regressor",
    ];
    let fresh = || {
        let spec = json!({ "snarimax": { "p": 12, "d": 1, "q": 12 } });
        let Ok(Model::Forecaster(forecaster)) = catalog.build(&spec, &[], &Schema::default(), 1) else { panic!("{spec}") };
        let build = |name| catalog.regressor(&scaled(json!("standard_scaler"), json!(name)), &[], &schema, 1);
        (regressors.map(|name| build(name).expect("the spec is right")), forecaster)
    };
    group.bench_function("six regressors and snarimax(12,1,12)", |b| {
        b.iter_batched_ref(
            fresh,
            |(regressors, forecaster)| {
                for (x, y) in &bars {
                    for model in regressors.iter_mut() {
                        black_box(model.predict_one(x));
                        model.learn_one(x, *y);
                    }
                    black_box(forecaster.forecast(1, &[]));
                    forecaster.learn_one(*y, &[]);
                }
            },
            BatchSize::PerIteration,
        );
    });
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
        let fresh =
            || catalog.regressor(&scaled(json!("standard_scaler"), model.clone()), &[], &schema, 1).expect("the spec is right");
        group.bench_function(name, |b| b.iter_batched_ref(fresh, |m| test_then_learn(&mut **m, &bars), BatchSize::PerIteration));
    }
    group.finish();
}

/// Learn and forecast one step, on the closes.
fn forecasters(c: &mut Criterion) {
    let (bars, catalog) = (bars(), Catalog::standard());
    let mut group = c.benchmark_group("learn_and_forecast_one_step");
    group.throughput(Throughput::Elements(RECORDS as u64)).sample_size(20);
    for (name, spec) in [
        ("snarimax(1,1,1)", json!({ "snarimax": { "p": 1, "d": 1, "q": 1 } })),
        ("snarimax(12,1,12)", json!({ "snarimax": { "p": 12, "d": 1, "q": 12 } })),
        ("snarimax(12,1,12) as River", json!({ "snarimax": { "p": 12, "d": 1, "q": 12, "river_compat": true } })),
        ("snarimax(12,1,12) season 12", json!({ "snarimax": { "p": 12, "d": 1, "q": 12, "m": 12, "sd": 1 } })),
        ("holt_winters(12)", json!({ "holt_winters": { "beta": 0.1, "gamma": 0.6, "seasonality": 12 } })),
    ] {
        let Ok(Model::Forecaster(mut model)) = catalog.build(&spec, &[], &Schema::default(), 1) else { panic!("{name}") };
        let mut run = || {
            for (_, y) in &bars {
                black_box(model.forecast(1, &[]));
                model.learn_one(*y, &[]);
            }
        };
        run();
        group.bench_function(name, |b| b.iter(&mut run));
    }
    group.finish();
}

fn detectors(c: &mut Criterion) {
    let errors: Vec<f64> = bars().iter().map(|(x, y)| f64::from(u8::from((x[0] - y).abs() > 15.0))).collect();
    let mut group = c.benchmark_group("detector_update");
    group.throughput(Throughput::Elements(RECORDS as u64)).sample_size(20);
    for name in ["adwin", "page_hinkley", "kswin", "ddm", "eddm", "hddm_a", "hddm_w", "fhddm"] {
        let mut detector = Catalog::standard().drift_detector(&json!(name), &[], 1).expect("it is in the catalogue");
        group.bench_function(name, |b| b.iter(|| errors.iter().for_each(|e| detector.update(black_box(*e)))));
    }
    group.finish();
}

fn statistics(c: &mut Criterion) {
    let bars = bars();
    let mut group = c.benchmark_group("statistic_update_and_get");
    group.throughput(Throughput::Elements(RECORDS as u64)).sample_size(20);
    for name in ["var", "skew", "quantile", "rolling_var", "rolling_max", "rolling_quantile", "ew_var", "auto_corr"] {
        let mut statistic = StatisticSpec::read_value(&json!(name), &[]).expect("it has a name").build();
        group.bench_function(name, |b| {
            b.iter(|| {
                for (_, y) in &bars {
                    statistic.update(*y);
                    black_box(statistic.get());
                }
            });
        });
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

criterion_group!(benches, models, seven, ensembles, forecasters, detectors, statistics, metrics);
criterion_main!(benches);

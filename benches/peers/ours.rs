//! Our models on the stream of the peer comparison: a line of JSON a model with records per second, error, and the size and speed of its snapshot.
//!
//! `cargo bench --no-default-features --bench peers -- stream FILE` writes the stream for the others; `benches/peers/README.md` tells the rest.
#![allow(clippy::disallowed_methods, reason = "a bench measures time")]

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tidemill::learn::{
    base::{DriftDetector, Schema},
    catalog::{Catalog, Model, scaled},
    metrics::Scorer,
};
use tidemill::snapshot::Snapshot;

const RECORDS: usize = 20_000;
/// Records at the start that errors leave out: models begin with predictions of 0.
const COLD: usize = 1_000;
const LEAST: Duration = Duration::from_millis(300);

/// Open, high, low, close.
type Bar = [f64; 4];

/// One-minute bars of a geometric random walk from 30,000 on; always the same.
fn stream() -> Vec<Bar> {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut uniform = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        ((state >> 11) as f64 + 0.5) / (1_u64 << 53) as f64
    };
    let mut normal = move || libm::sqrt(-2.0 * libm::log(uniform())) * libm::cos(2.0 * std::f64::consts::PI * uniform());
    let mut close = 30_000.0;
    let bar = |_| {
        let open: f64 = close;
        let (mut high, mut low) = (open, open);
        for _ in 0..8 {
            close *= 1.0 + 0.00025 * normal();
            high = high.max(close);
            low = low.min(close);
        }
        [open, high, low, close]
    };
    (0..RECORDS).map(bar).collect()
}

/// What is measured: the name that all sides use, and our spec.
fn subjects() -> Vec<(&'static str, Value)> {
    let standard = |model: Value| scaled(json!("standard_scaler"), model);
    vec![
        ("linear_regression", standard(json!("linear_regression"))),
        ("pa_regressor", standard(json!({ "pa_regressor": { "mode": 1 } }))),
        ("bayesian_linear_regression", json!("bayesian_linear_regression")),
        ("knn_1000", json!({ "knn_regressor": { "n_neighbors": 5, "window_size": 1000 } })),
        ("hoeffding_tree", standard(json!("hoeffding_tree_regressor"))),
        ("hoeffding_adaptive_tree", standard(json!("hoeffding_adaptive_tree_regressor"))),
        ("arf_10", standard(json!("arf_regressor"))),
        ("fimt_dd", json!("fimtdd_regressor")),
        ("soknl_10", standard(json!({ "soknl_regressor": { "n_models": 10 } }))),
        ("oxt_10", standard(json!("oxt_regressor"))),
        ("amrules", standard(json!("am_rules"))),
        ("sgt", standard(json!("sgt_regressor"))),
        ("srp_10", standard(json!("srp_regressor"))),
        ("amf_10", standard(json!("amf_regressor"))),
        ("bagging_10_linear", standard(json!({ "bagging_regressor": { "model": "linear_regression" } }))),
        ("batch_incremental", json!("batch_incremental")),
        // River's regressor, which diverges here, so that both do the same work; ours by default does not.
        ("snarimax_12_1_12", json!({ "snarimax": { "p": 12, "d": 1, "q": 12, "m": 12, "sd": 1, "river_compat": true } })),
        ("holt_winters_12", json!({ "holt_winters": { "alpha": 0.3, "beta": 0.1, "gamma": 0.6, "seasonality": 12 } })),
    ]
}

/// The seven models of the first course project, which take every record together.
const SEVEN: [&str; 7] =
    ["linear_regression", "pa_regressor", "knn_1000", "hoeffding_tree", "hoeffding_adaptive_tree", "arf_10", "snarimax_12_1_12"];

/// Processor time of this thread, or the clock where the system does not tell it.
struct Stopwatch {
    started: Instant,
    worked: Option<u64>,
}

impl Stopwatch {
    fn start() -> Self {
        Stopwatch { started: Instant::now(), worked: worked_ns() }
    }

    fn elapsed(&self) -> Duration {
        match (self.worked, worked_ns()) {
            (Some(before), Some(now)) => Duration::from_nanos(now - before),
            _ => self.started.elapsed(),
        }
    }
}

fn worked_ns() -> Option<u64> {
    std::fs::read_to_string("/proc/thread-self/schedstat").ok()?.split_whitespace().next()?.parse().ok()
}

/// Seconds that `work` takes, from as many runs as it needs to be measured, three at least.
fn seconds(mut work: impl FnMut()) -> f64 {
    let (watch, mut runs) = (Stopwatch::start(), 0u32);
    while runs < 3 || watch.elapsed() < LEAST {
        work();
        runs += 1;
        if watch.elapsed() > 20 * LEAST {
            break;
        }
    }
    watch.elapsed().as_secs_f64() / f64::from(runs)
}

/// Predict and learn, record by record; answers the prediction.
fn step(model: &mut Model, bar: &Bar) -> f64 {
    let [open, high, low, close] = *bar;
    match model {
        Model::Regressor(model) => {
            let said = model.predict_one(&[open, high, low]);
            model.learn_one(&[open, high, low], close);
            said
        }
        Model::Forecaster(model) => {
            let said = model.forecast(1, &[]).first().copied().unwrap_or(0.0);
            model.learn_one(close, &[]);
            said
        }
    }
}

fn build(catalog: &Catalog, spec: &Value) -> Option<Model> {
    catalog.build(spec, &[], &Schema::new(["open", "high", "low"]), 42).ok()
}

fn report(name: &str, fresh: &Model, bars: &[Bar]) {
    let per_run = seconds(|| {
        let mut model = fresh.clone_fresh();
        bars.iter().for_each(|bar| {
            std::hint::black_box(step(&mut model, bar));
        });
    });
    let (mut model, mut scorer) = (fresh.clone_fresh(), Scorer::default());
    for (place, bar) in bars.iter().enumerate() {
        let said = step(&mut model, bar);
        if place >= COLD {
            scorer.update(bar[3], said, None);
        }
    }
    let mut bytes = Vec::new();
    model.save(&mut bytes).expect("a sound model can be kept");
    let encode_s = seconds(|| {
        bytes.clear();
        model.save(&mut bytes).expect("a sound model can be kept");
    });
    let mut restored = fresh.clone_fresh();
    let decode_s = seconds(|| restored.load(&bytes).expect("what was kept can be restored"));
    let line = json!({
        "who": "tidemill", "model": name, "records_per_s": bars.len() as f64 / per_run, "mae": scorer.scores().mae,
        "state_bytes": bytes.len(), "encode_us": encode_s * 1e6, "decode_us": decode_s * 1e6,
    });
    println!("{line}");
}

fn report_seven(models: &[Model], bars: &[Bar]) {
    let per_run = seconds(|| {
        let mut models: Vec<Model> = models.iter().map(Model::clone_fresh).collect();
        for bar in bars {
            models.iter_mut().for_each(|model| {
                std::hint::black_box(step(model, bar));
            });
        }
    });
    println!("{}", json!({ "who": "tidemill", "model": "seven", "records_per_s": bars.len() as f64 / per_run }));
}

fn report_detector(name: &str, fresh: &dyn DriftDetector, bars: &[Bar]) {
    let errors: Vec<f64> = bars.iter().map(|bar| (bar[3] - bar[0]).abs()).collect();
    let per_run = seconds(|| {
        let mut detector = fresh.clone_fresh();
        errors.iter().for_each(|error| detector.update(*error));
        std::hint::black_box(detector.drift_detected());
    });
    println!("{}", json!({ "who": "tidemill", "model": name, "records_per_s": errors.len() as f64 / per_run }));
}

fn csv(bars: &[Bar]) -> String {
    let mut text = "open,high,low,close\n".to_owned();
    for [open, high, low, close] in bars {
        writeln!(text, "{open},{high},{low},{close}").expect("a string takes what it is given");
    }
    text
}

fn main() {
    let bars = stream();
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| arg != "--bench").collect();
    if let [word, file] = &args[..]
        && word == "stream"
    {
        return std::fs::write(file, csv(&bars)).unwrap_or_else(|error| panic!("{file}: {error}"));
    }
    let catalog = Catalog::standard();
    let wanted = |name: &str| args.is_empty() || args.iter().any(|arg| name.contains(arg.as_str()));
    for (name, spec) in subjects().into_iter().filter(|(name, _)| wanted(name)) {
        match build(&catalog, &spec) {
            Some(model) => report(name, &model, &bars),
            None => eprintln!("{name}: the catalogue cannot build {spec}"),
        }
    }
    let subjects = subjects();
    let seven: Vec<Model> =
        subjects.iter().filter(|(name, _)| SEVEN.contains(name)).filter_map(|(_, spec)| build(&catalog, spec)).collect();
    if seven.len() == SEVEN.len() && wanted("seven") {
        report_seven(&seven, &bars);
    }
    for name in ["adwin", "page_hinkley", "kswin"].into_iter().filter(|name| wanted(name)) {
        if let Ok(detector) = catalog.drift_detector(&json!(name), &[], 42) {
            report_detector(name, &*detector, &bars);
        }
    }
}

//! A learner by itself, fed with rows by hand.

use std::sync::Arc;

use serde_json::{Value, json};

use super::*;
use crate::impl_snapshot;
use crate::learn::base::Regressor;
use crate::learn::catalog::{Catalog as ModelCatalog, Entry, Kind, Model};
use crate::processor::{Column, Context, Emitted, Event, Item, KeyId, Known, NodeId, Notice, Parent, Port, Row};
use crate::record::{Offset, Timestamp};

/// A model that predicts the first feature it is given plus the number of labels it has learned.
#[derive(Debug, Clone, Default, serde::Serialize, serde::Deserialize)]
struct Echo {
    learned: f64,
}

impl_snapshot!(Echo);

impl Regressor for Echo {
    fn predict_one(&mut self, x: &[f64]) -> f64 {
        x[0] + self.learned
    }

    fn learn_one(&mut self, _x: &[f64], _y: f64) {
        self.learned += 1.0;
    }

    fn clone_fresh(&self) -> Box<dyn Regressor> {
        Box::new(Echo::default())
    }

    fn clone_learned(&self) -> Box<dyn Regressor> {
        Box::new(self.clone())
    }

    fn counters(&self, report: &mut dyn FnMut(&'static str, u64)) {
        report("fallbacks", (self.learned / 2.0) as u64);
    }
}

/// The standard models, `echo`, and `echo_dense` which makes no sense of absent features.
fn models() -> ModelCatalog {
    let mut models = ModelCatalog::standard();
    for (name, takes_absent) in [("echo", true), ("echo_dense", false)] {
        models.register(Entry {
            name,
            kind: Kind::Regressor,
            summary: "",
            reference: "",
            params: &[],
            diverges_unscaled: false,
            takes_absent,
            in_force: |params| Some(params.clone()),
            examples: Vec::new,
            build: Arc::new(|_| Ok(Model::Regressor(Box::new(Echo::default())))),
        });
    }
    models
}

fn port(interval_ms: Option<i64>) -> Port {
    let column = |name: &str, known| Column { name: name.into(), known };
    let columns = [column("close", Known::AtClose), column("open", Known::BeforeClose), column("volume", Known::AtClose)];
    Port { columns: columns.into(), interval_ms, ..Port::of(&[EventKind::Row]) }
}

fn try_build(params: &Value, port: &Port) -> Result<Built, Vec<String>> {
    let parents = [Parent { id: NodeId(1), name: "x", port }];
    let path = ["learners".to_owned(), "l".to_owned()];
    let build =
        Build { name: "l", id: NodeId(2), params, path: &path, parents: &parents, topology: "t", seed: 7, models: &models() };
    (entry().build)(&build).map_err(|errors| errors.iter().map(ToString::to_string).collect())
}

/// A learner over 1-minute bars, and what it has said since it was last asked.
struct Bench {
    built: Built,
    learner: Box<dyn Processor>,
}

impl Bench {
    fn new(params: Value) -> Self {
        let built = try_build(&params, &port(Some(60_000))).unwrap_or_else(|errors| panic!("{errors:#?}"));
        let learner = built.factory.create("BTC-USDT");
        Bench { built, learner }
    }

    fn emit(&mut self, minute: i64, open: f64, close: f64, volume: f64) -> Emitted {
        let close_time = Timestamp(minute * 60_000);
        let row = Row { open_time: close_time.minus(60_000), close_time, open, close, values: Box::new([close, open, volume]) };
        let item = Item { index: 0, step: 0, key: KeyId(0), timestamp: close_time, event: Event::Row(row) };
        let mut out = Emitted::default();
        self.learner.process(&item, &mut Context::detached(NodeId(2), "BTC-USDT", Offset(minute), &mut 1, &mut out));
        out
    }

    /// Feeds the bar that closes at `minute`; gives what was said, in order, as short texts: `?due=value` for a prediction, `!due=label` for an
    /// answer, then the notices.
    fn bar(&mut self, minute: i64, open: f64, close: f64) -> String {
        let out = self.emit(minute, open, close, 1.0);
        let mut said: Vec<String> = out.items.iter().map(|item| short(&item.event)).collect();
        said.extend(out.notices.iter().map(|(_, _, notice)| format!("{notice:?}")));
        said.join(" ")
    }

    fn restart(&mut self) {
        let mut state = Vec::new();
        self.learner.save(&mut state).unwrap();
        self.learner = self.built.factory.create("BTC-USDT");
        self.learner.load(&state).unwrap();
        let mut again = Vec::new();
        self.learner.save(&mut again).unwrap();
        assert_eq!(state, again);
    }
}

fn short(event: &Event) -> String {
    match event {
        Event::Prediction(p) => format!("?{}={}", p.due_at.0 / 60_000, p.value),
        Event::Answer(a) => format!("!{}={}", a.question.due_at.0 / 60_000, a.label),
        other => format!("{other:?}"),
    }
}

#[test]
fn due_questions_are_answered_before_the_next_is_asked() {
    let mut bench = Bench::new(json!({ "model": "echo" }));
    assert_eq!(bench.bar(1, 0.0, 10.0), "?2=10");
    // The label of the first question is learned before the second prediction is made: 20 + 1.
    assert_eq!(bench.bar(2, 0.0, 20.0), "!2=20 ?3=21");
    assert_eq!(bench.bar(3, 0.0, 30.0), "!3=30 ?4=32 FitFallback { fits: 1 }");
}

#[test]
fn each_horizon_waits_for_its_own_bar() {
    let mut bench = Bench::new(json!({ "model": "echo", "horizon": "3m" }));
    let said: Vec<String> = (1..=5).map(|minute| bench.bar(minute, 0.0, 10.0)).collect();
    assert_eq!(said, ["?4=10", "?5=10", "?6=10", "!4=10 ?7=11", "!5=10 ?8=12 FitFallback { fits: 1 }"]);
}

#[test]
fn a_prediction_tells_its_times_version_and_price() {
    let mut bench = Bench::new(json!({ "model": "mean", "target": "return", "horizon": "2m" }));
    (1..=3).for_each(|minute| drop(bench.bar(minute, 0.0, 100.0 * minute as f64)));
    let out = bench.emit(4, 0.0, 400.0, 1.0);
    let [Event::Answer(answer), Event::Prediction(p)] = [&out.items[0].event, &out.items[1].event] else { panic!("{out:?}") };
    // Asked at minute 2 at 200, 400 now: it has doubled.
    assert_eq!((answer.truth, answer.label, answer.question.last), (400.0, 1.0, 200.0));
    assert_eq!((answer.question.version, answer.question.value), (0, 0.0));
    // The returns learned are 300 / 100 - 1 and 400 / 200 - 1.
    assert_eq!((p.version, p.value, p.price, p.last), (2, 1.5, Some(1000.0), 400.0));
    assert_eq!((p.asked_at, p.due_at, p.horizon_ms), (Timestamp(240_000), Timestamp(360_000), 120_000));
    assert_eq!((p.model, p.nowcast, p.champion, p.interval), (NodeId(2), false, None, None));
    assert_eq!(out.items[1].timestamp, Timestamp(240_000));
}

#[test]
fn directions_are_labelled_by_sign_and_have_no_price() {
    let mut bench = Bench::new(json!({ "model": "mean", "target": "direction" }));
    let said: Vec<String> =
        [10.0, 12.0, 11.0, 11.0].iter().zip(1..).map(|(close, minute)| bench.bar(minute, 0.0, *close)).collect();
    assert_eq!(said, ["?2=0", "!2=1 ?3=1", "!3=-1 ?4=0", "!4=0 ?5=0"]);
    let out = bench.emit(5, 0.0, 11.0, 1.0);
    assert!(matches!(&out.items[1].event, Event::Prediction(p) if p.price.is_none()));
}

#[test]
fn a_question_whose_bar_is_missing_expires_unlearned() {
    let mut bench = Bench::new(json!({ "model": "echo" }));
    bench.bar(1, 0.0, 10.0);
    assert_eq!(bench.bar(3, 0.0, 30.0), "?4=30 QuestionExpired");
    assert_eq!(bench.bar(4, 0.0, 40.0), "!4=40 ?5=41");
}

#[test]
fn within_the_tolerance_the_first_bar_answers() {
    let mut bench = Bench::new(json!({ "model": "echo", "tolerance": "1m" }));
    bench.bar(1, 0.0, 10.0);
    assert_eq!(bench.bar(3, 0.0, 30.0), "!2=30 ?4=31");
    assert_eq!(bench.bar(6, 0.0, 60.0), "?7=61 QuestionExpired");
}

#[test]
fn during_the_warm_up_the_model_learns_in_silence() {
    let mut bench = Bench::new(json!({ "model": "echo", "warm_up": 2 }));
    let said: Vec<String> = (1..=5).map(|minute| bench.bar(minute, 0.0, 10.0)).collect();
    // The question asked at minute 3 is the first after two labels; the answers before it belong to silent questions.
    assert_eq!(said, ["", "", "?4=12 FitFallback { fits: 1 }", "!4=10 ?5=13", "!5=10 ?6=14 FitFallback { fits: 1 }"]);
}

#[test]
fn a_nowcast_tells_the_bar_it_is_asked_at_from_what_is_known_before() {
    let mut bench = Bench::new(json!({ "model": "echo", "nowcast": true, "features": ["open"] }));
    assert_eq!(bench.bar(1, 9.0, 10.0), "", "the first bar has no last value");
    let out = bench.emit(2, 10.5, 12.0, 1.0);
    let [Event::Prediction(p), Event::Answer(a)] = [&out.items[0].event, &out.items[1].event] else { panic!("{out:?}") };
    assert_eq!((p.value, p.last, p.horizon_ms, p.nowcast), (10.5, 10.0, 0, true));
    assert_eq!((p.asked_at, p.due_at), (Timestamp(120_000), Timestamp(120_000)));
    assert_eq!((a.label, a.truth, &a.question), (12.0, 12.0, p));
    assert_eq!(bench.bar(3, 20.0, 21.0), "?3=21 !3=21 FitFallback { fits: 1 }");
}

#[test]
fn a_naive_nowcast_says_the_close_of_the_bar_before() {
    let mut bench = Bench::new(json!({ "model": "naive", "nowcast": true }));
    let said: Vec<String> = [10.0, 12.0, 11.0].iter().zip(1..).map(|(close, minute)| bench.bar(minute, 9.0, *close)).collect();
    assert_eq!(said, ["", "?2=10 !2=12", "?3=12 !3=11"]);
}

#[test]
fn the_naive_forecast_is_the_last_close_in_every_unit() {
    for (target, value) in [("close", "10"), ("return", "0"), ("direction", "0")] {
        let mut bench = Bench::new(json!({ "model": "naive", "target": target, "horizon": "4m" }));
        assert_eq!(bench.bar(1, 0.0, 10.0), format!("?5={value}"));
        let out = bench.emit(2, 0.0, 10.0, 1.0);
        assert!(matches!(&out.items[0].event, Event::Prediction(p) if p.version == 2 && p.price != Some(0.0)));
    }
}

#[test]
fn questions_of_one_moment_are_numbered() {
    let mut bench = Bench::new(json!({ "model": "echo", "tolerance": "10m" }));
    let ordinals: Vec<u32> = [1, 1, 1, 2]
        .iter()
        .map(|minute| bench.emit(*minute, 0.0, 10.0, 1.0))
        .filter_map(|out| match &out.items.last().unwrap().event {
            Event::Prediction(p) => Some(p.ordinal),
            _ => None,
        })
        .collect();
    assert_eq!(ordinals, [0, 1, 2, 0]);
}

#[test]
fn the_oldest_question_gives_way_at_the_limit() {
    let mut bench = Bench::new(json!({ "model": "echo", "horizon": "3m", "max_pending": 2 }));
    let said: Vec<String> = (1..=5).map(|minute| bench.bar(minute, 0.0, 10.0)).collect();
    assert_eq!(said, ["?4=10", "?5=10", "?6=10 QuestionDropped", "?7=10 QuestionDropped", "?8=10 QuestionDropped"]);
}

#[test]
fn absent_features_ask_nothing_where_the_model_cannot_take_them() {
    let features = json!(["volume", "close"]);
    let mut dense = Bench::new(json!({ "model": "echo_dense", "features": features }));
    assert_eq!(dense.bar(1, 0.0, 10.0), "?2=1");
    let out = dense.emit(2, 0.0, 20.0, f64::NAN);
    assert_eq!(
        out.items.iter().map(|item| short(&item.event)).collect::<Vec<_>>(),
        ["!2=20"],
        "what is due is learned all the same"
    );
    assert_eq!(out.notices[0].2, Notice::RowRefused);

    let mut sparse = Bench::new(json!({ "model": "echo", "features": ["close", "volume"] }));
    assert_eq!(sparse.emit(1, 0.0, 10.0, f64::NAN).items.len(), 1);
    assert_eq!(sparse.emit(2, 0.0, 10.0, f64::INFINITY).notices[0].2, Notice::RowRefused);
}

#[test]
fn what_is_no_number_never_becomes_a_prediction_or_a_label() {
    let mut bench = Bench::new(json!({ "model": "echo", "features": ["volume"] }));
    let out = bench.emit(1, 0.0, 10.0, f64::NAN);
    assert!(out.items.is_empty() && out.notices[0].2 == Notice::PredictionRefused);
    for close in [f64::NAN, f64::INFINITY, 0.0, -1.0] {
        let out = bench.emit(2, 0.0, close, 1.0);
        assert!(out.items.is_empty() && out.notices[0].2 == Notice::RowRefused, "{close}");
    }
}

#[test]
fn a_restart_at_any_bar_changes_nothing() {
    for params in [
        json!({ "model": "linear_regression", "horizon": "3m", "max_pending": 2 }),
        json!({ "model": { "linear_regression": {} }, "horizon": "2m", "target": "return", "tolerance": "1m", "warm_up": 3 }),
        json!({ "model": "pa_regressor", "nowcast": true, "features": ["open"] }),
        json!({ "model": "naive", "horizon": "2m" }),
        json!({ "model": "echo" }),
    ] {
        let bars = |i: i64| (i + i / 7, 100.0 + (i * 37 % 11) as f64, 100.0 + (i * 31 % 13) as f64);
        let (mut straight, mut restarted) = (Bench::new(params.clone()), Bench::new(params.clone()));
        for (minute, open, close) in (1..60).map(bars) {
            restarted.restart();
            assert_eq!(straight.bar(minute, open, close), restarted.bar(minute, open, close), "{params} at {minute}");
        }
    }
}

#[test]
fn models_that_diverge_on_prices_are_scaled_by_default() {
    let mut scaled = Bench::new(json!({ "model": "linear_regression", "features": ["open"] }));
    let raw_params = json!({ "model": "linear_regression", "features": ["open"], "scale": "none", "scale_target": false });
    let mut raw = Bench::new(raw_params);
    let price = |i: i64| 30_000.0 + (i * 37 % 11) as f64;
    let error = |bench: &mut Bench| match &bench.emit(500, price(500), price(500), 1.0).items.last().unwrap().event {
        Event::Prediction(p) => (p.value - 30_005.0).abs(),
        other => panic!("{other:?}"),
    };
    for i in 1..500 {
        scaled.bar(i, price(i), price(i));
        raw.bar(i, price(i), price(i));
    }
    let (scaled_error, raw_error) = (error(&mut scaled), error(&mut raw));
    assert!(scaled_error < 10.0 && raw_error > 100.0, "{scaled_error} {raw_error}");
    let (scale, scale_target) = (&scaled.built.params["scale"]["standard_scaler"], &scaled.built.params["scale_target"]);
    assert_eq!((&scale["with_std"], &scale["window_size"], scale_target), (&json!(true), &json!("none"), &json!(true)));
    assert_eq!((&raw.built.params["scale"], &raw.built.params["horizon"]), (&json!("none"), &json!("1m")));
}

#[test]
fn the_port_tells_the_question() {
    let built = try_build(&json!({ "model": "mean", "horizon": "5m", "target": "return" }), &port(Some(60_000))).ok().unwrap();
    let question = built.port.question.unwrap();
    assert_eq!((question.horizon_ms, question.target.name(), question.nowcast), (300_000, "return", false));
    assert_eq!(built.port.kinds, EventKinds::of(&[EventKind::Prediction, EventKind::Answer]));
}

#[test]
fn coins_have_random_streams_of_their_own_and_state_needs_no_coin_order() {
    assert_ne!(derive_seed(7, "a", "BTC-USDT"), derive_seed(8, "a", "BTC-USDT"));
    assert_ne!(derive_seed(7, "a", "b"), derive_seed(7, "ab", ""));
}

fn errors(params: Value, interval_ms: Option<i64>) -> Vec<String> {
    try_build(&params, &port(interval_ms)).err().unwrap_or_default()
}

#[test]
fn a_nowcast_that_looks_ahead_is_refused() {
    let message = |names: &str| {
        format!(
            "{names}: known only with the bar's close, which is what a nowcast tells; a model that sees it looks ahead and its errors mean nothing; \
             expected columns known before the close: open"
        )
    };
    assert_eq!(
        errors(json!({ "model": "mean", "nowcast": true }), Some(60_000)),
        [format!(
            "learners.l.features: {}; choose the columns with `features = [...]`",
            message("all columns of `x` are used, among them `close`, `volume`")
        )]
    );
    assert_eq!(
        errors(json!({ "model": "mean", "nowcast": true, "features": ["open", "volume"] }), Some(60_000)),
        [format!("learners.l.features.1: {}", message("column `volume`"))]
    );
    assert_eq!(errors(json!({ "model": "mean", "nowcast": true, "features": ["open"] }), Some(60_000)), [""; 0]);
}

#[test]
fn horizons_that_no_bar_meets_are_refused_with_the_interval() {
    assert_eq!(
        errors(json!({ "model": "mean", "horizon": "90s" }), Some(60_000)),
        ["learners.l.horizon: no bar closes 90s after another: bars are 1m long; expected a multiple of 1m"]
    );
    assert!(errors(json!({ "model": "mean", "horizon": "0s" }), Some(60_000))[0].contains("write `nowcast = true`"));
    assert!(
        errors(json!({ "model": "mean", "horizon": "1m", "nowcast": true, "features": ["open"] }), Some(60_000))[0]
            .contains("1m ahead is no nowcast")
    );
    assert!(errors(json!({ "model": "mean" }), None)[0].contains("the horizon is required"));
    assert_eq!(errors(json!({ "model": "mean", "horizon": "90s" }), None), [""; 0]);
    assert!(errors(json!({ "model": "naive", "horizon": "90s" }), None)[0].contains("differ in length"));
}

#[test]
fn every_mistake_of_a_table_is_told_at_once() {
    let params = json!({ "model": { "mean": { "x": 1 } }, "horizon": "90s", "features": ["close", "opem", "close"] });
    let errors = errors(params, Some(60_000));
    assert_eq!(errors.len(), 4, "{errors:#?}");
    assert!(errors[0].starts_with("learners.l.horizon:") && errors[3].starts_with("learners.l.model.mean.x:"));
    assert!(errors[1].starts_with("learners.l.features.1: unknown column `opem`") && errors[1].ends_with("did you mean `open`?"));
    assert!(errors[2].contains("column `close` is listed twice"));
}

#[test]
fn parameters_that_a_model_cannot_use_are_refused() {
    let naive = errors(json!({ "model": "naive", "features": ["open"], "scale": "standard" }), Some(60_000));
    assert!(
        naive.len() == 2 && naive[0].starts_with("learners.l.features:") && naive[1].starts_with("learners.l.scale:"),
        "{naive:#?}"
    );
    let scale = errors(json!({ "model": "mean", "scale": "standart_scaler" }), Some(60_000));
    assert!(scale[0].starts_with("learners.l.scale: unknown transformer") && scale[0].contains("standard_scaler"), "{scale:#?}");
    let model = errors(json!({ "model": "meen", "drif": "adwin" }), Some(60_000));
    assert!(model[0].starts_with("learners.l.drif: unknown parameter"), "{model:#?}");
}

/// Prices on a quick wave, which from bar `jump` on is forty times as high.
fn turning(minute: i64, jump: i64) -> f64 {
    let wave = libm::sin(minute as f64 * 1.3);
    100.0 + if minute < jump { wave } else { 40.0 * wave }
}

fn drifts(out: &Emitted) -> Vec<crate::processor::Drift> {
    let drift = |event: &Event| if let Event::Drift(drift) = event { Some((**drift).clone()) } else { None };
    out.items.iter().filter_map(|item| drift(&item.event)).collect()
}

fn versions(out: &Emitted) -> Vec<u64> {
    let version = |event: &Event| if let Event::Prediction(p) = event { Some(p.version) } else { None };
    out.items.iter().filter_map(|item| version(&item.event)).collect()
}

/// The drifts of a run over 900 bars whose errors grow at bar 500, each with its bar, and the version of every prediction.
#[allow(clippy::type_complexity, reason = "a pair of lists, used here alone")]
fn drifting(drift: Value, warm_up: u64) -> (Vec<(i64, crate::processor::Drift)>, Vec<(i64, u64)>) {
    let mut bench = Bench::new(json!({ "model": "mean", "drift": drift, "warm_up": warm_up, "target": "return" }));
    let (mut told, mut asked) = (Vec::new(), Vec::new());
    for minute in 1..900 {
        let out = bench.emit(minute, 0.0, turning(minute, 500), 0.0);
        told.extend(drifts(&out).into_iter().map(|drift| (minute, drift)));
        asked.extend(versions(&out).into_iter().map(|version| (minute, version)));
        let noticed = out.notices.iter().filter(|(_, _, notice)| matches!(notice, Notice::Drift(_))).count();
        assert_eq!(noticed, drifts(&out).len(), "every drift is a notice too");
    }
    (told, asked)
}

#[test]
fn a_drift_is_told_with_the_version_of_the_model_that_drifted() {
    let (told, asked) = drifting(json!({ "page_hinkley": { "threshold": 5.0, "delta": 0.01 }, "feed": "relative" }), 0);
    assert!(
        !told.is_empty() && told.iter().all(|(_, drift)| drift.action == "notify" && drift.detector == "page_hinkley"),
        "{told:?}"
    );
    assert!(asked.windows(2).all(|pair| pair[0].1 + 1 == pair[1].1), "the model goes on learning");
    let (minute, drift) = &told[0];
    assert_eq!((drift.at, drift.version), (Timestamp(minute * 60_000), asked.iter().find(|(m, _)| m == minute).unwrap().1 - 1));
}

#[test]
fn a_reset_begins_with_a_fresh_model_and_its_warm_up() {
    let (told, asked) = drifting(json!({ "page_hinkley": { "threshold": 5.0, "delta": 0.01 }, "on_drift": "reset" }), 10);
    let (minute, drift) = &told[0];
    assert_eq!(drift.action, "reset");
    assert!(drift.version > 20, "{drift:?}");
    let after = asked.iter().find(|(m, _)| m >= minute).unwrap();
    assert_eq!(after, &(minute + 9, 10), "nine labels more are learned in silence: the drift's own is the first");
}

#[test]
fn a_swap_takes_the_model_trained_since_the_warning_or_a_fresh_one() {
    let spec =
        |warning: Value| json!({ "page_hinkley": { "threshold": 5.0, "delta": 0.01 }, "on_drift": "swap", "warning": warning });
    let (told, asked) = drifting(spec(json!({ "page_hinkley": { "threshold": 2.0, "delta": 0.01 } })), 0);
    let (minute, drift) = &told[0];
    assert_eq!(drift.action, "swap");
    let version = asked.iter().find(|(m, _)| m == minute).unwrap().1;
    assert!(version > 1 && version < drift.version, "{version} of {}", drift.version);
    let (told, asked) = drifting(spec(json!("none")), 0);
    assert_eq!(told[0].1.action, "reset", "nothing warned, so a fresh model took over");
    assert_eq!(asked.iter().find(|(m, _)| *m == told[0].0).unwrap().1, 1);
}

#[test]
fn a_restart_at_any_bar_of_a_drifting_stream_changes_nothing() {
    let drift = json!({
        "page_hinkley": { "threshold": 5.0, "delta": 0.01 }, "on_drift": "swap", "warning": { "page_hinkley": { "threshold": 2.0, "delta": 0.01 } }
    });
    let params = json!({
        "model": "linear_regression", "drift": drift, "interval": { "level": 0.8, "warm_up": 5 }, "features": ["close", "open"], "warm_up": 3, "horizon": "2m"
    });
    let run = |restart_at: i64| -> Vec<String> {
        let mut bench = Bench::new(params.clone());
        (1..260)
            .map(|minute| {
                if minute == restart_at || (restart_at < 0 && minute % -restart_at == 0) {
                    bench.restart();
                }
                let out = bench.emit(minute, turning(minute - 1, 120), turning(minute, 120), 1.0);
                format!("{:?} {:?}", out.items, out.notices)
            })
            .collect()
    };
    let straight = run(0);
    assert!(straight.iter().any(|said| said.contains("Drift")), "there is a drift in it");
    assert!(straight.iter().any(|said| said.contains("interval: Some")), "there are intervals in it");
    for restart_at in [1, 2, 7, 100, 121, 130, 140, 150, 170, 200, -1, -7] {
        assert_eq!(run(restart_at), straight, "restart at {restart_at}");
    }
}

#[test]
fn a_state_of_another_watch_or_interval_is_refused() {
    let bench = |more: Value| {
        let mut params = json!({ "model": "mean" });
        params.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap());
        Bench::new(params)
    };
    let mut state = Vec::new();
    bench(json!({ "drift": "adwin", "interval": { "level": 0.9 } })).learner.save(&mut state).unwrap();
    for (other, what) in [
        (json!({ "interval": { "level": 0.9 } }), "drift"),
        (json!({ "drift": "adwin" }), "interval"),
        (json!({ "drift": "adwin", "interval": { "level": 0.8 } }), "interval"),
        (json!({ "drift": { "adwin": {}, "warning": "adwin" }, "interval": { "level": 0.9 } }), "detectors"),
    ] {
        let error = bench(other).learner.load(&state).unwrap_err();
        assert!(error.to_string().contains(what), "{error}");
    }
}

/// The interval of each prediction and the truth of each answer.
#[allow(clippy::type_complexity, reason = "a pair of lists, used here alone")]
fn intervals(params: Value, closes: impl Iterator<Item = f64>) -> (Vec<Option<(f64, f64)>>, Vec<(f64, Option<(f64, f64)>)>) {
    let mut bench = Bench::new(params);
    let (mut given, mut answered) = (Vec::new(), Vec::new());
    for (close, minute) in closes.zip(1..) {
        for item in bench.emit(minute, 0.0, close, 1.0).items {
            match item.event {
                Event::Prediction(p) => given.push(p.interval),
                Event::Answer(a) => answered.push((a.truth, a.question.interval)),
                other => panic!("{other:?}"),
            }
        }
    }
    (given, answered)
}

#[test]
fn intervals_begin_after_their_warm_up_and_cover_what_they_should() {
    // Steele, Lea and Flood's mixer: looks random and is always the same.
    let noise = |k: u64| {
        let z = k.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) >> 44) as f64
    };
    let closes = || (0..3_000).map(|k| 100.0 + noise(k) / (1 << 20) as f64);
    for (target, method) in [("close", "adaptive"), ("return", "adaptive"), ("close", "jackknife"), ("return", "jackknife")] {
        let params = json!({ "model": "naive", "target": target, "interval": { "level": 0.8, "method": method, "warm_up": 50 } });
        let (given, answered) = intervals(params, closes());
        assert_eq!(
            given.iter().position(Option::is_some),
            Some(50),
            "{target} {method}: fifty errors are known at the 51st question"
        );
        assert!(given[50..].iter().all(Option::is_some));
        let with: Vec<bool> = answered.iter().filter_map(|(t, i)| i.map(|(low, high)| low <= *t && *t <= high)).collect();
        let coverage = with.iter().filter(|covered| **covered).count() as f64 / with.len() as f64;
        assert!((coverage - 0.8).abs() < 0.03, "{target} {method}: {coverage}");
    }
}

#[test]
fn an_interval_of_a_direction_or_a_wrong_drift_is_told_with_the_model_s_mistakes() {
    let told = try_build(
        &json!({ "model": "mean", "target": "direction", "interval": {}, "drift": { "adwn": {}, "on_drift": "reset" } }),
        &port(Some(60_000)),
    );
    let told = told.err().unwrap();
    assert!(told.iter().any(|t| t.starts_with("learners.l.interval: a direction has no price")), "{told:?}");
    assert!(
        told.iter()
            .any(|t| t.starts_with("learners.l.drift.adwn: unknown drift detector") && t.ends_with("did you mean `adwin`?")),
        "{told:?}"
    );
    let told = try_build(&json!({ "model": "mean", "interval": { "level": 95 } }), &port(Some(60_000))).err().unwrap();
    assert!(told[0].starts_with("learners.l.interval.level: 95 is out of range"), "{told:?}");
    let built = try_build(&json!({ "model": "mean", "drift": "adwin" }), &port(Some(60_000))).unwrap();
    assert!(
        built.port.kinds.contains(EventKind::Drift) && built.params["drift"]["adwin"]["delta"].is_number(),
        "{}",
        built.params
    );
}

//! Learners and their evaluator in a real topology over a feed with gaps and disorder: what the evaluator says must follow from the answers it was
//! given, recomputed here from the output records alone.

mod common;

use std::collections::BTreeMap;

use common::driven::{batch, driver, number, read, run, time};
use serde_json::Value;
use tidemill::driver::{OutputRecord, TopologyTestDriver};
use tidemill::market::sim::{SimConfig, SimRecord, SimulatedExchange};
use tidemill::processor::Notice;

const TOPOLOGY: &str = r#"
[topology]
name = "learning"
seed = 7
[sources.candles]
topic = "candles.1m"
format = "candle-json"
[processors.bars]
type = "window"
parents = ["candles"]
window = { tumbling = "1m", grace = "2m" }
[processors.x]
type = "features"
parents = ["bars"]
columns = ["open", "close"]
lags = { close = [1, 2] }
[learners.last]
parents = ["x"]
model = "naive"
horizon = "3m"
[learners.linear]
parents = ["x"]
model = "linear_regression"
horizon = "3m"
warm_up = 50
[learners.change]
parents = ["x"]
model = "mean"
target = "return"
horizon = "3m"
tolerance = "1m"
[learners.way]
parents = ["x"]
model = "mean"
target = "direction"
horizon = "3m"
[learners.now]
parents = ["x"]
model = "linear_regression"
nowcast = true
features = ["open", "close_lag_1"]
[evaluators.score]
parents = ["last", "linear", "change", "way", "now"]
window = "2h"
every = "30m"
champion = { min_questions = 20, hysteresis = 0.01 }
[sinks.predictions]
topic = "predictions"
parents = ["score"]
[sinks.answers]
topic = "answers"
parents = ["last", "linear", "change", "way", "now"]
records = "answers"
[sinks.evaluations]
topic = "evaluations"
parents = ["score"]
records = "evaluations"
[sinks.champions]
topic = "champions"
parents = ["score"]
records = "champions"
"#;

const TOPICS: [&str; 4] = ["predictions", "answers", "evaluations", "champions"];

/// A day and a half of three coins with three times the usual gaps, jumps, duplicates and late bars.
fn feed() -> Vec<SimRecord> {
    SimulatedExchange::new(SimConfig { anomalies: 3.0, ..SimConfig::default() }).take(6_000).collect()
}

/// Mean absolute error of the model and of the naive forecast over these answers.
fn errors(answers: &[&Value]) -> (f64, f64) {
    let mean = |off: &dyn Fn(&Value) -> f64| answers.iter().map(|a| off(a).abs()).sum::<f64>() / answers.len() as f64;
    (mean(&|a| number(a, "truth") - number(a, "price")), mean(&|a| number(a, "truth") - number(a, "last")))
}

fn near(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-9 * a.abs().max(b.abs()).max(1e-9)
}

#[test]
fn evaluations_follow_from_the_answers_alone() {
    let mut driver = run(TOPOLOGY, &feed());
    let (answers, evaluations) = (read(&mut driver, "answers"), read(&mut driver, "evaluations"));
    assert!(evaluations.len() > 300, "{}", evaluations.len());
    for evaluation in &evaluations {
        let at = time(evaluation, "at");
        let from = if evaluation["window"] == "cumulative" { i64::MIN } else { at - 7_200_000 };
        let covered = |a: &&Value| {
            a["coin"] == evaluation["coin"]
                && a["model"] == evaluation["model"]
                && time(a, "due_at") <= at
                && time(a, "due_at") > from
        };
        let covered: Vec<&Value> = answers.iter().filter(covered).collect();
        assert_eq!(time(evaluation, "n"), covered.len() as i64, "{evaluation}");
        if evaluation["target"] == "direction" {
            assert!(evaluation["mae"].is_null() && evaluation["directional_accuracy"].is_number(), "{evaluation}");
            continue;
        }
        let (mae, naive) = errors(&covered);
        assert!(
            near(number(evaluation, "mae"), mae) && near(number(&evaluation["naive"], "mae"), naive),
            "{mae} {naive} {evaluation}"
        );
        let skill = number(evaluation, "skill");
        assert!(if evaluation["model"] == "last" { skill == 0.0 } else { near(skill, 1.0 - mae / naive) }, "{evaluation}");
    }
}

#[test]
fn answers_keep_their_questions_and_nothing_is_told_before_it_is_known() {
    let mut driver = run(TOPOLOGY, &feed());
    let closes: BTreeMap<(String, i64), f64> = {
        let answers = read(&mut driver, "answers");
        for answer in &answers {
            let late = time(answer, "due_at") - time(answer, "asked_at") - time(answer, "horizon_ms");
            assert_eq!(late, 0, "{answer}");
        }
        let exact = answers.iter().filter(|a| a["model"] == "last");
        exact.map(|a| ((a["coin"].to_string(), time(a, "due_at")), number(a, "truth"))).collect()
    };
    let predictions = read(&mut driver, "predictions");
    let linear: Vec<&Value> = predictions.iter().filter(|p| p["model"] == "linear").collect();
    assert!(linear.len() > 1_000 && linear.iter().all(|p| time(p, "model_version") >= 50), "the warm-up stays inside");
    for prediction in predictions.iter().filter(|p| p["nowcast"] == false) {
        if let Some(close) = closes.get(&(prediction["coin"].to_string(), time(prediction, "asked_at"))) {
            assert_eq!(number(prediction, "last"), *close, "the last value is the close at the time of asking: {prediction}");
        }
    }
    let mut ids: Vec<&str> = predictions.iter().filter_map(|p| p["id"].as_str()).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), predictions.len(), "ids differ");
}

#[test]
fn a_prediction_is_flagged_by_the_champion_of_its_moment() {
    let mut driver = run(TOPOLOGY, &feed());
    let (champions, predictions) = (read(&mut driver, "champions"), read(&mut driver, "predictions"));
    assert!(champions.len() > 9, "{}", champions.len());
    for prediction in &predictions {
        let directions = prediction["target"] == "direction";
        let nowcast = prediction["nowcast"] == true;
        let asked = time(prediction, "asked_at");
        // The answers of a nowcast's own bar decide only about the bars after it.
        let known = |c: &&Value| if nowcast { time(c, "at") < asked } else { time(c, "at") <= asked };
        let same = |c: &&Value| {
            c["coin"] == prediction["coin"]
                && c["nowcast"] == prediction["nowcast"]
                && (c["metric"] == "directional_accuracy") == directions
                && known(c)
        };
        let leader = champions.iter().rfind(same).map(|c| &c["champion"]);
        assert_eq!(prediction["champion"], Value::Bool(leader == Some(&prediction["model"])), "{prediction}");
    }
}

/// Every record of every topic as bytes.
fn everything(driver: &mut TopologyTestDriver) -> Vec<Vec<OutputRecord>> {
    TOPICS.iter().map(|topic| driver.read(topic)).collect()
}

#[test]
fn batches_and_restarts_change_no_byte() {
    let feed = feed();
    let feed = &feed[..2_000];
    let (mut whole, mut cut) = (run(TOPOLOGY, feed), driver(TOPOLOGY));
    for records in feed.chunks(37) {
        cut.pipe_batch(0, batch(records));
        let snapshot = cut.snapshot(0).unwrap().expect("the partition has records");
        cut.restore(0, &snapshot).unwrap();
    }
    let (a, b) = (whole.snapshot(0).unwrap().unwrap(), cut.snapshot(0).unwrap().unwrap());
    assert_eq!(a.to_bytes().unwrap(), b.to_bytes().unwrap());
    assert_eq!(everything(&mut whole), everything(&mut cut));
    let told = |driver: &mut TopologyTestDriver| -> Vec<String> {
        let scores = |notice: &Notice| !matches!(notice, Notice::Score(_));
        driver.take_notices().iter().filter(|(_, _, n)| scores(n)).map(|(node, key, n)| format!("{node} {key:?} {n:?}")).collect()
    };
    let (mut a, mut b) = (told(&mut whole), told(&mut cut));
    a.sort();
    b.sort();
    assert_eq!(a, b, "notices are told once, whatever the batches");
    assert!(a.iter().any(|n| n.contains("QuestionExpired")), "the feed has gaps");
}

#[test]
fn a_coin_alone_gives_the_records_it_gives_among_others() {
    let feed = feed();
    let alone: Vec<SimRecord> = feed.iter().filter(|record| &*record.key == b"ETH-USDT").cloned().collect();
    let (mut among, mut alone) = (run(TOPOLOGY, &feed), run(TOPOLOGY, &alone));
    for topic in TOPICS {
        let of = |driver: &mut TopologyTestDriver| -> Vec<Value> {
            let mut records = read(driver, topic);
            records.retain(|record| record["coin"] == "ETH-USDT");
            records.iter_mut().for_each(|record| drop(record.as_object_mut().and_then(|o| o.remove("source"))));
            records
        };
        let (a, b) = (of(&mut among), of(&mut alone));
        assert!(!a.is_empty(), "{topic}");
        assert_eq!(a, b, "{topic}");
    }
}

//! Every model against the naive forecast on recorded candles: forecasts and nowcasts of several coins and periods, as tables in Markdown.
//!
//! `cargo run --release --example leaderboard -- DATA [RECORDS]` reads the candle files named below from the folder `DATA`, at most `RECORDS` of each
//! (40,000 where it is left out), runs them through one topology an interval on the engine's backtest, and prints what docs/models.md holds.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use tidemill::connect::csv::{CsvOptions, MergedInput};
use tidemill::driver::Backtest;
use tidemill::market::feed::Feed;
use tidemill::operators::standard_catalog;
use tidemill::task::{LeaderboardRow, TaskOutput};
use tidemill::topology::compile;

/// Column heading, interval and file.
const FILES: [(&str, &str, &str); 9] = [
    ("BTC 1d 2014-23", "1d", "daily/BTC-USD.csv.gz"),
    ("ETH 1d 2017-23", "1d", "daily/ETH-USD.csv.gz"),
    ("LTC 1d 2014-23", "1d", "daily/LTC-USD.csv.gz"),
    ("BTC 1m 2021", "1m", "binance-1m/BTCUSDT-1m-20210326-20210520.csv.gz"),
    ("ETH 1m 2021", "1m", "binance-1m/ETHUSDT-1m-20210402-20210615.csv.gz"),
    ("LTC 1m 2021", "1m", "binance-1m/LTCUSDT-1m-20210402-20210615.csv.gz"),
    ("BTC 1m 2023", "1m", "binance-1m/BTCUSDT-1m-20230316-20230505.csv.gz"),
    ("ETH 1m 2023", "1m", "binance-1m/ETHUSDT-1m-20230316-20230501.csv.gz"),
    ("LTC 1m 2023", "1m", "binance-1m/LTCUSDT-1m-20230401-20230501.csv.gz"),
];

/// A learner: its name, which is that of its model in the catalogue; what its table says before the model; the model. `LINEAR` in a model stands for the question's
/// linear regression, `MEMBERS` for the models that its ensembles choose from.
type Learner = (&'static str, &'static str, &'static str);

const PLAIN: &str = "";
const RETURN: &str = "target = 'return'\n";
const SCALED_FEATURES: &str = "target = 'return'\nscale = 'standard_scaler'\n";
const SCALED_RETURN: &str = "target = 'return'\nscale = 'standard_scaler'\nscale_target = true\n";
const SCALED: &str = "scale = 'standard_scaler'\nscale_target = true\n";
const RAW_FEATURES: &str = "scale = 'none'\n";
const RAW: &str = "scale = 'none'\nscale_target = false\n";

/// Forecasts of the next close, as a relative change.
const FORECASTS: &[Learner] = &[
    ("naive", PLAIN, "'naive'"),
    ("mean", RETURN, "'mean'"),
    ("linear_regression", SCALED_RETURN, "LINEAR"),
    ("pa_regressor", SCALED_RETURN, "{ pa_regressor = { c = 0.001 } }"),
    ("bayesian_linear_regression", SCALED_RETURN, "'bayesian_linear_regression'"),
    ("recursive_least_squares", SCALED_RETURN, "'recursive_least_squares'"),
    ("knn_regressor", SCALED_FEATURES, "{ knn_regressor = { n_neighbors = 50, window_size = 1000 } }"),
    ("hoeffding_tree_regressor", SCALED_RETURN, "{ hoeffding_tree_regressor = { leaf_prediction = 'mean' } }"),
    ("hoeffding_adaptive_tree_regressor", SCALED_RETURN, "{ hoeffding_adaptive_tree_regressor = { leaf_prediction = 'mean' } }"),
    ("arf_regressor", SCALED_RETURN, "{ arf_regressor = { leaf_prediction = 'mean' } }"),
    ("snarimax", PLAIN, "{ snarimax = { p = 1, d = 1, q = 1 } }"),
    ("holt_winters", PLAIN, "{ holt_winters = { alpha = 0.9 } }"),
    ("am_rules", SCALED_RETURN, "{ am_rules = { pred_type = 'mean' } }"),
    ("sgt_regressor", SCALED_RETURN, "'sgt_regressor'"),
    ("oxt_regressor", SCALED_RETURN, "{ oxt_regressor = { leaf_prediction = 'mean' } }"),
    ("fimtdd_regressor", RETURN, "{ fimtdd_regressor = { leaf_prediction = 'mean' } }"),
    ("soknl_regressor", SCALED_RETURN, "'soknl_regressor'"),
    ("amf_regressor", SCALED_RETURN, "'amf_regressor'"),
    (
        "srp_regressor",
        SCALED_RETURN,
        "{ srp_regressor = { model = { hoeffding_tree_regressor = { leaf_prediction = 'mean' } } } }",
    ),
    ("sgb_regressor", SCALED_RETURN, "'sgb_regressor'"),
    (
        "bagging_regressor",
        SCALED_RETURN,
        "{ bagging_regressor = { model = { hoeffding_tree_regressor = { leaf_prediction = 'mean' } } } }",
    ),
    ("ewa_regressor", SCALED_RETURN, "{ ewa_regressor = { models = MEMBERS } }"),
    (
        "stacking_regressor",
        SCALED_RETURN,
        "{ stacking_regressor = { final_model = { pipeline = { steps = ['standard_scaler', { pa_regressor = { c = 0.001 } }] } }, models = MEMBERS } }",
    ),
    ("greedy_regressor", SCALED_RETURN, "{ greedy_regressor = { models = MEMBERS } }"),
    ("bandit_regressor", SCALED_RETURN, "{ bandit_regressor = { models = MEMBERS } }"),
    ("successive_halving_regressor", SCALED_RETURN, "{ successive_halving_regressor = { budget = 3000, models = MEMBERS } }"),
    ("drift", PLAIN, "'drift'"),
    ("seasonal_naive", PLAIN, "{ seasonal_naive = { seasonality = 7 } }"),
    ("batch_incremental", RETURN, "{ batch_incremental = { last_fits = 50 } }"),
];

/// Nowcasts: the close of the bar from its open, high and low.
const NOWCASTS: &[Learner] = &[
    ("linear_regression", SCALED, "LINEAR"),
    ("pa_regressor", SCALED, "{ pa_regressor = { mode = 2, c = 0.1, eps = 0.001 } }"),
    ("bayesian_linear_regression", RAW, "'bayesian_linear_regression'"),
    ("recursive_least_squares", SCALED, "'recursive_least_squares'"),
    ("knn_regressor", PLAIN, "{ knn_regressor = { aggregation = 'weighted_mean' } }"),
    ("hoeffding_tree_regressor", SCALED, "'hoeffding_tree_regressor'"),
    ("hoeffding_adaptive_tree_regressor", SCALED, "'hoeffding_adaptive_tree_regressor'"),
    ("arf_regressor", SCALED, "'arf_regressor'"),
    ("am_rules", SCALED, "'am_rules'"),
    ("oxt_regressor", SCALED, "'oxt_regressor'"),
    ("fimtdd_regressor", RAW_FEATURES, "'fimtdd_regressor'"),
    ("soknl_regressor", SCALED, "'soknl_regressor'"),
    ("amf_regressor", SCALED, "'amf_regressor'"),
    ("sgb_regressor", SCALED, "'sgb_regressor'"),
    ("sgt_regressor", SCALED, "'sgt_regressor'"),
    ("srp_regressor", SCALED, "{ srp_regressor = { model = 'hoeffding_tree_regressor' } }"),
    ("bagging_regressor", SCALED, "{ bagging_regressor = { model = LINEAR } }"),
    ("ewa_regressor", SCALED, "{ ewa_regressor = { models = MEMBERS } }"),
    (
        "stacking_regressor",
        SCALED,
        "{ stacking_regressor = { final_model = { pipeline = { steps = ['standard_scaler', { pa_regressor = { mode = 2, c = 0.1, eps = 0.001 } }] } }, models = MEMBERS } }",
    ),
    ("greedy_regressor", SCALED, "{ greedy_regressor = { models = MEMBERS } }"),
    ("bandit_regressor", SCALED, "{ bandit_regressor = { models = MEMBERS } }"),
    ("successive_halving_regressor", SCALED, "{ successive_halving_regressor = { budget = 3000, models = MEMBERS } }"),
    ("batch_incremental", PLAIN, "'batch_incremental'"),
];

/// What is asked of the learners.
struct Question {
    name: &'static str,
    learners: &'static [Learner],
    /// What the table of each of its learners begins with.
    head: &'static str,
    linear: &'static str,
    members: &'static str,
}

const NEXT: Question = Question {
    name: "next",
    learners: FORECASTS,
    head: "parents = ['past']\n",
    linear: "{ linear_regression = { optimizer = { sgd = { learning_rate = 0.001 } }, intercept_lr = 0.001, clip_gradient = 1.0 } }",
    members: "['mean', LINEAR, { hoeffding_tree_regressor = { leaf_prediction = 'mean' } }]",
};

const NOW: Question = Question {
    name: "now",
    learners: NOWCASTS,
    head: "parents = ['day']\nnowcast = true\n",
    linear: "{ linear_regression = { optimizer = { ada_grad = { learning_rate = 0.1 } }, clip_gradient = 1.0 } }",
    members: "[LINEAR, 'hoeffding_tree_regressor']",
};

/// The topology of an interval.
fn topology(interval: &str) -> String {
    let mut text = format!(
        "[topology]\nname = 'leaderboard'\nseed = 7\n[sources.candles]\ntopic = 'candles'\nformat = 'candle-json'\n\
         [processors.checked]\ntype = 'validate'\nparents = ['candles']\ninterval = '{interval}'\nmax_ahead = '30d'\n\
         [processors.day]\ntype = 'features'\nparents = ['checked']\ncolumns = ['open', 'high', 'low']\n\
         [processors.past]\ntype = 'features'\nparents = ['checked']\nreturns = [1, 2, 5]\nrange = true\nbody = true\n"
    );
    let mut names = Vec::new();
    for Question { name: question, learners, head, linear, members } in [NEXT, NOW] {
        for (name, settings, model) in learners {
            let model = model.replace("MEMBERS", members).replace("LINEAR", linear);
            writeln!(text, "[learners.{name}-{question}]\n{head}{settings}model = {model}")
                .expect("a string takes what it is given");
            names.push(format!("'{name}-{question}'"));
        }
    }
    text + &format!(
        "[evaluators.score]\nparents = [{}]\n[sinks.evaluations]\ntopic = 'e'\nparents = ['score']\n",
        names.join(", ")
    )
}

/// What became of one file.
fn run(file: &Path, interval: &str, records: usize) -> anyhow::Result<Vec<LeaderboardRow>> {
    let (graph, _) = compile(&topology(interval), "leaderboard.toml", &standard_catalog())?;
    let graph = Arc::new(graph);
    let mut feed = MergedInput::open(&[file.to_owned()], &CsvOptions::default())?;
    let receive = |_: u32, _: &TaskOutput| Ok::<(), std::convert::Infallible>(());
    let mut backtest = Backtest::new(graph.clone(), 500, receive);
    for _ in 0..records {
        let Some(record) = feed.next_record()? else { break };
        backtest.push(0, &record)?;
    }
    backtest.flush()?;
    Ok(backtest.report().leaderboard.rows(&graph))
}

/// One question as a table: naive's error first, then each model's skill, and the worst ratio of its error to naive's.
fn table(found: &[(&str, Vec<LeaderboardRow>)], question: &Question) -> String {
    let of = |rows: &[LeaderboardRow]| -> BTreeMap<String, (Option<f64>, Option<f64>)> {
        let ends = format!("-{}", question.name);
        rows.iter().filter_map(|row| Some((row.model.strip_suffix(&ends)?.to_owned(), (row.mae, row.skill)))).collect()
    };
    let columns: Vec<_> = found.iter().map(|(name, rows)| (name, of(rows))).collect();
    let names: Vec<&str> = columns.iter().map(|(name, _)| **name).collect();
    let mut text = format!("| model | {} | worst MAE / naive |\n|---|{}---:|\n", names.join(" | "), "---:|".repeat(names.len()));
    let naive = |models: &BTreeMap<String, (Option<f64>, Option<f64>)>| {
        models.values().find_map(|(mae, skill)| Some(mae.as_ref()? / (1.0 - skill.as_ref()?)))
    };
    let cells: Vec<String> =
        columns.iter().map(|(_, models)| naive(models).map_or("-".to_owned(), |mae| format!("{mae:.4}"))).collect();
    writeln!(text, "| *naive, MAE in price* | {} | 1 |", cells.join(" | ")).expect("a string takes what it is given");
    for (name, ..) in question.learners.iter().filter(|(name, ..)| *name != "naive") {
        let skills: Vec<Option<f64>> =
            columns.iter().map(|(_, models)| models.get(*name).and_then(|(_, skill)| *skill)).collect();
        if skills.iter().all(Option::is_none) {
            continue;
        }
        let worst = skills.iter().flatten().map(|skill| 1.0 - skill).fold(0.0, f64::max);
        let cells: Vec<String> =
            skills.iter().map(|skill| skill.map_or("-".to_owned(), |skill| format!("{skill:+.4}"))).collect();
        writeln!(text, "| {name} | {} | {worst:.3} |", cells.join(" | ")).expect("a string takes what it is given");
    }
    text
}

fn main() -> anyhow::Result<()> {
    let mut args = std::env::args().skip(1);
    let folder = args.next().context("expected the folder that holds daily/ and binance-1m/")?;
    let records = args.next().map_or(Ok(40_000), |text| text.parse()).context("expected a number of records")?;
    let mut found = Vec::new();
    for (name, interval, file) in FILES {
        let path = Path::new(&folder).join(file);
        if path.is_file() {
            eprintln!("{name}");
            found.push((name, run(&path, interval, records)?));
        }
    }
    anyhow::ensure!(!found.is_empty(), "{folder} holds none of the candle files");
    println!(
        "### Forecasts: the next close\n\n{}\n### Nowcasts: the close from open, high and low of the same bar\n\n{}",
        table(&found, &NEXT),
        table(&found, &NOW)
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_topologies_compile_and_judge_every_model_that_there_is() {
        for interval in ["1m", "1d"] {
            let (graph, warnings) =
                compile(&topology(interval), "leaderboard.toml", &standard_catalog()).unwrap_or_else(|e| panic!("{e}"));
            assert!(warnings.is_empty() && graph.nodes.len() > 12, "{warnings:?}");
        }
    }
}

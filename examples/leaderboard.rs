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

/// A learner: its name, which is that of its model in the catalogue, and what its table says.
type Learner = (&'static str, &'static str);

/// Forecasts of the next close, as a relative change.
const FORECASTS: &[Learner] = &[
    ("naive", "model = 'naive'\n"),
    ("mean", "target = 'return'\nmodel = 'mean'\n"),
    (
        "linear_regression",
        "target = 'return'\nscale = 'standard_scaler'\nscale_target = true\n\
         model = { linear_regression = { optimizer = { sgd = { learning_rate = 0.001 } }, intercept_lr = 0.001, clip_gradient = 1.0 } }\n",
    ),
    (
        "pa_regressor",
        "target = 'return'\nscale = 'standard_scaler'\nscale_target = true\nmodel = { pa_regressor = { c = 0.001 } }\n",
    ),
    (
        "bayesian_linear_regression",
        "target = 'return'\nscale = 'standard_scaler'\nscale_target = true\nmodel = 'bayesian_linear_regression'\n",
    ),
    (
        "recursive_least_squares",
        "target = 'return'\nscale = 'standard_scaler'\nscale_target = true\nmodel = 'recursive_least_squares'\n",
    ),
    (
        "knn_regressor",
        "target = 'return'\nscale = 'standard_scaler'\nmodel = { knn_regressor = { n_neighbors = 50, window_size = 1000 } }\n",
    ),
    (
        "hoeffding_tree_regressor",
        "target = 'return'\nscale = 'standard_scaler'\nscale_target = true\nmodel = { hoeffding_tree_regressor = { leaf_prediction = 'mean' } }\n",
    ),
    (
        "hoeffding_adaptive_tree_regressor",
        "target = 'return'\nscale = 'standard_scaler'\nscale_target = true\nmodel = { hoeffding_adaptive_tree_regressor = { leaf_prediction = 'mean' } }\n",
    ),
    (
        "arf_regressor",
        "target = 'return'\nscale = 'standard_scaler'\nscale_target = true\nmodel = { arf_regressor = { leaf_prediction = 'mean' } }\n",
    ),
    ("snarimax", "model = { snarimax = { p = 1, d = 1, q = 1 } }\n"),
    ("holt_winters", "model = { holt_winters = { alpha = 0.9 } }\n"),
    (
        "am_rules",
        "target = 'return'\nscale = 'standard_scaler'\nscale_target = true\nmodel = { am_rules = { pred_type = 'mean' } }\n",
    ),
    ("sgt_regressor", "target = 'return'\nscale = 'standard_scaler'\nscale_target = true\nmodel = 'sgt_regressor'\n"),
    (
        "oxt_regressor",
        "target = 'return'\nscale = 'standard_scaler'\nscale_target = true\nmodel = { oxt_regressor = { leaf_prediction = 'mean' } }\n",
    ),
    ("fimtdd_regressor", "target = 'return'\nmodel = { fimtdd_regressor = { leaf_prediction = 'mean' } }\n"),
    ("soknl_regressor", "target = 'return'\nscale = 'standard_scaler'\nscale_target = true\nmodel = 'soknl_regressor'\n"),
    ("amf_regressor", "target = 'return'\nscale = 'standard_scaler'\nscale_target = true\nmodel = 'amf_regressor'\n"),
    (
        "srp_regressor",
        "target = 'return'\nscale = 'standard_scaler'\nscale_target = true\nmodel = { srp_regressor = { model = { hoeffding_tree_regressor = { leaf_prediction = 'mean' } } } }\n",
    ),
    ("sgb_regressor", "target = 'return'\nscale = 'standard_scaler'\nscale_target = true\nmodel = 'sgb_regressor'\n"),
    (
        "bagging_regressor",
        "target = 'return'\nscale = 'standard_scaler'\nscale_target = true\nmodel = { bagging_regressor = { model = { hoeffding_tree_regressor = { leaf_prediction = 'mean' } } } }\n",
    ),
    (
        "ewa_regressor",
        "target = 'return'\nscale = 'standard_scaler'\nscale_target = true\nmodel = { ewa_regressor = { models = ['mean', { linear_regression = { optimizer = { sgd = { learning_rate = 0.001 } }, intercept_lr = 0.001, clip_gradient = 1.0 } }, { hoeffding_tree_regressor = { leaf_prediction = 'mean' } }] } }\n",
    ),
    (
        "stacking_regressor",
        "target = 'return'\nscale = 'standard_scaler'\nscale_target = true\nmodel = { stacking_regressor = { final_model = { pipeline = { steps = ['standard_scaler', { pa_regressor = { c = 0.001 } }] } }, models = ['mean', { linear_regression = { optimizer = { sgd = { learning_rate = 0.001 } }, intercept_lr = 0.001, clip_gradient = 1.0 } }, { hoeffding_tree_regressor = { leaf_prediction = 'mean' } }] } }\n",
    ),
    (
        "greedy_regressor",
        "target = 'return'\nscale = 'standard_scaler'\nscale_target = true\nmodel = { greedy_regressor = { models = ['mean', { linear_regression = { optimizer = { sgd = { learning_rate = 0.001 } }, intercept_lr = 0.001, clip_gradient = 1.0 } }, { hoeffding_tree_regressor = { leaf_prediction = 'mean' } }] } }\n",
    ),
    (
        "bandit_regressor",
        "target = 'return'\nscale = 'standard_scaler'\nscale_target = true\nmodel = { bandit_regressor = { models = ['mean', { linear_regression = { optimizer = { sgd = { learning_rate = 0.001 } }, intercept_lr = 0.001, clip_gradient = 1.0 } }, { hoeffding_tree_regressor = { leaf_prediction = 'mean' } }] } }\n",
    ),
    (
        "successive_halving_regressor",
        "target = 'return'\nscale = 'standard_scaler'\nscale_target = true\nmodel = { successive_halving_regressor = { budget = 3000, models = ['mean', { linear_regression = { optimizer = { sgd = { learning_rate = 0.001 } }, intercept_lr = 0.001, clip_gradient = 1.0 } }, { hoeffding_tree_regressor = { leaf_prediction = 'mean' } }] } }\n",
    ),
    ("drift", "model = 'drift'\n"),
    ("seasonal_naive", "model = { seasonal_naive = { seasonality = 7 } }\n"),
    ("batch_incremental", "target = 'return'\nmodel = { batch_incremental = { last_fits = 50 } }\n"),
];

/// Nowcasts: the close of the bar from its open, high and low.
const NOWCASTS: &[Learner] = &[
    (
        "linear_regression",
        "scale = 'standard_scaler'\nscale_target = true\nmodel = { linear_regression = { optimizer = { ada_grad = { learning_rate = 0.1 } }, clip_gradient = 1.0 } }\n",
    ),
    (
        "pa_regressor",
        "scale = 'standard_scaler'\nscale_target = true\nmodel = { pa_regressor = { mode = 2, c = 0.1, eps = 0.001 } }\n",
    ),
    ("bayesian_linear_regression", "scale = 'none'\nscale_target = false\nmodel = 'bayesian_linear_regression'\n"),
    ("recursive_least_squares", "scale = 'standard_scaler'\nscale_target = true\nmodel = 'recursive_least_squares'\n"),
    ("knn_regressor", "model = { knn_regressor = { aggregation = 'weighted_mean' } }\n"),
    ("hoeffding_tree_regressor", "scale = 'standard_scaler'\nscale_target = true\nmodel = 'hoeffding_tree_regressor'\n"),
    (
        "hoeffding_adaptive_tree_regressor",
        "scale = 'standard_scaler'\nscale_target = true\nmodel = 'hoeffding_adaptive_tree_regressor'\n",
    ),
    ("arf_regressor", "scale = 'standard_scaler'\nscale_target = true\nmodel = 'arf_regressor'\n"),
    ("am_rules", "scale = 'standard_scaler'\nscale_target = true\nmodel = 'am_rules'\n"),
    ("oxt_regressor", "scale = 'standard_scaler'\nscale_target = true\nmodel = 'oxt_regressor'\n"),
    ("fimtdd_regressor", "scale = 'none'\nmodel = 'fimtdd_regressor'\n"),
    ("soknl_regressor", "scale = 'standard_scaler'\nscale_target = true\nmodel = 'soknl_regressor'\n"),
    ("amf_regressor", "scale = 'standard_scaler'\nscale_target = true\nmodel = 'amf_regressor'\n"),
    ("sgb_regressor", "scale = 'standard_scaler'\nscale_target = true\nmodel = 'sgb_regressor'\n"),
    ("sgt_regressor", "scale = 'standard_scaler'\nscale_target = true\nmodel = 'sgt_regressor'\n"),
    (
        "srp_regressor",
        "scale = 'standard_scaler'\nscale_target = true\nmodel = { srp_regressor = { model = 'hoeffding_tree_regressor' } }\n",
    ),
    (
        "bagging_regressor",
        "scale = 'standard_scaler'\nscale_target = true\nmodel = { bagging_regressor = { model = { linear_regression = { optimizer = { ada_grad = { learning_rate = 0.1 } }, clip_gradient = 1.0 } } } }\n",
    ),
    (
        "ewa_regressor",
        "scale = 'standard_scaler'\nscale_target = true\nmodel = { ewa_regressor = { models = [{ linear_regression = { optimizer = { ada_grad = { learning_rate = 0.1 } }, clip_gradient = 1.0 } }, 'hoeffding_tree_regressor'] } }\n",
    ),
    (
        "stacking_regressor",
        "scale = 'standard_scaler'\nscale_target = true\nmodel = { stacking_regressor = { final_model = { pipeline = { steps = ['standard_scaler', { pa_regressor = { mode = 2, c = 0.1, eps = 0.001 } }] } }, models = [{ linear_regression = { optimizer = { ada_grad = { learning_rate = 0.1 } }, clip_gradient = 1.0 } }, 'hoeffding_tree_regressor'] } }\n",
    ),
    (
        "greedy_regressor",
        "scale = 'standard_scaler'\nscale_target = true\nmodel = { greedy_regressor = { models = [{ linear_regression = { optimizer = { ada_grad = { learning_rate = 0.1 } }, clip_gradient = 1.0 } }, 'hoeffding_tree_regressor'] } }\n",
    ),
    (
        "bandit_regressor",
        "scale = 'standard_scaler'\nscale_target = true\nmodel = { bandit_regressor = { models = [{ linear_regression = { optimizer = { ada_grad = { learning_rate = 0.1 } }, clip_gradient = 1.0 } }, 'hoeffding_tree_regressor'] } }\n",
    ),
    (
        "successive_halving_regressor",
        "scale = 'standard_scaler'\nscale_target = true\nmodel = { successive_halving_regressor = { budget = 3000, models = [{ linear_regression = { optimizer = { ada_grad = { learning_rate = 0.1 } }, clip_gradient = 1.0 } }, 'hoeffding_tree_regressor'] } }\n",
    ),
    ("batch_incremental", "model = 'batch_incremental'\n"),
];

/// The topology of an interval.
fn topology(interval: &str) -> String {
    let mut text = format!(
        "[topology]\nname = 'leaderboard'\nseed = 7\n[sources.candles]\ntopic = 'candles'\nformat = 'candle-json'\n\
         [processors.checked]\ntype = 'validate'\nparents = ['candles']\ninterval = '{interval}'\nmax_ahead = '30d'\n\
         [processors.day]\ntype = 'features'\nparents = ['checked']\ncolumns = ['open', 'high', 'low']\n\
         [processors.past]\ntype = 'features'\nparents = ['checked']\nreturns = [1, 2, 5]\nrange = true\nbody = true\n"
    );
    let mut names = Vec::new();
    for (question, learners, head) in
        [("next", FORECASTS, "parents = ['past']\n"), ("now", NOWCASTS, "parents = ['day']\nnowcast = true\n")]
    {
        for (name, table) in learners {
            write!(text, "[learners.{name}-{question}]\n{head}{table}").expect("a string takes what it is given");
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
fn table(found: &[(&str, Vec<LeaderboardRow>)], question: &str) -> String {
    let of = |rows: &[LeaderboardRow]| -> BTreeMap<String, (Option<f64>, Option<f64>)> {
        let ends = format!("-{question}");
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
    let learners = if question == "next" { FORECASTS } else { NOWCASTS };
    for (name, ..) in learners.iter().filter(|(name, ..)| *name != "naive") {
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
        table(&found, "next"),
        table(&found, "now")
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

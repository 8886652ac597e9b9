//! The leaderboard: the newest score of every model for every coin, gathered from notices.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;

use crate::processor::{Evaluation, KeyTable, NodeId, Notice, Noticed, Score};
use crate::record::format_duration_ms;
use crate::topology::Graph;

/// One model for one coin, over all its questions.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LeaderboardRow {
    /// The coin.
    pub coin: String,
    /// The learner's name.
    pub model: String,
    /// The horizon as people write it (`1m`); `nowcast` for a nowcast.
    pub horizon: String,
    /// What is predicted.
    pub target: &'static str,
    /// Number of answered questions.
    pub n: u64,
    /// Mean absolute error, price.
    pub mae: Option<f64>,
    /// Root mean squared error, price.
    pub rmse: Option<f64>,
    /// Symmetric mean absolute percentage error, 0 to 200 %.
    pub smape: Option<f64>,
    /// Coefficient of determination.
    pub r2: Option<f64>,
    /// Share of right directions, 0 to 1.
    pub directional_accuracy: Option<f64>,
    /// 1 - MAE / MAE of the naive last-value forecast over the same questions.
    pub skill: Option<f64>,
    /// Whether it leads.
    pub champion: bool,
}

/// The newest scores, by coin, question and model.
#[derive(Debug, Clone, Default)]
pub struct Leaderboard {
    scores: BTreeMap<(Arc<str>, bool, i64, NodeId), Score>,
}

impl Leaderboard {
    /// Takes the scores among these notices.
    pub fn update(&mut self, keys: &KeyTable, notices: &[Noticed]) {
        for (_, key, notice) in notices {
            if let Notice::Score(score) = notice {
                let Evaluation { nowcast, horizon_ms, model, .. } = score.cumulative;
                self.scores.insert((keys.name(*key).clone(), nowcast, horizon_ms, model), (**score).clone());
            }
        }
    }

    /// The scores, ordered by coin, nowcasts last, then horizon and the order of the models in the topology.
    pub fn scores(&self) -> impl Iterator<Item = (&Arc<str>, &Score)> {
        self.scores.iter().map(|((coin, ..), score)| (coin, score))
    }

    /// The rows people read, in the order of [`scores`](Self::scores).
    pub fn rows(&self, graph: &Graph) -> Vec<LeaderboardRow> {
        self.scores().map(|(coin, score)| row(graph, coin, &score.cumulative)).collect()
    }
}

fn row(graph: &Graph, coin: &str, evaluation: &Evaluation) -> LeaderboardRow {
    let measures = evaluation.measures;
    LeaderboardRow {
        coin: coin.to_owned(),
        model: graph.node_name(evaluation.model).to_string(),
        horizon: if evaluation.nowcast { "nowcast".to_owned() } else { format_duration_ms(evaluation.horizon_ms) },
        target: evaluation.target.name(),
        n: evaluation.n,
        mae: measures.mae,
        rmse: measures.rmse,
        smape: measures.smape,
        r2: measures.r2,
        directional_accuracy: measures.directional_accuracy,
        skill: evaluation.skill,
        champion: evaluation.champion,
    }
}

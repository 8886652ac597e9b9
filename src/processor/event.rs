//! What flows along the edges of a topology.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{EventKind, KeyId, NodeId};
use crate::market::{Candle, Trade};
use crate::record::Timestamp;

/// An event with its place in the batch: which input record caused it, and as which step.
#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    /// Position in its batch of the input record that caused this.
    pub index: u32,
    /// Which of the bars (windows may close several on one record) this belongs to, from 0.
    pub step: u32,
    /// The coin.
    pub key: KeyId,
    /// Event time: the open time of a candle from a source, the close time of whatever a closed bar causes.
    pub timestamp: Timestamp,
    /// What happened.
    pub event: Event,
}

/// What happened.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// A closed candle, from a source or a window.
    Candle(Candle),
    /// A single trade.
    Trade(Trade),
    /// Features of a closed bar.
    Row(Row),
    /// A question a model answered in advance.
    Prediction(Prediction),
    /// A question whose truth is known.
    Answer(Answer),
    /// The measures of one model over a window.
    Evaluation(Box<Evaluation>),
    /// Another model leads.
    Champion(Box<ChampionChange>),
    /// A detector raised the alarm.
    Drift(Box<Drift>),
    /// A guard found something unusual.
    Anomaly(Box<Anomaly>),
}

impl Event {
    /// The kind of the event.
    pub fn kind(&self) -> EventKind {
        match self {
            Event::Candle(_) => EventKind::Candle,
            Event::Trade(_) => EventKind::Trade,
            Event::Row(_) => EventKind::Row,
            Event::Prediction(_) => EventKind::Prediction,
            Event::Answer(_) => EventKind::Answer,
            Event::Evaluation(_) => EventKind::Evaluation,
            Event::Champion(_) => EventKind::Champion,
            Event::Drift(_) => EventKind::Drift,
            Event::Anomaly(_) => EventKind::Anomaly,
        }
    }
}

/// The features of one closed bar, over the columns of the node's [`Port`](super::Port).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// First moment of the bar.
    pub open_time: Timestamp,
    /// First moment after the bar: when its close is known and questions are asked.
    pub close_time: Timestamp,
    /// First price of the bar.
    pub open: f64,
    /// Last price of the bar: the truth for questions due at `close_time`.
    pub close: f64,
    /// The features; NaN where a value is absent (for instance a lag before the first bar).
    pub values: Box<[f64]>,
}

/// What a learner predicts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// The close of the bar that is complete at the due time, as a price.
    #[default]
    Close,
    /// Its relative change against the last value: close / last - 1.
    Return,
    /// Whether it rises (1), falls (-1) or stays (0) against the last value.
    Direction,
}

impl Target {
    /// The name used in topology files and records.
    pub fn name(self) -> &'static str {
        match self {
            Target::Close => "close",
            Target::Return => "return",
            Target::Direction => "direction",
        }
    }
}

/// A prediction: a question that waits for its label.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Prediction {
    /// The learner that made it.
    pub model: NodeId,
    /// Number of labels the model had learned when it answered: its version.
    pub version: u64,
    /// From `asked_at` to `due_at`, ms; 0 for a nowcast.
    pub horizon_ms: i64,
    /// What is predicted.
    pub target: Target,
    /// When the question was asked: the close time of the bar it was asked at.
    pub asked_at: Timestamp,
    /// When the truth is known.
    pub due_at: Timestamp,
    /// 0 for the first question of this moment, then counted: windows may close two bars at one moment.
    pub ordinal: u32,
    /// The newest close known when the question was asked.
    pub last: f64,
    /// The prediction in the unit of the target.
    pub value: f64,
    /// The prediction as a price; absent for direction.
    pub price: Option<f64>,
    /// Lower and upper bound of the price, where the learner gives an interval.
    pub interval: Option<(f64, f64)>,
    /// Whether it tells the close of a bar whose open, high and low were already known: no forecast.
    pub nowcast: bool,
    /// Whether the model led its evaluator when the question was asked; `None` before an evaluator has seen it.
    pub champion: Option<bool>,
}

/// A prediction together with the truth.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// The prediction as it was made (its champion flag is not kept).
    pub question: Prediction,
    /// The true close at the due time, as a price.
    pub truth: f64,
    /// The truth in the unit of the target: what the model learned.
    pub label: f64,
}

/// Error measures over the same questions; `None` where a measure does not apply or nothing was seen.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Measures {
    /// Mean absolute error, price.
    pub mae: Option<f64>,
    /// Root mean squared error, price.
    pub rmse: Option<f64>,
    /// Symmetric mean absolute percentage error, 0 to 200 %.
    pub smape: Option<f64>,
    /// Coefficient of determination, at most 1.
    pub r2: Option<f64>,
    /// Share of questions whose direction against the last value was right, among those where the price moved, 0 to 1.
    pub directional_accuracy: Option<f64>,
}

/// How well the intervals of predictions held.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct IntervalMeasures {
    /// Number of questions whose prediction had an interval.
    pub n: u64,
    /// Share of their truths that lay inside, 0 to 1.
    pub coverage: f64,
    /// Mean width, price.
    pub width: f64,
}

/// Which questions an evaluation covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EvaluationWindow {
    /// All since the model was new.
    Cumulative,
    /// Those due in the last so many milliseconds.
    Rolling(i64),
}

/// How good a model was over a window, and the naive last-value forecast over the same questions.
#[derive(Debug, Clone, PartialEq)]
pub struct Evaluation {
    /// The model judged.
    pub model: NodeId,
    /// Its horizon, ms.
    pub horizon_ms: i64,
    /// Its target.
    pub target: Target,
    /// Whether it nowcasts.
    pub nowcast: bool,
    /// Which questions are covered.
    pub window: EvaluationWindow,
    /// When it was measured: questions due until then are covered, and a rolling window ends there.
    pub at: Timestamp,
    /// Number of questions covered.
    pub n: u64,
    /// The model's measures.
    pub measures: Measures,
    /// The naive forecast's.
    pub naive: Measures,
    /// 1 - MAE / MAE of naive: above 0 is better than naive.
    pub skill: Option<f64>,
    /// Whether the model leads at this moment.
    pub champion: bool,
    /// How well the intervals held, where there were any.
    pub intervals: Option<IntervalMeasures>,
}

/// A change of the leading model among those with one horizon.
#[derive(Debug, Clone, PartialEq)]
pub struct ChampionChange {
    /// The horizon they share, ms.
    pub horizon_ms: i64,
    /// Whether they nowcast.
    pub nowcast: bool,
    /// When it changed.
    pub at: Timestamp,
    /// Who led before.
    pub previous: Option<NodeId>,
    /// Who leads now.
    pub champion: NodeId,
    /// The name of the measure that decided.
    pub metric: &'static str,
    /// Its value for the new champion.
    pub value: f64,
    /// Its value for the previous one.
    pub previous_value: Option<f64>,
}

/// An alarm of a drift detector.
#[derive(Debug, Clone, PartialEq)]
pub struct Drift {
    /// The learner whose errors drifted.
    pub model: NodeId,
    /// The detector's name in the catalogue.
    pub detector: String,
    /// When: the due time of the question that raised it.
    pub at: Timestamp,
    /// What was done: `notify`, `reset` (a fresh model took over) or `swap` (the background model took over).
    pub action: &'static str,
    /// Number of labels the model had learned: the one that is replaced, where it is.
    pub version: u64,
}

/// Something unusual, found by a guard.
#[derive(Debug, Clone, PartialEq)]
pub struct Anomaly {
    /// The node that found it.
    pub node: NodeId,
    /// The detector's name in the catalogue.
    pub detector: Arc<str>,
    /// The close time of the bar.
    pub at: Timestamp,
    /// Its score: the higher, the more unusual.
    pub score: f64,
    /// The score that made an anomaly at that moment.
    pub limit: f64,
    /// The rule that the limit is from: `threshold` or `quantile`.
    pub reason: &'static str,
    /// What was done: `dropped`, `passed` on all the same, or `accepted` as the new usual after too many in a row.
    pub action: &'static str,
    /// How many anomalies came one after the other, this one included.
    pub in_a_row: u32,
    /// The close of the bar, price.
    pub close: f64,
    /// What was judged, by name; NaN where a value is absent.
    pub values: Box<[(Arc<str>, f64)]>,
}

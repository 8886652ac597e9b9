//! `evaluator`: judges learners by their answers, beside the naive forecast, and says which one leads.
//!
//! It knows the learners' names and questions, and nothing of their models.

mod champion;
mod judged;
mod operator;
mod params;
mod plan;
mod rolling;
mod tally;

pub use params::{ChampionMetric, ChampionParams, EvaluatorParams};

use std::sync::Arc;

use self::operator::Evaluator;
use self::plan::Plan;
use crate::learn::params::{Duration, ParamError, Params};
use crate::processor::{Build, Built, EventKind, EventKinds, OperatorEntry, Port, Processor, Role};

/// The catalogue entry of `evaluator`.
///
/// Takes the predictions and answers of any number of learners, whatever their horizons, and gives the predictions back with the champion's flag, and
/// evaluations and champion changes. Its parameters are [`EvaluatorParams`].
///
/// **Measures**, per model, of all its questions and of those due in the last `window` of event time: MAE, RMSE, SMAPE, R2 and directional
/// accuracy, and of intervals their coverage and mean width, in price units whatever the target (for target direction: directional accuracy alone), and the
/// same (intervals aside) of the naive forecast that the price stays
/// at its last value, over the same questions. `skill = 1 - MAE / MAE of naive`. What is over a window depends on the questions in that window alone, to
/// the last bit.
///
/// **Champion.** Models with one horizon compete (nowcasts, and models of directions, among themselves). The first champion is the best one when any has
/// `min_questions` in the champion's window; then a challenger must be better by more than `hysteresis`. The lead is decided when a step is complete,
/// before its predictions go on, so a prediction's flag says who leads by everything known when it was asked. A nowcast's truth is part of
/// the same step, so its flag is the lead before the step.
///
/// **Evaluations** are put out, in the order of the parents, at the first step at or after each multiple of `every`: one over all questions and one
/// over the window for each model that was answered since the last time. The answers of that step are in it.
///
/// State is kept by the learners' names: adding or removing a model leaves the others' scores alone.
///
/// ```
/// use serde_json::json;
/// use tidemill::operators::evaluator;
/// use tidemill::processor::{Answer, Build, Context, Emitted, Event, EventKind, Item, KeyId, NodeId, Notice, Parent, Port, Prediction, Question, Target};
/// use tidemill::{learn::catalog::Catalog as Models, record::{Offset, Timestamp}};
///
/// let question = Question { horizon_ms: 60_000, target: Target::Close, nowcast: false };
/// let port = Port { question: Some(question), ..Port::of(&[EventKind::Prediction, EventKind::Answer]) };
/// let parents = [Parent { id: NodeId(2), name: "mean", port: &port }];
/// let path = ["evaluators".to_owned(), "score".to_owned()];
/// let (params, models) = (json!({ "champion": { "min_questions": 1 } }), Models::standard());
/// let build = Build { name: "score", id: NodeId(3), params: &params, path: &path, parents: &parents, topology: "doc", seed: 7, models: &models };
/// let mut score = (evaluator::entry().build)(&build).unwrap().factory.create("BTC-USDT");
///
/// let mut out = Emitted::default();
/// let mut next_step = 1;
/// let mut ctx = Context::detached(NodeId(3), "BTC-USDT", Offset(0), &mut next_step, &mut out);
/// for (minute, last, value, truth) in [(1, 10.0, 11.0, 12.0), (2, 12.0, 12.5, 14.0)] {
///     let due_at = Timestamp((minute + 1) * 60_000);
///     let asked = Prediction {
///         model: NodeId(2), version: 0, horizon_ms: 60_000, target: Target::Close, asked_at: Timestamp(minute * 60_000), due_at, ordinal: 0,
///         last, value, price: Some(value), interval: None, nowcast: false, champion: None,
///     };
///     let event = Event::Answer(Answer { question: asked, truth, label: truth });
///     score.process(&Item { index: 0, step: 0, key: KeyId(0), timestamp: due_at, event }, &mut ctx);
///     score.complete(&mut ctx);
/// }
/// score.report(&mut ctx);
///
/// let Some((_, _, Notice::Score(score))) = out.notices.pop() else { unreachable!() };
/// // The model was off by 1 and 1.5, the naive forecast by 2 and 2.
/// assert_eq!((score.cumulative.measures.mae, score.cumulative.naive.mae), (Some(1.25), Some(2.0)));
/// assert_eq!((score.cumulative.skill, score.rolling.n, score.rolling.champion), (Some(0.375), 2, true));
/// ```
pub fn entry() -> OperatorEntry {
    OperatorEntry {
        name: "evaluator",
        role: Role::Evaluator,
        summary: "Judges models by their answers, beside the naive forecast, and says which one leads.",
        params: EvaluatorParams::describe(),
        accepts: EventKinds::of(&[EventKind::Prediction, EventKind::Answer]),
        build: Arc::new(build),
    }
}

fn build(build: &Build<'_>) -> Result<Built, Vec<ParamError>> {
    let mut params = EvaluatorParams::read(build.params, build.path)?;
    let plan = Arc::new(Plan::new(&params, build)?);
    params.champion.window = Some(Duration::from_ms(plan.judging_ms));
    let factory = Arc::new(move |_: &str| -> Box<dyn Processor> { Box::new(Evaluator::new(plan.clone())) });
    let port = Port::of(&[EventKind::Prediction, EventKind::Evaluation, EventKind::Champion]);
    Ok(Built { factory, port, params: params.to_value() })
}

#[cfg(test)]
mod tests;

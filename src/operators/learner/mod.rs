//! `learner`: one model that answers a question at every bar and learns when the truth is known.
//!
//! It knows the parent's rows, its model through the catalogue, and nothing of who judges its answers.

mod brain;
mod drift;
mod interval;
mod operator;
mod pending;
mod plan;
mod seed;

pub use drift::{DriftParams, DriftSpec, Feed, OnDrift};
pub use interval::IntervalParams;
pub use plan::{LearnerParams, TargetChoice};
pub use seed::derive_seed;

use std::sync::Arc;

use serde_json::Value;

use self::brain::Recipe;
use self::drift::WatchRecipe;
use self::operator::{Learner, Makers};
use self::plan::Plan;
use crate::learn::base::Schema;
use crate::learn::catalog::Kind;
use crate::learn::params::{Duration, ParamError, Params, child};
use crate::processor::{Build, Built, EventKind, EventKinds, OperatorEntry, Processor, Role};

/// The catalogue entry of `learner`.
///
/// Takes the rows of one features processor and gives predictions and answers. Its parameters are [`LearnerParams`]. At each row, in this order:
///
/// 1. **Answer.** Every question that is due is answered by the row's close, the answer is forwarded, and the model learns the features it was asked
///    with against the label. A question is answered by the row whose close time is its due time; where there is none, by the first row at most
///    `tolerance` later; else it expires (notice `QuestionExpired`) and nothing is learned.
/// 2. **Ask.** The model predicts from the row's features; the prediction is forwarded and remembered until it is due. At most `max_pending` questions
///    wait; the oldest gives way (notice `QuestionDropped`).
///
/// With `nowcast = true` the order is: predict the row's close from columns that are known before it, answer, learn. The last value, which is the naive
/// forecast too, is then the close of the bar before, so the first bar has no question. A column that is known only with the close cannot be
/// chosen.
///
/// | target | label | a prediction as a price |
/// | --- | --- | --- |
/// | `close` | the close | itself |
/// | `return` | close / last - 1 | last * (1 + prediction) |
/// | `direction` | 1, -1 or 0 as the close is above, below or at last | none; its sign is the direction |
///
/// Forecasters (`naive`) learn each bar's close at once and look ahead so many bars; their forecast is turned into the unit of the target. The version of
/// a prediction is the number of labels learned before it. A row with an infinite feature, or an absent one (NaN) that the model makes no sense
/// of, asks nothing (notice `RowRefused`); a prediction that is not finite is not forwarded (`PredictionRefused`). What is due is learned all the
/// same. Until the model has learned `warm_up` labels, predictions and their answers stay inside.
///
/// **Drift.** With `drift` a detector is fed with the error of every published question, before its label is learned. On its alarm, unless the errors of
/// late are no larger than they were on the whole, a drift is told and `on_drift` says what happens: nothing (`notify`), a fresh model takes over
/// (`reset`), or the one does that has learned the same labels in the background since the warning (`swap`; a fresh one where nothing warned).
/// The version then counts the labels of the new model, and its warm-up begins. Questions of the model before are still answered and learned from, but
/// count no more for the detector, which starts afresh.
///
/// **Intervals.** With `interval` a prediction carries bounds of its price, learned from the errors of the published questions answered before it; there are
/// none until `interval.warm_up` errors are known. A replaced model leaves its bounds to its successor, whose errors move them on.
///
/// ```
/// use serde_json::json;
/// use tidemill::operators::learner;
/// use tidemill::processor::{Build, Catalog, Column, Context, Emitted, Event, EventKind, Item, KeyId, Known, NodeId, Parent, Port, Row};
/// use tidemill::{learn::catalog::Catalog as Models, record::{Offset, Timestamp}};
///
/// let mut port = Port::of(&[EventKind::Row]);
/// port.interval_ms = Some(60_000);
/// port.columns = [Column { name: "close".into(), known: Known::AtClose }].into();
/// let parents = [Parent { id: NodeId(1), name: "x", port: &port }];
/// let params = json!({ "model": "mean", "horizon": "1m" });
/// let path = ["learners".to_owned(), "mean".to_owned()];
/// let models = Models::standard();
/// let build = Build { name: "mean", id: NodeId(2), params: &params, path: &path, parents: &parents, topology: "doc", seed: 7, models: &models };
/// let mut mean = (learner::entry().build)(&build).unwrap().factory.create("BTC-USDT");
///
/// let mut out = Emitted::default();
/// for (minute, close) in [(1, 10.0), (2, 12.0), (3, 17.0)] {
///     let close_time = Timestamp(minute * 60_000);
///     let row = Row { open_time: close_time.minus(60_000), close_time, open: close, close, values: Box::new([close]) };
///     let item = Item { index: 0, step: 0, key: KeyId(0), timestamp: close_time, event: Event::Row(row) };
///     mean.process(&item, &mut Context::detached(NodeId(2), "BTC-USDT", Offset(minute), &mut 1, &mut out));
/// }
/// let told: Vec<String> = out.items.iter().map(|item| match &item.event {
///     Event::Prediction(p) => format!("version {} says {}", p.version, p.value),
///     Event::Answer(a) => format!("it was {}", a.truth),
///     _ => unreachable!(),
/// }).collect();
/// assert_eq!(told, ["version 0 says 0", "it was 12", "version 1 says 12", "it was 17", "version 2 says 14.5"]);
/// ```
pub fn entry() -> OperatorEntry {
    OperatorEntry {
        name: "learner",
        role: Role::Learner,
        summary: "Lets a model answer a question at every bar and learn when the truth is known.",
        params: LearnerParams::describe(),
        accepts: EventKinds::of(&[EventKind::Row]),
        build: Arc::new(build),
    }
}

fn build(build: &Build<'_>) -> Result<Built, Vec<ParamError>> {
    let mut params = LearnerParams::read(build.params, build.path).map_err(|errors| with_model_errors(errors, build))?;
    let entry = build.models.resolve(&params.model, &child(build.path, "model")).map(|(entry, ..)| entry);
    let takes_features = entry.map_or(true, |entry| entry.kind != Kind::Forecaster);
    let plan = Arc::new(Plan::new(&params, build, takes_features).map_err(|errors| with_model_errors(errors, build))?);
    let recipe = Recipe::new(&mut params, &plan, build.models, build.path).map_err(|errors| with_model_errors(errors, build))?;
    let drift =
        params.drift.as_mut().map(|spec| WatchRecipe::new(spec, build.models, &child(build.path, "drift"))).transpose()?;
    params.horizon = Some(Duration::from_ms(plan.question.horizon_ms));
    let port = plan.port();
    let (id, seed, name) = (build.id, build.seed, build.name.to_owned());
    let (recipe, watch) = (Arc::new(recipe), drift.map(Arc::new));
    let factory = Arc::new(move |coin: &str| -> Box<dyn Processor> {
        let makers = Makers { model: recipe.clone(), seed: derive_seed(seed, &name, coin), watch: watch.clone() };
        Box::new(Learner::new(id, plan.clone(), makers))
    });
    Ok(Built { factory, port, params: params.to_value() })
}

/// What is wrong with the model and the scaler besides, so that a user sees all mistakes at once; the columns of all parents stand in for those not
/// settled.
fn with_model_errors(mut errors: Vec<ParamError>, build: &Build<'_>) -> Vec<ParamError> {
    let schema =
        Schema::new(build.parents.iter().flat_map(|parent| parent.port.columns.iter()).map(|column| column.name.as_str()));
    let written = |key: &str| build.params.get(key).map(|spec| (spec, child(build.path, key)));
    let model = written("model").and_then(|(spec, path)| build.models.build(spec, &path, &schema, 0).err());
    let named = |spec: &Value| !matches!(spec.as_str(), Some("auto" | "none" | "standard"));
    let scale = written("scale").filter(|(spec, _)| named(spec));
    let scale = scale.and_then(|(spec, path)| build.models.transformer(spec, &path, &schema, 0).err());
    let drift = written("drift").and_then(|(spec, path)| {
        let mut spec = <Option<DriftSpec> as crate::learn::params::ParamValue>::read_value(spec, &path).ok().flatten()?;
        WatchRecipe::new(&mut spec, build.models, &path).err()
    });
    for error in model.into_iter().chain(scale).chain(drift).flatten() {
        if !errors.contains(&error) {
            errors.push(error);
        }
    }
    errors
}

#[cfg(test)]
mod tests;

//! A small catalogue of operators that do nothing, for the tests of this module: real operators stand above it.

use std::sync::Arc;

use serde_json::Value;

use crate::learn::catalog::Catalog as ModelCatalog;
use crate::learn::params::{Duration, ParamError, ParamErrorKind, Params, child};
use crate::processor::{
    Build, Built, Catalog, Column, Context, Decoded, Decoder, DecoderEntry, EventKind, EventKinds, Item, Known, OperatorEntry,
    Port, Processor, Question, Refusal, Role, Target,
};
use crate::record::RecordRef;
use crate::snapshot::{Snapshot, SnapshotError};

crate::params! {
    /// A window.
    pub struct WindowParams {
        required {
            /// How long it is.
            size: Duration, in Duration::from_ms(1)..;
        }
        /// How long late records are waited for.
        grace: Duration = Duration::from_ms(0);
    }
}

crate::params! {
    /// Features.
    pub struct FeatureParams {
        /// Which past closes.
        lags: Vec<usize> = vec![1], in 1..=100;
    }
}

crate::choices! {
    /// What is predicted.
    pub enum TargetChoice {
        /// The close.
        Close = "close",
        /// The return.
        Return = "return",
    }
}

crate::params! {
    /// A learner.
    pub struct LearnerParams {
        /// How far ahead.
        horizon: Duration = Duration::from_ms(60_000);
        /// What is predicted.
        target: TargetChoice = TargetChoice::Close;
        /// How fast it learns.
        rate: f64 = 0.5, in 0.0..=1.0;
        /// The only column it looks at.
        only: Option<String> = None;
    }
}

crate::params! {
    /// An evaluator.
    pub struct EvaluatorParams {
        /// How long it looks back.
        window: Duration = Duration::from_ms(86_400_000);
    }
}

/// Takes events and does nothing.
pub struct Nothing;

impl Snapshot for Nothing {
    fn save(&self, _: &mut Vec<u8>) -> Result<(), SnapshotError> {
        Ok(())
    }

    fn load(&mut self, _: &[u8]) -> Result<(), SnapshotError> {
        Ok(())
    }
}

impl Processor for Nothing {
    fn process(&mut self, _: &Item, _: &mut Context<'_>) {}
}

struct NoDecoder;

impl Decoder for NoDecoder {
    fn decode<'a>(&self, _: &RecordRef<'a>) -> Result<Decoded<'a>, Refusal> {
        Err(Refusal { code: "no_decoder", detail: String::new() })
    }
}

fn built(port: Port, params: Value) -> Built {
    Built { factory: Arc::new(|_: &str| Box::new(Nothing) as Box<dyn Processor>), port, params }
}

fn window(build: &Build<'_>) -> Result<Built, Vec<ParamError>> {
    let params = WindowParams::read(build.params, build.path)?;
    let port = Port { interval_ms: Some(params.size.ms()), ..Port::of(&[EventKind::Candle]) };
    Ok(built(port, params.to_value()))
}

fn features(build: &Build<'_>) -> Result<Built, Vec<ParamError>> {
    let params = FeatureParams::read(build.params, build.path)?;
    let column = |lag: &usize| Column { name: format!("close_lag_{lag}"), known: Known::BeforeClose };
    let port = Port { columns: params.lags.iter().map(column).collect(), ..Port::of(&[EventKind::Row]) };
    Ok(built(port, params.to_value()))
}

fn learner(build: &Build<'_>) -> Result<Built, Vec<ParamError>> {
    let params = LearnerParams::read(build.params, build.path)?;
    if let Some(only) = &params.only {
        let columns: Vec<&str> = build.parents.iter().flat_map(|p| p.port.columns.iter()).map(|c| c.name.as_str()).collect();
        if !columns.contains(&only.as_str()) {
            return Err(vec![ParamError::unknown(&child(build.path, "only"), &format!("column `{only}`"), only, &columns)]);
        }
    }
    let target = if params.target == TargetChoice::Close { Target::Close } else { Target::Return };
    let question = Some(Question { horizon_ms: params.horizon.ms(), target, nowcast: params.horizon.ms() == 0 });
    Ok(built(Port { question, ..Port::of(&[EventKind::Prediction, EventKind::Answer]) }, params.to_value()))
}

fn evaluator(build: &Build<'_>) -> Result<Built, Vec<ParamError>> {
    let params = EvaluatorParams::read(build.params, build.path)?;
    if build.parents.len() < 2 {
        let message = "an evaluator of a single model has nothing to compare";
        let path = child(build.path, "parents");
        return Err(vec![ParamError::new(ParamErrorKind::Conflict, &path, message, "two learners or more")]);
    }
    Ok(built(Port::of(&[EventKind::Prediction, EventKind::Evaluation, EventKind::Champion]), params.to_value()))
}

type BuildFn = fn(&Build<'_>) -> Result<Built, Vec<ParamError>>;

fn operator<P: Params>(name: &'static str, role: Role, accepts: &[EventKind], build: BuildFn) -> OperatorEntry {
    let (params, accepts) = (P::describe(), EventKinds::of(accepts));
    OperatorEntry { name, role, summary: "Does nothing, in tests.", params, accepts, build: Arc::new(build) }
}

/// Windows, features, a learner, an evaluator and candles.
pub fn catalog() -> Catalog {
    let mut catalog = Catalog::new(ModelCatalog::default());
    catalog.register(operator::<WindowParams>("window", Role::Processor, &[EventKind::Candle, EventKind::Trade], window));
    catalog.register(operator::<FeatureParams>("features", Role::Processor, &[EventKind::Candle], features));
    catalog.register(operator::<LearnerParams>("learner", Role::Learner, &[EventKind::Row], learner));
    catalog.register(operator::<EvaluatorParams>(
        "evaluator",
        Role::Evaluator,
        &[EventKind::Prediction, EventKind::Answer],
        evaluator,
    ));
    catalog.register_decoder(DecoderEntry {
        name: "candle-json",
        summary: "Candles.",
        gives: EventKinds::of(&[EventKind::Candle]),
        build: |_| Arc::new(NoDecoder),
    });
    catalog
}

/// Compares what is said now with the text of a kept file. The core does no I/O, not even in tests: a file that should change is written by hand from what
/// this prints.
pub fn golden(kept: &str, now: &str) {
    assert!(now == kept, "this differs from the kept text:\n{now}<<<");
}

/// A topology that is right.
pub const GOOD: &str = r#"
[topology]
name = "good"
seed = 7

[sources.candles]
topic = "market.candles.1m"
format = "candle-json"

[processors.bars]
type = "window"
parents = ["candles"]
size = "5m"

[processors.x]
type = "features"
parents = ["bars"]
lags = [1, 2]

[learners.a]
parents = ["x"]

[learners.b]
parents = ["x"]
rate = 0.25

[evaluators.score]
parents = ["a", "b"]

[sinks.predictions]
topic = "good.predictions"
parents = ["a", "b"]

[sinks.leaders]
topic = "good.leaders"
parents = ["score"]
records = "champions"
"#;

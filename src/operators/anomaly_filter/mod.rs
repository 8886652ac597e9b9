//! `anomaly_filter`: keeps what is unusual from whatever learns further down, and says so.
//!
//! It knows one coin's candles or rows in the order they come and a detector through the catalogue; it does not know what they are used for.

mod params;

pub use params::{AnomalyAction, AnomalyFilterParams, CandleMeasure};

use std::sync::Arc;

use serde_json::Value;

use super::learner::derive_seed;
use super::single_parent;
use crate::learn::anomaly::{AnomalyRule, Guard, Verdict};
use crate::learn::base::{AnomalyDetector, Schema};
use crate::learn::catalog::Catalog as ModelCatalog;
use crate::learn::params::{ParamError, ParamErrorKind, Params, child, read_single_key};
use crate::processor::{
    Anomaly, Build, Built, Context, Event, EventKind, EventKinds, Item, Notice, OperatorEntry, Parent, Port, Processor, Role,
};
use crate::record::Timestamp;
use crate::snapshot::{Snapshot, SnapshotError, decode, encode_into};

const TAKES: [EventKind; 2] = [EventKind::Candle, EventKind::Row];

/// The catalogue entry of `anomaly_filter`.
pub fn entry() -> OperatorEntry {
    OperatorEntry {
        name: "anomaly_filter",
        role: Role::Processor,
        summary: "Keeps unusual bars from being learned, and says so.",
        params: AnomalyFilterParams::describe(),
        accepts: EventKinds::of(&TAKES),
        build: Arc::new(build),
    }
}

fn build(build: &Build<'_>) -> Result<Built, Vec<ParamError>> {
    let parent = single_parent(build, &TAKES)?;
    let mut params = AnomalyFilterParams::read(build.params, build.path).map_err(|mut errors| {
        errors.extend(detector_errors(build, parent));
        errors
    })?;
    let watched = watched(&params, build.path, parent)?;
    let recipe = Recipe { models: build.models.clone(), detector: params.detector.clone(), schema: watched.schema() };
    let detector = recipe.make(&child(build.path, "detector"), 0)?;
    if detector.looks_at_y() && watched.count() != 1 {
        let message = format!("this detector looks at one number, and {} are watched", watched.count());
        let error = ParamError::new(ParamErrorKind::Conflict, &child(build.path, "watch"), message, "one name");
        return Err(vec![error.suggest("choose a detector of features, such as half_space_trees, to judge several together")]);
    }
    params.detector = build.models.in_force(&params.detector);
    params.watch = Some(watched.names.iter().map(ToString::to_string).collect());
    let name = read_single_key(&params.detector, &[]).map(|(name, ..)| name.into()).unwrap_or_else(|_| "".into());
    let kinds = EventKinds::of(&[watched.kind(), EventKind::Anomaly]);
    let port = Port { kinds, columns: parent.port.columns.clone(), interval_ms: parent.port.interval_ms, question: None };
    let plan = Arc::new(Plan {
        watched,
        looks_at_y: detector.looks_at_y(),
        detector: name,
        rule: params.rule.clone(),
        protect: params.protect,
        passes: params.action == AnomalyAction::Pass,
        give_way_after: params.give_way_after,
    });
    let (seed, name) = (build.seed, build.name.to_owned());
    let factory = Arc::new(move |coin: &str| -> Box<dyn Processor> {
        // The same call succeeded above, and a seed cannot be wrong.
        let detector = recipe.make(&[], derive_seed(seed, &name, coin));
        let detector = detector.unwrap_or_else(|errors| panic!("a checked detector could not be built again: {errors:?}"));
        Box::new(AnomalyFilter::new(plan.clone(), detector))
    });
    Ok(Built { factory, port, params: params.to_value() })
}

/// How to make the detector.
struct Recipe {
    models: ModelCatalog,
    detector: Value,
    schema: Schema,
}

impl Recipe {
    fn make(&self, path: &[String], seed: u64) -> Result<Box<dyn AnomalyDetector>, Vec<ParamError>> {
        self.models.anomaly_detector(&self.detector, path, &self.schema, seed)
    }
}

/// What is wrong with the detector besides, so that a user sees all mistakes at once.
fn detector_errors(build: &Build<'_>, parent: &Parent<'_>) -> Vec<ParamError> {
    let Some(spec) = build.params.get("detector") else { return Vec::new() };
    let schema = Schema::new(parent.port.columns.iter().map(|column| column.name.as_str()));
    build.models.anomaly_detector(spec, &child(build.path, "detector"), &schema, 0).err().unwrap_or_default()
}

/// What is judged, by place.
struct Watched {
    names: Box<[Arc<str>]>,
    places: Places,
}

enum Places {
    Candle(Vec<CandleMeasure>),
    Row(Vec<usize>),
}

impl Watched {
    fn schema(&self) -> Schema {
        Schema::new(self.names.iter().map(ToString::to_string))
    }

    fn count(&self) -> usize {
        self.names.len()
    }

    fn kind(&self) -> EventKind {
        match self.places {
            Places::Candle(_) => EventKind::Candle,
            Places::Row(_) => EventKind::Row,
        }
    }
}

/// The names that are watched, found among what the parent gives.
fn watched(params: &AnomalyFilterParams, path: &[String], parent: &Parent<'_>) -> Result<Watched, Vec<ParamError>> {
    let candles = parent.port.kinds.contains(EventKind::Candle);
    let known: Vec<&str> = match candles {
        true => CandleMeasure::ALL.iter().map(|measure| measure.name()).collect(),
        false => parent.port.columns.iter().map(|column| column.name.as_str()).collect(),
    };
    let default =
        || if candles { vec![CandleMeasure::Return.name().to_owned()] } else { known.iter().map(|n| (*n).to_owned()).collect() };
    let names = params.watch.clone().unwrap_or_else(default);
    let path = child(path, "watch");
    let (mut places, mut errors) = (Vec::new(), Vec::new());
    for (position, name) in names.iter().enumerate() {
        let path = child(&path, position.to_string());
        match known.iter().position(|known| known == name) {
            None => errors.push(ParamError::unknown(&path, &format!("name `{name}`"), name, &known)),
            Some(place) if places.contains(&place) => {
                errors.push(ParamError::new(
                    ParamErrorKind::Conflict,
                    &path,
                    format!("`{name}` is listed twice"),
                    "each name once",
                ));
            }
            Some(place) => places.push(place),
        }
    }
    if names.is_empty() {
        errors.push(ParamError::new(
            ParamErrorKind::Missing,
            &path,
            "nothing is watched",
            format!("some of {}", known.join(", ")),
        ));
    }
    if !errors.is_empty() {
        return Err(errors);
    }
    let places = match candles {
        true => Places::Candle(places.into_iter().map(|place| CandleMeasure::ALL[place]).collect()),
        false => Places::Row(places),
    };
    Ok(Watched { names: names.iter().map(|name| name.as_str().into()).collect(), places })
}

/// What is the same for all coins of a node.
struct Plan {
    watched: Watched,
    looks_at_y: bool,
    detector: Arc<str>,
    rule: AnomalyRule,
    protect: bool,
    passes: bool,
    give_way_after: u32,
}

/// Passes on what is usual; what is not is told as an anomaly and, unless `action = "pass"`, goes no further.
///
/// Takes candles or rows and gives the same ones, and anomalies. Its parameters are [`AnomalyFilterParams`]. A record whose bar was dropped counts as
/// processed: it was taken, judged and told. Before windows and features a dropped candle is as if it had not been, in any window or rolling
/// statistic; a question that is due at its close expires, or is answered by a later bar where the learner's `tolerance` allows it.
///
/// A bar with nothing to judge (the first one has no return) is passed on and not learned. After `give_way_after` anomalies in a row the last one is passed
/// on and learned (`accepted`): prices that stay where they jumped to are a market, not a mistake.
///
/// ```
/// use serde_json::json;
/// use tidemill::operators::{Probe, minute_bars};
/// use tidemill::processor::Event;
///
/// let detector = json!({ "standard_absolute_deviation": { "grace_period": 20 } });
/// let params = json!({ "detector": detector, "rule": { "threshold": { "limit": 10.0 } } });
/// let mut filter = Probe::of_candles("anomaly_filter", params).unwrap();
/// let closes: Vec<f64> = (0..40).map(|k| if k == 30 { 900.0 } else { 100.0 + f64::from(k % 5) }).collect();
/// let mut told = Vec::new();
/// let mut passed = 0;
/// for candle in minute_bars(&closes) {
///     for item in filter.push(Event::Candle(candle)).items {
///         match item.event {
///             Event::Anomaly(anomaly) => told.push((anomaly.close, anomaly.action, anomaly.score > 100.0)),
///             _ => passed += 1,
///         }
///     }
/// }
/// assert_eq!((told, passed), (vec![(900.0, "dropped", true)], 39));
/// ```
struct AnomalyFilter {
    plan: Arc<Plan>,
    guard: Guard,
    state: State,
    values: Vec<f64>,
}

/// What is kept beside the guard: the close of the last bar passed on, and the anomalies in a row.
#[derive(Debug, Clone, Copy, PartialEq, Default, serde::Serialize, serde::Deserialize)]
struct State {
    last: Option<f64>,
    in_a_row: u32,
}

impl AnomalyFilter {
    fn new(plan: Arc<Plan>, detector: Box<dyn AnomalyDetector>) -> Self {
        let guard = Guard::new(detector, plan.rule.clone(), plan.protect);
        AnomalyFilter { plan, guard, state: State::default(), values: Vec::new() }
    }

    /// Fills `values` with what is watched; gives the bar's close time and close.
    fn measure(&mut self, event: &Event) -> Option<(Timestamp, f64)> {
        self.values.clear();
        match (event, &self.plan.watched.places) {
            (Event::Candle(candle), Places::Candle(measures)) => {
                self.values.extend(measures.iter().map(|measure| measure.of(candle, self.state.last)));
                Some((candle.close_time, candle.close))
            }
            (Event::Row(row), Places::Row(places)) => {
                self.values.extend(places.iter().map(|place| row.values[*place]));
                Some((row.close_time, row.close))
            }
            _ => None,
        }
    }

    /// The verdict; nothing where there is nothing to judge.
    fn judge(&mut self) -> Option<Verdict> {
        if self.values.iter().all(|value| !value.is_finite()) {
            return None;
        }
        let y = if self.plan.looks_at_y { self.values[0] } else { f64::NAN };
        Some(self.guard.take(&self.values, y))
    }

    /// What is done with an anomaly, and whether it is passed on.
    fn act(&mut self) -> (&'static str, bool) {
        self.state.in_a_row = self.state.in_a_row.saturating_add(1);
        if self.plan.give_way_after > 0 && self.state.in_a_row >= self.plan.give_way_after {
            let y = if self.plan.looks_at_y { self.values[0] } else { f64::NAN };
            self.guard.accept(&self.values, y);
            return ("accepted", true);
        }
        if self.plan.passes { ("passed", true) } else { ("dropped", false) }
    }

    fn tell(&self, verdict: &Verdict, action: &'static str, at: Timestamp, close: f64, ctx: &mut Context<'_>) {
        let names = self.plan.watched.names.iter().cloned();
        let anomaly = Anomaly {
            node: ctx.node(),
            detector: self.plan.detector.clone(),
            at,
            score: verdict.score,
            limit: verdict.limit.unwrap_or(verdict.score),
            reason: match self.plan.rule {
                AnomalyRule::Threshold(_) => "threshold",
                AnomalyRule::Quantile(_) => "quantile",
            },
            action,
            in_a_row: self.state.in_a_row,
            close,
            values: names.zip(self.values.iter().copied()).collect(),
        };
        ctx.notice(Notice::Anomaly(Box::new(anomaly.clone())));
        ctx.forward(at, Event::Anomaly(Box::new(anomaly)));
    }
}

impl Processor for AnomalyFilter {
    fn process(&mut self, item: &Item, ctx: &mut Context<'_>) {
        let Some((at, close)) = self.measure(&item.event) else { return };
        let passed = match self.judge() {
            Some(verdict) if verdict.anomalous => {
                let (action, passed) = self.act();
                self.tell(&verdict, action, at, close, ctx);
                if action == "accepted" {
                    self.state.in_a_row = 0;
                }
                passed
            }
            _ => {
                self.state.in_a_row = 0;
                true
            }
        };
        if passed {
            self.state.last = Some(close);
            ctx.forward(item.timestamp, item.event.clone());
        }
    }
}

impl Snapshot for AnomalyFilter {
    fn save(&self, out: &mut Vec<u8>) -> Result<(), SnapshotError> {
        let mut guard = Vec::new();
        self.guard.save(&mut guard)?;
        encode_into(&(&self.state, &guard), out)
    }

    fn load(&mut self, bytes: &[u8]) -> Result<(), SnapshotError> {
        let (state, guard): (State, Vec<u8>) = decode(bytes)?;
        self.guard.load(&guard)?;
        self.state = state;
        Ok(())
    }
}

#[cfg(test)]
mod tests;

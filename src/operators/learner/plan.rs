//! What a learner's table means: its parameters checked against the parent's columns and bars.

use serde_json::Value;

use super::super::single_parent;
use super::drift::DriftSpec;
use super::interval::IntervalParams;
use crate::learn::base::Schema;
use crate::learn::conformal::Conformal;
use crate::learn::params::{Duration, ParamError, ParamErrorKind, child};
use crate::processor::{Build, Column, EventKind, EventKinds, Known, Parent, Port, Question, Target};
use crate::record::format_duration_ms;

crate::choices! {
    /// What a learner predicts.
    pub enum TargetChoice {
        /// The close at the due time, a price.
        Close = "close",
        /// Its relative change: close / last - 1.
        Return = "return",
        /// Whether it rises (1), falls (-1) or stays (0); the prediction is a number whose sign counts.
        Direction = "direction",
    }
}

impl From<TargetChoice> for Target {
    fn from(choice: TargetChoice) -> Target {
        match choice {
            TargetChoice::Close => Target::Close,
            TargetChoice::Return => Target::Return,
            TargetChoice::Direction => Target::Direction,
        }
    }
}

crate::params! {
    /// Parameters of a learner.
    pub struct LearnerParams {
        required {
            /// The model: a name of the model catalogue, or an object with the name as its only key and the model's parameters as its value.
            model: Value;
        }
        /// How far ahead it predicts, a multiple of the bars' interval; one bar where it is left out. 0 for a nowcast.
        horizon: Option<Duration> = None;
        /// What it predicts.
        target: TargetChoice = TargetChoice::Close;
        /// Tells the close of the bar it is asked at from what is known before the close: no forecast, and reported apart.
        nowcast: bool = false;
        /// The columns the model is given, in this order; all of the parent's where it is left out.
        features: Option<Vec<String>> = None;
        /// The transformer that the features go through first, such as "standard"; "none" for none; "auto" standardises for models that can
        /// diverge on prices.
        scale: Value = Value::from("auto");
        /// Whether the model learns the target scaled to mean 0 and variance 1; left out, so do models that can diverge, for target close.
        scale_target: Option<bool> = None;
        /// Labels the model learns before its predictions are published and judged.
        warm_up: u64 = 0, unit "labels";
        /// Most questions that wait for their answers; the oldest gives way to a new one.
        max_pending: usize = 4096, in 1..=1_000_000, unit "questions";
        /// How much later than its due time a question may still be answered, where no bar is complete at that time.
        tolerance: Duration = Duration::from_ms(0);
        /// What watches the model's errors, and what is done when they drift: `drift = { adwin = { delta = 0.002 }, on_drift = "reset" }`; none where it
        /// is left out.
        drift: Option<DriftSpec> = None;
        /// Bounds around each prediction, learned from the errors before it: `interval = { level = 0.95, method = "adaptive" }`; none where it is left out.
        interval: Option<IntervalParams> = None;
    }
}

/// What the learner asks of whom, as far as it does not depend on the model.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Plan {
    pub question: Question,
    /// The span of the parent's bars, ms.
    pub interval_ms: Option<i64>,
    /// The positions of the features among the parent's columns; `None` for all of them as they stand.
    pub picked: Option<Box<[usize]>>,
    /// The features.
    pub schema: Schema,
    pub warm_up: u64,
    pub max_pending: usize,
    pub tolerance_ms: i64,
    /// The bounds before any error, and the errors before the first bounds.
    pub interval: Option<(Conformal, u64)>,
    /// Whether drifts are told.
    pub watched: bool,
}

impl Plan {
    /// Checks parameters against the parent, or says everything that does not fit. A model that `takes_features` not is given none, and cannot
    /// look ahead.
    pub fn new(params: &LearnerParams, build: &Build<'_>, takes_features: bool) -> Result<Plan, Vec<ParamError>> {
        let parent = single_parent(build, &[EventKind::Row])?;
        let mut errors = Vec::new();
        let horizon_ms = horizon(params, build.path, parent.port).unwrap_or_else(|e| collect(&mut errors, e));
        let picked = if takes_features { pick(params, build.path, parent.port) } else { Ok(Vec::new()) };
        let picked = picked.unwrap_or_else(|e| collect(&mut errors, e));
        let columns: Vec<&Column> = picked.iter().map(|place| &parent.port.columns[*place]).collect();
        if params.nowcast {
            errors.extend(look_ahead(params, build.path, parent, &columns));
        }
        if params.interval.is_some() && params.target == TargetChoice::Direction {
            let message = "a direction has no price and so no bounds";
            errors.push(
                conflict(&child(build.path, "interval"), message, "target close or return").suggest("leave `interval` out"),
            );
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        let interval = params.interval.as_ref().map(|i| (Conformal::new(&i.method, i.level), i.warm_up));
        let as_they_stand = picked.iter().copied().eq(0..parent.port.columns.len());
        Ok(Plan {
            question: Question { horizon_ms, target: params.target.into(), nowcast: params.nowcast },
            interval_ms: parent.port.interval_ms,
            schema: Schema::new(columns.iter().map(|column| column.name.as_str())),
            picked: (!as_they_stand).then(|| picked.into()),
            warm_up: params.warm_up,
            max_pending: params.max_pending,
            tolerance_ms: params.tolerance.ms(),
            interval,
            watched: params.drift.is_some(),
        })
    }

    /// What the learner gives to its children.
    pub fn port(&self) -> Port {
        let mut port = Port::of(&[EventKind::Prediction, EventKind::Answer]);
        if self.watched {
            port.kinds = port.kinds.or(EventKinds::of(&[EventKind::Drift]));
        }
        port.interval_ms = self.interval_ms;
        port.question = Some(self.question);
        port
    }
}

fn collect<T: Default>(errors: &mut Vec<ParamError>, more: Vec<ParamError>) -> T {
    errors.extend(more);
    T::default()
}

fn conflict(path: &[String], message: impl Into<String>, expected: impl Into<String>) -> ParamError {
    ParamError::new(ParamErrorKind::Conflict, path, message, expected)
}

/// The horizon: as written, or one bar; a multiple of the bars' interval, and 0 only for a nowcast.
fn horizon(params: &LearnerParams, path: &[String], port: &Port) -> Result<i64, Vec<ParamError>> {
    let path = child(path, "horizon");
    let written = params.horizon.map(Duration::ms);
    if params.nowcast {
        return match written.unwrap_or(0) {
            0 => Ok(0),
            ms => Err(vec![
                conflict(
                    &path,
                    format!("{} ahead is no nowcast", format_duration_ms(ms)),
                    "horizon 0s, or no horizon, with nowcast = true",
                )
                .suggest("leave `nowcast` out to forecast"),
            ]),
        };
    }
    match (written, port.interval_ms) {
        (Some(0), _) => Err(vec![
            conflict(&path, "a horizon of 0 tells the bar's own close, which is no forecast", "a horizon of one bar or more")
                .suggest("write `nowcast = true` if that is what you mean"),
        ]),
        (Some(ms), Some(interval)) if ms % interval != 0 => Err(vec![conflict(
            &path,
            format!("no bar closes {} after another: bars are {} long", format_duration_ms(ms), format_duration_ms(interval)),
            format!("a multiple of {}", format_duration_ms(interval)),
        )]),
        (Some(ms), _) => Ok(ms),
        (None, Some(interval)) => Ok(interval),
        (None, None) => Err(vec![ParamError::new(
            ParamErrorKind::Missing,
            &path,
            "the horizon is required because the bars of the parent differ in length",
            "a duration such as \"5m\"",
        )]),
    }
}

/// The places of the selected columns.
fn pick(params: &LearnerParams, path: &[String], port: &Port) -> Result<Vec<usize>, Vec<ParamError>> {
    let Some(features) = &params.features else { return Ok((0..port.columns.len()).collect()) };
    let path = child(path, "features");
    let names: Vec<&str> = port.columns.iter().map(|column| column.name.as_str()).collect();
    let (mut places, mut errors) = (Vec::with_capacity(features.len()), Vec::new());
    for (position, feature) in features.iter().enumerate() {
        let path = child(&path, position.to_string());
        match names.iter().position(|name| name == feature) {
            None => errors.push(ParamError::unknown(&path, &format!("column `{feature}`"), feature, &names)),
            Some(place) if places.contains(&place) => {
                errors.push(conflict(&path, format!("column `{feature}` is listed twice"), "each column once"));
            }
            Some(place) => places.push(place),
        }
    }
    if errors.is_empty() { Ok(places) } else { Err(errors) }
}

/// The columns that a nowcast must not see, each as an error.
fn look_ahead(params: &LearnerParams, path: &[String], parent: &Parent<'_>, columns: &[&Column]) -> Vec<ParamError> {
    let known = |column: &&&Column| column.known == Known::BeforeClose;
    let allowed: Vec<&Column> = parent.port.columns.iter().filter(|column| known(&column)).collect();
    let allowed = allowed.iter().map(|column| column.name.as_str()).collect::<Vec<_>>().join(", ");
    let refused: Vec<&&Column> = columns.iter().filter(|column| !known(column)).collect();
    let path = child(path, "features");
    let error = |path: &[String], names: &str| {
        let message = format!(
            "{names}: known only with the bar's close, which is what a nowcast tells; a model that sees it looks ahead and its errors mean nothing"
        );
        conflict(path, message, format!("columns known before the close: {allowed}"))
    };
    match &params.features {
        Some(features) => refused
            .iter()
            .filter_map(|column| Some((features.iter().position(|feature| *feature == column.name)?, column)))
            .map(|(position, column)| error(&child(&path, position.to_string()), &format!("column `{}`", column.name)))
            .collect(),
        None if refused.is_empty() => Vec::new(),
        None => {
            let names: Vec<String> = refused.iter().map(|column| format!("`{}`", column.name)).collect();
            vec![
                error(&path, &format!("all columns of `{}` are used, among them {}", parent.name, names.join(", ")))
                    .suggest("choose the columns with `features = [...]`"),
            ]
        }
    }
}

//! The model inside a learner, with the scalers around it, whichever kind it is.

use serde_json::Value;

use super::operator::value_of_price;
use super::plan::{LearnerParams, Plan, TargetChoice};
use crate::learn::base::{Forecaster, Regressor, Schema, Transformer};
use crate::learn::catalog::{self, Catalog as ModelCatalog, Model};
use crate::learn::compose::{Pipeline, TargetStandardScaler};
use crate::learn::params::{ParamError, ParamErrorKind, child};
use crate::processor::Target;
use crate::snapshot::{Snapshot, SnapshotError};

/// What `scale = "standard"` means in the catalogue of transformers.
const STANDARD: &str = "standard_scaler";

/// The name under which models count fits that fell back to a safer solution.
const FALLBACKS: &str = "fallbacks";

/// How to make the model of a learner, checked.
pub(super) struct Recipe {
    models: ModelCatalog,
    model: Value,
    scale: Option<Value>,
    scale_target: bool,
    schema: Schema,
    takes_absent: bool,
    steps: usize,
}

impl Recipe {
    /// Settles what the parameters leave to the model, builds the model once to find every mistake, and fills the settled values in.
    pub fn new(
        params: &mut LearnerParams,
        plan: &Plan,
        models: &ModelCatalog,
        path: &[String],
    ) -> Result<Recipe, Vec<ParamError>> {
        let at = child(path, "model");
        let (entry, ..) = models.resolve(&params.model, &at)?;
        let steps = if entry.kind == catalog::Kind::Forecaster { forecaster_steps(params, plan, path)? } else { 1 };
        let diverges = entry.diverges_unscaled;
        let scale = scale_of(&params.scale, diverges);
        let scale_target = params.scale_target.unwrap_or(diverges && params.target == TargetChoice::Close);
        params.scale = scale.clone().unwrap_or_else(|| Value::from("none"));
        params.scale_target = Some(scale_target);
        let recipe = Recipe {
            models: models.clone(),
            model: params.model.clone(),
            scale,
            scale_target,
            schema: plan.schema.clone(),
            takes_absent: entry.takes_absent,
            steps,
        };
        recipe.make(path, 0)?;
        params.model = models.in_force(&params.model);
        params.scale = models.in_force(&params.scale);
        Ok(recipe)
    }

    /// A fresh model with a seed of its own.
    pub fn brain(&self, seed: u64) -> Brain {
        // The same call with the same parameters succeeded when the topology was compiled, and a seed cannot be wrong.
        self.make(&[], seed).unwrap_or_else(|errors| panic!("a checked model could not be built again: {errors:?}"))
    }

    fn make(&self, path: &[String], seed: u64) -> Result<Brain, Vec<ParamError>> {
        let mut transformers: Vec<Box<dyn Transformer>> = Vec::new();
        let mut schema = self.schema.clone();
        if let Some(scale) = &self.scale {
            let transformer = self.models.transformer(scale, &child(path, "scale"), &schema, seed)?;
            schema = transformer.output_schema(&schema);
            transformers.push(transformer);
        }
        Ok(match self.models.build(&self.model, &child(path, "model"), &schema, seed)? {
            Model::Forecaster(forecaster) => {
                Brain { kind: Kind::Forecaster { forecaster, steps: self.steps }, takes_absent: true }
            }
            Model::Regressor(regressor) => {
                let scaled = if self.scale_target { Box::new(TargetStandardScaler::new(regressor)) } else { regressor };
                let regressor = if transformers.is_empty() { scaled } else { Box::new(Pipeline::new(transformers, scaled)) };
                Brain { kind: Kind::Regressor(regressor), takes_absent: self.takes_absent }
            }
        })
    }
}

/// The transformer's spec: none, the written one, or for "auto" what the model needs.
fn scale_of(written: &Value, diverges: bool) -> Option<Value> {
    match written.as_str() {
        Some("none") => None,
        Some("auto") => diverges.then(|| Value::from(STANDARD)),
        Some("standard") => Some(Value::from(STANDARD)),
        _ => Some(written.clone()),
    }
}

/// How many bars ahead a forecaster looks. It learns the closes alone, so features and scalers written for it would be a misunderstanding.
fn forecaster_steps(params: &LearnerParams, plan: &Plan, path: &[String]) -> Result<usize, Vec<ParamError>> {
    let unused = |name: &str| {
        let message = "the model is a forecaster: it learns the series of closes and takes no features";
        ParamError::new(ParamErrorKind::Conflict, &child(path, name), message, "").suggest("leave it out, or choose a regressor")
    };
    let scaled = !matches!(params.scale.as_str(), Some("auto" | "none"));
    let written =
        [("features", params.features.is_some()), ("scale", scaled), ("scale_target", params.scale_target == Some(true))];
    let mut errors: Vec<ParamError> = written.iter().filter(|(_, is)| *is).map(|(name, _)| unused(name)).collect();
    if plan.interval_ms.is_none() {
        let message = "a forecaster counts in bars, and the bars of the parent differ in length".to_owned();
        errors.push(ParamError::new(
            ParamErrorKind::Conflict,
            &child(path, "model"),
            message,
            "a parent whose bars have one length",
        ));
    }
    match plan.interval_ms {
        Some(interval) if errors.is_empty() => {
            Ok(usize::try_from(plan.question.horizon_ms / interval).unwrap_or(usize::MAX).max(1))
        }
        _ => Err(errors),
    }
}

/// A model at work.
pub(super) struct Brain {
    kind: Kind,
    takes_absent: bool,
}

enum Kind {
    Regressor(Box<dyn Regressor>),
    /// Looks so many bars ahead.
    Forecaster {
        forecaster: Box<dyn Forecaster>,
        steps: usize,
    },
}

impl Brain {
    /// Learns a label; answers whether it did (a forecaster learns from [`observe`](Self::observe)).
    pub fn learn(&mut self, x: &[f64], label: f64) -> bool {
        match &mut self.kind {
            Kind::Regressor(regressor) => {
                regressor.learn_one(x, label);
                true
            }
            Kind::Forecaster { .. } => false,
        }
    }

    /// Learns the next close of the series; answers whether it did (a regressor learns from labels).
    pub fn observe(&mut self, close: f64) -> bool {
        match &mut self.kind {
            Kind::Regressor(_) => false,
            Kind::Forecaster { forecaster, .. } => {
                forecaster.learn_one(close, &[]);
                true
            }
        }
    }

    /// The prediction in the unit of the target; nothing while a forecaster has not seen enough. It may be no finite number.
    pub fn predict(&mut self, x: &[f64], last: f64, target: Target) -> Option<f64> {
        match &mut self.kind {
            Kind::Regressor(regressor) => Some(regressor.predict_one(x)),
            Kind::Forecaster { forecaster, steps } => {
                let price = *forecaster.forecast(*steps, &[]).get(*steps - 1)?;
                Some(if price.is_finite() { value_of_price(target, price, last) } else { f64::NAN })
            }
        }
    }

    /// Whether it is given features at all.
    pub fn needs_features(&self) -> bool {
        matches!(self.kind, Kind::Regressor(_))
    }

    /// Whether it makes sense of absent features.
    pub fn takes_absent(&self) -> bool {
        self.takes_absent
    }

    /// How many fits fell back to a safer solution since the model was new.
    pub fn fallbacks(&self) -> u64 {
        let mut fallbacks = 0;
        if let Kind::Regressor(regressor) = &self.kind {
            regressor.counters(&mut |name, count| fallbacks += if name == FALLBACKS { count } else { 0 });
        }
        fallbacks
    }
}

impl Snapshot for Brain {
    fn save(&self, out: &mut Vec<u8>) -> Result<(), SnapshotError> {
        match &self.kind {
            Kind::Regressor(regressor) => regressor.save(out),
            Kind::Forecaster { forecaster, .. } => forecaster.save(out),
        }
    }

    fn load(&mut self, bytes: &[u8]) -> Result<(), SnapshotError> {
        match &mut self.kind {
            Kind::Regressor(regressor) => regressor.load(bytes),
            Kind::Forecaster { forecaster, .. } => forecaster.load(bytes),
        }
    }
}

//! Transformers in a row, and a regressor at the end.

use serde_json::{Value, json};

use super::{load_parts, save_parts};
use crate::{
    learn::{
        base::{Regressor, Transformer},
        catalog::{Component, ModelBuild},
        params::{ParamError, ParamErrorKind, child},
    },
    snapshot::{Snapshot, SnapshotError},
};

crate::params! {
    /// Parameters of [`Pipeline`].
    pub struct PipelineParams {
        required {
            /// The steps in order: transformers, then one regressor; each a name or an object with the name as its only key.
            steps: Vec<Value>;
        }
    }
}

/// Transformers and a regressor as one regressor, in River's order.
///
/// Asking transforms with what the transformers know and learns nothing. Learning lets each transformer learn the features as it receives them and
/// hands them on transformed with the *updated* knowledge; the regressor learns last. A sample weight reaches the regressor alone.
///
/// Reference: River's `compose.Pipeline`.
///
/// ```
/// use serde_json::json;
/// use tidemill::learn::{base::{Regressor, Schema}, catalog::Catalog};
///
/// let spec = json!({ "pipeline": { "steps": ["standard_scaler", { "linear_regression": { "intercept_lr": 0.1 } }] } });
/// let mut model = Catalog::standard().regressor(&spec, &[], &Schema::new(["open"]), 7).unwrap();
/// for k in 0..300 {
///     let open = 30_000.0 + f64::from(k % 10);
///     model.learn_one(&[open], open + 1.0);
/// }
/// assert_eq!(format!("{:.2}", model.predict_one(&[30_004.0])), "30000.77");
/// ```
pub struct Pipeline {
    transformers: Vec<Box<dyn Transformer>>,
    regressor: Box<dyn Regressor>,
    x: Vec<f64>,
    next: Vec<f64>,
}

impl Pipeline {
    /// `transformers` in order, then `regressor`.
    pub fn new(transformers: Vec<Box<dyn Transformer>>, regressor: Box<dyn Regressor>) -> Self {
        Pipeline { transformers, regressor, x: Vec::new(), next: Vec::new() }
    }

    /// Runs `x` through the transformers into `self.x`; if there is a target to learn, each learns the features first and the target afterwards.
    fn transform(&mut self, x: &[f64], y: Option<f64>) {
        self.x.clear();
        self.x.extend_from_slice(x);
        for transformer in &mut self.transformers {
            if y.is_some() {
                transformer.learn_one(&self.x);
            }
            transformer.transform_one(&self.x, &mut self.next);
            if let Some(y) = y {
                transformer.learn_target(&self.x, y);
            }
            std::mem::swap(&mut self.x, &mut self.next);
        }
    }
}

impl Regressor for Pipeline {
    fn predict_one(&mut self, x: &[f64]) -> f64 {
        self.transform(x, None);
        self.regressor.predict_one(&self.x)
    }

    fn learn_one(&mut self, x: &[f64], y: f64) {
        if y.is_finite() {
            self.transform(x, Some(y));
            self.regressor.learn_one(&self.x, y);
        }
    }

    fn learn_weighted(&mut self, x: &[f64], y: f64, weight: f64) {
        if y.is_finite() && weight > 0.0 {
            self.transform(x, Some(y));
            self.regressor.learn_weighted(&self.x, y, weight);
        }
    }

    fn counters(&self, report: &mut dyn FnMut(&'static str, u64)) {
        self.regressor.counters(report);
    }

    fn clone_fresh(&self) -> Box<dyn Regressor> {
        Box::new(Pipeline::new(self.transformers.iter().map(|t| t.clone_fresh()).collect(), self.regressor.clone_fresh()))
    }

    fn clone_learned(&self) -> Box<dyn Regressor> {
        Box::new(Pipeline::new(self.transformers.iter().map(|t| t.clone_learned()).collect(), self.regressor.clone_learned()))
    }
}

impl Snapshot for Pipeline {
    fn save(&self, out: &mut Vec<u8>) -> Result<(), SnapshotError> {
        let mut parts: Vec<&dyn Snapshot> = self.transformers.iter().map(|t| &**t as &dyn Snapshot).collect();
        parts.push(&*self.regressor);
        save_parts(&parts, out)
    }

    fn load(&mut self, bytes: &[u8]) -> Result<(), SnapshotError> {
        let mut parts: Vec<&mut dyn Snapshot> = self.transformers.iter_mut().map(|t| &mut **t as &mut dyn Snapshot).collect();
        parts.push(&mut *self.regressor);
        load_parts(&mut parts, bytes)
    }
}

impl Component for Pipeline {
    type Params = PipelineParams;
    const NAME: &'static str = "pipeline";
    const SUMMARY: &'static str = "transformers in a row, then a regressor, as one regressor";
    const REFERENCE: &'static str = "River, compose.Pipeline";

    fn examples() -> Vec<Value> {
        ["linear_regression", "pa_regressor", "knn_regressor"]
            .map(|last| json!({ Self::NAME: { "steps": ["standard_scaler", last] } }))
            .into()
    }

    fn build(params: PipelineParams, on: &ModelBuild<'_>) -> Result<Self, Vec<ParamError>> {
        let at = child(on.path, "steps");
        let Some((last, before)) = params.steps.split_last() else {
            return Err(vec![ParamError::new(ParamErrorKind::OutOfRange, &at, "the list is empty", "at least a regressor")]);
        };
        let (mut schema, mut transformers, mut errors) = (on.schema.clone(), Vec::new(), Vec::new());
        for (position, step) in before.iter().enumerate() {
            match on.catalog.transformer(step, &child(&at, position.to_string()), &schema, on.seed) {
                Ok(transformer) => {
                    schema = transformer.output_schema(&schema);
                    transformers.push(transformer);
                }
                Err(more) => errors.extend(more),
            }
        }
        match on.catalog.regressor(last, &child(&at, before.len().to_string()), &schema, on.seed) {
            Ok(regressor) if errors.is_empty() => Ok(Pipeline::new(transformers, regressor)),
            Ok(_) => Err(errors),
            Err(more) => Err(errors.into_iter().chain(more).collect()),
        }
    }
}

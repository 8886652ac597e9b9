//! Transformers before a detector of features.

use serde_json::{Value, json};

use crate::{
    learn::{
        base::{AnomalyDetector, Transformer},
        catalog::{Component, ModelBuild},
        compose::{PipelineParams, load_parts, save_parts},
        params::{ParamError, ParamErrorKind, child},
    },
    snapshot::{Snapshot, SnapshotError},
};

/// Transformers and an anomaly detector as one detector, in River's order: scoring transforms with what the transformers know; learning lets each
/// transformer learn first and hands on what it makes of the record then.
///
/// Reference: River's `compose.Pipeline`.
///
/// ```
/// use serde_json::json;
/// use tidemill::learn::{base::{AnomalyDetector, Schema}, catalog::Catalog};
///
/// let spec = json!({ "pipeline": { "steps": ["standard_scaler", { "one_class_svm": { "nu": 0.2 } }] } });
/// let mut detector = Catalog::standard().anomaly_detector(&spec, &[], &Schema::new(["return", "volume"]), 7).unwrap();
/// for k in 0..300 {
///     detector.learn_one(&[f64::from(k % 7), f64::from(k % 5)], f64::NAN);
/// }
/// assert_eq!(format!("{:.3}", detector.score_one(&[3.0, 2.0], f64::NAN)), "-0.010");
/// ```
pub struct DetectorPipeline {
    transformers: Vec<Box<dyn Transformer>>,
    detector: Box<dyn AnomalyDetector>,
    x: Vec<f64>,
    next: Vec<f64>,
}

impl DetectorPipeline {
    /// `transformers` in order, then `detector`.
    pub fn new(transformers: Vec<Box<dyn Transformer>>, detector: Box<dyn AnomalyDetector>) -> Self {
        DetectorPipeline { transformers, detector, x: Vec::new(), next: Vec::new() }
    }

    /// Runs `x` through the transformers into `self.x`; each learns first if `learn`.
    fn transform(&mut self, x: &[f64], learn: bool) {
        self.x.clear();
        self.x.extend_from_slice(x);
        for transformer in &mut self.transformers {
            if learn {
                transformer.learn_one(&self.x);
            }
            transformer.transform_one(&self.x, &mut self.next);
            std::mem::swap(&mut self.x, &mut self.next);
        }
    }

    fn parts(&self) -> Vec<&dyn Snapshot> {
        let transformers = self.transformers.iter().map(|t| -> &dyn Snapshot { &**t });
        transformers.chain([&*self.detector as &dyn Snapshot]).collect()
    }
}

impl AnomalyDetector for DetectorPipeline {
    fn score_one(&mut self, x: &[f64], y: f64) -> f64 {
        self.transform(x, false);
        self.detector.score_one(&self.x, y)
    }

    fn learn_one(&mut self, x: &[f64], y: f64) {
        self.transform(x, true);
        self.detector.learn_one(&self.x, y);
    }

    fn clone_fresh(&self) -> Box<dyn AnomalyDetector> {
        let transformers = self.transformers.iter().map(|t| t.clone_fresh()).collect();
        Box::new(DetectorPipeline::new(transformers, self.detector.clone_fresh()))
    }

    fn clone_learned(&self) -> Box<dyn AnomalyDetector> {
        let transformers = self.transformers.iter().map(|t| t.clone_learned()).collect();
        Box::new(DetectorPipeline::new(transformers, self.detector.clone_learned()))
    }
}

impl Snapshot for DetectorPipeline {
    fn save(&self, out: &mut Vec<u8>) -> Result<(), SnapshotError> {
        save_parts(&self.parts(), out)
    }

    fn load(&mut self, bytes: &[u8]) -> Result<(), SnapshotError> {
        let transformers = self.transformers.iter_mut().map(|t| -> &mut dyn Snapshot { &mut **t });
        let mut parts: Vec<&mut dyn Snapshot> = transformers.chain([&mut *self.detector as &mut dyn Snapshot]).collect();
        load_parts(&mut parts, bytes)
    }
}

impl Component for DetectorPipeline {
    type Params = PipelineParams;
    const NAME: &'static str = "pipeline";
    const SUMMARY: &'static str = "transformers in a row, and a detector of features at the end";
    const REFERENCE: &'static str = "River's compose.Pipeline";

    fn examples() -> Vec<Value> {
        vec![json!({ "pipeline": { "steps": ["standard_scaler", "one_class_svm"] } })]
    }

    fn build(params: PipelineParams, on: &ModelBuild<'_>) -> Result<Self, Vec<ParamError>> {
        let path = child(on.path, "steps");
        let Some((last, before)) = params.steps.split_last() else {
            let error =
                ParamError::new(ParamErrorKind::Missing, &path, "there is no step", "transformers, then an anomaly detector");
            return Err(vec![error]);
        };
        let (mut schema, mut transformers, mut errors) = (on.schema.clone(), Vec::new(), Vec::new());
        for (position, spec) in before.iter().enumerate() {
            match on.catalog.transformer(spec, &child(&path, position.to_string()), &schema, on.seed) {
                Ok(transformer) => {
                    schema = transformer.output_schema(&schema);
                    transformers.push(transformer);
                }
                Err(more) => errors.extend(more),
            }
        }
        let at = child(&path, before.len().to_string());
        match on.catalog.anomaly_detector(last, &at, &schema, on.seed) {
            Ok(detector) if detector.looks_at_y() && !before.is_empty() => {
                let message = "this detector looks at one number, which no transformer changes";
                errors.push(ParamError::new(
                    ParamErrorKind::Conflict,
                    &at,
                    message,
                    "a detector of features, or no step before it",
                ));
            }
            Ok(detector) if errors.is_empty() => return Ok(DetectorPipeline::new(transformers, detector)),
            Ok(_) => {}
            Err(more) => errors.extend(more),
        }
        Err(errors)
    }
}

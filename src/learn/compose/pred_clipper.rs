//! Predictions kept within bounds.

use serde_json::{Value, json};

use crate::{
    learn::{
        base::Regressor,
        catalog::{Component, ModelBuild},
        params::{ParamError, ParamErrorKind, child},
    },
    snapshot::{Snapshot, SnapshotError},
};

crate::params! {
    /// Parameters of [`PredClipper`].
    pub struct PredClipperParams {
        required {
            /// The regressor whose predictions are kept within bounds: a name or an object with the name as its only key.
            regressor: Value;
        }
        /// The smallest prediction, in units of the target; "none" sets no bound.
        y_min: Option<f64> = None;
        /// The largest prediction, in units of the target; "none" sets no bound.
        y_max: Option<f64> = None;
    }
}

/// Passes a regressor's predictions on, cut to the range from `y_min` to `y_max`: prices, for instance, are never below 0. Learning is not touched.
///
/// Reference: River's `preprocessing.PredClipper`.
///
/// ```
/// use serde_json::json;
/// use tidemill::learn::{base::{Regressor, Schema}, catalog::Catalog};
///
/// let spec = json!({ "pred_clipper": { "regressor": "mean", "y_min": 0.0 } });
/// let mut model = Catalog::standard().regressor(&spec, &[], &Schema::default(), 7).unwrap();
/// model.learn_one(&[], -3.0);
/// assert_eq!(model.predict_one(&[]), 0.0);
/// ```
pub struct PredClipper {
    bounds: (f64, f64),
    regressor: Box<dyn Regressor>,
}

impl PredClipper {
    /// `regressor` with its predictions cut to the range from `y_min` to `y_max`.
    pub fn new(regressor: Box<dyn Regressor>, y_min: f64, y_max: f64) -> Self {
        PredClipper { bounds: (y_min, y_max), regressor }
    }
}

impl Regressor for PredClipper {
    fn predict_one(&mut self, x: &[f64]) -> f64 {
        self.regressor.predict_one(x).min(self.bounds.1).max(self.bounds.0)
    }

    fn learn_one(&mut self, x: &[f64], y: f64) {
        self.regressor.learn_one(x, y);
    }

    fn learn_weighted(&mut self, x: &[f64], y: f64, weight: f64) {
        self.regressor.learn_weighted(x, y, weight);
    }

    fn counters(&self, report: &mut dyn FnMut(&'static str, u64)) {
        self.regressor.counters(report);
    }

    fn clone_fresh(&self) -> Box<dyn Regressor> {
        Box::new(PredClipper { bounds: self.bounds, regressor: self.regressor.clone_fresh() })
    }

    fn clone_learned(&self) -> Box<dyn Regressor> {
        Box::new(PredClipper { bounds: self.bounds, regressor: self.regressor.clone_learned() })
    }
}

impl Snapshot for PredClipper {
    fn save(&self, out: &mut Vec<u8>) -> Result<(), SnapshotError> {
        self.regressor.save(out)
    }

    fn load(&mut self, bytes: &[u8]) -> Result<(), SnapshotError> {
        self.regressor.load(bytes)
    }
}

impl Component for PredClipper {
    type Params = PredClipperParams;
    const NAME: &'static str = "pred_clipper";
    const SUMMARY: &'static str = "keeps a regressor's predictions within bounds";
    const REFERENCE: &'static str = "River, preprocessing.PredClipper";

    fn examples() -> Vec<Value> {
        vec![json!({ Self::NAME: { "regressor": "pa_regressor", "y_min": 0.0, "y_max": 40_000.0 } })]
    }

    fn build(params: PredClipperParams, on: &ModelBuild<'_>) -> Result<Self, Vec<ParamError>> {
        let (low, high) = (params.y_min.unwrap_or(f64::NEG_INFINITY), params.y_max.unwrap_or(f64::INFINITY));
        if low > high {
            let message = format!("{low} is above y_max, which is {high}");
            return Err(vec![ParamError::new(ParamErrorKind::Conflict, &child(on.path, "y_min"), message, "y_min up to y_max")]);
        }
        let regressor = on.catalog.regressor(&params.regressor, &child(on.path, "regressor"), on.schema, on.seed)?;
        Ok(PredClipper::new(regressor, low, high))
    }
}

//! A regressor that learns a scaled target.

use serde_json::{Value, json};

use super::{load_parts, save_parts};
use crate::{
    impl_snapshot,
    learn::{
        base::{Regressor, finite},
        catalog::{Component, ModelBuild},
        params::{ParamError, child},
        stats::Var,
    },
    snapshot::{Snapshot, SnapshotError},
};

impl_snapshot!(Var);

crate::params! {
    /// Parameters of [`TargetStandardScaler`].
    pub struct TargetStandardScalerParams {
        required {
            /// The regressor that learns the scaled target: a name or an object with the name as its only key.
            regressor: Value;
        }
    }
}

/// Scales the target to running mean 0 and (sample) variance 1 before the regressor learns it, and scales its predictions back.
///
/// Reference: River's `preprocessing.TargetStandardScaler`.
///
/// ```
/// use serde_json::json;
/// use tidemill::learn::{base::{Regressor, Schema}, catalog::Catalog};
///
/// let spec = json!({ "target_standard_scaler": { "regressor": "mean" } });
/// let mut model = Catalog::standard().regressor(&spec, &[], &Schema::default(), 7).unwrap();
/// for y in [100.0, 104.0, 102.0] {
///     model.learn_one(&[], y);
/// }
/// // The mean of the scaled targets 0, 0.7071 and 0 is 0.2357, and 102 + 2 * 0.2357 is
/// assert_eq!(format!("{:.4}", model.predict_one(&[])), "102.4714");
/// ```
pub struct TargetStandardScaler {
    var: Var,
    regressor: Box<dyn Regressor>,
}

impl TargetStandardScaler {
    /// Scales the target for `regressor`.
    pub fn new(regressor: Box<dyn Regressor>) -> Self {
        TargetStandardScaler { var: Var::default(), regressor }
    }

    /// Learns the scale of `y` and gives `y` scaled; 0.0 while the variance is 0, nothing where the score cannot be told.
    fn scale(&mut self, y: f64) -> Option<f64> {
        self.var.update(y, 1.0);
        let std = self.var.get(1.0).sqrt();
        let scaled = if std > 0.0 { (y - self.var.mean()) / std } else { 0.0 };
        Some(scaled).filter(|s| s.is_finite())
    }
}

impl Regressor for TargetStandardScaler {
    fn predict_one(&mut self, x: &[f64]) -> f64 {
        finite(self.regressor.predict_one(x) * self.var.get(1.0).sqrt() + self.var.mean())
    }

    fn learn_one(&mut self, x: &[f64], y: f64) {
        if y.is_finite()
            && let Some(scaled) = self.scale(y)
        {
            self.regressor.learn_one(x, scaled);
        }
    }

    fn learn_weighted(&mut self, x: &[f64], y: f64, weight: f64) {
        if y.is_finite()
            && weight > 0.0
            && let Some(scaled) = self.scale(y)
        {
            self.regressor.learn_weighted(x, scaled, weight);
        }
    }

    fn counters(&self, report: &mut dyn FnMut(&'static str, u64)) {
        self.regressor.counters(report);
    }

    fn clone_fresh(&self) -> Box<dyn Regressor> {
        Box::new(TargetStandardScaler::new(self.regressor.clone_fresh()))
    }

    fn clone_learned(&self) -> Box<dyn Regressor> {
        Box::new(TargetStandardScaler { var: self.var, regressor: self.regressor.clone_learned() })
    }
}

impl Snapshot for TargetStandardScaler {
    fn save(&self, out: &mut Vec<u8>) -> Result<(), SnapshotError> {
        save_parts(&[&self.var, &*self.regressor], out)
    }

    fn load(&mut self, bytes: &[u8]) -> Result<(), SnapshotError> {
        load_parts(&mut [&mut self.var, &mut *self.regressor], bytes)
    }
}

impl Component for TargetStandardScaler {
    type Params = TargetStandardScalerParams;
    const NAME: &'static str = "target_standard_scaler";
    const SUMMARY: &'static str = "lets a regressor learn the target scaled to mean 0 and variance 1";
    const REFERENCE: &'static str = "River, preprocessing.TargetStandardScaler";

    fn examples() -> Vec<Value> {
        vec![json!({ Self::NAME: { "regressor": { "pipeline": { "steps": ["standard_scaler", "linear_regression"] } } } })]
    }

    fn build(params: TargetStandardScalerParams, on: &ModelBuild<'_>) -> Result<Self, Vec<ParamError>> {
        on.catalog.regressor(&params.regressor, &child(on.path, "regressor"), on.schema, on.seed).map(TargetStandardScaler::new)
    }
}

//! Features scaled by faded means and variances.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::feature::{each_present, each_told};
use crate::{
    impl_snapshot,
    learn::{
        base::{Schema, Transformer},
        catalog::{Component, ModelBuild},
        params::{ParamError, above_to},
        stats::{EwVar, Univariate},
    },
};

crate::params! {
    /// Parameters of [`AdaptiveStandardScaler`].
    pub struct AdaptiveStandardScalerParams {
        /// Weight of the newest record: the closer to 1, the faster old ones fade.
        fading_factor: f64 = 0.3, in above_to(0.0, 1.0);
    }
}

/// Takes the exponentially weighted mean off each feature and divides by the root of its exponentially weighted variance: the scale follows a series
/// that drifts. 0.0 while the variance is 0.
///
/// Only finite values whose square does not overflow are learned; an absent value stays absent, and so does a result that overflows.
///
/// Reference: River's `preprocessing.AdaptiveStandardScaler`; T. Finch, "Incremental calculation of weighted mean and variance", 2009.
///
/// ```
/// use tidemill::learn::{base::Transformer, preprocessing::{AdaptiveStandardScaler, AdaptiveStandardScalerParams}};
///
/// let mut scaler = AdaptiveStandardScaler::new(AdaptiveStandardScalerParams { fading_factor: 0.5 }, 1);
/// let mut out = Vec::new();
/// for x in [1.0, 3.0, 5.0, 4.0] {
///     scaler.learn_one(&[x]);
/// }
/// scaler.transform_one(&[4.0], &mut out);
/// assert_eq!(format!("{:.4}", out[0]), "0.2085"); // (4 - 3.75) / 1.4375^0.5
/// ```
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct AdaptiveStandardScaler {
    params: AdaptiveStandardScalerParams,
    features: Vec<EwVar>,
}

impl AdaptiveStandardScaler {
    /// A scaler of `features` features.
    pub fn new(params: AdaptiveStandardScalerParams, features: usize) -> Self {
        AdaptiveStandardScaler { features: vec![EwVar::new(params.fading_factor); features], params }
    }
}

impl Transformer for AdaptiveStandardScaler {
    fn transform_one(&mut self, x: &[f64], out: &mut Vec<f64>) {
        each_told(&self.features, x, out, |feature, x| match (feature.mean(), feature.get()) {
            (Some(mean), Some(var)) if var > 0.0 => (x - mean) / var.sqrt(),
            _ => 0.0,
        });
    }

    fn learn_one(&mut self, x: &[f64]) {
        each_present(&mut self.features, x, |feature, x| feature.update(x));
    }

    fn output_schema(&self, input: &Schema) -> Schema {
        input.clone()
    }

    fn clone_fresh(&self) -> Box<dyn Transformer> {
        Box::new(AdaptiveStandardScaler::new(self.params.clone(), self.features.len()))
    }

    fn clone_learned(&self) -> Box<dyn Transformer> {
        Box::new(self.clone())
    }
}

impl Component for AdaptiveStandardScaler {
    type Params = AdaptiveStandardScalerParams;
    const NAME: &'static str = "adaptive_standard_scaler";
    const SUMMARY: &'static str = "scales features by exponentially weighted mean and variance, which follow a drifting series";
    const REFERENCE: &'static str = "River, preprocessing.AdaptiveStandardScaler";

    fn examples() -> Vec<Value> {
        vec![Value::from(Self::NAME), serde_json::json!({ Self::NAME: { "fading_factor": 0.05 } })]
    }

    fn build(params: AdaptiveStandardScalerParams, on: &ModelBuild<'_>) -> Result<Self, Vec<ParamError>> {
        Ok(AdaptiveStandardScaler::new(params, on.schema.len()))
    }
}

impl_snapshot!(AdaptiveStandardScaler);

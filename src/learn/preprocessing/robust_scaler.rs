//! Features scaled by quantiles.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::feature::{each_present, each_told, ratio};
use crate::{
    impl_snapshot,
    learn::{
        base::{Schema, Transformer},
        catalog::{Component, ModelBuild},
        params::{ParamError, ParamErrorKind, child},
        stats::{Iqr, Quantile, Univariate},
    },
};

crate::params! {
    /// Parameters of [`RobustScaler`].
    pub struct RobustScalerParams {
        /// Whether the median is taken off.
        with_centering: bool = true;
        /// Whether features are divided by the distance of the two quantiles.
        with_scaling: bool = true;
        /// The lower quantile; below the upper one.
        q_inf: f64 = 0.25, in 0.0..=1.0;
        /// The upper quantile.
        q_sup: f64 = 0.75, in 0.0..=1.0;
    }
}

/// Takes the running median off each feature and divides by the distance of two running quantiles (the interquartile range), both by the P² algorithm:
/// outliers hardly move the scale. 0.0 while the quantiles are equal or nothing is known.
///
/// Only finite values up to 1e150 are learned; an absent value stays absent, and so does a result that overflows.
///
/// Reference: River's `preprocessing.RobustScaler`; R. Jain, I. Chlamtac, Communications of the ACM 28(10), 1985.
///
/// ```
/// use tidemill::learn::{base::Transformer, preprocessing::{RobustScaler, RobustScalerParams}};
///
/// let mut scaler = RobustScaler::new(RobustScalerParams::default(), 1);
/// let mut out = Vec::new();
/// for x in 0..=1000 {
///     scaler.learn_one(&[f64::from(x)]);
/// }
/// scaler.transform_one(&[1000.0], &mut out);
/// assert_eq!(out, [1.0]); // (1000 - 500) / 500
/// ```
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RobustScaler {
    params: RobustScalerParams,
    features: Vec<Centre>,
}

/// Where one feature lies, and how far it spreads.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Centre {
    median: Quantile,
    iqr: Iqr,
}

impl RobustScaler {
    /// A scaler of `features` features.
    pub fn new(params: RobustScalerParams, features: usize) -> Self {
        let centre = Centre { median: Quantile::new(0.5), iqr: Iqr::new(params.q_inf, params.q_sup) };
        RobustScaler { features: vec![centre; features], params }
    }
}

impl Transformer for RobustScaler {
    fn transform_one(&mut self, x: &[f64], out: &mut Vec<f64>) {
        let (centering, scaling) = (self.params.with_centering, self.params.with_scaling);
        each_told(&self.features, x, out, |centre, x| {
            let x = if centering { x - centre.median.get().unwrap_or(0.0) } else { x };
            if scaling { ratio(x, centre.iqr.get().unwrap_or(0.0)) } else { x }
        });
    }

    fn learn_one(&mut self, x: &[f64]) {
        let (centering, scaling) = (self.params.with_centering, self.params.with_scaling);
        each_present(&mut self.features, x, |centre, x| {
            if centering {
                centre.median.update(x);
            }
            if scaling {
                centre.iqr.update(x);
            }
        });
    }

    fn output_schema(&self, input: &Schema) -> Schema {
        input.clone()
    }

    fn clone_fresh(&self) -> Box<dyn Transformer> {
        Box::new(RobustScaler::new(self.params.clone(), self.features.len()))
    }

    fn clone_learned(&self) -> Box<dyn Transformer> {
        Box::new(self.clone())
    }
}

impl Component for RobustScaler {
    type Params = RobustScalerParams;
    const NAME: &'static str = "robust_scaler";
    const SUMMARY: &'static str = "takes off the median and divides by the interquartile range, which outliers hardly move";
    const REFERENCE: &'static str = "River, preprocessing.RobustScaler";

    fn examples() -> Vec<Value> {
        vec![Value::from(Self::NAME), json!({ Self::NAME: { "with_centering": false, "q_inf": 0.1, "q_sup": 0.9 } })]
    }

    fn build(params: RobustScalerParams, on: &ModelBuild<'_>) -> Result<Self, Vec<ParamError>> {
        if params.q_inf >= params.q_sup {
            let message = format!("{} is not below q_sup, which is {}", params.q_inf, params.q_sup);
            return Err(vec![ParamError::new(ParamErrorKind::Conflict, &child(on.path, "q_inf"), message, "q_inf below q_sup")]);
        }
        Ok(RobustScaler::new(params, on.schema.len()))
    }
}

impl_snapshot!(RobustScaler);

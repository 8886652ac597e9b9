//! Features scaled by their largest size.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::feature::{each_present, each_told, ratio};
use crate::{
    impl_snapshot,
    learn::{
        base::{Schema, Transformer},
        catalog::{Component, ModelBuild},
        params::ParamError,
        stats::{AbsMax, RollingExtreme, Univariate},
    },
};

crate::params! {
    /// Parameters of [`MaxAbsScaler`].
    pub struct MaxAbsScalerParams {
        /// Scale by the largest size of the last so many records only; "none" scales by that of all.
        window_size: Option<usize> = None, in 1..=100_000, unit "records";
    }
}

/// Divides each feature by its largest size so far, whatever the sign; 0.0 while that is 0. Zero stays zero: nothing is shifted.
///
/// Only finite values are learned; an absent value stays absent, and so does a result that overflows.
///
/// Reference: River's `preprocessing.MaxAbsScaler`.
///
/// ```
/// use tidemill::learn::{base::Transformer, preprocessing::{MaxAbsScaler, MaxAbsScalerParams}};
///
/// let mut scaler = MaxAbsScaler::new(MaxAbsScalerParams::default(), 1);
/// let mut out = Vec::new();
/// for x in [2.0, -8.0, 4.0] {
///     scaler.learn_one(&[x]);
/// }
/// scaler.transform_one(&[4.0], &mut out);
/// assert_eq!(out, [0.5]);
/// ```
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct MaxAbsScaler {
    params: MaxAbsScalerParams,
    features: Vec<Size>,
}

/// The largest size of one feature.
#[derive(Debug, Clone, Serialize, Deserialize)]
enum Size {
    Running(AbsMax),
    Window(RollingExtreme),
}

impl Size {
    fn learn(&mut self, x: f64) {
        match self {
            Size::Running(size) => size.update(x),
            Size::Window(size) => size.update(x),
        }
    }

    fn get(&self) -> Option<f64> {
        match self {
            Size::Running(size) => size.get(),
            Size::Window(size) => size.get(),
        }
    }
}

impl MaxAbsScaler {
    /// A scaler of `features` features.
    pub fn new(params: MaxAbsScalerParams, features: usize) -> Self {
        let size = match params.window_size {
            None => Size::Running(AbsMax::default()),
            Some(size) => Size::Window(RollingExtreme::abs_max(size)),
        };
        MaxAbsScaler { features: vec![size; features], params }
    }
}

impl Transformer for MaxAbsScaler {
    fn transform_one(&mut self, x: &[f64], out: &mut Vec<f64>) {
        each_told(&self.features, x, out, |size, x| ratio(x, size.get().unwrap_or(0.0)));
    }

    fn learn_one(&mut self, x: &[f64]) {
        each_present(&mut self.features, x, Size::learn);
    }

    fn output_schema(&self, input: &Schema) -> Schema {
        input.clone()
    }

    fn clone_fresh(&self) -> Box<dyn Transformer> {
        Box::new(MaxAbsScaler::new(self.params.clone(), self.features.len()))
    }

    fn clone_learned(&self) -> Box<dyn Transformer> {
        Box::new(self.clone())
    }
}

impl Component for MaxAbsScaler {
    type Params = MaxAbsScalerParams;
    const NAME: &'static str = "max_abs_scaler";
    const SUMMARY: &'static str = "divides features by their largest size";
    const REFERENCE: &'static str = "River, preprocessing.MaxAbsScaler";

    fn examples() -> Vec<Value> {
        vec![Value::from(Self::NAME), json!({ Self::NAME: { "window_size": 50 } })]
    }

    fn build(params: MaxAbsScalerParams, on: &ModelBuild<'_>) -> Result<Self, Vec<ParamError>> {
        Ok(MaxAbsScaler::new(params, on.schema.len()))
    }
}

impl_snapshot!(MaxAbsScaler);

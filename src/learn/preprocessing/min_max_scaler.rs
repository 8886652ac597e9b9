//! Features scaled to the range from 0 to 1.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::feature::{each_present, each_told, share};
use crate::{
    impl_snapshot,
    learn::{
        base::{Schema, Transformer},
        catalog::{Component, ModelBuild},
        params::ParamError,
        stats::{Max, Min, RollingExtreme, Univariate},
    },
};

crate::params! {
    /// Parameters of [`MinMaxScaler`].
    pub struct MinMaxScalerParams {
        /// Scale by the extremes of the last so many records only; "none" scales by those of all.
        window_size: Option<usize> = None, in 1..=100_000, unit "records";
    }
}

/// Takes the smallest value off each feature and divides by the distance to the largest; 0.0 while they are equal or nothing is known.
///
/// What was learned lies between 0 and 1; a new extreme lies outside until it is learned. Only finite values are learned; an absent value stays
/// absent, and so does a result that overflows.
///
/// Reference: River's `preprocessing.MinMaxScaler`.
///
/// ```
/// use tidemill::learn::{base::Transformer, preprocessing::{MinMaxScaler, MinMaxScalerParams}};
///
/// let mut scaler = MinMaxScaler::new(MinMaxScalerParams::default(), 1);
/// let mut out = Vec::new();
/// for x in [2.0, 4.0, 10.0] {
///     scaler.learn_one(&[x]);
/// }
/// scaler.transform_one(&[4.0], &mut out);
/// assert_eq!(out, [0.25]);
/// ```
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct MinMaxScaler {
    params: MinMaxScalerParams,
    features: Vec<Range>,
}

/// The extremes of one feature.
#[derive(Debug, Clone, Serialize, Deserialize)]
enum Range {
    Running(Min, Max),
    Window(RollingExtreme, RollingExtreme),
}

impl Range {
    fn new(window_size: Option<usize>) -> Self {
        match window_size {
            None => Range::Running(Min::default(), Max::default()),
            Some(size) => Range::Window(RollingExtreme::min(size), RollingExtreme::max(size)),
        }
    }

    fn learn(&mut self, x: f64) {
        match self {
            Range::Running(min, max) => {
                min.update(x);
                max.update(x);
            }
            Range::Window(min, max) => {
                min.update(x);
                max.update(x);
            }
        }
    }

    fn get(&self) -> Option<(f64, f64)> {
        match self {
            Range::Running(min, max) => min.get().zip(max.get()),
            Range::Window(min, max) => min.get().zip(max.get()),
        }
    }
}

impl MinMaxScaler {
    /// A scaler of `features` features.
    pub fn new(params: MinMaxScalerParams, features: usize) -> Self {
        MinMaxScaler { features: vec![Range::new(params.window_size); features], params }
    }
}

impl Transformer for MinMaxScaler {
    fn transform_one(&mut self, x: &[f64], out: &mut Vec<f64>) {
        each_told(&self.features, x, out, |range, x| range.get().map_or(0.0, |(low, high)| share(x, low, high)));
    }

    fn learn_one(&mut self, x: &[f64]) {
        each_present(&mut self.features, x, Range::learn);
    }

    fn output_schema(&self, input: &Schema) -> Schema {
        input.clone()
    }

    fn clone_fresh(&self) -> Box<dyn Transformer> {
        Box::new(MinMaxScaler::new(self.params.clone(), self.features.len()))
    }

    fn clone_learned(&self) -> Box<dyn Transformer> {
        Box::new(self.clone())
    }
}

impl Component for MinMaxScaler {
    type Params = MinMaxScalerParams;
    const NAME: &'static str = "min_max_scaler";
    const SUMMARY: &'static str = "scales features to the range from 0 to 1";
    const REFERENCE: &'static str = "River, preprocessing.MinMaxScaler";

    fn examples() -> Vec<Value> {
        vec![Value::from(Self::NAME), json!({ Self::NAME: { "window_size": 50 } })]
    }

    fn build(params: MinMaxScalerParams, on: &ModelBuild<'_>) -> Result<Self, Vec<ParamError>> {
        Ok(MinMaxScaler::new(params, on.schema.len()))
    }
}

impl_snapshot!(MinMaxScaler);

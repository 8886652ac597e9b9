//! Records scaled to length 1.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::feature::{boxed, ratio, told};
use crate::{
    impl_snapshot,
    learn::{
        base::{Schema, Transformer},
        catalog::{Component, ModelBuild},
        params::ParamError,
    },
};

crate::choices! {
    /// How the length of a record is measured.
    pub enum Norm {
        /// The sum of the sizes.
        L1 = "l1",
        /// The root of the sum of squares.
        L2 = "l2",
        /// The largest size.
        Max = "max",
    }
}

crate::params! {
    /// Parameters of [`Normalizer`].
    pub struct NormalizerParams {
        /// How the length of a record is measured.
        norm: Norm = Norm::L2;
    }
}

/// Divides every record by its own length; 0.0 for all features where the length is 0. Nothing is learned: each record stands alone.
///
/// The length is that of the present features; an absent value stays absent.
///
/// Reference: River's `preprocessing.Normalizer`.
///
/// ```
/// use tidemill::learn::{base::Transformer, preprocessing::{Normalizer, NormalizerParams}};
///
/// let mut out = Vec::new();
/// Normalizer::new(NormalizerParams::default()).transform_one(&[3.0, 4.0], &mut out);
/// assert_eq!(out, [0.6, 0.8]);
/// ```
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Normalizer {
    params: NormalizerParams,
}

impl Normalizer {
    /// A normalizer of any number of features.
    pub fn new(params: NormalizerParams) -> Self {
        Normalizer { params }
    }

    /// The length of `x` with every value multiplied by `scale`.
    fn length(&self, x: &[f64], scale: f64) -> f64 {
        let sizes = x.iter().filter(|x| x.is_finite()).map(|x| (x * scale).abs());
        match self.params.norm {
            Norm::L1 => sizes.sum(),
            Norm::L2 => sizes.map(|s| s * s).sum::<f64>().sqrt(),
            Norm::Max => sizes.fold(0.0, f64::max),
        }
    }
}

impl Transformer for Normalizer {
    fn transform_one(&mut self, x: &[f64], out: &mut Vec<f64>) {
        let plain = self.length(x, 1.0);
        // Squares of huge values overflow and those of tiny ones vanish; then all are brought near 1 first.
        let scale = if (1e-140..1e140).contains(&plain) {
            1.0
        } else {
            let largest = x.iter().filter(|x| x.is_finite()).fold(0.0, |largest: f64, x| largest.max(x.abs()));
            if largest > 1e-300 { 1.0 / largest } else { 1e300 }
        };
        let length = if scale == 1.0 { plain } else { self.length(x, scale) };
        out.clear();
        out.extend(x.iter().map(|x| if x.is_finite() { told(ratio(x * scale, length)) } else { f64::NAN }));
    }

    fn learn_one(&mut self, _x: &[f64]) {}

    fn output_schema(&self, input: &Schema) -> Schema {
        input.clone()
    }

    fn clone_fresh(&self) -> Box<dyn Transformer> {
        boxed(self)
    }

    fn clone_learned(&self) -> Box<dyn Transformer> {
        boxed(self)
    }
}

impl Component for Normalizer {
    type Params = NormalizerParams;
    const NAME: &'static str = "normalizer";
    const SUMMARY: &'static str = "scales every record to length 1";
    const REFERENCE: &'static str = "River, preprocessing.Normalizer";

    fn examples() -> Vec<Value> {
        ["l1", "l2", "max"].map(|norm| json!({ Self::NAME: { "norm": norm } })).into()
    }

    fn build(params: NormalizerParams, _on: &ModelBuild<'_>) -> Result<Self, Vec<ParamError>> {
        Ok(Normalizer::new(params))
    }
}

impl_snapshot!(Normalizer);

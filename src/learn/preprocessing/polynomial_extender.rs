//! Products of features as further features.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::feature::{boxed, told};
use crate::{
    impl_snapshot,
    learn::{
        base::{Schema, Transformer},
        catalog::{Component, ModelBuild},
        feature_extraction::products,
        params::{ParamError, ParamErrorKind, child},
    },
};

crate::params! {
    /// Parameters of [`PolynomialExtender`].
    pub struct PolynomialExtenderParams {
        /// The most factors in a product.
        degree: usize = 2, in 1..=8;
        /// Only products of different features, no powers.
        interaction_only: bool = false;
        /// Whether a feature that is always 1 comes last.
        include_bias: bool = false;
        /// The name of that feature.
        bias_name: String = "bias".to_owned();
    }
}

/// Replaces the features by all their products of up to `degree` factors: with degree 2, `a`, `b`, `a*a`, `a*b`, `b*b`. Nothing is learned.
///
/// The outputs are ordered by the number of factors, then by the order of the features. There are at most 10,000 of them, else the parameters are
/// refused. A product with an absent factor is absent, and so is one that overflows.
///
/// Reference: River's `feature_extraction.PolynomialExtender`.
///
/// ```
/// use tidemill::learn::{base::{Schema, Transformer}, preprocessing::{PolynomialExtender, PolynomialExtenderParams}};
///
/// let mut extender = PolynomialExtender::new(PolynomialExtenderParams::default(), 2).unwrap();
/// let mut out = Vec::new();
/// extender.transform_one(&[2.0, 3.0], &mut out);
/// assert_eq!(out, [2.0, 3.0, 4.0, 6.0, 9.0]);
/// assert_eq!(extender.output_schema(&Schema::new(["a", "b"])).names(), ["a", "b", "a*a", "a*b", "b*b"]);
/// ```
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PolynomialExtender {
    params: PolynomialExtenderParams,
    /// The positions of the factors of all products, one after the other, and where each product's factors end.
    factors: Vec<u32>,
    ends: Vec<u32>,
}

const MOST: usize = 10_000;

/// How many products of up to `degree` of `features` features there are, or something above [`MOST`].
fn number_of_products(features: usize, degree: usize, interaction_only: bool) -> usize {
    let (mut of_size, mut total) = (1_u128, 0_u128);
    for size in 1..=degree as u128 {
        let choices = if interaction_only { (features as u128 + 1).saturating_sub(size) } else { features as u128 + size - 1 };
        of_size = (of_size * choices / size).min(u128::from(u64::MAX));
        total += of_size;
    }
    usize::try_from(total).unwrap_or(usize::MAX)
}

impl PolynomialExtender {
    /// An extender of `features` features.
    ///
    /// # Errors
    /// When there would be more than 10,000 products.
    pub fn new(params: PolynomialExtenderParams, features: usize) -> Result<Self, ParamError> {
        let number = number_of_products(features, params.degree, params.interaction_only);
        if number > MOST {
            let message = format!("degree {} of {features} features gives more than {MOST} products", params.degree);
            return Err(ParamError::new(ParamErrorKind::OutOfRange, &[], message, "a lower degree or fewer features"));
        }
        let single = (0..features).map(|feature| vec![feature]);
        let mut extender = PolynomialExtender { factors: Vec::new(), ends: Vec::new(), params };
        let several = products(features, extender.params.degree, extender.params.interaction_only);
        for factors in single.chain(several) {
            extender.factors.extend(factors.iter().map(|feature| *feature as u32));
            extender.ends.push(extender.factors.len() as u32);
        }
        Ok(extender)
    }

    fn products(&self) -> impl Iterator<Item = &[u32]> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, end)| &self.factors[start as usize..*end as usize])
    }
}

impl Transformer for PolynomialExtender {
    fn transform_one(&mut self, x: &[f64], out: &mut Vec<f64>) {
        out.clear();
        out.extend(self.products().map(|factors| told(factors.iter().map(|f| x[*f as usize]).fold(1.0, |p, x| p * x))));
        if self.params.include_bias {
            out.push(1.0);
        }
    }

    fn learn_one(&mut self, _x: &[f64]) {}

    fn output_schema(&self, input: &Schema) -> Schema {
        let name = |factors: &[u32]| {
            let mut names: Vec<&str> = factors.iter().map(|f| input.names()[*f as usize].as_str()).collect();
            names.sort_unstable();
            names.join("*")
        };
        let bias = self.params.include_bias.then(|| self.params.bias_name.clone());
        Schema::new(self.products().map(name).chain(bias))
    }

    fn clone_fresh(&self) -> Box<dyn Transformer> {
        boxed(self)
    }

    fn clone_learned(&self) -> Box<dyn Transformer> {
        boxed(self)
    }
}

impl Component for PolynomialExtender {
    type Params = PolynomialExtenderParams;
    const NAME: &'static str = "polynomial_extender";
    const SUMMARY: &'static str = "products of features as further features";
    const REFERENCE: &'static str = "River, feature_extraction.PolynomialExtender";

    fn examples() -> Vec<Value> {
        let others = [json!({ "degree": 3, "interaction_only": true }), json!({ "include_bias": true })];
        [Value::from(Self::NAME)].into_iter().chain(others.map(|params| json!({ Self::NAME: params }))).collect()
    }

    fn build(params: PolynomialExtenderParams, on: &ModelBuild<'_>) -> Result<Self, Vec<ParamError>> {
        PolynomialExtender::new(params, on.schema.len())
            .map_err(|error| vec![ParamError { path: child(on.path, "degree"), ..error }])
    }
}

impl_snapshot!(PolynomialExtender);

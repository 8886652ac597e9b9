//! Some of the features.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::feature::{boxed, told};
use crate::{
    impl_snapshot,
    learn::{
        base::{Schema, Transformer},
        catalog::{Component, ModelBuild},
        params::{ParamError, ParamErrorKind, child},
    },
};

crate::params! {
    /// Parameters of [`Select`].
    pub struct SelectParams {
        /// The features that pass, in the order in which they come out; "none" lets all pass, which is of use in a union.
        features: Option<Vec<String>> = None;
    }
}

/// Lets the named features pass and drops the others. Nothing is learned.
///
/// Reference: River's `compose.Select`.
///
/// ```
/// use serde_json::json;
/// use tidemill::learn::{base::{Schema, Transformer}, catalog::Catalog};
///
/// let schema = Schema::new(["open", "high", "low"]);
/// let spec = json!({ "select": { "features": ["low", "open"] } });
/// let mut select = Catalog::standard().transformer(&spec, &[], &schema, 7).unwrap();
/// let mut out = Vec::new();
/// select.transform_one(&[1.0, 2.0, 3.0], &mut out);
/// assert_eq!(out, [3.0, 1.0]);
/// ```
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Select {
    positions: Vec<usize>,
}

/// Where the named features stand.
///
/// # Errors
/// Names every feature that there is not, with the nearest one that there is.
pub(super) fn positions(names: &[String], path: &[String], schema: &Schema) -> Result<Vec<usize>, Vec<ParamError>> {
    let known: Vec<&str> = schema.names().iter().map(String::as_str).collect();
    let (mut positions, mut errors) = (Vec::new(), Vec::new());
    for (k, name) in names.iter().enumerate() {
        match schema.position(name) {
            Some(position) => positions.push(position),
            None => errors.push(ParamError::unknown(&child(path, k.to_string()), &format!("feature `{name}`"), name, &known)),
        }
    }
    if errors.is_empty() { Ok(positions) } else { Err(errors) }
}

impl Transformer for Select {
    fn transform_one(&mut self, x: &[f64], out: &mut Vec<f64>) {
        out.clear();
        out.extend(self.positions.iter().map(|position| told(x[*position])));
    }

    fn learn_one(&mut self, _x: &[f64]) {}

    fn output_schema(&self, input: &Schema) -> Schema {
        Schema::new(self.positions.iter().map(|position| input.names()[*position].clone()))
    }

    fn clone_fresh(&self) -> Box<dyn Transformer> {
        boxed(self)
    }

    fn clone_learned(&self) -> Box<dyn Transformer> {
        boxed(self)
    }
}

impl Component for Select {
    type Params = SelectParams;
    const NAME: &'static str = "select";
    const SUMMARY: &'static str = "lets some of the features pass";
    const REFERENCE: &'static str = "River, compose.Select";

    fn examples() -> Vec<Value> {
        vec![Value::from(Self::NAME), json!({ Self::NAME: { "features": ["c", "a"] } })]
    }

    fn build(params: SelectParams, on: &ModelBuild<'_>) -> Result<Self, Vec<ParamError>> {
        let Some(features) = params.features else {
            return Ok(Select { positions: (0..on.schema.len()).collect() });
        };
        let path = child(on.path, "features");
        let positions = positions(&features, &path, on.schema)?;
        let twice = (1..positions.len()).find(|k| positions[..*k].contains(&positions[*k]));
        match twice {
            Some(k) => {
                let message = format!("`{}` is named twice", features[k]);
                Err(vec![ParamError::new(ParamErrorKind::Conflict, &child(&path, k.to_string()), message, "each feature once")])
            }
            None => Ok(Select { positions }),
        }
    }
}

impl_snapshot!(Select);

//! Transformers side by side.

use serde_json::{Value, json};

use super::{load_parts, save_parts};
use crate::{
    learn::{
        base::{Schema, Transformer},
        catalog::{Component, ModelBuild},
        params::{ParamError, ParamErrorKind, child},
    },
    snapshot::{Snapshot, SnapshotError},
};

crate::params! {
    /// Parameters of [`Union`].
    pub struct UnionParams {
        required {
            /// The transformers: names, or objects with the name as their only key. Each is given all features.
            parts: Vec<Value>;
        }
    }
}

/// Transformers that are all given the same features; what they make of them stands side by side, in their order.
///
/// Reference: River's `compose.TransformerUnion` (which puts the outputs of the last transformer first).
///
/// ```
/// use serde_json::json;
/// use tidemill::learn::{base::{Schema, Transformer}, catalog::Catalog};
///
/// let spec = json!({ "union": { "parts": ["target_agg", { "select": { "features": ["low"] } }] } });
/// let schema = Schema::new(["high", "low"]);
/// let mut union = Catalog::standard().transformer(&spec, &[], &schema, 7).unwrap();
/// let mut out = Vec::new();
/// union.learn_target(&[9.0, 3.0], 5.0);
/// union.transform_one(&[9.0, 3.0], &mut out);
/// assert_eq!((out, union.output_schema(&schema).names()), (vec![5.0, 3.0], &["y_mean".to_owned(), "low".to_owned()][..]));
/// ```
pub struct Union {
    parts: Vec<Box<dyn Transformer>>,
    scratch: Vec<f64>,
}

impl Union {
    /// These transformers side by side.
    pub fn new(parts: Vec<Box<dyn Transformer>>) -> Self {
        Union { parts, scratch: Vec::new() }
    }
}

impl Transformer for Union {
    fn transform_one(&mut self, x: &[f64], out: &mut Vec<f64>) {
        out.clear();
        for part in &mut self.parts {
            part.transform_one(x, &mut self.scratch);
            out.extend_from_slice(&self.scratch);
        }
    }

    fn learn_one(&mut self, x: &[f64]) {
        self.parts.iter_mut().for_each(|part| part.learn_one(x));
    }

    fn learn_target(&mut self, x: &[f64], y: f64) {
        self.parts.iter_mut().for_each(|part| part.learn_target(x, y));
    }

    fn output_schema(&self, input: &Schema) -> Schema {
        Schema::new(self.parts.iter().flat_map(|part| part.output_schema(input).names().to_vec()))
    }

    fn clone_fresh(&self) -> Box<dyn Transformer> {
        Box::new(Union::new(self.parts.iter().map(|part| part.clone_fresh()).collect()))
    }

    fn clone_learned(&self) -> Box<dyn Transformer> {
        Box::new(Union::new(self.parts.iter().map(|part| part.clone_learned()).collect()))
    }
}

impl Snapshot for Union {
    fn save(&self, out: &mut Vec<u8>) -> Result<(), SnapshotError> {
        save_parts(&self.parts.iter().map(|part| &**part as &dyn Snapshot).collect::<Vec<_>>(), out)
    }

    fn load(&mut self, bytes: &[u8]) -> Result<(), SnapshotError> {
        load_parts(&mut self.parts.iter_mut().map(|part| &mut **part as &mut dyn Snapshot).collect::<Vec<_>>(), bytes)
    }
}

impl Component for Union {
    type Params = UnionParams;
    const NAME: &'static str = "union";
    const SUMMARY: &'static str = "transformers side by side, each given all features";
    const REFERENCE: &'static str = "River, compose.TransformerUnion";

    fn examples() -> Vec<Value> {
        vec![json!({ Self::NAME: { "parts": ["target_agg", "standard_scaler"] } })]
    }

    fn build(params: UnionParams, on: &ModelBuild<'_>) -> Result<Self, Vec<ParamError>> {
        let at = child(on.path, "parts");
        if params.parts.is_empty() {
            return Err(vec![ParamError::new(ParamErrorKind::OutOfRange, &at, "the list is empty", "at least one transformer")]);
        }
        let (mut parts, mut names, mut errors) = (Vec::new(), Vec::<String>::new(), Vec::new());
        for (position, spec) in params.parts.iter().enumerate() {
            let path = child(&at, position.to_string());
            match on.catalog.transformer(spec, &path, on.schema, on.seed) {
                Ok(part) => {
                    for name in part.output_schema(on.schema).names() {
                        if names.contains(name) {
                            let message = format!("the feature `{name}` comes out of an earlier part too");
                            errors.push(ParamError::new(ParamErrorKind::Conflict, &path, message, "outputs of different names"));
                        }
                        names.push(name.clone());
                    }
                    parts.push(part);
                }
                Err(more) => errors.extend(more),
            }
        }
        if errors.is_empty() { Ok(Union::new(parts)) } else { Err(errors) }
    }
}

//! The catalogue of models: one line each, from which building, help, validation and the generic checks derive.
//!
//! A program that uses the library may add models of its own; there is no global registry.

use std::sync::Arc;

use serde_json::Value;

use super::base::{Forecaster, Regressor, Schema};
use super::params::{ParamError, ParamInfo, read_single_key};

/// A model of either kind.
pub enum Model {
    /// Predicts from features.
    Regressor(Box<dyn Regressor>),
    /// Forecasts a series from its own past.
    Forecaster(Box<dyn Forecaster>),
}

/// What a model is built with.
#[derive(Clone, Copy)]
pub struct ModelBuild<'a> {
    /// Its parameters: an object, or `null` for the defaults.
    pub params: &'a Value,
    /// Where they stand; errors extend it.
    pub path: &'a [String],
    /// The features it will be given.
    pub schema: &'a Schema,
    /// The seed for models that draw random numbers.
    pub seed: u64,
    /// The catalogue, for models made of models.
    pub catalog: &'a Catalog,
}

/// Builds a model, or says everything that is wrong with its parameters.
pub type BuildModel = dyn Fn(&ModelBuild<'_>) -> Result<Model, Vec<ParamError>> + Send + Sync;

/// One model of the catalogue.
#[derive(Clone)]
pub struct Entry {
    /// The name in specs: `linear_regression`.
    pub name: &'static str,
    /// One line for people.
    pub summary: &'static str,
    /// Paper or reference implementation.
    pub reference: &'static str,
    /// Its parameters.
    pub params: &'static [ParamInfo],
    /// Whether it can diverge on unscaled inputs such as prices; a topology then scales by default.
    pub diverges_unscaled: bool,
    /// Whether it takes absent features (NaN).
    pub takes_absent: bool,
    /// Builds it.
    pub build: Arc<BuildModel>,
}

/// The models a spec may name.
#[derive(Clone, Default)]
pub struct Catalog {
    entries: Vec<Entry>,
}

impl Catalog {
    /// The models of this library.
    pub fn standard() -> Self {
        Catalog::default()
    }

    /// Adds a model, or replaces the one of the same name.
    pub fn register(&mut self, entry: Entry) {
        self.entries.retain(|e| e.name != entry.name);
        self.entries.push(entry);
    }

    /// All models in the order they were added.
    pub fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter()
    }

    /// The model `name`.
    pub fn get(&self, name: &str) -> Option<&Entry> {
        self.entries.iter().find(|e| e.name == name)
    }

    /// The entry and parameters that a spec names: `"knn_regressor"` or `{ "knn_regressor": { … } }`.
    ///
    /// # Errors
    /// When the spec is of neither form, or names no model.
    pub fn resolve<'a>(
        &'a self,
        spec: &'a Value,
        path: &[String],
    ) -> Result<(&'a Entry, &'a Value, Vec<String>), Vec<ParamError>> {
        let names: Vec<&str> = self.entries.iter().map(|e| e.name).collect();
        let (name, params, path) = read_single_key(spec, path)?;
        let entry = self.get(name).ok_or_else(|| vec![ParamError::unknown(&path, "model", name, &names)])?;
        Ok((entry, params, path))
    }

    /// Builds the model that a spec names.
    ///
    /// # Errors
    /// As [`resolve`](Self::resolve), and everything that is wrong with the parameters.
    pub fn build(&self, spec: &Value, path: &[String], schema: &Schema, seed: u64) -> Result<Model, Vec<ParamError>> {
        let (entry, params, path) = self.resolve(spec, path)?;
        (entry.build)(&ModelBuild { params, path: &path, schema, seed, catalog: self })
    }
}

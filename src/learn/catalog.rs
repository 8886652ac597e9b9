//! The catalogue: what a model spec can name, one entry per model, transformer and drift detector, from which building, help, validation and the
//! generic checks derive.
//!
//! A spec is a name (`"linear_regression"`) or an object with the name as its only key and the parameters as its value
//! (`{"linear_regression": {"l2": 0.1}}`). A [`Catalog`] is a value, not a global: a program that uses the library registers models of its own in its
//! own.
//!
//! ```
//! use serde_json::json;
//! use tidemill::learn::{base::Schema, catalog::Catalog};
//!
//! let catalog = Catalog::standard();
//! let schema = Schema::new(["open", "high", "low"]);
//! assert!(catalog.build(&json!({ "linear_regression": { "l2": 0.1 } }), &[], &schema, 7).is_ok());
//! let error = catalog.build(&json!("linear_regresion"), &["model".into()], &schema, 7).err().unwrap();
//! assert!(error[0].to_string().ends_with("did you mean `linear_regression`?"));
//! ```

use std::{fmt, sync::Arc};

use serde::Serialize;
use serde_json::{Value, json};

use super::{
    anomaly,
    base::{AnomalyDetector, DriftDetector, Forecaster, Regressor, Schema, Transformer},
    batch, compose, drift, dummy, ensemble, forest, linear_model, model_selection, mondrian, neighbors,
    params::{ParamError, ParamErrorKind, ParamInfo, ParamValue, Params, read_single_key},
    preprocessing, rules, sgt, time_series, tree,
};
use crate::snapshot::{Snapshot, SnapshotError};

/// What kind of thing an entry builds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Predicts a number from features.
    Regressor,
    /// Forecasts a series.
    Forecaster,
    /// Transforms features.
    Transformer,
    /// Detects change in a stream of numbers.
    DriftDetector,
    /// Detects what is unusual.
    AnomalyDetector,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Kind::Regressor => "regressor",
            Kind::Forecaster => "forecaster",
            Kind::Transformer => "transformer",
            Kind::DriftDetector => "drift detector",
            Kind::AnomalyDetector => "anomaly detector",
        })
    }
}

/// A model of either kind.
pub enum Model {
    /// Predicts from features.
    Regressor(Box<dyn Regressor>),
    /// Forecasts a series from its own past.
    Forecaster(Box<dyn Forecaster>),
}

impl Model {
    /// A fresh model with the same parameters: nothing learned.
    pub fn clone_fresh(&self) -> Model {
        match self {
            Model::Regressor(r) => Model::Regressor(r.clone_fresh()),
            Model::Forecaster(f) => Model::Forecaster(f.clone_fresh()),
        }
    }
}

impl fmt::Debug for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Model::Regressor(_) => "Model::Regressor(..)",
            Model::Forecaster(_) => "Model::Forecaster(..)",
        })
    }
}

impl Snapshot for Model {
    fn save(&self, out: &mut Vec<u8>) -> Result<(), SnapshotError> {
        match self {
            Model::Regressor(r) => r.save(out),
            Model::Forecaster(f) => f.save(out),
        }
    }

    fn load(&mut self, bytes: &[u8]) -> Result<(), SnapshotError> {
        match self {
            Model::Regressor(r) => r.load(bytes),
            Model::Forecaster(f) => f.load(bytes),
        }
    }
}

/// What a model, transformer or detector is built with.
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

/// Builds a thing of kind `T`, or says everything that is wrong with its parameters.
pub type BuildWith<T> = dyn Fn(&ModelBuild<'_>) -> Result<T, Vec<ParamError>> + Send + Sync;

/// What the file of a model says about it: with the model's traits, all that an [`Entry`] needs.
pub trait Component: Sized {
    /// The typed parameters.
    type Params: Params;
    /// The name in specs.
    const NAME: &'static str;
    /// What it does, in one line.
    const SUMMARY: &'static str;
    /// Paper or reference implementation.
    const REFERENCE: &'static str;
    /// Whether it can diverge on unscaled inputs such as prices.
    const DIVERGES_UNSCALED: bool = false;
    /// Whether it makes sense of absent features (NaN). Every model survives them; one that does not make sense of them refuses the record.
    const TAKES_ABSENT: bool = true;

    /// Specs that show it at work; the generic checks run over each of them, so every mode of it should have one.
    fn examples() -> Vec<Value> {
        vec![Value::from(Self::NAME)]
    }

    /// Builds one from checked parameters.
    ///
    /// # Errors
    /// When the parameters contradict each other or do not fit the features.
    fn build(params: Self::Params, on: &ModelBuild<'_>) -> Result<Self, Vec<ParamError>>;
}

/// One line of the catalogue: a model, or with another `T` a transformer or a drift detector.
pub struct Entry<T = Model> {
    /// The name in specs: `linear_regression`.
    pub name: &'static str,
    /// What it builds.
    pub kind: Kind,
    /// One line for people.
    pub summary: &'static str,
    /// Paper or reference implementation.
    pub reference: &'static str,
    /// Its parameters, in the order of declaration.
    pub params: &'static [ParamInfo],
    /// Whether it can diverge on unscaled inputs such as prices; a topology then scales by default.
    pub diverges_unscaled: bool,
    /// Whether it makes sense of absent features (NaN).
    pub takes_absent: bool,
    /// Its parameters with every default written out; `None` where they are wrong.
    pub in_force: fn(&Value) -> Option<Value>,
    /// Specs that show it at work and that the generic checks run over.
    pub examples: fn() -> Vec<Value>,
    /// Builds it.
    pub build: Arc<BuildWith<T>>,
}

// Written out because a derive would ask that `T` can be cloned; only the way to build it is.
impl<T> Clone for Entry<T> {
    fn clone(&self) -> Self {
        Entry { build: Arc::clone(&self.build), ..*self }
    }
}

/// The parameters of a component, every one written out.
fn in_force<C: Component>(params: &Value) -> Option<Value> {
    C::Params::read(params, &[]).ok().map(|params| params.to_value())
}

/// Reads the parameters and builds the component.
fn made<C: Component>(on: &ModelBuild<'_>) -> Result<C, Vec<ParamError>> {
    C::build(C::Params::read(on.params, on.path)?, on)
}

impl<T> Entry<T> {
    fn of<C: Component>(kind: Kind, build: Arc<BuildWith<T>>) -> Self {
        Entry {
            name: C::NAME,
            kind,
            summary: C::SUMMARY,
            reference: C::REFERENCE,
            params: C::Params::describe(),
            diverges_unscaled: C::DIVERGES_UNSCALED,
            takes_absent: C::TAKES_ABSENT,
            in_force: in_force::<C>,
            examples: C::examples,
            build,
        }
    }
}

impl Entry {
    /// The entry of a regressor.
    pub fn regressor<C: Component + Regressor + 'static>() -> Self {
        Entry::of::<C>(Kind::Regressor, Arc::new(|on| Ok(Model::Regressor(Box::new(made::<C>(on)?)))))
    }

    /// The entry of a forecaster.
    pub fn forecaster<C: Component + Forecaster + 'static>() -> Self {
        Entry::of::<C>(Kind::Forecaster, Arc::new(|on| Ok(Model::Forecaster(Box::new(made::<C>(on)?)))))
    }
}

impl Entry<Box<dyn Transformer>> {
    /// The entry of a transformer.
    pub fn transformer<C: Component + Transformer + 'static>() -> Self {
        Entry::of::<C>(Kind::Transformer, Arc::new(|on| Ok(Box::new(made::<C>(on)?))))
    }
}

impl Entry<Box<dyn DriftDetector>> {
    /// The entry of a drift detector.
    pub fn drift_detector<C: Component + DriftDetector + 'static>() -> Self {
        Entry::of::<C>(Kind::DriftDetector, Arc::new(|on| Ok(Box::new(made::<C>(on)?))))
    }
}

impl Entry<Box<dyn AnomalyDetector>> {
    /// The entry of an anomaly detector.
    pub fn anomaly_detector<C: Component + AnomalyDetector + 'static>() -> Self {
        Entry::of::<C>(Kind::AnomalyDetector, Arc::new(|on| Ok(Box::new(made::<C>(on)?))))
    }
}

/// What a spec may name.
#[derive(Clone, Default)]
pub struct Catalog {
    models: Vec<Entry>,
    transformers: Vec<Entry<Box<dyn Transformer>>>,
    drift_detectors: Vec<Entry<Box<dyn DriftDetector>>>,
    anomaly_detectors: Vec<Entry<Box<dyn AnomalyDetector>>>,
}

impl Catalog {
    /// The models of this library: one line each.
    pub fn standard() -> Self {
        Catalog {
            models: vec![
                Entry::forecaster::<dummy::Naive>(),
                Entry::regressor::<dummy::MeanRegressor>(),
                Entry::regressor::<dummy::ShiftRegressor>(),
                Entry::regressor::<dummy::StatisticRegressor>(),
                Entry::regressor::<linear_model::LinearRegression>(),
                Entry::regressor::<linear_model::PaRegressor>(),
                Entry::regressor::<linear_model::BayesianLinearRegression>(),
                Entry::regressor::<linear_model::RecursiveLeastSquares>(),
                Entry::regressor::<neighbors::KnnRegressor>(),
                Entry::regressor::<batch::BatchIncremental>(),
                Entry::regressor::<compose::Pipeline>(),
                Entry::regressor::<compose::TargetStandardScaler>(),
                Entry::regressor::<compose::TargetMinMaxScaler>(),
                Entry::regressor::<compose::PredClipper>(),
                Entry::regressor::<compose::RangeClipper>(),
            ]
            .into_iter()
            .chain(ensemble::models())
            .chain(model_selection::models())
            .chain(tree::models())
            .chain(forest::models())
            .chain(sgt::models())
            .chain(mondrian::models())
            .chain(rules::models())
            .chain(time_series::models())
            .collect(),
            transformers: preprocessing::transformers(),
            drift_detectors: drift::detectors(),
            anomaly_detectors: anomaly::detectors(),
        }
    }

    /// Adds a model, or replaces the one of the same name.
    pub fn register(&mut self, entry: Entry) {
        put(&mut self.models, entry);
    }

    /// Adds a transformer, or replaces the one of the same name.
    pub fn register_transformer(&mut self, entry: Entry<Box<dyn Transformer>>) {
        put(&mut self.transformers, entry);
    }

    /// Adds a drift detector, or replaces the one of the same name.
    pub fn register_drift_detector(&mut self, entry: Entry<Box<dyn DriftDetector>>) {
        put(&mut self.drift_detectors, entry);
    }

    /// Adds an anomaly detector, or replaces the one of the same name.
    pub fn register_anomaly_detector(&mut self, entry: Entry<Box<dyn AnomalyDetector>>) {
        put(&mut self.anomaly_detectors, entry);
    }

    /// All models in the order they were added.
    pub fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.models.iter()
    }

    /// All transformers in the order they were added.
    pub fn transformers(&self) -> impl Iterator<Item = &Entry<Box<dyn Transformer>>> {
        self.transformers.iter()
    }

    /// All drift detectors in the order they were added.
    pub fn drift_detectors(&self) -> impl Iterator<Item = &Entry<Box<dyn DriftDetector>>> {
        self.drift_detectors.iter()
    }

    /// All anomaly detectors in the order they were added.
    pub fn anomaly_detectors(&self) -> impl Iterator<Item = &Entry<Box<dyn AnomalyDetector>>> {
        self.anomaly_detectors.iter()
    }

    /// The model `name`.
    pub fn get(&self, name: &str) -> Option<&Entry> {
        self.models.iter().find(|e| e.name == name)
    }

    /// The entry and parameters that a spec names: `"knn_regressor"` or `{ "knn_regressor": { … } }`, and the path at which the parameters stand.
    ///
    /// # Errors
    /// When the spec is of neither form, or names no model.
    pub fn resolve<'a>(&'a self, spec: &'a Value, path: &[String]) -> Result<Resolved<'a>, Vec<ParamError>> {
        find(&self.models, "model", spec, path)
    }

    /// Builds the model that a spec, which stands at `path`, names.
    ///
    /// # Errors
    /// As [`resolve`](Self::resolve), and everything that is wrong with the parameters.
    pub fn build(&self, spec: &Value, path: &[String], schema: &Schema, seed: u64) -> Result<Model, Vec<ParamError>> {
        self.build_in(&self.models, "model", spec, path, schema, seed)
    }

    /// Builds the regressor that a spec names.
    ///
    /// # Errors
    /// As [`build`](Self::build), and when the spec names a forecaster.
    pub fn regressor(
        &self,
        spec: &Value,
        path: &[String],
        schema: &Schema,
        seed: u64,
    ) -> Result<Box<dyn Regressor>, Vec<ParamError>> {
        match self.build(spec, path, schema, seed)? {
            Model::Regressor(regressor) => Ok(regressor),
            Model::Forecaster(_) => {
                let message = "found a forecaster, which takes no features";
                Err(vec![ParamError::new(ParamErrorKind::WrongType, path, message, "a regressor")])
            }
        }
    }

    /// Builds the transformer that a spec names.
    ///
    /// # Errors
    /// When the spec names no transformer, and everything that is wrong with the parameters.
    pub fn transformer(
        &self,
        spec: &Value,
        path: &[String],
        schema: &Schema,
        seed: u64,
    ) -> Result<Box<dyn Transformer>, Vec<ParamError>> {
        self.build_in(&self.transformers, "transformer", spec, path, schema, seed)
    }

    /// Builds the drift detector that a spec names.
    ///
    /// # Errors
    /// When the spec names no drift detector, and everything that is wrong with the parameters.
    pub fn drift_detector(&self, spec: &Value, path: &[String], seed: u64) -> Result<Box<dyn DriftDetector>, Vec<ParamError>> {
        self.build_in(&self.drift_detectors, "drift detector", spec, path, &Schema::default(), seed)
    }

    /// Builds the anomaly detector that a spec names, for features of `schema`.
    ///
    /// # Errors
    /// When the spec names no anomaly detector, and everything that is wrong with the parameters.
    pub fn anomaly_detector(
        &self,
        spec: &Value,
        path: &[String],
        schema: &Schema,
        seed: u64,
    ) -> Result<Box<dyn AnomalyDetector>, Vec<ParamError>> {
        self.build_in(&self.anomaly_detectors, "anomaly detector", spec, path, schema, seed)
    }

    /// The spec of a model, transformer or detector with every default written out, within models made of models too: equal for specs that mean the
    /// same. A spec that names nothing, or has wrong parameters, comes back as it is.
    ///
    /// ```
    /// use serde_json::json;
    /// use tidemill::learn::catalog::Catalog;
    ///
    /// let catalog = Catalog::standard();
    /// let short = json!({ "pipeline": { "steps": ["standard_scaler", "pa_regressor"] } });
    /// let long = json!({ "pipeline": { "steps": ["standard_scaler", { "pa_regressor": { "c": 1.0 } }] } });
    /// assert_eq!(catalog.in_force(&short), catalog.in_force(&long));
    /// assert_eq!(catalog.in_force(&json!("pa_regressor"))["pa_regressor"]["mode"], 1);
    /// ```
    pub fn in_force(&self, spec: &Value) -> Value {
        let facts = read_single_key(spec, &[]).ok().and_then(|(name, params, _)| {
            let (known, in_force) = self.parameters_of(name)?;
            Some((name, known, in_force(params)?))
        });
        let Some((name, known, mut params)) = facts else { return spec.clone() };
        for (key, value) in params.as_object_mut().into_iter().flatten() {
            let holds_specs = known.iter().any(|info| info.name == key && info.type_text.contains(&Value::type_text()));
            match value {
                Value::Array(items) if holds_specs => items.iter_mut().for_each(|item| *item = self.in_force(item)),
                one if holds_specs => *one = self.in_force(one),
                _ => {}
            }
        }
        json!({ name: params })
    }

    fn parameters_of(&self, name: &str) -> Option<ParametersOf> {
        let model = self.models.iter().find(|e| e.name == name).map(|e| (e.params, e.in_force));
        let transformer = || self.transformers.iter().find(|e| e.name == name).map(|e| (e.params, e.in_force));
        let detector = || self.drift_detectors.iter().find(|e| e.name == name).map(|e| (e.params, e.in_force));
        let anomaly = || self.anomaly_detectors.iter().find(|e| e.name == name).map(|e| (e.params, e.in_force));
        model.or_else(transformer).or_else(detector).or_else(anomaly)
    }

    fn build_in<T>(
        &self,
        entries: &[Entry<T>],
        noun: &str,
        spec: &Value,
        path: &[String],
        schema: &Schema,
        seed: u64,
    ) -> Result<T, Vec<ParamError>> {
        let (entry, params, path) = find(entries, noun, spec, path)?;
        (entry.build)(&ModelBuild { params, path: &path, schema, seed, catalog: self })
    }
}

/// The entry that a spec names, the parameters in the spec, and the path at which they stand.
pub type Resolved<'a, T = Model> = (&'a Entry<T>, &'a Value, Vec<String>);

/// What parameters there are, and how they are written out.
type ParametersOf = (&'static [ParamInfo], fn(&Value) -> Option<Value>);

fn put<T>(entries: &mut Vec<Entry<T>>, entry: Entry<T>) {
    match entries.iter_mut().find(|e| e.name == entry.name) {
        Some(existing) => *existing = entry,
        None => entries.push(entry),
    }
}

fn find<'a, T>(
    entries: &'a [Entry<T>],
    noun: &str,
    spec: &'a Value,
    path: &[String],
) -> Result<Resolved<'a, T>, Vec<ParamError>> {
    let (name, params, path) = read_single_key(spec, path)?;
    let names: Vec<&str> = entries.iter().map(|e| e.name).collect();
    let unknown = || vec![ParamError::unknown(&path, &format!("{noun} `{name}`"), name, &names)];
    let entry = entries.iter().find(|e| e.name == name).ok_or_else(unknown)?;
    Ok((entry, params, path))
}

/// The spec of `model` behind the transformer `scaler`.
///
/// ```
/// use serde_json::json;
/// use tidemill::learn::catalog::scaled;
/// let spec = scaled(json!("standard_scaler"), json!("linear_regression"));
/// assert_eq!(spec, json!({ "pipeline": { "steps": ["standard_scaler", "linear_regression"] } }));
/// ```
pub fn scaled(scaler: Value, model: Value) -> Value {
    json!({ "pipeline": { "steps": [scaler, model] } })
}

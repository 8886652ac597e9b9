//! Checks that every model has to pass, whatever it is: run over the whole catalogue by our tests, and over their own models by users of the library.
//!
//! What the types already prove is not checked again: inputs are shared slices, so no model can change them.
//!
//! ```
//! use serde_json::json;
//! use tidemill::learn::{catalog::Catalog, checks};
//!
//! let failures = checks::check_model(&Catalog::standard(), &json!({ "knn_regressor": { "window_size": 10 } }));
//! assert!(failures.is_empty(), "{failures:?}");
//! ```
#![allow(clippy::redundant_closure, reason = "the function itself is not general enough in the lifetime of what it is given")]

mod anomaly_detector;
mod documentation;
mod drift_detector;
mod forecaster;
mod regressor;
mod streams;
mod transformer;

use std::fmt;

use serde_json::Value;

use super::{
    base::Schema,
    catalog::{Catalog, Model},
    params::ParamError,
};
use crate::snapshot::Snapshot;

/// A check that a model did not pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The model, as its spec.
    pub spec: String,
    /// What it should do.
    pub rule: &'static str,
    /// What it did.
    pub found: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: {}", self.spec, self.rule, self.found)
    }
}

/// The rules under which checks report.
mod rule {
    pub const BUILDS: &str = "its examples build";
    pub const FINITE: &str = "what it says is finite, whatever it was given";
    pub const POISON: &str = "what is not finite changes nothing";
    pub const SNAPSHOT: &str = "restored in the middle of a stream it goes on without a difference in a bit";
    pub const TWICE: &str = "the same stream gives the same bytes";
    pub const ASKING: &str = "asking changes nothing";
    pub const FRESH: &str = "a fresh clone has learned nothing";
    pub const LEARNED: &str = "a learned clone knows the same and lives its own life";
    pub const DAMAGE: &str = "a damaged state is refused and changes nothing";
    pub const BOUNDED: &str = "its memory is bounded";
    pub const LENGTH: &str = "it answers with as many values as it was asked for";
    pub const WEIGHT: &str = "a weight of zero learns nothing";
    pub const DOCUMENTED: &str = "it is documented";
    pub const UNKNOWN: &str = "an unknown parameter is refused";
}

/// Collects what one spec fails.
struct Report {
    spec: String,
    failures: Vec<Failure>,
}

impl Report {
    fn new(spec: &Value) -> Self {
        Report { spec: spec.to_string(), failures: Vec::new() }
    }

    /// Notes a failure unless `holds`; each rule is reported once.
    fn expect(&mut self, holds: bool, rule: &'static str, found: impl FnOnce() -> String) {
        if !holds && self.failures.iter().all(|f| f.rule != rule) {
            self.failures.push(Failure { spec: self.spec.clone(), rule, found: found() });
        }
    }

    /// The built thing, or the failure that its spec does not build.
    fn built<T>(&mut self, result: Result<T, Vec<ParamError>>) -> Option<T> {
        result.map_err(|errors| self.expect(false, rule::BUILDS, || format!("{errors:?}"))).ok()
    }
}

/// The state of a thing; a state that cannot be saved shows as a difference to any other.
fn state(of: &(impl Snapshot + ?Sized)) -> Vec<u8> {
    let mut bytes = Vec::new();
    match of.save(&mut bytes) {
        Ok(()) => bytes,
        Err(error) => error.to_string().into_bytes(),
    }
}

/// Restored at several points of the stream `name`, what `fresh` makes goes on without a difference. `run` gives its answers to a part of the stream.
fn restored<M, I, A>(
    fresh: impl Fn() -> Box<M>,
    run: impl Fn(&mut M, &[I]) -> Vec<A>,
    (name, stream): (&str, &[I]),
    report: &mut Report,
) where
    M: Snapshot + ?Sized,
    A: PartialEq,
{
    let mut straight = fresh();
    let expected = run(&mut *straight, stream);
    for cut in [0, 1, 37, stream.len() / 2 + 3] {
        let (mut before, mut after) = (fresh(), fresh());
        run(&mut *before, &stream[..cut]);
        let loaded = after.load(&state(&*before));
        report.expect(loaded.is_ok(), rule::SNAPSHOT, || format!("{loaded:?}"));
        let same = run(&mut *after, &stream[cut..]) == expected[cut..] && state(&*after) == state(&*straight);
        report.expect(same, rule::SNAPSHOT, || format!("cut at {cut} of the stream {name}"));
    }
}

/// Something that has learned, with a fresh and a learned clone of it.
struct Clones<M: ?Sized> {
    original: Box<M>,
    fresh: Box<M>,
    learned: Box<M>,
}

/// A fresh clone is `untaught`, a learned one knows what its original knows, and what it learns by `run` is its own. Gives the original back.
fn clones<M: Snapshot + ?Sized>(untaught: &[u8], mut of: Clones<M>, run: impl Fn(&mut M), report: &mut Report) -> Box<M> {
    let before = state(&*of.original);
    report.expect(state(&*of.fresh) == untaught, rule::FRESH, || "the states differ".to_owned());
    report.expect(state(&*of.learned) == before, rule::LEARNED, || "the states differ".to_owned());
    run(&mut *of.learned);
    report.expect(state(&*of.original) == before, rule::LEARNED, || "what the copy learned changed the original".to_owned());
    of.original
}

/// A state that is cut short, gone or too long is refused and changes nothing.
fn damage<M: Snapshot + ?Sized>(learned: &mut M, report: &mut Report) {
    let bytes = state(learned);
    for broken in [&bytes[..bytes.len() / 2], &[], &[bytes.as_slice(), &[0]].concat()] {
        let loaded = !bytes.is_empty() && learned.load(broken).is_ok();
        report.expect(!loaded, rule::DAMAGE, || format!("{} of {} bytes were taken", broken.len(), bytes.len()));
        report.expect(state(learned) == bytes, rule::DAMAGE, || "the state changed".to_owned());
    }
}

/// Twice the records must not be twice the state, once windows and seasons are full. `run` gives 3000 records.
fn bounded<M: Snapshot + ?Sized>(fresh: &mut M, run: impl Fn(&mut M), report: &mut Report) {
    run(fresh);
    let once = state(fresh).len();
    run(fresh);
    let twice = state(fresh).len();
    report.expect(twice <= once + once / 20 + 4_096, rule::BOUNDED, || {
        format!("{once} bytes after 3000 records, {twice} after 6000")
    });
}

/// The features that checked things are given.
fn schema() -> Schema {
    Schema::new(["a", "b", "c"])
}

/// Every check on every entry's examples; empty when all is well.
pub fn check_catalog(catalog: &Catalog) -> Vec<Failure> {
    let mut failures = documentation::check(catalog);
    failures.extend(catalog.entries().flat_map(|e| (e.examples)()).flat_map(|spec| check_model(catalog, &spec)));
    failures.extend(catalog.transformers().flat_map(|e| (e.examples)()).flat_map(|spec| check_transformer(catalog, &spec)));
    failures.extend(catalog.drift_detectors().flat_map(|e| (e.examples)()).flat_map(|spec| check_drift_detector(catalog, &spec)));
    let anomaly = catalog.anomaly_detectors().flat_map(|e| (e.examples)());
    failures.extend(anomaly.flat_map(|spec| check_anomaly_detector(catalog, &spec)));
    failures
}

/// The checks on the regressor or forecaster that `spec` names.
pub fn check_model(catalog: &Catalog, spec: &Value) -> Vec<Failure> {
    let mut report = Report::new(spec);
    match report.built(catalog.build(spec, &[], &schema(), 1)) {
        Some(Model::Regressor(model)) => regressor::check(&*model, &mut report),
        Some(Model::Forecaster(model)) => forecaster::check(&*model, &mut report),
        None => {}
    }
    report.failures
}

/// The checks on the transformer that `spec` names.
pub fn check_transformer(catalog: &Catalog, spec: &Value) -> Vec<Failure> {
    let mut report = Report::new(spec);
    if let Some(transformer) = report.built(catalog.transformer(spec, &[], &schema(), 1)) {
        transformer::check(&*transformer, &mut report);
    }
    report.failures
}

/// The checks on the anomaly detector that `spec` names.
pub fn check_anomaly_detector(catalog: &Catalog, spec: &Value) -> Vec<Failure> {
    let mut report = Report::new(spec);
    if let Some(detector) = report.built(catalog.anomaly_detector(spec, &[], &schema(), 1)) {
        anomaly_detector::check(&*detector, &mut report);
    }
    report.failures
}

/// The checks on the drift detector that `spec` names.
pub fn check_drift_detector(catalog: &Catalog, spec: &Value) -> Vec<Failure> {
    let mut report = Report::new(spec);
    if let Some(detector) = report.built(catalog.drift_detector(spec, &[], 1)) {
        drift_detector::check(&*detector, &mut report);
    }
    report.failures
}

#[cfg(test)]
mod tests;

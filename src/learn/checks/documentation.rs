//! The checks on what an entry says about itself.

use serde_json::json;

use super::{Failure, Report, rule, schema};
use crate::learn::{
    catalog::{Catalog, Entry, ModelBuild},
    params::ParamInfo,
};

/// Checks every entry of the catalogue.
pub fn check(catalog: &Catalog) -> Vec<Failure> {
    let mut failures: Vec<Failure> = catalog.entries().flat_map(|e| entry(e, catalog)).collect();
    failures.extend(catalog.transformers().flat_map(|e| entry(e, catalog)));
    failures.extend(catalog.drift_detectors().flat_map(|e| entry(e, catalog)));
    failures.extend(catalog.anomaly_detectors().flat_map(|e| entry(e, catalog)));
    failures
}

fn entry<T>(entry: &Entry<T>, catalog: &Catalog) -> Vec<Failure> {
    let mut report = Report::new(&json!(entry.name));
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    report.expect(entry.name.chars().all(plain) && !entry.name.is_empty(), rule::DOCUMENTED, || {
        "the name is not snake_case".to_owned()
    });
    report.expect(!entry.summary.is_empty(), rule::DOCUMENTED, || "there is no summary".to_owned());
    report.expect(!entry.reference.is_empty(), rule::DOCUMENTED, || "there is no reference".to_owned());
    report.expect(!(entry.examples)().is_empty(), rule::DOCUMENTED, || "there is no example".to_owned());
    parameters(entry.params, &mut report);
    let unknown = json!({ "no_such_parameter": 1 });
    let (path, schema) = ([entry.name.to_owned()], schema());
    let refused = (entry.build)(&ModelBuild { params: &unknown, path: &path, schema: &schema, seed: 1, catalog }).err();
    let named = refused.is_some_and(|errors| errors.iter().any(|e| e.path.last().is_some_and(|key| key == "no_such_parameter")));
    report.expect(named, rule::UNKNOWN, || "`no_such_parameter` was not named".to_owned());
    report.failures
}

fn parameters(params: &[ParamInfo], report: &mut Report) {
    for param in params {
        report.expect(!param.doc.is_empty(), rule::DOCUMENTED, || format!("the parameter {} has no text", param.name));
        for choice in &param.choices {
            report.expect(!choice.doc.is_empty(), rule::DOCUMENTED, || format!("the choice {} has no text", choice.name));
            parameters(&choice.params, report);
        }
    }
}

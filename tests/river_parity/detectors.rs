//! Cases of drift detectors: `drift.ADWIN(delta=0.01) on column value`.

use serde_json::Value;
use tidemill::learn::{
    base::DriftDetector,
    catalog::Catalog,
    drift::{Adwin, AdwinParams, Kswin, KswinParams},
    params::Params,
};

use crate::{
    expr::Expr,
    run::{Outcome, column, each},
    spec::model_spec,
    vectors::{Case, Folder, Table},
};

/// Runs a detector over a column of the input and compares every column that River wrote.
pub fn run(folder: &Folder, case: &Case, input: &Table, expr: &Expr, name: &str) -> Result<Outcome, String> {
    let spec = model_spec(expr)?;
    let mut detector = Catalog::standard().drift_detector(&spec, &[], 0).map_err(|e| e[0].to_string())?;
    // What ADWIN knows of its window, or KSWIN of its test, is no part of the interface of detectors, so a second one runs beside the first.
    let mut window = adwin(&spec);
    let mut test = kswin(&spec);
    let value = input.column(name).ok_or_else(|| format!("there is no column {name}"))?;
    let expected = folder.expected(case);
    let mut outcome = Outcome::new(case);
    let mut unknown = None;
    each(input, &expected, |t, row, rivers| {
        detector.update(row[value]);
        if let Some(window) = &mut window {
            window.update(row[value]);
        }
        if let Some(test) = &mut test {
            test.update(row[value]);
        }
        for (c, name) in expected.columns.iter().enumerate().skip(1) {
            let ours = match (name.as_str(), &window) {
                ("drift", _) => f64::from(u8::from(detector.drift_detected())),
                ("warning", _) => f64::from(u8::from(detector.warning_detected())),
                ("width", Some(window)) => window.width() as f64,
                ("estimation", Some(window)) => window.estimation(),
                ("variance", Some(window)) => window.squares(),
                ("p_value", _) if test.is_some() => test.as_ref().map_or(0.0, Kswin::p_value),
                _ => {
                    unknown = Some(format!("there is no {name} here"));
                    continue;
                }
            };
            if let Some(rivers) = rivers {
                outcome.compare(t, ours, rivers[column(&expected, name)]);
                debug_assert_eq!(c, column(&expected, name));
            }
        }
    });
    unknown.map_or(Ok(outcome), Err)
}

fn kswin(spec: &Value) -> Option<Kswin> {
    KswinParams::read(spec.get("kswin")?, &[]).ok().map(|params| Kswin::new(params, 0))
}

fn adwin(spec: &Value) -> Option<Adwin> {
    AdwinParams::read(spec.get("adwin")?, &[]).ok().map(Adwin::new)
}

//! The checks on drift detectors.

use super::{Clones, Report, rule, state, streams};
use crate::learn::base::DriftDetector;

/// Runs every check on fresh clones of `model`.
pub fn check(model: &dyn DriftDetector, report: &mut Report) {
    for (name, values) in all(600) {
        repeatable(model, name, &values, report);
        super::restored(|| model.clone_fresh(), |m, part| run(m, part), (name, &values), report);
    }
    poison_and_clones(model, report);
    super::bounded(&mut *model.clone_fresh(), |model| drop(run(model, &errors(3_000))), report);
}

/// The targets of the streams, and errors that become more frequent, then rarer.
fn all(n: usize) -> Vec<(&'static str, Vec<f64>)> {
    let targets = |(name, records): (&'static str, Vec<streams::Record>)| (name, records.iter().map(|r| r.y).collect());
    streams::all(n).into_iter().map(targets).chain([("errors", errors(n))]).collect()
}

/// Errors of 0 and 1: every tenth value, in the middle third every other.
fn errors(n: usize) -> Vec<f64> {
    let every = |k: usize| if k / (n / 3).max(1) == 1 { 2 } else { 10 };
    (0..n).map(|k| f64::from(u8::from(k % every(k) == 0))).collect()
}

/// The alarms and warnings of a run, before each value (a restored detector must say what it said before) and after it.
fn run(model: &mut dyn DriftDetector, values: &[f64]) -> Vec<[(bool, bool); 2]> {
    let step = |value: &f64| {
        let before = (model.drift_detected(), model.warning_detected());
        model.update(*value);
        [before, (model.drift_detected(), model.warning_detected())]
    };
    values.iter().map(step).collect()
}

fn repeatable(model: &dyn DriftDetector, name: &str, values: &[f64], report: &mut Report) {
    let (mut first, mut second) = (model.clone_fresh(), model.clone_fresh());
    let same = run(&mut *first, values) == run(&mut *second, values) && state(&*first) == state(&*second);
    report.expect(same, rule::TWICE, || format!("the stream {name}"));
}

fn poison_and_clones(model: &dyn DriftDetector, report: &mut Report) {
    let mut learned = model.clone_fresh();
    run(&mut *learned, &errors(250));
    let before = state(&*learned);
    for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        learned.update(value);
        report.expect(state(&*learned) == before, rule::POISON, || format!("{value} changed the state"));
    }
    let of = Clones { fresh: learned.clone_fresh(), learned: learned.clone_learned(), original: learned };
    let mut learned = super::clones(&state(model), of, |copy| drop(run(copy, &errors(30))), report);
    super::damage(&mut *learned, report);
}

//! The checks on drift detectors.

use super::{Report, rule, state, streams};
use crate::learn::base::DriftDetector;

/// Runs every check on fresh clones of `model`.
pub fn check(model: &dyn DriftDetector, report: &mut Report) {
    for (name, values) in all(600) {
        repeatable(model, name, &values, report);
        restored(model, name, &values, report);
    }
    poison_and_clones(model, report);
    bounded(model, report);
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

/// The alarms and warnings of a run.
fn run(model: &mut dyn DriftDetector, values: &[f64]) -> Vec<(bool, bool)> {
    let step = |value: &f64| {
        model.update(*value);
        (model.drift_detected(), model.warning_detected())
    };
    values.iter().map(step).collect()
}

fn repeatable(model: &dyn DriftDetector, name: &str, values: &[f64], report: &mut Report) {
    let (mut first, mut second) = (model.clone_fresh(), model.clone_fresh());
    let same = run(&mut *first, values) == run(&mut *second, values) && state(&*first) == state(&*second);
    report.expect(same, rule::TWICE, || format!("the stream {name}"));
}

fn restored(model: &dyn DriftDetector, name: &str, values: &[f64], report: &mut Report) {
    let mut straight = model.clone_fresh();
    let expected = run(&mut *straight, values);
    for cut in [0, 1, 37, values.len() / 2 + 3] {
        let (mut before, mut after) = (model.clone_fresh(), model.clone_fresh());
        run(&mut *before, &values[..cut]);
        let loaded = after.load(&state(&*before));
        report.expect(loaded.is_ok(), rule::SNAPSHOT, || format!("{loaded:?}"));
        let told = after.drift_detected() == before.drift_detected() && after.warning_detected() == before.warning_detected();
        let same = told && run(&mut *after, &values[cut..]) == expected[cut..] && state(&*after) == state(&*straight);
        report.expect(same, rule::SNAPSHOT, || format!("cut at value {cut} of the stream {name}"));
    }
}

fn poison_and_clones(model: &dyn DriftDetector, report: &mut Report) {
    let mut learned = model.clone_fresh();
    run(&mut *learned, &errors(250));
    let before = state(&*learned);
    for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        learned.update(value);
        report.expect(state(&*learned) == before, rule::POISON, || format!("{value} changed the state"));
    }
    report.expect(state(&*learned.clone_fresh()) == state(model), rule::FRESH, || "the states differ".to_owned());
    let mut copy = learned.clone_learned();
    report.expect(state(&*copy) == before, rule::LEARNED, || "the states differ".to_owned());
    run(&mut *copy, &errors(30));
    report.expect(state(&*learned) == before, rule::LEARNED, || "what the copy learned changed the original".to_owned());
    for broken in [&before[..before.len() / 2], &[], &[before.as_slice(), &[0]].concat()] {
        let loaded = !before.is_empty() && learned.load(broken).is_ok();
        report.expect(!loaded && state(&*learned) == before, rule::DAMAGE, || {
            format!("{} of {} bytes", broken.len(), before.len())
        });
    }
}

/// Twice the values must not be twice the state.
fn bounded(model: &dyn DriftDetector, report: &mut Report) {
    let (mut long, values) = (model.clone_fresh(), errors(3_000));
    run(&mut *long, &values);
    let once = state(&*long).len();
    run(&mut *long, &values);
    let twice = state(&*long).len();
    report.expect(twice <= once + once / 20 + 4_096, rule::BOUNDED, || {
        format!("{once} bytes after 3000 values, {twice} after 6000")
    });
}

//! The checks on regressors.

use super::{Clones, Report, rule, state, streams};
use crate::learn::base::Regressor;

/// Runs every check on fresh clones of `model`.
pub fn check(model: &dyn Regressor, report: &mut Report) {
    for (name, stream) in streams::all(400) {
        finite_and_repeatable(model, name, &stream, report);
        super::restored(|| model.clone_fresh(), |m, part| run(m, part), (name, &stream), report);
    }
    refuses_poison(model, report);
    asking(model, report);
    clones(model, report);
    super::damage(&mut *learned(model), report);
    let run_long = |model: &mut dyn Regressor| drop(run(model, &streams::plain(3_000)));
    super::bounded(&mut *model.clone_fresh(), |model| run_long(model), report);
}

/// The predictions of a test-then-learn run, as bits.
fn run(model: &mut dyn Regressor, stream: &[streams::Record]) -> Vec<u64> {
    let step = |record: &streams::Record| {
        let prediction = model.predict_one(&record.x).to_bits();
        model.learn_one(&record.x, record.y);
        prediction
    };
    stream.iter().map(step).collect()
}

fn learned(model: &dyn Regressor) -> Box<dyn Regressor> {
    let mut learned = model.clone_fresh();
    run(&mut *learned, &streams::plain(250));
    learned
}

fn finite_and_repeatable(model: &dyn Regressor, name: &str, stream: &[streams::Record], report: &mut Report) {
    let (mut first, mut second) = (model.clone_fresh(), model.clone_fresh());
    let (predictions, again) = (run(&mut *first, stream), run(&mut *second, stream));
    let infinite = predictions.iter().position(|bits| !f64::from_bits(*bits).is_finite());
    report.expect(infinite.is_none(), rule::FINITE, || format!("record {infinite:?} of the stream {name}"));
    report.expect(predictions == again && state(&*first) == state(&*second), rule::TWICE, || format!("the stream {name}"));
}

fn refuses_poison(model: &dyn Regressor, report: &mut Report) {
    let mut poisoned = learned(model);
    let before = state(&*poisoned);
    for y in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        poisoned.learn_one(&[0.1, 0.2, 0.3], y);
        poisoned.learn_weighted(&[0.1, 0.2, 0.3], y, 2.0);
        report.expect(state(&*poisoned) == before, rule::POISON, || format!("the target {y} changed the state"));
    }
    for weight in [0.0, -1.0, f64::NAN] {
        poisoned.learn_weighted(&[0.1, 0.2, 0.3], 1.0, weight);
        report.expect(state(&*poisoned) == before, rule::WEIGHT, || format!("the weight {weight} changed the state"));
    }
}

fn asking(model: &dyn Regressor, report: &mut Report) {
    let mut asked = learned(model);
    let before = state(&*asked);
    let first = asked.predict_one(&[0.3, -0.2, 0.1]);
    for x in [[9.0, 9.0, 9.0], [f64::NAN; 3], [1e300, -1e300, f64::INFINITY]] {
        let prediction = asked.predict_one(&x);
        report.expect(prediction.is_finite(), rule::FINITE, || format!("{prediction} for {x:?}"));
    }
    let again = asked.predict_one(&[0.3, -0.2, 0.1]);
    report.expect(first.to_bits() == again.to_bits(), rule::ASKING, || format!("{first}, and when asked again {again}"));
    report.expect(state(&*asked) == before, rule::ASKING, || "the state differs".to_owned());
}

fn clones(model: &dyn Regressor, report: &mut Report) {
    let original = learned(model);
    let of = Clones { fresh: original.clone_fresh(), learned: original.clone_learned(), original };
    let mut original = super::clones(&state(model), of, |copy| drop(run(copy, &streams::prices(30))), report);
    let (a, b) = (run(&mut *original, &streams::plain(30)), run(&mut *learned(model), &streams::plain(30)));
    report.expect(a == b, rule::LEARNED, || "having been copied changed the original".to_owned());
}

//! The checks on anomaly detectors.

use super::{Clones, Report, rule, state, streams};
use crate::learn::base::AnomalyDetector;

/// Runs every check on fresh clones of `detector`.
pub fn check(detector: &dyn AnomalyDetector, report: &mut Report) {
    for (name, stream) in streams::all(400) {
        scores(detector, name, &stream, report);
        super::restored(|| detector.clone_fresh(), |m, part| run(m, part), (name, &stream), report);
    }
    asking_and_poison(detector, report);
    clones(detector, report);
    super::bounded(&mut *detector.clone_fresh(), |detector| drop(run(detector, &streams::plain(3_000))), report);
}

/// The scores of a run that scores, then learns, as bits.
fn run(detector: &mut dyn AnomalyDetector, stream: &[streams::Record]) -> Vec<u64> {
    let step = |record: &streams::Record| {
        let score = detector.score_one(&record.x, record.y).to_bits();
        detector.learn_one(&record.x, record.y);
        score
    };
    stream.iter().map(step).collect()
}

fn learned(detector: &dyn AnomalyDetector) -> Box<dyn AnomalyDetector> {
    let mut learned = detector.clone_fresh();
    run(&mut *learned, &streams::plain(300));
    learned
}

fn scores(detector: &dyn AnomalyDetector, name: &str, stream: &[streams::Record], report: &mut Report) {
    let (mut first, mut second) = (detector.clone_fresh(), detector.clone_fresh());
    let (scores, again) = (run(&mut *first, stream), run(&mut *second, stream));
    let finite = scores.iter().all(|bits| f64::from_bits(*bits).is_finite());
    report.expect(finite, rule::FINITE, || format!("the stream {name}"));
    report.expect(scores == again && state(&*first) == state(&*second), rule::TWICE, || format!("the stream {name}"));
}

fn asking_and_poison(detector: &dyn AnomalyDetector, report: &mut Report) {
    let mut asked = learned(detector);
    let before = state(&*asked);
    for (x, y) in [([9.0; 3], 9.0), ([f64::NAN; 3], f64::NAN), ([1e300, -1e300, f64::INFINITY], f64::NEG_INFINITY)] {
        let score = asked.score_one(&x, y);
        report.expect(score.is_finite(), rule::FINITE, || format!("{score} for {x:?}, {y}"));
    }
    report.expect(state(&*asked) == before, rule::ASKING, || "the state differs".to_owned());
    asked.learn_one(&[f64::NAN, f64::INFINITY, f64::NEG_INFINITY], f64::NAN);
    report.expect(state(&*asked) == before, rule::POISON, || "the state differs".to_owned());
}

fn clones(detector: &dyn AnomalyDetector, report: &mut Report) {
    let original = learned(detector);
    let of = Clones { fresh: original.clone_fresh(), learned: original.clone_learned(), original };
    let mut original = super::clones(&state(detector), of, |copy| drop(run(copy, &streams::prices(30))), report);
    super::damage(&mut *original, report);
}

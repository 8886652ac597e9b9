//! The checks on anomaly detectors.

use super::{Report, rule, state, streams};
use crate::learn::base::AnomalyDetector;

/// Runs every check on fresh clones of `detector`.
pub fn check(detector: &dyn AnomalyDetector, report: &mut Report) {
    for (name, stream) in streams::all(400) {
        scores(detector, name, &stream, report);
        restored(detector, name, &stream, report);
    }
    asking_and_poison(detector, report);
    clones(detector, report);
    bounded(detector, report);
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

fn restored(detector: &dyn AnomalyDetector, name: &str, stream: &[streams::Record], report: &mut Report) {
    let mut straight = detector.clone_fresh();
    let expected = run(&mut *straight, stream);
    for cut in [0, 1, 37, stream.len() / 2 + 3] {
        let (mut before, mut after) = (detector.clone_fresh(), detector.clone_fresh());
        run(&mut *before, &stream[..cut]);
        let loaded = after.load(&state(&*before));
        report.expect(loaded.is_ok(), rule::SNAPSHOT, || format!("{loaded:?}"));
        let same = run(&mut *after, &stream[cut..]) == expected[cut..] && state(&*after) == state(&*straight);
        report.expect(same, rule::SNAPSHOT, || format!("cut at record {cut} of the stream {name}"));
    }
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
    let broken = asked.load(&before[..before.len().saturating_sub(1)]).is_ok();
    report.expect(!broken && state(&*asked) == before, rule::DAMAGE, || "half a state was taken".to_owned());
}

fn clones(detector: &dyn AnomalyDetector, report: &mut Report) {
    let original = learned(detector);
    report.expect(state(&*original.clone_fresh()) == state(detector), rule::FRESH, || "the states differ".to_owned());
    let (mut copy, before) = (original.clone_learned(), state(&*original));
    report.expect(state(&*copy) == before, rule::LEARNED, || "the states differ".to_owned());
    run(&mut *copy, &streams::prices(30));
    report.expect(state(&*original) == before, rule::LEARNED, || "what the copy learned changed the original".to_owned());
}

/// Twice the records must not be twice the state, once windows are full.
fn bounded(detector: &dyn AnomalyDetector, report: &mut Report) {
    let mut long = detector.clone_fresh();
    run(&mut *long, &streams::plain(3_000));
    let once = state(&*long).len();
    run(&mut *long, &streams::plain(3_000));
    let twice = state(&*long).len();
    report.expect(twice <= once + once / 20 + 4_096, rule::BOUNDED, || {
        format!("{once} bytes after 3000 records, {twice} after 6000")
    });
}

//! The checks on transformers.

use super::{Report, rule, schema, state, streams};
use crate::learn::base::Transformer;

/// Runs every check on fresh clones of `transformer`.
pub fn check(transformer: &dyn Transformer, report: &mut Report) {
    for (name, stream) in streams::all(400) {
        outputs(transformer, name, &stream, report);
        restored(transformer, name, &stream, report);
    }
    asking(transformer, report);
    clones(transformer, report);
}

/// The outputs of a run that learns, then transforms, as bits.
fn run(transformer: &mut dyn Transformer, stream: &[streams::Record]) -> Vec<Vec<u64>> {
    let mut out = Vec::new();
    let step = |record: &streams::Record| {
        transformer.learn_one(&record.x);
        transformer.transform_one(&record.x, &mut out);
        out.iter().map(|x| x.to_bits()).collect()
    };
    stream.iter().map(step).collect()
}

fn outputs(transformer: &dyn Transformer, name: &str, stream: &[streams::Record], report: &mut Report) {
    let (mut first, mut second) = (transformer.clone_fresh(), transformer.clone_fresh());
    let (rows, again) = (run(&mut *first, stream), run(&mut *second, stream));
    report.expect(rows == again && state(&*first) == state(&*second), rule::TWICE, || format!("the stream {name}"));
    let length = transformer.output_schema(&schema()).len();
    report.expect(rows.iter().all(|row| row.len() == length), rule::LENGTH, || format!("the stream {name}"));
    // Absent (NaN) is an answer, infinite is not.
    let infinite = rows.iter().flatten().any(|bits| f64::from_bits(*bits).is_infinite());
    report.expect(!infinite, rule::FINITE, || format!("an infinite output on the stream {name}"));
    let last = rows.last().into_iter().flatten();
    let sticks =
        stream.last().is_some_and(|r| r.x.iter().all(|x| x.is_finite())) && last.clone().any(|b| f64::from_bits(*b).is_nan());
    report.expect(!sticks, rule::FINITE, || format!("NaN sticks after the stream {name}"));
}

fn restored(transformer: &dyn Transformer, name: &str, stream: &[streams::Record], report: &mut Report) {
    let mut straight = transformer.clone_fresh();
    let expected = run(&mut *straight, stream);
    for cut in [0, 1, 37, stream.len() / 2 + 3] {
        let (mut before, mut after) = (transformer.clone_fresh(), transformer.clone_fresh());
        run(&mut *before, &stream[..cut]);
        let loaded = after.load(&state(&*before));
        report.expect(loaded.is_ok(), rule::SNAPSHOT, || format!("{loaded:?}"));
        let same = run(&mut *after, &stream[cut..]) == expected[cut..] && state(&*after) == state(&*straight);
        report.expect(same, rule::SNAPSHOT, || format!("cut at record {cut} of the stream {name}"));
    }
}

fn asking(transformer: &dyn Transformer, report: &mut Report) {
    let mut learned = transformer.clone_fresh();
    run(&mut *learned, &streams::plain(100));
    let (before, mut out) = (state(&*learned), Vec::new());
    for x in [[1.0, 2.0, 3.0], [f64::NAN; 3], [1e300, -1e300, f64::INFINITY]] {
        learned.transform_one(&x, &mut out);
        report.expect(out.iter().all(|x| !x.is_infinite()), rule::FINITE, || format!("{out:?} for {x:?}"));
    }
    report.expect(state(&*learned) == before, rule::ASKING, || "the state differs".to_owned());
    learned.learn_one(&[f64::NAN, f64::INFINITY, f64::NEG_INFINITY]);
    report.expect(state(&*learned) == before, rule::POISON, || "the state differs".to_owned());
}

fn clones(transformer: &dyn Transformer, report: &mut Report) {
    let mut learned = transformer.clone_fresh();
    run(&mut *learned, &streams::plain(100));
    report.expect(state(&*learned.clone_fresh()) == state(transformer), rule::FRESH, || "the states differ".to_owned());
    let (mut copy, before) = (learned.clone_learned(), state(&*learned));
    report.expect(state(&*copy) == before, rule::LEARNED, || "the states differ".to_owned());
    run(&mut *copy, &streams::prices(30));
    report.expect(state(&*learned) == before, rule::LEARNED, || "what the copy learned changed the original".to_owned());
    let loaded = learned.load(&before[..before.len().saturating_sub(1)]).is_ok();
    report.expect(!loaded && state(&*learned) == before, rule::DAMAGE, || "half a state was taken".to_owned());
}

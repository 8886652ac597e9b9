//! The checks on transformers.

use super::{Clones, Report, rule, schema, state, streams};
use crate::learn::base::Transformer;

/// Runs every check on fresh clones of `transformer`.
pub fn check(transformer: &dyn Transformer, report: &mut Report) {
    for (name, stream) in streams::all(400) {
        outputs(transformer, name, &stream, report);
        super::restored(|| transformer.clone_fresh(), |m, part| run(m, part), (name, &stream), report);
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
    let mut original = transformer.clone_fresh();
    run(&mut *original, &streams::plain(100));
    let of = Clones { fresh: original.clone_fresh(), learned: original.clone_learned(), original };
    let mut original = super::clones(&state(transformer), of, |copy| drop(run(copy, &streams::prices(30))), report);
    super::damage(&mut *original, report);
}

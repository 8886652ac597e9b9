//! The checks on forecasters.

use super::{Report, rule, state, streams};
use crate::learn::base::Forecaster;

/// Runs every check on fresh clones of `model`.
pub fn check(model: &dyn Forecaster, report: &mut Report) {
    let (many, seasonal) = (streams::all(400), [("seasonal", streams::seasonal(400))]);
    for (name, stream) in many.into_iter().chain(seasonal) {
        forecasts(model, name, &stream, report);
        super::restored(|| model.clone_fresh(), |m, part| run(m, part), (name, &stream), report);
    }
    asking_and_poison(model, report);
    exogenous(model, report);
    let season = streams::seasonal(3_000);
    super::bounded(&mut *model.clone_fresh(), |model| season.iter().for_each(|record| model.learn_one(record.y, &[])), report);
}

/// Exogenous features, absent ones among them, are taken or left alone; asking with them changes nothing.
fn exogenous(model: &dyn Forecaster, report: &mut Report) {
    let mut learned = model.clone_fresh();
    for record in streams::gaps(200) {
        let rows: [&[f64]; 2] = [&record.x, &[]];
        let before = state(&*learned);
        let forecast = learned.forecast(2, &rows);
        report.expect(forecast.iter().all(|y| y.is_finite()), rule::FINITE, || format!("{forecast:?} for {:?}", record.x));
        report.expect(state(&*learned) == before, rule::ASKING, || "the state differs".to_owned());
        learned.learn_one(record.y, &record.x);
    }
}

/// The forecasts of a run, as bits.
fn run(model: &mut dyn Forecaster, stream: &[streams::Record]) -> Vec<Vec<u64>> {
    let step = |record: &streams::Record| {
        let forecast = model.forecast(3, &[]).into_iter().map(f64::to_bits).collect();
        model.learn_one(record.y, &[]);
        forecast
    };
    stream.iter().map(step).collect()
}

fn forecasts(model: &dyn Forecaster, name: &str, stream: &[streams::Record], report: &mut Report) {
    let (mut first, mut second) = (model.clone_fresh(), model.clone_fresh());
    let (forecasts, again) = (run(&mut *first, stream), run(&mut *second, stream));
    report.expect(forecasts == again && state(&*first) == state(&*second), rule::TWICE, || format!("the stream {name}"));
    let finite = forecasts.iter().flatten().all(|bits| f64::from_bits(*bits).is_finite());
    report.expect(finite, rule::FINITE, || format!("the stream {name}"));
    let complete = forecasts.iter().all(|f| f.is_empty() || f.len() == 3) && first.forecast(7, &[]).len() == 7;
    report.expect(complete, rule::LENGTH, || format!("the stream {name}"));
}

fn asking_and_poison(model: &dyn Forecaster, report: &mut Report) {
    let mut learned = model.clone_fresh();
    run(&mut *learned, &streams::plain(100));
    let before = state(&*learned);
    let again = learned.forecast(5, &[]) == learned.forecast(5, &[]);
    report.expect(again && state(&*learned) == before, rule::ASKING, || "the state or the forecast differs".to_owned());
    for y in [f64::NAN, f64::INFINITY] {
        learned.learn_one(y, &[]);
        report.expect(state(&*learned) == before, rule::POISON, || format!("{y} changed the state"));
    }
    report.expect(state(&*learned.clone_fresh()) == state(model), rule::FRESH, || "the states differ".to_owned());
    super::damage(&mut *learned, report);
}

//! Progressive validation: every record is first asked, then judged, then learned, with the naive forecast beside it.
//!
//! Pure: records come one by one from whoever reads them, judgements go back to the caller. It knows neither files nor bars.

use std::collections::VecDeque;

use super::{
    base::{Forecaster, Regressor},
    catalog::Model,
    metrics::{Scorer, Scores},
};

/// One prediction and what it was judged by.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Judged {
    /// What the model said before it knew.
    pub prediction: f64,
    /// The newest target that was known when the model was asked: what a naive forecast says. Nothing before the first one.
    pub naive: Option<f64>,
    /// What it was.
    pub truth: f64,
}

/// How good a model was, and the naive forecast.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Comparison {
    /// Over all predictions of the model.
    pub model: Scores,
    /// The naive forecast, over the predictions for which there was one: all but the first.
    pub naive: Scores,
    /// `1 - MAE / MAE of naive` over the predictions for which there was a naive one; above 0 is better than naive. Nothing while naive made no error.
    pub skill: Option<f64>,
}

/// A model under progressive validation.
///
/// What `horizon` means depends on the kind of model:
///
/// | model | horizon | asked at record *t* | learned |
/// | --- | --- | --- | --- |
/// | regressor | 0 | the target of record *t* from its features; naive says the target of record *t* - 1 | at once, with the truth |
/// | regressor | *h* | the target of record *t* + *h* from the features of record *t*; naive says the target of record *t* | at record *t* + *h* |
/// | forecaster | *h*, at least 1 | the target of record *t*, when those up to *t* - *h* are known; naive says the target of *t* - *h* | in order, *h* records later |
///
/// A forecaster that is given features takes those of the *h* records it looks ahead as known in advance (calendar, plans), as River does. A
/// record without a target (NaN) is judged and learned by nobody; to a regressor it still is a step of time.
///
/// Reference: A. P. Dawid, "Present position and potential developments: the prequential approach", 1984; River's `evaluate.progressive_val_score`
/// with its `delay`, and `time_series.evaluate`.
///
/// ```
/// use serde_json::json;
/// use tidemill::learn::{base::Schema, catalog::Catalog, evaluate::Progressive};
///
/// let spec = json!({ "pipeline": { "steps": ["standard_scaler", { "linear_regression": { "intercept_lr": 0.1 } }] } });
/// let model = Catalog::standard().build(&spec, &[], &Schema::new(["x"]), 7).unwrap();
/// let mut progressive = Progressive::new(model, 0, 1);
/// for k in 0..200 {
///     let x = f64::from(k * 7 % 11);
///     progressive.step(&[x], 3.0 * x + 1.0);
/// }
/// let found = progressive.comparison();
/// assert_eq!((found.model.n, found.naive.n), (200, 199));
/// assert_eq!(format!("{:.3} {:.3}", found.model.mae, found.naive.mae), "2.102 15.302");
/// ```
pub struct Progressive {
    asked: Asked,
    scores: Scorer,
    /// The model over the predictions that naive made too.
    shared: Scorer,
    naive: Scorer,
}

/// A model and what it has been asked.
enum Asked {
    Regressor {
        model: Box<dyn Regressor>,
        horizon: usize,
        last: Option<f64>,
        waiting: VecDeque<Question>,
        spare: Vec<f64>,
    },
    Forecaster {
        model: Box<dyn Forecaster>,
        horizon: usize,
        features: usize,
        last: Option<f64>,
        ahead: VecDeque<(Vec<f64>, f64)>,
    },
}

/// A regressor's prediction that waits for its truth.
struct Question {
    x: Vec<f64>,
    prediction: f64,
    naive: Option<f64>,
}

impl Progressive {
    /// Judges a fresh `model` of `features` features. A forecaster's horizon is at least 1: 0 counts as 1.
    pub fn new(model: Model, horizon: usize, features: usize) -> Self {
        let asked = match model {
            Model::Regressor(model) => {
                Asked::Regressor { model, horizon, last: None, waiting: VecDeque::new(), spare: Vec::new() }
            }
            Model::Forecaster(model) => {
                Asked::Forecaster { model, horizon: horizon.max(1), features, last: None, ahead: VecDeque::new() }
            }
        };
        Progressive { asked, scores: Scorer::default(), shared: Scorer::default(), naive: Scorer::default() }
    }

    /// Takes the next record: features `x` (an absent one is NaN) and target `y`. Answers the prediction of this record's target, where one was made.
    pub fn step(&mut self, x: &[f64], y: f64) -> Option<Judged> {
        let judged = match &mut self.asked {
            Asked::Regressor { model, horizon: 0, last, .. } => now(&mut **model, last, x, y),
            Asked::Regressor { model, horizon, last, waiting, spare } => {
                later(&mut **model, *horizon, last, waiting, spare, x, y)
            }
            Asked::Forecaster { model, horizon, features, last, ahead } => {
                forecast(&mut **model, *horizon, *features, last, ahead, x, y)
            }
        }?;
        let Judged { prediction, naive, truth } = judged;
        if !(prediction.is_finite() && truth.is_finite()) {
            return None;
        }
        self.scores.update(truth, prediction, naive);
        if let Some(naive) = naive {
            self.shared.update(truth, prediction, None);
            self.naive.update(truth, naive, None); // it says that nothing changes, which is no direction
        }
        Some(judged)
    }

    /// How good the model has been so far.
    pub fn comparison(&self) -> Comparison {
        let naive = self.naive.scores();
        Comparison { model: self.scores.scores(), naive, skill: self.shared.scores().skill_against(&naive) }
    }

    /// The model, with what it has learned.
    pub fn into_model(self) -> Model {
        match self.asked {
            Asked::Regressor { model, .. } => Model::Regressor(model),
            Asked::Forecaster { model, .. } => Model::Forecaster(model),
        }
    }
}

/// Asks for the target of this record, then learns it.
fn now(model: &mut dyn Regressor, last: &mut Option<f64>, x: &[f64], y: f64) -> Option<Judged> {
    if !y.is_finite() {
        return None;
    }
    let judged = Judged { prediction: model.predict_one(x), naive: *last, truth: y };
    model.learn_one(x, y);
    *last = Some(y);
    Some(judged)
}

/// Answers the question that is due, learns it, and asks for the target `horizon` records ahead.
fn later(
    model: &mut dyn Regressor,
    horizon: usize,
    last: &mut Option<f64>,
    waiting: &mut VecDeque<Question>,
    spare: &mut Vec<f64>,
    x: &[f64],
    y: f64,
) -> Option<Judged> {
    let due = if waiting.len() == horizon { waiting.pop_front() } else { None };
    let mut judged = None;
    if let Some(question) = due {
        if y.is_finite() {
            model.learn_one(&question.x, y);
            judged = Some(Judged { prediction: question.prediction, naive: question.naive, truth: y });
        }
        *spare = question.x;
    }
    if y.is_finite() {
        *last = Some(y);
    }
    let mut kept = std::mem::take(spare);
    kept.clear();
    kept.extend_from_slice(x);
    waiting.push_back(Question { prediction: model.predict_one(x), naive: *last, x: kept });
    judged
}

/// Looks from the last learned record to this one, then learns the oldest that is held back.
fn forecast(
    model: &mut dyn Forecaster,
    horizon: usize,
    features: usize,
    last: &mut Option<f64>,
    ahead: &mut VecDeque<(Vec<f64>, f64)>,
    x: &[f64],
    y: f64,
) -> Option<Judged> {
    if !y.is_finite() {
        return None;
    }
    ahead.push_back((x.to_vec(), y));
    if ahead.len() < horizon {
        return None;
    }
    let xs: Vec<&[f64]> = if features == 0 { Vec::new() } else { ahead.iter().map(|(x, _)| &x[..]).collect() };
    let prediction = model.forecast(horizon, &xs).get(horizon - 1).copied();
    let naive = *last;
    if let Some((x, y)) = ahead.pop_front() {
        model.learn_one(y, &x);
        *last = Some(y);
    }
    prediction.map(|prediction| Judged { prediction, naive, truth: y })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::learn::{base::Schema, catalog::Catalog};

    fn judge(model: &str, horizon: usize, targets: &[f64]) -> (Vec<Option<Judged>>, Comparison) {
        let model = Catalog::standard().build(&json!(model), &[], &Schema::new(["x"]), 1).unwrap();
        let mut progressive = Progressive::new(model, horizon, 0);
        let judged = targets.iter().map(|y| progressive.step(&[1.0], *y)).collect();
        (judged, progressive.comparison())
    }

    fn told(judged: &[Option<Judged>]) -> Vec<Option<(f64, Option<f64>)>> {
        judged.iter().map(|one| one.map(|j| (j.prediction, j.naive))).collect()
    }

    #[test]
    fn a_regressor_is_asked_before_it_learns() {
        let (judged, found) = judge("mean", 0, &[10.0, 20.0, 30.0]);
        assert_eq!(told(&judged), [Some((0.0, None)), Some((10.0, Some(10.0))), Some((15.0, Some(20.0)))]);
        assert_eq!((found.model.n, found.model.mae), (3, 35.0 / 3.0));
        assert_eq!((found.naive.n, found.naive.mae, found.skill), (2, 10.0, Some(1.0 - 12.5 / 10.0)));
    }

    #[test]
    fn a_regressor_with_a_horizon_learns_when_the_truth_is_known() {
        let (judged, _) = judge("mean", 2, &[10.0, 20.0, 30.0, 40.0, 50.0]);
        // Asked at the first and the second record nothing is learned yet; at the third it has learned that record's 30.
        let expected = [None, None, Some((0.0, Some(10.0))), Some((0.0, Some(20.0))), Some((30.0, Some(30.0)))];
        assert_eq!(told(&judged), expected);
    }

    #[test]
    fn a_forecaster_looks_over_the_records_it_does_not_know() {
        for (horizon, expected) in [(0, [None, Some(1.0), Some(2.0), Some(4.0)]), (2, [None, None, Some(1.0), Some(2.0)])] {
            let (judged, found) = judge("naive", horizon, &[1.0, 2.0, 4.0, 8.0]);
            assert_eq!(judged.iter().map(|one| one.map(|j| j.prediction)).collect::<Vec<_>>(), expected, "{horizon}");
            assert_eq!(found.skill, Some(0.0), "naive is as good as naive");
        }
    }

    #[test]
    fn a_record_without_a_target_is_judged_and_learned_by_nobody() {
        let nan = f64::NAN;
        assert_eq!(judge("mean", 0, &[10.0, nan, 30.0]).1, judge("mean", 0, &[10.0, 30.0]).1);
        let (judged, found) = judge("mean", 1, &[10.0, nan, 30.0, 40.0]);
        assert_eq!(told(&judged), [None, None, Some((0.0, Some(10.0))), Some((30.0, Some(30.0)))]);
        assert_eq!(found.model.n, 2);
    }
}

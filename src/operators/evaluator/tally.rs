//! The measures of one model over a set of questions, kept as sums that can be added to and merged. It knows neither time nor topology.
//!
//! The library's metrics hold one measure each and take questions back by subtraction, which leaves rounding of questions long gone in the result. Here
//! all measures share one pass over the errors, and windows are built by merging, never by taking back.

use serde::{Deserialize, Serialize};

use crate::processor::{Answer, IntervalMeasures, Measures, Target};

/// Larger prices and errors count as this large, so that no sum of squares leaves the finite numbers.
const LARGEST: f64 = 1e140;

/// What one answered question adds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) struct Sample {
    /// The truth, price.
    truth: f64,
    /// The last value, which is the naive forecast.
    last: f64,
    /// The prediction: a price, or for direction a number whose sign counts.
    guess: f64,
    /// The bounds of the price, where the prediction had an interval.
    interval: Option<(f64, f64)>,
}

impl Sample {
    /// The sample of an answer.
    pub fn of(answer: &Answer) -> Self {
        let guess = answer.question.price.unwrap_or(answer.question.value);
        let held = |x: f64| x.clamp(-LARGEST, LARGEST);
        let interval = answer.question.interval.map(|(lower, upper)| (held(lower), held(upper)));
        Sample { truth: held(answer.truth), last: held(answer.question.last), guess: held(guess), interval }
    }

    /// The errors of the sample, ready to be added to sums.
    pub fn weigh(&self, target: Target) -> Weighed {
        let said = if target == Target::Direction { self.guess } else { self.guess - self.last };
        let (went, said) = (sign(self.truth - self.last), sign(said));
        let prices = (target != Target::Direction).then(|| Prices {
            truth: self.truth,
            model: Errors::of(self.truth, self.guess),
            naive: Errors::of(self.truth, self.last),
            interval: self.interval.map(|(lower, upper)| (lower <= self.truth && self.truth <= upper, upper - lower)),
        });
        Weighed { moved: went != 0, hit: went != 0 && went == said, prices }
    }
}

/// A sample's errors: computed once, added to several sums.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Weighed {
    moved: bool,
    hit: bool,
    /// Nothing for directions, which have no price.
    prices: Option<Prices>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Prices {
    truth: f64,
    model: Errors,
    naive: Errors,
    /// Whether the truth lay in the interval, and how wide that was.
    interval: Option<(bool, f64)>,
}

fn sign(x: f64) -> i8 {
    i8::from(x > 0.0) - i8::from(x < 0.0)
}

/// Sums over samples.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub(super) struct Tally {
    n: u64,
    /// Questions after which the price had moved.
    moved: u64,
    /// Those whose direction was said rightly.
    hits: u64,
    model: Errors,
    naive: Errors,
    /// Mean of the truths and sum of their squared distances from it (Welford; merged after Chan, Golub and LeVeque 1979).
    mean: f64,
    spread: f64,
    /// Questions with an interval, those whose truth lay inside, and the sum of the widths.
    intervals: u64,
    covered: u64,
    width: f64,
}

/// Sums of errors.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
struct Errors {
    absolute: f64,
    squared: f64,
    /// Symmetric relative errors, 0 to 2.
    symmetric: f64,
}

impl Errors {
    fn of(truth: f64, guess: f64) -> Self {
        let error = (truth - guess).abs();
        let size = truth.abs() + guess.abs();
        Errors { absolute: error, squared: error * error, symmetric: if size > 0.0 { 2.0 * error / size } else { 0.0 } }
    }

    fn merge(&mut self, other: &Errors) {
        self.absolute += other.absolute;
        self.squared += other.squared;
        self.symmetric += other.symmetric;
    }
}

/// A measure by which models of one target are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Measure {
    Mae,
    Rmse,
    Smape,
    DirectionalAccuracy,
}

impl Measure {
    /// The name used in topology files and records.
    pub fn name(self) -> &'static str {
        match self {
            Measure::Mae => "mae",
            Measure::Rmse => "rmse",
            Measure::Smape => "smape",
            Measure::DirectionalAccuracy => "directional_accuracy",
        }
    }
}

impl Tally {
    /// Takes a sample.
    pub fn add(&mut self, sample: &Weighed) {
        self.n += 1;
        self.moved += u64::from(sample.moved);
        self.hits += u64::from(sample.hit);
        let Some(prices) = &sample.prices else { return };
        self.model.merge(&prices.model);
        self.naive.merge(&prices.naive);
        if let Some((covered, width)) = prices.interval {
            self.intervals += 1;
            self.covered += u64::from(covered);
            self.width += width;
        }
        let distance = prices.truth - self.mean;
        self.mean += distance / self.n as f64;
        self.spread += distance * (prices.truth - self.mean);
    }

    /// Takes all samples of `other`.
    pub fn merge(&mut self, other: &Tally) {
        if other.n == 0 {
            return;
        }
        let (a, b) = (self.n as f64, other.n as f64);
        let distance = other.mean - self.mean;
        self.mean += distance * (b / (a + b));
        self.spread += other.spread + distance * distance * (a * b / (a + b));
        self.n += other.n;
        self.moved += other.moved;
        self.hits += other.hits;
        self.model.merge(&other.model);
        self.naive.merge(&other.naive);
        self.intervals += other.intervals;
        self.covered += other.covered;
        self.width += other.width;
    }

    /// Number of samples.
    pub fn n(&self) -> u64 {
        self.n
    }

    /// The model's measures.
    pub fn measures(&self, target: Target) -> Measures {
        self.measures_of(&self.model, self.hits, target)
    }

    /// The naive forecast's measures. It says that the price stays, which is never right where it moved.
    pub fn naive(&self, target: Target) -> Measures {
        self.measures_of(&self.naive, 0, target)
    }

    /// 1 - MAE / MAE of naive.
    pub fn skill(&self, target: Target) -> Option<f64> {
        let comparable = target != Target::Direction && self.naive.absolute > 0.0;
        comparable.then(|| 1.0 - self.model.absolute / self.naive.absolute)
    }

    /// How well the intervals held, where there were any.
    pub fn intervals(&self) -> Option<IntervalMeasures> {
        let n = self.intervals;
        let of = |sum: f64| sum / n as f64;
        (n > 0).then(|| IntervalMeasures { n, coverage: of(self.covered as f64), width: of(self.width) })
    }

    fn measures_of(&self, errors: &Errors, hits: u64, target: Target) -> Measures {
        let directional_accuracy = (self.moved > 0).then(|| hits as f64 / self.moved as f64);
        if self.n == 0 || target == Target::Direction {
            return Measures { directional_accuracy, ..Measures::default() };
        }
        let n = self.n as f64;
        Measures {
            mae: Some(errors.absolute / n),
            rmse: Some((errors.squared / n).sqrt()),
            smape: Some(100.0 * errors.symmetric / n),
            r2: (self.n > 1 && self.spread > 0.0).then(|| 1.0 - errors.squared / self.spread),
            directional_accuracy,
        }
    }
}

/// The value of `measure` over two disjoint sets of samples together, without the measures that are not asked for.
pub(super) fn measure_of(measure: Measure, a: &Tally, b: &Tally) -> Option<f64> {
    let n = (a.n + b.n) as f64;
    if n == 0.0 {
        return None;
    }
    match measure {
        Measure::Mae => Some((a.model.absolute + b.model.absolute) / n),
        Measure::Rmse => Some(((a.model.squared + b.model.squared) / n).sqrt()),
        Measure::Smape => Some(100.0 * (a.model.symmetric + b.model.symmetric) / n),
        Measure::DirectionalAccuracy => (a.moved + b.moved > 0).then(|| (a.hits + b.hits) as f64 / (a.moved + b.moved) as f64),
    }
}

#[cfg(test)]
pub(super) fn sample(truth: f64, last: f64, guess: f64) -> Sample {
    Sample { truth, last, guess, interval: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(samples: &[(f64, f64, f64)], target: Target) -> Tally {
        let mut tally = Tally::default();
        samples.iter().for_each(|(truth, last, guess)| tally.add(&sample(*truth, *last, *guess).weigh(target)));
        tally
    }

    #[test]
    fn measures_equal_hand_computed_ones() {
        // Errors 1, -1, 2; naive errors 2, 0, -1; truths 12, 12, 11.
        let tally = tally(&[(12.0, 10.0, 11.0), (12.0, 12.0, 13.0), (11.0, 12.0, 9.0)], Target::Close);
        let m = tally.measures(Target::Close);
        assert_eq!(m.mae, Some(4.0 / 3.0));
        assert_eq!(m.rmse, Some(2.0_f64.sqrt()));
        let smape = 100.0 * (2.0 / 23.0 + 2.0 / 25.0 + 4.0 / 20.0) / 3.0;
        assert!((m.smape.unwrap() - smape).abs() < 1e-12);
        // Squared errors 1 + 1 + 4 over the spread 2/3 of the truths.
        assert!((m.r2.unwrap() - (1.0 - 6.0 / (2.0 / 3.0))).abs() < 1e-9);
        // The price moved twice and the model said both rightly.
        assert_eq!(m.directional_accuracy, Some(1.0));
        assert_eq!(tally.naive(Target::Close).mae, Some(1.0));
        assert_eq!(tally.naive(Target::Close).directional_accuracy, Some(0.0));
        assert!((tally.skill(Target::Close).unwrap() - (1.0 - 4.0 / 3.0)).abs() < 1e-12);
    }

    #[test]
    fn the_naive_forecast_has_a_skill_of_exactly_zero() {
        let samples: Vec<_> = (0..1000).map(|i| (100.0 + f64::from(i % 7) * 0.1, 100.0 + f64::from(i % 5) * 0.3)).collect();
        let samples: Vec<_> = samples.iter().map(|(truth, last)| (*truth, *last, *last)).collect();
        assert_eq!(tally(&samples, Target::Close).skill(Target::Close), Some(0.0));
    }

    #[test]
    fn directions_have_no_price_errors() {
        let tally = tally(&[(12.0, 10.0, 0.3), (9.0, 10.0, 1.0), (10.0, 10.0, 0.0)], Target::Direction);
        let expected = Measures { directional_accuracy: Some(0.5), ..Measures::default() };
        assert_eq!(tally.measures(Target::Direction), expected);
        assert_eq!((tally.skill(Target::Direction), tally.n()), (None, 3));
    }

    #[test]
    fn merged_tallies_equal_one_over_all_samples() {
        let price = |i: u32, factor: u32| 1e4 + f64::from(i * factor % 101) / 7.0;
        let samples: Vec<_> = (0..200).map(|i| (price(i, 37), price(i, 53), price(i, 11))).collect();
        let whole = tally(&samples, Target::Close).measures(Target::Close);
        let (mut a, b) = (tally(&samples[..60], Target::Close), tally(&samples[60..], Target::Close));
        assert_eq!(measure_of(Measure::Mae, &a, &b).map(|m| (m * 1e9).round()), whole.mae.map(|m| (m * 1e9).round()));
        a.merge(&b);
        let merged = a.measures(Target::Close);
        for (x, y) in [(whole.mae, merged.mae), (whole.rmse, merged.rmse), (whole.smape, merged.smape), (whole.r2, merged.r2)] {
            assert!((x.unwrap() - y.unwrap()).abs() < 1e-9, "{x:?} {y:?}");
        }
        assert_eq!(whole.directional_accuracy, merged.directional_accuracy);
        a.merge(&Tally::default());
        assert_eq!(a.measures(Target::Close), merged);
    }

    #[test]
    fn nothing_and_absurd_numbers_give_no_infinite_measures() {
        assert_eq!(Tally::default().measures(Target::Close), Measures::default());
        assert_eq!(Tally::default().skill(Target::Close), None);
        let held = Sample { truth: 1e140, last: -1e140, guess: -1e140, interval: None };
        let mut tally = Tally::default();
        (0..10_000).for_each(|_| tally.add(&held.weigh(Target::Close)));
        assert!(tally.measures(Target::Close).rmse.unwrap().is_finite());
    }
}

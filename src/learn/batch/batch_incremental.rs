//! An ensemble of linear fits, each to a window of records of its own.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Fit, LeastSquares};
use crate::{
    impl_snapshot,
    learn::{
        base::{Regressor, finite},
        catalog::{Component, ModelBuild},
        params::{ParamError, ParamValue, above},
        stats::Mean,
    },
};

crate::choices! {
    /// How the fits' predictions become one.
    pub enum Weighting {
        /// Their plain mean.
        Mean = "mean",
        /// Their mean weighted by the inverse of each fit's mean absolute error: over its own window, and over all records since.
        InverseError = "inverse_error",
    }
}

crate::params! {
    /// Parameters of [`BatchIncremental`].
    pub struct BatchIncrementalParams {
        /// How many records one fit is made of.
        window_size: usize = 20, in 2..=10_000, unit "records";
        /// How many of the last fits predict together.
        last_fits: usize = 10, in 1..=1_000, unit "fits";
        /// How the fits' predictions are combined.
        weighting: Weighting = Weighting::Mean;
        /// What is added to the diagonal of the correlation matrix where a window does not determine its fit.
        ridge: f64 = 1e-6, in above(0.0);
    }
}

/// Ordinary least squares (linfa-linear) on each full window of `window_size` records; the last `last_fits` of them predict together.
///
/// Before the first fit it predicts the mean of the labels seen. A window that does not determine its fit (a constant column, collinear columns, fewer
/// records than features) is solved with a small ridge instead and counted (`fallbacks`); one without finite coefficients of a sensible size gives no
/// fit and is counted too (`refused_fits`). An absent feature counts as the mean of its column in the window. Fitting allocates; between fits nothing does.
///
/// Reference: J. Read, A. Bifet, B. Pfahringer, G. Holmes, "Batch-incremental versus instance-incremental learning in dynamic and evolving data",
/// IDA 2012; weights by error: H. Wang, W. Fan, P. S. Yu, J. Han, "Mining concept-drifting data streams using ensemble classifiers", KDD 2003.
///
/// ```
/// use tidemill::learn::{base::Regressor, batch::{BatchIncremental, BatchIncrementalParams}};
///
/// let mut model = BatchIncremental::new(BatchIncrementalParams::default(), 1);
/// for k in 0..20 {
///     let open = 30_000.0 + f64::from(k % 7);
///     assert_eq!(model.fits(), 0);
///     model.learn_one(&[open], 0.5 * open + 100.0);
/// }
/// assert_eq!((model.fits(), model.fallbacks()), (1, 0));
/// assert_eq!(format!("{:.3}", model.predict_one(&[30_100.0])), "15150.000");
/// ```
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct BatchIncremental {
    params: BatchIncrementalParams,
    features: usize,
    labels: Mean,
    rows: Vec<f64>,
    targets: Vec<f64>,
    members: VecDeque<Member>,
    fits: u64,
    fallbacks: u64,
    refused: u64,
}

/// One fit and how well it does.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Member {
    fit: LeastSquares,
    error: Mean,
}

impl Member {
    fn judge(&mut self, x: &[f64], y: f64) {
        self.error.update((self.fit.predict(x) - y).abs(), 1.0);
    }
}

impl BatchIncremental {
    /// A model of `features` features.
    pub fn new(params: BatchIncrementalParams, features: usize) -> Self {
        BatchIncremental {
            params,
            features,
            labels: Mean::default(),
            rows: Vec::new(),
            targets: Vec::new(),
            members: VecDeque::new(),
            fits: 0,
            fallbacks: 0,
            refused: 0,
        }
    }

    /// How many fits have been made, fall-backs included.
    pub fn fits(&self) -> u64 {
        self.fits
    }

    /// How many fits were made with the ridge because their window did not determine them.
    pub fn fallbacks(&self) -> u64 {
        self.fallbacks
    }

    /// How many windows gave no fit.
    pub fn refused_fits(&self) -> u64 {
        self.refused
    }

    fn keep(&mut self, x: &[f64], y: f64) {
        self.rows.extend(x.iter().take(self.features).map(|x| if x.is_finite() { *x } else { f64::NAN }));
        self.rows.resize(self.features * (self.targets.len() + 1), f64::NAN);
        self.targets.push(y);
    }

    /// Makes a fit of the full window and starts the next one.
    fn fit(&mut self) {
        let fit = match LeastSquares::fit(&self.rows, self.features, &self.targets, self.params.ridge) {
            Fit::Ordinary(fit) => Some(fit),
            Fit::Ridge(fit) => {
                self.fallbacks += 1;
                Some(fit)
            }
            Fit::Refused => {
                self.refused += 1;
                None
            }
        };
        if let Some(fit) = fit {
            self.admit(Member { fit, error: Mean::default() });
        }
        self.rows.clear();
        self.targets.clear();
    }

    fn admit(&mut self, mut member: Member) {
        for (k, y) in self.targets.iter().enumerate() {
            member.judge(&self.rows[k * self.features..][..self.features], *y);
        }
        if self.members.len() == self.params.last_fits {
            self.members.pop_front();
        }
        self.members.push_back(member);
        self.fits += 1;
    }

    fn mean(&self, x: &[f64]) -> f64 {
        let n = self.members.len() as f64;
        self.members.iter().map(|m| finite(m.fit.predict(x)) / n).sum()
    }

    /// Weights by inverse error. Errors a billion times smaller than the largest count alike: a perfect window must not silence all the others for ever.
    fn weighted_mean(&self, x: &[f64]) -> f64 {
        let largest = self.members.iter().map(|m| m.error.get()).fold(0.0, f64::max);
        let weight = |m: &Member| if largest > 0.0 { largest / m.error.get().max(largest * 1e-9) } else { 1.0 };
        let total: f64 = self.members.iter().map(weight).sum();
        self.members.iter().map(|m| finite(m.fit.predict(x)) * (weight(m) / total)).sum()
    }
}

impl Regressor for BatchIncremental {
    fn predict_one(&mut self, x: &[f64]) -> f64 {
        finite(match (self.members.is_empty(), self.params.weighting) {
            (true, _) => self.labels.get(),
            (false, Weighting::Mean) => self.mean(x),
            (false, Weighting::InverseError) => self.weighted_mean(x),
        })
    }

    fn learn_one(&mut self, x: &[f64], y: f64) {
        if !y.is_finite() {
            return;
        }
        self.labels.update(y, 1.0);
        self.members.iter_mut().for_each(|m| m.judge(x, y));
        self.keep(x, y);
        if self.targets.len() == self.params.window_size {
            self.fit();
        }
    }

    fn counters(&self, report: &mut dyn FnMut(&'static str, u64)) {
        report("fallbacks", self.fallbacks);
        report("refused_fits", self.refused);
    }

    fn clone_fresh(&self) -> Box<dyn Regressor> {
        Box::new(BatchIncremental::new(self.params.clone(), self.features))
    }

    fn clone_learned(&self) -> Box<dyn Regressor> {
        Box::new(self.clone())
    }
}

impl Component for BatchIncremental {
    type Params = BatchIncrementalParams;
    const NAME: &'static str = "batch_incremental";
    const SUMMARY: &'static str = "least-squares fits (linfa) to windows of records, the last of them predicting together";
    const REFERENCE: &'static str = "Read et al., Batch-incremental versus instance-incremental learning, IDA 2012";

    fn examples() -> Vec<Value> {
        Weighting::choices().iter().map(|w| json!({ Self::NAME: { "weighting": w.name } })).collect()
    }

    fn build(params: BatchIncrementalParams, on: &ModelBuild<'_>) -> Result<Self, Vec<ParamError>> {
        Ok(BatchIncremental::new(params, on.schema.len()))
    }
}

impl_snapshot!(BatchIncremental);

#[cfg(test)]
mod tests {
    use super::*;

    fn model(weighting: Weighting) -> BatchIncremental {
        BatchIncremental::new(
            BatchIncrementalParams { window_size: 4, last_fits: 2, weighting, ..BatchIncrementalParams::default() },
            1,
        )
    }

    /// A window of four records on the line `slope * x`.
    fn learn_line(model: &mut BatchIncremental, slope: f64) {
        (0..4).for_each(|k| model.learn_one(&[f64::from(k)], slope * f64::from(k)));
    }

    #[test]
    fn the_last_fits_predict_together_and_older_ones_are_forgotten() {
        let mut model = model(Weighting::Mean);
        for slope in [100.0, 1.0, 3.0] {
            learn_line(&mut model, slope);
        }
        assert!((model.predict_one(&[10.0]) - 20.0).abs() < 1e-9);
    }

    #[test]
    fn the_fit_with_the_smaller_error_counts_more() {
        let mut model = model(Weighting::InverseError);
        learn_line(&mut model, 1.0);
        learn_line(&mut model, 3.0); // judged on the second window, the first fit errs by 1.5 on average over both
        model.learn_one(&[1.0], 3.5); // and now both err
        assert!(model.predict_one(&[10.0]) > 25.0, "{}", model.predict_one(&[10.0]));
    }

    #[test]
    fn before_the_first_fit_the_mean_of_the_labels_is_predicted() {
        let mut model = model(Weighting::Mean);
        assert_eq!(model.predict_one(&[1.0]), 0.0);
        model.learn_one(&[1.0], 10.0);
        model.learn_one(&[2.0], 30.0);
        assert_eq!(model.predict_one(&[7.0]), 20.0);
    }

    #[test]
    fn a_window_with_an_unchanged_price_is_counted_as_a_fall_back() {
        let mut model = model(Weighting::Mean);
        (0..4).for_each(|k| model.learn_one(&[30_000.0], 30_000.0 + f64::from(k)));
        let mut counters = Vec::new();
        model.counters(&mut |name, count| counters.push((name, count)));
        assert_eq!(counters, [("fallbacks", 1), ("refused_fits", 0)]);
        assert_eq!(model.predict_one(&[30_000.0]), 30_001.5);
    }

    #[test]
    fn a_window_beyond_the_finite_numbers_gives_no_fit() {
        let mut model = model(Weighting::Mean);
        [0.0, 1.0, 2.0, 1e300].iter().for_each(|x| model.learn_one(&[*x], 1.0));
        assert_eq!((model.fits(), model.refused_fits()), (0, 1));
        assert_eq!(model.predict_one(&[5.0]), 1.0);
    }
}

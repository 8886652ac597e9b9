//! All measures of one model at once.

use serde::{Deserialize, Serialize};

use super::{DirectionalAccuracy, ErrorSums, Mae, MetricName, Mse, R2, Smape};
use crate::{impl_snapshot, learn::base::Metric};

/// The measures over a set of predictions.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Scores {
    /// How many predictions.
    pub n: u64,
    /// Mean absolute error, in units of the target.
    pub mae: f64,
    /// Mean squared error, in squared units of the target.
    pub mse: f64,
    /// Root of the mean squared error, in units of the target.
    pub rmse: f64,
    /// Symmetric mean absolute percentage error, 0 to 200 %.
    pub smape: f64,
    /// Share of the target's variance that is explained, at most 1.
    pub r2: f64,
    /// Share of right directions, 0 to 1; nothing where no last value was known.
    pub directional_accuracy: Option<f64>,
}

impl Scores {
    /// The scores of these sums.
    pub fn of(sums: &ErrorSums) -> Self {
        Scores {
            n: sums.n(),
            mae: sums.get(MetricName::Mae),
            mse: sums.get(MetricName::Mse),
            rmse: sums.get(MetricName::Rmse),
            smape: sums.get(MetricName::Smape),
            r2: sums.get(MetricName::R2),
            directional_accuracy: sums.directional_accuracy(),
        }
    }

    /// One of the measures by its name.
    pub fn get(&self, metric: MetricName) -> f64 {
        match metric {
            MetricName::Mae => self.mae,
            MetricName::Mse => self.mse,
            MetricName::Rmse => self.rmse,
            MetricName::Smape => self.smape,
            MetricName::R2 => self.r2,
        }
    }

    /// Skill against another forecast of the same truths: `1 - mae / other.mae`; nothing while the other has made no error.
    pub fn skill_against(&self, other: &Scores) -> Option<f64> {
        (other.mae > 0.0).then(|| 1.0 - self.mae / other.mae)
    }
}

/// All measures since the start, with River's arithmetic.
///
/// ```
/// use tidemill::learn::metrics::Scorer;
/// let (mut model, mut naive) = (Scorer::default(), Scorer::default());
/// for (y, p, last) in [(10.0, 11.0, 8.0), (12.0, 12.5, 10.0), (11.0, 12.5, 12.0)] {
///     model.update(y, p, Some(last));
///     naive.update(y, last, Some(last));
/// }
/// let scores = model.scores();
/// assert_eq!((scores.n, scores.mae, scores.directional_accuracy), (3, 1.0, Some(2.0 / 3.0)));
/// assert_eq!(format!("{:.3}", scores.skill_against(&naive.scores()).unwrap()), "0.400");
/// ```
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Scorer {
    n: u64,
    mae: Mae,
    mse: Mse,
    smape: Smape,
    r2: R2,
    direction: DirectionalAccuracy,
}

impl Scorer {
    /// Takes a truth, its prediction, and the last value known when it was made. Pairs that are not finite are refused.
    pub fn update(&mut self, y_true: f64, y_pred: f64, last: Option<f64>) {
        if !(y_true.is_finite() && y_pred.is_finite()) {
            return;
        }
        self.n += 1;
        self.mae.update(y_true, y_pred);
        self.mse.update(y_true, y_pred);
        self.smape.update(y_true, y_pred);
        self.r2.update(y_true, y_pred);
        if let Some(last) = last {
            self.direction.update(y_true, y_pred, last);
        }
    }

    /// All measures so far.
    pub fn scores(&self) -> Scores {
        Scores {
            n: self.n,
            mae: self.mae.get(),
            mse: self.mse.get(),
            rmse: self.mse.get().max(0.0).sqrt(),
            smape: self.smape.get(),
            r2: self.r2.get(),
            directional_accuracy: (self.direction.n() > 0).then(|| self.direction.get()),
        }
    }
}

impl_snapshot!(Scorer);

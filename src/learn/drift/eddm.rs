//! The early drift detection method.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    impl_snapshot,
    learn::{
        base::DriftDetector,
        catalog::{Component, ModelBuild},
        params::{ParamError, ParamErrorKind, above_to, child},
        stats::Var,
    },
};

crate::params! {
    /// Parameters of [`Eddm`].
    pub struct EddmParams {
        /// No alarm before more than so many values, and as many errors.
        warm_start: u64 = 30, unit "values";
        /// The distance between errors, as a share of its best, below which there is a warning.
        alpha: f64 = 0.95, in above_to(0.0, 1.0);
        /// The share below which there is an alarm; at most alpha.
        beta: f64 = 0.9, in above_to(0.0, 1.0);
    }
}

/// EDDM: while a learner improves, its errors get rarer; when the distance between errors (mean plus two deviations) falls below a share of its best,
/// something has changed. Hears slow changes earlier than DDM.
///
/// Values are errors: 1 for wrong, all else is right. The update after an alarm starts afresh.
///
/// Reference: M. Baena-García and others, "Early drift detection method", Workshop on knowledge discovery from data streams, 2006.
///
/// ```
/// use tidemill::learn::{base::DriftDetector, drift::{Eddm, EddmParams}};
/// let mut detector = Eddm::new(EddmParams::default());
/// let alarm = (0..1200).find(|k| {
///     // Errors in no visible order: a tenth, from 600 on four tenths of the values.
///     detector.update(f64::from(u8::from(k * k * 7 % 1009 < if *k < 600 { 101 } else { 404 })));
///     detector.drift_detected()
/// });
/// assert_eq!(alarm, Some(652));
/// ```
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Eddm {
    params: EddmParams,
    distances: Var,
    values: u64,
    errors: u64,
    last_error: u64,
    best: f64,
    warning: bool,
    detected: bool,
}

impl Eddm {
    /// A detector that has seen nothing.
    pub fn new(params: EddmParams) -> Self {
        Eddm {
            params,
            distances: Var::default(),
            values: 0,
            errors: 0,
            last_error: 0,
            best: -1.0,
            warning: false,
            detected: false,
        }
    }
}

impl DriftDetector for Eddm {
    fn update(&mut self, value: f64) {
        if !value.is_finite() {
            return;
        }
        if self.detected {
            *self = Eddm::new(self.params.clone());
        }
        self.values += 1;
        if value != 1.0 {
            return;
        }
        self.errors += 1;
        self.distances.update((self.values - self.last_error) as f64, 1.0);
        self.last_error = self.values;
        if self.values <= self.params.warm_start {
            return;
        }
        let reach = self.distances.mean() + 2.0 * self.distances.get(1.0).sqrt();
        if reach > self.best {
            self.best = reach;
        } else if self.errors > self.params.warm_start {
            let share = reach / self.best;
            self.detected = share < self.params.beta;
            // An alarm leaves the warning that came before it.
            self.warning = if self.detected { self.warning } else { share < self.params.alpha };
        }
    }

    fn drift_detected(&self) -> bool {
        self.detected
    }

    fn warning_detected(&self) -> bool {
        self.warning
    }

    fn clone_fresh(&self) -> Box<dyn DriftDetector> {
        Box::new(Eddm::new(self.params.clone()))
    }

    fn clone_learned(&self) -> Box<dyn DriftDetector> {
        Box::new(self.clone())
    }
}

impl Component for Eddm {
    type Params = EddmParams;
    const NAME: &'static str = "eddm";
    const SUMMARY: &'static str =
        "early drift detection method: the distance between errors against its best; for errors of 0 and 1";
    const REFERENCE: &'static str = "Baena-García and others, 2006";

    fn examples() -> Vec<Value> {
        vec![json!(Self::NAME), json!({ Self::NAME: { "warm_start": 5, "alpha": 0.9, "beta": 0.8 } })]
    }

    fn build(params: EddmParams, on: &ModelBuild<'_>) -> Result<Self, Vec<ParamError>> {
        if params.alpha < params.beta {
            let message = format!("{} is below beta, which is {}", params.alpha, params.beta);
            return Err(vec![ParamError::new(
                ParamErrorKind::Conflict,
                &child(on.path, "alpha"),
                message,
                "alpha not below beta",
            )]);
        }
        Ok(Eddm::new(params))
    }
}

impl_snapshot!(Eddm);

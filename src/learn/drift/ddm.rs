//! The drift detection method.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    impl_snapshot,
    learn::{
        base::DriftDetector,
        catalog::{Component, ModelBuild},
        params::{ParamError, above},
        stats::Mean,
    },
};

crate::params! {
    /// Parameters of [`Ddm`].
    pub struct DdmParams {
        /// No alarm before more than so many values.
        warm_start: u32 = 30, unit "values";
        /// How many standard deviations above its best the error rate raises a warning.
        warning_threshold: f64 = 2.0, in above(0.0);
        /// How many standard deviations above its best the error rate raises the alarm.
        drift_threshold: f64 = 3.0, in above(0.0);
    }
}

/// DDM: the error rate of a learner should fall; when it stands some standard deviations above its best, something has changed.
///
/// Values are errors: 0 for right, 1 for wrong, between them for partly wrong; others are cut to that range. The update after an alarm starts afresh.
///
/// Reference: J. Gama, P. Medas, G. Castillo, P. Rodrigues, "Learning with drift detection", SBIA 2004.
///
/// ```
/// use tidemill::learn::{base::DriftDetector, drift::{Ddm, DdmParams}};
/// let mut detector = Ddm::new(DdmParams::default());
/// let alarm = (0..600).find(|k| {
///     detector.update(f64::from(u8::from(k % if *k < 300 { 10 } else { 2 } == 0)));
///     detector.drift_detected()
/// });
/// assert_eq!(alarm, Some(326));
/// ```
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Ddm {
    params: DdmParams,
    rate: Mean,
    /// The lowest sum of rate and deviation so far, as its two parts.
    best: Option<(f64, f64)>,
    warning: bool,
    detected: bool,
}

impl Ddm {
    /// A detector that has seen nothing.
    pub fn new(params: DdmParams) -> Self {
        Ddm { params, rate: Mean::default(), best: None, warning: false, detected: false }
    }
}

impl DriftDetector for Ddm {
    fn update(&mut self, value: f64) {
        if !value.is_finite() {
            return;
        }
        if self.detected {
            *self = Ddm::new(self.params.clone());
        }
        self.rate.update(value.clamp(0.0, 1.0), 1.0);
        let (rate, n) = (self.rate.get(), self.rate.n());
        // Rounding can bring a rate of ones a hair above 1.
        let deviation = (rate * (1.0 - rate) / n).max(0.0).sqrt();
        if n <= f64::from(self.params.warm_start) {
            return;
        }
        let (best_rate, best_deviation) = match self.best {
            Some((r, d)) if rate + deviation > r + d => (r, d),
            _ => *self.best.insert((rate, deviation)),
        };
        let beyond = |threshold: f64| rate + deviation > best_rate + threshold * best_deviation;
        self.detected = beyond(self.params.drift_threshold);
        self.warning = !self.detected && beyond(self.params.warning_threshold);
    }

    fn drift_detected(&self) -> bool {
        self.detected
    }

    fn warning_detected(&self) -> bool {
        self.warning
    }

    fn clone_fresh(&self) -> Box<dyn DriftDetector> {
        Box::new(Ddm::new(self.params.clone()))
    }

    fn clone_learned(&self) -> Box<dyn DriftDetector> {
        Box::new(self.clone())
    }
}

impl Component for Ddm {
    type Params = DdmParams;
    const NAME: &'static str = "ddm";
    const SUMMARY: &'static str = "drift detection method: the error rate against its best; for errors of 0 and 1";
    const REFERENCE: &'static str = "Gama, Medas, Castillo and Rodrigues, SBIA 2004";

    fn examples() -> Vec<Value> {
        vec![json!(Self::NAME), json!({ Self::NAME: { "warm_start": 5, "drift_threshold": 2.5 } })]
    }

    fn build(params: DdmParams, _on: &ModelBuild<'_>) -> Result<Self, Vec<ParamError>> {
        Ok(Ddm::new(params))
    }
}

impl_snapshot!(Ddm);

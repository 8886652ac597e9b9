//! Hoeffding's inequality on averages.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    impl_snapshot,
    learn::{
        base::DriftDetector,
        catalog::{Component, ModelBuild},
        params::{ParamError, above_to},
        stats::Mean,
    },
};

crate::params! {
    /// Parameters of [`HddmA`].
    pub struct HddmAParams {
        /// Probability of a false alarm.
        drift_confidence: f64 = 0.001, in above_to(0.0, 1.0);
        /// Probability of a false warning.
        warning_confidence: f64 = 0.005, in above_to(0.0, 1.0);
        /// Whether a fall of the error rate raises the alarm too.
        two_sided_test: bool = false;
    }
}

/// HDDM-A: compares the mean of all values with the mean up to the best cut by Hoeffding's inequality, which assumes nothing about the distribution but
/// its bounds. For abrupt changes.
///
/// Values lie between 0 and 1 (errors); others are cut to that range. The update after an alarm starts afresh.
///
/// Reference: I. Frías-Blanco and others, "Online and non-parametric drift detection methods based on Hoeffding's bounds", IEEE Transactions on
/// Knowledge and Data Engineering 27(3), 2015.
///
/// ```
/// use tidemill::learn::{base::DriftDetector, drift::{HddmA, HddmAParams}};
/// let mut detector = HddmA::new(HddmAParams::default());
/// let alarm = (0..1200).find(|k| {
///     detector.update(f64::from(u8::from(k % if *k < 600 { 10 } else { 2 } == 0)));
///     detector.drift_detected()
/// });
/// assert_eq!(alarm, Some(622));
/// ```
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct HddmA {
    params: HddmAParams,
    lowest: Mean,
    highest: Mean,
    all: Mean,
    warning: bool,
    detected: bool,
}

impl HddmA {
    /// A detector that has seen nothing.
    pub fn new(params: HddmAParams) -> Self {
        let empty = Mean::default();
        HddmA { params, lowest: empty, highest: empty, all: empty, warning: false, detected: false }
    }

    fn bound(&self, n: f64) -> f64 {
        (1.0 / (2.0 * n) * libm::log(1.0 / self.params.drift_confidence)).sqrt()
    }

    /// Whether the mean of all lies `sign` times further than chance allows from the mean up to a cut.
    fn moved(&self, cut: &Mean, sign: f64, confidence: f64) -> bool {
        if cut.n() == self.all.n() {
            return false;
        }
        let share = (self.all.n() - cut.n()) / cut.n() * (1.0 / self.all.n());
        sign * (self.all.get() - cut.get()) >= (share / 2.0 * libm::log(2.0 / confidence)).sqrt()
    }
}

impl DriftDetector for HddmA {
    fn update(&mut self, value: f64) {
        if !value.is_finite() {
            return;
        }
        if self.detected {
            *self = HddmA::new(self.params.clone());
        }
        self.all.update(value.clamp(0.0, 1.0), 1.0);
        let here = self.bound(self.all.n());
        if self.lowest.n() == 0.0 || self.lowest.get() + self.bound(self.lowest.n()) >= self.all.get() + here {
            self.lowest = self.all;
        }
        if self.highest.n() == 0.0 || self.highest.get() - self.bound(self.highest.n()) <= self.all.get() - here {
            self.highest = self.all;
        }
        let HddmAParams { drift_confidence, warning_confidence, two_sided_test } = self.params;
        self.detected = self.moved(&self.lowest, 1.0, drift_confidence);
        self.warning = !self.detected && self.moved(&self.lowest, 1.0, warning_confidence);
        if two_sided_test {
            if self.moved(&self.highest, -1.0, drift_confidence) {
                self.detected = true;
            } else if self.moved(&self.highest, -1.0, warning_confidence) {
                self.warning = true;
            }
        }
    }

    fn drift_detected(&self) -> bool {
        self.detected
    }

    fn warning_detected(&self) -> bool {
        self.warning
    }

    fn clone_fresh(&self) -> Box<dyn DriftDetector> {
        Box::new(HddmA::new(self.params.clone()))
    }

    fn clone_learned(&self) -> Box<dyn DriftDetector> {
        Box::new(self.clone())
    }
}

impl Component for HddmA {
    type Params = HddmAParams;
    const NAME: &'static str = "hddm_a";
    const SUMMARY: &'static str = "Hoeffding's bound on the mean of values between 0 and 1, for abrupt changes";
    const REFERENCE: &'static str = "Frías-Blanco and others, IEEE TKDE 27(3), 2015";

    fn examples() -> Vec<Value> {
        vec![
            json!(Self::NAME),
            json!({ Self::NAME: { "two_sided_test": true, "drift_confidence": 0.01, "warning_confidence": 0.05 } }),
        ]
    }

    fn build(params: HddmAParams, _on: &ModelBuild<'_>) -> Result<Self, Vec<ParamError>> {
        Ok(HddmA::new(params))
    }
}

impl_snapshot!(HddmA);

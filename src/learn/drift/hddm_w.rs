//! McDiarmid's inequality on faded means.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    impl_snapshot,
    learn::{
        base::DriftDetector,
        catalog::{Component, ModelBuild},
        params::{ParamError, above_to},
        stats::{EwMean, Univariate},
    },
};

crate::params! {
    /// Parameters of [`HddmW`].
    pub struct HddmWParams {
        /// Probability of a false alarm.
        drift_confidence: f64 = 0.001, in above_to(0.0, 1.0);
        /// Probability of a false warning.
        warning_confidence: f64 = 0.005, in above_to(0.0, 1.0);
        /// Weight of the newest value: the closer to 1, the faster old ones fade.
        lambda: f64 = 0.05, in above_to(0.0, 1.0);
        /// Whether a fall of the error rate raises the alarm too.
        two_sided_test: bool = false;
    }
}

/// HDDM-W: compares faded means before and after the best cut by McDiarmid's inequality. For gradual changes.
///
/// Values lie between 0 and 1 (errors); others are cut to that range. The update after an alarm starts afresh.
///
/// Reference: I. Frías-Blanco and others, "Online and non-parametric drift detection methods based on Hoeffding's bounds", IEEE Transactions on
/// Knowledge and Data Engineering 27(3), 2015.
///
/// ```
/// use tidemill::learn::{base::DriftDetector, drift::{HddmW, HddmWParams}};
/// let mut detector = HddmW::new(HddmWParams::default());
/// let alarm = (0..1200).find(|k| {
///     detector.update(f64::from(u8::from(k % if *k < 600 { 10 } else { 2 } == 0)));
///     detector.drift_detected()
/// });
/// assert_eq!(alarm, Some(636));
/// ```
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct HddmW {
    params: HddmWParams,
    all: Sample,
    rise: Cut,
    fall: Cut,
    warning: bool,
    detected: bool,
}

/// A faded mean, and the sum of the squared weights in it.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Sample {
    mean: EwMean,
    squared_weights: f64,
}

impl Sample {
    fn new(lambda: f64) -> Self {
        Sample { mean: EwMean::new(lambda), squared_weights: 1.0 }
    }

    fn update(&mut self, value: f64, lambda: f64) {
        self.mean.update(value);
        self.squared_weights = lambda * lambda + (1.0 - lambda) * (1.0 - lambda) * self.squared_weights;
    }

    fn mean(&self) -> f64 {
        self.mean.get().unwrap_or(0.0)
    }
}

/// The values up to the best cut, and those since.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Cut {
    /// The bound at the cut; a cut is better where it is lower (or with `sign` -1, higher).
    bound: Option<f64>,
    before: Sample,
    since: Sample,
}

fn mcdiarmid(squared_weights: f64, confidence: f64) -> f64 {
    (squared_weights * libm::log(1.0 / confidence) / 2.0).sqrt()
}

impl Cut {
    fn new(lambda: f64) -> Self {
        Cut { bound: None, before: Sample::new(lambda), since: Sample::new(lambda) }
    }

    /// Takes a value: `sign` is 1.0 to look for a rise of the mean, -1.0 for a fall.
    fn update(&mut self, value: f64, all: &Sample, sign: f64, params: &HddmWParams) {
        let bound = sign * all.mean() + mcdiarmid(all.squared_weights, params.drift_confidence);
        if self.bound.is_none_or(|best| bound < best) {
            *self = Cut { bound: Some(bound), before: all.clone(), since: Sample::new(params.lambda) };
        } else {
            self.since.update(value, params.lambda);
        }
    }

    fn moved(&self, sign: f64, confidence: f64) -> bool {
        let both = self.before.mean.get().is_some() && self.since.mean.get().is_some();
        let weights = self.before.squared_weights + self.since.squared_weights;
        both && sign * (self.since.mean() - self.before.mean()) > mcdiarmid(weights, confidence)
    }
}

impl HddmW {
    /// A detector that has seen nothing.
    pub fn new(params: HddmWParams) -> Self {
        let (all, cut) = (Sample::new(params.lambda), Cut::new(params.lambda));
        HddmW { params, all, rise: cut.clone(), fall: cut, warning: false, detected: false }
    }
}

impl DriftDetector for HddmW {
    fn update(&mut self, value: f64) {
        if !value.is_finite() {
            return;
        }
        if self.detected {
            *self = HddmW::new(self.params.clone());
        }
        let (value, params) = (value.clamp(0.0, 1.0), &self.params);
        self.all.update(value, params.lambda);
        self.rise.update(value, &self.all, 1.0, params);
        self.fall.update(value, &self.all, -1.0, params);
        self.detected = self.rise.moved(1.0, params.drift_confidence);
        self.warning = !self.detected && self.rise.moved(1.0, params.warning_confidence);
        if params.two_sided_test {
            if self.fall.moved(-1.0, params.drift_confidence) {
                self.detected = true;
            } else if self.fall.moved(-1.0, params.warning_confidence) {
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
        Box::new(HddmW::new(self.params.clone()))
    }

    fn clone_learned(&self) -> Box<dyn DriftDetector> {
        Box::new(self.clone())
    }
}

impl Component for HddmW {
    type Params = HddmWParams;
    const NAME: &'static str = "hddm_w";
    const SUMMARY: &'static str = "McDiarmid's bound on faded means of values between 0 and 1, for gradual changes";
    const REFERENCE: &'static str = "Frías-Blanco and others, IEEE TKDE 27(3), 2015";

    fn examples() -> Vec<Value> {
        vec![json!(Self::NAME), json!({ Self::NAME: { "two_sided_test": true, "lambda": 0.2 } })]
    }

    fn build(params: HddmWParams, _on: &ModelBuild<'_>) -> Result<Self, Vec<ParamError>> {
        Ok(HddmW::new(params))
    }
}

impl_snapshot!(HddmW);

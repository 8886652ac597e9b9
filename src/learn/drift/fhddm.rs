//! Hoeffding's inequality on a sliding window.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    impl_snapshot,
    learn::{
        base::DriftDetector,
        catalog::{Component, ModelBuild},
        params::{ParamError, ParamErrorKind, above_to, child},
    },
};

crate::params! {
    /// Parameters of [`Fhddm`].
    pub struct FhddmParams {
        /// How many values the window holds.
        sliding_window_size: usize = 100, in 1..=100_000, unit "values";
        /// Probability of a false alarm.
        confidence_level: f64 = 1e-6, in above_to(0.0, 1.0);
        /// How many of the newest values are watched beside the whole window; "none" watches the window alone.
        short_window_size: Option<usize> = None, in 1..=100_000, unit "values";
    }
}

/// FHDDM: raises the alarm when the share of ones in the window has fallen further below its best than Hoeffding's inequality allows.
///
/// Values are 1 for right and 0 for wrong (the other way round than for DDM), between them for partly right; others are cut to that range. To hear a
/// rise of errors give it 1 less the error. The update after an alarm starts afresh.
///
/// Memory: the window.
///
/// Reference: A. Pesaranghader, H. L. Viktor, "Fast Hoeffding drift detection method for evolving data streams", ECML PKDD 2016.
///
/// ```
/// use tidemill::learn::{base::DriftDetector, drift::{Fhddm, FhddmParams}};
/// let mut detector = Fhddm::new(FhddmParams::default());
/// let alarm = (0..1200).find(|k| {
///     detector.update(f64::from(u8::from(k % if *k < 600 { 10 } else { 2 } != 0)));
///     detector.drift_detected()
/// });
/// assert_eq!(alarm, Some(666));
/// ```
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Fhddm {
    params: FhddmParams,
    window: VecDeque<f64>,
    ones: f64,
    best: f64,
    best_short: f64,
    detected: bool,
}

impl Fhddm {
    /// A detector that has seen nothing.
    pub fn new(params: FhddmParams) -> Self {
        let window = VecDeque::with_capacity(params.sliding_window_size);
        Fhddm { params, window, ones: 0.0, best: 0.0, best_short: 0.0, detected: false }
    }

    /// How far a share over `n` values may fall by chance.
    fn bound(&self, n: usize) -> f64 {
        (libm::log(1.0 / self.params.confidence_level) / (2 * n) as f64).sqrt()
    }
}

impl DriftDetector for Fhddm {
    fn update(&mut self, value: f64) {
        if !value.is_finite() {
            return;
        }
        if self.detected {
            *self = Fhddm::new(self.params.clone());
        }
        let (size, value) = (self.params.sliding_window_size, value.clamp(0.0, 1.0));
        self.window.push_back(value);
        self.ones += value;
        if self.window.len() < size {
            return;
        }
        let share = self.ones / size as f64;
        self.best = self.best.max(share);
        let mut fallen = self.best - share > self.bound(size);
        if let Some(short) = self.params.short_window_size {
            let share = self.window.range(size - short..).sum::<f64>() / short as f64;
            self.best_short = self.best_short.max(share);
            fallen |= self.best_short - share > self.bound(short);
        }
        self.detected = fallen;
        self.ones -= self.window.pop_front().unwrap_or(0.0);
    }

    fn drift_detected(&self) -> bool {
        self.detected
    }

    fn clone_fresh(&self) -> Box<dyn DriftDetector> {
        Box::new(Fhddm::new(self.params.clone()))
    }

    fn clone_learned(&self) -> Box<dyn DriftDetector> {
        Box::new(self.clone())
    }
}

impl Component for Fhddm {
    type Params = FhddmParams;
    const NAME: &'static str = "fhddm";
    const SUMMARY: &'static str = "fast Hoeffding drift detection: the share of right answers in a window against its best";
    const REFERENCE: &'static str = "Pesaranghader and Viktor, ECML PKDD 2016";

    fn examples() -> Vec<Value> {
        vec![
            json!(Self::NAME),
            json!({ Self::NAME: { "sliding_window_size": 40, "confidence_level": 1e-3, "short_window_size": 10 } }),
        ]
    }

    fn build(params: FhddmParams, on: &ModelBuild<'_>) -> Result<Self, Vec<ParamError>> {
        match params.short_window_size {
            Some(short) if short > params.sliding_window_size => {
                let message = format!("{short} is more than sliding_window_size, which is {}", params.sliding_window_size);
                let path = child(on.path, "short_window_size");
                Err(vec![ParamError::new(ParamErrorKind::Conflict, &path, message, "at most sliding_window_size")])
            }
            _ => Ok(Fhddm::new(params)),
        }
    }
}

impl_snapshot!(Fhddm);

//! The Page-Hinkley test.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    impl_snapshot,
    learn::{
        base::DriftDetector,
        catalog::{Component, ModelBuild},
        params::{ParamError, above, above_to},
        stats::Mean,
    },
};

crate::choices! {
    /// Which changes of the mean raise the alarm.
    pub enum Direction {
        /// Increases alone.
        Up = "up",
        /// Decreases alone.
        Down = "down",
        /// Both.
        Both = "both",
    }
}

crate::params! {
    /// Parameters of [`PageHinkley`].
    pub struct PageHinkleyParams {
        /// No alarm before so many values.
        min_instances: u32 = 30, unit "values";
        /// Deviations from the mean up to this one are tolerated, in units of the values.
        delta: f64 = 0.005, in 0.0..;
        /// How far the sum of deviations may be from its extreme, in units of the values; larger means fewer false alarms and later true ones.
        threshold: f64 = 50.0, in above(0.0);
        /// How much of the sum is kept from one value to the next.
        alpha: f64 = 0.9999, in above_to(0.0, 1.0);
        /// Which changes raise the alarm.
        mode: Direction = Direction::Both;
    }
}

/// Page-Hinkley: sums up how far the values are from their running mean, less a tolerance, and raises the alarm when the sum has moved from its extreme
/// by more than the threshold.
///
/// The update after an alarm starts afresh. A value that is not finite, or that the sums cannot take, is refused: nothing changes.
///
/// As in River, the largest sum of the test for decreases starts at -1, so a first drift downwards needs a sum below -1 - threshold.
///
/// Reference: E. S. Page, "Continuous inspection schemes", Biometrika 41, 1954.
///
/// ```
/// use tidemill::learn::{base::DriftDetector, drift::{PageHinkley, PageHinkleyParams}};
/// let mut detector = PageHinkley::new(PageHinkleyParams::default());
/// let alarm = (0..2000).find(|k| {
///     detector.update(if *k < 1000 { 0.5 } else { 5.5 });
///     detector.drift_detected()
/// });
/// assert_eq!(alarm, Some(1010));
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PageHinkley {
    params: PageHinkleyParams,
    mean: Mean,
    increase: f64,
    decrease: f64,
    least_increase: f64,
    largest_decrease: f64,
    detected: bool,
}

impl PageHinkley {
    /// A detector that has seen nothing.
    pub fn new(params: PageHinkleyParams) -> Self {
        PageHinkley {
            params,
            mean: Mean::default(),
            increase: 0.0,
            decrease: 0.0,
            least_increase: f64::MAX,
            largest_decrease: -1.0,
            detected: false,
        }
    }
}

impl DriftDetector for PageHinkley {
    fn update(&mut self, value: f64) {
        if !value.is_finite() {
            return;
        }
        let mut next = if self.detected { PageHinkley::new(self.params.clone()) } else { self.clone() };
        next.mean.update(value, 1.0);
        let (deviation, PageHinkleyParams { alpha, delta, .. }) = (value - next.mean.get(), &next.params);
        next.increase = alpha * next.increase + deviation - delta;
        next.decrease = alpha * next.decrease + deviation + delta;
        if !(next.increase.is_finite() && next.decrease.is_finite()) {
            return;
        }
        next.least_increase = next.least_increase.min(next.increase);
        next.largest_decrease = next.largest_decrease.max(next.decrease);
        if next.mean.n() >= f64::from(next.params.min_instances) {
            let up = next.increase - next.least_increase > next.params.threshold;
            let down = next.largest_decrease - next.decrease > next.params.threshold;
            next.detected = match next.params.mode {
                Direction::Up => up,
                Direction::Down => down,
                Direction::Both => up || down,
            };
        }
        *self = next;
    }

    fn drift_detected(&self) -> bool {
        self.detected
    }

    fn clone_fresh(&self) -> Box<dyn DriftDetector> {
        Box::new(PageHinkley::new(self.params.clone()))
    }

    fn clone_learned(&self) -> Box<dyn DriftDetector> {
        Box::new(self.clone())
    }
}

impl Component for PageHinkley {
    type Params = PageHinkleyParams;
    const NAME: &'static str = "page_hinkley";
    const SUMMARY: &'static str = "Page-Hinkley: the sum of deviations from the mean against a threshold";
    const REFERENCE: &'static str = "Page, Continuous inspection schemes, 1954";

    fn examples() -> Vec<Value> {
        let modes = ["up", "down", "both"].map(|mode| json!({ Self::NAME: { "mode": mode, "threshold": 2.0 } }));
        [json!(Self::NAME)].into_iter().chain(modes).collect()
    }

    fn build(params: PageHinkleyParams, _on: &ModelBuild<'_>) -> Result<Self, Vec<ParamError>> {
        Ok(PageHinkley::new(params))
    }
}

impl_snapshot!(PageHinkley);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_direction_hears_its_own_changes() {
        let alarms = |mode: Direction, to: f64| {
            let mut detector = PageHinkley::new(PageHinkleyParams { mode, ..PageHinkleyParams::default() });
            let values = (0..400).map(|k| if k < 200 { 0.0 } else { to });
            values
                .filter(|value| {
                    detector.update(*value);
                    detector.drift_detected()
                })
                .count()
        };
        assert_eq!([alarms(Direction::Up, 5.0), alarms(Direction::Up, -5.0)], [1, 0]);
        assert_eq!([alarms(Direction::Down, 5.0), alarms(Direction::Down, -5.0)], [0, 1]);
        assert_eq!([alarms(Direction::Both, 5.0), alarms(Direction::Both, -5.0)], [1, 1]);
    }

    #[test]
    fn sums_that_would_overflow_are_refused() {
        let mut detector = PageHinkley::new(PageHinkleyParams::default());
        detector.update(1.0);
        let before = detector.clone();
        detector.update(f64::MAX);
        detector.update(-f64::MAX);
        detector.update(f64::NEG_INFINITY);
        assert!(detector.increase.is_finite() && before != detector);
    }
}

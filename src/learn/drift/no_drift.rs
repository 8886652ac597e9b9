//! The detector that never raises an alarm.

use serde::{Deserialize, Serialize};

use crate::{
    impl_snapshot,
    learn::{
        base::DriftDetector,
        catalog::{Component, ModelBuild},
        params::ParamError,
    },
};

crate::params! {
    /// Parameters of [`NoDrift`]: none.
    pub struct NoDriftParams {}
}

/// Never raises an alarm: turns the detection of a model off that has one. Models that know it skip the work that serves alarms alone.
///
/// Reference: River's `drift.NoDrift`.
///
/// ```
/// use tidemill::learn::{base::DriftDetector, drift::NoDrift};
/// let mut detector = NoDrift;
/// (0..1000).for_each(|k| detector.update(if k < 500 { 0.0 } else { 1e6 }));
/// println!("{}", detector.drift_detected()); // false
/// assert!(!detector.drift_detected());
/// ```
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub struct NoDrift;

impl DriftDetector for NoDrift {
    fn update(&mut self, _value: f64) {}

    fn drift_detected(&self) -> bool {
        false
    }

    fn is_off(&self) -> bool {
        true
    }

    fn clone_fresh(&self) -> Box<dyn DriftDetector> {
        Box::new(NoDrift)
    }

    fn clone_learned(&self) -> Box<dyn DriftDetector> {
        Box::new(NoDrift)
    }
}

impl Component for NoDrift {
    type Params = NoDriftParams;
    const NAME: &'static str = "no_drift";
    const SUMMARY: &'static str = "never raises an alarm";
    const REFERENCE: &'static str = "River's drift.NoDrift";

    fn build(NoDriftParams {}: NoDriftParams, _on: &ModelBuild<'_>) -> Result<Self, Vec<ParamError>> {
        Ok(NoDrift)
    }
}

impl_snapshot!(NoDrift);

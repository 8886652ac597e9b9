//! The line from the first value to the last one, drawn on.

use serde::{Deserialize, Serialize};

use crate::{
    impl_snapshot,
    learn::{
        base::{Forecaster, finite},
        catalog::{Component, ModelBuild},
        dummy::NoParams,
        params::ParamError,
    },
};

/// The drift forecast: the last value plus the mean step so far for every step ahead. On prices the hardest simple baseline beside the naive one.
///
/// Reference: R. J. Hyndman, G. Athanasopoulos, "Forecasting: principles and practice", 3rd edition, 2021, section 5.2.
///
/// ```
/// use tidemill::learn::{base::Forecaster, time_series::DriftForecaster};
/// let mut model = DriftForecaster::default();
/// for y in [10.0, 30.0, 16.0] {
///     model.learn_one(y, &[]);
/// }
/// assert_eq!(model.forecast(2, &[]), [19.0, 22.0]);
/// ```
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct DriftForecaster {
    first_and_last: Option<(f64, f64)>,
    steps: u64,
}

impl Forecaster for DriftForecaster {
    fn learn_one(&mut self, y: f64, _x: &[f64]) {
        if y.is_finite() {
            self.steps += u64::from(self.first_and_last.is_some());
            self.first_and_last = Some((self.first_and_last.map_or(y, |(first, _)| first), y));
        }
    }

    /// Nothing before the first value; the value again after one.
    fn forecast(&mut self, horizon: usize, _xs: &[&[f64]]) -> Vec<f64> {
        let Some((first, last)) = self.first_and_last else {
            return Vec::new();
        };
        let step = finite(last - first) / self.steps.max(1) as f64;
        (1..=horizon).map(|h| finite(last + h as f64 * step)).collect()
    }

    fn clone_fresh(&self) -> Box<dyn Forecaster> {
        Box::new(DriftForecaster::default())
    }
}

impl Component for DriftForecaster {
    type Params = NoParams;
    const NAME: &'static str = "drift";
    const SUMMARY: &'static str = "baseline: the last value and the mean step so far";
    const REFERENCE: &'static str = "Hyndman and Athanasopoulos, Forecasting: principles and practice, 2021, section 5.2";

    fn build(_params: NoParams, _on: &ModelBuild<'_>) -> Result<Self, Vec<ParamError>> {
        Ok(DriftForecaster::default())
    }
}

impl_snapshot!(DriftForecaster);

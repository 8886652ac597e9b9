//! The last value again.

use serde::{Deserialize, Serialize};

use super::NoParams;
use crate::{
    impl_snapshot,
    learn::{
        base::Forecaster,
        catalog::{Component, ModelBuild},
        params::ParamError,
    },
};

/// The naive forecast: every step ahead equals the last learned value. On prices, close to a random walk, it is hard to beat.
///
/// Reference: R. J. Hyndman, G. Athanasopoulos, "Forecasting: principles and practice", 3rd edition, 2021, section 5.2.
///
/// ```
/// use tidemill::learn::{base::Forecaster, dummy::Naive};
/// let mut model = Naive::default();
/// assert!(model.forecast(3, &[]).is_empty());
/// model.learn_one(101.5, &[]);
/// assert_eq!(model.forecast(3, &[]), [101.5, 101.5, 101.5]);
/// ```
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Naive {
    last: Option<f64>,
}

impl Forecaster for Naive {
    fn learn_one(&mut self, y: f64, _x: &[f64]) {
        if y.is_finite() {
            self.last = Some(y);
        }
    }

    fn forecast(&mut self, horizon: usize, _xs: &[&[f64]]) -> Vec<f64> {
        self.last.map(|last| vec![last; horizon]).unwrap_or_default()
    }

    fn clone_fresh(&self) -> Box<dyn Forecaster> {
        Box::new(Naive::default())
    }
}

impl Component for Naive {
    type Params = NoParams;
    const NAME: &'static str = "naive";
    const SUMMARY: &'static str = "baseline: the last value again, for every step ahead";
    const REFERENCE: &'static str = "Hyndman and Athanasopoulos, Forecasting: principles and practice, 2021, section 5.2";

    fn build(_params: NoParams, _on: &ModelBuild<'_>) -> Result<Self, Vec<ParamError>> {
        Ok(Naive::default())
    }
}

impl_snapshot!(Naive);

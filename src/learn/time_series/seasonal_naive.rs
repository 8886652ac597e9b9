//! The value one season ago again.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    impl_snapshot,
    learn::{
        base::Forecaster,
        catalog::{Component, ModelBuild},
        params::ParamError,
    },
};

crate::params! {
    /// Parameters of [`SeasonalNaive`].
    pub struct SeasonalNaiveParams {
        /// The length of a season.
        seasonality: usize = 7, in 1..=100_000, unit "records";
    }
}

/// The seasonal naive forecast: every step ahead equals the value of the same step of the last season. A model of a seasonal series has to beat it.
///
/// Reference: R. J. Hyndman, G. Athanasopoulos, "Forecasting: principles and practice", 3rd edition, 2021, section 5.2.
///
/// ```
/// use tidemill::learn::{base::Forecaster, time_series::{SeasonalNaive, SeasonalNaiveParams}};
/// let mut model = SeasonalNaive::new(SeasonalNaiveParams { seasonality: 3 });
/// for y in [1.0, 2.0, 3.0, 4.0] {
///     model.learn_one(y, &[]);
/// }
/// assert_eq!(model.forecast(4, &[]), [2.0, 3.0, 4.0, 2.0]);
/// ```
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SeasonalNaive {
    params: SeasonalNaiveParams,
    season: VecDeque<f64>,
}

impl SeasonalNaive {
    /// A model that has seen nothing.
    pub fn new(params: SeasonalNaiveParams) -> Self {
        SeasonalNaive { params, season: VecDeque::new() }
    }
}

impl Forecaster for SeasonalNaive {
    fn learn_one(&mut self, y: f64, _x: &[f64]) {
        if y.is_finite() {
            if self.season.len() == self.params.seasonality {
                self.season.pop_front();
            }
            self.season.push_back(y);
        }
    }

    /// Nothing before the first season is complete.
    fn forecast(&mut self, horizon: usize, _xs: &[&[f64]]) -> Vec<f64> {
        if self.season.len() < self.params.seasonality {
            return Vec::new();
        }
        (0..horizon).map(|h| self.season[h % self.season.len()]).collect()
    }

    fn clone_fresh(&self) -> Box<dyn Forecaster> {
        Box::new(SeasonalNaive::new(self.params.clone()))
    }
}

impl Component for SeasonalNaive {
    type Params = SeasonalNaiveParams;
    const NAME: &'static str = "seasonal_naive";
    const SUMMARY: &'static str = "baseline: the value one season ago again";
    const REFERENCE: &'static str = "Hyndman and Athanasopoulos, Forecasting: principles and practice, 2021, section 5.2";

    fn examples() -> Vec<Value> {
        vec![Value::from(Self::NAME), serde_json::json!({ Self::NAME: { "seasonality": 24 } })]
    }

    fn build(params: SeasonalNaiveParams, _on: &ModelBuild<'_>) -> Result<Self, Vec<ParamError>> {
        Ok(SeasonalNaive::new(params))
    }
}

impl_snapshot!(SeasonalNaive);

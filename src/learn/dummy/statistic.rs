//! A statistic of the labels so far.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    impl_snapshot,
    learn::{
        base::Regressor,
        catalog::{Component, ModelBuild},
        params::ParamError,
        stats::{Statistic, StatisticSpec, Univariate},
    },
};

crate::params! {
    /// Parameters of [`StatisticRegressor`].
    pub struct StatisticRegressorParams {
        /// The statistic of the labels that is predicted.
        how: StatisticSpec = StatisticSpec::Mean(Default::default());
        /// What is predicted while the statistic has nothing to say.
        fill_value: f64 = 0.0;
    }
}

/// Predicts a running statistic of the targets, whatever the features: a moving average, a median, a faded mean.
///
/// Reference: River's `dummy.StatisticRegressor`.
///
/// ```
/// use serde_json::json;
/// use tidemill::learn::{base::{Regressor, Schema}, catalog::Catalog};
///
/// let spec = json!({ "statistic": { "how": { "rolling_quantile": { "q": 0.5, "window_size": 3 } } } });
/// let mut model = Catalog::standard().regressor(&spec, &[], &Schema::default(), 7).unwrap();
/// for y in [10.0, 90.0, 12.0, 13.0] {
///     model.learn_one(&[], y);
/// }
/// assert_eq!(model.predict_one(&[]), 13.0);
/// ```
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct StatisticRegressor {
    params: StatisticRegressorParams,
    statistic: Statistic,
}

impl StatisticRegressor {
    /// A model that has seen nothing.
    pub fn new(params: StatisticRegressorParams) -> Self {
        StatisticRegressor { statistic: params.how.build(), params }
    }
}

impl Regressor for StatisticRegressor {
    fn predict_one(&mut self, _x: &[f64]) -> f64 {
        self.statistic.get().unwrap_or(self.params.fill_value)
    }

    fn learn_one(&mut self, _x: &[f64], y: f64) {
        self.statistic.update(y);
    }

    fn clone_fresh(&self) -> Box<dyn Regressor> {
        Box::new(StatisticRegressor::new(self.params.clone()))
    }

    fn clone_learned(&self) -> Box<dyn Regressor> {
        Box::new(self.clone())
    }
}

impl Component for StatisticRegressor {
    type Params = StatisticRegressorParams;
    const NAME: &'static str = "statistic";
    const SUMMARY: &'static str = "baseline: a running statistic of the targets";
    const REFERENCE: &'static str = "River, dummy.StatisticRegressor";

    fn examples() -> Vec<Value> {
        ["ew_mean", "rolling_quantile", "quantile"].map(|how| json!({ Self::NAME: { "how": how } })).into()
    }

    fn build(params: StatisticRegressorParams, _on: &ModelBuild<'_>) -> Result<Self, Vec<ParamError>> {
        Ok(StatisticRegressor::new(params))
    }
}

impl_snapshot!(StatisticRegressor);

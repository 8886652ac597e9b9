//! The mean of the labels so far.

use serde::{Deserialize, Serialize};

use super::NoParams;
use crate::{
    impl_snapshot,
    learn::{
        base::Regressor,
        catalog::{Component, ModelBuild},
        params::ParamError,
        stats::Mean,
    },
};

/// Predicts the running mean of the targets, whatever the features.
///
/// Reference: River's `dummy.StatisticRegressor(stats.Mean())`.
///
/// ```
/// use tidemill::learn::{base::Regressor, dummy::MeanRegressor};
/// let mut model = MeanRegressor::default();
/// assert_eq!(model.predict_one(&[]), 0.0);
/// model.learn_one(&[], 10.0);
/// model.learn_one(&[], 13.0);
/// assert_eq!(model.predict_one(&[]), 11.5);
/// ```
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct MeanRegressor {
    mean: Mean,
}

impl Regressor for MeanRegressor {
    fn predict_one(&mut self, _x: &[f64]) -> f64 {
        self.mean.get()
    }

    fn learn_one(&mut self, x: &[f64], y: f64) {
        self.learn_weighted(x, y, 1.0);
    }

    fn learn_weighted(&mut self, _x: &[f64], y: f64, weight: f64) {
        if y.is_finite() && weight > 0.0 {
            self.mean.update(y, weight);
        }
    }

    fn clone_fresh(&self) -> Box<dyn Regressor> {
        Box::new(MeanRegressor::default())
    }

    fn clone_learned(&self) -> Box<dyn Regressor> {
        Box::new(self.clone())
    }
}

impl Component for MeanRegressor {
    type Params = NoParams;
    const NAME: &'static str = "mean";
    const SUMMARY: &'static str = "baseline: the running mean of the targets";
    const REFERENCE: &'static str = "River, dummy.StatisticRegressor(stats.Mean())";

    fn build(_params: NoParams, _on: &ModelBuild<'_>) -> Result<Self, Vec<ParamError>> {
        Ok(MeanRegressor::default())
    }
}

impl_snapshot!(MeanRegressor);

//! An earlier label again.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    impl_snapshot,
    learn::{
        base::Regressor,
        catalog::{Component, ModelBuild},
        params::ParamError,
        stats::Shift,
    },
};

crate::params! {
    /// Parameters of [`ShiftRegressor`].
    pub struct ShiftRegressorParams {
        /// How many labels before the last one; 0 predicts the last label.
        amount: usize = 0, in 0..=100_000, unit "records";
        /// What is predicted until there are enough labels.
        fill_value: f64 = 0.0;
    }
}

/// Predicts the label `amount` records before the last learned one, whatever the features.
///
/// Reference: River's `dummy.StatisticRegressor(stats.Shift(amount))`.
///
/// ```
/// use tidemill::learn::{base::Regressor, dummy::{ShiftRegressor, ShiftRegressorParams}};
/// let mut model = ShiftRegressor::new(ShiftRegressorParams { amount: 1, fill_value: 0.0 });
/// for y in [1.0, 2.0, 3.0] {
///     model.learn_one(&[], y);
/// }
/// assert_eq!(model.predict_one(&[]), 2.0);
/// ```
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ShiftRegressor {
    params: ShiftRegressorParams,
    shift: Shift,
}

impl ShiftRegressor {
    /// A model that looks `params.amount` labels back.
    pub fn new(params: ShiftRegressorParams) -> Self {
        ShiftRegressor { shift: Shift::new(params.amount), params }
    }
}

impl Regressor for ShiftRegressor {
    fn predict_one(&mut self, _x: &[f64]) -> f64 {
        self.shift.get().unwrap_or(self.params.fill_value)
    }

    fn learn_one(&mut self, _x: &[f64], y: f64) {
        if y.is_finite() {
            self.shift.update(y);
        }
    }

    fn clone_fresh(&self) -> Box<dyn Regressor> {
        Box::new(ShiftRegressor::new(self.params.clone()))
    }

    fn clone_learned(&self) -> Box<dyn Regressor> {
        Box::new(self.clone())
    }
}

impl Component for ShiftRegressor {
    type Params = ShiftRegressorParams;
    const NAME: &'static str = "shift";
    const SUMMARY: &'static str = "baseline: an earlier label again";
    const REFERENCE: &'static str = "River, dummy.StatisticRegressor(stats.Shift(amount))";

    fn examples() -> Vec<Value> {
        [0, 3].map(|amount| json!({ Self::NAME: { "amount": amount } })).into()
    }

    fn build(params: ShiftRegressorParams, _on: &ModelBuild<'_>) -> Result<Self, Vec<ParamError>> {
        Ok(ShiftRegressor::new(params))
    }
}

impl_snapshot!(ShiftRegressor);

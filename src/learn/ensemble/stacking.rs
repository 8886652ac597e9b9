//! A regressor that learns what other regressors' predictions are worth.

use serde_json::{Value, json};

use crate::{
    learn::{
        base::{Regressor, Schema},
        catalog::{Component, ModelBuild},
        compose::Members,
        params::{ParamError, child},
    },
    snapshot::{Snapshot, SnapshotError},
};

crate::params! {
    /// Parameters of [`StackingRegressor`].
    pub struct StackingRegressorParams {
        required {
            /// The models whose predictions are combined, at least one; each a name or an object with the name as its only key.
            models: Vec<Value>;
        }
        /// The regressor that combines them: a name or an object with the name as its only key. Its features are the predictions, `model_0`,
        /// `model_1` and so on.
        final_model: Value = json!({ "pipeline": { "steps": ["standard_scaler", "linear_regression"] } });
        /// Whether the final model is given the features as well, after the predictions.
        include_features: bool = false;
    }
}

/// Several models, and a final model that predicts from their predictions.
///
/// A record is first predicted by the models; the final model learns the truth from these predictions, and only then do the models learn the record.
/// So it learns from predictions of records that the models had not seen.
///
/// Reference: D. H. Wolpert, "Stacked generalization", Neural Networks 5(2), 1992; L. Breiman, "Stacked regressions", Machine Learning 24, 1996.
///
/// ```
/// use serde_json::json;
/// use tidemill::learn::{base::{Regressor, Schema}, catalog::Catalog};
///
/// // The mean of all values lags a rising series; two lags together tell where it goes.
/// let spec = json!({ "stacking_regressor": {
///     "models": ["shift", { "shift": { "amount": 1 } }],
///     "final_model": { "pa_regressor": { "c": 0.1, "eps": 0.01 } },
/// } });
/// let mut model = Catalog::standard().regressor(&spec, &[], &Schema::default(), 7).unwrap();
/// for k in 0..500 {
///     model.learn_one(&[], f64::from(k) / 10.0);
/// }
/// assert_eq!(format!("{:.2}", model.predict_one(&[])), "49.99"); // the truth would be 50
/// ```
pub struct StackingRegressor {
    params: StackingRegressorParams,
    models: Members,
    last: Box<dyn Regressor>,
    stacked: Vec<f64>,
}

impl StackingRegressor {
    fn new(params: StackingRegressorParams, models: Members, last: Box<dyn Regressor>) -> Self {
        StackingRegressor { params, models, last, stacked: Vec::new() }
    }

    /// What the final model is given for `x`.
    fn stack(&mut self, x: &[f64]) {
        self.models.predict(x, &mut self.stacked);
        if self.params.include_features {
            self.stacked.extend_from_slice(x);
        }
    }
}

impl Regressor for StackingRegressor {
    fn predict_one(&mut self, x: &[f64]) -> f64 {
        self.stack(x);
        self.last.predict_one(&self.stacked)
    }

    fn learn_one(&mut self, x: &[f64], y: f64) {
        if y.is_finite() {
            self.stack(x);
            self.last.learn_one(&self.stacked, y);
            self.models.iter_mut().for_each(|model| model.learn_one(x, y));
        }
    }

    fn learn_weighted(&mut self, x: &[f64], y: f64, weight: f64) {
        if y.is_finite() && weight > 0.0 {
            self.stack(x);
            self.last.learn_weighted(&self.stacked, y, weight);
            self.models.iter_mut().for_each(|model| model.learn_weighted(x, y, weight));
        }
    }

    fn counters(&self, report: &mut dyn FnMut(&'static str, u64)) {
        self.models.counters(report);
        self.last.counters(report);
    }

    fn clone_fresh(&self) -> Box<dyn Regressor> {
        Box::new(StackingRegressor::new(self.params.clone(), self.models.fresh(), self.last.clone_fresh()))
    }

    fn clone_learned(&self) -> Box<dyn Regressor> {
        Box::new(StackingRegressor::new(self.params.clone(), self.models.learned(), self.last.clone_learned()))
    }
}

impl Snapshot for StackingRegressor {
    fn save(&self, out: &mut Vec<u8>) -> Result<(), SnapshotError> {
        self.models.save_with(&[&*self.last], out)
    }

    fn load(&mut self, bytes: &[u8]) -> Result<(), SnapshotError> {
        self.models.load_with(vec![&mut *self.last], bytes)
    }
}

impl Component for StackingRegressor {
    type Params = StackingRegressorParams;
    const NAME: &'static str = "stacking_regressor";
    const SUMMARY: &'static str = "a regressor that learns from the predictions of several models";
    const REFERENCE: &'static str = "Wolpert, Stacked generalization, Neural Networks 5(2), 1992";

    fn examples() -> Vec<Value> {
        let models = ["linear_regression", "pa_regressor"].map(|m| json!({ "pipeline": { "steps": ["standard_scaler", m] } }));
        vec![json!({ Self::NAME: { "models": models } }), json!({ Self::NAME: { "models": models, "include_features": true } })]
    }

    fn build(params: StackingRegressorParams, on: &ModelBuild<'_>) -> Result<Self, Vec<ParamError>> {
        let names = (0..params.models.len()).map(|k| format!("model_{k}"));
        let features = on.schema.names().iter().filter(|_| params.include_features).cloned();
        let schema = Schema::new(names.chain(features));
        let last = on.catalog.regressor(&params.final_model, &child(on.path, "final_model"), &schema, on.seed);
        match (Members::build(&params.models, "models", 1, on), last) {
            (Ok(models), Ok(last)) => Ok(StackingRegressor::new(params, models, last)),
            (models, last) => Err(models.err().into_iter().chain(last.err()).flatten().collect()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::learn::catalog::Catalog;

    /// Root mean squared error over the last half of a line with a bend that neither model alone can follow.
    fn error_of(spec: &Value) -> f64 {
        let mut model = Catalog::standard().regressor(spec, &[], &Schema::new(["a", "b"]), 1).unwrap();
        let (mut squares, mut count) = (0.0, 0.0);
        for k in 0..2_000_u32 {
            let (a, b) = (f64::from(k * 7 % 11) / 5.0 - 1.0, f64::from(k * 5 % 13) / 6.0 - 1.0);
            let y = 3.0 * a - 2.0 * b + 10.0;
            if k >= 1_000 {
                let error = model.predict_one(&[a, b]) - y;
                squares += error * error;
                count += 1.0;
            }
            model.learn_one(&[a, b], y);
        }
        (squares / count).sqrt()
    }

    #[test]
    fn stacking_is_better_than_the_best_of_its_models() {
        let models = json!(["mean", { "linear_regression": { "optimizer": { "sgd": { "learning_rate": 0.0003 } }, "intercept_lr": 0.01 } }]);
        let stack = error_of(&json!({ "stacking_regressor": { "models": models, "include_features": true } }));
        let alone = [&models[0], &models[1]].map(error_of);
        assert!(stack < 0.5 * alone[0].min(alone[1]), "{stack} against {alone:?}");
    }

    #[test]
    fn mistakes_in_the_models_and_in_the_final_model_are_all_told() {
        let spec = json!({ "stacking_regressor": { "models": ["mean", "meen"], "final_model": "linear_regresion" } });
        let errors = Catalog::standard().regressor(&spec, &[], &Schema::default(), 1).err().unwrap();
        let paths: Vec<String> = errors.iter().map(|e| e.path.join(".")).collect();
        assert_eq!(paths, ["stacking_regressor.models.1", "stacking_regressor.final_model"]);
    }
}

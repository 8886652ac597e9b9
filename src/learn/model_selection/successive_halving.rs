//! Fewer and fewer models, each trained for longer, within a budget of updates.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Judges;
use crate::{
    impl_snapshot,
    learn::{
        base::Regressor,
        catalog::{Component, ModelBuild},
        compose::Members,
        metrics::MetricName,
        params::{ParamError, ParamErrorKind, above, child},
    },
    snapshot::{Snapshot, SnapshotError},
};

crate::params! {
    /// Parameters of [`SuccessiveHalvingRegressor`].
    pub struct SuccessiveHalvingRegressorParams {
        required {
            /// The models to choose from, at least two; each a name or an object with the name as its only key.
            models: Vec<Value>;
            /// How many updates of models may be spent until one is left; every round gets the same part.
            budget: u64, in 1.., unit "updates";
        }
        /// By what the models are compared.
        metric: MetricName = MetricName::Mae;
        /// Of how many models one is kept after each round.
        eta: f64 = 2.0, in above(1.0);
        /// Repeat River's count of records, which is not set back between rounds: later rounds are shorter and part of the budget is not spent.
        river_compat: bool = false;
    }
}

/// Trains all its models for a while, drops the worse half (`1 - 1/eta`), trains the others for longer, and so on until one is left.
///
/// With `n` models there are `ceil(log_eta(n))` rounds, and each may take `budget / rounds` updates of models. The prediction is that of the best
/// model so far. Dropped models are forgotten; the last one goes on learning.
///
/// Reference: K. Jamieson, A. Talwalkar, "Non-stochastic best arm identification and hyperparameter optimization", AISTATS 2016; River's
/// `model_selection.SuccessiveHalvingRegressor`.
///
/// ```
/// use serde_json::json;
/// use tidemill::learn::{base::{Regressor, Schema}, catalog::Catalog};
///
/// let spec = json!({ "successive_halving_regressor": { "models": ["mean", "shift", { "shift": { "amount": 5 } }], "budget": 24 } });
/// let mut model = Catalog::standard().regressor(&spec, &[], &Schema::default(), 7).unwrap();
/// for close in 0..20 {
///     model.learn_one(&[], 100.0 + f64::from(close));
/// }
/// // Two rounds of 12 updates: 4 records for three models, 6 for two.
/// assert_eq!(model.predict_one(&[]), 119.0);
/// ```
pub struct SuccessiveHalvingRegressor {
    params: SuccessiveHalvingRegressorParams,
    models: Members,
    judges: Judges,
    state: State,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct State {
    /// The models still in the race.
    left: Vec<usize>,
    best: usize,
    /// How long this round is, in records.
    round: u64,
    /// Records since the round began; since the start under `river_compat`.
    records: u64,
}

impl_snapshot!(State);

impl SuccessiveHalvingRegressor {
    fn new(params: SuccessiveHalvingRegressorParams, models: Members) -> Self {
        let state = State { left: (0..models.len()).collect(), best: 0, round: round(&params, models.len()), records: 0 };
        let judges = Judges::new(params.metric, None, models.len());
        SuccessiveHalvingRegressor { params, models, judges, state }
    }

    fn learn(&mut self, x: &[f64], y: f64, learn: impl Fn(&mut dyn Regressor)) {
        for k in &self.state.left {
            let prediction = self.models.at(*k).predict_one(x);
            self.judges.update(*k, y, prediction);
            learn(self.models.at(*k));
            if self.judges.better(*k, self.state.best) {
                self.state.best = *k;
            }
        }
        self.state.records = self.state.records.saturating_add(1);
        if self.state.left.len() > 1 && self.state.records == self.state.round {
            self.halve();
        }
    }

    fn halve(&mut self) {
        let (judges, left) = (&self.judges, &mut self.state.left);
        let order = |a: &usize, b: &usize| judges.get(*a).total_cmp(&judges.get(*b));
        if judges.bigger_is_better() {
            left.sort_by(|a, b| order(b, a));
        } else {
            left.sort_by(order);
        }
        let keep = ((left.len() as f64 / self.params.eta).ceil() as usize).clamp(1, left.len() - 1);
        let dropped = left.split_off(keep);
        self.state.round = round(&self.params, self.state.left.len());
        if !self.params.river_compat {
            dropped.iter().for_each(|k| self.models.forget(*k));
            // The best is among those kept, unless it is equal to one of them and stood behind it.
            self.state.best = if dropped.contains(&self.state.best) { self.state.left[0] } else { self.state.best };
            self.state.records = 0;
        }
    }
}

/// How many rounds a race of all models has.
fn rounds(models: usize, eta: f64, river_compat: bool) -> u64 {
    if river_compat {
        return (libm::log(models as f64) / libm::log(eta)).ceil() as u64;
    }
    let (mut left, mut rounds) = (models, 0);
    while left > 1 {
        left = ((left as f64 / eta).ceil() as usize).clamp(1, left - 1);
        rounds += 1;
    }
    rounds
}

/// How many records a round takes in which `left` models take part.
fn round(params: &SuccessiveHalvingRegressorParams, left: usize) -> u64 {
    params.budget / (left as u64 * rounds(params.models.len(), params.eta, params.river_compat)).max(1)
}

impl Regressor for SuccessiveHalvingRegressor {
    fn predict_one(&mut self, x: &[f64]) -> f64 {
        let best = self.state.best;
        self.models.at(best).predict_one(x)
    }

    fn learn_one(&mut self, x: &[f64], y: f64) {
        if y.is_finite() {
            self.learn(x, y, |model| model.learn_one(x, y));
        }
    }

    fn learn_weighted(&mut self, x: &[f64], y: f64, weight: f64) {
        if y.is_finite() && weight > 0.0 {
            self.learn(x, y, |model| model.learn_weighted(x, y, weight));
        }
    }

    fn counters(&self, report: &mut dyn FnMut(&'static str, u64)) {
        self.models.counters(report);
    }

    fn clone_fresh(&self) -> Box<dyn Regressor> {
        Box::new(SuccessiveHalvingRegressor::new(self.params.clone(), self.models.fresh()))
    }

    fn clone_learned(&self) -> Box<dyn Regressor> {
        let (params, state) = (self.params.clone(), self.state.clone());
        Box::new(SuccessiveHalvingRegressor { params, models: self.models.learned(), judges: self.judges.learned(), state })
    }
}

impl Snapshot for SuccessiveHalvingRegressor {
    fn save(&self, out: &mut Vec<u8>) -> Result<(), SnapshotError> {
        let mut own: Vec<&dyn Snapshot> = vec![&self.state];
        own.extend(self.judges.parts());
        self.models.save_with(&own, out)
    }

    fn load(&mut self, bytes: &[u8]) -> Result<(), SnapshotError> {
        let (before, count) = (self.state.clone(), self.models.len());
        let mut own: Vec<&mut dyn Snapshot> = vec![&mut self.state];
        own.extend(self.judges.parts_mut());
        self.models.load_with(own, bytes)?;
        if self.state.best >= count || self.state.left.is_empty() || self.state.left.iter().any(|k| *k >= count) {
            self.state = before;
            return Err(SnapshotError::Decode(format!("the race is not one of {count} models")));
        }
        Ok(())
    }
}

impl Component for SuccessiveHalvingRegressor {
    type Params = SuccessiveHalvingRegressorParams;
    const NAME: &'static str = "successive_halving_regressor";
    const SUMMARY: &'static str = "trains several models and drops the worse ones round by round within a budget of updates";
    const REFERENCE: &'static str =
        "Jamieson and Talwalkar, Non-stochastic best arm identification and hyperparameter optimization, AISTATS 2016";

    fn examples() -> Vec<Value> {
        let models = ["linear_regression", "pa_regressor"].map(|m| json!({ "pipeline": { "steps": ["standard_scaler", m] } }));
        let [a, b] = models;
        vec![
            json!({ Self::NAME: { "models": [a, b, "mean", "knn_regressor"], "budget": 400 } }),
            json!({ Self::NAME: { "models": [a, b, "mean"], "budget": 300, "metric": "r2", "river_compat": true } }),
        ]
    }

    fn build(params: SuccessiveHalvingRegressorParams, on: &ModelBuild<'_>) -> Result<Self, Vec<ParamError>> {
        let models = Members::build(&params.models, "models", 2, on)?;
        let least = models.len() as u64 * rounds(models.len(), params.eta, params.river_compat);
        if params.budget < least {
            let found = format!("{} updates are too few for {} models", params.budget, models.len());
            let error = ParamError::new(ParamErrorKind::Conflict, &child(on.path, "budget"), found, format!("at least {least}"));
            return Err(vec![error.suggest("raise the budget, or list fewer models")]);
        }
        Ok(SuccessiveHalvingRegressor::new(params, models))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::learn::{base::Schema, catalog::Catalog, params::Params};

    /// Eight models of which the number `k` predicts the value of `k` records before.
    fn race(river_compat: bool) -> SuccessiveHalvingRegressor {
        let models: Vec<Value> = [3, 1, 7, 0, 5, 2, 6, 4].iter().map(|k| json!({ "shift": { "amount": k } })).collect();
        let params = json!({ "models": models, "budget": 240, "river_compat": river_compat });
        let (catalog, schema) = (Catalog::standard(), Schema::default());
        let on = ModelBuild { params: &params, path: &[], schema: &schema, seed: 1, catalog: &catalog };
        SuccessiveHalvingRegressor::build(SuccessiveHalvingRegressorParams::read(&params, &[]).unwrap(), &on).unwrap()
    }

    /// After how many records each round ended.
    fn ends(model: &mut SuccessiveHalvingRegressor) -> Vec<(u32, usize)> {
        let mut ends = Vec::new();
        for k in 1..=100_u32 {
            let before = model.state.left.len();
            model.learn_one(&[], f64::from(k));
            if model.state.left.len() < before {
                ends.push((k, model.state.left.len()));
            }
        }
        ends
    }

    #[test]
    fn each_round_spends_its_part_of_the_budget_and_the_best_is_left() {
        let mut model = race(false);
        // 240 updates in three rounds of 80: 10 records for eight models, 20 for four, 40 for two.
        assert_eq!(ends(&mut model), [(10, 4), (30, 2), (70, 1)]);
        assert_eq!(model.predict_one(&[]), 100.0);
        assert_eq!(model.state.left, [3]);
    }

    #[test]
    fn river_does_not_set_its_count_back() {
        assert_eq!(ends(&mut race(true)), [(10, 4), (20, 2), (40, 1)]);
    }

    #[test]
    fn a_budget_too_small_for_one_record_a_round_is_refused() {
        let spec = json!({ "successive_halving_regressor": { "models": ["mean", "shift"], "budget": 1 } });
        let errors = Catalog::standard().regressor(&spec, &[], &Schema::default(), 1).err().unwrap();
        assert_eq!(errors[0].path, ["successive_halving_regressor", "budget"]);
        assert!(errors[0].to_string().contains("expected at least 2"), "{}", errors[0]);
    }
}

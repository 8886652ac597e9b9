//! Models as the arms of a bandit: only one of them is trained on a record.

use serde_json::{Value, json};

use super::{Arms, EpsilonGreedyParams, Exp3Params, Judges, Policy, ThompsonParams, UcbParams};
use crate::{
    learn::{
        base::Regressor,
        catalog::{Component, ModelBuild},
        compose::Members,
        metrics::MetricName,
        params::{ParamError, ParamErrorKind, ParamValue, child},
    },
    snapshot::{Snapshot, SnapshotError},
};

crate::params! {
    /// Parameters of [`BanditRegressor`].
    pub struct BanditRegressorParams {
        required {
            /// The models to choose from, at least two; each a name or an object with the name as its only key.
            models: Vec<Value>;
        }
        /// By what the models are compared: the best predicts.
        metric: MetricName = MetricName::Mae;
        /// How it is decided which model is trained on a record.
        policy: Policy = Policy::default();
        /// How often every model is trained before the policy decides; until then all are trained on every record.
        burn_in: u64 = 100, unit "records";
        /// The seed of the policy's random numbers; "none" takes the one the model is built with.
        seed: Option<u64> = None;
        /// Repeat River's defect: the model with the *largest* metric is taken for the best, so that by an error metric the worst model predicts.
        /// Only for the policies epsilon_greedy and ucb; River's others cannot choose models.
        river_compat: bool = false;
    }
}

/// Trains one of its models on each record, chosen by a bandit's policy, and predicts with the best so far.
///
/// For policies that weigh rewards, the reward of a prediction that is off by `e` is `s / (s + |e|)`, where `s` is the mean size of all errors so
/// far: 1/2 for an ordinary error, 1 for none, whatever the units of the target. Random numbers are drawn when learning, never when asked.
///
/// Reference: P. Auer, N. Cesa-Bianchi, P. Fischer, "Finite-time analysis of the multiarmed bandit problem", Machine Learning 47, 2002; P. Auer et al.,
/// "The nonstochastic multiarmed bandit problem", SIAM J. Computing 32(1), 2002; S. Agrawal, N. Goyal, "Further optimal regret bounds for Thompson
/// sampling", AISTATS 2013; River's `model_selection.BanditRegressor`.
///
/// ```
/// use serde_json::json;
/// use tidemill::learn::{base::{Regressor, Schema}, catalog::Catalog};
///
/// let models = json!(["mean", "shift", { "shift": { "amount": 10 } }]);
/// for policy in ["epsilon_greedy", "ucb", "exp3", "thompson_sampling"] {
///     let spec = json!({ "bandit_regressor": { "models": models, "policy": policy, "burn_in": 20 } });
///     let mut model = Catalog::standard().regressor(&spec, &[], &Schema::default(), 7).unwrap();
///     for k in 0..25 {
///         model.learn_one(&[], 100.0 + f64::from(k));
///     }
///     let last = model.predict_one(&[]);
///     assert!((120.0..=124.0).contains(&last), "{policy}: {last}"); // the last value that this model was trained on
/// }
/// ```
pub struct BanditRegressor {
    params: BanditRegressorParams,
    models: Members,
    judges: Judges,
    arms: Arms,
    seed: u64,
}

impl BanditRegressor {
    fn new(params: BanditRegressorParams, models: Members, seed: u64) -> Self {
        let (judges, arms) = (Judges::new(params.metric, None, models.len()), Arms::new(models.len(), seed));
        BanditRegressor { params, models, judges, arms, seed }
    }

    fn learn(&mut self, x: &[f64], y: f64, learn: impl Fn(&mut dyn Regressor)) {
        let burning: Vec<usize> = (0..self.arms.len()).filter(|k| self.arms.count(*k) < self.params.burn_in).collect();
        let pulled = match burning.as_slice() {
            [] => vec![self.arms.pull(&self.params.policy, &self.judges, self.params.river_compat)],
            _ => burning,
        };
        for k in pulled {
            let prediction = self.models.at(k).predict_one(x);
            self.judges.update(k, y, prediction);
            self.arms.update(&self.params.policy, k, (y - prediction).abs().min(f64::MAX));
            learn(self.models.at(k));
        }
    }
}

impl Regressor for BanditRegressor {
    fn predict_one(&mut self, x: &[f64]) -> f64 {
        let best = self.arms.best(&self.judges, self.params.river_compat);
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
        Box::new(BanditRegressor::new(self.params.clone(), self.models.fresh(), self.seed))
    }

    fn clone_learned(&self) -> Box<dyn Regressor> {
        let (models, judges) = (self.models.learned(), self.judges.learned());
        Box::new(BanditRegressor { params: self.params.clone(), models, judges, arms: self.arms.clone(), seed: self.seed })
    }
}

impl Snapshot for BanditRegressor {
    fn save(&self, out: &mut Vec<u8>) -> Result<(), SnapshotError> {
        let mut own: Vec<&dyn Snapshot> = vec![&self.arms];
        own.extend(self.judges.parts());
        self.models.save_with(&own, out)
    }

    fn load(&mut self, bytes: &[u8]) -> Result<(), SnapshotError> {
        let before = self.arms.clone();
        let mut own: Vec<&mut dyn Snapshot> = vec![&mut self.arms];
        own.extend(self.judges.parts_mut());
        self.models.load_with(own, bytes)?;
        if !self.arms.fits(&before) {
            self.arms = before;
            return Err(SnapshotError::Decode("these are arms of other models".to_owned()));
        }
        Ok(())
    }
}

impl Component for BanditRegressor {
    type Params = BanditRegressorParams;
    const NAME: &'static str = "bandit_regressor";
    const SUMMARY: &'static str = "trains one of several models on each record, chosen by a bandit, and predicts with the best";
    const REFERENCE: &'static str =
        "Auer, Cesa-Bianchi and Fischer, Finite-time analysis of the multiarmed bandit problem, Machine Learning 47, 2002";

    fn examples() -> Vec<Value> {
        let models = ["linear_regression", "pa_regressor"].map(|m| json!({ "pipeline": { "steps": ["standard_scaler", m] } }));
        let policies = [
            Policy::EpsilonGreedy(EpsilonGreedyParams::default()),
            Policy::Ucb(UcbParams::default()),
            Policy::Exp3(Exp3Params::default()),
            Policy::ThompsonSampling(ThompsonParams {}),
        ];
        let spec = |p: Policy| json!({ Self::NAME: { "models": models, "policy": p.to_value(), "burn_in": 20 } });
        policies.map(spec).into()
    }

    fn build(params: BanditRegressorParams, on: &ModelBuild<'_>) -> Result<Self, Vec<ParamError>> {
        if params.river_compat && matches!(params.policy, Policy::Exp3(_) | Policy::ThompsonSampling(_)) {
            let message = "River cannot choose models by this policy";
            let expected = "epsilon_greedy or ucb, or no river_compat";
            return Err(vec![ParamError::new(ParamErrorKind::Conflict, &child(on.path, "policy"), message, expected)]);
        }
        let models = Members::build(&params.models, "models", 2, on)?;
        let seed = params.seed.unwrap_or(on.seed);
        Ok(BanditRegressor::new(params, models, seed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::learn::{base::Schema, catalog::Catalog, params::Params};

    fn bandit(more: Value) -> BanditRegressor {
        let mut params =
            json!({ "models": [{ "shift": { "amount": 20 } }, "mean", "shift", { "shift": { "amount": 5 } }], "burn_in": 30 });
        params.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let (catalog, schema) = (Catalog::standard(), Schema::default());
        let on = ModelBuild { params: &params, path: &[], schema: &schema, seed: 11, catalog: &catalog };
        BanditRegressor::build(BanditRegressorParams::read(&params, &[]).unwrap(), &on).unwrap()
    }

    /// Which model is the best after a slow wave, and how often each was trained.
    fn run(mut model: BanditRegressor) -> (usize, Vec<u64>) {
        for k in 0..3_000_u32 {
            let t = f64::from(k % 200) - 100.0;
            model.learn_one(&[], 1_000.0 + t * t / 100.0);
        }
        let counts = (0..4).map(|k| model.arms.count(k)).collect();
        (model.arms.best(&model.judges, model.params.river_compat), counts)
    }

    #[test]
    fn every_policy_trains_the_best_model_most_and_predicts_with_it() {
        for policy in ["epsilon_greedy", "ucb", "exp3", "thompson_sampling"] {
            let (best, counts) = run(bandit(json!({ "policy": policy })));
            assert_eq!(best, 2, "{policy}: {counts:?}");
            assert!(counts.iter().all(|n| *n <= counts[2]), "{policy}: {counts:?}");
            assert!(counts[2] > 1_200, "{policy}: {counts:?}");
        }
    }

    #[test]
    fn under_river_compat_the_worst_model_predicts() {
        let (best, counts) = run(bandit(json!({ "river_compat": true })));
        assert_eq!(best, 0, "{counts:?}");
    }

    #[test]
    fn the_seed_decides_and_nothing_else() {
        let counts = |seed: u64| run(bandit(json!({ "policy": "exp3", "seed": seed }))).1;
        assert_eq!(counts(1), counts(1));
        assert_ne!(counts(1), counts(2));
    }
}

//! Adaptive model rules.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::rule::{PredictionType, Rule, Setting};
use crate::{
    learn::{
        arithmetic::Arithmetic,
        base::{Regressor, finite},
        catalog::{Component, ModelBuild},
        params::{ParamError, above_to, child},
        tree::{SplitterKind, SplitterSpec, TebstParams, Work},
    },
    snapshot::{Snapshot, SnapshotError, decode, encode_into},
};

crate::params! {
    /// Parameters of [`AmRules`].
    pub struct AmRulesParams {
        /// A rule tries to grow each time it has seen so much more weight.
        n_min: u32 = 200, in 1.., unit "records";
        /// How likely a split may be the wrong one; smaller means later splits.
        delta: f64 = 1e-7, in above_to(0.0, 1.0);
        /// Once the Hoeffding bound is below this, the best split is made even if the second is as good.
        tau: f64 = 0.05, in 0.0..;
        /// What a rule predicts with.
        pred_type: PredictionType = PredictionType::Adaptive;
        /// The regressor of a rule; "none" means linear regression with its defaults.
        pred_model: Option<Value> = None;
        /// What a rule keeps of each feature to find splits.
        splitter: SplitterSpec = SplitterSpec::Tebst(TebstParams::default());
        /// The detector after whose alarm a rule is dropped; it is given the absolute errors.
        drift_detector: Value = json!("adwin");
        /// What is kept of the absolute errors that choose between mean and model.
        fading_factor: f64 = 0.99, in 0.0..=1.0;
        /// A record whose score is below this is not learned by the rule; smaller means that only rarer ones are left out.
        anomaly_threshold: f64 = -0.75;
        /// A rule leaves out no record before it has seen so much weight.
        m_min: u32 = 30, unit "records";
        /// Whether only the first rule that covers a record predicts and learns, or all of them.
        ordered_rule_set: bool = true;
        /// Both sides of a split must weigh so much.
        min_samples_split: u32 = 5, in 1.., unit "records";
        /// The most rules besides the default rule, which then grows no more.
        max_rules: usize = 200, in 1..=100_000, unit "rules";
        /// The most points that all splitters together keep; then no further possible splits are noted, and those there are still counted.
        max_points: usize = 200_000, in 1..=100_000_000, unit "points";
        /// Repeat River's ways: a new rule predicts with the mean of both sides of its split until its own records outweigh them, and the default rule begins
        /// with nothing; with one feature the first split is made as it comes; logarithms and squares to River's last bit.
        river_compat: bool = false;
    }
}

/// Rules of the form "if these features lie so, then this model", grown from a default rule by the Hoeffding bound.
///
/// A record that no rule covers is learned by the default rule; when that finds a split good enough, the better side becomes a new rule and a new default
/// rule begins, each with the mean of its side of the split. Rules grow in the same way, are dropped when their errors change, and leave records that are
/// unusual for them to the next rule that covers them, at last to the default rule. At `max_rules` rules the default rule only learns.
///
/// The models of rules are linear by default and diverge on unscaled prices, so put a scaler before.
///
/// Reference: J. Duarte, J. Gama, A. Bifet, "Adaptive model rules from high-speed data streams", ACM TKDD 10(3), 2016.
///
/// ```
/// use serde_json::json;
/// use tidemill::learn::{base::{Regressor, Schema}, catalog::Catalog};
///
/// let spec = json!({ "am_rules": { "n_min": 50, "delta": 0.01, "pred_type": "mean" } });
/// let mut rules = Catalog::standard().regressor(&spec, &[], &Schema::new(["x", "noise"]), 1).unwrap();
/// for k in 0..2000 {
///     let x = f64::from(k % 20) / 10.0;
///     rules.learn_one(&[x, f64::from(k * 7 % 13)], if x <= 0.7 { 1.0 } else { 5.0 });
/// }
/// assert_eq!(format!("{:.2} {:.2}", rules.predict_one(&[0.2, 3.0]), rules.predict_one(&[1.5, 3.0])), "1.00 5.00");
/// ```
pub struct AmRules {
    params: AmRulesParams,
    setting: Setting,
    features: usize,
    state: State,
    work: Work,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct State {
    rules: Vec<Rule>,
    default: Rule,
    /// How many rules were dropped.
    dropped: u64,
    /// How many points the splitters keep; counted anew when rules come and go.
    points: usize,
}

impl AmRules {
    fn new(params: AmRulesParams, setting: Setting, features: usize) -> Self {
        let state = State { rules: Vec::new(), default: Rule::new(&setting, features), dropped: 0, points: 0 };
        AmRules { params, setting, features, state, work: Work::default() }
    }

    /// How many rules there are besides the default rule.
    pub fn rules(&self) -> usize {
        self.state.rules.len()
    }

    fn learn(&mut self, x: &[f64], y: f64, w: f64) {
        let (setting, params, state) = (&self.setting, &self.params, &mut self.state);
        let arithmetic = Arithmetic::of(setting.river_compat);
        let room = state.points < params.max_points;
        let (mut covered, mut changed, mut drifted) = (false, false, Vec::new());
        for (k, rule) in state.rules.iter_mut().enumerate() {
            let usual =
                |rule: &Rule| rule.weight() <= f64::from(params.m_min) || rule.score(x, arithmetic) >= params.anomaly_threshold;
            if !rule.covers(x) || !usual(rule) {
                continue;
            }
            let prediction = rule.predict(x, setting);
            if rule.drifts(y, prediction) {
                drifted.push(k);
                continue;
            }
            covered = true;
            state.points += rule.learn(x, y, w, setting, room);
            if rule.weight() - rule.last_attempt >= f64::from(params.n_min)
                && let Some((grown, _)) = rule.grown(setting, &mut self.work)
            {
                changed = true;
                *rule = grown;
            }
            if params.ordered_rule_set {
                break;
            }
        }
        if !covered {
            let rule = &mut state.default;
            state.points += rule.learn(x, y, w, setting, room);
            if rule.weight() - rule.last_attempt >= f64::from(params.n_min)
                && state.rules.len() < params.max_rules
                && let Some((grown, rest)) = rule.grown(setting, &mut self.work)
            {
                changed = true;
                state.rules.push(grown);
                state.default = rest;
            }
        }
        for k in drifted.into_iter().rev() {
            state.rules.remove(k);
            state.dropped += 1;
            changed = true;
        }
        if changed {
            state.points = state.rules.iter().chain([&state.default]).map(Rule::points).sum();
        }
    }
}

impl Regressor for AmRules {
    fn predict_one(&mut self, x: &[f64]) -> f64 {
        let (mut sum, mut hits) = (0.0, 0.0);
        for rule in self.state.rules.iter_mut().filter(|rule| rule.covers(x)) {
            sum += rule.predict(x, &self.setting);
            hits += 1.0;
            if self.params.ordered_rule_set {
                break;
            }
        }
        finite(if hits > 0.0 { sum / hits } else { self.state.default.predict(x, &self.setting) })
    }

    fn learn_one(&mut self, x: &[f64], y: f64) {
        if y.is_finite() {
            self.learn(x, y, 1.0);
        }
    }

    fn learn_weighted(&mut self, x: &[f64], y: f64, weight: f64) {
        if y.is_finite() && weight > 0.0 && weight.is_finite() {
            self.learn(x, y, weight);
        }
    }

    fn takes_weights(&self) -> bool {
        true
    }

    fn counters(&self, report: &mut dyn FnMut(&'static str, u64)) {
        report("dropped_rules", self.state.dropped);
    }

    fn clone_fresh(&self) -> Box<dyn Regressor> {
        Box::new(AmRules::new(self.params.clone(), self.setting.fresh(), self.features))
    }

    fn clone_learned(&self) -> Box<dyn Regressor> {
        let (params, setting, state) = (self.params.clone(), self.setting.fresh(), self.state.clone());
        Box::new(AmRules { params, setting, features: self.features, state, work: Work::default() })
    }
}

impl Snapshot for AmRules {
    fn save(&self, out: &mut Vec<u8>) -> Result<(), SnapshotError> {
        encode_into(&self.state, out)
    }

    fn load(&mut self, bytes: &[u8]) -> Result<(), SnapshotError> {
        let mut state: State = decode(bytes)?;
        for rule in state.rules.iter_mut().chain([&mut state.default]) {
            rule.revive(&self.setting, self.features)?;
        }
        self.state = state;
        Ok(())
    }
}

impl Component for AmRules {
    type Params = AmRulesParams;
    const NAME: &'static str = "am_rules";
    const SUMMARY: &'static str =
        "rules on the features, each with a model, grown by the Hoeffding bound and dropped when they drift";
    const REFERENCE: &'static str =
        "Duarte, Gama and Bifet, Adaptive model rules from high-speed data streams, ACM TKDD 10(3), 2016";
    const DIVERGES_UNSCALED: bool = true;

    fn examples() -> Vec<Value> {
        // Small limits, so that the checks see what happens at them.
        let with = |more: Value| {
            let mut params = json!({ "n_min": 50, "delta": 0.1, "max_rules": 4, "max_points": 100 });
            params.as_object_mut().into_iter().for_each(|all| all.extend(more.as_object().cloned().unwrap_or_default()));
            json!({ Self::NAME: params })
        };
        vec![
            with(json!({})),
            with(json!({ "ordered_rule_set": false, "pred_type": "mean", "splitter": { "qo": { "radius": 0.1 } } })),
            with(json!({ "pred_type": "model", "drift_detector": { "adwin": { "delta": 0.5 } }, "splitter": "ebst" })),
            with(json!({ "river_compat": true, "pred_model": { "knn_regressor": { "window_size": 5 } } })),
        ]
    }

    fn build(params: AmRulesParams, on: &ModelBuild<'_>) -> Result<Self, Vec<ParamError>> {
        let default = json!({ "linear_regression": { "river_compat": params.river_compat } });
        let model = on.catalog.regressor(
            params.pred_model.as_ref().unwrap_or(&default),
            &child(on.path, "pred_model"),
            on.schema,
            on.seed,
        );
        let detector = on.catalog.drift_detector(&params.drift_detector, &child(on.path, "drift_detector"), on.seed);
        let (model, detector) = match (model, detector) {
            (Ok(model), Ok(detector)) => (model, detector),
            (model, detector) => return Err(model.err().into_iter().chain(detector.err()).flatten().collect()),
        };
        let setting = Setting {
            prediction: params.pred_type,
            model,
            detector,
            splitter: SplitterKind::from(&params.splitter),
            fading: params.fading_factor,
            least_side: f64::from(params.min_samples_split),
            log_inverse_delta: Arithmetic::of(params.river_compat).log(1.0 / params.delta),
            tau: params.tau,
            river_compat: params.river_compat,
        };
        Ok(AmRules::new(params, setting, on.schema.len()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::learn::{base::Schema, catalog::Catalog, params::Params};

    fn model(more: &Value) -> AmRules {
        let mut params = json!({ "n_min": 50, "delta": 0.01, "pred_type": "mean" });
        params.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let (catalog, schema) = (Catalog::standard(), Schema::new(["x", "noise"]));
        let on = ModelBuild { params: &params, path: &[], schema: &schema, seed: 1, catalog: &catalog };
        AmRules::build(AmRulesParams::read(&params, &[]).unwrap(), &on).unwrap()
    }

    fn learn(model: &mut AmRules, records: u32, low: f64) {
        for k in 0..records {
            let x = f64::from(k % 20) / 10.0;
            model.learn_one(&[x, f64::from(k * 7 % 13)], if x <= 0.7 { low } else { 5.0 });
        }
    }

    #[test]
    fn a_rule_whose_errors_change_is_dropped_and_another_takes_its_place() {
        let mut model = model(&json!({}));
        learn(&mut model, 2_000, 1.0);
        assert!(model.rules() > 0);
        learn(&mut model, 2_000, -20.0);
        let mut dropped = 0;
        model.counters(&mut |_, count| dropped = count);
        assert!(dropped > 0);
        let [low, high] = [0.1, 1.5].map(|x| model.predict_one(&[x, 3.0]));
        assert!((low + 20.0).abs() < 0.5 && (high - 5.0).abs() < 0.5, "{low}, {high}");
    }

    #[test]
    fn a_new_rule_predicts_with_the_mean_of_its_own_side() {
        // 50 records are enough for a split; 20 of them lie below it.
        let predictions = |river_compat: bool| {
            let mut model = model(&json!({ "river_compat": river_compat }));
            learn(&mut model, 50, 1.0);
            assert_eq!(model.rules(), 1);
            [0.1, 1.5].map(|x| format!("{:.2}", model.predict_one(&[x, 3.0])))
        };
        assert_eq!(predictions(false), ["1.00", "5.00"]);
        assert_eq!(predictions(true), ["3.08", "0.00"], "the mean of all, and nothing yet");
    }

    #[test]
    fn a_record_that_is_unusual_for_a_rule_goes_to_the_default_rule() {
        let predictions_after_an_outlier = |threshold: f64| {
            let mut model = model(&json!({ "anomaly_threshold": threshold, "m_min": 10 }));
            learn(&mut model, 300, 1.0);
            assert_eq!(model.rules(), 1);
            // A price that is a hundred times too large, at a place that the rule covers.
            model.learn_one(&[0.1, 1e4], 100.0);
            [0.1, 1.5].map(|x| model.predict_one(&[x, 3.0]))
        };
        let [rule, default] = predictions_after_an_outlier(-0.75);
        assert!((rule - 1.0).abs() < 1e-9 && default > 5.1, "{rule}, {default}");
        let [rule, default] = predictions_after_an_outlier(-1e9);
        assert!(rule > 1.5 && (default - 5.0).abs() < 1e-9, "{rule}, {default}");
    }

    #[test]
    fn at_the_limit_the_default_rule_learns_on() {
        let mut model = model(&json!({ "max_rules": 1 }));
        learn(&mut model, 5_000, 1.0);
        assert_eq!(model.rules(), 1);
        assert!((model.predict_one(&[0.1, 0.0]) - 1.0).abs() < 4.0);
    }
}

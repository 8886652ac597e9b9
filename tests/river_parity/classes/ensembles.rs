//! Ensembles, model selection, rules, Mondrian forests and stochastic gradient trees: their classes, and how a folder abbreviates lists of models.

use serde_json::{Map, Value, json};

use super::{Class, find, model, part, special};
use crate::{
    expr::Expr,
    spec::{params, value},
};

pub const CLASSES: &[Class] = &[
    model("EWARegressor", "ewa_regressor", &[("models", "models"), ("loss", "loss"), ("learning_rate", "learning_rate")])
        .compat(),
    model("GreedyRegressor", "greedy_regressor", &[("models", "models"), ("metric", "metric")]),
    model(
        "SuccessiveHalvingRegressor",
        "successive_halving_regressor",
        &[("models", "models"), ("metric", "metric"), ("budget", "budget"), ("eta", "eta")],
    )
    .compat(),
    special("BanditRegressor", bandit),
    part("EpsilonGreedy", "epsilon_greedy", &[("epsilon", "epsilon"), ("decay", "decay"), NOT_HERE, BURN_IN, SEED]),
    part("UCB", "ucb", &[("delta", "delta"), NOT_HERE, NOT_HERE, BURN_IN, SEED]),
    model("BaggingRegressor", "bagging_regressor", &[("model", "model"), ("n_models", "n_models"), SEED]),
    model(
        "SGTRegressor",
        "sgt_regressor",
        &[
            ("delta", "delta"),
            ("grace_period", "grace_period"),
            ("init_pred", "init_pred"),
            ("max_depth", "max_depth"),
            ("lambda_value", "lambda_value"),
            ("gamma", "gamma"),
            NOT_HERE,
            ("feature_quantizer", "feature_quantizer"),
        ],
    )
    .compat(),
    part("StaticQuantizer", "static", &[("n_bins", "n_bins"), ("warm_start", "warm_start")]),
    part("DynamicQuantizer", "dynamic", &[("radius", "radius"), ("std_prop", "std_prop")]),
    special("AMFRegressor", amf),
    special("SRPRegressor", srp),
    special("AMRules", amrules),
    special("MAE", |_, _| Ok(json!("mae"))),
    special("MSE", |_, _| Ok(json!("mse"))),
    special("RMSE", |_, _| Ok(json!("rmse"))),
    special("R2", |_, _| Ok(json!("r2"))),
];

const SEED: (&str, &str) = ("seed", "seed");
const BURN_IN: (&str, &str) = ("burn_in", "burn_in");
/// The place of an argument that we do not take.
const NOT_HERE: (&str, &str) = ("", "");

/// A Mondrian forest: without a limit in River where none is named.
fn amf(positional: &[Expr], named: &[(String, Expr)]) -> Result<Value, String> {
    const AMF: Class = model(
        "AMFRegressor",
        "amf_regressor",
        &[
            ("n_estimators", "n_estimators"),
            ("step", "step"),
            ("use_aggregation", "use_aggregation"),
            ("max_nodes", "max_nodes"),
            SEED,
        ],
    );
    let mut params = params(&AMF, positional, named)?;
    params.entry("max_nodes").or_insert(Value::Null);
    Ok(json!({ AMF.ours: params }))
}

/// Random patches of Hoeffding trees.
fn srp(positional: &[Expr], named: &[(String, Expr)]) -> Result<Value, String> {
    const SRP: Class = model(
        "SRPRegressor",
        "srp_regressor",
        &[
            ("model", "model"),
            ("n_models", "n_models"),
            ("subspace_size", "subspace_size"),
            ("training_method", "training_method"),
            ("lam", "lam"),
            ("drift_detector", "drift_detector"),
            ("warning_detector", "warning_detector"),
            ("disable_detector", "disable_detector"),
            ("disable_weighted_vote", "weighted_vote"),
            ("drift_detection_criteria", "drift_detection_criteria"),
            ("aggregation_method", "aggregation_method"),
            SEED,
            ("metric", "metric"),
        ],
    );
    let mut params = params(&SRP, positional, named)?;
    let tree = json!({ "hoeffding_tree_regressor": { "grace_period": 50, "delta": 0.01, "river_compat": true } });
    params.entry("model").or_insert(tree);
    let disabled = params.remove("disable_detector");
    for key in ["drift_detector", "warning_detector"] {
        // River has detectors unless they are disabled: nothing named means the default.
        if params.get(key).is_some_and(Value::is_null) {
            params.remove(key);
        }
        match disabled.as_ref().and_then(Value::as_str) {
            Some("drift") => drop(params.insert(key.to_owned(), Value::Null)),
            Some("warning") if key == "warning_detector" => drop(params.insert(key.to_owned(), Value::Null)),
            _ => {}
        }
    }
    if let Some(Value::Bool(disabled)) = params.get("weighted_vote") {
        let weighted = json!(!disabled);
        params.insert("weighted_vote".to_owned(), weighted);
    }
    params.insert("river_compat".to_owned(), json!(true));
    Ok(json!({ SRP.ours: params }))
}

/// Rules: their linear models and their splitters are River's too.
fn amrules(positional: &[Expr], named: &[(String, Expr)]) -> Result<Value, String> {
    const RULES: Class = model(
        "AMRules",
        "am_rules",
        &[
            ("n_min", "n_min"),
            ("delta", "delta"),
            ("tau", "tau"),
            ("pred_type", "pred_type"),
            ("pred_model", "pred_model"),
            ("splitter", "splitter"),
            ("drift_detector", "drift_detector"),
            ("fading_factor", "fading_factor"),
            ("anomaly_threshold", "anomaly_threshold"),
            ("m_min", "m_min"),
            ("ordered_rule_set", "ordered_rule_set"),
            ("min_samples_split", "min_samples_split"),
        ],
    );
    let mut params = params(&RULES, positional, named)?;
    params.retain(|_, value| !value.is_null());
    params.insert("river_compat".to_owned(), json!(true));
    Ok(json!({ RULES.ours: params }))
}

/// A bandit: the burn-in and the seed of River's policy are parameters of our model.
fn bandit(positional: &[Expr], named: &[(String, Expr)]) -> Result<Value, String> {
    let argument = |k: usize, key: &str| named.iter().find(|(name, _)| name == key).map(|(_, e)| e).or_else(|| positional.get(k));
    let mut spec = Map::new();
    spec.insert("models".to_owned(), value(argument(0, "models").ok_or("a bandit chooses among models")?)?);
    spec.insert("metric".to_owned(), value(argument(1, "metric").ok_or("a bandit needs a metric")?)?);
    let Some(Expr::Call(policy, at, by)) = argument(2, "policy") else { return Err("a bandit needs a policy".to_owned()) };
    let class = find(policy).ok_or_else(|| format!("policy {policy} is no target: in River it cannot choose among models"))?;
    let mut params = params(class, at, by)?;
    spec.insert("burn_in".to_owned(), params.remove("burn_in").unwrap_or(json!(0)));
    spec.insert("seed".to_owned(), params.remove("seed").unwrap_or(Value::Null));
    spec.insert("policy".to_owned(), json!({ class.ours: params }));
    spec.insert("river_compat".to_owned(), json!(true));
    Ok(json!({ "bandit_regressor": spec }))
}

/// The learning rates of lists that are not written out anywhere in a folder.
const RATES: &str = "[LinearRegression(SGD(lr)) for lr in 1e-5,1e-4,1e-3,1e-2]";

/// Writes out the lists that a case abbreviates: `[LR(SGD(lr))...]` and `4 x LR` stand for the list that another case of the folder writes out.
pub fn spelled_out(texts: &mut [&mut String]) {
    let written = texts.iter().find_map(|text| list_in(text)).unwrap_or_else(|| RATES.to_owned());
    for text in texts {
        for abbreviation in ["[LR(SGD(lr))...]", "4 x LR"] {
            **text = text.replace(abbreviation, &written);
        }
        if text.contains("EWARegressor(") {
            **text = with_quick_intercepts(text);
        }
    }
}

/// Under an exponentially weighted average, `LR(...)` stands for a linear regression with `intercept_lr=.1`: the case is River's own example of that class,
/// written short, and the example gives all its regressions that rate. River 0.26.1, run so, gives the recorded predictions to the last bit; with the default
/// rate it is off by 187 % at the second record. A text that says a rate itself is left alone.
fn with_quick_intercepts(text: &str) -> String {
    let (mut out, mut rest) = (String::new(), text);
    while let Some((before, inside)) = rest.split_once("LR(") {
        let mut open = 1;
        let end = inside.find(|c| {
            open += match c {
                '(' => 1,
                ')' => -1,
                _ => 0,
            };
            open == 0
        });
        let (arguments, after) = inside.split_at(end.unwrap_or(inside.len()));
        let rate = if arguments.contains("intercept_lr") { "" } else { ", intercept_lr=.1" };
        out += &format!("{before}LinearRegression({arguments}{rate}");
        rest = after;
    }
    out + rest
}

/// The first `[... for lr in ...]` of a text.
fn list_in(text: &str) -> Option<String> {
    let (before, _) = text.split_once(" for lr in ")?;
    let start = before.rfind('[')?;
    let end = start + text[start..].find(']')?;
    Some(text[start..=end].to_owned())
}

#[test]
fn abbreviated_lists_are_those_that_another_case_writes_out() {
    let (mut a, mut b) = ("X([LR(SGD(lr)) for lr in 1,2])".to_owned(), "Y([LR(SGD(lr))...], MAE)|Z(4 x LR)".to_owned());
    spelled_out(&mut [&mut a, &mut b]);
    assert_eq!(b, "Y([LR(SGD(lr)) for lr in 1,2], MAE)|Z([LR(SGD(lr)) for lr in 1,2])");
}

#[test]
fn only_abbreviated_regressions_of_an_average_have_quick_intercepts() {
    let text = |models: &str| format!("StandardScaler|EWARegressor([{models}], learning_rate=0.1)");
    let mut average = text("LR(SGD(.01)), LinearRegression(), LR(AdaGrad(), intercept_lr=0.5)");
    let mut other = "GreedyRegressor([LR(SGD(.01))])".to_owned();
    spelled_out(&mut [&mut average, &mut other]);
    let expected =
        "LinearRegression(SGD(.01), intercept_lr=.1), LinearRegression(), LinearRegression(AdaGrad(), intercept_lr=0.5)";
    assert_eq!((average, other.as_str()), (text(expected), "GreedyRegressor([LR(SGD(.01))])"));
}

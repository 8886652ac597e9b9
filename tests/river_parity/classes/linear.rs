//! Linear models, their optimisers and losses, nearest neighbours, scalers, and the simple statistics as models.

use serde_json::{Map, Value, json};

use super::{Class, find, model, part, special};
use crate::{
    expr::Expr,
    spec::{params, value},
};

const LR: (&str, &str) = ("lr", "learning_rate");
const BETAS: [(&str, &str); 4] = [LR, ("beta_1", "beta_1"), ("beta_2", "beta_2"), ("eps", "eps")];

pub const CLASSES: &[Class] = &[
    model("StandardScaler", "standard_scaler", &[("with_std", "with_std"), ("window_size", "window_size")]).compat(),
    model("TargetStandardScaler", "target_standard_scaler", &[("regressor", "regressor")]),
    model(
        "LinearRegression",
        "linear_regression",
        &[
            ("optimizer", "optimizer"),
            ("loss", "loss"),
            ("l2", "l2"),
            ("l1", "l1"),
            ("intercept_init", "intercept_init"),
            ("intercept_lr", "intercept_lr"),
            ("clip_gradient", "clip_gradient"),
        ],
    )
    .compat(),
    model("PARegressor", "pa_regressor", &[("C", "c"), ("mode", "mode"), ("eps", "eps"), ("learn_intercept", "learn_intercept")])
        .compat(),
    model(
        "BayesianLinearRegression",
        "bayesian_linear_regression",
        &[("alpha", "alpha"), ("beta", "beta"), ("smoothing", "smoothing")],
    )
    .compat(),
    part("SGD", "sgd", &[LR]),
    part("Momentum", "momentum", &[LR, ("rho", "rho")]),
    part("NesterovMomentum", "nesterov_momentum", &[LR, ("rho", "rho")]),
    part("AdaGrad", "ada_grad", &[LR, ("eps", "eps")]),
    part("RMSProp", "rms_prop", &[LR, ("rho", "rho"), ("eps", "eps")]),
    part("AdaDelta", "ada_delta", &[("rho", "rho"), ("eps", "eps")]),
    part("Adam", "adam", &BETAS),
    part("AdaMax", "ada_max", &BETAS),
    part("Nadam", "nadam", &BETAS),
    part("AMSGrad", "ams_grad", &[BETAS[0], BETAS[1], BETAS[2], BETAS[3], ("correct_bias", "correct_bias")]),
    part("AdaBound", "ada_bound", &[BETAS[0], BETAS[1], BETAS[2], BETAS[3], ("gamma", "gamma"), ("final_lr", "final_lr")]),
    part("FTRLProximal", "ftrl_proximal", &[("alpha", "alpha"), ("beta", "beta"), ("l1", "l1"), ("l2", "l2")]),
    part("Newton", "newton", &[LR, ("eps", "eps")]),
    part("InverseScaling", "inverse_scaling", &[("learning_rate", "learning_rate"), ("power", "power")]),
    part("Constant", "constant", &[("learning_rate", "learning_rate")]),
    part("Optimal", "optimal", &[("loss", "loss"), ("alpha", "alpha")]),
    part("Squared", "squared", &[]),
    part("Absolute", "absolute", &[]),
    part("Poisson", "poisson", &[]),
    part("Huber", "huber", &[("epsilon", "epsilon")]),
    part("Cauchy", "cauchy", &[("C", "c")]),
    part("EpsilonInsensitiveHinge", "epsilon_insensitive", &[("eps", "eps")]),
    part("Quantile", "quantile", &[("alpha", "alpha")]),
    part("Averager", "averager", &[("optimizer", "optimizer"), ("start", "start")]),
    special("KNNRegressor", knn),
    part("LazySearch", "lazy_search", &[("window_size", "window_size")]),
    special("StatisticRegressor", statistic),
    part("Mean", "mean", &[]),
    part("Shift", "shift", &[("amount", "amount"), ("fill_value", "fill_value")]),
];

fn knn(positional: &[Expr], named: &[(String, Expr)]) -> Result<Value, String> {
    let names = [("n_neighbors", "n_neighbors"), ("engine", "engine"), ("aggregation_method", "aggregation")];
    let find = |river: &str| {
        let position = names.iter().position(|(name, _)| *name == river);
        named.iter().find(|(key, _)| key == river).map(|(_, e)| e).or_else(|| position.and_then(|p| positional.get(p)))
    };
    let Some(Expr::Call(engine, at, by)) = find("engine") else {
        return Err("the engine SWINN is not built: it is a random graph and no target of parity".to_owned());
    };
    if engine != "LazySearch" {
        return Err(format!("engine {engine} is not built"));
    }
    let mut params = arguments(engine, at, by)?;
    params.entry("window_size").or_insert(json!(50));
    for (river, ours) in [names[0], names[2]] {
        if let Some(expr) = find(river) {
            params.insert(ours.to_owned(), value(expr)?);
        }
    }
    Ok(json!({ "knn_regressor": params }))
}

fn statistic(positional: &[Expr], _named: &[(String, Expr)]) -> Result<Value, String> {
    match positional.first() {
        Some(Expr::Call(name, ..)) if name == "Mean" => Ok(json!("mean")),
        Some(Expr::Call(name, at, by)) if name == "Shift" => {
            let mut params = arguments(name, at, by)?;
            params.entry("amount").or_insert(json!(1));
            Ok(json!({ "shift": params }))
        }
        Some(other) => Ok(json!({ "statistic": { "how": super::preprocessing::statistic(other)? } })),
        None => Err("a regressor that predicts a statistic names one".to_owned()),
    }
}

/// The arguments of a part by the name of its class.
fn arguments(name: &str, positional: &[Expr], named: &[(String, Expr)]) -> Result<Map<String, Value>, String> {
    params(find(name).ok_or_else(|| format!("class {name} is not built yet"))?, positional, named)
}

//! From River's constructor expressions to specs of our catalogue: one table of classes, and the few classes that need more than renaming.

use serde_json::{Map, Value, json};

use crate::expr::{Expr, parse};

/// What a class is called here, and its parameters in River's order: (River's name, ours).
struct Class {
    river: &'static str,
    ours: &'static str,
    params: &'static [(&'static str, &'static str)],
    /// Whether it exists only as a part of a model, so that a case is covered or not by the rest of its text.
    part: bool,
}

const LR: (&str, &str) = ("lr", "learning_rate");
const BETAS: [(&str, &str); 4] = [LR, ("beta_1", "beta_1"), ("beta_2", "beta_2"), ("eps", "eps")];

const fn model(river: &'static str, ours: &'static str, params: &'static [(&'static str, &'static str)]) -> Class {
    Class { river, ours, params, part: false }
}

const fn part(river: &'static str, ours: &'static str, params: &'static [(&'static str, &'static str)]) -> Class {
    Class { river, ours, params, part: true }
}

const CLASSES: &[Class] = &[
    model("StandardScaler", "standard_scaler", &[("with_std", "with_std"), ("window_size", "window_size")]),
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
    ),
    model("PARegressor", "pa_regressor", &[("C", "c"), ("mode", "mode"), ("eps", "eps"), ("learn_intercept", "learn_intercept")]),
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
];

/// Classes that are parts and need more than renaming.
const PARTS: [&str; 4] = ["Averager", "LazySearch", "Mean", "Shift"];

/// Whether a class exists here as a part of models.
pub fn is_part(class: &str) -> bool {
    PARTS.contains(&class) || CLASSES.iter().any(|c| c.part && c.river == class)
}

/// The names of classes in a case's text: what starts with a capital and is not a constant, a remark aside.
pub fn classes(text: &str) -> Vec<String> {
    let Ok((expr, _)) = parse(text) else {
        return vec![text.to_owned()];
    };
    let mut names = Vec::new();
    collect(&expr, &mut names);
    names
}

fn collect(expr: &Expr, names: &mut Vec<String>) {
    match expr {
        Expr::Name(name) if ["True", "False", "None", "t"].contains(&name.as_str()) => {}
        Expr::Name(name) => names.push(name.clone()),
        Expr::Call(name, positional, named) => {
            names.push(name.clone());
            positional.iter().chain(named.iter().map(|(_, e)| e)).for_each(|e| collect(e, names));
        }
        Expr::List(items) => items.iter().for_each(|e| collect(e, names)),
        Expr::Binary(_, a, b) => [a, b].into_iter().for_each(|e| collect(e, names)),
        Expr::Number(_) | Expr::Text(_) => {}
    }
}

/// The spec of a model or pipeline.
pub fn model_spec(expr: &Expr) -> Result<Value, String> {
    let steps: Vec<Value> = expr.steps().into_iter().map(value).collect::<Result<_, _>>()?;
    Ok(match <[Value; 1]>::try_from(steps) {
        Ok([single]) => single,
        Err(steps) => json!({ "pipeline": { "steps": steps } }),
    })
}

/// An argument as a value: literals as they are, calls as specs.
fn value(expr: &Expr) -> Result<Value, String> {
    match expr {
        Expr::Number(n) if n.fract() == 0.0 && n.abs() < 1e9 => Ok(json!(*n as i64)),
        Expr::Number(n) => Ok(json!(n)),
        Expr::Text(text) => Ok(json!(text)),
        Expr::Name(name) => match name.as_str() {
            "True" => Ok(json!(true)),
            "False" => Ok(json!(false)),
            "None" => Ok(Value::Null),
            _ => call(name, &[], &[]),
        },
        Expr::Call(name, positional, named) => call(name, positional, named),
        Expr::Binary('|', ..) => model_spec(expr),
        Expr::Binary(..) => expr.at(0).map(|n| json!(n)).ok_or_else(|| format!("{expr:?} is no number")),
        Expr::List(_) => Err("lists of models are not built yet".to_owned()),
    }
}

fn call(name: &str, positional: &[Expr], named: &[(String, Expr)]) -> Result<Value, String> {
    match name {
        "KNNRegressor" => knn(positional, named),
        "StatisticRegressor" => statistic(positional),
        _ => {
            let class = CLASSES.iter().find(|c| c.river == name).ok_or_else(|| format!("class {name} is not built yet"))?;
            let mut params = params(name, class.params, positional, named)?;
            match class.ours {
                // River's defects and River's bits are asked for.
                "linear_regression" | "pa_regressor" | "standard_scaler" => {
                    drop(params.insert("river_compat".to_owned(), json!(true)))
                }
                _ => {}
            }
            Ok(json!({ class.ours: params }))
        }
    }
}

/// The arguments under our names.
fn params(
    class: &str,
    names: &[(&str, &str)],
    positional: &[Expr],
    named: &[(String, Expr)],
) -> Result<Map<String, Value>, String> {
    let mut params = Map::new();
    let by_position = positional.iter().enumerate().map(|(k, e)| (names.get(k).map(|(river, _)| (*river).to_owned()), e));
    for (river, expr) in by_position.chain(named.iter().map(|(key, e)| (Some(key.clone()), e))) {
        let river = river.ok_or_else(|| format!("{class} takes fewer arguments here"))?;
        let ours = names.iter().find(|(name, _)| *name == river).ok_or_else(|| format!("{class} has no {river} here"))?.1;
        let argument = if river == "optimizer" { optimizer(expr, &mut params)? } else { value(expr)? };
        params.insert(ours.to_owned(), argument);
    }
    Ok(params)
}

/// An averager is a parameter of our linear regression, not an optimiser.
fn optimizer(expr: &Expr, params: &mut Map<String, Value>) -> Result<Value, String> {
    match expr {
        Expr::Call(name, positional, named) if name == "Averager" => {
            let start = named.iter().find(|(key, _)| key == "start").map(|(_, e)| e).or(positional.get(1));
            params.insert("average_from".to_owned(), start.map_or(Ok(json!(0)), value)?);
            value(positional.first().ok_or("an averager averages an optimizer")?)
        }
        other => value(other),
    }
}

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
    let mut params = params("LazySearch", &[("window_size", "window_size")], at, by)?;
    params.entry("window_size").or_insert(json!(50));
    for (river, ours) in [names[0], names[2]] {
        if let Some(expr) = find(river) {
            params.insert(ours.to_owned(), value(expr)?);
        }
    }
    Ok(json!({ "knn_regressor": params }))
}

fn statistic(positional: &[Expr]) -> Result<Value, String> {
    match positional.first() {
        Some(Expr::Call(name, ..)) if name == "Mean" => Ok(json!("mean")),
        Some(Expr::Call(name, at, by)) if name == "Shift" => {
            let mut params = params(name, &[("amount", "amount"), ("fill_value", "fill_value")], at, by)?;
            params.entry("amount").or_insert(json!(1));
            Ok(json!({ "shift": params }))
        }
        other => Err(format!("statistic {other:?} is not built yet")),
    }
}

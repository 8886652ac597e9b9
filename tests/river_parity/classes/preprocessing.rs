//! Scalers, imputers, products of features, aggregates of the target.

use serde_json::{Value, json};

use super::{Class, model, part, special};
use crate::{expr::Expr, spec::value};

pub const CLASSES: &[Class] = &[
    model("MinMaxScaler", "min_max_scaler", &[("window_size", "window_size")]),
    model("MaxAbsScaler", "max_abs_scaler", &[("window_size", "window_size")]),
    model(
        "RobustScaler",
        "robust_scaler",
        &[("with_centering", "with_centering"), ("with_scaling", "with_scaling"), ("q_inf", "q_inf"), ("q_sup", "q_sup")],
    ),
    model("AdaptiveStandardScaler", "adaptive_standard_scaler", &[("fading_factor", "fading_factor")]),
    special("Normalizer", normalizer),
    model("TargetMinMaxScaler", "target_min_max_scaler", &[("regressor", "regressor")]),
    model("PredClipper", "pred_clipper", &[("regressor", "regressor"), ("y_min", "y_min"), ("y_max", "y_max")]),
    model(
        "PolynomialExtender",
        "polynomial_extender",
        &[
            ("degree", "degree"),
            ("interaction_only", "interaction_only"),
            ("include_bias", "include_bias"),
            ("bias_name", "bias_name"),
        ],
    ),
    model("PreviousImputer", "previous_imputer", &[]),
    special("TargetAgg", target_agg),
    special("Select", select),
    part("Rolling", "rolling", &[]),
    part("Var", "var", &[]),
    part("EWMean", "ew_mean", &[]),
    part("EWVar", "ew_var", &[]),
    part("Max", "max", &[]),
    part("Min", "min", &[]),
    part("RollingQuantile", "rolling_quantile", &[]),
    part("RollingMax", "rolling_max", &[]),
    part("RollingMin", "rolling_min", &[]),
];

fn argument<'a>(positional: &'a [Expr], named: &'a [(String, Expr)], place: usize, name: &str) -> Option<&'a Expr> {
    named.iter().find(|(key, _)| key == name).map(|(_, e)| e).or_else(|| positional.get(place))
}

fn normalizer(positional: &[Expr], named: &[(String, Expr)]) -> Result<Value, String> {
    let norm = match argument(positional, named, 0, "order") {
        None => "l2",
        Some(Expr::Name(name)) if name == "inf" => "max",
        Some(order) if order.at(0) == Some(1.0) => "l1",
        Some(order) if order.at(0) == Some(2.0) => "l2",
        Some(other) => return Err(format!("the norm {other:?} is not built")),
    };
    Ok(json!({ "normalizer": { "norm": norm } }))
}

fn target_agg(positional: &[Expr], named: &[(String, Expr)]) -> Result<Value, String> {
    let how = statistic(argument(positional, named, 1, "how").ok_or("an aggregate needs a statistic")?)?;
    let by: Vec<String> = match argument(positional, named, 0, "by") {
        Some(Expr::Text(feature)) => vec![feature.clone()],
        Some(Expr::List(features)) => features.iter().filter_map(text).collect(),
        _ => Vec::new(),
    };
    Ok(json!({ "target_agg": { "how": how, "by": by } }))
}

fn text(expr: &Expr) -> Option<String> {
    if let Expr::Text(text) = expr { Some(text.clone()) } else { None }
}

fn select(positional: &[Expr], _named: &[(String, Expr)]) -> Result<Value, String> {
    let features: Vec<String> = positional.iter().filter_map(text).collect();
    Ok(if features.is_empty() { json!("select") } else { json!({ "select": { "features": features } }) })
}

/// The spec of a statistic: `Mean`, `EWMean(0.5)`, `Rolling(Mean, 20)`.
pub fn statistic(expr: &Expr) -> Result<Value, String> {
    let (name, positional, named): (&str, &[Expr], &[(String, Expr)]) = match expr {
        Expr::Name(name) => (name, &[], &[]),
        Expr::Call(name, positional, named) => (name, positional, named),
        other => return Err(format!("{other:?} is no statistic")),
    };
    let of = |place: usize, key: &str| argument(positional, named, place, key).map(value);
    let with = |ours: &str, params: &[(&str, usize, &str)]| {
        let given = params.iter().filter_map(|(key, place, river)| Some((*key, of(*place, river)?)));
        let params = given.map(|(key, value)| Ok((key.to_owned(), value?))).collect::<Result<serde_json::Map<_, _>, String>>()?;
        Ok(json!({ ours: params }))
    };
    match name {
        "Rolling" => {
            let inner = statistic(positional.first().ok_or("a rolling statistic needs one to roll")?)?;
            let inner = inner.as_object().and_then(|o| o.keys().next().cloned()).unwrap_or_default();
            with(&format!("rolling_{inner}"), &[("window_size", 1, "window_size")])
        }
        "Mean" => with("mean", &[]),
        "Var" => with("var", &[]),
        "Max" => with("max", &[]),
        "Min" => with("min", &[]),
        "EWMean" => with("ew_mean", &[("fading_factor", 0, "fading_factor")]),
        "EWVar" => with("ew_var", &[("fading_factor", 0, "fading_factor")]),
        "Quantile" => with("quantile", &[("q", 0, "q")]),
        "RollingQuantile" => with("rolling_quantile", &[("q", 0, "q"), ("window_size", 1, "window_size")]),
        "RollingMax" => with("rolling_max", &[("window_size", 0, "window_size")]),
        "RollingMin" => with("rolling_min", &[("window_size", 0, "window_size")]),
        "Shift" => with("shift", &[("amount", 0, "amount")]),
        other => Err(format!("statistic {other} is not built yet")),
    }
}

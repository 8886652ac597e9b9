//! Anomaly detectors, and the wrapper that gives prediction intervals.

use serde_json::{Value, json};

use super::{Class, model, special};
use crate::expr::Expr;

pub const CLASSES: &[Class] = &[
    model("GaussianScorer", "gaussian_scorer", &[("window_size", "window_size"), ("grace_period", "grace_period")]).compat(),
    special("StandardAbsoluteDeviation", standard_absolute_deviation),
    model(
        "HalfSpaceTrees",
        "half_space_trees",
        &[("n_trees", "n_trees"), ("height", "height"), ("window_size", "window_size"), ("limits", "limits"), ("seed", "seed")],
    ),
    model(
        "OneClassSVM",
        "one_class_svm",
        &[("nu", "nu"), ("optimizer", "optimizer"), ("intercept_lr", "intercept_lr"), ("clip_gradient", "clip_gradient")],
    )
    .compat(),
    special("RegressionJackknife", |_, _| Err("a jackknife is a case of its own, not a part of a model".to_owned())),
];

/// River scores from the first value on and takes any statistic for the middle; ours are the mean and the median.
fn standard_absolute_deviation(positional: &[Expr], named: &[(String, Expr)]) -> Result<Value, String> {
    let statistic = named.iter().find(|(key, _)| key == "sub_stat").map(|(_, e)| e).or(positional.first());
    let center = match statistic {
        None => "mean",
        Some(Expr::Name(name)) if name == "None" => "mean",
        Some(Expr::Name(name) | Expr::Call(name, ..)) if name == "Mean" => "mean",
        Some(Expr::Name(name)) if name == "Quantile" => "median",
        Some(Expr::Call(name, q, by)) if name == "Quantile" => {
            match q.first().or(by.first().map(|(_, e)| e)).map_or(Some(0.5), |q| q.at(0)) {
                Some(0.5) => "median",
                other => return Err(format!("the middle at the quantile {other:?} is not built")),
            }
        }
        Some(other) => return Err(format!("the middle {other:?} is not built")),
    };
    Ok(json!({ "standard_absolute_deviation": { "center": center, "grace_period": 0 } }))
}

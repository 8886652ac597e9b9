//! Forecasters.

use serde_json::{Map, Value, json};

use super::{Class, model, special};
use crate::{
    expr::{Expr, parse},
    spec::{model_spec, params},
};

pub const CLASSES: &[Class] = &[
    special("SNARIMAX", snarimax),
    model(
        "HoltWinters",
        "holt_winters",
        &[
            ("alpha", "alpha"),
            ("beta", "beta"),
            ("gamma", "gamma"),
            ("seasonality", "seasonality"),
            ("multiplicative", "multiplicative"),
        ],
    )
    .compat(),
];

const SNARIMAX: Class = model(
    "SNARIMAX",
    "snarimax",
    &[("p", "p"), ("d", "d"), ("q", "q"), ("m", "m"), ("sp", "sp"), ("sd", "sd"), ("sq", "sq"), ("regressor", "regressor")],
)
.compat();

/// The default regressor is written out, so that it has River's bits too.
fn snarimax(positional: &[Expr], named: &[(String, Expr)]) -> Result<Value, String> {
    let mut params: Map<String, Value> = params(&SNARIMAX, positional, named)?;
    if params.get("regressor").is_none_or(Value::is_null) {
        params.insert("regressor".to_owned(), model_spec(&parse("StandardScaler()|LinearRegression()")?.0)?);
    }
    params.insert("river_compat".to_owned(), json!(true));
    Ok(json!({ SNARIMAX.ours: params }))
}

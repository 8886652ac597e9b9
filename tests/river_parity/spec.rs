//! From River's constructor expressions to specs of our catalogue: the tables of classes are in [`crate::classes`], one file a family.

use serde_json::{Map, Value, json};

use crate::{
    classes::{Class, find},
    expr::{Expr, parse},
};

/// Parameters whose None means River's default.
const NONE_IS_DEFAULT: [&str; 5] = ["splitter", "drift_detector", "warning_detector", "metric", "track_metric"];

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
        Expr::Number(_) | Expr::Whole(_) | Expr::Text(_) => {}
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
pub fn value(expr: &Expr) -> Result<Value, String> {
    match expr {
        Expr::Number(n) => Ok(json!(n)),
        Expr::Whole(n) => Ok(json!(n)),
        Expr::Text(text) => Ok(json!(text)),
        Expr::Name(name) => match name.as_str() {
            "True" => Ok(json!(true)),
            "False" => Ok(json!(false)),
            "None" => Ok(Value::Null),
            _ => call(name, &[], &[]),
        },
        Expr::Call(name, positional, named) => call(name, positional, named),
        Expr::Binary('|', ..) => model_spec(expr),
        Expr::Binary('+', a, b) if expr.at(0).is_none() => union(a, b),
        Expr::Binary(..) => match expr.whole() {
            Some(n) => Ok(json!(n)),
            None => expr.at(0).map(|n| json!(n)).ok_or_else(|| format!("{expr:?} is no number")),
        },
        Expr::List(items) => items.iter().map(value).collect(),
    }
}

/// Transformers side by side; River lets the outputs of the last one come first.
fn union(a: &Expr, b: &Expr) -> Result<Value, String> {
    let mut parts = vec![value(b)?];
    match value(a)? {
        Value::Object(mut before) if before.contains_key("union") => {
            let inner = before["union"]["parts"].take();
            parts.extend(inner.as_array().into_iter().flatten().cloned());
        }
        other => parts.push(other),
    }
    Ok(json!({ "union": { "parts": parts } }))
}

fn call(name: &str, positional: &[Expr], named: &[(String, Expr)]) -> Result<Value, String> {
    let class = find(name).ok_or_else(|| format!("class {name} is not built yet"))?;
    if let Some(special) = class.special {
        return special(positional, named);
    }
    let mut params = params(class, positional, named)?;
    if class.compat {
        // River's defects and River's bits are asked for.
        params.insert("river_compat".to_owned(), json!(true));
    }
    Ok(json!({ class.ours: params }))
}

/// The arguments of a class under our names.
pub fn params(class: &Class, positional: &[Expr], named: &[(String, Expr)]) -> Result<Map<String, Value>, String> {
    let mut params = Map::new();
    let by_position = positional.iter().enumerate().map(|(k, e)| (class.params.get(k).map(|(river, _)| (*river).to_owned()), e));
    for (river, expr) in by_position.chain(named.iter().map(|(key, e)| (Some(key.clone()), e))) {
        let river = river.ok_or_else(|| format!("{} takes fewer arguments here", class.river))?;
        let ours = class.params.iter().find(|(name, _)| *name == river);
        let ours = ours.ok_or_else(|| format!("{} has no {river} here", class.river))?.1;
        let argument = if river == "optimizer" { optimizer(expr, &mut params)? } else { value(expr)? };
        // What has no meaning here is left out, and so is River's None where it stands for a default that is a thing of its own.
        if !(ours.is_empty() || argument.is_null() && NONE_IS_DEFAULT.contains(&river.as_str())) {
            params.insert(ours.to_owned(), argument);
        }
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

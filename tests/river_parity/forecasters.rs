//! Cases of forecasters: `HoltWinters(alpha=0.3) forecast(3) then learn_one`, `… with exogenous ex forecast(2) then learn_one`.

use tidemill::learn::{
    base::Schema,
    catalog::{Catalog, Model},
};

use crate::{
    expr::{Expr, parse},
    run::{Outcome, column, each},
    spec::model_spec,
    vectors::{Case, Folder, Table},
};

/// Runs a forecaster over the target; `None` where the remark asks for something else.
pub fn run(
    folder: &Folder,
    case: &Case,
    input: &Table,
    target: &str,
    expr: &Expr,
    remark: &str,
) -> Option<Result<Outcome, String>> {
    let (before, call) = remark.split_once("forecast(")?;
    let horizon = parse(call).ok()?.0.at(0)? as usize;
    let features = before.trim().strip_prefix("with exogenous ").unwrap_or_default();
    let features: Vec<&str> = features.split([',', ' ']).filter(|name| !name.is_empty() && *name != "and").collect();
    Some(forecasts(folder, case, input, target, expr, &features, horizon))
}

fn forecasts(
    folder: &Folder,
    case: &Case,
    input: &Table,
    target: &str,
    expr: &Expr,
    features: &[&str],
    horizon: usize,
) -> Result<Outcome, String> {
    let spec = model_spec(expr)?;
    let built = Catalog::standard().build(&spec, &[], &Schema::new(features.iter().copied()), 0);
    let Model::Forecaster(mut model) = built.map_err(|e| e[0].to_string())? else {
        return Err("it is no forecaster".to_owned());
    };
    let (expected, target) = (folder.expected(case), column(input, target));
    let places: Vec<usize> = features.iter().map(|name| column(input, name)).collect();
    let exogenous: Vec<Vec<f64>> = input.rows.iter().map(|row| places.iter().map(|place| row[*place]).collect()).collect();
    let steps: Vec<(usize, usize)> =
        expected.columns.iter().enumerate().filter_map(|(at, name)| Some((at, step(name)?))).collect();
    let mut outcome = Outcome::new(case);
    each(input, &expected, |t, row, rivers| {
        // What stands ahead of the record is known in advance; at the end of the series its last row stands for what would follow.
        let ahead: Vec<&[f64]> = (0..horizon).map(|h| exogenous[(t + h).min(exogenous.len() - 1)].as_slice()).collect();
        let ours = model.forecast(horizon, &ahead);
        for (at, step) in &steps {
            match (rivers.map(|rivers| rivers[*at]), ours.get(step - 1)) {
                (Some(rivers), Some(ours)) => outcome.compare(t, *ours, rivers),
                // River has no forecast yet (an empty cell), and neither have we; else the difference is beyond any bound.
                (Some(rivers), None) if rivers.is_nan() => {}
                (Some(rivers), None) => outcome.compare(t, f64::NAN, rivers),
                (None, _) => {}
            }
        }
        model.learn_one(row[target], &exogenous[t]);
    });
    Ok(outcome)
}

/// How many steps ahead the column `h3` looks.
fn step(name: &str) -> Option<usize> {
    name.strip_prefix('h')?.parse().ok()
}

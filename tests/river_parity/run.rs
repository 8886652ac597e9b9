//! Running one case: what its text asks for, record by record, against what River answered.

use serde_json::Value;
use tidemill::learn::{
    base::{Metric, Regressor, Schema},
    catalog::Catalog,
    metrics::{Mape, MetricName, Rmsle, Scorer, Windowed},
};

use crate::{
    anomaly, detectors, distributions,
    expr::{Expr, parse},
    forecasters, random,
    spec::model_spec,
    statistics,
    vectors::{Case, Folder, Table},
};

/// How far our numbers were from River's.
pub struct Outcome {
    /// How many values were compared.
    pub records: usize,
    /// The largest relative difference where values can be compared.
    pub max_difference: f64,
    /// What is allowed.
    pub tolerance: f64,
    /// How many values differ in any bit, anywhere.
    pub bits_off: usize,
    /// What was left out.
    pub note: String,
    comparable_until: Option<usize>,
    river_blew_up_at: Option<usize>,
    rivers_not_finite: usize,
}

impl Outcome {
    /// Whether every comparable value is near enough.
    pub fn passed(&self) -> bool {
        self.max_difference <= self.tolerance
    }

    /// Where River's answer is not finite there is nothing to compare, except that ours must be.
    fn not_finite(&mut self, t: usize, ours: f64) {
        let first = *self.river_blew_up_at.get_or_insert(t);
        self.rivers_not_finite += 1;
        self.note = format!("River is not finite {} times from record {first} on, ours stays finite", self.rivers_not_finite);
        if !ours.is_finite() {
            self.max_difference = f64::INFINITY;
        }
    }

    /// Nothing compared yet.
    pub fn new(case: &Case) -> Self {
        let base: f64 = if case.class == "exact" { 1e-12 } else { 1e-9 };
        let tolerance = if case.stable_until.is_some() { 1e-9 } else { base.max(1_000.0 * case.sensitivity) };
        let note = case.stable_until.map(|t| format!("compared up to record {t}")).unwrap_or_default();
        Outcome {
            records: 0,
            max_difference: 0.0,
            tolerance,
            bits_off: 0,
            note,
            comparable_until: case.stable_until,
            river_blew_up_at: None,
            rivers_not_finite: 0,
        }
    }

    /// Compares one value of record `t`.
    pub fn compare(&mut self, t: usize, ours: f64, rivers: f64) {
        if !rivers.is_finite() {
            self.not_finite(t, ours);
            return;
        }
        if ours.to_bits() != rivers.to_bits() {
            self.bits_off += 1;
        }
        if self.comparable_until.is_none_or(|until| t < until) {
            self.records += 1;
            let size = ours.abs().max(rivers.abs());
            let difference = if ours == rivers { 0.0 } else { (ours - rivers).abs() / size };
            self.max_difference = if difference.is_nan() { f64::INFINITY } else { self.max_difference.max(difference) };
        }
    }
}

/// Runs a case, or says why it cannot be run yet.
pub fn run(folder: &Folder, case: &Case) -> Result<Outcome, String> {
    if let Some(drawn) = random::run(folder, case) {
        return drawn;
    }
    let (input, features, target) = folder.input(case).ok_or("it has no input series of its own")?;
    if let Some(rest) = case.river.strip_prefix("metrics after ") {
        return metrics(folder, case, &input, rest);
    }
    if let Some(outcome) = statistics::run(folder, case, &input, &target) {
        return outcome;
    }
    let (expr, remark) = parse(&case.river)?;
    if let Some(column) = remark.strip_prefix(" on column ") {
        return detectors::run(folder, case, &input, &expr, column);
    }
    if let Some(feature) = remark.strip_prefix(": learn_one then transform_one, feature ") {
        return transformer(folder, case, &input, &features, &expr, feature);
    }
    if remark.trim() == ": score_one then learn_one" {
        return anomaly::scores(folder, case, &input, &features, &target, &expr);
    }
    if let Some(jackknife) = anomaly::jackknife(&expr) {
        return anomaly::intervals(folder, case, &input, &features, &target, jackknife?);
    }
    if let Some(outcome) = forecasters::run(folder, case, &input, &target, &expr, remark) {
        return outcome;
    }
    if distributions::is_asked(remark) {
        return distributions::run(folder, case, &input, &features, &target, &expr);
    }
    let spec = model_spec(&expr)?;
    let plan = Plan::of(remark, &features)?;
    let schema = Schema::new(plan.features.clone());
    let model = Catalog::standard().regressor(&spec, &[], &schema, 0).map_err(|e| format!("{}", e[0]))?;
    Ok(regressor(folder, case, &input, &plan, &target, model))
}

/// What the remark after the model asks for.
struct Plan {
    features: Vec<String>,
    weight: Option<Expr>,
    absent: Vec<(String, Expr)>,
}

impl Plan {
    fn of(remark: &str, features: &[String]) -> Result<Self, String> {
        let mut plan = Plan { features: features.to_vec(), weight: None, absent: Vec::new() };
        let remark = remark.trim();
        if let Some(call) = remark.strip_prefix(", learn_one(x, y, w=") {
            plan.weight = Some(parse(call)?.0);
        } else if let Some(rules) = remark.strip_prefix(';') {
            plan.absent = rules.split(',').map(absence).collect::<Result<_, _>>()?;
        } else if let Some(only) = remark.strip_prefix("on ").and_then(|r| r.strip_suffix(" only")) {
            plan.features = only.split(" and ").map(str::to_owned).collect();
        } else if !remark.is_empty() && !remark.starts_with("on coarse features") {
            return Err(format!("the remark `{remark}` is not understood yet"));
        }
        Ok(plan)
    }

    fn x(&self, t: usize, row: &[f64], columns: &[usize]) -> Vec<f64> {
        let absent = |name: &str| self.absent.iter().any(|(feature, when)| feature == name && when.at(t) == Some(1.0));
        self.features.iter().zip(columns).map(|(name, c)| if absent(name) { f64::NAN } else { row[*c] }).collect()
    }
}

/// `x3 absent when t%3==0`.
fn absence(rule: &str) -> Result<(String, Expr), String> {
    let (feature, when) = rule.split_once(" absent when ").ok_or_else(|| format!("the remark `{rule}` is not understood yet"))?;
    Ok((feature.trim().to_owned(), parse(when)?.0))
}

fn regressor(folder: &Folder, case: &Case, input: &Table, plan: &Plan, target: &str, mut model: Box<dyn Regressor>) -> Outcome {
    let expected = folder.expected(case);
    let (t_column, prediction) = (column(&expected, "t"), column(&expected, "y_pred"));
    let columns: Vec<usize> = plan.features.iter().map(|f| column(input, f)).collect();
    let target = column(input, target);
    let (mut outcome, mut scorer, mut wanted) = (Outcome::new(case), Scorer::default(), expected.rows.iter().peekable());
    for (t, row) in input.rows.iter().enumerate() {
        let (x, y) = (plan.x(t, row, &columns), row[target]);
        let ours = model.predict_one(&x);
        if let Some(rivers) = wanted.next_if(|row| row[t_column] as usize == t) {
            outcome.compare(t, ours, rivers[prediction]);
        }
        scorer.update(y, ours, None);
        match plan.weight.as_ref().and_then(|w| w.at(t)) {
            Some(weight) => model.learn_weighted(&x, y, weight),
            None => model.learn_one(&x, y),
        }
    }
    assert!(wanted.next().is_none(), "{}: expected values were left over", case.id);
    compare_final(case, &scorer, &mut outcome);
    outcome
}

/// The measures over all records, where the whole run can be compared.
fn compare_final(case: &Case, scorer: &Scorer, outcome: &mut Outcome) {
    if case.stable_until.is_some() || outcome.river_blew_up_at.is_some() {
        return;
    }
    let scores = scorer.scores();
    let ours = [("MAE", scores.mae), ("RMSE", scores.rmse), ("SMAPE", scores.smape)];
    for (name, ours) in ours {
        if let Some(rivers) = case.final_metrics.get(name).and_then(Value::as_f64) {
            let difference = (ours - rivers).abs() / rivers.abs().max(f64::MIN_POSITIVE);
            assert!(difference <= outcome.tolerance.max(1e-9), "{}: final {name} is {ours}, River's {rivers}", case.id);
        }
    }
}

fn transformer(
    folder: &Folder,
    case: &Case,
    input: &Table,
    features: &[String],
    expr: &Expr,
    feature: &str,
) -> Result<Outcome, String> {
    let spec = model_spec(expr)?;
    let schema = Schema::new(features.to_vec());
    let mut transformer = Catalog::standard().transformer(&spec, &[], &schema, 0).map_err(|e| format!("{}", e[0]))?;
    let position = schema.position(feature).ok_or_else(|| format!("there is no feature {feature}"))?;
    let columns: Vec<usize> = features.iter().map(|f| column(input, f)).collect();
    let expected = folder.expected(case);
    let (mut outcome, mut out) = (Outcome::new(case), Vec::new());
    each(input, &expected, |t, row, rivers| {
        let x: Vec<f64> = columns.iter().map(|c| row[*c]).collect();
        transformer.learn_one(&x);
        transformer.transform_one(&x, &mut out);
        if let Some(rivers) = rivers {
            outcome.compare(t, out[position], rivers[column(&expected, feature)]);
        }
    });
    Ok(outcome)
}

/// `update(y_true=close, y_pred=open)`: cumulative measures, and `rolling100_MAE` and the like over the last so many.
fn metrics(folder: &Folder, case: &Case, input: &Table, text: &str) -> Result<Outcome, String> {
    let (Expr::Call(_, _, named), _) = parse(text)? else { return Err(format!("`{text}` is not understood")) };
    let argument = |key: &str| match named.iter().find(|(k, _)| k == key) {
        Some((_, Expr::Name(name))) => input.column(name).ok_or_else(|| format!("there is no column {name}")),
        _ => Err(format!("`{text}` names no {key}")),
    };
    let (truth, prediction) = (argument("y_true")?, argument("y_pred")?);
    let expected = folder.expected(case);
    let (mut known, mut unknown) = (Vec::new(), Vec::new());
    for (c, name) in expected.columns.iter().enumerate().skip(1) {
        match metric(name) {
            Some(metric) => known.push((c, metric)),
            None => unknown.push(name.as_str()),
        }
    }
    let mut outcome = Outcome::new(case);
    each(input, &expected, |t, row, rivers| {
        for (c, metric) in &mut known {
            metric.update(row[truth], row[prediction]);
            if let Some(rivers) = rivers {
                outcome.compare(t, metric.get(), rivers[*c]);
            }
        }
    });
    outcome.note = left_out(&unknown);
    Ok(outcome)
}

fn cumulative_or_windowed<M>(metric: M, window: Option<usize>) -> Box<dyn Metric>
where
    M: Metric + Clone + serde::Serialize + serde::de::DeserializeOwned + 'static,
{
    match window {
        Some(window) => Box::new(Windowed::of_count(metric, window)),
        None => Box::new(metric),
    }
}

fn metric(column: &str) -> Option<Box<dyn Metric>> {
    let (window, name) = match column.strip_prefix("rolling").and_then(|rest| rest.split_once('_')) {
        Some((window, name)) => (Some(window.parse().ok()?), name),
        None => (None, column),
    };
    let metric = match name {
        "MAE" => MetricName::Mae,
        "MSE" => MetricName::Mse,
        "RMSE" => MetricName::Rmse,
        "SMAPE" => MetricName::Smape,
        "R2" => MetricName::R2,
        "MAPE" => return Some(cumulative_or_windowed(Mape::default(), window)),
        "RMSLE" => return Some(cumulative_or_windowed(Rmsle::default(), window)),
        _ => return None,
    };
    Some(match window {
        Some(window) => Box::new(metric.rolling(window)),
        None => metric.cumulative(),
    })
}

/// The remark that some columns have no counterpart here yet.
pub fn left_out(names: &[&str]) -> String {
    if names.is_empty() { String::new() } else { format!("not built yet: {}", names.join(", ")) }
}

/// Every record of the input, with the expected row if there is one.
pub fn each(input: &Table, expected: &Table, mut visit: impl FnMut(usize, &[f64], Option<&Vec<f64>>)) {
    let (t_column, mut wanted) = (column(expected, "t"), expected.rows.iter().peekable());
    for (t, row) in input.rows.iter().enumerate() {
        visit(t, row, wanted.next_if(|row| row[t_column] as usize == t));
    }
    assert!(wanted.next().is_none(), "expected values were left over");
}

/// Where the column `name` stands; it must be there.
pub fn column(table: &Table, name: &str) -> usize {
    table.column(name).unwrap_or_else(|| panic!("there is no column {name} among {:?}", table.columns))
}

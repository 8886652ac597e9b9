//! Cases of anomaly detectors (`… : score_one then learn_one`) and of prediction intervals (`conf.RegressionJackknife(model, level, window_size=n)`).

use serde_json::Value;
use tidemill::learn::{
    base::Schema,
    catalog::Catalog,
    conformal::{Conformal, IntervalMethod, JackknifeParams},
};

use crate::{
    expr::{Expr, parse},
    run::{Outcome, column, each},
    spec::{model_spec, value},
    vectors::{Case, Folder, Table},
};

/// Scores each record, then learns it.
pub fn scores(
    folder: &Folder,
    case: &Case,
    input: &Table,
    features: &[String],
    target: &str,
    expr: &Expr,
) -> Result<Outcome, String> {
    let spec = model_spec(expr)?;
    let schema = Schema::new(features.to_vec());
    let mut detector = Catalog::standard().anomaly_detector(&spec, &[], &schema, 0).map_err(|e| e[0].to_string())?;
    let columns: Vec<usize> = features.iter().map(|f| column(input, f)).collect();
    let (target, expected, mut outcome) = (column(input, target), folder.expected(case), Outcome::new(case));
    each(input, &expected, |t, row, rivers| {
        let x: Vec<f64> = columns.iter().map(|c| row[*c]).collect();
        let score = detector.score_one(&x, row[target]);
        detector.learn_one(&x, row[target]);
        if let Some(rivers) = rivers {
            outcome.compare(t, score, rivers[column(&expected, "score")]);
        }
    });
    Ok(outcome)
}

/// The model, level and window of a jackknife, if that is what the expression is.
#[allow(clippy::type_complexity, reason = "model, level and window, or why not; nothing where the case is another")]
pub fn jackknife(expr: &Expr) -> Option<Result<(Value, f64, Option<usize>), String>> {
    let Expr::Call(name, positional, named) = expr else { return None };
    if name != "RegressionJackknife" {
        return None;
    }
    let argument = |position: usize, key: &str| named.iter().find(|(k, _)| k == key).map(|(_, e)| e).or(positional.get(position));
    let read = || {
        let model = model_spec(argument(0, "regressor").ok_or("a jackknife wraps a regressor")?)?;
        let level = argument(1, "confidence_level").map_or(Some(0.95), |e| e.at(0)).ok_or("the level is no number")?;
        let window = argument(2, "window_size").map(value).transpose()?.and_then(|v| v.as_u64()).map(|n| n as usize);
        Ok((model, level, window))
    };
    Some(read())
}

/// Predicts with bounds, learns the error of a second prediction as River does, then the record.
pub fn intervals(
    folder: &Folder,
    case: &Case,
    input: &Table,
    features: &[String],
    target: &str,
    (spec, level, window_size): (Value, f64, Option<usize>),
) -> Result<Outcome, String> {
    let schema = Schema::new(features.to_vec());
    let mut model = Catalog::standard().regressor(&spec, &[], &schema, 0).map_err(|e| e[0].to_string())?;
    let mut conformal = Conformal::new(&IntervalMethod::Jackknife(JackknifeParams { window_size }), level);
    let columns: Vec<usize> = features.iter().map(|f| column(input, f)).collect();
    let (target, expected, mut outcome) = (column(input, target), folder.expected(case), Outcome::new(case));
    each(input, &expected, |t, row, rivers| {
        let x: Vec<f64> = columns.iter().map(|c| row[*c]).collect();
        let prediction = model.predict_one(&x);
        let bounds = conformal.bounds();
        let (lower, upper) = bounds.map_or((prediction, prediction), |bounds| bounds.around(prediction));
        if let Some(rivers) = rivers {
            for (name, ours) in [("y_pred", prediction), ("lower", lower), ("upper", upper)] {
                outcome.compare(t, ours, rivers[column(&expected, name)]);
            }
        }
        conformal.update(row[target] - model.predict_one(&x), bounds);
        model.learn_one(&x, row[target]);
    });
    Ok(outcome)
}

#[test]
fn jackknives_are_understood() {
    let (expr, _) =
        parse("conf.RegressionJackknife(StandardScaler|LinearRegression(intercept_lr=0.1), 0.9, window_size=200)").unwrap();
    let (model, level, window) = jackknife(&expr).unwrap().unwrap();
    assert!(model.to_string().contains("linear_regression"), "{model}");
    assert_eq!((level, window), (0.9, Some(200)));
    let (expr, _) = parse("RegressionJackknife(regressor=LinearRegression(), window_size=None)").unwrap();
    assert_eq!(jackknife(&expr).unwrap().map(|(_, level, window)| (level, window)), Ok((0.95, None)));
    assert_eq!(jackknife(&parse("LinearRegression()").unwrap().0), None);
}

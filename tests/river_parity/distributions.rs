//! Cases of predictions with a distribution: `BayesianLinearRegression() predict_one(with_dist=True)`.

use tidemill::learn::{
    base::Regressor as _,
    linear_model::{BayesianLinearRegression, BayesianLinearRegressionParams},
    params::Params,
};

use crate::{
    expr::Expr,
    run::{Outcome, column, each},
    spec::model_spec,
    vectors::{Case, Folder, Table},
};

/// Runs a model that tells mean and standard deviation.
pub fn run(
    folder: &Folder,
    case: &Case,
    input: &Table,
    features: &[String],
    target: &str,
    expr: &Expr,
) -> Result<Outcome, String> {
    let spec = model_spec(expr)?;
    let params = spec.get("bayesian_linear_regression").ok_or("only the Bayesian regression tells a distribution")?;
    let params = BayesianLinearRegressionParams::read(params, &[]).map_err(|e| e[0].to_string())?;
    let mut model = BayesianLinearRegression::new(params, features.len());
    let (expected, target) = (folder.expected(case), column(input, target));
    let columns: Vec<usize> = features.iter().map(|name| column(input, name)).collect();
    let (mean_at, deviation_at) = (column(&expected, "mu"), column(&expected, "sigma"));
    let mut outcome = Outcome::new(case);
    each(input, &expected, |t, row, rivers| {
        let x: Vec<f64> = columns.iter().map(|at| row[*at]).collect();
        let (mean, deviation) = model.predict_distribution(&x);
        if let Some(rivers) = rivers {
            outcome.compare(t, mean, rivers[mean_at]);
            outcome.compare(t, deviation, rivers[deviation_at]);
        }
        model.learn_one(&x, row[target]);
    });
    Ok(outcome)
}

/// Whether the remark asks for a distribution.
pub fn is_asked(remark: &str) -> bool {
    remark.trim() == "predict_one(with_dist=True)"
}

//! Cases of statistics: one column a statistic, known by the column's name.

use tidemill::learn::stats::{
    AutoCorr, Bivariate, Cov, EwCov, EwMean, EwVar, Iqr, Kurtosis, Mad, Max, Mean, Min, PeakToPeak, PearsonCorr, Quantile,
    Rolling, RollingExtreme, RollingIqr, RollingPair, RollingPeakToPeak, RollingQuantile, Sem, Shift, Skew, Univariate, Var,
};

use crate::{
    run::{Outcome, column, each, left_out},
    vectors::{Case, Folder, Table},
};

/// Runs a case of statistics; `None` for a case of another kind.
pub fn run(folder: &Folder, case: &Case, input: &Table, target: &str) -> Option<Result<Outcome, String>> {
    if case.river.starts_with("river.stats objects") {
        return Some(Ok(univariate(folder, case, input, target)));
    }
    // `Cov, PearsonCorr, ... on (open, close)`
    let (classes, pair) = case.river.split_once(" on (")?;
    if !classes.contains("Cov") && !classes.contains("Corr") {
        return None;
    }
    let (x, y) = pair.strip_suffix(')')?.split_once(',')?;
    Some(Ok(bivariate(folder, case, input, (x.trim(), y.trim()))))
}

/// A population variance, which has no name of its own here.
#[derive(Default)]
struct PopulationVar(Var);

impl Univariate for PopulationVar {
    fn update(&mut self, x: f64) {
        self.0.update(x, 1.0);
    }

    fn get(&self) -> Option<f64> {
        (self.0.n() > 0.0).then(|| self.0.get(0.0))
    }
}

/// The statistic of a column such as `ewmean_0.5` or `rolling_quantile_0.9_20`.
fn statistic(name: &str) -> Option<Box<dyn Univariate>> {
    let digits = name.find(|c: char| c.is_ascii_digit()).filter(|at| name[..*at].ends_with('_'));
    let (kind, numbers) = digits.map_or((name, ""), |at| (&name[..at - 1], &name[at..]));
    let numbers: Vec<f64> = numbers.split('_').filter(|n| !n.is_empty()).map(str::parse).collect::<Result<_, _>>().ok()?;
    let number = |at: usize| numbers.get(at).copied();
    let whole = |at: usize| number(at).map(|n| n as usize);
    Some(match kind {
        "mean" => Box::new(Mean::default()),
        "var" => Box::new(Var::default()),
        "var_ddof0" => Box::new(PopulationVar::default()),
        "ewmean" => Box::new(EwMean::new(number(0)?)),
        "ewvar" => Box::new(EwVar::new(number(0)?)),
        "min" => Box::new(Min::default()),
        "max" => Box::new(Max::default()),
        "ptp" => Box::new(PeakToPeak::default()),
        "quantile" => Box::new(Quantile::new(number(0)?)),
        "iqr" => Box::new(Iqr::new(number(0).unwrap_or(0.25), number(1).unwrap_or(0.75))),
        "skew" => Box::new(Skew::default()),
        "kurtosis" => Box::new(Kurtosis::default()),
        "mad" => Box::new(Mad::default()),
        "sem" => Box::new(Sem::default()),
        "rolling_mean" => Box::new(Rolling::new(Mean::default(), whole(0)?)),
        "rolling_var" => Box::new(Rolling::new(Var::default(), whole(0)?)),
        "rolling_sem" => Box::new(Rolling::new(Sem::default(), whole(0)?)),
        "rolling_min" => Box::new(RollingExtreme::min(whole(0)?)),
        "rolling_max" => Box::new(RollingExtreme::max(whole(0)?)),
        "rolling_ptp" => Box::new(RollingPeakToPeak::new(whole(0)?)),
        "rolling_quantile" => Box::new(RollingQuantile::new(number(0)?, whole(1)?)),
        "rolling_iqr" => Box::new(RollingIqr::new(whole(0)?, 0.25, 0.75)),
        "autocorr" => Box::new(AutoCorr::new(whole(0)?)),
        "shift" => Box::new(Shift::new(whole(0)?)),
        _ => return None,
    })
}

fn univariate(folder: &Folder, case: &Case, input: &Table, target: &str) -> Outcome {
    let (expected, target) = (folder.expected(case), column(input, target));
    let (mut known, mut unknown) = (Vec::new(), Vec::new());
    for (at, name) in expected.columns.iter().enumerate().skip(1) {
        match statistic(name) {
            Some(statistic) => known.push((at, statistic)),
            None => unknown.push(name.as_str()),
        }
    }
    let mut outcome = Outcome::new(case);
    each(input, &expected, |t, row, rivers| {
        for (at, statistic) in &mut known {
            statistic.update(row[target]);
            // River says nothing (an empty cell) where ours does.
            if let (Some(ours), Some(rivers)) = (statistic.get(), rivers) {
                outcome.compare(t, ours, rivers[*at]);
            }
        }
    });
    outcome.note = left_out(&unknown);
    outcome
}

/// The statistic of a column such as `cov`, `ewcov_0.1` or `rolling_pearson_50`.
fn pair_statistic(name: &str) -> Option<Box<dyn Bivariate>> {
    let (kind, number) = name.rsplit_once('_').map_or((name, None), |(kind, number)| (kind, number.parse::<f64>().ok()));
    Some(match (kind, number) {
        ("cov", None) => Box::new(Cov::default()),
        ("pearson", None) => Box::new(PearsonCorr::default()),
        ("rolling_cov", Some(n)) => Box::new(RollingPair::new(Cov::default(), n as usize)),
        ("rolling_pearson", Some(n)) => Box::new(RollingPair::new(PearsonCorr::default(), n as usize)),
        ("ewcov", Some(fading)) => Box::new(EwCov::new(fading)),
        _ => return None,
    })
}

fn bivariate(folder: &Folder, case: &Case, input: &Table, pair: (&str, &str)) -> Outcome {
    let (expected, x, y) = (folder.expected(case), column(input, pair.0), column(input, pair.1));
    let (mut known, mut unknown) = (Vec::new(), Vec::new());
    for (at, name) in expected.columns.iter().enumerate().skip(1) {
        match pair_statistic(name) {
            Some(statistic) => known.push((at, statistic)),
            None => unknown.push(name.as_str()),
        }
    }
    let mut outcome = Outcome::new(case);
    each(input, &expected, |t, row, rivers| {
        for (at, statistic) in &mut known {
            statistic.update(row[x], row[y]);
            if let Some(rivers) = rivers {
                outcome.compare(t, statistic.get(), rivers[*at]);
            }
        }
    });
    outcome.note = left_out(&unknown);
    outcome
}

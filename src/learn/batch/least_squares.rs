//! One linear least-squares fit, guarded against windows that do not determine it.
//!
//! linfa-linear answers a constant column or two collinear ones with coefficients of 1e14 and no error. So the columns are standardised, the
//! correlation matrix is decomposed first, and where a pivot is tiny (or the answer absurd) a ridge solution takes the place of linfa's.

use linfa::{DatasetBase, traits::Fit as _};
use linfa_linear::LinearRegression;
use ndarray::{Array1, ArrayView2};
use serde::{Deserialize, Serialize};

/// A column is taken for a combination of the others when they explain all but this share of its variance.
const TINY_PIVOT: f64 = 1e-9;

/// Coefficients between standardised columns beyond this size are absurd: the fit hangs on rounding errors.
const ABSURD: f64 = 1e4;

/// A fitted linear function, kept around the means of its window so that absent features can be left out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LeastSquares {
    means: Vec<f64>,
    coefficients: Vec<f64>,
    mean_target: f64,
}

/// What came of a fit.
#[derive(Debug, Clone, PartialEq)]
pub enum Fit {
    /// The window determines the coefficients; the solution is linfa's.
    Ordinary(LeastSquares),
    /// It does not; the solution is the ridge's.
    Ridge(LeastSquares),
    /// No finite coefficients of a sensible size exist.
    Refused,
}

impl LeastSquares {
    /// Fits `targets` to `rows`, stored row by row with `features` finite-or-NaN values each; a NaN counts as the mean of its column. `ridge` is added
    /// to the diagonal of the correlation matrix in the ridge solution.
    pub fn fit(rows: &[f64], features: usize, targets: &[f64], ridge: f64) -> Fit {
        let Some(window) = Standardised::of(rows, features, targets) else {
            return Fit::Refused;
        };
        if window.is_determined()
            && let Some(fitted) = window.ordinary().and_then(|beta| window.unscaled(&beta))
        {
            return Fit::Ordinary(fitted);
        }
        window.solve(ridge).and_then(|beta| window.unscaled(&beta)).map_or(Fit::Refused, Fit::Ridge)
    }

    /// The value at `x`; absent features count as the mean of the window.
    pub fn predict(&self, x: &[f64]) -> f64 {
        let terms = self.means.iter().zip(&self.coefficients).zip(x).filter(|(_, x)| x.is_finite());
        terms.fold(self.mean_target, |sum, ((mean, coefficient), x)| sum + coefficient * (x - mean))
    }

    /// The coefficients, in units of the target per unit of the feature.
    pub fn coefficients(&self) -> &[f64] {
        &self.coefficients
    }
}

/// A window with mean 0 and variance 1 in each column (0 in constant ones).
struct Standardised {
    features: usize,
    /// Row by row.
    x: Vec<f64>,
    y: Vec<f64>,
    means: Vec<f64>,
    scales: Vec<f64>,
    mean_target: f64,
    target_scale: f64,
    /// The correlations of the features, row by row.
    gram: Vec<f64>,
}

impl Standardised {
    /// Nothing where a mean or a spread leaves the finite numbers.
    fn of(rows: &[f64], features: usize, targets: &[f64]) -> Option<Self> {
        let (mean_target, target_scale) = mean_and_scale(targets.iter().copied())?;
        let column = |f: usize| rows.iter().skip(f).step_by(features.max(1)).copied();
        let (means, scales): (Vec<f64>, Vec<f64>) =
            (0..features).map(|f| mean_and_scale(column(f))).collect::<Option<Vec<_>>>()?.into_iter().unzip();
        let x = rows.iter().enumerate().map(|(k, x)| scaled(*x, means[k % features], scales[k % features])).collect();
        let y = targets.iter().map(|y| scaled(*y, mean_target, target_scale)).collect();
        let mut window = Standardised { features, x, y, means, scales, mean_target, target_scale, gram: Vec::new() };
        window.gram = (0..features * features).map(|k| window.correlation(k / features, k % features)).collect();
        window.gram.iter().all(|g| g.is_finite()).then_some(window)
    }

    fn correlation(&self, a: usize, b: usize) -> f64 {
        let sum: f64 = self.x.chunks_exact(self.features).map(|row| row[a] * row[b]).sum();
        sum / self.y.len() as f64
    }

    /// Whether every column adds something of its own.
    fn is_determined(&self) -> bool {
        self.y.len() > self.features
            && cholesky(&self.gram, self.features, 0.0)
                .is_some_and(|l| (0..self.features).all(|k| l[k * self.features + k] * l[k * self.features + k] > TINY_PIVOT))
    }

    /// linfa's ordinary least squares on the standardised columns; nothing where linfa refuses or there is no column.
    fn ordinary(&self) -> Option<Vec<f64>> {
        if self.features == 0 {
            return Some(Vec::new());
        }
        let x = ArrayView2::from_shape((self.y.len(), self.features), &self.x).ok()?;
        let data = DatasetBase::new(x, Array1::from_vec(self.y.clone()));
        Some(LinearRegression::new().with_intercept(false).fit(&data).ok()?.params().to_vec())
    }

    /// The ridge solution of the normal equations.
    fn solve(&self, ridge: f64) -> Option<Vec<f64>> {
        let rows = || self.x.chunks_exact(self.features.max(1)).zip(&self.y);
        let moment = |f: usize| rows().map(|(row, y)| row[f] * y).sum::<f64>() / self.y.len() as f64;
        let l = cholesky(&self.gram, self.features, ridge)?;
        Some(substitute(&l, (0..self.features).map(moment).collect()))
    }

    /// The coefficients in the units of the window; nothing where they are absurd.
    fn unscaled(&self, beta: &[f64]) -> Option<LeastSquares> {
        let ratio = |scale: f64| if scale > 0.0 { self.target_scale / scale } else { 0.0 };
        let coefficients: Vec<f64> = beta.iter().zip(&self.scales).map(|(b, scale)| b * ratio(*scale)).collect();
        let sound = beta.iter().all(|b| b.abs() <= ABSURD) && coefficients.iter().all(|c| c.is_finite());
        sound.then(|| LeastSquares { means: self.means.clone(), coefficients, mean_target: self.mean_target })
    }
}

fn scaled(value: f64, mean: f64, scale: f64) -> f64 {
    if scale > 0.0 && !value.is_nan() { (value - mean) / scale } else { 0.0 }
}

/// Mean and population standard deviation of the values that are present; 0.0 and 0.0 for none. A spread below the rounding of the mean is none.
fn mean_and_scale(values: impl Iterator<Item = f64> + Clone) -> Option<(f64, f64)> {
    let present = || values.clone().filter(|v| !v.is_nan());
    let n = present().count().max(1) as f64;
    let mean = present().map(|v| v / n).sum::<f64>();
    let scale = (present().map(|v| (v - mean) * (v - mean) / n).sum::<f64>()).sqrt();
    let scale = if scale <= 4.0 * f64::EPSILON * mean.abs() { 0.0 } else { scale };
    (mean.is_finite() && scale.is_finite()).then_some((mean, scale))
}

/// The lower Cholesky factor of `matrix + ridge * identity`, row by row; nothing if it is not positive definite.
fn cholesky(matrix: &[f64], size: usize, ridge: f64) -> Option<Vec<f64>> {
    let mut l = vec![0.0; size * size];
    for i in 0..size {
        for j in 0..=i {
            let known: f64 = (0..j).map(|k| l[i * size + k] * l[j * size + k]).sum();
            let rest = matrix[i * size + j] - known + if i == j { ridge } else { 0.0 };
            if i == j && rest <= 0.0 {
                return None;
            }
            l[i * size + j] = if i == j { rest.sqrt() } else { rest / l[j * size + j] };
        }
    }
    Some(l)
}

/// Solves `l l' x = b`.
fn substitute(l: &[f64], mut b: Vec<f64>) -> Vec<f64> {
    let size = b.len();
    for i in 0..size {
        let known: f64 = (0..i).map(|k| l[i * size + k] * b[k]).sum();
        b[i] = (b[i] - known) / l[i * size + i];
    }
    for i in (0..size).rev() {
        let known: f64 = (i + 1..size).map(|k| l[k * size + i] * b[k]).sum();
        b[i] = (b[i] - known) / l[i * size + i];
    }
    b
}

#[cfg(test)]
mod tests {
    use super::*;

    const RIDGE: f64 = 1e-6;

    fn bars(n: usize, row: impl Fn(f64) -> Vec<f64>) -> Vec<f64> {
        (0..n).flat_map(|k| row(k as f64)).collect()
    }

    fn targets(n: usize, y: impl Fn(f64) -> f64) -> Vec<f64> {
        (0..n).map(|k| y(k as f64)).collect()
    }

    #[test]
    fn a_plane_is_found_again() {
        let rows = bars(20, |k| vec![30_000.0 + k, 30_000.0 + (k * 7.0) % 5.0]);
        let y = targets(20, |k| 2.0 * (30_000.0 + k) - 3.0 * (30_000.0 + (k * 7.0) % 5.0) + 4.0);
        let Fit::Ordinary(fit) = LeastSquares::fit(&rows, 2, &y, RIDGE) else { panic!("not ordinary") };
        assert!((fit.coefficients()[0] - 2.0).abs() < 1e-9 && (fit.coefficients()[1] + 3.0).abs() < 1e-9);
        assert!((fit.predict(&[30_100.0, 30_000.0]) - -29_796.0).abs() < 1e-6);
    }

    #[test]
    fn ridge_and_linfa_agree_where_the_window_determines_the_fit() {
        let rows = bars(20, |k| vec![k, (k * 7.0) % 5.0, (k * k) % 11.0]);
        let y = targets(20, |k| k - (k * 3.0) % 7.0);
        let window = Standardised::of(&rows, 3, &y).unwrap();
        let (linfa, own) = (window.ordinary().unwrap(), window.solve(0.0).unwrap());
        assert!(linfa.iter().zip(&own).all(|(a, b)| (a - b).abs() < 1e-11), "{linfa:?} {own:?}");
    }

    #[test]
    fn constant_and_collinear_columns_fall_back_to_the_ridge_with_small_coefficients() {
        let y = targets(20, |k| 100.0 + k);
        for rows in [
            bars(20, |k| vec![100.0, 100.0 + k]),
            bars(20, |k| vec![100.0 + k, 200.0 + 2.0 * k]),
            bars(20, |k| vec![100.0 + k, f64::NAN]),
        ] {
            let Fit::Ridge(fit) = LeastSquares::fit(&rows, 2, &y, RIDGE) else { panic!("not ridge") };
            assert!(fit.coefficients().iter().all(|c| c.abs() <= 1.01), "{fit:?}");
            assert!((fit.predict(&rows[..2]) - 100.0).abs() < 0.01, "{fit:?}");
        }
    }

    #[test]
    fn fewer_rows_than_columns_fall_back() {
        let rows = bars(3, |k| vec![k, k * k, 1.0 - k, k * 0.5]);
        assert!(matches!(LeastSquares::fit(&rows, 4, &targets(3, |k| k), RIDGE), Fit::Ridge(_)));
    }

    #[test]
    fn windows_beyond_the_finite_numbers_are_refused() {
        let rows = bars(4, |k| vec![if k > 2.0 { 1e300 } else { k }]);
        assert_eq!(LeastSquares::fit(&rows, 1, &targets(4, |k| k), RIDGE), Fit::Refused);
    }

    #[test]
    fn without_features_the_fit_is_the_mean() {
        let Fit::Ordinary(fit) = LeastSquares::fit(&[], 0, &[1.0, 5.0], RIDGE) else { panic!("not ordinary") };
        assert_eq!(fit.predict(&[]), 3.0);
    }
}

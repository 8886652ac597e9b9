//! How the predictions of trees become one.

use serde::{Deserialize, Serialize};

use crate::learn::{
    arithmetic::Arithmetic,
    base::Metric,
    metrics::{Mae, MetricName, Mse, R2, Smape},
};

crate::choices! {
    /// How predictions become one.
    pub enum Aggregation {
        /// Their mean.
        Mean = "mean",
        /// Their median.
        Median = "median",
    }
}

/// The measure of one tree, since it took its place.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Performance {
    /// Mean absolute error.
    Mae(Mae),
    /// Mean squared error.
    Mse(Mse),
    /// Its root; what is kept is the mean squared error.
    Rmse(Mse),
    /// Symmetric mean absolute percentage error.
    Smape(Smape),
    /// Share of variance explained.
    R2(R2),
}

impl Performance {
    /// The measure of this name, before any prediction.
    pub fn new(name: MetricName) -> Self {
        match name {
            MetricName::Mae => Performance::Mae(Mae::default()),
            MetricName::Mse => Performance::Mse(Mse::default()),
            MetricName::Rmse => Performance::Rmse(Mse::default()),
            MetricName::Smape => Performance::Smape(Smape::default()),
            MetricName::R2 => Performance::R2(R2::default()),
        }
    }

    /// Takes a truth and its prediction.
    pub fn update(&mut self, y_true: f64, y_pred: f64) {
        match self {
            Performance::Mae(metric) => metric.update(y_true, y_pred),
            Performance::Mse(metric) => metric.update(y_true, y_pred),
            Performance::Rmse(metric) => metric.update(y_true, y_pred),
            Performance::Smape(metric) => metric.update(y_true, y_pred),
            Performance::R2(metric) => metric.update(y_true, y_pred),
        }
    }

    /// The value so far; roots are taken by `arithmetic`.
    pub fn get(&self, arithmetic: Arithmetic) -> f64 {
        match self {
            Performance::Mae(metric) => metric.get(),
            Performance::Mse(metric) => metric.get(),
            Performance::Rmse(metric) => arithmetic.root(metric.get()),
            Performance::Smape(metric) => metric.get(),
            Performance::R2(metric) => metric.get(),
        }
    }
}

/// The sum in the order in which numpy adds: up to seven from left to right, up to 128 in eight lanes, more by halves.
pub fn numpy_sum(values: &[f64]) -> f64 {
    let n = values.len();
    if n < 8 {
        return values.iter().fold(0.0, |sum, v| sum + v);
    }
    if n > 128 {
        let half = n / 2 - n / 2 % 8;
        return numpy_sum(&values[..half]) + numpy_sum(&values[half..]);
    }
    let (lanes, rest) = values.as_chunks::<8>();
    let sums = lanes[1..].iter().fold(lanes[0], |sums, lane| std::array::from_fn(|k| sums[k] + lane[k]));
    let sum = ((sums[0] + sums[1]) + (sums[2] + sums[3])) + ((sums[4] + sums[5]) + (sums[6] + sums[7]));
    rest.iter().fold(sum, |sum, v| sum + v)
}

/// The median; that of an even number is the mean of the two in the middle. Changes the order of `values`; 0.0 for none.
pub fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values {
        [] => 0.0,
        _ if values.len() % 2 == 1 => values[middle],
        _ => (values[middle - 1] + values[middle]) / 2.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_follow_numpys_order() {
        // Expected: numpy 2.4.6, np.array([0.1 * k + 1e6 / (k + 1) for k in range(300)])[:n].sum().
        let values: Vec<f64> = (0..300).map(|k| 0.1 * f64::from(k) + 1e6 / f64::from(k + 1)).collect();
        let expected = [(7, 2592859.242857143), (10, 2928972.753968254), (128, 5433959.892589172), (300, 6287148.880299503)];
        for (n, sum) in expected {
            assert_eq!(numpy_sum(&values[..n]), sum, "{n}");
        }
    }

    #[test]
    fn medians_of_even_and_odd_numbers() {
        assert_eq!(median(&mut [3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&mut [4.0, 1.0, 2.0, 3.0]), 2.5);
        assert_eq!(median(&mut []), 0.0);
    }
}

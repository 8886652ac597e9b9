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
        /// Their median; of an even number the mean of the middle two.
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

/// The median; that of an even number is the mean of the two in the middle. Changes the order of `values`; 0.0 for none.
pub fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values {
        [] => 0.0,
        _ if values.len() % 2 == 1 => values[middle],
        _ => values[middle - 1] / 2.0 + values[middle] / 2.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians_of_even_and_odd_numbers() {
        assert_eq!(median(&mut [3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&mut [4.0, 1.0, 2.0, 3.0]), 2.5);
        assert_eq!(median(&mut []), 0.0);
    }
}

//! The k nearest neighbours of a window.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{LazySearch, Nearest};
use crate::{
    impl_snapshot,
    learn::{
        base::{Regressor, finite},
        catalog::{Component, ModelBuild},
        params::{ParamError, ParamValue},
        stats::exact_mean,
    },
};

crate::choices! {
    /// How the targets of the neighbours become one prediction.
    pub enum Aggregation {
        /// Their mean, computed exactly and rounded once.
        Mean = "mean",
        /// Their median; of an even number the mean of the middle two.
        Median = "median",
        /// Their mean weighted by the inverse of the distance.
        WeightedMean = "weighted_mean",
    }
}

crate::params! {
    /// Parameters of [`KnnRegressor`].
    pub struct KnnRegressorParams {
        /// How many neighbours are asked.
        n_neighbors: usize = 5, in 1..=1_000, unit "records";
        /// How many records are remembered; the oldest is forgotten first.
        window_size: usize = 1_000, in 1..=100_000, unit "records";
        /// How the neighbours' targets are combined.
        aggregation: Aggregation = Aggregation::Mean;
    }
}

/// Predicts from the targets of the records nearest to the question, among the last `window_size`, by exact search with the Euclidean distance.
///
/// Among equally near records the older wins; where the nearest is at distance 0 its target is the prediction. An absent feature counts as 0.0.
/// Memory grows with the window: `window_size * (features + 1) * 8` bytes.
///
/// Reference: T. M. Cover, P. E. Hart, "Nearest neighbor pattern classification", IEEE Trans. Information Theory 13(1), 1967; River's
/// `neighbors.KNNRegressor` with the engine `LazySearch`.
///
/// ```
/// use tidemill::learn::{base::Regressor, neighbors::{KnnRegressor, KnnRegressorParams}};
///
/// let params = KnnRegressorParams { n_neighbors: 2, ..KnnRegressorParams::default() };
/// let mut model = KnnRegressor::new(params, 1);
/// assert_eq!(model.predict_one(&[1.0]), 0.0);
/// for (x, y) in [(1.0, 10.0), (2.0, 20.0), (9.0, 90.0)] {
///     model.learn_one(&[x], y);
/// }
/// assert_eq!(model.predict_one(&[1.6]), 15.0);
/// assert_eq!(model.predict_one(&[9.0]), 90.0);
/// ```
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct KnnRegressor {
    params: KnnRegressorParams,
    window: LazySearch,
    #[serde(skip)]
    nearest: Vec<Nearest>,
    #[serde(skip)]
    targets: Vec<f64>,
}

impl KnnRegressor {
    /// A model of `features` features.
    pub fn new(params: KnnRegressorParams, features: usize) -> Self {
        let window = LazySearch::new(params.window_size, features);
        KnnRegressor { params, window, nearest: Vec::new(), targets: Vec::new() }
    }

    /// The prediction from the nearest records, of which there is at least one.
    fn aggregate(&mut self) -> f64 {
        self.targets.clear();
        self.targets.extend(self.nearest.iter().map(|n| n.target));
        match self.params.aggregation {
            Aggregation::Mean => exact_mean(&self.targets),
            Aggregation::Median => median(&mut self.targets),
            Aggregation::WeightedMean => weighted_mean(&self.nearest).unwrap_or_else(|| exact_mean(&self.targets)),
        }
    }
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    if values.len() % 2 == 1 { values[middle] } else { (values[middle - 1] + values[middle]) / 2.0 }
}

/// The mean weighted by inverse distance; nothing where the distances are too large or too small for weights.
fn weighted_mean(nearest: &[Nearest]) -> Option<f64> {
    let (mut weighted, mut weights) = (0.0, 0.0);
    for n in nearest {
        weighted += n.target / n.distance;
        weights += 1.0 / n.distance;
    }
    Some(weighted / weights).filter(|mean| mean.is_finite())
}

impl Regressor for KnnRegressor {
    fn predict_one(&mut self, x: &[f64]) -> f64 {
        self.window.search(x, self.params.n_neighbors, &mut self.nearest);
        match self.nearest.first() {
            None => 0.0,
            Some(same) if same.distance == 0.0 => same.target,
            Some(_) => finite(self.aggregate()),
        }
    }

    fn learn_one(&mut self, x: &[f64], y: f64) {
        if y.is_finite() {
            self.window.append(x, y);
        }
    }

    fn clone_fresh(&self) -> Box<dyn Regressor> {
        Box::new(KnnRegressor::new(self.params.clone(), self.window.features()))
    }

    fn clone_learned(&self) -> Box<dyn Regressor> {
        Box::new(self.clone())
    }
}

impl Component for KnnRegressor {
    type Params = KnnRegressorParams;
    const NAME: &'static str = "knn_regressor";
    const SUMMARY: &'static str = "the nearest neighbours among the last records, by exact search";
    const REFERENCE: &'static str =
        "Cover and Hart, Nearest neighbor pattern classification, IEEE Trans. Information Theory 13(1), 1967";

    fn examples() -> Vec<Value> {
        Aggregation::choices().iter().map(|a| json!({ Self::NAME: { "aggregation": a.name, "window_size": 100 } })).collect()
    }

    fn build(params: KnnRegressorParams, on: &ModelBuild<'_>) -> Result<Self, Vec<ParamError>> {
        Ok(KnnRegressor::new(params, on.schema.len()))
    }
}

impl_snapshot!(KnnRegressor);

//! The aggregated Mondrian forest for regression.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::tree::{MondrianTree, Rules};
use crate::{
    impl_snapshot,
    learn::{
        base::{Regressor, Schema, finite},
        catalog::{Component, ModelBuild},
        params::{ParamError, above},
        random::Random,
    },
};

crate::params! {
    /// Parameters of [`AmfRegressor`].
    pub struct AmfRegressorParams {
        /// How many trees.
        n_estimators: usize = 10, in 1..=1_000, unit "trees";
        /// How strongly the losses count in the aggregation; about 1 / (2 * variance) of the noise in the target.
        step: f64 = 1.0, in above(0.0);
        /// Whether a prediction is the weighted mean of all prunings of a tree, or that of the leaf alone.
        use_aggregation: bool = true;
        /// At how many nodes a tree stops splitting, which adds two at a time; "none" lets trees grow by about two nodes a record, for ever.
        max_nodes: Option<usize> = Some(2_000), in 1..=10_000_000, unit "nodes";
        /// The seed of the random numbers; "none" takes the one the model is built with.
        seed: Option<u64> = None;
    }
}

/// Trees whose splits are drawn at random where records fall outside the known ranges; each tree predicts with the mean of all its prunings, weighted by
/// how well they predicted so far.
///
/// Features should lie in ranges of like size, such as 0 to 1: a split is the more likely the farther a feature strays. A tree at `max_nodes` nodes splits
/// no more; its leaves go on learning their means and weights. A node takes 64 bytes and 16 a feature. A record whose split feature is absent goes to the
/// child with the larger weight. Sample weights are not used.
///
/// Reference: J. Mourtada, S. Gaïffas, E. Scornet, "AMF: aggregated Mondrian forests for online learning", J. Royal Statistical Society B 83(3), 2021.
///
/// ```
/// use tidemill::learn::{base::{Regressor, Schema}, mondrian::{AmfRegressor, AmfRegressorParams}};
///
/// let params = AmfRegressorParams { seed: Some(42), ..AmfRegressorParams::default() };
/// let mut model = AmfRegressor::new(params, &Schema::new(["x"]), 7);
/// for k in 0..1000 {
///     let x = f64::from(k * 7 % 100) / 100.0;
///     model.learn_one(&[x], if x < 0.5 { 10.0 } else { 20.0 });
/// }
/// assert_eq!(format!("{:.2} {:.2}", model.predict_one(&[0.2]), model.predict_one(&[0.8])), "10.00 20.00");
/// ```
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct AmfRegressor {
    params: AmfRegressorParams,
    seed: u64,
    /// The features in the order of their names.
    by_name: Vec<usize>,
    trees: Vec<MondrianTree>,
    learned: bool,
}

impl AmfRegressor {
    /// A forest over these features; `seed` is for parameters that name none.
    pub fn new(params: AmfRegressorParams, schema: &Schema, seed: u64) -> Self {
        let mut by_name: Vec<usize> = (0..schema.len()).collect();
        by_name.sort_by_key(|k| &schema.names()[*k]);
        AmfRegressor::over(params, by_name, seed)
    }

    fn over(params: AmfRegressorParams, by_name: Vec<usize>, seed: u64) -> Self {
        let mut random = Random::new(params.seed.unwrap_or(seed));
        let tree = |_| MondrianTree::new(by_name.len(), random.randint(0, 9_999_999).unsigned_abs());
        let trees = (0..params.n_estimators).map(tree).collect();
        AmfRegressor { params, seed, by_name, trees, learned: false }
    }

    /// How many nodes the trees have together.
    pub fn nodes(&self) -> usize {
        self.trees.iter().map(MondrianTree::nodes).sum()
    }
}

impl Regressor for AmfRegressor {
    fn predict_one(&mut self, x: &[f64]) -> f64 {
        if !self.learned {
            return 0.0;
        }
        let sum: f64 = self.trees.iter().map(|tree| tree.predict(x, self.params.use_aggregation)).sum();
        finite(sum / self.trees.len() as f64)
    }

    fn learn_one(&mut self, x: &[f64], y: f64) {
        if !y.is_finite() {
            return;
        }
        let rules = Rules {
            step: self.params.step,
            aggregate: self.params.use_aggregation,
            max_nodes: self.params.max_nodes.unwrap_or(u32::MAX as usize),
            by_name: &self.by_name,
        };
        self.trees.iter_mut().for_each(|tree| tree.learn(x, y, rules));
        self.learned = true;
    }

    fn clone_fresh(&self) -> Box<dyn Regressor> {
        Box::new(AmfRegressor::over(self.params.clone(), self.by_name.clone(), self.seed))
    }

    fn clone_learned(&self) -> Box<dyn Regressor> {
        Box::new(self.clone())
    }
}

impl Component for AmfRegressor {
    type Params = AmfRegressorParams;
    const NAME: &'static str = "amf_regressor";
    const SUMMARY: &'static str = "aggregated Mondrian forest: random splits, predictions averaged over all prunings";
    const REFERENCE: &'static str =
        "Mourtada, Gaïffas and Scornet, AMF: aggregated Mondrian forests, J. Royal Statistical Society B 83(3), 2021";

    fn examples() -> Vec<Value> {
        let small =
            |aggregation: bool| json!({ Self::NAME: { "n_estimators": 3, "max_nodes": 101, "use_aggregation": aggregation } });
        vec![small(true), small(false)]
    }

    fn build(params: AmfRegressorParams, on: &ModelBuild<'_>) -> Result<Self, Vec<ParamError>> {
        Ok(AmfRegressor::new(params, on.schema, on.seed))
    }
}

impl_snapshot!(AmfRegressor);

#[cfg(test)]
mod tests {
    use super::*;

    fn model(max_nodes: Option<usize>) -> AmfRegressor {
        let params = AmfRegressorParams { n_estimators: 2, max_nodes, seed: Some(1), ..AmfRegressorParams::default() };
        AmfRegressor::new(params, &Schema::new(["b", "a"]), 0)
    }

    fn learn(model: &mut AmfRegressor, records: u32) {
        for k in 0..records {
            let (a, b) = (f64::from(k * 37 % 101) / 101.0, f64::from(k * 17 % 97) / 97.0);
            model.learn_one(&[a, b], 10.0 * a + b);
        }
    }

    #[test]
    fn a_full_tree_splits_no_more_and_learns_on() {
        let (mut bounded, mut free) = (model(Some(50)), model(None));
        learn(&mut bounded, 2_000);
        learn(&mut free, 2_000);
        assert_eq!(bounded.nodes(), 2 * 51);
        assert!(free.nodes() > 1_000, "{}", free.nodes());
        let before = bounded.predict_one(&[0.5, 0.5]);
        (0..200).for_each(|_| bounded.learn_one(&[0.5, 0.5], 100.0));
        assert!(bounded.predict_one(&[0.5, 0.5]) > before + 10.0);
    }

    #[test]
    fn losses_of_the_size_of_prices_leave_finite_predictions() {
        let mut model = model(Some(200));
        for k in 0..500 {
            let open = 30_000.0 + f64::from(k % 13);
            model.learn_one(&[open, f64::NAN], open + 1e6 * f64::from(k % 2));
        }
        let prediction = model.predict_one(&[30_005.0, 1.0]);
        assert!((30_000.0..1_030_020.0).contains(&prediction), "{prediction}");
    }
}

//! How a tree grows: the settings that all tree models share.

use super::splitter::{SplitterKind, SplitterSpec};
use crate::learn::{
    arithmetic::Arithmetic,
    base::{Regressor, Schema},
};

crate::choices! {
    /// What a leaf predicts with.
    pub enum LeafPrediction {
        /// The mean of its targets.
        Mean = "mean",
        /// Its model.
        Model = "model",
        /// Whichever of both erred less of late.
        Adaptive = "adaptive",
    }
}

/// The depth that no tree passes: River's limit by the depth of Python's recursion.
pub const DEEPEST: u32 = 980;

/// Bytes that one point of a splitter takes.
const POINT_BYTES: f64 = 40.0;

/// The settings of a tree's growth, as read from the parameters of a model.
#[derive(Debug, Clone, PartialEq)]
pub struct Growth {
    /// A leaf tries to split each time it has seen this much more weight.
    pub grace_period: f64,
    /// Leaves this deep do not split.
    pub max_depth: u32,
    /// ln(1 / delta): how sure a split must be.
    pub log_inverse_delta: f64,
    /// Splits are made as soon as the Hoeffding bound is below this.
    pub tau: f64,
    /// What leaves predict with.
    pub leaf_prediction: LeafPrediction,
    /// What is kept of the squared errors that choose between mean and model.
    pub model_selector_decay: f64,
    /// What leaves keep of each feature.
    pub splitter: SplitterKind,
    /// Both sides of a split must weigh so much.
    pub min_samples_split: f64,
    /// The tree has at most so many nodes.
    pub max_nodes: usize,
    /// The splitters of the tree have at most so many points.
    pub max_points: u64,
    /// Whether nothing splits any more once a leaf was deactivated.
    pub stop_mem_management: bool,
    /// Whether features that split much worse than the best are not watched any more.
    pub remove_poor_attrs: bool,
    /// Whether not to split is a candidate.
    pub merit_preprune: bool,
    /// Whether River's defects are repeated.
    pub river_compat: bool,
    /// Whether splits are judged by the standard deviation that they take away; else by the variance.
    pub by_deviation: bool,
    /// Whether leaves keep the mean of the features of their records.
    pub centroids: bool,
    /// How squares are taken.
    pub arithmetic: Arithmetic,
    /// How many features a leaf watches; none for all.
    pub max_features: Option<usize>,
    /// The features in the order of their names: what a random choice of features is drawn from.
    pub by_name: Vec<u32>,
}

/// What the parameters of tree models have in common.
pub struct Common<'a> {
    /// Weight between attempts to split.
    pub grace_period: u32,
    /// The deepest leaves.
    pub max_depth: Option<u32>,
    /// How likely a wrong split may be.
    pub delta: f64,
    /// Bound of ties.
    pub tau: f64,
    /// What leaves predict with.
    pub leaf_prediction: LeafPrediction,
    /// What is kept of squared errors.
    pub model_selector_decay: f64,
    /// What leaves keep of each feature.
    pub splitter: &'a SplitterSpec,
    /// Least weight of a side.
    pub min_samples_split: u32,
    /// Most nodes.
    pub max_nodes: u32,
    /// Most mebibytes of splitters.
    pub max_size: f64,
    /// No growth after the first deactivated leaf.
    pub stop_mem_management: bool,
    /// Poor features are dropped.
    pub remove_poor_attrs: bool,
    /// Not to split is a candidate.
    pub merit_preprune: bool,
    /// River's defects.
    pub river_compat: bool,
}

/// The [`Common`] of parameters whose fields have its names, with this splitter.
macro_rules! common {
    ($params:expr, $splitter:expr) => {
        $crate::learn::tree::Common {
            grace_period: $params.grace_period,
            max_depth: $params.max_depth,
            delta: $params.delta,
            tau: $params.tau,
            leaf_prediction: $params.leaf_prediction,
            model_selector_decay: $params.model_selector_decay,
            splitter: $splitter,
            min_samples_split: $params.min_samples_split,
            max_nodes: $params.max_nodes,
            max_size: $params.max_size,
            stop_mem_management: $params.stop_mem_management,
            remove_poor_attrs: $params.remove_poor_attrs,
            merit_preprune: $params.merit_preprune,
            river_compat: $params.river_compat,
        }
    };
}

pub(in crate::learn) use common;

impl Growth {
    /// The settings that these parameters mean.
    pub fn new(common: &Common<'_>) -> Self {
        let arithmetic = Arithmetic::of(common.river_compat);
        Growth {
            grace_period: f64::from(common.grace_period),
            max_depth: common.max_depth.unwrap_or(DEEPEST).min(DEEPEST),
            log_inverse_delta: arithmetic.log(1.0 / common.delta),
            tau: common.tau,
            leaf_prediction: common.leaf_prediction,
            model_selector_decay: common.model_selector_decay,
            splitter: SplitterKind::from(common.splitter),
            min_samples_split: f64::from(common.min_samples_split),
            max_nodes: common.max_nodes as usize,
            max_points: (common.max_size * 1_048_576.0 / POINT_BYTES) as u64,
            stop_mem_management: common.stop_mem_management,
            remove_poor_attrs: common.remove_poor_attrs,
            merit_preprune: common.merit_preprune,
            river_compat: common.river_compat,
            by_deviation: false,
            centroids: false,
            arithmetic,
            max_features: None,
            by_name: Vec::new(),
        }
    }

    /// The Hoeffding bound at weight `n`, for merits relative to the best one.
    pub fn bound(&self, n: f64) -> f64 {
        (self.log_inverse_delta / (2.0 * n)).sqrt()
    }
}

/// What grows besides the settings: the model of the leaves, as it is before it learns.
pub struct Seedling<'a> {
    /// The settings.
    pub growth: &'a Growth,
    /// The model of new leaves; not used by leaves that predict their mean.
    pub leaf_model: &'a (dyn Regressor + 'static),
}

/// The features in the order of their names.
pub fn name_order(schema: &Schema) -> Vec<u32> {
    let mut order: Vec<u32> = (0..schema.len() as u32).collect();
    order.sort_by_key(|feature| &schema.names()[*feature as usize]);
    order
}

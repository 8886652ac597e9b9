//! Hoeffding trees and their splitters.

use super::{Class, model, part};

pub const CLASSES: &[Class] = &[
    model(
        "HoeffdingTreeRegressor",
        "hoeffding_tree_regressor",
        &[
            ("grace_period", "grace_period"),
            ("max_depth", "max_depth"),
            ("delta", "delta"),
            ("tau", "tau"),
            ("leaf_prediction", "leaf_prediction"),
            ("leaf_model", "leaf_model"),
            ("model_selector_decay", "model_selector_decay"),
            ("nominal_attributes", ""),
            ("splitter", "splitter"),
            ("min_samples_split", "min_samples_split"),
            ("binary_split", ""),
            ("max_size", "max_size"),
            ("memory_estimate_period", ""),
            ("stop_mem_management", "stop_mem_management"),
            ("remove_poor_attrs", "remove_poor_attrs"),
            ("merit_preprune", "merit_preprune"),
        ],
    )
    .compat(),
    model(
        "HoeffdingAdaptiveTreeRegressor",
        "hoeffding_adaptive_tree_regressor",
        &[
            ("grace_period", "grace_period"),
            ("max_depth", "max_depth"),
            ("delta", "delta"),
            ("tau", "tau"),
            ("leaf_prediction", "leaf_prediction"),
            ("leaf_model", "leaf_model"),
            ("model_selector_decay", "model_selector_decay"),
            ("nominal_attributes", ""),
            ("splitter", "splitter"),
            ("min_samples_split", "min_samples_split"),
            ("bootstrap_sampling", "bootstrap_sampling"),
            ("drift_window_threshold", "drift_window_threshold"),
            ("drift_detector", "drift_detector"),
            ("switch_significance", "switch_significance"),
            ("binary_split", ""),
            ("max_size", "max_size"),
            ("memory_estimate_period", ""),
            ("stop_mem_management", "stop_mem_management"),
            ("remove_poor_attrs", "remove_poor_attrs"),
            ("merit_preprune", "merit_preprune"),
            ("seed", "seed"),
        ],
    )
    .compat(),
    part("EBSTSplitter", "ebst", &[]),
    part("TEBSTSplitter", "tebst", &[("digits", "digits")]),
    part("QOSplitter", "qo", &[("radius", "radius")]),
];

//! Detectors of what is unusual, and the rule that says from which score on something is.
//!
//! Two detectors look at one number (`gaussian_scorer`, `standard_absolute_deviation`), two at features (`half_space_trees`, `one_class_svm`); a
//! `pipeline` puts transformers before a detector of features. A [`Guard`] holds a detector and a rule and decides what may be learned.

mod gaussian_scorer;
mod guard;
mod half_space_trees;
mod one_class_svm;
mod pipeline;
mod standard_absolute_deviation;

pub use gaussian_scorer::{GaussianScorer, GaussianScorerParams};
pub use guard::{AnomalyRule, Guard, QuantileRule, ThresholdRule, Verdict};
pub use half_space_trees::{HalfSpaceTrees, HalfSpaceTreesParams};
pub use one_class_svm::{OneClassSvm, OneClassSvmParams};
pub use pipeline::DetectorPipeline;
pub use standard_absolute_deviation::{Center, StandardAbsoluteDeviation, StandardAbsoluteDeviationParams};

use super::{base::AnomalyDetector, catalog::Entry};

/// The detectors of this family, for the catalogue.
pub fn detectors() -> Vec<Entry<Box<dyn AnomalyDetector>>> {
    vec![
        Entry::anomaly_detector::<GaussianScorer>(),
        Entry::anomaly_detector::<StandardAbsoluteDeviation>(),
        Entry::anomaly_detector::<HalfSpaceTrees>(),
        Entry::anomaly_detector::<OneClassSvm>(),
        Entry::anomaly_detector::<DetectorPipeline>(),
    ]
}

//! Models made of models: pipelines, wrappers around a regressor, and what ensembles share.

mod kept;
mod members;
mod parts;
mod pipeline;
mod pred_clipper;
mod range_clipper;
mod target_scaler;
mod union;

pub use kept::{Kept, Part};
pub use members::Members;
pub use parts::{load_parts, save_parts};
pub use pipeline::{Pipeline, PipelineParams};
pub use pred_clipper::{PredClipper, PredClipperParams};
pub use range_clipper::{RangeClipper, RangeClipperParams, SeenRange};
pub use target_scaler::{
    MinMaxed, Standardised, TargetMinMaxScaler, TargetScale, TargetScaler, TargetScalerParams, TargetStandardScaler,
};
pub use union::{Union, UnionParams};

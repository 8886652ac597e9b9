//! Models made of models: pipelines and wrappers around a regressor.

mod parts;
mod pipeline;
mod target_scaler;

pub use parts::{load_parts, save_parts};
pub use pipeline::{Pipeline, PipelineParams};
pub use target_scaler::{TargetStandardScaler, TargetStandardScalerParams};

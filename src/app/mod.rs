//! What each command does: puts the layers below together, and turns what they say into something for people or programs.

pub mod backtest;
pub mod demo;
pub mod errors;
pub mod ingest;
pub mod input;
pub mod live;
pub mod model_spec;
pub mod models;
pub mod options;
pub mod outputs;
pub mod prequential;
pub mod remote;
pub mod report;
pub mod secret;
pub mod settings;
pub mod state;
pub mod state_dir;
pub mod table;
pub mod topics;
pub mod topology;

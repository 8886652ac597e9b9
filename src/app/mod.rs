//! local
pub mod backtest;
pub mod errors;
pub mod input;
pub mod live;
pub mod models;
pub mod options;
pub mod outputs;
pub mod report;
pub mod settings;
pub mod table;
pub mod topology;

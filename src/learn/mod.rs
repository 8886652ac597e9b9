//! Online learning: models that take one record at a time, with River's semantics and names.
//!
//! This library imports [`snapshot`](crate::snapshot) only. It reads no clock, draws no unseeded number and depends on no hash order, so the same
//! stream gives the same bytes everywhere.
//!
//! A model is one file and one line of [`catalog`]; its parameters are declared once with [`params!`](crate::params), and help texts, checks and
//! error messages derive from that. [`checks`] puts every model of the catalogue through the tests that fit its kind.

pub mod anomaly;
pub mod arithmetic;
pub mod base;
pub mod batch;
pub mod catalog;
pub mod checks;
pub mod compose;
pub mod conformal;
pub mod drift;
pub mod dummy;
pub mod ensemble;
pub mod evaluate;
pub mod feature_extraction;
pub mod forest;
pub mod linear_model;
pub mod metrics;
pub mod model_selection;
pub mod mondrian;
pub mod neighbors;
pub mod optim;
pub mod params;
pub mod preprocessing;
pub mod random;
pub mod rules;
pub mod sgt;
pub mod stats;
pub mod time_series;
pub mod tree;

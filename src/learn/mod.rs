//! Online learning: models that take one record at a time, with River's semantics and names.
//!
//! This library imports [`snapshot`](crate::snapshot) only. It reads no clock, draws no unseeded number and depends on no hash order, so the same
//! stream gives the same bytes everywhere.

pub mod base;
pub mod catalog;
pub mod params;

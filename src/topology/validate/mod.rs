//! Judging a topology as it was written: everything that is wrong, at once.
//!
//! `declare` reads the tables, `links` who reads whom, `topics` what is read and written. What a node's own parameters mean is judged by its
//! operator when the topology is compiled; here only their names are.

mod declare;
mod links;
mod topics;

use super::diagnostic::Problem;
use super::outline::{CustomNodes, Outline};
use super::spec::Spec;
use crate::processor::Catalog;

pub(super) use links::edges;

/// What was declared, and everything that is wrong with it.
pub(super) fn outline(spec: &Spec, catalog: &Catalog, custom: &CustomNodes) -> (Outline, Vec<Problem>) {
    let mut declared = declare::declare(spec, catalog, custom);
    links::link(&mut declared);
    topics::check(&declared.outline, &mut declared.problems);
    (declared.outline, declared.problems)
}

#[cfg(test)]
mod tests;

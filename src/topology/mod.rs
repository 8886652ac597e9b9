//! Topologies: the file as written (spec), what it means (graph), and everything said about it in between.
//!
//! `spec` reads the text, `validate` judges it, `compile` builds the nodes through a [`Catalog`](crate::processor::Catalog); `describe`, `diff` and
//! `reference` explain. It knows no particular operator, no log and no store.

mod assemble;
mod compile;
mod diagnostic;
mod fingerprint;
mod graph;
mod names;
mod order;
mod outline;
mod source_map;
mod spec;
mod tables;
#[cfg(test)]
mod testing;
mod validate;

pub use compile::compile;
pub use diagnostic::{Diagnostic, Severity, TopologyErrors};
pub use graph::{Graph, Node, Sink, Source};
pub use source_map::Location;
pub use spec::MAX_TEXT_BYTES;

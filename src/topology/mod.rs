//! Topologies: the file as written (spec), what it means (graph), and everything said about it in between.
//!
//! `spec` reads the text, `validate` judges it, `compile` builds the nodes through a [`Catalog`](crate::processor::Catalog); `describe`, `diff` and
//! `reference` explain. It knows no particular operator, no log and no store.

mod assemble;
mod builder;
mod compile;
mod describe;
mod diagnostic;
mod diff;
mod fingerprint;
mod graph;
mod names;
mod order;
mod outline;
mod reference;
#[cfg(test)]
mod robustness;
mod source_map;
mod spec;
mod tables;
#[cfg(test)]
mod testing;
mod validate;

pub use builder::{CustomProcessor, TopologyBuilder};
pub use compile::compile;
pub use describe::{describe_dot, describe_json, describe_mermaid, describe_text};
pub use diagnostic::{Diagnostic, Severity, TopologyErrors};
pub use diff::{KeyChange, NodeChange, NodeDiff, StoredNode, TopologyDiff, diff};
pub use graph::{Graph, Node, Sink, Source};
pub use reference::{reference, reference_of};
pub use spec::MAX_TEXT_BYTES;

//! Topologies: the file as written (spec), what it means (graph), and everything said about it in between.

mod graph;

pub use graph::{Graph, Node, Sink, Source};

//! A topology between spec and graph: who is declared and who reads whom, as far as it could be understood.

use std::collections::BTreeMap;

use serde_json::Value;

use super::tables::TopologyParams;
use crate::processor::{DecoderEntry, EventKind, OperatorEntry, Role};

/// Nodes that a program gives directly instead of through the catalogue, by name.
pub(super) type CustomNodes = BTreeMap<String, OperatorEntry>;

/// What was declared. Parts that are wrong are absent or marked as broken, and have been told.
#[derive(Default)]
pub(super) struct Outline {
    pub settings: Option<TopologyParams>,
    /// Exactly one in a valid topology.
    pub sources: Vec<SourceDecl>,
    /// Processors, learners, evaluators, each in the order written.
    pub nodes: Vec<NodeDecl>,
    pub sinks: Vec<SinkDecl>,
}

/// A source. What of it is wrong is absent.
pub(super) struct SourceDecl {
    pub name: String,
    pub topic: Option<String>,
    pub decoder: Option<DecoderEntry>,
}

/// One node.
pub(super) struct NodeDecl {
    pub path: Vec<String>,
    pub name: String,
    pub role: Role,
    /// Its type; absent when it is unknown.
    pub entry: Option<OperatorEntry>,
    pub parents: Vec<ParentDecl>,
    /// Its table without `type`, `parents` and unknown keys.
    pub params: Value,
}

/// One output topic.
pub(super) struct SinkDecl {
    pub path: Vec<String>,
    pub name: String,
    pub topic: Option<String>,
    pub kind: Option<EventKind>,
    pub parents: Vec<ParentDecl>,
}

/// One parent of a node or sink as it was written.
pub(super) struct ParentDecl {
    pub name: String,
    /// Where it was written: `["learners", "lr", "parents", "0"]`.
    pub path: Vec<String>,
    pub target: Target,
}

/// Whom a parent's name means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Target {
    /// The source.
    Source,
    /// The node at this place of [`Outline::nodes`].
    Node(usize),
    /// Nobody, or a node in a cycle; told already.
    Broken,
}

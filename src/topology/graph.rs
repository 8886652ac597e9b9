//! The compiled topology: what a task runs. Immutable and shared by all tasks.

use std::sync::Arc;

use serde_json::Value;

use crate::processor::{Decoder, EventKind, EventKinds, NodeId, Port, ProcessorFactory, Role};

/// A topology ready to run.
pub struct Graph {
    /// Its name: the first part of prediction ids and of the default topics.
    pub name: Arc<str>,
    /// The seed every random model derives its own from.
    pub seed: u64,
    /// Where records come from.
    pub source: Source,
    /// The nodes after the source, parents before children; node `i` of this list has the number `i + 1`.
    pub nodes: Vec<Node>,
    /// The output topics with what goes to each, in declaration order.
    pub sinks: Vec<Sink>,
    /// Where late records go.
    pub late_topic: Arc<str>,
    /// Where dead records go.
    pub dead_letter_topic: Arc<str>,
    /// Most coins a partition may carry; records of further coins are dead letters.
    pub max_coins: usize,
    /// Longest input record that is decoded, bytes; the source's decoder refuses longer ones.
    pub max_record_bytes: usize,
    /// A digest over everything above that outputs and state depend on.
    pub fingerprint: String,
}

/// The source of a topology.
pub struct Source {
    /// Its name.
    pub name: Arc<str>,
    /// The topic it reads.
    pub topic: Arc<str>,
    /// The name of its format.
    pub format: &'static str,
    /// Turns bytes into events.
    pub decoder: Arc<dyn Decoder>,
    /// What it gives to its children.
    pub port: Port,
    /// Digest of its table: other records mean other state.
    pub fingerprint: String,
}

/// One node.
pub struct Node {
    /// Its number.
    pub id: NodeId,
    /// Its name: the name of its state.
    pub name: Arc<str>,
    /// Which table it was written in.
    pub role: Role,
    /// The kind of node: `window`, `learner`, ...
    pub operator: &'static str,
    /// Its parents in declaration order.
    pub parents: Vec<NodeId>,
    /// The kinds of events it takes; others its parents give pass it by.
    pub accepts: EventKinds,
    /// Makes its processors.
    pub factory: Arc<dyn ProcessorFactory>,
    /// What it gives to its children.
    pub port: Port,
    /// Its table in canonical form, for diffs.
    pub spec: Value,
    /// Digest of its table and its ancestors': state written under another one does not fit.
    pub fingerprint: String,
}

/// One output topic and what goes to it.
pub struct Sink {
    /// Its name.
    pub name: Arc<str>,
    /// The topic it writes.
    pub topic: Arc<str>,
    /// The nodes it takes from, in declaration order.
    pub parents: Vec<NodeId>,
    /// The kind of events it takes.
    pub kind: EventKind,
}

impl Graph {
    /// The node with this number; `None` for the source.
    pub fn node(&self, id: NodeId) -> Option<&Node> {
        self.nodes.get(usize::from(id.0).checked_sub(1)?)
    }

    /// The name of the node with this number.
    pub fn node_name(&self, id: NodeId) -> &Arc<str> {
        self.node(id).map_or(&self.source.name, |node| &node.name)
    }

    /// Every output topic: the sinks' in declaration order, then late and dead letters.
    pub fn output_topics(&self) -> Vec<Arc<str>> {
        let mut topics: Vec<_> = self.sinks.iter().map(|sink| sink.topic.clone()).collect();
        topics.extend([self.late_topic.clone(), self.dead_letter_topic.clone()]);
        topics
    }
}

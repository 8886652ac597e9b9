//! The parts of a graph, put together: the source, the nodes' specs and fingerprints, and the digest of it all.

use serde_json::{Map, Value, json};

use super::fingerprint::{canonical, fingerprint, node_fingerprint};
use super::graph::{Graph, Node, Sink, Source};
use super::outline::{NodeDecl, SourceDecl};
use super::tables::TopologyParams;
use crate::processor::{Built, NodeId, OperatorEntry, Port, Role};

/// A parent as a node's state knows it.
pub(super) struct ParentFacts<'a> {
    pub id: NodeId,
    pub name: &'a str,
    pub fingerprint: &'a str,
}

/// The source, unless something of it is wrong.
pub(super) fn source(decl: &SourceDecl, max_record_bytes: usize) -> Option<Source> {
    let (topic, entry) = (decl.topic.as_deref()?, decl.decoder.as_ref()?);
    Some(Source {
        name: decl.name.as_str().into(),
        topic: topic.into(),
        format: entry.name,
        decoder: (entry.build)(max_record_bytes),
        port: Port { kinds: entry.gives, ..Port::of(&[]) },
        fingerprint: fingerprint(&json!({ "topic": topic, "format": entry.name })),
    })
}

/// A built node.
pub(super) fn node(
    decl: &NodeDecl,
    entry: &OperatorEntry,
    id: NodeId,
    built: Built,
    parents: &[ParentFacts<'_>],
    seed: u64,
) -> Node {
    let params = canonical(if built.params.is_null() { &decl.params } else { &built.params });
    Node {
        id,
        name: decl.name.as_str().into(),
        role: decl.role,
        operator: entry.name,
        parents: parents.iter().map(|parent| parent.id).collect(),
        accepts: entry.accepts,
        factory: built.factory,
        port: built.port,
        fingerprint: digest(decl.role, entry.name, &params, parents, seed),
        spec: spec_of(decl, entry.name, params, seed),
    }
}

/// An evaluator keeps its state by model: another list of models leaves what it knows of the old ones usable, so its parents are left out. A learner
/// draws its random numbers from the topology's seed, so under another seed it is another model.
fn digest(role: Role, operator: &str, params: &Value, parents: &[ParentFacts<'_>], seed: u64) -> String {
    let parents: Vec<(&str, &str)> = parents.iter().map(|parent| (parent.name, parent.fingerprint)).collect();
    match role {
        Role::Evaluator => node_fingerprint(operator, params, &[]),
        Role::Processor => node_fingerprint(operator, params, &parents),
        Role::Learner => node_fingerprint(operator, &json!({ "params": params, "seed": seed }), &parents),
    }
}

/// The node's table in canonical form, for diffs. A learner's seed is its topology's and shows under a key that no table can hold.
fn spec_of(decl: &NodeDecl, operator: &str, params: Value, seed: u64) -> Value {
    let mut spec = Map::new();
    spec.insert("type".into(), operator.into());
    spec.insert("parents".into(), decl.parents.iter().map(|parent| parent.name.as_str()).collect());
    if decl.role == Role::Learner {
        spec.insert("topology.seed".into(), seed.into());
    }
    if let Value::Object(params) = params {
        spec.extend(params);
    }
    canonical(&Value::Object(spec))
}

/// The graph of these parts.
pub(super) fn graph(settings: &TopologyParams, source: Source, nodes: Vec<Node>, sinks: Vec<Sink>) -> Graph {
    let mut graph = Graph {
        name: settings.name.as_str().into(),
        seed: settings.seed,
        source,
        nodes,
        sinks,
        late_topic: settings.late_topic().into(),
        dead_letter_topic: settings.dead_letter_topic().into(),
        max_coins: settings.max_coins,
        max_record_bytes: settings.max_record_bytes,
        fingerprint: String::new(),
    };
    graph.fingerprint = graph_fingerprint(&graph);
    graph
}

/// Nodes and sinks stand in the order in which they run and write, because the order of records within a topic follows from it.
fn graph_fingerprint(graph: &Graph) -> String {
    let names = |ids: &[NodeId]| ids.iter().map(|id| graph.node_name(*id).to_string()).collect::<Vec<_>>();
    let nodes: Vec<Value> = graph.nodes.iter().map(|node| json!([*node.name, node.fingerprint, names(&node.parents)])).collect();
    let sinks: Vec<Value> =
        graph.sinks.iter().map(|sink| json!([*sink.name, *sink.topic, sink.kind.name(), names(&sink.parents)])).collect();
    fingerprint(&json!({
        "name": *graph.name,
        "seed": graph.seed,
        "source": [*graph.source.name, graph.source.fingerprint],
        "late_topic": *graph.late_topic,
        "dead_letter_topic": *graph.dead_letter_topic,
        "max_coins": graph.max_coins,
        "max_record_bytes": graph.max_record_bytes,
        "nodes": nodes,
        "sinks": sinks,
    }))
}

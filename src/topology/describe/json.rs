//! A graph for programs: the body of the topology's HTTP endpoint and of `tidemill topology describe --format json`.

use serde_json::{Value, json};

use super::{parent_names, role_name};
use crate::processor::{EventKinds, Port};
use crate::topology::graph::{Graph, Node, Sink};

pub(super) fn describe(graph: &Graph) -> Value {
    let source = &graph.source;
    json!({
        "name": *graph.name,
        "seed": graph.seed,
        "fingerprint": graph.fingerprint,
        "source": {
            "name": *source.name,
            "topic": *source.topic,
            "format": source.format,
            "fingerprint": source.fingerprint,
            "gives": port(&source.port),
        },
        "nodes": graph.nodes.iter().map(|one| node(graph, one)).collect::<Vec<_>>(),
        "sinks": graph.sinks.iter().map(|one| sink(graph, one)).collect::<Vec<_>>(),
        "late_topic": *graph.late_topic,
        "dead_letter_topic": *graph.dead_letter_topic,
        "max_coins": graph.max_coins,
        "max_record_bytes": graph.max_record_bytes,
    })
}

fn node(graph: &Graph, node: &Node) -> Value {
    json!({
        "name": *node.name,
        "role": role_name(node.role),
        "type": node.operator,
        "parents": parent_names(graph, &node.parents),
        "accepts": kinds(node.accepts),
        "gives": port(&node.port),
        "spec": node.spec,
        "fingerprint": node.fingerprint,
    })
}

fn sink(graph: &Graph, sink: &Sink) -> Value {
    let parents = parent_names(graph, &sink.parents);
    json!({ "name": *sink.name, "topic": *sink.topic, "records": sink.kind.name(), "parents": parents })
}

fn kinds(kinds: EventKinds) -> Vec<&'static str> {
    kinds.iter().map(|kind| kind.name()).collect()
}

fn port(port: &Port) -> Value {
    let mut value = json!({ "kinds": kinds(port.kinds) });
    if !port.columns.is_empty() {
        value["columns"] = port.columns.iter().map(|column| column.name.as_str()).collect();
    }
    if let Some(interval_ms) = port.interval_ms {
        value["interval_ms"] = interval_ms.into();
    }
    if let Some(question) = port.question {
        value["question"] =
            json!({ "target": question.target.name(), "horizon_ms": question.horizon_ms, "nowcast": question.nowcast });
    }
    value
}

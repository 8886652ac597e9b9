//! A graph for reading, in the spirit of Kafka Streams' `Topology#describe`.

use serde_json::Value;

use super::{children, kinds_text, parent_names, question_text, role_name};
use crate::processor::{NodeId, Port};
use crate::record::format_duration_ms;
use crate::topology::graph::{Graph, Node, Sink};

/// Most columns that are named.
const MOST_COLUMNS: usize = 12;

pub(super) fn describe(graph: &Graph) -> String {
    let mut lines = vec![
        format!("Topology: {}", graph.name),
        format!(
            "  seed {}, at most {} coins a partition, records of at most {} bytes",
            graph.seed, graph.max_coins, graph.max_record_bytes
        ),
        format!("  late records -> topic {}", graph.late_topic),
        format!("  dead letters -> topic {}", graph.dead_letter_topic),
        format!("  fingerprint {}", graph.fingerprint),
        String::new(),
    ];
    source(graph, &mut lines);
    graph.nodes.iter().for_each(|one| node(graph, one, &mut lines));
    graph.sinks.iter().for_each(|one| sink(graph, one, &mut lines));
    lines.join("\n") + "\n"
}

fn source(graph: &Graph, lines: &mut Vec<String>) {
    let source = &graph.source;
    lines.push(format!("  Source: {} (topic {}, format {})", source.name, source.topic, source.format));
    lines.push(format!("      gives {}", gives(&source.port)));
    arrow("-->", &children(graph, NodeId::SOURCE), lines);
}

fn node(graph: &Graph, node: &Node, lines: &mut Vec<String>) {
    let role = role_name(node.role);
    let title = role[..1].to_uppercase() + &role[1..];
    let kind = if node.operator == role { String::new() } else { format!(" ({})", node.operator) };
    lines.push(format!("  {title}: {}{kind}", node.name));
    lines.extend(params(&node.spec).map(|(key, value)| format!("      {key} = {value}")));
    lines.push(format!("      gives {}", gives(&node.port)));
    lines.push(format!("      fingerprint {}", node.fingerprint));
    arrow("<--", &parent_names(graph, &node.parents), lines);
    arrow("-->", &children(graph, node.id), lines);
}

fn sink(graph: &Graph, sink: &Sink, lines: &mut Vec<String>) {
    lines.push(format!("  Sink: {} (topic {}, {})", sink.name, sink.topic, sink.kind.name()));
    arrow("<--", &parent_names(graph, &sink.parents), lines);
}

fn arrow(arrow: &str, names: &[&str], lines: &mut Vec<String>) {
    lines.push(format!("      {arrow} {}", if names.is_empty() { "nobody".to_owned() } else { names.join(", ") }));
}

/// What stands in the node's own table.
fn params(spec: &Value) -> impl Iterator<Item = (&String, &Value)> {
    let shown = |key: &str| !matches!(key, "type" | "parents" | "topology.seed");
    spec.as_object().into_iter().flatten().filter(move |(key, _)| shown(key))
}

fn gives(port: &Port) -> String {
    let mut text = if port.kinds.is_empty() { "nothing".to_owned() } else { kinds_text(port.kinds) };
    if let Some(question) = question_text(port) {
        text += &format!(": {question}");
    }
    if let Some(interval_ms) = port.interval_ms {
        text += &format!(" every {}", format_duration_ms(interval_ms));
    }
    if !port.columns.is_empty() {
        text += &format!(" of {}: {}", port.columns.len(), columns(port));
    }
    text
}

fn columns(port: &Port) -> String {
    let names: Vec<&str> = port.columns.iter().take(MOST_COLUMNS).map(|column| column.name.as_str()).collect();
    let more = port.columns.len() - names.len();
    names.join(", ") + &if more > 0 { format!(" and {more} more") } else { String::new() }
}

//! A graph for Graphviz: `dot -Tsvg`.

use super::{kinds_text, question_text};
use crate::processor::{NodeId, Role};
use crate::topology::graph::{Graph, Node};

pub(super) fn describe(graph: &Graph) -> String {
    let mut lines = vec![
        format!("digraph {} {{", quoted(&graph.name)),
        "  rankdir=LR;".to_owned(),
        "  node [fontname=\"sans-serif\", shape=box, style=rounded];".to_owned(),
        box_line("topic", "in", &graph.source.topic, "shape=cylinder"),
        box_line("source", "", &format!("{}\n{}", graph.source.name, graph.source.format), "shape=cds, style=solid"),
    ];
    lines.extend(graph.nodes.iter().map(node));
    for sink in &graph.sinks {
        lines.push(box_line("sink", &sink.name, &format!("{}\n{}", sink.topic, sink.kind.name()), "shape=cylinder"));
    }
    lines.push(edge(&id("topic", "in"), &id("source", ""), ""));
    edges(graph, &mut lines);
    lines.push("}".to_owned());
    lines.join("\n") + "\n"
}

fn node(node: &Node) -> String {
    let about = question_text(&node.port).unwrap_or_else(|| node.operator.to_owned());
    let style = match node.role {
        Role::Processor => "style=rounded",
        Role::Learner => "shape=ellipse, style=solid",
        Role::Evaluator => "shape=diamond, style=solid",
    };
    box_line("node", &node.name, &format!("{}\n{about}", node.name), style)
}

fn edges(graph: &Graph, lines: &mut Vec<String>) {
    let from = |parent: &NodeId| graph.node(*parent).map_or_else(|| id("source", ""), |node| id("node", &node.name));
    let port = |parent: &NodeId| graph.node(*parent).map_or(&graph.source.port, |node| &node.port);
    for node in &graph.nodes {
        let label = |parent| kinds_text(port(parent).kinds.and(node.accepts));
        lines.extend(node.parents.iter().map(|parent| edge(&from(parent), &id("node", &node.name), &label(parent))));
    }
    for sink in &graph.sinks {
        lines.extend(sink.parents.iter().map(|parent| edge(&from(parent), &id("sink", &sink.name), "")));
    }
}

fn id(kind: &str, name: &str) -> String {
    quoted(&format!("{kind}:{name}"))
}

fn box_line(kind: &str, name: &str, label: &str, style: &str) -> String {
    format!("  {} [label={}, {style}];", id(kind, name), quoted(label))
}

fn edge(from: &str, to: &str, label: &str) -> String {
    let label = if label.is_empty() { String::new() } else { format!(" [label={}]", quoted(label)) };
    format!("  {from} -> {to}{label};")
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n"))
}

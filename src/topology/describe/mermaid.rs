//! A graph as a Mermaid flow chart, which Markdown pages draw.

use super::question_text;
use crate::processor::{NodeId, Role};
use crate::topology::graph::{Graph, Node};

pub(super) fn describe(graph: &Graph) -> String {
    let source = &graph.source;
    let mut lines = vec![
        "flowchart LR".to_owned(),
        format!("  in[({})] --> n0[/{}/]", label(&[&source.topic]), label(&[&source.name, source.format])),
    ];
    lines.extend(graph.nodes.iter().map(node));
    for (place, sink) in graph.sinks.iter().enumerate() {
        lines.push(format!("  s{place}[({})]", label(&[&sink.topic, sink.kind.name()])));
    }
    for node in &graph.nodes {
        lines.extend(node.parents.iter().map(|parent| format!("  {} --> {}", id(*parent), id(node.id))));
    }
    for (place, sink) in graph.sinks.iter().enumerate() {
        lines.extend(sink.parents.iter().map(|parent| format!("  {} --> s{place}", id(*parent))));
    }
    lines.join("\n") + "\n"
}

fn node(node: &Node) -> String {
    let about = question_text(&node.port).unwrap_or_else(|| node.operator.to_owned());
    let label = label(&[&node.name, &about]);
    let (open, close) = match node.role {
        Role::Processor => ("[", "]"),
        Role::Learner => ("([", "])"),
        Role::Evaluator => ("{{", "}}"),
    };
    format!("  {}{open}{label}{close}", id(node.id))
}

/// Mermaid has words that no node may be called by, so nodes are numbered here.
fn id(id: NodeId) -> String {
    format!("n{}", id.0)
}

fn label(lines: &[&str]) -> String {
    format!("\"{}\"", lines.join("<br/>").replace('"', "#quot;"))
}

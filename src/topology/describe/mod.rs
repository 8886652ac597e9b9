//! Graphs for people and tools: as text, DOT, Mermaid and JSON. The same graph always gives the same bytes.

mod dot;
mod json;
mod mermaid;
mod text;

use serde_json::Value;

use super::graph::Graph;
use crate::processor::{EventKinds, NodeId, Port, Role};
use crate::record::format_duration_ms;

/// The graph for reading: nodes, topics, parameters, fingerprints. Ends in a newline, as all of these do.
pub fn describe_text(graph: &Graph) -> String {
    text::describe(graph)
}

/// The graph for Graphviz (`dot -Tsvg`).
pub fn describe_dot(graph: &Graph) -> String {
    dot::describe(graph)
}

/// The graph for Markdown pages.
pub fn describe_mermaid(graph: &Graph) -> String {
    mermaid::describe(graph)
}

/// The graph for programs. Durations are in milliseconds; `question` is there for learners, `columns` for rows, `interval_ms` where all bars have
/// one span.
pub fn describe_json(graph: &Graph) -> Value {
    json::describe(graph)
}

/// The word for one node of a table.
fn role_name(role: Role) -> &'static str {
    match role {
        Role::Processor => "processor",
        Role::Learner => "learner",
        Role::Evaluator => "evaluator",
    }
}

fn kinds_text(kinds: EventKinds) -> String {
    kinds.iter().map(|kind| kind.name()).collect::<Vec<_>>().join(", ")
}

/// What a learner predicts, in a few words: `close in 5m`.
fn question_text(port: &Port) -> Option<String> {
    let question = port.question?;
    let when = if question.nowcast {
        "of the same bar (nowcast)".to_owned()
    } else {
        format!("in {}", format_duration_ms(question.horizon_ms))
    };
    Some(format!("{} {when}", question.target.name()))
}

/// Who takes from a node: nodes, then sinks, each in declaration order.
fn children(graph: &Graph, id: NodeId) -> Vec<&str> {
    let nodes = graph.nodes.iter().filter(|node| node.parents.contains(&id)).map(|node| &*node.name);
    let sinks = graph.sinks.iter().filter(|sink| sink.parents.contains(&id)).map(|sink| &*sink.name);
    nodes.chain(sinks).collect()
}

fn parent_names<'a>(graph: &'a Graph, parents: &[NodeId]) -> Vec<&'a str> {
    parents.iter().map(|id| &**graph.node_name(*id)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::topology::compile;
    use crate::topology::testing::{GOOD, catalog, golden};

    #[test]
    fn every_form_is_as_it_was() {
        let graph = compile(&GOOD.replace("rate = 0.25", "horizon = \"0s\""), "good.toml", &catalog()).unwrap().0;
        golden(include_str!("golden/good.txt"), &describe_text(&graph));
        golden(include_str!("golden/good.dot"), &describe_dot(&graph));
        golden(include_str!("golden/good.mmd"), &describe_mermaid(&graph));
        golden(include_str!("golden/good.json"), &format!("{:#}\n", describe_json(&graph)));
    }
}

//! Graphs for people and tools: as text, DOT, Mermaid and JSON. The same graph always gives the same bytes.

mod dot;
mod json;
mod mermaid;
mod text;

use super::graph::Graph;
use crate::processor::{EventKinds, NodeId, Port, Role};
use crate::record::format_duration_ms;

/// How a graph is described.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DescribeForm {
    /// For reading: nodes, topics, parameters, fingerprints.
    Text,
    /// For Graphviz.
    Dot,
    /// For Markdown pages.
    Mermaid,
    /// For programs.
    Json,
}

/// Describes a graph. Ends in a newline.
pub fn describe(graph: &Graph, form: DescribeForm) -> String {
    match form {
        DescribeForm::Text => text::describe(graph),
        DescribeForm::Dot => dot::describe(graph),
        DescribeForm::Mermaid => mermaid::describe(graph),
        DescribeForm::Json => json::describe(graph),
    }
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
        let forms = [
            (DescribeForm::Text, "txt"),
            (DescribeForm::Dot, "dot"),
            (DescribeForm::Mermaid, "mmd"),
            (DescribeForm::Json, "json"),
        ];
        for (form, ending) in forms {
            golden(&format!("describe/golden/good.{ending}"), &describe(&graph, form));
        }
    }
}

//! What stored state and a topology have in common, node by node: pure, from fingerprints and specs alone.

use std::fmt;

use serde::Serialize;
use serde_json::{Map, Value};

use super::graph::{Graph, Node};

/// A node as stored state names it.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredNode {
    /// Its name.
    pub name: String,
    /// Its type.
    pub operator: String,
    /// Its fingerprint when the state was written.
    pub fingerprint: String,
    /// Its table in canonical form, as [`Node::spec`] was then; `Null` if it was not kept.
    pub spec: Value,
}

/// What became of one node.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", tag = "change")]
pub enum NodeChange {
    /// Its state fits.
    Unchanged,
    /// There is no state of it yet: it is warmed from the log.
    Added,
    /// There is state of it, but no such node any more.
    Removed,
    /// It says something else than when its state was written.
    Changed {
        /// What.
        keys: Vec<KeyChange>,
    },
    /// It says the same, but what it reads is no longer the same.
    Affected {
        /// The parents that changed or are themselves affected; the source's name if that changed.
        by: Vec<String>,
    },
}

/// A key whose value is another one.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct KeyChange {
    /// The keys that lead to it, joined by dots.
    pub key: String,
    /// The value then; absent if the key was not there.
    pub before: Option<Value>,
    /// The value now; absent if the key is not there.
    pub after: Option<Value>,
}

/// What became of one node, by name.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct NodeDiff {
    /// Its name.
    pub name: String,
    /// What became of it.
    #[serde(flatten)]
    pub change: NodeChange,
}

/// The difference between stored state and a topology. Prints as a report with the command that resets what does not fit.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TopologyDiff {
    /// The topology's name.
    pub topology: String,
    /// Whether the source reads another topic or format: then no state fits.
    pub source_changed: bool,
    /// The graph's nodes in its order, then the removed ones.
    pub nodes: Vec<NodeDiff>,
}

/// Compares stored state, made from a source with this fingerprint, with a graph.
pub fn diff(stored_source: &str, stored: &[StoredNode], graph: &Graph) -> TopologyDiff {
    let source_changed = stored_source != graph.source.fingerprint;
    let mut nodes: Vec<NodeDiff> = Vec::new();
    for node in &graph.nodes {
        let change = match stored.iter().find(|old| *old.name == *node.name) {
            None => NodeChange::Added,
            Some(old) if old.fingerprint == node.fingerprint => NodeChange::Unchanged,
            Some(old) => changed_or_affected(old, node, graph, source_changed, &nodes),
        };
        nodes.push(NodeDiff { name: node.name.to_string(), change });
    }
    let gone = stored.iter().filter(|old| !graph.nodes.iter().any(|node| *node.name == *old.name));
    nodes.extend(gone.map(|old| NodeDiff { name: old.name.clone(), change: NodeChange::Removed }));
    TopologyDiff { topology: graph.name.to_string(), source_changed, nodes }
}

fn changed_or_affected(old: &StoredNode, node: &Node, graph: &Graph, source_changed: bool, earlier: &[NodeDiff]) -> NodeChange {
    let mut keys = Vec::new();
    compare("", Some(&old.spec), Some(&node.spec), &mut keys);
    if !keys.is_empty() {
        return NodeChange::Changed { keys };
    }
    let differs = |name: &str| {
        let of_node = earlier.iter().any(|diff| diff.name == name && diff.change != NodeChange::Unchanged);
        of_node || (source_changed && name == &*graph.source.name)
    };
    let parents = node.parents.iter().map(|id| graph.node_name(*id).to_string());
    NodeChange::Affected { by: parents.filter(|name| differs(name)).collect() }
}

/// Objects are compared key by key, everything else as a whole.
fn compare(path: &str, before: Option<&Value>, after: Option<&Value>, changes: &mut Vec<KeyChange>) {
    if before == after {
        return;
    }
    if let (Some(Value::Object(a)), Some(Value::Object(b))) = (before, after) {
        return compare_objects(path, a, b, changes);
    }
    changes.push(KeyChange { key: path.to_owned(), before: before.cloned(), after: after.cloned() });
}

fn compare_objects(path: &str, before: &Map<String, Value>, after: &Map<String, Value>, changes: &mut Vec<KeyChange>) {
    let mut keys: Vec<&String> = before.keys().chain(after.keys()).collect();
    keys.sort();
    keys.dedup();
    for key in keys {
        let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
        compare(&path, before.get(key), after.get(key), changes);
    }
}

impl TopologyDiff {
    /// Whether all stored state can be used; new nodes are warmed, removed ones forgotten.
    pub fn is_compatible(&self) -> bool {
        !self.source_changed && self.must_reset().is_empty()
    }

    /// The nodes whose state does not fit, in the order of the graph.
    pub fn must_reset(&self) -> Vec<&str> {
        let misfit = |diff: &&NodeDiff| matches!(diff.change, NodeChange::Changed { .. } | NodeChange::Affected { .. });
        self.nodes.iter().filter(misfit).map(|diff| diff.name.as_str()).collect()
    }

    /// The command that resets what does not fit, for the topology in `file`; `None` if everything fits.
    pub fn reset_command(&self, file: &str) -> Option<String> {
        let nodes: String = self.must_reset().iter().map(|name| format!(" --node {name}")).collect();
        let nodes = if self.source_changed { String::new() } else { nodes };
        (!self.is_compatible()).then(|| format!("tidemill state reset {file}{nodes} --yes"))
    }

    /// The difference for people: a line for each node that is not as it was, and the way out, for the topology in `file`.
    pub fn render(&self, file: &str) -> String {
        let mut text = if self.source_changed { "  ! source: another topic or format\n".to_owned() } else { String::new() };
        text.extend(self.nodes.iter().map(ToString::to_string));
        if text.is_empty() {
            text.push_str("  nothing has changed\n");
        }
        let way_out = self.reset_command(file).map(|command| {
            format!("State of these nodes does not fit any more. Go back to the old definition, or forget what they learned:\n  {command}\n")
        });
        format!("topology {} against its stored state:\n{text}{}", self.topology, way_out.unwrap_or_default())
    }
}

fn shown(value: &Option<Value>) -> String {
    value.as_ref().map_or("(absent)".to_owned(), Value::to_string)
}

/// One line, and one more for each changed key; nothing for an unchanged node.
impl fmt::Display for NodeDiff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = &self.name;
        match &self.change {
            NodeChange::Unchanged => Ok(()),
            NodeChange::Added => writeln!(f, "  + {name}: new, will be warmed from the log"),
            NodeChange::Removed => writeln!(f, "  - {name}: no longer there, its state is forgotten"),
            NodeChange::Affected { by } if by.is_empty() => writeln!(f, "  ~ {name}: made by another version of this program"),
            NodeChange::Affected { by } => writeln!(f, "  ~ {name}: reads {}, which changed", by.join(", ")),
            NodeChange::Changed { keys } => {
                writeln!(f, "  ! {name}: changed")?;
                keys.iter().try_for_each(|key| writeln!(f, "      {}: {} -> {}", key.key, shown(&key.before), shown(&key.after)))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::topology::compile;
    use crate::topology::testing::{GOOD, catalog};

    fn graph(from: &str, to: &str) -> Graph {
        assert!(GOOD.contains(from), "{from}");
        compile(&GOOD.replace(from, to), "x.toml", &catalog()).unwrap().0
    }

    /// What the unchanged topology would have stored, compared with another one.
    fn against_good(other: &Graph) -> TopologyDiff {
        let good = graph("", "");
        let stored = |node: &Node| StoredNode {
            name: node.name.to_string(),
            operator: node.operator.to_owned(),
            fingerprint: node.fingerprint.clone(),
            spec: node.spec.clone(),
        };
        diff(&good.source.fingerprint, &good.nodes.iter().map(stored).collect::<Vec<_>>(), other)
    }

    #[test]
    fn the_same_topology_fits() {
        let diff = against_good(&graph("", ""));
        assert!(diff.is_compatible() && diff.reset_command("x.toml").is_none());
        assert_eq!(diff.render("x.toml"), "topology good against its stored state:\n  nothing has changed\n");
    }

    #[test]
    fn a_changed_key_is_named_with_both_values_and_whoever_reads_the_node_is_affected() {
        let diff = against_good(&graph("lags = [1, 2]", "lags = [1, 3]"));
        let expected = "\
topology good against its stored state:
  ! x: changed
      lags: [1,2] -> [1,3]
  ~ a: reads x, which changed
  ~ b: reads x, which changed
State of these nodes does not fit any more. Go back to the old definition, or forget what they learned:
  tidemill state reset x.toml --node x --node a --node b --yes
";
        assert_eq!(diff.render("x.toml"), expected);
    }

    #[test]
    fn added_and_removed_nodes_do_not_disturb_the_others() {
        let text = GOOD.replace("[learners.b]", "[learners.c]").replace("\"b\"", "\"c\"");
        let diff = against_good(&compile(&text, "x.toml", &catalog()).unwrap().0);
        assert!(diff.is_compatible(), "the evaluator keeps its state: {diff:?}");
        let lines = "  + c: new, will be warmed from the log\n  - b: no longer there, its state is forgotten\n";
        assert!(diff.render("x.toml").ends_with(lines), "{}", diff.render("x.toml"));
    }

    #[test]
    fn another_source_means_that_everything_goes() {
        let diff = against_good(&graph("topic = \"market.candles.1m\"", "topic = \"other\""));
        assert_eq!(diff.reset_command("x.toml").as_deref(), Some("tidemill state reset x.toml --yes"));
        assert!(matches!(&diff.nodes[0].change, NodeChange::Affected { by } if by == &["candles"]), "{diff:?}");
    }
}

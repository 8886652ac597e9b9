//! What changed between the topology that wrote a state and the one that is to take it, for people.

use serde_json::{Map, Value};

use crate::task::{NodeState, TaskSnapshot};
use crate::topology::{Graph, Node};

/// The changed nodes with their old and new settings, and the command that lets the state go.
pub(super) fn differences(graph: &Graph, snapshot: &TaskSnapshot) -> String {
    let mut text = String::new();
    for old in &snapshot.nodes {
        if let Some(new) = graph.nodes.iter().find(|node| *node.name == *old.name && node.fingerprint != old.fingerprint) {
            text.push_str(&format!("\n  {}:{}", old.name, settings(old, new)));
        }
    }
    text.push_str(
        "\nGive the changed nodes new names to let them learn anew beside the others' state, undo the change, \
         or let all state of the application go with `tidemill state reset`",
    );
    text
}

fn settings(old: &NodeState, new: &Node) -> String {
    let was = serde_json::from_str(&old.spec).unwrap_or(Value::Null);
    let mut lines = String::new();
    compare("", &was, &new.spec, &mut lines);
    if lines.is_empty() {
        lines.push_str("\n    its own settings are the same; something before it changed");
    }
    lines
}

/// One line for each setting that differs, by its path.
fn compare(path: &str, was: &Value, is: &Value, lines: &mut String) {
    let (Value::Object(old), Value::Object(new)) = (was, is) else {
        if was != is {
            lines.push_str(&format!("\n    {path}: was {was}, is {is}"));
        }
        return;
    };
    for name in names(old, new) {
        let at = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        match (old.get(name), new.get(name)) {
            (Some(was), Some(is)) => compare(&at, was, is, lines),
            (Some(was), None) => lines.push_str(&format!("\n    {at}: was {was}, is gone")),
            (None, Some(is)) => lines.push_str(&format!("\n    {at}: was not there, is {is}")),
            (None, None) => {}
        }
    }
}

fn names<'a>(old: &'a Map<String, Value>, new: &'a Map<String, Value>) -> Vec<&'a String> {
    let mut names: Vec<&String> = old.keys().chain(new.keys()).collect();
    names.sort();
    names.dedup();
    names
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_changed_setting_is_named_by_its_path() {
        let mut lines = String::new();
        let was = json!({"window": {"tumbling": "5m", "grace": "1s"}, "same": 1, "old": true});
        let is = json!({"window": {"tumbling": "10m", "grace": "1s"}, "same": 1, "new": [2]});
        compare("", &was, &is, &mut lines);
        assert_eq!(
            lines,
            "\n    new: was not there, is [2]\n    old: was true, is gone\n    window.tumbling: was \"5m\", is \"10m\""
        );
    }
}

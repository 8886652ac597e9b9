//! `tidemill topology`: check, describe and draw a topology file.

use std::path::Path;

use anyhow::Context;

use super::options::{GraphForm, TableForm};
use crate::operators::standard_catalog;
use crate::topology::{self, Graph};

/// Reads and compiles a topology file; warnings go to standard error.
pub fn load(file: &Path) -> anyhow::Result<Graph> {
    let text = std::fs::read_to_string(file).with_context(|| format!("cannot read the topology file {}", file.display()))?;
    compile(&text, &file.display().to_string())
}

/// Compiles the text of a topology file called `name`; warnings go to standard error.
pub fn compile(text: &str, name: &str) -> anyhow::Result<Graph> {
    let (graph, warnings) = topology::compile(text, name, &standard_catalog())?;
    for warning in &warnings {
        eprintln!("{warning}");
    }
    Ok(graph)
}

/// Runs `topology validate`.
pub fn validate(file: &Path, form: TableForm) -> anyhow::Result<()> {
    match (load(file), form) {
        (Ok(graph), TableForm::Text) => {
            println!(
                "{} is valid: topology {}, {} nodes, {} sinks",
                file.display(),
                graph.name,
                graph.nodes.len(),
                graph.sinks.len()
            );
            Ok(())
        }
        (Ok(_), TableForm::Json) => {
            println!("{}", serde_json::json!({ "valid": true, "errors": [] }));
            Ok(())
        }
        (Err(error), TableForm::Json) => {
            let errors = error.downcast_ref::<topology::TopologyErrors>().map(topology::TopologyErrors::to_json);
            println!("{}", serde_json::json!({ "valid": false, "errors": errors }));
            Err(error)
        }
        (Err(error), TableForm::Text) => Err(error),
    }
}

/// Runs `topology describe` and `topology graph`.
pub fn describe(file: &Path, form: GraphForm) -> anyhow::Result<()> {
    let graph = load(file)?;
    let text = match form {
        GraphForm::Text => topology::describe_text(&graph),
        GraphForm::Dot => topology::describe_dot(&graph),
        GraphForm::Mermaid => topology::describe_mermaid(&graph),
        GraphForm::Json => serde_json::to_string_pretty(&topology::describe_json(&graph))? + "\n",
    };
    print!("{text}");
    Ok(())
}

/// Runs `topology reference`.
pub fn reference() -> anyhow::Result<()> {
    print!("{}", topology::reference(&standard_catalog()));
    Ok(())
}

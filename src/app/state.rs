//! `tidemill state`: look at, verify and reset what an application keeps.

use std::path::Path;

use anyhow::{Context, bail};
use serde_json::Value;

use super::errors::UsageError;
use super::options::{EngineArgs, TableForm};
use super::remote::Remote;
use super::report::grouped;
use super::settings;
use super::state_dir::StateDir;
use super::table::{Align, Table};
use crate::config::Config;
use crate::http::describe_state;
use crate::log::Log;
use crate::store::{Checkpoint, CheckpointStore};
use crate::task::TaskSnapshot;
use crate::topology::Graph;

/// The checkpoints, from the instance that runs on the state directory or from the store itself.
fn checkpoints(engine: &EngineArgs) -> anyhow::Result<Vec<Value>> {
    let config = settings::load(engine)?;
    let folder = StateDir::of(&config);
    if let Some(instance) = folder.announced() {
        let remote = Remote::of(&instance, &config)?;
        if remote.alive() {
            return serde_json::from_str(&remote.get("/api/v1/state")?).context("the answer of the instance cannot be read");
        }
    }
    let mut tasks = Vec::new();
    for application in existing(&folder)?.applications() {
        let Value::Array(mut found) = describe_state(&folder.open_store(&application)?)? else { continue };
        found.iter_mut().for_each(|task| task["task"] = format!("{application}/{}", text(&task["task"])).into());
        tasks.append(&mut found);
    }
    Ok(tasks)
}

fn existing(folder: &StateDir) -> anyhow::Result<&StateDir> {
    if folder.exists() {
        return Ok(folder);
    }
    Err(UsageError(format!("there is no state in {}: name another --state-dir", folder.path().display())).into())
}

fn list_of<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    value[name].as_array().map(Vec::as_slice).unwrap_or_default()
}

fn count(value: &Value) -> String {
    grouped(value.as_u64().unwrap_or(0))
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// Runs `state list`.
pub fn list(engine: &EngineArgs, form: TableForm) -> anyhow::Result<()> {
    let tasks = checkpoints(engine)?;
    if form == TableForm::Json {
        println!("{}", serde_json::to_string_pretty(&tasks)?);
        return Ok(());
    }
    let right = Align::Right;
    let mut table = Table::new(&[
        ("TASK", Align::Left),
        ("GENERATION", right),
        ("POSITION", right),
        ("COINS", right),
        ("BYTES", right),
        ("", Align::Left),
    ]);
    for task in &tasks {
        for checkpoint in list_of(task, "checkpoints") {
            let coins = checkpoint["state"]["coins"].as_object().map_or(0, serde_json::Map::len);
            let position = count(&list_of(checkpoint, "positions").first().map_or(Value::Null, |at| at["offset"].clone()));
            let note = text(&checkpoint["unreadable"]);
            table.row([
                text(&task["task"]),
                count(&checkpoint["generation"]),
                position,
                coins.to_string(),
                count(&checkpoint["bytes"]),
                note,
            ]);
        }
        for damage in list_of(task, "damaged") {
            table.row([
                text(&task["task"]),
                "-".into(),
                "-".into(),
                "-".into(),
                "-".into(),
                format!("damaged: {}", text(damage)),
            ]);
        }
    }
    print!("{}", table.render());
    Ok(())
}

/// Runs `state inspect`.
pub fn inspect(engine: &EngineArgs, partition: Option<u32>, form: TableForm) -> anyhow::Result<()> {
    let mut tasks = checkpoints(engine)?;
    if let Some(partition) = partition {
        let of = |task: &Value| {
            list_of(task, "checkpoints").iter().any(|c| list_of(c, "positions").iter().any(|at| at["partition"] == partition))
        };
        tasks.retain(of);
        if tasks.is_empty() {
            bail!(UsageError(format!("there is no checkpoint of partition {partition}")));
        }
    }
    match form {
        TableForm::Json => println!("{}", serde_json::to_string_pretty(&tasks)?),
        TableForm::Text => tasks.iter().for_each(inspect_task),
    }
    Ok(())
}

fn inspect_task(task: &Value) {
    let Some(newest) = list_of(task, "checkpoints").first() else { return };
    let state = &newest["state"];
    println!("{}: generation {}, position {}", text(&task["task"]), count(&newest["generation"]), count(&state["position"]));
    let mut nodes = Table::new(&[
        ("NODE", Align::Left),
        ("OPERATOR", Align::Left),
        ("COINS", Align::Right),
        ("BYTES", Align::Right),
        ("FINGERPRINT", Align::Left),
    ]);
    for node in list_of(state, "nodes") {
        nodes.row([
            text(&node["node"]),
            text(&node["operator"]),
            count(&node["coins"]),
            count(&node["bytes"]),
            text(&node["fingerprint"]),
        ]);
    }
    print!("{}", nodes.render());
    let mut coins = Table::new(&[("COIN", Align::Left), ("DIGEST", Align::Left)]);
    for (coin, digest) in state["coins"].as_object().into_iter().flatten() {
        coins.row([coin.clone(), text(digest)]);
    }
    println!("\n{}", coins.render());
}

/// Runs `state verify`: every record of the log and every byte of the checkpoints.
pub fn verify(engine: &EngineArgs, form: TableForm) -> anyhow::Result<()> {
    let config = settings::load(engine)?;
    let folder = StateDir::of(&config);
    let log = existing(&folder)?.open_log()?;
    let found = log.verify()?;
    let tasks = checkpoints(engine)?;
    let damaged: Vec<String> = tasks
        .iter()
        .flat_map(|task| {
            let unreadable =
                list_of(task, "checkpoints").iter().map(|c| text(&c["unreadable"])).filter(|cause| !cause.is_empty());
            list_of(task, "damaged")
                .iter()
                .map(text)
                .chain(unreadable)
                .map(|cause| format!("{}: {cause}", text(&task["task"])))
                .collect::<Vec<_>>()
        })
        .collect();
    let intact: usize = tasks.iter().map(|task| list_of(task, "checkpoints").len()).sum();
    match form {
        TableForm::Json => println!(
            "{}",
            serde_json::json!({ "topics": found.topics, "records": found.records, "checkpoints": intact, "damaged": damaged })
        ),
        TableForm::Text => {
            println!("{} records in {} topics and {intact} checkpoints are intact", grouped(found.records), found.topics)
        }
    }
    if damaged.is_empty() {
        return Ok(());
    }
    bail!(
        "{}\nThe older generation, or the log, takes their place at the next start; nothing needs to be done.",
        damaged.join("\n")
    )
}

/// Runs `state reset`.
pub fn reset(engine: &EngineArgs, topology: &Path, nodes: &[String], yes: bool) -> anyhow::Result<()> {
    let config = settings::load(engine)?;
    let folder = StateDir::of(&config);
    let graph = super::topology::load(topology)?;
    let application = application_id(&config, &graph);
    let store = existing(&folder)?.open_store(&application)?;
    if nodes.is_empty() {
        reset_all(&application, &folder, &graph, &store, yes)?
    } else {
        reset_nodes(&store, nodes, yes)?
    }
    if !yes {
        println!("Nothing has been changed. Say --yes to do it.");
    }
    Ok(())
}

/// The application that a topology runs as.
pub fn application_id(config: &Config, graph: &Graph) -> String {
    match config.text("application.id") {
        "" => graph.name.to_string(),
        id => id.to_owned(),
    }
}

fn reset_all(application: &str, folder: &StateDir, graph: &Graph, store: &dyn CheckpointStore, yes: bool) -> anyhow::Result<()> {
    let log = folder.open_log()?;
    for (at, committed) in log.group_offsets(application)? {
        println!("{at}: committed position {} is forgotten", committed.offset);
    }
    let tasks = store.tasks()?;
    tasks.iter().for_each(|task| println!("{task}: its checkpoints are removed"));
    let outputs = graph.output_topics();
    outputs.iter().for_each(|topic| println!("{topic}: its records are removed"));
    if yes {
        tasks.iter().try_for_each(|task| store.remove(task))?;
        log.delete_topics(&outputs.iter().map(|topic| &**topic).collect::<Vec<_>>())?;
        log.delete_group(application)?;
        println!("Reset: the next start begins with the first record of {}.", graph.source.topic);
    }
    Ok(())
}

fn reset_nodes(store: &dyn CheckpointStore, nodes: &[String], yes: bool) -> anyhow::Result<()> {
    for task in store.tasks()? {
        let Some(newest) = store.list(&task)?.intact.into_iter().next() else { continue };
        let mut snapshot = TaskSnapshot::from_bytes(&store.load(&task, newest.generation)?)?;
        let known: Vec<String> = snapshot.nodes.iter().map(|node| node.name.clone()).collect();
        if let Some(unknown) = nodes.iter().find(|node| !known.contains(node)) {
            bail!(UsageError(format!("{task} has no state of a node {unknown}; it has {}", known.join(", "))));
        }
        snapshot.nodes.retain(|node| !nodes.contains(&node.name));
        println!("{task}: the state of {} is removed; the next start warms them from the log", nodes.join(", "));
        if yes {
            let checkpoint =
                Checkpoint { positions: newest.positions, fingerprint: newest.fingerprint, payload: snapshot.to_bytes()? };
            // Twice, so that no older generation brings the node's state back.
            store.write(&task, &checkpoint)?;
            store.write(&task, &checkpoint)?;
        }
    }
    Ok(())
}

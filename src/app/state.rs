//! `tidemill state list`, `inspect` and `verify`: what an application keeps, beside what its group has committed.

use std::collections::BTreeMap;

use anyhow::{Context, bail};
use serde_json::Value;

use super::errors::UsageError;
use super::log_options::LogArgs;
use super::options::TableForm;
use super::remote::Remote;
use super::report::grouped;
use super::state_dir::StateDir;
use super::table::{Align, Table};
use super::{access, settings};
use crate::config::Config;
use crate::http::describe_state;
use crate::log::Log;
use crate::record::Offset;
use crate::topology::Graph;

/// The application that a topology runs as.
pub fn application_id(config: &Config, graph: &Graph) -> String {
    match config.text("application.id") {
        "" => graph.name.to_string(),
        id => id.to_owned(),
    }
}

/// The instance that runs on the state directory, if it answers.
fn running(config: &Config, folder: &StateDir) -> anyhow::Result<Option<Remote>> {
    let remote = folder.announced().map(|instance| Remote::of(&instance, config)).transpose()?;
    Ok(remote.filter(Remote::alive))
}

/// The tasks with their checkpoints, from the instance that runs on the state directory or from the stores themselves. Each has its `application`.
fn checkpoints(config: &Config, folder: &StateDir) -> anyhow::Result<Vec<Value>> {
    if let Some(remote) = running(config, folder)? {
        let status: Value = answer(&remote, "/api/v1/tasks")?;
        let application = text(&status["application_id"]);
        return Ok(named(answer(&remote, "/api/v1/state")?, &application));
    }
    let mut tasks = Vec::new();
    for application in existing(config, folder)?.applications() {
        tasks.append(&mut named(describe_state(&folder.open_store(&application)?)?, &application));
    }
    Ok(tasks)
}

fn answer(remote: &Remote, path: &str) -> anyhow::Result<Value> {
    serde_json::from_str(&remote.get(path)?).context("the answer of the instance cannot be read")
}

fn named(tasks: Value, application: &str) -> Vec<Value> {
    let Value::Array(mut tasks) = tasks else { return Vec::new() };
    for task in &mut tasks {
        task["task"] = format!("{application}/{}", text(&task["task"])).into();
        task["application"] = application.into();
    }
    tasks
}

/// On Kafka there may be no local state yet, and still something to tell.
fn existing<'a>(config: &Config, folder: &'a StateDir) -> anyhow::Result<&'a StateDir> {
    if folder.has_checkpoints() || folder.has_log() || access::brokers(config).is_some() {
        return Ok(folder);
    }
    Err(UsageError(format!("there is no state in {}: name another --state-dir", folder.path().display())).into())
}

/// Adds to every task what its group has committed and where its input ends; a partition without a checkpoint becomes a task without one.
fn with_offsets(config: &Config, folder: &StateDir, tasks: &mut Vec<Value>) -> anyhow::Result<()> {
    let kafka = access::brokers(config).is_some();
    if !kafka && (!folder.has_log() || running(config, folder)?.is_some()) {
        return Ok(());
    }
    let log = access::open(config)?;
    let mut applications: Vec<String> = tasks.iter().map(|task| text(&task["application"])).collect();
    applications.extend(Some(config.text("application.id").to_owned()).filter(|id| !id.is_empty()));
    applications.sort();
    applications.dedup();
    let ends = ends(log.as_ref())?;
    for application in applications {
        for (at, committed) in access::patiently(|| log.group_offsets(&application))? {
            let name = format!("{application}/{at}");
            let place = tasks.iter().position(|task| task["task"] == *name).unwrap_or_else(|| {
                tasks.push(serde_json::json!({ "task": name, "application": application, "checkpoints": [], "damaged": [] }));
                tasks.len() - 1
            });
            tasks[place]["committed"] = committed.offset.0.into();
            tasks[place]["end"] = ends.get(&at.to_string()).map(|end| end.0).into();
        }
    }
    Ok(())
}

/// The end of every partition of every topic.
fn ends(log: &dyn Log) -> anyhow::Result<BTreeMap<String, Offset>> {
    let mut ends = BTreeMap::new();
    for topic in access::patiently(|| log.topics())? {
        for (partition, marks) in (0..).zip(&topic.watermarks) {
            ends.insert(crate::record::TopicPartition::new(topic.spec.name.clone(), partition).to_string(), marks.end);
        }
    }
    Ok(ends)
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

/// The number, or a dash where there is none.
fn number(value: &Value) -> String {
    value.as_i64().map_or_else(|| "-".to_owned(), |number| grouped(number.cast_unsigned()))
}

fn all_tasks(args: &LogArgs) -> anyhow::Result<Vec<Value>> {
    let config = settings::load_log(args)?;
    let folder = StateDir::of(&config);
    let mut tasks = checkpoints(&config, &folder)?;
    with_offsets(&config, &folder, &mut tasks)?;
    Ok(tasks)
}

/// Runs `state list`.
///
/// # Errors
/// When there is nothing, or it cannot be read.
pub fn list(args: &LogArgs, form: TableForm) -> anyhow::Result<()> {
    let tasks = all_tasks(args)?;
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
        ("COMMITTED", right),
        ("END", right),
        ("", Align::Left),
    ]);
    for task in &tasks {
        let offsets = [number(&task["committed"]), number(&task["end"])];
        if list_of(task, "checkpoints").is_empty() && list_of(task, "damaged").is_empty() {
            let [committed, end] = offsets.clone();
            let dash = || "-".to_owned();
            table.row([text(&task["task"]), dash(), dash(), dash(), dash(), committed, end, "no checkpoint here".to_owned()]);
        }
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
                offsets[0].clone(),
                offsets[1].clone(),
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
                offsets[0].clone(),
                offsets[1].clone(),
                format!("damaged: {}", text(damage)),
            ]);
        }
    }
    print!("{}", table.render());
    Ok(())
}

/// Runs `state inspect`.
///
/// # Errors
/// When there is nothing, or it cannot be read.
pub fn inspect(args: &LogArgs, partition: Option<u32>, form: TableForm) -> anyhow::Result<()> {
    let mut tasks = all_tasks(args)?;
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
    let Some(newest) = list_of(task, "checkpoints").first() else {
        let (committed, end) = (number(&task["committed"]), number(&task["end"]));
        return println!("{}: no checkpoint here, committed {committed} of {end}\n", text(&task["task"]));
    };
    let state = &newest["state"];
    let committed = task["committed"]
        .as_i64()
        .map_or_else(String::new, |_| format!(", committed {} of {}", number(&task["committed"]), number(&task["end"])));
    println!(
        "{}: generation {}, position {}{committed}",
        text(&task["task"]),
        count(&newest["generation"]),
        count(&state["position"])
    );
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

/// Runs `state verify`: every byte of the checkpoints, and on the embedded log every record. (Kafka's brokers and client check their records themselves.)
///
/// # Errors
/// Everything that is damaged.
pub fn verify(args: &LogArgs, form: TableForm) -> anyhow::Result<()> {
    let config = settings::load_log(args)?;
    let folder = StateDir::of(&config);
    existing(&config, &folder)?;
    let found = if access::brokers(&config).is_none() { Some(folder.open_log()?.verify()?) } else { None };
    let tasks = checkpoints(&config, &folder)?;
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
            serde_json::json!({
                "topics": found.map(|found| found.topics), "records": found.map(|found| found.records), "checkpoints": intact, "damaged": damaged,
            })
        ),
        TableForm::Text => {
            let records =
                found.map_or_else(String::new, |f| format!("{} records in {} topics and ", grouped(f.records), f.topics));
            println!("{records}{intact} checkpoints are intact");
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

//! `tidemill state reset`: forgets offsets and state together, so that no half of an old life meets half of a new one. It tells what it would do first.

use std::sync::Arc;

use anyhow::bail;

use super::claim::Claim;
use super::errors::UsageError;
use super::log_options::ResetArgs;
use super::state::application_id;
use super::state_dir::StateDir;
use super::{access, settings, topics_admin, topology};
use crate::changelog::topic_name;
use crate::config::Config;
use crate::log::Log;
use crate::store::{Checkpoint, CheckpointStore};
use crate::task::TaskSnapshot;
use crate::topology::Graph;

/// Runs the command.
///
/// # Errors
/// When the application is running, or something cannot be removed.
pub fn run(args: &ResetArgs) -> anyhow::Result<()> {
    let config = settings::load_log(&args.log)?;
    let folder = StateDir::of(&config);
    let graph = topology::load(&args.topology)?;
    let kafka = access::brokers(&config).is_some();
    let has_state = folder.has_checkpoints() || folder.has_log();
    if !has_state && !kafka {
        return Err(UsageError(format!("there is no state in {}: name another --state-dir", folder.path().display())).into());
    }
    let _claim = if has_state { Some(Claim::take(&folder, "tidemill state reset")?) } else { None };
    let application = application_id(&config, &graph);
    let store = if has_state { Some(folder.open_store(&application)?) } else { None };
    let store = store.as_ref().map(|store| store as &dyn CheckpointStore);
    if args.node.is_empty() {
        Reset { config: &config, graph: &graph, application, outputs: args.outputs || !kafka, store }.run(args.yes)?;
    } else {
        reset_nodes(store, &args.node, args.yes)?;
    }
    if !args.yes {
        println!("Nothing has been changed. Say --yes to do it.");
    }
    Ok(())
}

struct Reset<'a> {
    config: &'a Config,
    graph: &'a Graph,
    application: String,
    outputs: bool,
    store: Option<&'a dyn CheckpointStore>,
}

impl Reset<'_> {
    /// The offsets go first: state that outlives them is ahead of what is committed, which no restore takes.
    fn run(&self, yes: bool) -> anyhow::Result<()> {
        let log = access::open(self.config)?;
        let outputs = self.outputs_there(log.as_ref())?;
        let tasks = self.store.map_or_else(|| Ok(Vec::new()), CheckpointStore::tasks)?;
        for (at, committed) in access::patiently(|| log.group_offsets(&self.application))? {
            println!("{at}: committed position {} is forgotten", committed.offset);
        }
        outputs.iter().for_each(|topic| println!("{topic}: its records are removed"));
        let changelog = self.changelog_there(log.as_ref())?;
        changelog.iter().for_each(|topic| println!("{topic}: its snapshots are removed"));
        tasks.iter().for_each(|task| println!("{task}: its checkpoints are removed"));
        if !self.outputs {
            println!(
                "The records of the output topics stay; --outputs removes them too. Without it the next life writes after them, with the same ids."
            );
        }
        if access::brokers(self.config).is_some() {
            let folder = StateDir::of(self.config);
            println!("Checkpoints are those of {}; other instances have their own: reset each.", folder.path().display());
        }
        if !yes {
            return Ok(());
        }
        access::patiently(|| log.delete_group(&self.application))?;
        topics_admin::empty(log.as_ref(), &changelog.iter().map(|name| &**name).collect::<Vec<_>>())?;
        topics_admin::empty(log.as_ref(), &outputs.iter().map(String::as_str).collect::<Vec<_>>())?;
        if let Some(store) = self.store {
            tasks.iter().try_for_each(|task| store.remove(task))?;
        }
        println!("Reset: the next start begins with the first record of {}.", self.graph.source.topic);
        Ok(())
    }

    /// The changelog topic if there is one, whether it is in use or not: nothing of the old life may be found by the new one.
    fn changelog_there(&self, log: &dyn Log) -> anyhow::Result<Option<Arc<str>>> {
        let name = topic_name(&self.application);
        let found = access::patiently(|| log.topics())?;
        Ok(found.iter().any(|topic| topic.spec.name == name).then_some(name))
    }

    fn outputs_there(&self, log: &dyn Log) -> anyhow::Result<Vec<String>> {
        if !self.outputs {
            return Ok(Vec::new());
        }
        let ours = self.graph.output_topics();
        let found = access::patiently(|| log.topics())?;
        Ok(found
            .into_iter()
            .map(|topic| topic.spec.name)
            .filter(|name| ours.contains(name))
            .map(|name| name.to_string())
            .collect())
    }
}

fn reset_nodes(store: Option<&dyn CheckpointStore>, nodes: &[String], yes: bool) -> anyhow::Result<()> {
    let Some(store) = store else { bail!(UsageError("there are no checkpoints here to take a node from".to_owned())) };
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

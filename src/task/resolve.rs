//! How a task comes back: a pure decision from what the log and the store say.

use thiserror::Error;

use crate::record::{Offset, TopicPartition};
use crate::topology::Graph;

/// A node as a snapshot or a graph names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeFact {
    /// Its name.
    pub name: String,
    /// Its fingerprint.
    pub fingerprint: String,
}

/// An intact snapshot that could be taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnapshotFacts {
    /// Which one: the store's number of it.
    pub generation: u64,
    /// Its position: the next record to read.
    pub position: Offset,
    /// The fingerprint of the source it was made from.
    pub source_fingerprint: String,
    /// Its nodes.
    pub nodes: Vec<NodeFact>,
}

/// What to do when the input no longer holds records that a restore needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MissingInput {
    /// Stop and say so: state would differ from that of an undisturbed run.
    #[default]
    Refuse,
    /// Go on with what there is; the state is then not that of an undisturbed run.
    Accept,
}

/// Everything the decision needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// The input partition.
    pub partition: TopicPartition,
    /// The committed position, if any was committed.
    pub committed: Option<Offset>,
    /// The first record the log still holds.
    pub log_start: Offset,
    /// The intact snapshots, newest first.
    pub snapshots: Vec<SnapshotFacts>,
    /// What to do when records are gone.
    pub missing_input: MissingInput,
}

/// How the task comes back. Replays are silent: their outputs were committed before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Plan {
    /// Nothing was committed: begin at the start of the log without state.
    Begin {
        /// The first record.
        at: Offset,
    },
    /// Take the snapshot, replay from its position, go live at the committed position.
    Resume {
        /// The snapshot.
        generation: u64,
        /// Its position.
        from: Offset,
        /// The committed position.
        live_at: Offset,
    },
    /// Replay everything the log holds without any state, then put the snapshot's states on top of the nodes it has, replay those from its position,
    /// and go live at the committed position. For nodes the snapshot does not have: they are warmed from the log.
    Warm {
        /// The snapshot that the other nodes keep.
        generation: u64,
        /// Its position.
        from: Offset,
        /// Where the warming replay begins.
        warm_from: Offset,
        /// The committed position.
        live_at: Offset,
        /// The nodes that are warmed.
        nodes: Vec<String>,
    },
    /// No snapshot is usable: replay everything, then go live at the committed position.
    Rebuild {
        /// The first record.
        from: Offset,
        /// The committed position.
        live_at: Offset,
    },
}

/// Why a task may not come back.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Refused {
    /// Nodes of the topology have changed in a way their state does not fit.
    #[error("partition {partition}: the state of {} was made by another definition", list(.nodes))]
    Changed {
        /// The partition.
        partition: TopicPartition,
        /// The changed nodes; `(source)` when the source changed.
        nodes: Vec<String>,
    },
    /// The log no longer holds what must be replayed.
    #[error(
        "partition {partition}: records {from} to {to} are needed to restore the state, but the log starts at {to}: they fell to retention. \
         Reset the task (`tidemill state reset`), or set restore.missing.input=accept to go on with a state that lacks them"
    )]
    InputGone {
        /// The partition.
        partition: TopicPartition,
        /// The first record needed.
        from: Offset,
        /// The first record there is.
        to: Offset,
    },
}

fn list(nodes: &[String]) -> String {
    nodes.join(", ")
}

/// Decides how a task of `graph` comes back.
///
/// A snapshot ahead of the committed position is never taken: its records would be learned twice. Of the others the newest wins whose nodes fit.
///
/// # Errors
/// When state and topology do not fit, or the log no longer holds what is needed and `missing_input` is to refuse.
pub fn resolve(graph: &Graph, facts: &Facts) -> Result<Plan, Refused> {
    let Some(live_at) = facts.committed else {
        return Ok(Plan::Begin { at: facts.log_start });
    };
    let Some(snapshot) = facts.snapshots.iter().find(|snapshot| snapshot.position <= live_at) else {
        held(facts, Offset::ZERO)?;
        return Ok(Plan::Rebuild { from: facts.log_start, live_at });
    };
    refuse_changed(graph, facts, snapshot)?;
    held(facts, snapshot.position)?;
    let from = snapshot.position.max(facts.log_start);
    let known = |name: &str| snapshot.nodes.iter().any(|node| node.name == name);
    let added: Vec<String> = graph.nodes.iter().map(|node| node.name.to_string()).filter(|name| !known(name)).collect();
    if added.is_empty() {
        return Ok(Plan::Resume { generation: snapshot.generation, from, live_at });
    }
    Ok(Plan::Warm { generation: snapshot.generation, from, warm_from: facts.log_start, live_at, nodes: added })
}

fn held(facts: &Facts, from: Offset) -> Result<(), Refused> {
    if facts.log_start > from && facts.missing_input == MissingInput::Refuse {
        return Err(Refused::InputGone { partition: facts.partition.clone(), from, to: facts.log_start });
    }
    Ok(())
}

fn refuse_changed(graph: &Graph, facts: &Facts, snapshot: &SnapshotFacts) -> Result<(), Refused> {
    let mut nodes = Vec::new();
    if snapshot.source_fingerprint != graph.source.fingerprint {
        nodes.push("(source)".to_owned());
    }
    let changed = |old: &&NodeFact| graph.nodes.iter().any(|new| *new.name == *old.name && new.fingerprint != old.fingerprint);
    nodes.extend(snapshot.nodes.iter().filter(changed).map(|node| node.name.clone()));
    if nodes.is_empty() { Ok(()) } else { Err(Refused::Changed { partition: facts.partition.clone(), nodes }) }
}

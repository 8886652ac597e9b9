//! Stages: groups of nodes that run one after the other on one thread; what lies between stages can cross threads.

use std::sync::Arc;

use super::{BatchEnv, NodeRunner, NodeState};
use crate::processor::{Emitted, Item, KeyTable, NodeId, Role};
use crate::snapshot::SnapshotError;
use crate::topology::Graph;

/// Which nodes form which stage: those before any learner together (the window stage), every other node one of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StagePlan {
    /// The nodes of each stage; a stage needs only the source and earlier stages.
    pub stages: Vec<Vec<NodeId>>,
}

impl StagePlan {
    /// The stages of a graph.
    pub fn of(graph: &Graph) -> Self {
        let mut shared = Vec::new();
        let mut single = Vec::new();
        for node in &graph.nodes {
            let before_learners = node.parents.iter().all(|p| *p == NodeId::SOURCE || shared.contains(p));
            if node.role == Role::Processor && before_learners {
                shared.push(node.id);
            } else {
                single.push(vec![node.id]);
            }
        }
        let window = (!shared.is_empty()).then_some(shared);
        StagePlan { stages: window.into_iter().chain(single).collect() }
    }

    /// The stages whose output stage `stage` needs; the source is not named.
    pub fn upstream(&self, graph: &Graph, stage: usize) -> Vec<usize> {
        let parents: Vec<NodeId> =
            self.stages[stage].iter().filter_map(|id| graph.node(*id)).flat_map(|node| node.parents.iter().copied()).collect();
        (0..stage).filter(|s| self.stages[*s].iter().any(|id| parents.contains(id))).collect()
    }

    /// What people and metrics call a stage: its only node's name, or `processors`.
    pub fn name<'g>(&self, graph: &'g Graph, stage: usize) -> &'g str {
        match &self.stages[stage][..] {
            [only] if graph.node(*only).is_some_and(|node| node.role != Role::Processor) => graph.node_name(*only),
            _ => "processors",
        }
    }
}

/// What a stage put out for one batch.
#[derive(Debug)]
pub struct StageOutput {
    /// The batch.
    pub env: Arc<BatchEnv>,
    /// What each of its nodes put out.
    pub nodes: Vec<(NodeId, Emitted)>,
}

impl StageOutput {
    /// The events of one of its nodes.
    pub fn items(&self, node: NodeId) -> Option<&[Item]> {
        self.nodes.iter().find(|(id, _)| *id == node).map(|(_, emitted)| &emitted.items[..])
    }
}

/// A stage of one task: its nodes with their state.
pub struct Stage {
    nodes: Vec<NodeRunner>,
}

impl Stage {
    /// A stage of these nodes without any state.
    pub fn new(graph: &Arc<Graph>, nodes: &[NodeId]) -> Self {
        Stage { nodes: nodes.iter().map(|id| NodeRunner::new(graph.clone(), *id)).collect() }
    }

    /// The nodes.
    pub fn nodes(&self) -> &[NodeRunner] {
        &self.nodes
    }

    /// Runs the nodes over one batch. `upstream` holds the outputs, for this batch, of the source and of every stage this one needs.
    pub fn run(&mut self, upstream: &[Arc<StageOutput>]) -> Arc<StageOutput> {
        let env = upstream[0].env.clone();
        let mut done = StageOutput { env: env.clone(), nodes: Vec::with_capacity(self.nodes.len()) };
        for runner in &mut self.nodes {
            let parents: Vec<&[Item]> = runner
                .node()
                .parents
                .iter()
                .map(|parent| {
                    let from_upstream = || upstream.iter().find_map(|output| output.items(*parent));
                    done.items(*parent).or_else(from_upstream).expect("a stage is given the outputs of all its parents")
                })
                .collect();
            let emitted = runner.run(&env, &parents);
            let id = runner.node().id;
            done.nodes.push((id, emitted));
        }
        Arc::new(done)
    }

    /// The states of the nodes.
    ///
    /// # Errors
    /// As [`NodeRunner::save`].
    pub fn save(&self, keys: &KeyTable) -> Result<Vec<NodeState>, SnapshotError> {
        self.nodes.iter().map(|runner| runner.save(keys)).collect()
    }

    /// Takes the states of its nodes out of `states`; a node without one keeps what it has.
    ///
    /// # Errors
    /// As [`NodeRunner::load`].
    pub fn load(&mut self, keys: &KeyTable, states: &[NodeState]) -> Result<(), SnapshotError> {
        for runner in &mut self.nodes {
            let name = runner.node().name.clone();
            if let Some(state) = states.iter().find(|state| *state.name == *name) {
                runner.load(keys, state)?;
            }
        }
        Ok(())
    }

    /// Lets every processor tell its standing facts.
    pub fn report(&self, keys: &KeyTable) -> Emitted {
        let mut out = Emitted::default();
        self.nodes.iter().for_each(|runner| runner.report(keys, &mut out));
        out
    }
}

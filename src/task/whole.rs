//! A task on one thread: intake, stages and outlet one after the other. The test driver, the backtest and every replay run this.

use std::sync::Arc;

use thiserror::Error;

use super::{Counts, Intake, NodeState, Outlet, Skips, Stage, StageOutput, StagePlan, TaskOutput, TaskSnapshot};
use crate::processor::{Emitted, KeyTable, Noticed};
use crate::record::{ConsumedBatch, Offset, TopicPartition};
use crate::snapshot::SnapshotError;
use crate::topology::Graph;

/// A task that cannot be brought back.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TaskError {
    /// The snapshot belongs to another partition.
    #[error("the snapshot is of partition {found}, not of {expected}")]
    OtherPartition {
        /// What the snapshot says.
        found: TopicPartition,
        /// The partition of the task.
        expected: TopicPartition,
    },
    /// The state of a node does not decode.
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
}

/// A topology over one input partition.
pub struct Task {
    graph: Arc<Graph>,
    partition: TopicPartition,
    intake: Intake,
    stages: Vec<Stage>,
    plan: StagePlan,
    outlet: Outlet,
    position: Offset,
    counts: Counts,
}

impl Task {
    /// A task without state that will read partition number `partition` from `position` on.
    pub fn new(graph: Arc<Graph>, partition: u32, position: Offset, skips: Skips) -> Self {
        Self::with_coins(graph, partition, position, &[], skips)
    }

    fn with_coins(graph: Arc<Graph>, partition: u32, position: Offset, coins: &[Arc<str>], skips: Skips) -> Self {
        let plan = StagePlan::of(&graph);
        Task {
            partition: TopicPartition::new(graph.source.topic.clone(), partition),
            intake: Intake::new(graph.clone(), coins, skips),
            stages: plan.stages.iter().map(|nodes| Stage::new(&graph, nodes)).collect(),
            outlet: Outlet::new(graph.clone()),
            plan,
            graph,
            position,
            counts: Counts::default(),
        }
    }

    /// A task with the state of `snapshot`. Nodes that the snapshot does not have begin without state.
    ///
    /// # Errors
    /// When the snapshot is of another partition or does not decode.
    pub fn restore(graph: Arc<Graph>, partition: u32, snapshot: &TaskSnapshot, skips: Skips) -> Result<Self, TaskError> {
        let expected = TopicPartition::new(graph.source.topic.clone(), partition);
        if snapshot.partition != expected {
            return Err(TaskError::OtherPartition { found: snapshot.partition.clone(), expected });
        }
        let coins: Vec<Arc<str>> = snapshot.coins.iter().map(|coin| coin.as_str().into()).collect();
        let mut task = Self::with_coins(graph, partition, snapshot.position, &coins, skips);
        task.counts = snapshot.counts;
        task.load(&snapshot.nodes)?;
        Ok(task)
    }

    /// Puts the states of a snapshot on top of this task, which has been warmed up to the snapshot's position: nodes the snapshot has take its state,
    /// the others keep theirs.
    ///
    /// # Errors
    /// As [`restore`](Self::restore).
    pub fn adopt(&mut self, snapshot: &TaskSnapshot) -> Result<(), TaskError> {
        let known: Vec<Arc<str>> = self.intake.keys().names().to_vec();
        let mut coins = known.clone();
        coins.extend(snapshot.coins.iter().map(|coin| Arc::from(coin.as_str())).filter(|coin| !known.contains(coin)));
        self.intake = Intake::new(self.graph.clone(), &coins, self.intake.skips().clone());
        self.counts = snapshot.counts;
        self.position = snapshot.position;
        self.load(&snapshot.nodes)
    }

    fn load(&mut self, states: &[NodeState]) -> Result<(), TaskError> {
        let keys = self.intake.keys().clone();
        self.stages.iter_mut().try_for_each(|stage| stage.load(&keys, states))?;
        Ok(())
    }

    /// Processes a batch, whose first record stands at or after [`position`](Self::position).
    pub fn process(&mut self, input: Arc<ConsumedBatch>) -> TaskOutput {
        let outputs = self.run(input);
        let output = self.outlet.finish(&outputs);
        self.counts.add(output.counts);
        self.position = output.next_offset.unwrap_or(self.position);
        output
    }

    /// As [`process`](Self::process), for records whose outputs were committed before: nothing is encoded.
    pub fn replay(&mut self, input: Arc<ConsumedBatch>) {
        let next = input.next_offset();
        let outputs = self.run(input);
        self.counts.add(Outlet::tally(&outputs));
        self.position = next.unwrap_or(self.position);
    }

    fn run(&mut self, input: Arc<ConsumedBatch>) -> Vec<Arc<StageOutput>> {
        debug_assert!(input.offsets.first().is_none_or(|first| *first >= self.position), "records are processed once, in order");
        let mut outputs: Vec<Arc<StageOutput>> = Vec::with_capacity(self.stages.len() + 1);
        outputs.push(self.intake.take(input));
        for stage in &mut self.stages {
            let output = stage.run(&outputs);
            outputs.push(output);
        }
        outputs
    }

    /// The state at the present position.
    ///
    /// # Errors
    /// When a processor's state cannot be encoded.
    pub fn snapshot(&self) -> Result<TaskSnapshot, SnapshotError> {
        let keys = self.intake.keys();
        let states: Result<Vec<_>, _> = self.stages.iter().map(|stage| stage.save(keys)).collect();
        Ok(assemble(&self.graph, &self.partition, self.position, self.counts, keys, states?))
    }

    /// What every node has to tell of its standing facts, scores above all.
    pub fn report(&self) -> Vec<Noticed> {
        let keys = self.intake.keys();
        self.stages.iter().map(|stage| stage.report(keys)).flat_map(|Emitted { notices, .. }| notices).collect()
    }

    /// The graph.
    pub fn graph(&self) -> &Arc<Graph> {
        &self.graph
    }

    /// The input partition.
    pub fn partition(&self) -> &TopicPartition {
        &self.partition
    }

    /// The next record to read.
    pub fn position(&self) -> Offset {
        self.position
    }

    /// What became of all records so far.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// The coins seen so far.
    pub fn keys(&self) -> &Arc<KeyTable> {
        self.intake.keys()
    }

    /// Takes the task apart, for a runtime that runs its parts in actors.
    pub fn into_parts(self) -> (Intake, Vec<Stage>, StagePlan, Outlet) {
        (self.intake, self.stages, self.plan, self.outlet)
    }
}

/// Puts the states of all stages, in the order of the plan, together to a snapshot.
pub(crate) fn assemble(
    graph: &Graph,
    partition: &TopicPartition,
    position: Offset,
    counts: Counts,
    keys: &KeyTable,
    stages: Vec<Vec<NodeState>>,
) -> TaskSnapshot {
    TaskSnapshot {
        topology: graph.name.to_string(),
        source_fingerprint: graph.source.fingerprint.clone(),
        partition: partition.clone(),
        position,
        counts,
        coins: keys.names().iter().map(|name| name.to_string()).collect(),
        nodes: stages.into_iter().flatten().collect(),
    }
}

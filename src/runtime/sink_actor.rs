//! The last actor of a task: it gathers what the source and all stages put out, encodes it, and hands it to the client thread.

use std::collections::BTreeMap;
use std::sync::Arc;

use actix::prelude::*;

use super::board::LatestPrediction;
use super::flow::{Flow, Part, Passed, Station};
use super::gather::Gather;
use super::latest::latest_predictions;
use super::link::{Told, guarded};
use super::stage_actor::batches;
use super::supervisor::Seat;
use crate::processor::{Letter, LetterKind, NodeId};
use crate::record::{Offset, RecordBatch, Timestamp, TopicPartition};
use crate::snapshot::SnapshotError;
use crate::task::{Counts, Outlet, StageOutput, TaskOutput, TaskSnapshot, assemble};
use crate::telemetry::CommittedBatch;
use crate::topology::Graph;

/// One batch, ready to be produced and committed.
pub(super) struct SinkOutput {
    /// The position after the batch.
    pub(super) next_offset: Option<Offset>,
    /// The records for each output topic.
    pub(super) topics: Vec<RecordBatch>,
    /// What is to be told once it has committed.
    pub(super) told: CommittedBatch,
    /// The newest prediction of each model for each coin in the batch.
    pub(super) predictions: Vec<LatestPrediction>,
}

/// See the module's documentation.
pub(super) struct SinkActor {
    outlet: Outlet,
    graph: Arc<Graph>,
    station: Station,
    gather: Gather<Part>,
    position: Offset,
    counts: Counts,
    _seat: Seat,
}

impl SinkActor {
    /// The sink of a task that stands at `position` and has counted `counts` so far.
    pub(super) fn new(
        (graph, outlet): (Arc<Graph>, Outlet),
        station: Station,
        lanes: usize,
        (position, counts): (Offset, Counts),
        seat: Seat,
    ) -> Self {
        SinkActor { outlet, graph, station, gather: Gather::new(lanes), position, counts, _seat: seat }
    }

    fn take(&mut self, Flow { seq, lane, part }: Flow) {
        self.gather.put(seq, lane, part);
        while let Some((_, parts)) = self.gather.pop() {
            let told = match parts.first() {
                Some(Part::Barrier(_)) => Told::Snapshot(self.assemble(&parts)),
                _ => Told::Output(Box::new(self.finish(&batches(&parts)))),
            };
            self.station.link.tell(told);
        }
    }

    /// Encodes a batch.
    fn finish(&mut self, outputs: &[Arc<StageOutput>]) -> SinkOutput {
        let (outlet, graph) = (&mut self.outlet, &self.graph);
        let output = self.station.timed(|| {
            let output = outlet.finish(outputs);
            let predictions = latest_predictions(graph, outputs);
            let stream_time = stream_time(outputs, &output.letters);
            ready(output, predictions, stream_time)
        });
        self.position = output.next_offset.unwrap_or(self.position);
        self.counts.add(output.told.counts);
        output
    }

    /// Puts the states of all stages together.
    fn assemble(&self, parts: &[Part]) -> Result<Box<TaskSnapshot>, SnapshotError> {
        let passed = |part: &Part| match part {
            Part::Barrier(passed) => Some(passed.clone()),
            Part::Batch(_) => None,
        };
        let passed: Vec<Arc<Passed>> = parts.iter().filter_map(passed).collect();
        let states: Result<Vec<_>, _> = passed.iter().map(|passed| passed.states.clone()).collect();
        let keys = &passed[0].keys;
        let partition: &TopicPartition = &self.station.link.partition;
        Ok(Box::new(assemble(&self.graph, partition, self.position, self.counts, keys, states?)))
    }
}

impl Actor for SinkActor {
    type Context = Context<Self>;
}

impl Handler<Flow> for SinkActor {
    type Result = ();

    fn handle(&mut self, flow: Flow, ctx: &mut Self::Context) {
        if self.station.link.ended() {
            return ctx.stop();
        }
        let records = flow.part.records();
        if let Err(message) = guarded(|| self.take(flow)) {
            self.station.fail(records, message);
            ctx.stop();
        }
    }
}

/// Keeps of a task's output what a transaction needs: the input records themselves are let go.
fn ready(output: TaskOutput, predictions: Vec<LatestPrediction>, stream_time: Option<Timestamp>) -> SinkOutput {
    let mut letters: BTreeMap<(LetterKind, &'static str), u64> = BTreeMap::new();
    for letter in &output.letters {
        *letters.entry((letter.kind, letter.code)).or_default() += 1;
    }
    let told = CommittedBatch {
        partition: output.env.input.partition.clone(),
        keys: output.env.keys.clone(),
        counts: output.counts,
        letters,
        outputs: output.topics.iter().map(|records| records.len() as u64).collect(),
        notices: output.notices,
        stream_time,
    };
    SinkOutput { next_offset: output.next_offset, topics: output.topics, told, predictions }
}

/// The newest event time among the records that were taken; an absurd one in a dead record does not count.
fn stream_time(outputs: &[Arc<StageOutput>], letters: &[Letter]) -> Option<Timestamp> {
    let events = outputs.first()?.items(NodeId::SOURCE)?;
    let refused = |index: u32| letters.binary_search_by_key(&index, |letter| letter.index).is_ok();
    events.iter().filter(|item| letters.is_empty() || !refused(item.index)).map(|item| item.timestamp).max()
}

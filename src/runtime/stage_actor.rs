//! The actor of one stage: it waits until all its upstream actors have delivered a batch, runs the stage, and passes the result on.

use std::sync::Arc;

use actix::prelude::*;

use super::flow::{Flow, Part, Passed, Station};
use super::gather::Gather;
use super::link::guarded;
use super::supervisor::Seat;
use crate::processor::KeyTable;
use crate::snapshot::SnapshotError;
use crate::task::{NodeState, Stage, StageOutput};

/// See the module's documentation.
pub(super) struct StageActor {
    stage: Stage,
    station: Station,
    gather: Gather<Part>,
    _seat: Seat,
}

impl StageActor {
    /// The actor of `stage`, which has `lanes` upstream actors.
    pub(super) fn new(stage: Stage, station: Station, lanes: usize, seat: Seat) -> Self {
        StageActor { stage, station, gather: Gather::new(lanes), _seat: seat }
    }

    fn take(&mut self, Flow { seq, lane, part }: Flow) {
        self.gather.put(seq, lane, part);
        while let Some((seq, parts)) = self.gather.pop() {
            let part = self.run(&parts);
            self.station.send(seq, &part);
        }
    }

    /// Runs one element.
    fn run(&mut self, parts: &[Part]) -> Part {
        if let Some(Part::Barrier(passed)) = parts.first() {
            let states = self.save(&passed.keys);
            return Part::Barrier(Arc::new(Passed { keys: passed.keys.clone(), states }));
        }
        let (stage, upstream) = (&mut self.stage, batches(parts));
        Part::Batch(self.station.timed(|| stage.run(&upstream)))
    }

    /// Saving does not change a state, so that a panic in it costs the checkpoint only.
    fn save(&self, keys: &KeyTable) -> Result<Vec<NodeState>, SnapshotError> {
        let panicked = |message| Err(SnapshotError::Encode(format!("{} panicked: {message}", self.station.name)));
        guarded(|| self.stage.save(keys)).unwrap_or_else(panicked)
    }
}

impl Actor for StageActor {
    type Context = Context<Self>;
}

impl Handler<Flow> for StageActor {
    type Result = ();

    fn handle(&mut self, flow: Flow, ctx: &mut Self::Context) {
        if self.station.link.ended() {
            return ctx.stop();
        }
        // A part completes one element at most, because every lane delivers in order: the records to suspect are those of the part.
        let records = flow.part.records();
        if let Err(message) = guarded(|| self.take(flow)) {
            self.station.fail(records, message);
            ctx.stop();
        }
    }
}

/// The outputs among the parts of one element: all of them, or none for a barrier.
pub(super) fn batches(parts: &[Part]) -> Vec<Arc<StageOutput>> {
    let batch = |part: &Part| match part {
        Part::Batch(output) => Some(output.clone()),
        Part::Barrier(_) => None,
    };
    parts.iter().filter_map(batch).collect()
}

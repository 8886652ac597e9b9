//! What travels between the actors of a task, and the wires it travels on.

use std::sync::Arc;

use actix::prelude::*;
use prometheus::Counter;

use super::clock;
use super::link::TaskLink;
use super::recovery::Failure;
use super::supervisor::{StageFailed, Supervisor};
use crate::processor::KeyTable;
use crate::record::Offset;
use crate::snapshot::SnapshotError;
use crate::task::{NodeState, StageOutput};

/// One actor's part of an element of the task's sequence.
#[derive(Clone)]
pub(super) enum Part {
    /// What it put out for a batch.
    Batch(Arc<StageOutput>),
    /// It has passed a barrier; with the states of its nodes at that place.
    Barrier(Arc<Passed>),
}

/// The answer of an actor to a barrier.
pub(super) struct Passed {
    /// The coins known at the barrier.
    pub(super) keys: Arc<KeyTable>,
    /// The states of the actor's nodes; the source has none.
    pub(super) states: Result<Vec<NodeState>, SnapshotError>,
}

/// A part on its way downstream.
#[derive(Message)]
#[rtype(result = "()")]
pub(super) struct Flow {
    /// Number of the element in the task's sequence: batches and barriers count alike.
    pub(super) seq: u64,
    /// Which of the receiver's upstream actors sends it.
    pub(super) lane: usize,
    /// The part.
    pub(super) part: Part,
}

/// A wire to a downstream actor.
pub(super) struct Wire {
    pub(super) to: Recipient<Flow>,
    pub(super) lane: usize,
}

/// What source, stage and sink actors have in common: a name, wires downstream, and whom to tell when the work panics.
pub(super) struct Station {
    pub(super) name: String,
    pub(super) link: TaskLink,
    pub(super) supervisor: Addr<Supervisor>,
    pub(super) wires: Vec<Wire>,
    pub(super) busy: Counter,
}

impl Station {
    /// Calls `work` and adds up its time.
    pub(super) fn timed<T>(&self, work: impl FnOnce() -> T) -> T {
        let started = clock::now();
        let done = work();
        self.busy.inc_by(started.elapsed().as_secs_f64());
        done
    }

    /// Sends a part to every downstream actor.
    ///
    /// Mailboxes hold more than the task has credits, so that a full one is a fault of the wiring; a closed one belongs to a task that is ending.
    pub(super) fn send(&self, seq: u64, part: &Part) {
        for wire in &self.wires {
            let flow = Flow { seq, lane: wire.lane, part: part.clone() };
            if let Err(SendError::Full(flow)) = wire.to.try_send(flow) {
                self.fail(flow.part.records(), format!("the mailbox downstream of {} is full", self.name));
            }
        }
    }

    /// Reports a panic: the supervisor ends this life of the task.
    pub(super) fn fail(&self, records: (Offset, Offset), message: String) {
        let failure = Failure { stage: self.name.clone(), records, message };
        // A full mailbox holds failures enough; one that is closed belongs to an instance that is ending.
        drop(self.supervisor.try_send(StageFailed { link: self.link.clone(), failure }));
    }
}

impl Part {
    /// First and last record of the batch; of a barrier, nothing: passing one does not touch a state.
    pub(super) fn records(&self) -> (Offset, Offset) {
        match self {
            Part::Batch(output) => ends(&output.env.input.offsets),
            Part::Barrier(_) => Default::default(),
        }
    }
}

/// First and last of these offsets.
pub(super) fn ends(offsets: &[Offset]) -> (Offset, Offset) {
    (offsets.first().copied().unwrap_or_default(), offsets.last().copied().unwrap_or_default())
}

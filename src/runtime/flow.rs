//! What travels between the actors of a task, and the wires it travels on.

use std::sync::Arc;

use actix::prelude::*;
use prometheus::Counter;

use super::clock;
use super::link::{TaskLink, guarded};
use super::recovery::Failure;
use super::supervisor::{StageFailed, Supervisor};
use crate::processor::KeyTable;
use crate::record::Offset;
use crate::snapshot::SnapshotError;
use crate::task::{BatchEnv, NodeState, StageOutput};

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

/// What source, stage and sink actors have in common: a name, wires downstream, and what to do when the work panics.
pub(super) struct Station {
    pub(super) name: String,
    pub(super) link: TaskLink,
    pub(super) supervisor: Addr<Supervisor>,
    pub(super) wires: Vec<Wire>,
    pub(super) busy: Counter,
}

impl Station {
    /// Calls `work` and adds up its time; a panic is reported, and the answer is `None`.
    pub(super) fn work<T>(&self, records: (Offset, Offset), work: impl FnOnce() -> T) -> Option<T> {
        let started = clock::now();
        let outcome = guarded(work);
        self.busy.inc_by(started.elapsed().as_secs_f64());
        outcome.map_err(|message| self.fail(records, message)).ok()
    }

    /// Sends a part to every downstream actor.
    ///
    /// Mailboxes hold more than the task has credits, so that a full one is a fault of the wiring; a closed one belongs to a task that is ending.
    pub(super) fn send(&self, seq: u64, part: &Part) {
        for wire in &self.wires {
            let flow = Flow { seq, lane: wire.lane, part: part.clone() };
            if let Err(SendError::Full(flow)) = wire.to.try_send(flow) {
                self.fail(records_of(&flow.part), format!("the mailbox downstream of {} is full", self.name));
            }
        }
    }

    fn fail(&self, records: (Offset, Offset), message: String) {
        let failure = Failure { stage: self.name.clone(), records, message };
        // A full mailbox holds failures enough; one that is closed belongs to an instance that is ending.
        drop(self.supervisor.try_send(StageFailed { link: self.link.clone(), failure }));
    }
}

/// First and last record of a batch.
pub(super) fn records_in(env: &BatchEnv) -> (Offset, Offset) {
    let offsets = &env.input.offsets;
    (offsets.first().copied().unwrap_or_default(), offsets.last().copied().unwrap_or_default())
}

fn records_of(part: &Part) -> (Offset, Offset) {
    match part {
        Part::Batch(output) => records_in(&output.env),
        Part::Barrier(_) => Default::default(),
    }
}

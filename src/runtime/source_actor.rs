//! The first actor of a task: bytes become events, and everything that enters gets its number in the task's sequence.

use std::sync::Arc;

use actix::prelude::*;

use super::flow::{Part, Passed, Station, ends};
use super::link::guarded;
use super::supervisor::Seat;
use crate::record::ConsumedBatch;
use crate::task::Intake;

/// A batch of input.
#[derive(Message)]
#[rtype(result = "()")]
pub(super) struct Feed(pub(super) Arc<ConsumedBatch>);

/// A barrier: every stage answers it with its state on passing it.
#[derive(Message)]
#[rtype(result = "()")]
pub(super) struct Barrier;

/// See the module's documentation.
pub(super) struct SourceActor {
    intake: Intake,
    station: Station,
    next_seq: u64,
    _seat: Seat,
}

impl SourceActor {
    pub(super) fn new(intake: Intake, station: Station, seat: Seat) -> Self {
        SourceActor { intake, station, next_seq: 0, _seat: seat }
    }

    fn take(&mut self, batch: Arc<ConsumedBatch>) {
        let intake = &mut self.intake;
        let output = self.station.timed(|| intake.take(batch));
        self.send(&Part::Batch(output));
    }

    fn send(&mut self, part: &Part) {
        self.station.send(self.next_seq, part);
        self.next_seq += 1;
    }
}

impl Actor for SourceActor {
    type Context = Context<Self>;
}

impl Handler<Feed> for SourceActor {
    type Result = ();

    fn handle(&mut self, Feed(batch): Feed, ctx: &mut Self::Context) {
        if self.station.link.ended() {
            return ctx.stop();
        }
        let records = ends(&batch.offsets);
        if let Err(message) = guarded(|| self.take(batch)) {
            self.station.fail(records, message);
            ctx.stop();
        }
    }
}

impl Handler<Barrier> for SourceActor {
    type Result = ();

    fn handle(&mut self, _: Barrier, _: &mut Self::Context) {
        let keys = self.intake.keys().clone();
        self.send(&Part::Barrier(Arc::new(Passed { keys, states: Ok(Vec::new()) })));
    }
}

//! The first actor of a task: bytes become events, and everything that enters gets its number in the task's sequence.

use std::sync::Arc;

use actix::prelude::*;

use super::flow::{Part, Passed, Station};
use super::supervisor::Seat;
use crate::record::{ConsumedBatch, Offset};
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
        let records =
            (batch.offsets.first().copied().unwrap_or(Offset::ZERO), batch.offsets.last().copied().unwrap_or(Offset::ZERO));
        let intake = &mut self.intake;
        match self.station.work(records, || intake.take(batch)) {
            Some(output) => self.send(&Part::Batch(output)),
            None => ctx.stop(),
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

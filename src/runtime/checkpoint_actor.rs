//! Writes a task's snapshots to the store, on a thread of its own: it is slow and must not hold a stage or the client thread up.

use std::sync::Arc;

use actix::prelude::*;

use super::clock;
use super::link::{TaskLink, Told, guarded};
use super::restore::keep;
use super::status::CheckpointStatus;
use crate::failpoint;
use crate::store::CheckpointStore;
use crate::task::TaskSnapshot;
use crate::telemetry::{RuntimeEvent, Telemetry};
use crate::topology::Graph;

/// Keep this snapshot: its position has committed.
#[derive(Message)]
#[rtype(result = "()")]
pub(super) struct Keep(pub(super) Box<TaskSnapshot>);

/// See the module's documentation.
pub(super) struct CheckpointActor {
    pub(super) graph: Arc<Graph>,
    pub(super) store: Arc<dyn CheckpointStore>,
    pub(super) telemetry: Arc<Telemetry>,
    pub(super) link: TaskLink,
}

impl CheckpointActor {
    fn keep(&self, snapshot: &TaskSnapshot) -> Result<CheckpointStatus, String> {
        let (_, bytes) = keep(self.store.as_ref(), &self.graph, snapshot).map_err(|error| error.to_string())?;
        Ok(CheckpointStatus { position: snapshot.position, bytes })
    }
}

impl Actor for CheckpointActor {
    type Context = Context<Self>;
}

impl Handler<Keep> for CheckpointActor {
    type Result = ();

    fn handle(&mut self, Keep(snapshot): Keep, _: &mut Self::Context) {
        let started = clock::now();
        let outcome = guarded(|| self.keep(&snapshot)).unwrap_or_else(Err);
        let partition = &snapshot.partition;
        match &outcome {
            Ok(CheckpointStatus { position, bytes }) => {
                failpoint::hit("runtime.after-checkpoint");
                let (position, bytes, took) = (*position, *bytes, started.elapsed());
                self.telemetry.event(&RuntimeEvent::CheckpointWritten { partition, position, bytes, took });
            }
            Err(why) => self.telemetry.event(&RuntimeEvent::CheckpointFailed { partition, why }),
        }
        self.link.tell(Told::Checkpointed(outcome.ok()));
    }
}

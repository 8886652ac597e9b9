//! Writes a task's snapshots to the store and cuts them for the changelog, on a thread of its own: it is slow and must not hold a stage or the client thread up.

use std::sync::Arc;

use actix::prelude::*;

use super::changelogging::Ticket;
use super::clock;
use super::link::{TaskLink, Told, guarded};
use super::restore::keep;
use super::status::CheckpointStatus;
use crate::changelog::{SnapshotId, cut};
use crate::failpoint;
use crate::record::RecordBatch;
use crate::snapshot::SnapshotError;
use crate::store::CheckpointStore;
use crate::task::TaskSnapshot;
use crate::telemetry::{RuntimeEvent, Telemetry};
use crate::topology::Graph;

/// Keep this snapshot: its position has committed.
#[derive(Message)]
#[rtype(result = "()")]
pub(super) struct Keep {
    pub(super) snapshot: Box<TaskSnapshot>,
    /// Whether it is to go to the changelog too, and as what.
    pub(super) changelog: Option<Ticket>,
}

/// See the module's documentation.
pub(super) struct CheckpointActor {
    pub(super) graph: Arc<Graph>,
    pub(super) store: Arc<dyn CheckpointStore>,
    pub(super) telemetry: Arc<Telemetry>,
    pub(super) link: TaskLink,
}

impl CheckpointActor {
    /// Writes the snapshot to the store. What is cut for the changelog is told first: the client thread can produce it meanwhile.
    fn keep(&self, snapshot: &TaskSnapshot, changelog: Option<Ticket>) -> Result<CheckpointStatus, String> {
        let payload = snapshot.to_bytes();
        if let Some(ticket) = changelog {
            let cut = payload.as_deref().map_err(Clone::clone).and_then(|payload| self.cut(snapshot, ticket, payload));
            self.link.tell(Told::Cut(cut.ok().map(|chunks| (snapshot.position, chunks))));
        }
        let payload = payload.map_err(|error| error.to_string())?;
        let bytes = payload.len() as u64;
        failpoint::hit("runtime.before-checkpoint");
        keep(self.store.as_ref(), &self.graph, (&snapshot.partition, snapshot.position), payload)
            .map_err(|error| error.to_string())?;
        Ok(CheckpointStatus { position: snapshot.position, bytes, at: clock::now() })
    }

    fn cut(&self, snapshot: &TaskSnapshot, ticket: Ticket, payload: &[u8]) -> Result<RecordBatch, SnapshotError> {
        let id = SnapshotId {
            topology: snapshot.topology.clone(),
            fingerprint: self.graph.fingerprint.clone(),
            partition: snapshot.partition.clone(),
            generation: ticket.generation,
            position: snapshot.position,
            payload_bytes: payload.len() as u64,
            payload_crc: crc32fast::hash(payload),
        };
        cut(&id, ticket.slot, payload)
    }
}

impl Actor for CheckpointActor {
    type Context = Context<Self>;
}

impl Handler<Keep> for CheckpointActor {
    type Result = ();

    fn handle(&mut self, Keep { snapshot, changelog }: Keep, _: &mut Self::Context) {
        let started = clock::now();
        let outcome = guarded(|| self.keep(&snapshot, changelog)).unwrap_or_else(Err);
        let partition = &snapshot.partition;
        match &outcome {
            Ok(CheckpointStatus { position, bytes, .. }) => {
                failpoint::hit("runtime.after-checkpoint");
                let (position, bytes, took) = (*position, *bytes, started.elapsed());
                self.telemetry.event(&RuntimeEvent::CheckpointWritten { partition, position, bytes, took });
            }
            Err(why) => self.telemetry.event(&RuntimeEvent::CheckpointFailed { partition, why }),
        }
        self.link.tell(Told::Checkpointed(outcome.ok()));
    }
}

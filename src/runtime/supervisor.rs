//! The supervisor: it gives every actor of every task its thread, and ends a task whose stage has panicked.
//!
//! actix' own `Supervisor` restarts an actor that stops, but not one that panics, and a single actor cannot come back alone anyway: the state of a task is
//! one thing. So stages catch their panics and report here; the supervisor ends that life of the task and tells the client thread, which restores it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use actix::prelude::*;

use super::checkpoint_actor::CheckpointActor;
use super::link::{TaskLink, Told, guarded};
use super::recovery::Failure;
use super::restore::RestoreError;
use super::task_actors::TaskActors;
use crate::store::CheckpointStore;
use crate::task::{StagePlan, Task};
use crate::telemetry::{RuntimeEvent, Telemetry};

/// A worker thread and how many actors sit on it.
#[derive(Clone)]
struct Worker {
    arbiter: ArbiterHandle,
    load: Arc<AtomicUsize>,
}

/// An actor's place on a worker thread, until the actor is dropped.
pub(super) struct Seat(Worker);

impl Seat {
    /// The thread.
    pub(super) fn arbiter(&self) -> ArbiterHandle {
        self.0.arbiter.clone()
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.load.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The worker threads.
pub(super) struct Seats(Vec<Worker>);

impl Seats {
    pub(super) fn new(arbiters: Vec<ArbiterHandle>) -> Self {
        Seats(arbiters.into_iter().map(|arbiter| Worker { arbiter, load: Arc::default() }).collect())
    }

    /// A place on the thread that has the fewest actors: the learners of one task, taken one after the other, spread evenly.
    fn take(&self) -> Seat {
        let worker = self.0.iter().min_by_key(|worker| worker.load.load(Ordering::Relaxed)).expect("there is a worker");
        worker.load.fetch_add(1, Ordering::Relaxed);
        Seat(worker.clone())
    }
}

/// Start the actors of this task; [`Told::Started`] follows.
#[derive(Message)]
#[rtype(result = "()")]
pub(super) struct StartTask {
    pub(super) task: Box<Task>,
    pub(super) link: TaskLink,
}

/// A stage of this task panicked.
#[derive(Message)]
#[rtype(result = "()")]
pub(super) struct StageFailed {
    pub(super) link: TaskLink,
    pub(super) failure: Failure,
}

/// See the module's documentation.
pub(super) struct Supervisor {
    pub(super) seats: Seats,
    pub(super) checkpoints: ArbiterHandle,
    pub(super) store: Arc<dyn CheckpointStore>,
    pub(super) telemetry: Arc<Telemetry>,
    pub(super) most_under_way: usize,
}

impl Supervisor {
    fn start_task(&self, task: Task, link: &TaskLink, supervisor: Addr<Supervisor>) {
        let graph = task.graph().clone();
        let seats = (0..StagePlan::of(&graph).stages.len() + 2).map(|_| self.seats.take()).collect();
        let (store, telemetry) = (self.store.clone(), self.telemetry.clone());
        let checkpoint = CheckpointActor { graph: graph.clone(), store, telemetry, link: link.clone() };
        let checkpoint = CheckpointActor::start_in_arbiter(&self.checkpoints, move |_| checkpoint);
        let (link, telemetry, most_under_way) = (link.clone(), &*self.telemetry, self.most_under_way);
        TaskActors { graph, link, supervisor, telemetry, most_under_way }.start(task, seats, checkpoint);
    }
}

/// Tasks that start or fail at one moment; there are never more than partitions.
const MAILBOX: usize = 100_000;

impl Actor for Supervisor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(MAILBOX);
    }
}

impl Handler<StartTask> for Supervisor {
    type Result = ();

    fn handle(&mut self, StartTask { task, link }: StartTask, ctx: &mut Self::Context) {
        if link.ended() {
            return;
        }
        let supervisor = ctx.address();
        if let Err(message) = guarded(|| self.start_task(*task, &link, supervisor)) {
            let partition = link.partition.clone();
            let (first, last) = Default::default();
            link.tell(Told::Restored(Err(RestoreError::Panicked { partition, first, last, message })));
        }
    }
}

impl Handler<StageFailed> for Supervisor {
    type Result = ();

    fn handle(&mut self, StageFailed { link, failure }: StageFailed, _: &mut Self::Context) {
        if link.ended() {
            return;
        }
        link.end();
        let Failure { stage, records, message } = &failure;
        self.telemetry.event(&RuntimeEvent::Panicked { partition: &link.partition, stage, records: *records, message });
        link.tell(Told::Failed(failure));
    }
}

//! Puts a restored task into actors: source, one for each stage, sink, checkpoint; wired by the graph and spread over the worker threads.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use actix::prelude::*;

use super::checkpoint_actor::CheckpointActor;
use super::flow::{Flow, Station, Wire};
use super::link::{TaskLink, Told};
use super::sink_actor::SinkActor;
use super::source_actor::SourceActor;
use super::stage_actor::StageActor;
use super::supervisor::{Seat, Supervisor};
use crate::processor::NodeId;
use crate::task::{StagePlan, Task};
use crate::telemetry::Telemetry;
use crate::topology::Graph;

/// The ends of a running task that its client thread holds. When it lets go of them the actors stop, from the source down.
pub(super) struct TaskPort {
    pub(super) source: Addr<SourceActor>,
    pub(super) checkpoint: Addr<CheckpointActor>,
}

/// Which actors send to which: the source is `None`, a stage its place in the plan.
struct Lanes {
    upstream: Vec<Vec<Option<usize>>>,
}

impl Lanes {
    fn of(graph: &Graph, plan: &StagePlan) -> Self {
        let upstream = (0..plan.stages.len()).map(|stage| {
            let stages = plan.upstream(graph, stage);
            let mut nodes = plan.stages[stage].iter().filter_map(|id| graph.node(*id));
            let from_source = stages.is_empty() || nodes.any(|node| node.parents.contains(&NodeId::SOURCE));
            from_source.then_some(None).into_iter().chain(stages.into_iter().map(Some)).collect()
        });
        Lanes { upstream: upstream.collect() }
    }

    /// The stages that take from `origin`, each with the lane it takes it on.
    fn from(&self, origin: Option<usize>) -> impl Iterator<Item = (usize, usize)> {
        let lane = move |lanes: &Vec<Option<usize>>| lanes.iter().position(|from| *from == origin);
        self.upstream.iter().enumerate().filter_map(move |(stage, lanes)| Some((stage, lane(lanes)?)))
    }
}

/// Tells the client thread once the last actor runs. Until then an actor's mailbox has only its default bound.
struct Readiness {
    left: AtomicUsize,
    link: TaskLink,
    port: Mutex<Option<TaskPort>>,
}

impl Readiness {
    fn one_more(&self) {
        if self.left.fetch_sub(1, Ordering::AcqRel) == 1 {
            let port = self.port.lock().unwrap_or_else(PoisonError::into_inner).take();
            port.into_iter().for_each(|port| self.link.tell(Told::Started(port)));
        }
    }
}

/// Starts the actors of one task, those downstream first: an actor is given the addresses of those behind it.
pub(super) struct TaskActors<'a> {
    pub(super) graph: Arc<Graph>,
    pub(super) link: TaskLink,
    pub(super) supervisor: Addr<Supervisor>,
    pub(super) telemetry: &'a Telemetry,
    /// Elements that may be under way at once: credits and a barrier.
    pub(super) most_under_way: usize,
}

impl TaskActors<'_> {
    /// Starts everything; [`Told::Started`] follows. `seats` are those of the source, each stage and the sink, in this order.
    pub(super) fn start(&self, task: Task, mut seats: Vec<Seat>, checkpoint: Addr<CheckpointActor>) {
        let standing = (task.position(), task.counts());
        let (intake, stages, plan, outlet) = task.into_parts();
        let lanes = Lanes::of(&self.graph, &plan);
        let ready = self.readiness(stages.len() + 2);
        let mut last_seat = || seats.pop().expect("there is a seat for every actor");

        let (graph, station, width) = (self.graph.clone(), self.station("sink", Vec::new()), stages.len() + 1);
        let sink =
            self.launch(last_seat(), width, &ready, move |seat| SinkActor::new((graph, outlet), station, width, standing, seat));
        let mut downstream = Downstream { stages: vec![None; stages.len()], sink: sink.recipient() };
        for (place, stage) in stages.into_iter().enumerate().rev() {
            let station = self.station(plan.name(&self.graph, place), downstream.wires(&lanes, Some(place)));
            let width = lanes.upstream[place].len();
            let actor = self.launch(last_seat(), width, &ready, move |seat| StageActor::new(stage, station, width, seat));
            downstream.stages[place] = Some(actor.recipient());
        }
        let station = self.station("source", downstream.wires(&lanes, None));
        let source = self.launch(last_seat(), 1, &ready, move |seat| SourceActor::new(intake, station, seat));

        *ready.port.lock().unwrap_or_else(PoisonError::into_inner) = Some(TaskPort { source, checkpoint });
        ready.one_more();
    }

    /// Waits for so many actors and for the port.
    fn readiness(&self, actors: usize) -> Arc<Readiness> {
        Arc::new(Readiness { left: AtomicUsize::new(actors + 1), link: self.link.clone(), port: Mutex::new(None) })
    }

    fn station(&self, name: &str, wires: Vec<Wire>) -> Station {
        let (link, supervisor) = (self.link.clone(), self.supervisor.clone());
        Station { name: name.to_owned(), link, supervisor, wires, busy: self.telemetry.stage_busy(name) }
    }

    /// Starts an actor with `lanes` upstream on the thread of its seat. Its mailbox holds twice what can be under way.
    fn launch<A: Actor<Context = Context<A>>>(
        &self,
        seat: Seat,
        lanes: usize,
        ready: &Arc<Readiness>,
        make: impl FnOnce(Seat) -> A + Send + 'static,
    ) -> Addr<A> {
        let (ready, room) = (ready.clone(), 2 * lanes * self.most_under_way);
        A::start_in_arbiter(&seat.arbiter(), move |ctx| {
            ctx.set_mailbox_capacity(room);
            ready.one_more();
            make(seat)
        })
    }
}

/// The actors that run already.
struct Downstream {
    stages: Vec<Option<Recipient<Flow>>>,
    sink: Recipient<Flow>,
}

impl Downstream {
    /// The wires from `origin`: to the stages that take from it, and to the sink, which takes from everybody.
    fn wires(&self, lanes: &Lanes, origin: Option<usize>) -> Vec<Wire> {
        let stages = lanes.from(origin).filter_map(|(stage, lane)| Some(Wire { to: self.stages[stage].clone()?, lane }));
        let sink = Wire { to: self.sink.clone(), lane: origin.map_or(0, |stage| stage + 1) };
        stages.chain([sink]).collect()
    }
}

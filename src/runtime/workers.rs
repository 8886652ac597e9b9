//! The threads that actors run on: one that the supervisor shares with nobody, the workers for stages, and one that writes checkpoints.

use std::io;
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;

use actix::prelude::*;

use super::supervisor::{Seats, Supervisor};
use crate::store::CheckpointStore;
use crate::telemetry::Telemetry;

/// What the actors share.
pub(super) struct ActorSettings {
    pub(super) workers: usize,
    pub(super) most_under_way: usize,
    pub(super) store: Arc<dyn CheckpointStore>,
    pub(super) telemetry: Arc<Telemetry>,
}

/// An actix system of its own, beside any other in the process (the HTTP server has one).
pub(super) struct Workers {
    system: System,
    thread: JoinHandle<()>,
}

impl Workers {
    /// Starts the threads and the supervisor.
    ///
    /// # Errors
    /// When the operating system gives no more threads.
    pub(super) fn start(settings: ActorSettings) -> io::Result<(Self, Addr<Supervisor>)> {
        let (tell, told) = mpsc::channel();
        let thread = std::thread::Builder::new().name("tidemill-actors".into()).spawn(move || run(settings, &tell))?;
        let ended = || io::Error::other("the actors' thread ended before it began");
        let (system, supervisor) = told.recv().map_err(|_| ended())??;
        Ok((Workers { system, thread }, supervisor))
    }

    /// Ends all actors and waits for the threads; a stage at work is waited for.
    pub(super) fn stop(self) {
        self.system.stop();
        // A panic of the thread has been printed where it happened; the instance is ending anyway.
        drop(self.thread.join());
    }
}

type Started = io::Result<(System, Addr<Supervisor>)>;

fn run(settings: ActorSettings, tell: &mpsc::Sender<Started>) {
    let runner = System::new();
    let started = runner.block_on(async { start(settings) });
    let arbiters = match started {
        Ok((supervisor, arbiters)) => {
            // Nobody waits when the instance was given up meanwhile; then the system is stopped by its last handle.
            drop(tell.send(Ok((System::current(), supervisor))));
            arbiters
        }
        Err(error) => return drop(tell.send(Err(error))),
    };
    // The error would be an exit code, which nobody sets.
    drop(runner.run());
    for arbiter in arbiters {
        arbiter.stop();
        drop(arbiter.join());
    }
}

fn start(settings: ActorSettings) -> io::Result<(Addr<Supervisor>, Vec<Arbiter>)> {
    let ActorSettings { workers, most_under_way, store, telemetry } = settings;
    let arbiters = (0..=workers).map(|_| Arbiter::try_new()).collect::<io::Result<Vec<_>>>()?;
    let mut handles: Vec<ArbiterHandle> = arbiters.iter().map(Arbiter::handle).collect();
    let checkpoints = handles.pop().expect("one more than workers");
    let supervisor = Supervisor { seats: Seats::new(handles), checkpoints, store, telemetry, most_under_way };
    Ok((supervisor.start(), arbiters))
}

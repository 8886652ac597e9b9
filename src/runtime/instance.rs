//! An instance: one process's share of an application. It owns the threads; everything it does is done by them.

use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use super::board::{Board, LatestPrediction};
use super::client_thread::{ClientThread, Shared};
use super::clock;
use super::control::Control;
use super::error::InstanceError;
use super::link::guarded;
use super::monitor::Monitor;
use super::phases::ThreadState;
use super::restore_pool::RestorePool;
use super::settings::RuntimeSettings;
use super::standby::Standby;
use super::status::InstanceStatus;
use super::workers::{ActorSettings, Workers};
use crate::changelog::topic_name;
use crate::log::{Log, LogError, Reaction};
use crate::store::CheckpointStore;
use crate::task::Leaderboard;
use crate::telemetry::{RuntimeEvent, Telemetry};
use crate::topology::Graph;

/// Time the other client threads have to end cleanly when one has failed.
const AFTER_FAILURE: Duration = Duration::from_secs(10);

/// A thread that runs beside the client threads, and what tells it to end.
type Helper = (Sender<()>, JoinHandle<()>);

/// Starts instances.
pub struct Instance;

impl Instance {
    /// Runs `graph` on `log` until the handle is told to shut down, or a fatal error.
    ///
    /// The topics must exist. Returns at once: tasks come as the log assigns partitions.
    ///
    /// # Errors
    /// When the log gives no client (a topic is missing, the application runs elsewhere) or the operating system no threads.
    pub fn start(
        graph: Arc<Graph>,
        log: Arc<dyn Log>,
        store: Arc<dyn CheckpointStore>,
        telemetry: Arc<Telemetry>,
        settings: RuntimeSettings,
    ) -> Result<InstanceHandle, InstanceError> {
        let settings = settings.held_to_minima();
        let threads = |error: std::io::Error| InstanceError::Threads(error.to_string());
        let (application, topology) = (settings.application_id.clone(), graph.name.clone());
        let board = Arc::new(Board::new(application, topology, settings.num_stream_threads, telemetry.clone()));
        let actors = ActorSettings {
            workers: settings.num_worker_threads,
            most_under_way: settings.max_in_flight_batches + 1,
            store: store.clone(),
            telemetry: telemetry.clone(),
        };
        let (workers, supervisor) = Workers::start(actors).map_err(threads)?;
        let shared = Arc::new(Shared {
            topics: graph.output_topics(),
            changelog: changelog_topic(log.as_ref(), &graph, &settings)?,
            standbys: Arc::default(),
            restores: RestorePool::start(settings.restore_threads()).map_err(threads)?,
            control: Control::new(),
            graph,
            log,
            store,
            telemetry,
            settings,
            board,
            supervisor,
        });
        let handle = InstanceHandle { shared, threads: Mutex::new(Threads { workers: Some(workers), ..Threads::default() }) };
        // From here on, dropping the handle ends what has been started.
        handle.begin()?;
        Ok(handle)
    }
}

/// The changelog topic, which must be there when there is to be one.
fn changelog_topic(log: &dyn Log, graph: &Graph, settings: &RuntimeSettings) -> Result<Option<Arc<str>>, LogError> {
    if settings.changelog.is_none() {
        return Ok(None);
    }
    let name = topic_name(&settings.application_id);
    let topics = match log.topics() {
        // An outage is waited out. If the topic is missing all the same, the first record for it says so.
        Err(error) if error.reaction() == Reaction::Retry => return Ok(Some(name)),
        answer => answer?,
    };
    let partitions = |name: &str| topics.iter().find(|topic| &*topic.spec.name == name).map(|topic| topic.spec.partitions);
    let (source, found) = (partitions(&graph.source.topic), partitions(&name));
    if source.is_none() || source == found {
        return Ok(Some(name));
    }
    let found = found.map_or_else(|| "does not exist".to_owned(), |count| format!("has {count} partitions"));
    Err(LogError::Usage(format!(
        "the changelog topic {name:?} {found}; it must have {} partitions, as many as {:?}, and be compacted. `tidemill topics create TOPOLOGY` makes it; \
         changelog.enabled=false does without",
        source.unwrap_or_default(),
        graph.source.topic
    )))
}

/// What is joined at the end.
#[derive(Default)]
struct Threads {
    workers: Option<Workers>,
    clients: Vec<JoinHandle<Result<(), InstanceError>>>,
    monitor: Option<Helper>,
    standby: Option<Helper>,
}

/// A running instance. Dropping it without [`shutdown`](Self::shutdown) ends it as a crash would: nothing more is committed or kept.
pub struct InstanceHandle {
    shared: Arc<Shared>,
    threads: Mutex<Threads>,
}

impl InstanceHandle {
    fn threads(&self) -> MutexGuard<'_, Threads> {
        // What a panicking thread left there is still to be joined.
        self.threads.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn begin(&self) -> Result<(), InstanceError> {
        let shared = &self.shared;
        let (application, topology) = (&*shared.settings.application_id, &*shared.graph.name);
        let fingerprint = &*shared.graph.fingerprint;
        shared.telemetry.event(&RuntimeEvent::InstanceStarted { application, topology, fingerprint });
        let indices = 0..shared.settings.num_stream_threads;
        let client = |index| match shared.log.client(&shared.client_settings(index)) {
            // The thread goes on asking.
            Err(error) if error.reaction() == Reaction::Retry => Ok((index, None)),
            answer => Ok((index, Some(answer?))),
        };
        let clients = indices.map(client).collect::<Result<Vec<_>, InstanceError>>()?;
        let running = Arc::new(Mutex::new(clients.len()));
        let mut threads = self.threads();
        for (index, client) in clients {
            let thread = ClientThread::new(shared.clone(), index, client);
            let running = running.clone();
            let work = move || run_client(thread, index, &running);
            let started = std::thread::Builder::new().name(format!("tidemill-client-{index}")).spawn(work);
            threads.clients.push(started.map_err(|error| InstanceError::Threads(error.to_string()))?);
        }
        threads.monitor = Some(self.start_monitor()?);
        threads.standby = self.start_standby()?;
        Ok(())
    }

    fn start_monitor(&self) -> Result<Helper, InstanceError> {
        let Shared { graph, log, board, telemetry, store, .. } = &*self.shared;
        let monitor = Monitor {
            graph: graph.clone(),
            log: log.clone(),
            board: board.clone(),
            telemetry: telemetry.clone(),
            store: store.clone(),
        };
        let (stop, stopped) = channel();
        let thread = std::thread::Builder::new().name("tidemill-monitor".into()).spawn(move || monitor.run(&stopped));
        Ok((stop, thread.map_err(|error| InstanceError::Threads(error.to_string()))?))
    }

    fn start_standby(&self) -> Result<Option<Helper>, InstanceError> {
        let Shared { graph, log, board, telemetry, store, standbys, settings, changelog, .. } = &*self.shared;
        let Some(changelog) = changelog.clone().filter(|_| settings.num_standby_replicas > 0) else { return Ok(None) };
        let standby = Standby {
            graph: graph.clone(),
            log: log.clone(),
            board: board.clone(),
            telemetry: telemetry.clone(),
            store: store.clone(),
            kept: standbys.clone(),
            application_id: settings.application_id.clone(),
            changelog,
            replicas: settings.num_standby_replicas,
        };
        let (stop, stopped) = channel();
        let thread = std::thread::Builder::new().name("tidemill-standby".into()).spawn(move || standby.run(&stopped));
        Ok(Some((stop, thread.map_err(|error| InstanceError::Threads(error.to_string()))?)))
    }

    /// The state of the instance and of every task.
    pub fn status(&self) -> InstanceStatus {
        self.shared.board.status()
    }

    /// The newest score of every model, of committed records only.
    pub fn leaderboard(&self) -> Leaderboard {
        self.shared.board.leaderboard()
    }

    /// The newest prediction of each model for each coin that has committed since the start, by coin and model.
    pub fn predictions(&self) -> Vec<LatestPrediction> {
        self.shared.board.predictions()
    }

    /// The topology.
    pub fn graph(&self) -> &Arc<Graph> {
        &self.shared.graph
    }

    /// The checkpoint store.
    pub fn store(&self) -> &Arc<dyn CheckpointStore> {
        &self.shared.store
    }

    /// The log.
    pub fn log(&self) -> &Arc<dyn Log> {
        &self.shared.log
    }

    /// The metrics.
    pub fn telemetry(&self) -> &Arc<Telemetry> {
        &self.shared.telemetry
    }

    /// Waits until `condition` holds. `false` when `timeout` is over or the instance has ended before it did.
    pub fn wait_until(&self, timeout: Duration, condition: impl Fn(&InstanceStatus) -> bool) -> bool {
        self.shared.board.wait_until(clock::now() + timeout, condition)
    }

    /// Waits until the instance ends by itself, at most `timeout`; the answer is why, or `None` while it runs.
    pub fn wait_failed(&self, timeout: Duration) -> Option<String> {
        self.wait_until(timeout, |status| status.failure.is_some());
        self.status().failure
    }

    /// Ends the instance: what is in flight is finished and committed, the states are kept, the log client leaves its group, all within `deadline`.
    ///
    /// # Errors
    /// Why the instance had ended before, or that not everything was committed in time. A second call does nothing.
    pub fn shutdown(&self, deadline: Duration) -> Result<InstanceStatus, InstanceError> {
        self.shared.control.close(clock::now() + deadline);
        self.end().map(|()| self.status())
    }

    /// Joins every thread. The first error counts.
    fn end(&self) -> Result<(), InstanceError> {
        let Threads { workers, clients, monitor, standby } = std::mem::take(&mut *self.threads());
        let mut outcome = Ok(());
        for client in clients {
            // A client thread catches its panics.
            let ended = client.join().unwrap_or(Ok(()));
            outcome = outcome.and(ended);
        }
        for (stop, thread) in monitor.into_iter().chain(standby) {
            drop(stop);
            drop(thread.join());
        }
        self.shared.restores.stop();
        workers.into_iter().for_each(Workers::stop);
        outcome
    }
}

impl Drop for InstanceHandle {
    fn drop(&mut self) {
        self.shared.control.abandon();
        // What a client thread has to say was shown on the board.
        drop(self.end());
    }
}

/// The whole of a client thread: run, tell the board how it ended, and end the others if it failed.
fn run_client(mut thread: ClientThread, index: u32, running: &Mutex<usize>) -> Result<(), InstanceError> {
    let shared = thread.shared.clone();
    let panicked = |message| Err(InstanceError::Panicked { thread: index, message });
    let outcome = guarded(|| thread.run()).unwrap_or_else(panicked);
    // The actors and the log client go before anybody is told that the thread has ended.
    drop(thread);
    let failure = match &outcome {
        Ok(()) | Err(InstanceError::Abandoned) => None,
        Err(error) => Some(error.to_string()),
    };
    if let Some(why) = &failure {
        shared.telemetry.event(&RuntimeEvent::InstanceFailed { why });
        shared.control.close(clock::now() + AFTER_FAILURE);
    }
    shared.board.update_thread(index, ThreadState::Ended);
    let mut running = running.lock().unwrap_or_else(PoisonError::into_inner);
    *running -= 1;
    shared.board.update(|status| {
        status.failure = status.failure.take().or(failure);
        status.ended = *running == 0;
    });
    outcome
}

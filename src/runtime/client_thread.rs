//! The client thread: the one owner of a log client and of the tasks whose partitions that client has.
//!
//! It polls, feeds the tasks' sources, takes what comes out of their sinks into the open transaction, commits when it is time, and brings tasks back when something
//! went wrong. It never waits for a stage: a slow task only runs out of credits, and its partition is paused.
//!
//! This file is the turn of the loop; what a turn does with outputs is in `commits`, with trouble in `setbacks`, at the end of a task in `retire`.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use actix::Addr;

use super::board::Board;
use super::calls::{Trouble, call};
use super::clock;
use super::control::{Command, Control};
use super::error::InstanceError;
use super::link::{TaskEvent, TaskLink, Told};
use super::phases::ThreadState;
use super::recovery::Recovery;
use super::restore::{Restore, Restored};
use super::restore_pool::RestorePool;
use super::settings::RuntimeSettings;
use super::slot::{Phase, Slot};
use super::standby::Standbys;
use super::status::TaskState;
use super::supervisor::{StartTask, Supervisor};
use super::transaction::Transaction;
use crate::failpoint;
use crate::log::{AutoOffsetReset, ClientSettings, Committed, Log, LogClient, LogError, LogEvent, ThreadSlot};
use crate::record::TopicPartition;
use crate::store::CheckpointStore;
use crate::task::{MissingInput, Skips};
use crate::telemetry::{RuntimeEvent, Telemetry};
use crate::topology::Graph;

/// What all client threads of an instance share.
pub(super) struct Shared {
    pub(super) graph: Arc<Graph>,
    pub(super) topics: Vec<Arc<str>>,
    pub(super) log: Arc<dyn Log>,
    pub(super) store: Arc<dyn CheckpointStore>,
    pub(super) telemetry: Arc<Telemetry>,
    pub(super) settings: RuntimeSettings,
    pub(super) board: Arc<Board>,
    pub(super) control: Control,
    pub(super) supervisor: Addr<Supervisor>,
    pub(super) restores: RestorePool,
    /// The changelog topic, if there is one.
    pub(super) changelog: Option<Arc<str>>,
    pub(super) standbys: Arc<Standbys>,
}

impl Shared {
    /// The settings of the log client of one thread. Without a committed offset it starts at the oldest record: a task that skipped what lies before its
    /// first commit could not be rebuilt from the log.
    pub(super) fn client_settings(&self, index: u32) -> ClientSettings {
        ClientSettings {
            application_id: self.settings.application_id.clone(),
            topics: vec![self.graph.source.topic.clone()],
            thread: ThreadSlot { index, of: self.settings.num_stream_threads },
            guarantee: self.settings.guarantee,
            reset: AutoOffsetReset::Earliest,
        }
    }
}

/// Longest poll while there is nothing to do.
const IDLE_POLL: Duration = Duration::from_millis(20);
/// Longest wait for a sink while batches are in flight: new input waits as long at most.
const OUTPUT_WAIT: Duration = Duration::from_millis(1);

/// See the module's documentation.
pub(super) struct ClientThread {
    pub(super) shared: Arc<Shared>,
    pub(super) index: u32,
    /// `None` while there is no answer to the call for one.
    pub(super) client: Option<Box<dyn LogClient>>,
    pub(super) slots: BTreeMap<u32, Slot>,
    pub(super) recoveries: BTreeMap<u32, Recovery>,
    pub(super) transaction: Transaction,
    /// When the running commit interval began.
    pub(super) interval_began: Instant,
    /// Replacements of the client since the last commit.
    pub(super) replacements: u32,
    lives: u64,
    news: Receiver<TaskEvent>,
    tell: Sender<TaskEvent>,
}

impl ClientThread {
    pub(super) fn new(shared: Arc<Shared>, index: u32, client: Option<Box<dyn LogClient>>) -> Self {
        let (tell, news) = channel();
        ClientThread {
            shared,
            index,
            client,
            slots: BTreeMap::new(),
            recoveries: BTreeMap::new(),
            transaction: Transaction::default(),
            interval_began: clock::now(),
            replacements: 0,
            lives: 0,
            news,
            tell,
        }
    }

    /// Runs until the instance is told to end.
    ///
    /// # Errors
    /// Why it ends without having been told, or not cleanly.
    pub(super) fn run(&mut self) -> Result<(), InstanceError> {
        loop {
            match self.shared.control.command() {
                // At the start, while no broker answers: there is nothing yet that would have to be brought to an end.
                Command::Run if self.client.is_none() => self.connect()?,
                Command::Close(_) if self.client.is_none() => return Ok(()),
                Command::Run => {
                    let outcome = self.turn();
                    self.mend(outcome)?;
                }
                Command::Close(deadline) => return self.close(deadline),
                Command::Abandon => return Err(InstanceError::Abandoned),
            }
        }
    }

    /// One turn of the loop.
    pub(super) fn turn(&mut self) -> Result<(), Trouble> {
        let events = self.poll()?;
        let quiet = events.is_empty();
        self.on_log_events(events)?;
        self.listen(if quiet && self.in_flight() > 0 { OUTPUT_WAIT } else { Duration::ZERO })?;
        self.start_restores()?;
        self.go_live()?;
        self.feed()?;
        self.commit_if_due()?;
        self.keep_checkpoints()?;
        self.produce_changelog()
    }

    /// Makes a call to the log client.
    pub(super) fn log<T>(
        &mut self,
        name: &'static str,
        make: impl FnMut(&mut dyn LogClient) -> Result<T, LogError>,
    ) -> Result<T, Trouble> {
        let client = self.client.as_deref_mut().ok_or_else(|| Trouble::Replace("there is no client".into()))?;
        call((client, &self.shared.control, &self.shared.telemetry), name, make)
    }

    fn poll(&mut self) -> Result<Vec<LogEvent>, Trouble> {
        let (most, timeout) = (self.shared.settings.max_batch_records, self.poll_timeout());
        let accept = self.shared.settings.missing_input == MissingInput::Accept;
        self.log("poll", |client| match client.poll(most, timeout) {
            // Retention has overtaken the position, and the settings say to go on with what there is.
            Err(LogError::OutOfRange { partition, start, .. }) if accept => client.seek(&partition, start).map(|()| Vec::new()),
            outcome => outcome,
        })
    }

    fn poll_timeout(&self) -> Duration {
        if self.in_flight() > 0 {
            return Duration::ZERO;
        }
        let until_commit = if self.transaction.is_empty() { IDLE_POLL } else { clock::left(self.commit_due_at()) };
        let settling = self.slots.values().any(|slot| !matches!(slot.phase, Phase::Running(_)));
        until_commit.min(if settling { IDLE_POLL / 4 } else { IDLE_POLL })
    }

    /// Batches between sources and the transaction, of all tasks.
    pub(super) fn in_flight(&self) -> usize {
        self.slots.values().map(|slot| slot.in_flight).sum()
    }

    /// Records are queued before anything else is done, so that no trouble can lose them.
    fn on_log_events(&mut self, events: Vec<LogEvent>) -> Result<(), Trouble> {
        let most = self.shared.settings.max_batch_records;
        let mut rest = Vec::new();
        for event in events {
            match event {
                LogEvent::Records(batch) => {
                    if let Some(slot) = self.slots.get_mut(&batch.partition.partition) {
                        slot.take(batch, most);
                    }
                }
                LogEvent::Assigned(partitions) => {
                    partitions.into_iter().for_each(|partition| self.assigned(partition));
                    self.shared.board.update_thread(self.index, ThreadState::Running);
                }
                LogEvent::Revoked(partitions) => rest.push((partitions, true)),
                LogEvent::Lost(partitions) => rest.push((partitions, false)),
            }
        }
        rest.into_iter().try_for_each(|(partitions, ours)| self.taken_away(&partitions, ours))
    }

    fn assigned(&mut self, partition: TopicPartition) {
        self.shared.telemetry.event(&RuntimeEvent::Assigned { partition: &partition });
        self.shared.board.update_task(&partition, self.index, |task| {
            task.state = TaskState::Created;
            task.thread = self.index;
        });
        let recovering = self.recoveries.contains_key(&partition.partition);
        self.recoveries.entry(partition.partition).or_default();
        self.begin_life(partition, recovering, false);
    }

    /// A new life for a task, which begins with a restore.
    pub(super) fn begin_life(&mut self, partition: TopicPartition, recovering: bool, paused: bool) {
        self.lives += 1;
        let number = partition.partition;
        let outputs = self.shared.topics.iter().map(|topic| TopicPartition::new(topic.clone(), number)).collect();
        let link = TaskLink::new(partition, self.lives, self.tell.clone());
        if let Some(mut last) = self.slots.insert(number, Slot::new(link, outputs, recovering, paused)) {
            last.end();
        }
    }

    /// Starts the restore of every task that waits for one.
    fn start_restores(&mut self) -> Result<(), Trouble> {
        let waiting = |slot: &&Slot| matches!(slot.phase, Phase::Waiting);
        let waiting: Vec<TopicPartition> = self.slots.values().filter(waiting).map(|slot| slot.partition.clone()).collect();
        if waiting.is_empty() {
            return Ok(());
        }
        // Records of a task that is not live would be read for nothing.
        self.apply_pauses()?;
        let committed = self.log("committed", |client| client.committed(&waiting))?;
        for partition in &waiting {
            self.start_restore(partition, committed.get(partition))?;
        }
        Ok(())
    }

    fn start_restore(&mut self, partition: &TopicPartition, committed: Option<&Committed>) -> Result<(), InstanceError> {
        let number = partition.partition;
        let (Some(slot), Some(recovery)) = (self.slots.get_mut(&number), self.recoveries.get(&number)) else { return Ok(()) };
        let skips = Skips::from_metadata(committed.map_or("", |committed| &committed.metadata));
        let skips = skips.and_then(|skips| recovery.skips(&skips));
        let restore = Restore {
            graph: self.shared.graph.clone(),
            link: slot.link.clone(),
            committed: committed.map(|committed| committed.offset),
            skips: skips.map_err(|cause| InstanceError::Skips { partition: partition.clone(), cause })?,
            missing_input: self.shared.settings.missing_input,
            log: self.shared.log.clone(),
            store: self.shared.store.clone(),
            telemetry: self.shared.telemetry.clone(),
            board: self.shared.board.clone(),
            changelog: self.shared.changelog.clone().map(|topic| TopicPartition::new(topic, number)),
            standbys: self.shared.standbys.clone(),
            thread: self.index,
            recovering: slot.recovering,
            since: slot.since,
        };
        slot.phase = Phase::Restoring;
        self.shared.restores.submit(move || restore.tell());
        Ok(())
    }

    /// Hears what actors and restores have to tell, waiting up to `wait` for the first news.
    pub(super) fn listen(&mut self, wait: Duration) -> Result<(), Trouble> {
        let mut next = self.news.recv_timeout(wait).ok();
        while let Some(event) = next {
            self.on_news(event)?;
            next = self.news.try_recv().ok();
        }
        Ok(())
    }

    fn on_news(&mut self, event: TaskEvent) -> Result<(), Trouble> {
        let TaskEvent { partition, incarnation, told } = event;
        let Some(slot) = self.slots.get_mut(&partition).filter(|slot| slot.link.incarnation == incarnation) else {
            return Ok(());
        };
        match told {
            Told::Output(output) => return self.output(partition, *output),
            Told::Snapshot(Ok(snapshot)) => slot.checkpoints.taken(snapshot),
            Told::Snapshot(Err(error)) => {
                let (partition, why) = (&slot.partition, &error.to_string());
                self.shared.telemetry.event(&RuntimeEvent::CheckpointFailed { partition, why });
                slot.checkpoints.done(None);
            }
            Told::Checkpointed(kept) => {
                slot.checkpoints.done(kept);
                // Whatever was cut was told before; a snapshot that could not be is not waited for.
                slot.changelog.cut(None);
                let partition = slot.partition.clone();
                self.shared.board.update_task(&partition, self.index, |task| task.checkpoint = kept.or(task.checkpoint));
            }
            Told::Cut(cut) => slot.changelog.cut(cut),
            Told::Started(port) => slot.phase = Phase::Ready(port),
            Told::Restored(Ok(restored)) => self.start_actors(partition, restored),
            Told::Restored(Err(error)) => return Err(InstanceError::Restore(error).into()),
            Told::Failed(failure) => return self.failed(partition, &failure),
        }
        Ok(())
    }

    fn start_actors(&mut self, partition: u32, restored: Box<Restored>) {
        let Some(slot) = self.slots.get_mut(&partition) else { return };
        slot.restored(&restored, self.shared.settings.changelog);
        let Restored { task, status, .. } = *restored;
        self.shared.board.told(task.keys(), &task.report(), Vec::new());
        self.shared.board.update_task(&slot.partition, self.index, |shown| {
            shown.position = Some(status.live_at);
            shown.total = task.counts();
            shown.skipped = slot.skipped();
            shown.restored = Some(status);
        });
        let start = StartTask { task: Box::new(task), link: slot.link.clone() };
        // Its mailbox holds more than there are partitions; closed, the instance is ending.
        drop(self.shared.supervisor.try_send(start));
    }

    /// Sends the client to the live position of every task whose actors run.
    fn go_live(&mut self) -> Result<(), Trouble> {
        let ready = |slot: &&Slot| matches!(slot.phase, Phase::Ready(_)) && !slot.closing;
        let ready: Vec<u32> = self.slots.values().filter(ready).map(|slot| slot.partition.partition).collect();
        for number in ready {
            let (partition, live_at) = (self.slots[&number].partition.clone(), self.slots[&number].live_at);
            failpoint::hit("runtime.before-live");
            self.log("seek", |client| client.seek(&partition, live_at))?;
            if let Some(slot) = self.slots.get_mut(&number) {
                slot.phase = match std::mem::replace(&mut slot.phase, Phase::Waiting) {
                    Phase::Ready(port) => Phase::Running(port),
                    other => other,
                };
            }
            self.take_back(number)?;
            self.shared.board.update_task(&partition, self.index, |task| task.state = TaskState::Running);
        }
        Ok(())
    }

    fn feed(&mut self) -> Result<(), Trouble> {
        let credits = self.shared.settings.max_in_flight_batches;
        for (number, slot) in &mut self.slots {
            let next = slot.next_queued();
            let careful = next.is_some_and(|next| self.recoveries.get(number).is_some_and(|recovery| recovery.careful(next)));
            slot.feed(credits, careful);
        }
        self.apply_pauses()
    }

    /// Holds back the partitions of tasks that take no more, and lets the others go on.
    pub(super) fn apply_pauses(&mut self) -> Result<(), Trouble> {
        let credits = self.shared.settings.max_in_flight_batches;
        let changes = self.slots.values().filter(|slot| slot.paused != slot.wants_pause(credits));
        let changes: Vec<(TopicPartition, bool)> =
            changes.map(|slot| (slot.partition.clone(), slot.wants_pause(credits))).collect();
        for (partition, pause) in changes {
            let these = [partition];
            self.log("pause", |client| if pause { client.pause(&these) } else { client.resume(&these) })?;
            if let Some(slot) = self.slots.get_mut(&these[0].partition) {
                slot.paused = pause;
            }
        }
        Ok(())
    }
}

//! The board: what threads of an instance write and everybody else reads. Nothing on it is ahead of what has committed.

use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::clock;
use super::phases::ThreadState;
use super::status::{InstanceStatus, TaskState, TaskStatus};
use crate::processor::{KeyTable, NodeId, Noticed, Prediction};
use crate::record::{Offset, TopicPartition};
use crate::task::Leaderboard;
use crate::telemetry::Telemetry;

/// The newest prediction of one model for one coin.
#[derive(Debug, Clone, PartialEq)]
pub struct LatestPrediction {
    /// The coin.
    pub coin: Arc<str>,
    /// The prediction; its champion flag is set where an evaluator has seen it.
    pub prediction: Prediction,
    /// The input record that caused it: where it stands.
    pub source: TopicPartition,
    /// Its offset.
    pub offset: Offset,
}

struct Shared {
    status: InstanceStatus,
    leaderboard: Leaderboard,
    predictions: BTreeMap<(Arc<str>, NodeId), LatestPrediction>,
}

/// See the module's documentation.
pub(super) struct Board {
    shared: Mutex<Shared>,
    changed: Condvar,
    telemetry: Arc<Telemetry>,
}

impl Board {
    pub(super) fn new(application_id: Arc<str>, topology: Arc<str>, threads: u32, telemetry: Arc<Telemetry>) -> Self {
        let thread_states = vec![ThreadState::Joining; threads as usize];
        let status = InstanceStatus {
            application_id,
            topology,
            threads,
            thread_states,
            tasks: Vec::new(),
            standbys: Vec::new(),
            failure: None,
            ended: false,
        };
        let shared = Shared { status, leaderboard: Leaderboard::default(), predictions: BTreeMap::new() };
        Board { shared: Mutex::new(shared), changed: Condvar::new(), telemetry }
    }

    /// A thread that panicked while it held the lock leaves facts that are still true.
    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn status(&self) -> InstanceStatus {
        self.lock().status.clone()
    }

    pub(super) fn leaderboard(&self) -> Leaderboard {
        self.lock().leaderboard.clone()
    }

    pub(super) fn predictions(&self) -> Vec<LatestPrediction> {
        self.lock().predictions.values().cloned().collect()
    }

    /// Changes the instance's status.
    pub(super) fn update(&self, change: impl FnOnce(&mut InstanceStatus)) {
        change(&mut self.lock().status);
        self.changed.notify_all();
    }

    /// Changes the state of client thread `index`.
    pub(super) fn update_thread(&self, index: u32, state: ThreadState) {
        self.update(|status| {
            if let Some(shown) = status.thread_states.get_mut(index as usize) {
                *shown = state;
            }
        });
    }

    /// Changes one task's status; a task that is new to the board belongs to client thread `thread`.
    pub(super) fn update_task(&self, partition: &TopicPartition, thread: u32, change: impl FnOnce(&mut TaskStatus)) {
        let mut shared = self.lock();
        let tasks = &mut shared.status.tasks;
        let place = tasks.binary_search_by(|task| task.partition.cmp(partition)).unwrap_or_else(|place| {
            tasks.insert(place, TaskStatus::new(partition.clone(), thread));
            place
        });
        let task = &mut tasks[place];
        let before = task.state.name();
        change(task);
        let state = task.state;
        drop(shared);
        if before != state.name() || state == TaskState::Created {
            self.telemetry.task_state(partition, state.name(), &TaskState::NAMES);
        }
        self.changed.notify_all();
    }

    /// Takes what nodes have told about committed records.
    pub(super) fn told(&self, keys: &KeyTable, notices: &[Noticed], predictions: Vec<LatestPrediction>) {
        let mut shared = self.lock();
        shared.leaderboard.update(keys, notices);
        for latest in predictions {
            shared.predictions.insert((latest.coin.clone(), latest.prediction.model), latest);
        }
    }

    /// Waits until `condition` holds or the instance has ended; `false` when `deadline` comes first or it ended without.
    pub(super) fn wait_until(&self, deadline: Instant, condition: impl Fn(&InstanceStatus) -> bool) -> bool {
        let mut shared = self.lock();
        loop {
            if condition(&shared.status) {
                return true;
            }
            let left = clock::left(deadline);
            if shared.status.ended || left == Duration::ZERO {
                return false;
            }
            shared = self.changed.wait_timeout(shared, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

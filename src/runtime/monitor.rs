//! Looks at the ends of the partitions and at the store once a second and shows how things stand. It only reads; the client threads know nothing of it.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use tracing::debug;

use super::board::Board;
use super::status::{CheckpointStatus, TaskState, TaskStatus};
use crate::log::{Log, LogError, LogReader, Watermarks};
use crate::record::{Offset, Timestamp};
use crate::store::{CheckpointStore, Incident};
use crate::telemetry::{RuntimeEvent, TaskGauges, Telemetry};
use crate::topology::Graph;

const INTERVAL: Duration = Duration::from_secs(1);

/// See the module's documentation.
pub(super) struct Monitor {
    pub(super) graph: Arc<Graph>,
    pub(super) log: Arc<dyn Log>,
    pub(super) board: Arc<Board>,
    pub(super) telemetry: Arc<Telemetry>,
    pub(super) store: Arc<dyn CheckpointStore>,
}

/// What the log says of a task's partition.
struct Ends {
    end: Offset,
    newest: Option<Timestamp>,
}

impl Monitor {
    /// Runs until `stop` is told or dropped, and looks once more then.
    pub(super) fn run(&self, stop: &Receiver<()>) {
        let (mut reader, mut told) = (None, 0);
        loop {
            let last = !matches!(stop.recv_timeout(INTERVAL), Err(RecvTimeoutError::Timeout));
            self.look(&mut reader);
            told = self.tell_incidents(told);
            if last {
                return;
            }
        }
    }

    fn look(&self, reader: &mut Option<Box<dyn LogReader>>) {
        for task in self.board.status().tasks.iter().filter(|task| task.state != TaskState::Closed) {
            let ends = self.ends(reader, task).map_err(|error| debug!(%error, "the end of the log is not known")).ok();
            self.show(task, ends);
        }
        self.telemetry.scores(&self.graph, &self.board.leaderboard());
    }

    /// Tells the store's incidents after the first `told`; the answer is how many there are.
    fn tell_incidents(&self, told: usize) -> usize {
        let incidents = self.store.incidents();
        for incident in incidents.iter().skip(told) {
            let (kind, detail) = match incident {
                Incident::SnapshotFilesSetAside { to, cause } => {
                    ("snapshot_files_set_aside", format!("{cause}; sled's own snapshot files are in {} now", to.display()))
                }
                Incident::Quarantined { to, cause } => {
                    ("quarantined", format!("{cause}; what cannot be used is in {} now", to.display()))
                }
            };
            self.telemetry.event(&RuntimeEvent::StoreIncident { kind, detail: &detail });
        }
        incidents.len()
    }

    /// A reader that failed is thrown away; the next look makes another.
    fn ends(&self, reader: &mut Option<Box<dyn LogReader>>, task: &TaskStatus) -> Result<Ends, LogError> {
        let mut used = match reader.take() {
            Some(reader) => reader,
            None => self.log.reader()?,
        };
        let Watermarks { start, end } = used.watermarks(&task.partition)?;
        let behind = task.position.is_none_or(|position| position < end);
        let newest = if behind { newest(used.as_mut(), task, (start, end))? } else { None };
        *reader = Some(used);
        Ok(Ends { end, newest })
    }

    fn show(&self, task: &TaskStatus, ends: Option<Ends>) {
        let lag = |ends: &Ends| ends.end.0.saturating_sub(task.position.unwrap_or_default().0).max(0).unsigned_abs();
        let time_lag = |ends: &Ends| match (task.position, ends.newest, task.stream_time) {
            (Some(position), ..) if position >= ends.end => Some(0),
            (_, Some(newest), Some(seen)) => Some(newest.since(seen).max(0)),
            _ => None,
        };
        let (lag, time_lag) = (ends.as_ref().map(lag), ends.as_ref().and_then(time_lag));
        self.board.update_task(&task.partition, task.thread, |shown| {
            shown.end = ends.map(|ends| ends.end).or(shown.end);
            shown.lag = lag.or(shown.lag);
            shown.stream_time_lag_ms = time_lag.or(shown.stream_time_lag_ms);
        });
        let (position, stream_time, in_flight) = (task.position, task.stream_time, task.in_flight);
        let age = |kept: Option<CheckpointStatus>| kept.map(|kept| kept.at.elapsed().as_secs_f64());
        let gauges = TaskGauges {
            position,
            lag,
            stream_time,
            stream_time_lag_ms: time_lag,
            in_flight,
            checkpoint_age_s: age(task.checkpoint),
            changelog_age_s: age(task.changelog),
        };
        self.telemetry.task(&task.partition, &gauges);
    }
}

/// Offsets before the end among which the newest record is looked for: the last ones may be marks of transactions, which are no records.
const TAIL: i64 = 8;

/// The time stamp of the newest record.
fn newest(reader: &mut dyn LogReader, task: &TaskStatus, (start, end): (Offset, Offset)) -> Result<Option<Timestamp>, LogError> {
    let from = Offset((end.0 - TAIL).max(start.0));
    let fetched = reader.read(&task.partition, from, end, TAIL as usize, Duration::ZERO)?;
    Ok(fetched.records.records.iter().last().map(|record| record.timestamp))
}

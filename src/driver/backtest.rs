//! Replays history through a topology on one thread, as fast as it goes.

use std::collections::BTreeMap;
use std::sync::Arc;

use thiserror::Error;

use crate::record::{ConsumedBatch, Offset, RecordBatch, RecordRef, TopicPartition};
use crate::snapshot::SnapshotError;
use crate::task::{Counts, Leaderboard, Skips, Task, TaskOutput, TaskSnapshot};
use crate::topology::Graph;

/// Records of one partition that are processed together. The number changes the speed, never a byte of output.
pub const DEFAULT_BATCH_RECORDS: usize = 500;

/// Why a backtest stopped: the receiver of its outputs failed with this.
#[derive(Debug, Error)]
#[error(transparent)]
pub struct BacktestError<E>(pub E);

struct Lane {
    task: Task,
    pending: RecordBatch,
    next: Offset,
}

/// What a backtest found.
#[derive(Debug, Clone)]
pub struct BacktestReport {
    /// What became of the records.
    pub counts: Counts,
    /// The scores at the end.
    pub leaderboard: Leaderboard,
}

/// A replay: push records with their partition, get every batch's outputs in `receive`.
pub struct Backtest<F> {
    graph: Arc<Graph>,
    lanes: BTreeMap<u32, Lane>,
    batch_records: usize,
    leaderboard: Leaderboard,
    receive: F,
}

impl<E, F: FnMut(u32, &TaskOutput) -> Result<(), E>> Backtest<F> {
    /// A replay through `graph` in batches of `batch_records` (at least 1); `receive` is given the partition and what its task put out.
    pub fn new(graph: Arc<Graph>, batch_records: usize, receive: F) -> Self {
        let batch_records = batch_records.max(1);
        Backtest { graph, lanes: BTreeMap::new(), batch_records, leaderboard: Leaderboard::default(), receive }
    }

    /// Adds one record at the end of an input partition.
    ///
    /// # Errors
    /// When `receive` fails.
    pub fn push(&mut self, partition: u32, record: &RecordRef<'_>) -> Result<(), BacktestError<E>> {
        let headers: Vec<_> = record.headers().collect();
        let most = self.batch_records;
        let pending = &mut self.lane(partition).pending;
        pending.push(record.timestamp, record.key, record.value, &headers);
        if pending.len() >= most { self.run(partition) } else { Ok(()) }
    }

    /// Adds a whole batch at the end of an input partition and processes it with what was waiting.
    ///
    /// # Errors
    /// When `receive` fails.
    pub fn push_batch(&mut self, partition: u32, records: &RecordBatch) -> Result<(), BacktestError<E>> {
        self.lane(partition).pending.append(records);
        self.run(partition)
    }

    fn lane(&mut self, partition: u32) -> &mut Lane {
        let graph = &self.graph;
        self.lanes.entry(partition).or_insert_with(|| Lane {
            task: Task::new(graph.clone(), partition, Offset::ZERO, Skips::default()),
            pending: RecordBatch::new(),
            next: Offset::ZERO,
        })
    }

    fn run(&mut self, partition: u32) -> Result<(), BacktestError<E>> {
        let Some(lane) = self.lanes.get_mut(&partition).filter(|lane| !lane.pending.is_empty()) else { return Ok(()) };
        let place = TopicPartition::new(self.graph.source.topic.clone(), partition);
        let batch = ConsumedBatch::contiguous(place, lane.next, std::mem::take(&mut lane.pending));
        lane.next = batch.next_offset().unwrap_or(lane.next);
        let output = lane.task.process(batch);
        self.leaderboard.update(&output.env.keys, &output.notices);
        (self.receive)(partition, &output).map_err(BacktestError)
    }

    /// Processes what is still waiting.
    ///
    /// # Errors
    /// When `receive` fails.
    pub fn flush(&mut self) -> Result<(), BacktestError<E>> {
        let partitions: Vec<u32> = self.lanes.keys().copied().collect();
        partitions.into_iter().try_for_each(|partition| self.run(partition))
    }

    /// The scores and counts so far, without records that wait for their batch.
    pub fn report(&self) -> BacktestReport {
        let mut counts = Counts::default();
        self.lanes.values().for_each(|lane| counts.add(lane.task.counts()));
        BacktestReport { counts, leaderboard: self.leaderboard.clone() }
    }

    /// The state of every partition.
    ///
    /// # Errors
    /// When a processor's state cannot be encoded.
    pub fn snapshots(&self) -> Result<Vec<TaskSnapshot>, SnapshotError> {
        self.lanes.values().map(|lane| lane.task.snapshot()).collect()
    }
}

//! Feeds the input topic of an embedded log: every record of a feed becomes one record of the topic, exactly once over all runs.
//!
//! The appender's cursor commits together with the records. It holds the position in the feed and what the feed is, so that a state directory is
//! never continued with another input.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use serde::{Deserialize, Serialize};

use super::options::Speed;
use crate::log::{Log, LogAppender, LogError, Reaction};
use crate::market::feed::{Feed, Ingest};
use crate::record::{Offset, RecordBatch, Timestamp, TopicPartition};

/// Records of one transaction at full speed.
const CHUNK_RECORDS: usize = 10_000;
/// How far the input topic may be ahead of what is processed, at full speed.
const MOST_AHEAD: u64 = 200_000;

/// What the appender's cursor says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Cursor {
    /// Records of the feed that are in the topic.
    position: u64,
    /// What the feed is.
    input: String,
}

/// What to feed, and how.
pub struct IngestPlan {
    /// The input topic.
    pub topic: Arc<str>,
    /// Its partitions.
    pub partitions: u32,
    /// What the feed is: the same text for the same input.
    pub input: String,
    /// How fast.
    pub speed: Speed,
    /// Stop at this position of the feed.
    pub limit: Option<u64>,
}

/// An ingest under way.
pub struct IngestHandle {
    thread: Option<JoinHandle<anyhow::Result<()>>>,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    stop: AtomicBool,
    ended: AtomicBool,
    position: AtomicU64,
    /// Records of the topic that are processed; the caller tells it.
    processed: AtomicU64,
}

impl IngestHandle {
    /// Starts feeding on a thread of its own, from where the last run stopped.
    pub fn start(log: &dyn Log, feed: Box<dyn Feed + Send>, plan: IngestPlan) -> anyhow::Result<Self> {
        let mut appender = log.appender(&format!("ingest.{}", plan.topic))?;
        let ends = end_offsets(log, &plan)?;
        check_cursor(appender.cursor()?, &ends, &plan)?;
        let shared = Arc::new(Shared::default());
        let ingest = Ingest::resume(feed, ends)?;
        shared.position.store(ingest.position(), Ordering::Release);
        let worker = Worker { shared: shared.clone(), appender, ingest, plan };
        let thread = std::thread::Builder::new().name("ingest".to_owned()).spawn(move || worker.run())?;
        Ok(IngestHandle { thread: Some(thread), shared })
    }

    /// Records of the feed that are in the topic, those of earlier runs included.
    pub fn position(&self) -> u64 {
        self.shared.position.load(Ordering::Acquire)
    }

    /// Whether the feed, or its limit, has been reached, or feeding has failed.
    pub fn ended(&self) -> bool {
        self.shared.ended.load(Ordering::Acquire)
    }

    /// Tells how many records of the topic are processed, so that feeding does not run far ahead.
    pub fn processed(&self, records: u64) {
        self.shared.processed.store(records, Ordering::Release);
    }

    /// Stops feeding and tells how it went.
    pub fn stop(mut self) -> anyhow::Result<()> {
        self.shared.stop.store(true, Ordering::Release);
        match self.thread.take().map(JoinHandle::join) {
            Some(Ok(outcome)) => outcome.context("the input could not be read"),
            Some(Err(_)) => bail!("the thread that reads the input panicked: this is a bug in tidemill"),
            None => Ok(()),
        }
    }
}

fn end_offsets(log: &dyn Log, plan: &IngestPlan) -> anyhow::Result<Vec<Offset>> {
    let mut reader = log.reader()?;
    let end = |partition| reader.watermarks(&TopicPartition::new(plan.topic.clone(), partition)).map(|ends| ends.end);
    Ok((0..plan.partitions).map(end).collect::<Result<_, _>>()?)
}

fn check_cursor(cursor: Option<String>, ends: &[Offset], plan: &IngestPlan) -> anyhow::Result<()> {
    let held: i64 = ends.iter().map(|end| end.0).sum();
    let Some(text) = cursor else {
        if held > 0 {
            bail!("topic {} holds {held} records that this command did not write; use another state directory", plan.topic);
        }
        return Ok(());
    };
    let cursor: Cursor = serde_json::from_str(&text).context("the position of the input, as the log keeps it, cannot be read")?;
    if cursor.input != plan.input {
        bail!(
            "topic {} was fed from {}, not from {}: give the same input, or another --state-dir",
            plan.topic,
            cursor.input,
            plan.input
        );
    }
    if i64::try_from(cursor.position) != Ok(held) {
        bail!("topic {} holds {held} records, but {} were fed: somebody else writes to it", plan.topic, cursor.position);
    }
    Ok(())
}

struct Worker {
    shared: Arc<Shared>,
    appender: Box<dyn LogAppender>,
    ingest: Ingest<Box<dyn Feed + Send>>,
    plan: IngestPlan,
}

impl Worker {
    fn run(mut self) -> anyhow::Result<()> {
        let outcome = match self.plan.speed {
            Speed::Max => self.run_freely(),
            Speed::Times(times) => self.run_paced(times),
        };
        self.shared.ended.store(true, Ordering::Release);
        outcome
    }

    fn stopped(&self) -> bool {
        self.shared.stop.load(Ordering::Acquire)
    }

    /// Records that may still be read.
    fn left(&self) -> usize {
        let left = self.plan.limit.map_or(u64::MAX, |limit| limit.saturating_sub(self.ingest.position()));
        usize::try_from(left).unwrap_or(usize::MAX)
    }

    fn run_freely(&mut self) -> anyhow::Result<()> {
        while !self.stopped() {
            let ahead = self.ingest.position().saturating_sub(self.shared.processed.load(Ordering::Acquire));
            if ahead >= MOST_AHEAD {
                std::thread::sleep(Duration::from_millis(5));
                continue;
            }
            let mut batches = self.ingest.empty_batches();
            if self.ingest.read(CHUNK_RECORDS.min(self.left()), &mut batches)? == 0 {
                return Ok(());
            }
            self.commit_at(&mut batches, self.ingest.position())?;
        }
        Ok(())
    }

    /// Keeps event time and the clock at a fixed ratio. Records that are due together commit together.
    fn run_paced(&mut self, times: f64) -> anyhow::Result<()> {
        let mut pace = Pace { times, origin: None, previous: None };
        let mut batches = self.ingest.empty_batches();
        let mut waiting = 0;
        while !self.stopped() && self.left() > 0 {
            let mut next = self.ingest.empty_batches();
            if self.ingest.read(1, &mut next)? == 0 {
                break;
            }
            let time = next.iter().find_map(|batch| batch.get(0)).map(|record| record.timestamp);
            let due = time.and_then(|time| pace.due(time)).filter(|due| *due > Instant::now());
            if let Some(due) = due {
                // The record just read is not in the topic yet, so the position that commits here is the one before it.
                self.commit_at(&mut batches, self.ingest.position() - 1)?;
                waiting = 0;
                self.wait_until(due);
            }
            batches.iter_mut().zip(&next).for_each(|(batch, record)| batch.append(record));
            waiting += 1;
            if waiting >= CHUNK_RECORDS {
                self.commit_at(&mut batches, self.ingest.position())?;
                waiting = 0;
            }
        }
        self.commit_at(&mut batches, self.ingest.position())
    }

    fn wait_until(&self, moment: Instant) {
        while !self.stopped() {
            let left = moment.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            std::thread::sleep(left.min(Duration::from_millis(50)));
        }
    }

    /// Commits the records of `batches`, and that the feed has been read up to `position`.
    fn commit_at(&mut self, batches: &mut [RecordBatch], position: u64) -> anyhow::Result<()> {
        if batches.iter().all(RecordBatch::is_empty) {
            return Ok(());
        }
        for (partition, batch) in (0..).zip(batches.iter_mut()).filter(|(_, batch)| !batch.is_empty()) {
            self.appender.append(&TopicPartition::new(self.plan.topic.clone(), partition), batch)?;
            batch.clear();
        }
        let cursor = serde_json::to_string(&Cursor { position, input: self.plan.input.clone() })?;
        retried(|| self.appender.commit(&cursor))?;
        self.shared.position.store(position, Ordering::Release);
        Ok(())
    }
}

/// When records are due, for event time at `times` the speed of the clock.
struct Pace {
    times: f64,
    origin: Option<(Instant, Timestamp)>,
    previous: Option<Timestamp>,
}

impl Pace {
    /// When a record of this time is due. A jump of more than ten minutes in either direction (an outage, a damaged timestamp) is not waited for: the
    /// clock is set anew.
    fn due(&mut self, time: Timestamp) -> Option<Instant> {
        const LONGEST_JUMP_MS: i64 = 600_000;
        let step = self.previous.replace(time).map_or(0, |previous| time.since(previous));
        if step.saturating_abs() > LONGEST_JUMP_MS {
            self.origin = None;
            return None;
        }
        let (start, first) = *self.origin.get_or_insert_with(|| (Instant::now(), time));
        Some(start + Duration::from_secs_f64((time.since(first) as f64 / 1_000.0 / self.times).max(0.0)))
    }
}

/// Makes a call again while the log says that it may succeed later.
fn retried<T>(mut call: impl FnMut() -> Result<T, LogError>) -> Result<T, LogError> {
    let mut pause = Duration::from_millis(10);
    loop {
        match call() {
            Err(error) if error.reaction() == Reaction::Retry => {
                std::thread::sleep(pause);
                pause = (pause * 2).min(Duration::from_secs(1));
            }
            outcome => return outcome,
        }
    }
}

#[cfg(test)]
#[allow(clippy::disallowed_methods, reason = "pacing is about the clock")]
mod tests {
    use super::*;

    #[test]
    fn event_time_and_clock_keep_their_ratio_over_jumps() {
        let mut pace = Pace { times: 60.0, origin: None, previous: None };
        let minute = |n: i64| Timestamp(n * 60_000);
        let start = pace.due(minute(0)).unwrap();
        assert_eq!(pace.due(minute(1)).unwrap() - start, Duration::from_secs(1));
        assert_eq!(pace.due(minute(5)).unwrap() - start, Duration::from_secs(5));
        assert_eq!(pace.due(minute(1_000_000)), None, "an absurd time is not waited for");
        assert_eq!(pace.due(minute(6)), None, "nor is the way back");
        let anew = pace.due(minute(7)).unwrap();
        assert_eq!(pace.due(minute(8)).unwrap() - anew, Duration::from_secs(1));
    }
}

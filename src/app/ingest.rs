//! Feeds a topic: every record of a feed becomes one record of the topic, exactly once over all runs, whatever ends a run and whatever the log answers.
//!
//! The appender's cursor commits together with the records. It holds the position in the feed and what the feed is, so that a topic is never continued
//! with another input by mistake.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use serde::{Deserialize, Serialize};

use super::errors::UsageError;
use super::options::Speed;
use crate::failpoint;
use crate::log::{Log, LogAppender, LogError, Reaction};
use crate::market::feed::{Feed, Ingest};
use crate::record::{RecordBatch, Timestamp, TopicPartition};

/// Records of one transaction at full speed.
const CHUNK_RECORDS: usize = 10_000;
/// First and longest pause before a call to the log is made again.
const PAUSES: (Duration, Duration) = (Duration::from_millis(10), Duration::from_secs(2));

/// What the appender's cursor says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Cursor {
    /// Records of the feed that are in the topic.
    position: u64,
    /// What the feed is.
    input: String,
    /// Partitions the feed is dealt out to; 0 in what older programs wrote.
    #[serde(default)]
    partitions: u32,
}

/// What to feed, and how.
pub struct IngestPlan {
    /// The topic, which must exist.
    pub topic: Arc<str>,
    /// Its partitions.
    pub partitions: u32,
    /// Name under which the position is kept: one name, one input.
    pub name: String,
    /// What the feed is: the same text for the same input.
    pub input: String,
    /// How fast.
    pub speed: Speed,
    /// Stop at this position of the feed.
    pub limit: Option<u64>,
    /// How far the topic may be ahead of what is processed, at full speed; nobody processes it if there is no such number.
    pub most_ahead: Option<u64>,
    /// Whether nobody else may have written to the topic. Only a log without gaps between offsets can tell.
    pub alone: bool,
}

impl IngestPlan {
    /// The name of the only input of a topic.
    pub fn default_name(topic: &str) -> String {
        format!("ingest.{topic}")
    }
}

/// An ingest under way.
pub struct IngestHandle {
    thread: Option<JoinHandle<anyhow::Result<()>>>,
    shared: Arc<Shared>,
    resumed_from: u64,
}

#[derive(Default)]
struct Shared {
    stop: AtomicBool,
    ended: AtomicBool,
    position: AtomicU64,
    /// Bytes of the input that have been read, and that it has; 0 where the input does not tell.
    bytes_read: AtomicU64,
    bytes: AtomicU64,
    /// Records of the topic that are processed; the caller tells it.
    processed: AtomicU64,
}

impl IngestHandle {
    /// Starts feeding on a thread of its own, from where the last run stopped.
    ///
    /// # Errors
    /// When the log fails, or the topic was fed from something else.
    pub fn start(log: Arc<dyn Log>, mut feed: Box<dyn Feed + Send>, plan: IngestPlan) -> anyhow::Result<Self> {
        let mut appender = log.appender(&plan.name)?;
        let position = plan.position_of(appender.cursor()?)?;
        if plan.alone {
            check_alone(log.as_ref(), &plan, position)?;
        }
        feed.skip_to(position)?;
        let shared = Arc::new(Shared::default());
        shared.position.store(position, Ordering::Release);
        // What lies before `position` is skipped, not dealt out again, so the offsets that the dealer counts are relative to it.
        let ingest = Ingest::new(feed, plan.partitions);
        let worker = Worker { shared: shared.clone(), log, appender, ingest, plan, committed: position, given_up: false };
        let thread = std::thread::Builder::new().name("ingest".to_owned()).spawn(move || worker.run())?;
        Ok(IngestHandle { thread: Some(thread), shared, resumed_from: position })
    }

    /// Records of the feed that are in the topic, those of earlier runs included.
    pub fn position(&self) -> u64 {
        self.shared.position.load(Ordering::Acquire)
    }

    /// Bytes of the input that have been read, and that it has, where it tells.
    pub fn progress(&self) -> Option<(u64, u64)> {
        let bytes = self.shared.bytes.load(Ordering::Acquire);
        (bytes > 0).then(|| (self.shared.bytes_read.load(Ordering::Acquire), bytes))
    }

    /// Records of the feed that earlier runs had put into the topic.
    pub fn resumed_from(&self) -> u64 {
        self.resumed_from
    }

    /// Whether the feed, or its limit, has been reached, or feeding has failed.
    pub fn ended(&self) -> bool {
        self.shared.ended.load(Ordering::Acquire)
    }

    /// Tells how many records of the topic are processed, so that feeding does not run far ahead.
    pub fn processed(&self, records: u64) {
        self.shared.processed.store(records, Ordering::Release);
    }

    /// Stops feeding and tells how far the topic is: records of the feed that are in it.
    ///
    /// # Errors
    /// What ended it before.
    pub fn stop(mut self) -> anyhow::Result<u64> {
        self.shared.stop.store(true, Ordering::Release);
        match self.thread.take().map(JoinHandle::join) {
            Some(Ok(outcome)) => outcome.context("the input could not be fed")?,
            Some(Err(_)) => bail!("the thread that reads the input panicked: this is a bug in tidemill"),
            None => {}
        }
        Ok(self.position())
    }
}

impl IngestPlan {
    fn cursor(&self, position: u64) -> Cursor {
        Cursor { position, input: self.input.clone(), partitions: self.partitions }
    }

    /// Where to go on, as the log keeps it.
    fn position_of(&self, cursor: Option<String>) -> anyhow::Result<u64> {
        let Some(text) = cursor else { return Ok(0) };
        let cursor: Cursor =
            serde_json::from_str(&text).context("the position of the input, as the log keeps it, cannot be read")?;
        if cursor.input != self.input {
            bail!(UsageError(format!(
                "topic {} was fed from {}, not from {}: give the same input, another topic, or (where it shall be added to what is there) a --name of \
                 its own; on the embedded log also another --state-dir",
                self.topic, cursor.input, self.input
            )));
        }
        if ![0, self.partitions].contains(&cursor.partitions) {
            bail!(UsageError(format!(
                "topic {} had {} partitions when it was fed and has {} now: coins would move; make the topic again and feed it under another --name",
                self.topic, cursor.partitions, self.partitions
            )));
        }
        Ok(cursor.position)
    }
}

fn check_alone(log: &dyn Log, plan: &IngestPlan, position: u64) -> anyhow::Result<()> {
    let mut reader = log.reader()?;
    let end = |partition| reader.watermarks(&TopicPartition::new(plan.topic.clone(), partition)).map(|ends| ends.end.0);
    let held: i64 = (0..plan.partitions).map(end).sum::<Result<i64, LogError>>()?;
    match (i64::try_from(position) == Ok(held), position) {
        (true, _) => Ok(()),
        (false, 0) => {
            bail!("topic {} holds {held} records that this command did not write; use another state directory", plan.topic)
        }
        (false, _) => bail!("topic {} holds {held} records, but {position} were fed: somebody else writes to it", plan.topic),
    }
}

struct Worker {
    shared: Arc<Shared>,
    log: Arc<dyn Log>,
    appender: Box<dyn LogAppender>,
    ingest: Ingest<Box<dyn Feed + Send>>,
    plan: IngestPlan,
    /// Position in the feed up to which everything has committed.
    committed: u64,
    /// Asked to stop while the log did not answer: the open transaction is left alone, and the next run feeds its records.
    given_up: bool,
}

/// What a failed call asks for.
enum Setback {
    /// A new appender, which knows what has committed.
    Again(String),
    /// Nothing helps.
    Ended(anyhow::Error),
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

    fn far_ahead(&self) -> bool {
        let ahead = self.ingest.position().saturating_sub(self.shared.processed.load(Ordering::Acquire));
        self.plan.most_ahead.is_some_and(|most| ahead >= most)
    }

    fn run_freely(&mut self) -> anyhow::Result<()> {
        while !self.stopped() {
            if self.far_ahead() {
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

    /// Commits the records of `batches`, and that the feed has been read up to `position`. They stay in `batches` until it is certain that they are in the topic.
    fn commit_at(&mut self, batches: &mut [RecordBatch], position: u64) -> anyhow::Result<()> {
        if self.given_up || batches.iter().all(RecordBatch::is_empty) {
            return Ok(());
        }
        while self.committed != position {
            match self.try_commit(batches, position) {
                Ok(()) => self.committed = position,
                Err(Setback::Ended(error)) => return Err(error),
                Err(Setback::Again(why)) => {
                    tracing::warn!(why, "feeding was interrupted; going on from what has committed");
                    self.start_again(position)?;
                    if self.given_up {
                        return Ok(());
                    }
                }
            }
        }
        batches.iter_mut().for_each(RecordBatch::clear);
        self.shared.position.store(position, Ordering::Release);
        if let Some((read, bytes)) = self.ingest.progress() {
            self.shared.bytes_read.store(read, Ordering::Release);
            self.shared.bytes.store(bytes, Ordering::Release);
        }
        failpoint::hit("ingest.after-commit");
        Ok(())
    }

    fn try_commit(&mut self, batches: &[RecordBatch], position: u64) -> Result<(), Setback> {
        for (partition, batch) in (0..).zip(batches).filter(|(_, batch)| !batch.is_empty()) {
            let at = TopicPartition::new(self.plan.topic.clone(), partition);
            self.patiently(|appender| appender.append(&at, batch))?;
        }
        let cursor = serde_json::to_string(&self.plan.cursor(position)).map_err(|error| Setback::Ended(error.into()))?;
        failpoint::hit("ingest.before-commit");
        self.patiently(|appender| appender.commit(&cursor))
    }

    /// A new appender, and from it how far the old one has come: its last transaction has committed as a whole or not at all.
    fn start_again(&mut self, position: u64) -> anyhow::Result<()> {
        let mut pause = PAUSES.0;
        let (appender, cursor) = loop {
            if self.stopped() {
                self.given_up = true;
                return Ok(());
            }
            match self.open_appender() {
                Ok(opened) => break opened,
                Err(error) if error.reaction() == Reaction::Stop => return Err(error.into()),
                Err(_) => std::thread::sleep(pause),
            }
            pause = (pause * 2).min(PAUSES.1);
        };
        let found = self.plan.position_of(cursor)?;
        if found != self.committed && found != position {
            bail!(
                "topic {} stands at record {found} of the input, not at {} or {position}: another process feeds it under the name {}",
                self.plan.topic,
                self.committed,
                self.plan.name
            );
        }
        self.appender = appender;
        self.committed = found;
        Ok(())
    }

    fn open_appender(&self) -> Result<(Box<dyn LogAppender>, Option<String>), LogError> {
        let mut appender = self.log.appender(&self.plan.name)?;
        let cursor = appender.cursor()?;
        Ok((appender, cursor))
    }

    /// Makes a call, and again while the log says that it may succeed later.
    fn patiently(&mut self, mut call: impl FnMut(&mut dyn LogAppender) -> Result<(), LogError>) -> Result<(), Setback> {
        let appender = self.appender.as_mut();
        retried(&self.shared.stop, || call(appender)).map_err(|error| match error.reaction() {
            Reaction::Stop => Setback::Ended(error.into()),
            _ => Setback::Again(error.to_string()),
        })
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

/// Makes a call again while the log says that it may succeed later, and nobody says stop.
fn retried<T>(stop: &AtomicBool, mut call: impl FnMut() -> Result<T, LogError>) -> Result<T, LogError> {
    let mut pause = PAUSES.0;
    loop {
        match call() {
            Err(error) if error.reaction() == Reaction::Retry && !stop.load(Ordering::Acquire) => {
                std::thread::sleep(pause);
                pause = (pause * 2).min(PAUSES.1);
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

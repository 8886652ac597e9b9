//! A log that fails as planned, for tests of whoever uses one: commits refused, lost or unanswered, partitions taken away and given back.
//!
//! It stands in front of any other log. Faults are named by the number of the call, so the same plan gives the same run.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::watch;

use super::{
    AutoOffsetReset, ClientSettings, Committed, GroupMember, Log, LogAppender, LogClient, LogError, LogEvent, LogReader,
    TopicDescription, TopicSpec, Watermarks,
};
use crate::record::{Offset, RecordBatch, TopicPartition};

/// A planned fault. Commits, polls and calls for a client are counted from 1, each over all clients of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// This commit fails with [`LogError::Retriable`] and changes nothing; the transaction stays open.
    RetryCommit(u64),
    /// This commit fails with [`LogError::Abort`]: nothing of it will ever be visible.
    RefuseCommit(u64),
    /// This commit never arrives; the client only learns that the outcome is unknown ([`LogError::Fatal`]).
    LoseCommit(u64),
    /// This commit is done, but the answer is lost: to the client it looks like [`LoseCommit`](Fault::LoseCommit).
    LoseAnswer(u64),
    /// At this poll everything the client has is revoked; the poll after it assigns the same again, at the committed offsets.
    Revoke(u64),
    /// This call for a client, and the question for the topics before it, fail with [`LogError::Retriable`].
    NoClient(u64),
    /// At this poll everything the client has is lost: it can commit nothing until the poll after it assigns the same again.
    LosePartitions(u64),
}

#[derive(Debug, Default)]
struct Plan {
    faults: Vec<Fault>,
    commits: AtomicU64,
    polls: AtomicU64,
    clients: AtomicU64,
}

impl Plan {
    /// The fault of the commit that is made now.
    fn at_commit(&self) -> Option<Fault> {
        use Fault::{LoseAnswer, LoseCommit, RefuseCommit, RetryCommit};
        let number = self.commits.fetch_add(1, Ordering::SeqCst) + 1;
        let due =
            |fault: &&Fault| matches!(fault, RetryCommit(n) | RefuseCommit(n) | LoseCommit(n) | LoseAnswer(n) if *n == number);
        self.faults.iter().find(due).copied()
    }

    /// The fault of the poll that is made now.
    fn at_poll(&self) -> Option<Fault> {
        let number = self.polls.fetch_add(1, Ordering::SeqCst) + 1;
        let due = |fault: &&Fault| matches!(fault, Fault::Revoke(n) | Fault::LosePartitions(n) if *n == number);
        self.faults.iter().find(due).copied()
    }

    /// Whether the log answers a client who comes after `before` others.
    fn answers(&self, before: u64) -> Result<(), LogError> {
        match self.faults.contains(&Fault::NoClient(before + 1)) {
            true => Err(LogError::Retriable("no broker answers".to_owned())),
            false => Ok(()),
        }
    }
}

/// Another log, with faults.
///
/// ```
/// use std::sync::Arc;
/// use tidemill::log::{Fault, FaultyLog, embedded::EmbeddedLog};
/// # let dir = tempfile::tempdir().unwrap();
/// let log = EmbeddedLog::open(dir.path())?;
/// let faulty = FaultyLog::new(Arc::new(log), vec![Fault::LoseAnswer(3), Fault::Revoke(10)]);
/// # drop(faulty);
/// # Ok::<(), tidemill::log::LogError>(())
/// ```
pub struct FaultyLog {
    log: Arc<dyn Log>,
    plan: Arc<Plan>,
}

impl FaultyLog {
    /// Puts `faults` in front of `log`.
    pub fn new(log: Arc<dyn Log>, faults: Vec<Fault>) -> Self {
        FaultyLog { log, plan: Arc::new(Plan { faults, ..Plan::default() }) }
    }
}

impl Log for FaultyLog {
    fn client(&self, settings: &ClientSettings) -> Result<Box<dyn LogClient>, LogError> {
        self.plan.answers(self.plan.clients.fetch_add(1, Ordering::SeqCst))?;
        let client = self.log.client(settings)?;
        let reset = settings.reset;
        Ok(Box::new(FaultyClient { client, plan: self.plan.clone(), reset, assigned: Vec::new(), standing: Standing::Owner }))
    }

    fn reader(&self) -> Result<Box<dyn LogReader>, LogError> {
        self.log.reader()
    }

    fn appender(&self, name: &str) -> Result<Box<dyn LogAppender>, LogError> {
        self.log.appender(name)
    }

    fn create_topics(&self, topics: &[TopicSpec]) -> Result<(), LogError> {
        self.log.create_topics(topics)
    }

    fn delete_topics(&self, names: &[&str]) -> Result<(), LogError> {
        self.log.delete_topics(names)
    }

    fn topics(&self) -> Result<Vec<TopicDescription>, LogError> {
        self.plan.answers(self.plan.clients.load(Ordering::SeqCst))?;
        self.log.topics()
    }

    fn group_offsets(&self, application_id: &str) -> Result<BTreeMap<TopicPartition, Committed>, LogError> {
        self.log.group_offsets(application_id)
    }

    fn group_members(&self, application_id: &str) -> Result<Vec<GroupMember>, LogError> {
        self.log.group_members(application_id)
    }

    fn delete_group(&self, application_id: &str) -> Result<(), LogError> {
        self.log.delete_group(application_id)
    }

    fn changes(&self) -> Option<watch::Receiver<u64>> {
        self.log.changes()
    }
}

/// What the client may still do with its partitions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    Owner,
    Revoked,
    Lost,
    /// An outcome was unknown: only a new client helps.
    Broken,
}

struct FaultyClient {
    client: Box<dyn LogClient>,
    plan: Arc<Plan>,
    reset: AutoOffsetReset,
    assigned: Vec<TopicPartition>,
    standing: Standing,
}

impl FaultyClient {
    fn broken<T>(&mut self) -> Result<T, LogError> {
        self.standing = Standing::Broken;
        Err(LogError::Fatal("planned fault: the outcome of the commit is not known".to_owned()))
    }

    /// Gives the partitions back as a rebalance does: at their committed offsets, and none of them paused.
    fn assign_again(&mut self) -> Result<Vec<LogEvent>, LogError> {
        let committed = self.client.committed(&self.assigned)?;
        for partition in &self.assigned {
            let ends = self.client.watermarks(partition)?;
            let without = if self.reset == AutoOffsetReset::Earliest { ends.start } else { ends.end };
            self.client.seek(partition, committed.get(partition).map_or(without, |done| done.offset))?;
        }
        self.client.resume(&self.assigned)?;
        self.standing = Standing::Owner;
        Ok(vec![LogEvent::Assigned(self.assigned.clone())])
    }

    fn take_away(&mut self, fault: Fault) -> Vec<LogEvent> {
        let partitions = self.assigned.clone();
        let (standing, event) = match fault {
            Fault::LosePartitions(_) => (Standing::Lost, LogEvent::Lost(partitions)),
            _ => (Standing::Revoked, LogEvent::Revoked(partitions)),
        };
        self.standing = standing;
        vec![event]
    }
}

impl LogClient for FaultyClient {
    fn poll(&mut self, max_records: usize, timeout: Duration) -> Result<Vec<LogEvent>, LogError> {
        match self.standing {
            Standing::Broken => return self.broken(),
            Standing::Revoked | Standing::Lost => return self.assign_again(),
            Standing::Owner => {}
        }
        match self.plan.at_poll() {
            Some(fault) if !self.assigned.is_empty() => return Ok(self.take_away(fault)),
            _ => {}
        }
        let events = self.client.poll(max_records, timeout)?;
        for event in &events {
            if let LogEvent::Assigned(partitions) = event {
                self.assigned.extend(partitions.iter().cloned());
            }
        }
        Ok(events)
    }

    fn pause(&mut self, partitions: &[TopicPartition]) -> Result<(), LogError> {
        self.client.pause(partitions)
    }

    fn resume(&mut self, partitions: &[TopicPartition]) -> Result<(), LogError> {
        self.client.resume(partitions)
    }

    fn seek(&mut self, partition: &TopicPartition, to: Offset) -> Result<(), LogError> {
        self.client.seek(partition, to)
    }

    fn committed(&mut self, partitions: &[TopicPartition]) -> Result<BTreeMap<TopicPartition, Committed>, LogError> {
        self.client.committed(partitions)
    }

    fn produce(&mut self, to: &TopicPartition, records: &RecordBatch) -> Result<(), LogError> {
        match self.standing {
            Standing::Broken => self.broken(),
            _ => self.client.produce(to, records),
        }
    }

    fn commit(&mut self, offsets: &BTreeMap<TopicPartition, Committed>) -> Result<(), LogError> {
        match self.standing {
            Standing::Broken => return self.broken(),
            Standing::Lost => return Err(LogError::Abort("planned fault: the partitions belong to somebody else".to_owned())),
            Standing::Owner | Standing::Revoked => {}
        }
        match self.plan.at_commit() {
            Some(Fault::RetryCommit(_)) => Err(LogError::Retriable("planned fault: try again".to_owned())),
            Some(Fault::RefuseCommit(_)) => Err(LogError::Abort("planned fault: the commit is refused".to_owned())),
            Some(Fault::LoseCommit(_)) => self.broken(),
            Some(Fault::LoseAnswer(_)) => {
                self.client.commit(offsets)?;
                self.broken()
            }
            _ => self.client.commit(offsets),
        }
    }

    fn abort(&mut self) -> Result<(), LogError> {
        self.client.abort()
    }

    fn watermarks(&mut self, partition: &TopicPartition) -> Result<Watermarks, LogError> {
        self.client.watermarks(partition)
    }

    fn close(&mut self, timeout: Duration) -> Result<(), LogError> {
        self.client.close(timeout)
    }
}

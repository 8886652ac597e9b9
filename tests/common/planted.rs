//! Engines with planted bugs: proof that a test harness would notice. A plant wraps the log or the store of an otherwise sound engine.

use std::collections::BTreeMap;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tidemill::failpoint;
use tidemill::log::{
    ClientSettings, Committed, Log, LogAppender, LogClient, LogError, LogEvent, LogReader, TopicDescription, TopicSpec,
    Watermarks,
};
use tidemill::record::{Offset, RecordBatch, TopicPartition};
use tidemill::store::{Checkpoint, CheckpointStore, Incident, Listing, SledStore, StoreError};
use tidemill::task::TaskSnapshot;

/// What is wrong with an engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plant {
    /// Nothing: the alarm must stay silent.
    Nothing,
    /// Offsets commit before the outputs.
    CommitBeforeAppend,
    /// A commit is reported before it is durable, so that the snapshot is written first.
    SnapshotBeforeCommit,
    /// The committed offset is one too high.
    OffsetOffByOne,
    /// A failed commit is taken for a successful one: the state is not rolled back.
    NotRolledBack,
    /// A snapshot ahead of the commit is used: it says that it was taken one record earlier, and that record is learned twice.
    LearnedTwice,
    /// After an aborted transaction the input goes on where it was instead of back at the commit.
    NoRewindOnAbort,
    /// Chunks of the changelog are written beside the transaction.
    ChangelogOutsideTransaction,
    /// The input is read with records of aborted transactions.
    ReadUncommitted,
    /// Every transaction carries the group's metadata of the first.
    StaleGroupMetadata,
}

impl Plant {
    pub const ALL: [Plant; 5] = [
        Plant::CommitBeforeAppend,
        Plant::SnapshotBeforeCommit,
        Plant::OffsetOffByOne,
        Plant::NotRolledBack,
        Plant::LearnedTwice,
    ];

    /// The name of the mistake that the program itself is asked to make, where it cannot be made from outside.
    pub fn inside(self) -> &'static str {
        match self {
            Plant::ReadUncommitted => "kafka.read-uncommitted",
            Plant::StaleGroupMetadata => "kafka.stale-member",
            _ => "",
        }
    }

    /// Bugs that need what only Kafka has.
    pub const ON_KAFKA: [Plant; 4] =
        [Plant::NoRewindOnAbort, Plant::ChangelogOutsideTransaction, Plant::ReadUncommitted, Plant::StaleGroupMetadata];
}

/// Freezes this process, until somebody wakes it up, when it writes to the changelog for the `TIDEMILL_PLANT_FREEZE`th time.
fn freeze_when_asked() {
    static WRITTEN: AtomicU32 = AtomicU32::new(0);
    let asked: Option<u32> = std::env::var("TIDEMILL_PLANT_FREEZE").ok().and_then(|text| text.parse().ok());
    if asked == Some(WRITTEN.fetch_add(1, Ordering::Relaxed) + 1) {
        let status = Command::new("kill").args(["-STOP", &std::process::id().to_string()]).status();
        assert!(status.is_ok_and(|status| status.success()), "it freezes");
    }
}

/// A log whose clients misbehave.
pub struct PlantedLog {
    pub inner: Arc<dyn Log>,
    pub plant: Plant,
}

impl Log for PlantedLog {
    fn client(&self, settings: &ClientSettings) -> Result<Box<dyn LogClient>, LogError> {
        let inner = self.inner.client(settings)?;
        Ok(Box::new(PlantedClient {
            inner,
            log: self.inner.clone(),
            plant: self.plant,
            produced: Vec::new(),
            deferred: None,
            commits: 0,
            forward_only: false,
        }))
    }

    fn reader(&self) -> Result<Box<dyn LogReader>, LogError> {
        self.inner.reader()
    }

    fn appender(&self, name: &str) -> Result<Box<dyn LogAppender>, LogError> {
        self.inner.appender(name)
    }

    fn create_topics(&self, topics: &[TopicSpec]) -> Result<(), LogError> {
        self.inner.create_topics(topics)
    }

    fn delete_topics(&self, names: &[&str]) -> Result<(), LogError> {
        self.inner.delete_topics(names)
    }

    fn topics(&self) -> Result<Vec<TopicDescription>, LogError> {
        self.inner.topics()
    }

    fn group_offsets(&self, application_id: &str) -> Result<BTreeMap<TopicPartition, Committed>, LogError> {
        self.inner.group_offsets(application_id)
    }

    fn delete_group(&self, application_id: &str) -> Result<(), LogError> {
        self.inner.delete_group(application_id)
    }
}

type Offsets = BTreeMap<TopicPartition, Committed>;
type Produced = Vec<(TopicPartition, RecordBatch)>;

struct PlantedClient {
    inner: Box<dyn LogClient>,
    plant: Plant,
    produced: Produced,
    deferred: Option<(Produced, Offsets)>,
    commits: u32,
    /// Seeks are ignored until something is committed.
    forward_only: bool,
    log: Arc<dyn Log>,
}

impl PlantedClient {
    fn commit_whole(&mut self, produced: &Produced, offsets: &Offsets) -> Result<(), LogError> {
        produced.iter().try_for_each(|(to, records)| self.inner.produce(to, records))?;
        self.inner.commit(offsets)
    }
}

impl LogClient for PlantedClient {
    fn poll(&mut self, max_records: usize, timeout: Duration) -> Result<Vec<LogEvent>, LogError> {
        self.inner.poll(max_records, timeout)
    }

    fn pause(&mut self, partitions: &[TopicPartition]) -> Result<(), LogError> {
        self.inner.pause(partitions)
    }

    fn resume(&mut self, partitions: &[TopicPartition]) -> Result<(), LogError> {
        self.inner.resume(partitions)
    }

    fn seek(&mut self, partition: &TopicPartition, to: Offset) -> Result<(), LogError> {
        if self.forward_only { Ok(()) } else { self.inner.seek(partition, to) }
    }

    fn committed(&mut self, partitions: &[TopicPartition]) -> Result<Offsets, LogError> {
        self.inner.committed(partitions)
    }

    fn produce(&mut self, to: &TopicPartition, records: &RecordBatch) -> Result<(), LogError> {
        let changelog = to.topic.ends_with("-changelog");
        if changelog {
            freeze_when_asked();
        }
        if self.plant == Plant::ChangelogOutsideTransaction && changelog {
            let mut beside = self.log.appender("planted")?;
            beside.append(to, records)?;
            beside.commit("")?;
            failpoint::hit("planted");
            return Ok(());
        }
        self.produced.push((to.clone(), records.clone()));
        Ok(())
    }

    fn commit(&mut self, offsets: &Offsets) -> Result<(), LogError> {
        let produced = std::mem::take(&mut self.produced);
        self.commits += 1;
        match self.plant {
            Plant::CommitBeforeAppend => {
                self.inner.commit(offsets)?;
                failpoint::hit("planted");
                self.commit_whole(&produced, &BTreeMap::new())
            }
            Plant::SnapshotBeforeCommit => {
                if let Some((produced, offsets)) = self.deferred.replace((produced, offsets.clone())) {
                    self.commit_whole(&produced, &offsets)?;
                }
                Ok(())
            }
            Plant::OffsetOffByOne => {
                let shifted =
                    offsets.iter().map(|(at, c)| (at.clone(), Committed { offset: c.offset.next(), ..c.clone() })).collect();
                self.commit_whole(&produced, &shifted)?;
                failpoint::hit("planted");
                Ok(())
            }
            Plant::NotRolledBack if self.commits.is_multiple_of(2) => {
                self.inner.abort()?;
                failpoint::hit("planted");
                Ok(())
            }
            Plant::NoRewindOnAbort if self.commits.is_multiple_of(2) && !produced.is_empty() => {
                self.forward_only = true;
                Err(LogError::Abort("planted".into()))
            }
            _ => {
                self.commit_whole(&produced, offsets)?;
                self.forward_only = false;
                failpoint::hit("planted");
                Ok(())
            }
        }
    }

    fn abort(&mut self) -> Result<(), LogError> {
        self.produced.clear();
        self.inner.abort()
    }

    fn watermarks(&mut self, partition: &TopicPartition) -> Result<Watermarks, LogError> {
        self.inner.watermarks(partition)
    }

    fn close(&mut self, timeout: Duration) -> Result<(), LogError> {
        if let Some((produced, offsets)) = self.deferred.take() {
            self.commit_whole(&produced, &offsets)?;
        }
        self.inner.close(timeout)
    }
}

/// A checkpoint store that misbehaves.
pub struct PlantedStore {
    pub inner: SledStore,
    pub plant: Plant,
}

impl CheckpointStore for PlantedStore {
    fn write(&self, task: &str, checkpoint: &Checkpoint) -> Result<u64, StoreError> {
        let mut checkpoint = checkpoint.clone();
        if self.plant == Plant::LearnedTwice {
            let mut snapshot = TaskSnapshot::from_bytes(&checkpoint.payload)?;
            snapshot.position = Offset((snapshot.position.0 - 1).max(0));
            checkpoint.positions.values_mut().for_each(|position| *position = snapshot.position);
            checkpoint.payload = snapshot.to_bytes()?;
        }
        self.inner.write(task, &checkpoint)
    }

    fn list(&self, task: &str) -> Result<Listing, StoreError> {
        self.inner.list(task)
    }

    fn load(&self, task: &str, generation: u64) -> Result<Vec<u8>, StoreError> {
        self.inner.load(task, generation)
    }

    fn remove(&self, task: &str) -> Result<(), StoreError> {
        self.inner.remove(task)
    }

    fn tasks(&self) -> Result<Vec<String>, StoreError> {
        self.inner.tasks()
    }

    fn incidents(&self) -> Vec<Incident> {
        self.inner.incidents()
    }
}

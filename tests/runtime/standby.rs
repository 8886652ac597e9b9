//! Standbys: an instance keeps the snapshots of others warm, and takes their tasks over without reading the changelog.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tidemill::changelog::{topic_name, topic_spec};
use tidemill::log::{
    ClientSettings, Committed, Fetched, GroupMember, Log, LogAppender, LogClient, LogError, LogEvent, LogReader, ThreadSlot,
    TopicDescription, TopicSpec, Watermarks,
};
use tidemill::record::{Offset, RecordBatch, TopicPartition};
use tidemill::runtime::{Instance, InstanceHandle, InstanceStatus, RuntimeSettings};
use tidemill::store::{CheckpointStore, FileStore};
use tidemill::telemetry::{RestoreSource, Telemetry};

use super::bench::{Bench, INPUT, PATIENCE, expected, graph, input, stop};
use super::changelog::settings;
use super::nodes::Mishaps;

/// The embedded log as one instance of a group sees it. What the instance is not given yet is behind a gate.
struct Member {
    log: Arc<dyn Log>,
    name: &'static str,
    share: ThreadSlot,
    hidden: Vec<TopicPartition>,
    gate: Arc<AtomicBool>,
    members: Arc<Mutex<Vec<GroupMember>>>,
    /// Records of the changelog that were read.
    read: Arc<AtomicUsize>,
}

struct CountingReader {
    reader: Box<dyn LogReader>,
    read: Arc<AtomicUsize>,
}

impl LogReader for CountingReader {
    fn read(
        &mut self,
        at: &TopicPartition,
        from: Offset,
        to: Offset,
        max: usize,
        timeout: Duration,
    ) -> Result<Fetched, LogError> {
        let fetched = self.reader.read(at, from, to, max, timeout)?;
        if at.topic == topic_name("bench") {
            self.read.fetch_add(fetched.records.len(), Ordering::SeqCst);
        }
        Ok(fetched)
    }

    fn watermarks(&mut self, at: &TopicPartition) -> Result<Watermarks, LogError> {
        self.reader.watermarks(at)
    }
}

impl Log for Member {
    fn client(&self, settings: &ClientSettings) -> Result<Box<dyn LogClient>, LogError> {
        let inner = self.log.client(&ClientSettings { thread: self.share, ..settings.clone() })?;
        Ok(Box::new(GatedClient { inner, hidden: self.hidden.clone(), gate: self.gate.clone() }))
    }

    fn reader(&self) -> Result<Box<dyn LogReader>, LogError> {
        Ok(Box::new(CountingReader { reader: self.log.reader()?, read: self.read.clone() }))
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
        self.log.topics()
    }

    fn group_offsets(&self, group: &str) -> Result<BTreeMap<TopicPartition, Committed>, LogError> {
        self.log.group_offsets(group)
    }

    fn group_members(&self, _: &str) -> Result<Vec<GroupMember>, LogError> {
        let mut members = self.members.lock().unwrap().clone();
        members.iter_mut().for_each(|member| member.ours = &*member.instance == self.name);
        Ok(members)
    }

    fn delete_group(&self, group: &str) -> Result<(), LogError> {
        self.log.delete_group(group)
    }
}

/// Gives what is hidden only once the gate is open, as a rebalance would.
struct GatedClient {
    inner: Box<dyn LogClient>,
    hidden: Vec<TopicPartition>,
    gate: Arc<AtomicBool>,
}

impl LogClient for GatedClient {
    fn poll(&mut self, max_records: usize, timeout: Duration) -> Result<Vec<LogEvent>, LogError> {
        if !self.hidden.is_empty() && self.gate.load(Ordering::SeqCst) {
            let given = std::mem::take(&mut self.hidden);
            let committed = self.inner.committed(&given)?;
            for partition in &given {
                self.inner.seek(partition, committed.get(partition).map_or(Offset::ZERO, |committed| committed.offset))?;
            }
            self.inner.resume(&given)?;
            return Ok(vec![LogEvent::Assigned(given)]);
        }
        let mut events = self.inner.poll(max_records, timeout)?;
        for event in &mut events {
            if let LogEvent::Assigned(partitions) = event {
                partitions.retain(|partition| !self.hidden.contains(partition));
                self.inner.pause(&self.hidden)?;
            }
        }
        Ok(events)
    }

    fn pause(&mut self, partitions: &[TopicPartition]) -> Result<(), LogError> {
        self.inner.pause(partitions)
    }

    fn resume(&mut self, partitions: &[TopicPartition]) -> Result<(), LogError> {
        self.inner.resume(partitions)
    }

    fn seek(&mut self, partition: &TopicPartition, to: Offset) -> Result<(), LogError> {
        self.inner.seek(partition, to)
    }

    fn committed(&mut self, partitions: &[TopicPartition]) -> Result<BTreeMap<TopicPartition, Committed>, LogError> {
        self.inner.committed(partitions)
    }

    fn produce(&mut self, to: &TopicPartition, records: &RecordBatch) -> Result<(), LogError> {
        self.inner.produce(to, records)
    }

    fn commit(&mut self, offsets: &BTreeMap<TopicPartition, Committed>) -> Result<(), LogError> {
        self.inner.commit(offsets)
    }

    fn abort(&mut self) -> Result<(), LogError> {
        self.inner.abort()
    }

    fn watermarks(&mut self, partition: &TopicPartition) -> Result<Watermarks, LogError> {
        self.inner.watermarks(partition)
    }

    fn close(&mut self, timeout: Duration) -> Result<(), LogError> {
        self.inner.close(timeout)
    }
}

fn member(name: &str, partitions: &[u32]) -> GroupMember {
    let assignment = partitions.iter().map(|number| TopicPartition::new(INPUT, *number)).collect();
    GroupMember { id: name.into(), instance: name.into(), ours: false, assignment }
}

struct Group {
    bench: Bench,
    log: Arc<dyn Log>,
    members: Arc<Mutex<Vec<GroupMember>>>,
    gate: Arc<AtomicBool>,
    read: Arc<AtomicUsize>,
}

impl Group {
    /// Instance `a` has partition 1; `b` has partition 0, and gets the other one when the gate opens.
    fn start(&self, name: &'static str) -> InstanceHandle {
        let (share, hidden) = match name {
            "a" => (ThreadSlot { index: 1, of: 2 }, Vec::new()),
            _ => (ThreadSlot { index: 0, of: 1 }, vec![TopicPartition::new(INPUT, 1)]),
        };
        let (gate, members, read) = (self.gate.clone(), self.members.clone(), self.read.clone());
        let log = Member { log: self.log.clone(), name, share, hidden, gate, members, read };
        let store: Arc<dyn CheckpointStore> = Arc::new(FileStore::open(&self.bench.folder(name)).unwrap());
        let settings = RuntimeSettings { num_standby_replicas: 1, ..settings() };
        Instance::start(graph(&Mishaps::none()), Arc::new(log), store, Arc::new(Telemetry::new()), settings).unwrap()
    }
}

/// Runs two instances, ends the first, and hands its partition to the second.
fn take_over(crash: bool) {
    let topology = graph(&Mishaps::none());
    let bench = Bench::new(input(400), &topology);
    let log = bench.log();
    log.create_topics(&[topic_spec("bench", 2)]).unwrap();
    let members = Arc::new(Mutex::new(vec![member("a", &[1]), member("b", &[0])]));
    let group = Group { bench, log, members, gate: Arc::default(), read: Arc::default() };
    let (a, b) = (group.start("a"), group.start("b"));
    let half =
        |status: &InstanceStatus| status.task(1).is_some_and(|task| task.since_start.read >= 150 && task.changelog.is_some());
    assert!(a.wait_until(PATIENCE, half), "{:#?}", a.status());
    // A snapshot that has gone out may not have committed yet.
    let end =
        || group.log.topics().unwrap().iter().find(|topic| topic.spec.name == topic_name("bench")).unwrap().watermarks[1].end;
    assert!(a.wait_until(PATIENCE, |_| end() > Offset::ZERO), "{:#?}", a.status());
    if crash {
        drop(a)
    } else {
        drop(stop(a))
    }
    let at = TopicPartition::new(INPUT, 1);
    let committed = group.log.group_offsets("bench").unwrap()[&at].offset;
    let warm = |status: &InstanceStatus| {
        let kept = status.standbys.iter().find(|standby| standby.partition == at);
        kept.is_some_and(|kept| kept.position.is_some() && (crash || kept.lag == Some(0)))
    };
    assert!(b.wait_until(PATIENCE, warm), "{:#?}", b.status());
    assert!(b.status().task(1).is_none(), "it does not own what it keeps warm");
    // What it shows may be of a look before the last snapshot; after two more it has seen all there is.
    let settled = |before: Option<Offset>| {
        std::thread::sleep(Duration::from_millis(2_200));
        b.status().standbys.first().and_then(|standby| standby.position) == before
    };
    while !settled(b.status().standbys.first().and_then(|standby| standby.position)) {}

    let before = group.read.load(Ordering::SeqCst);
    *group.members.lock().unwrap() = vec![member("b", &[0, 1])];
    group.gate.store(true, Ordering::SeqCst);
    let live = |status: &InstanceStatus| status.task(1).is_some_and(|task| task.restored.is_some());
    assert!(b.wait_until(PATIENCE, live), "{:#?}", b.status());
    assert_eq!(group.read.load(Ordering::SeqCst), before, "the changelog was read");
    let restored = b.status().task(1).unwrap().restored.clone().unwrap();
    assert_eq!((restored.source, restored.live_at), (RestoreSource::Standby, committed));
    assert!(crash || restored.records == 0, "{restored:?}");
    assert!(b.telemetry().render().contains("tidemill_restores_total{source=\"standby\"} 1"));
    assert!(b.wait_until(PATIENCE, |status| group.bench.done(status)), "{:#?}", b.status());
    stop(b);
    let store = FileStore::open(&group.bench.folder("b")).unwrap();
    let Group { bench, log, .. } = group;
    drop(log);
    bench.outcome_with(&topology, &store).assert_equals(&expected(&topology, &bench.input), "after the take-over");
}

#[test]
fn a_standby_takes_over_from_its_own_store_and_reads_no_changelog() {
    take_over(false);
}

#[test]
fn a_standby_takes_over_from_a_crashed_owner() {
    take_over(true);
}

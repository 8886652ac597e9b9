//! One application on real Kafka: its topics, its input, the instances that run it, and the oracle.
//!
//! The oracle is a backtest of the same input: every output partition as a read-committed consumer sees it must hold the same bytes, and the state of every coin
//! must have the same digest.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use tidemill::changelog::Chunk;
use tidemill::connect::csv::{CsvOptions, MergedInput};
use tidemill::log::kafka::{KafkaLog, KafkaSettings};
use tidemill::log::{Log, LogReader};
use tidemill::market::feed::{Feed, Ingest};
use tidemill::market::sim::{SimConfig, SimulatedExchange};
use tidemill::record::{Offset, RecordBatch, TopicPartition, write_ndjson};
use tidemill::store::{CheckpointStore, SledStore};
use tidemill::task::TaskSnapshot;
use tidemill::topology::Graph;

use crate::common::{self, Lines};
use crate::fleet::{Instance, Options};

/// Longest wait for anything that must come: generous, because nothing here may depend on how fast the machine is.
pub const PATIENCE: Duration = Duration::from_secs(300);

/// What a scenario is made of.
pub struct Plan {
    /// File name under `topologies/`.
    pub topology: &'static str,
    pub partitions: u32,
    /// Records of the input; they come in portions, as the scenario asks for them.
    pub records: usize,
    /// Coins of the simulated exchange; with 0 the input is real candles, if they are there.
    pub coins: usize,
}

/// See the module's documentation.
pub struct Scenario {
    pub bootstrap: String,
    pub graph: Arc<Graph>,
    pub topology: PathBuf,
    pub folder: tempfile::TempDir,
    log: KafkaLog,
    partitions: u32,
    input: Vec<RecordBatch>,
    /// How much of each partition's input is in Kafka.
    fed: Vec<usize>,
    producer: BaseProducer,
    expected: (Lines, BTreeMap<u32, BTreeMap<String, String>>),
}

static NUMBER: AtomicU32 = AtomicU32::new(0);

impl Scenario {
    /// Makes the topics and computes what an undisturbed run puts out.
    pub fn new(bootstrap: &str, plan: &Plan) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let prefix = format!("t{}x{number}-", std::process::id());
        let topology = folder.path().join("topology.toml");
        let text = std::fs::read_to_string(common::root().join("topologies").join(plan.topology)).unwrap();
        // Names of its own, so that scenarios can share a broker.
        let text =
            text.replace("topic = \"", &format!("topic = \"{prefix}")).replacen("name = \"", &format!("name = \"{prefix}"), 1);
        std::fs::write(&topology, text).unwrap();
        let graph = common::graph_of(&topology);
        let input = input(plan);
        let expected = common::reference(&graph, &input, 500);
        let log = KafkaLog::connect(KafkaSettings::new(bootstrap, "test")).unwrap();
        let producer = ClientConfig::new()
            .set("bootstrap.servers", bootstrap)
            .set("enable.idempotence", "true")
            .set("linger.ms", "5")
            .create()
            .unwrap();
        let fed = vec![0; input.len()];
        let scenario = Scenario {
            bootstrap: bootstrap.into(),
            graph,
            topology,
            folder,
            log,
            partitions: plan.partitions,
            input,
            fed,
            producer,
            expected,
        };
        scenario.create_topics();
        scenario
    }

    fn create_topics(&self) {
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_tidemill"))
            .args(["topics", "create"])
            .arg(&self.topology)
            .args(["--bootstrap-servers", &self.bootstrap, "--partitions", &self.partitions.to_string()])
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    pub fn records(&self) -> usize {
        self.input.iter().map(RecordBatch::len).sum()
    }

    pub fn fed(&self) -> usize {
        self.fed.iter().sum()
    }

    /// Puts the next share of every partition's input into Kafka: all of it once `share` of `of` shares are in.
    pub fn feed(&mut self, share: usize, of: usize) {
        for (partition, batch) in (0i32..).zip(&self.input) {
            let goal = batch.len() * share.min(of) / of;
            let from = self.fed[partition as usize];
            self.fed[partition as usize] = goal.max(from);
            for record in (from..goal).filter_map(|place| batch.get(place)) {
                self.send(partition, &record);
            }
        }
        self.producer.flush(PATIENCE).unwrap();
    }

    /// Writes copies of the first records in a transaction that is aborted: nobody may see them.
    pub fn feed_and_abort(&self) {
        let producer: BaseProducer = ClientConfig::new()
            .set("bootstrap.servers", &self.bootstrap)
            .set("transactional.id", format!("{}-aborts", self.graph.name))
            .create()
            .unwrap();
        producer.init_transactions(PATIENCE).unwrap();
        producer.begin_transaction().unwrap();
        for (partition, batch) in (0i32..).zip(&self.input) {
            for record in batch.iter().take(10) {
                let message: BaseRecord<'_, [u8], [u8]> = BaseRecord::to(&self.graph.source.topic).partition(partition);
                let message = message.key(record.key.unwrap_or_default()).payload(record.value.unwrap_or_default());
                producer.send(message.timestamp(record.timestamp.0)).map_err(|(error, _)| error).unwrap();
            }
        }
        producer.flush(PATIENCE).unwrap();
        producer.abort_transaction(PATIENCE).unwrap();
    }

    /// The first visible snapshot in the changelog that is ahead of what is committed, which no reader may ever find.
    pub fn changelog_fault(&self) -> Option<String> {
        let topic = tidemill::changelog::topic_name(&self.graph.name);
        let mut reader = self.log.reader().unwrap();
        let mut chunks = Vec::new();
        for partition in 0..self.partitions {
            let at = TopicPartition::new(topic.clone(), partition);
            let Ok(ends) = reader.watermarks(&at) else { return None };
            let mut from = ends.start;
            while from < ends.end {
                let fetched = reader.read(&at, from, ends.end, 1_000, Duration::from_millis(500)).unwrap();
                chunks.extend(fetched.records.records.iter().filter_map(|record| Chunk::read(&record).ok()));
                from = fetched.next;
            }
        }
        // Read after the chunks: what is committed only grows.
        let positions = self.positions();
        let ahead =
            chunks.iter().find(|chunk| positions.get(&chunk.id.partition.partition).is_none_or(|at| *at < chunk.id.position))?;
        Some(format!(
            "the changelog shows a snapshot of {} at {}, ahead of what is committed",
            ahead.id.partition, ahead.id.position
        ))
    }

    fn send(&self, partition: i32, record: &tidemill::record::RecordRef<'_>) {
        let mut message: BaseRecord<'_, [u8], [u8]> =
            BaseRecord::to(&self.graph.source.topic).partition(partition).timestamp(record.timestamp.0);
        message = record.key.into_iter().fold(message, BaseRecord::key);
        message = record.value.into_iter().fold(message, BaseRecord::payload);
        while let Err((error, back)) = self.producer.send(message) {
            assert_eq!(error, KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull));
            self.producer.poll(Duration::from_millis(10));
            message = back;
        }
    }

    /// Starts instance `index`, which keeps its state directory from start to start.
    pub fn start(&self, index: usize, options: &Options) -> Instance {
        Instance::start(index, &self.topology, &self.bootstrap, self.state_dir(index), options)
    }

    fn state_dir(&self, index: usize) -> PathBuf {
        self.folder.path().join(format!("instance-{index}"))
    }

    /// Records whose offsets are committed.
    pub fn committed(&self) -> usize {
        let offsets = self.log.group_offsets(&self.graph.name);
        offsets.map_or(0, |offsets| offsets.values().map(|committed| committed.offset.0 as usize).sum())
    }

    /// The committed position of each partition of the input.
    pub fn positions(&self) -> BTreeMap<u32, Offset> {
        let offsets = self.log.group_offsets(&self.graph.name).unwrap_or_default();
        offsets.into_iter().map(|(at, committed)| (at.partition, committed.offset)).collect()
    }

    /// Waits until at least `records` records are committed.
    pub fn wait_for(&self, records: usize, what: &str) {
        assert!(
            wait_until(PATIENCE, || self.committed() >= records),
            "{what}: {} of {records} records committed after {PATIENCE:?}; logs in {}",
            self.committed(),
            self.keep_logs()
        );
    }

    /// Waits until everything that was fed is committed.
    pub fn drain(&self) {
        self.wait_for(self.fed(), "drain");
    }

    /// The logs of the instances, kept for a person when a test fails.
    fn keep_logs(&self) -> String {
        let kept = std::env::temp_dir().join(format!("tidemill-faults-{}", std::process::id()));
        std::fs::create_dir_all(&kept).ok();
        for file in std::fs::read_dir(self.folder.path()).into_iter().flatten().flatten() {
            if file.path().extension().is_some_and(|extension| extension == "log") {
                std::fs::copy(file.path(), kept.join(file.file_name())).ok();
            }
        }
        kept.display().to_string()
    }

    /// Panics unless the output and, after a clean stop of all instances, the state are those of an undisturbed run of the whole input.
    pub fn check(&self) {
        if let Some(fault) = self.fault() {
            panic!("{fault}; logs in {}", self.keep_logs());
        }
    }

    /// The first difference to an undisturbed run.
    pub fn fault(&self) -> Option<String> {
        assert_eq!(self.fed(), self.records(), "the whole input was fed");
        self.output_fault().or_else(|| self.state_fault())
    }

    /// The first output partition that does not hold what an undisturbed run puts out.
    pub fn output_fault(&self) -> Option<String> {
        let mut reader = self.log.reader().unwrap();
        for topic in self.graph.output_topics() {
            for partition in 0..self.partitions {
                let at = TopicPartition::new(topic.clone(), partition);
                let found = lines(reader.as_mut(), &at);
                let expected = self.expected.0.get(&(topic.clone(), partition)).map(Vec::as_slice).unwrap_or_default();
                if found != expected {
                    return Some(difference(&at, &found, expected));
                }
            }
        }
        None
    }

    /// The first checkpoint in a state directory that is ahead of what is committed.
    pub fn store_fault(&self) -> Option<String> {
        let dirs = std::fs::read_dir(self.folder.path()).unwrap().map(|entry| entry.unwrap().path());
        let mut checkpoints = Vec::new();
        for store in dirs.map(|dir| dir.join("checkpoints").join(&*self.graph.name)).filter(|store| store.is_dir()) {
            let store = SledStore::open(&store).unwrap();
            for task in store.tasks().unwrap() {
                checkpoints.extend(store.list(&task).unwrap().intact.into_iter().flat_map(|info| info.positions));
            }
        }
        let committed = self.positions();
        let ahead =
            checkpoints.into_iter().find(|(at, position)| committed.get(&at.partition).is_none_or(|done| done < position));
        ahead.map(|(at, position)| format!("{at}: a checkpoint at {position} is ahead of what is committed"))
    }

    /// The first task whose newest checkpoint, among all state directories, is not the state after the whole input.
    fn state_fault(&self) -> Option<String> {
        let mut newest: BTreeMap<String, TaskSnapshot> = BTreeMap::new();
        let dirs = std::fs::read_dir(self.folder.path()).unwrap().map(|entry| entry.unwrap().path());
        for store in dirs.map(|dir| dir.join("checkpoints").join(&*self.graph.name)).filter(|store| store.is_dir()) {
            let store = SledStore::open(&store).unwrap();
            for task in store.tasks().unwrap() {
                let Some(info) = store.list(&task).unwrap().intact.into_iter().next() else { continue };
                let snapshot = TaskSnapshot::from_bytes(&store.load(&task, info.generation).unwrap()).unwrap();
                if newest.get(&task).is_none_or(|known| known.position < snapshot.position) {
                    newest.insert(task, snapshot);
                }
            }
        }
        for (partition, batch) in (0..).zip(&self.input).filter(|(_, batch)| !batch.is_empty()) {
            let task = TopicPartition::new(self.graph.source.topic.clone(), partition).to_string();
            let Some(snapshot) = newest.get(&task) else { return Some(format!("{task}: nobody kept a checkpoint")) };
            if snapshot.position != Offset(batch.len() as i64) {
                return Some(format!("{task}: the newest checkpoint stands at {}, not at {}", snapshot.position, batch.len()));
            }
            if snapshot.coin_digests() != self.expected.1[&partition] {
                return Some(format!("{task}: the state of a coin differs: something was learned twice, or not at all"));
            }
        }
        None
    }
}

/// The candles of a plan, dealt out to partitions.
fn input(plan: &Plan) -> Vec<RecordBatch> {
    let files = if plan.coins == 0 { candle_files() } else { Vec::new() };
    let feed: Box<dyn Feed> = if files.is_empty() {
        let coins = if plan.coins == 0 { 3 } else { plan.coins };
        Box::new(SimulatedExchange::new(SimConfig::with_coins(coins)))
    } else {
        Box::new(MergedInput::open(&files, &CsvOptions::default()).unwrap())
    };
    let mut ingest = Ingest::new(feed, plan.partitions);
    let mut batches = ingest.empty_batches();
    assert_eq!(ingest.read(plan.records, &mut batches).unwrap(), plan.records, "the input is long enough");
    batches
}

fn candle_files() -> Vec<PathBuf> {
    let Some(data) = common::shared_data() else { return Vec::new() };
    let Ok(folder) = std::fs::read_dir(data.join("binance-1m")) else { return Vec::new() };
    let mut files: Vec<PathBuf> = folder.map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.to_string_lossy().ends_with(".csv.gz"));
    files.sort();
    files
}

/// Everything a read-committed consumer sees of a partition, as lines.
fn lines(reader: &mut dyn LogReader, at: &TopicPartition) -> Vec<u8> {
    let ends = reader.watermarks(at).unwrap();
    let (mut from, mut text) = (ends.start, Vec::new());
    let deadline = Instant::now() + PATIENCE;
    while from < ends.end {
        assert!(Instant::now() < deadline, "{at} cannot be read to its end: {from} of {}", ends.end);
        let fetched = reader.read(at, from, ends.end, 10_000, Duration::from_millis(500)).unwrap();
        fetched.records.records.iter().for_each(|record| write_ndjson(&record, None, &mut text));
        from = fetched.next;
    }
    text
}

fn difference(at: &TopicPartition, found: &[u8], expected: &[u8]) -> String {
    let count = |text: &[u8]| text.iter().filter(|byte| **byte == b'\n').count();
    let pairs = found.split(|byte| *byte == b'\n').zip(expected.split(|byte| *byte == b'\n')).enumerate();
    let first = pairs.into_iter().find(|(_, (found, expected))| found != expected);
    let first = first.map_or_else(
        || "the shorter one is a prefix of the other".to_owned(),
        |(line, (found, expected))| {
            format!("line {line}: {} where {} was expected", String::from_utf8_lossy(found), String::from_utf8_lossy(expected))
        },
    );
    format!("{at}: {} records where {} were expected; {first}", count(found), count(expected))
}

/// Looks again and again until `done`; whether it came true in time.
pub fn wait_until(patience: Duration, mut done: impl FnMut() -> bool) -> bool {
    let deadline = Instant::now() + patience;
    while !done() {
        if Instant::now() > deadline {
            return false;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    true
}

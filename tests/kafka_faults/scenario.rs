//! One application on real Kafka: its topics, its input, the instances that run it, and the oracle.
//!
//! The oracle is a backtest of the same input: every output partition as a read-committed consumer sees it must hold the same bytes, and the state of every coin
//! must have the same digest.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::metadata::MetadataTopic;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::topic_partition_list::{Offset as Place, TopicPartitionList};
use tidemill::app::state_dir::StateDir;
use tidemill::changelog::Chunk;
use tidemill::connect::csv::{CsvOptions, MergedInput};
use tidemill::log::kafka::{KafkaLog, KafkaSettings};
use tidemill::log::{GroupMember, Log};
use tidemill::market::feed::{Feed, Ingest};
use tidemill::market::sim::{SimConfig, SimulatedExchange};
use tidemill::record::{Offset, RecordBatch, TopicPartition};
use tidemill::store::{CheckpointStore, SledStore};
use tidemill::task::TaskSnapshot;
use tidemill::topology::Graph;

use crate::common::logs::partition_lines;
use crate::common::waiting::wait_until;
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
    fed: Mutex<Vec<usize>>,
    producer: BaseProducer,
    /// Asks what the group has committed, whatever transactions are open.
    asking: BaseConsumer,
    expected: OnceLock<Expected>,
}

/// Output lines, and the digest of each coin's state by partition.
type Expected = (Lines, BTreeMap<u32, BTreeMap<String, String>>);

static NUMBER: AtomicU32 = AtomicU32::new(0);

impl Scenario {
    /// Makes the topics and the input.
    pub fn new(bootstrap: &str, plan: &Plan) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let prefix = format!("t{}x{number}-", std::process::id());
        let topology = folder.path().join("topology.toml");
        std::fs::write(&topology, common::renamed(plan.topology, &prefix)).unwrap();
        let graph = common::graph_of(&topology);
        let input = input(plan);
        let log = KafkaLog::connect(KafkaSettings::new(bootstrap, "test")).unwrap();
        let producer = ClientConfig::new()
            .set("bootstrap.servers", bootstrap)
            .set("enable.idempotence", "true")
            .set("linger.ms", "5")
            .create()
            .unwrap();
        let asking = ClientConfig::new()
            .set("bootstrap.servers", bootstrap)
            .set("group.id", &*graph.name)
            .set("isolation.level", "read_uncommitted")
            .set("enable.auto.commit", "false")
            .create()
            .unwrap();
        let fed = Mutex::new(vec![0; input.len()]);
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
            asking,
            expected: OnceLock::new(),
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

    /// What an undisturbed run makes of the whole input.
    fn expected(&self) -> &Expected {
        self.expected.get_or_init(|| common::reference(&self.graph, &self.input, 500))
    }

    /// Bytes of keys, values and marks of the whole input.
    pub fn input_bytes(&self) -> usize {
        self.input.iter().map(|batch| batch.as_bytes().len()).sum()
    }

    pub fn records(&self) -> usize {
        self.input.iter().map(RecordBatch::len).sum()
    }

    pub fn fed(&self) -> usize {
        self.fed.lock().unwrap().iter().sum()
    }

    /// Puts the next share of every partition's input into Kafka: all of it once `share` of `of` shares are in.
    pub fn feed(&self, share: usize, of: usize) {
        let mut fed = self.fed.lock().unwrap();
        for ((partition, batch), fed) in (0i32..).zip(&self.input).zip(fed.iter_mut()) {
            let goal = batch.len() * share.min(of) / of;
            for record in (*fed..goal).filter_map(|place| batch.get(place)) {
                self.send(partition, &record);
            }
            *fed = goal.max(*fed);
        }
        drop(fed);
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

    /// The first thing in the changelog that no reader may ever find: a snapshot that is ahead of what is committed, or one of an owner that has been replaced.
    pub fn changelog_fault(&self) -> Option<String> {
        let topic = tidemill::changelog::topic_name(&self.graph.name);
        let mut reader = self.log.reader().unwrap();
        let mut newest = BTreeMap::new();
        for partition in 0..self.partitions {
            let at = TopicPartition::new(topic.clone(), partition);
            let Ok(ends) = reader.watermarks(&at) else { return None };
            let mut from = ends.start;
            while from < ends.end {
                let fetched = reader.read(&at, from, ends.end, 1_000, Duration::from_millis(500)).unwrap();
                for chunk in fetched.records.records.iter().filter_map(|record| Chunk::read(&record).ok()) {
                    let before = newest.insert(partition, (chunk.id.generation, chunk.id.position));
                    let in_order = |before: (u64, Offset)| {
                        before.0 < chunk.id.generation || before == (chunk.id.generation, chunk.id.position)
                    };
                    if !before.is_none_or(in_order) {
                        // Whoever takes a task over begins with a generation above all that it sees, and nobody writes behind its back.
                        return Some(format!(
                            "{at}: generation {} was written after {before:?}, by a former owner",
                            chunk.id.generation
                        ));
                    }
                }
                from = fetched.next;
            }
        }
        // Read after the chunks: what is committed only grows. A later snapshot stands further on.
        let committed = self.settled_positions();
        let ahead = newest.into_iter().find(|(number, (_, position))| committed.get(number).is_none_or(|done| done < position));
        ahead.map(|(number, (_, position))| {
            format!("partition {number}: the changelog shows a snapshot at {position}, ahead of what is committed")
        })
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
        self.positions().values().map(|offset| offset.0 as usize).sum()
    }

    /// The committed position of each partition of the input, as far as it is to be had at the moment. What is being committed does not count yet.
    pub fn positions(&self) -> BTreeMap<u32, Offset> {
        let mut list = TopicPartitionList::new();
        for number in 0..self.partitions {
            list.add_partition(&self.graph.source.topic, number as i32);
        }
        let Ok(list) = self.asking.committed_offsets(list, Duration::from_secs(5)) else { return BTreeMap::new() };
        let position = |offset| if let Place::Offset(offset) = offset { Some(Offset(offset)) } else { None };
        list.elements().iter().filter_map(|at| Some((at.partition() as u32, position(at.offset())?))).collect()
    }

    /// The same, once every transaction that has begun to commit has done so.
    fn settled_positions(&self) -> BTreeMap<u32, Offset> {
        let mut found = None;
        assert!(
            wait_until(PATIENCE, || {
                found = self.log.group_offsets(&self.graph.name).ok();
                found.is_some()
            }),
            "the broker tells what is committed"
        );
        found.into_iter().flatten().map(|(at, committed)| (at.partition, committed.offset)).collect()
    }

    /// Who is in the group and has what; nobody while it is rebalancing.
    pub fn members(&self) -> Vec<GroupMember> {
        self.log.group_members(&self.graph.name).unwrap_or_default()
    }

    /// Whether the group has so many members and each partition belongs to one of them.
    pub fn has_group(&self, size: usize) -> bool {
        let members = self.members();
        members.len() == size && members.iter().map(|member| member.assignment.len()).sum::<usize>() == self.partitions as usize
    }

    /// Waits until [`Self::has_group`]; whether it came to that.
    pub fn wait_for_group(&self, size: usize, patience: Duration) -> bool {
        wait_until(patience, || self.has_group(size))
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

    /// The leader of every partition of the cluster, Kafka's own included; what is not known is left out.
    pub fn leaders(&self) -> BTreeMap<(String, i32), i32> {
        let Ok(metadata) = self.asking.fetch_metadata(None, Duration::from_secs(5)) else { return BTreeMap::new() };
        let of = |topic: &MetadataTopic| {
            let name = topic.name().to_owned();
            topic.partitions().iter().map(|at| ((name.clone(), at.id()), at.leader())).collect::<Vec<_>>()
        };
        metadata.topics().iter().flat_map(of).filter(|(_, leader)| *leader >= 0).collect()
    }

    /// The id that an instance has kept for itself.
    pub fn instance_id(&self, index: usize) -> String {
        std::fs::read_to_string(self.state_dir(index).join("instance.id")).unwrap_or_default().trim().to_owned()
    }

    /// The metrics of an instance that runs.
    pub fn metrics(&self, index: usize) -> String {
        let running = StateDir::at(self.state_dir(index)).announced().expect("it has told where it listens");
        ureq::get(&format!("{}/metrics", running.url)).call().unwrap().body_mut().read_to_string().unwrap()
    }

    /// What each instance has logged, over all its lives.
    pub fn instance_logs(&self) -> Vec<(usize, String)> {
        let of = |index: usize| Some((index, std::fs::read_to_string(self.state_dir(index).with_extension("log")).ok()?));
        (0..).map_while(of).collect()
    }

    /// The logs of the instances, kept for a person when a test fails.
    pub fn keep_logs(&self) -> String {
        let kept = std::env::temp_dir().join(format!("tidemill-faults-{}", self.graph.name));
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
        self.output_fault().or_else(|| self.changelog_fault()).or_else(|| self.state_fault())
    }

    /// The first output partition that does not hold what an undisturbed run puts out.
    pub fn output_fault(&self) -> Option<String> {
        let mut reader = self.log.reader().unwrap();
        for topic in self.graph.output_topics() {
            for partition in 0..self.partitions {
                let at = TopicPartition::new(topic.clone(), partition);
                let found = partition_lines(reader.as_mut(), &at);
                let expected = self.expected().0.get(&(topic.clone(), partition)).map(Vec::as_slice).unwrap_or_default();
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
        let committed = self.settled_positions();
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
            if snapshot.coin_digests() != self.expected().1[&partition] {
                return Some(format!("{task}: the state of a coin differs: something was learned twice, or not at all"));
            }
        }
        None
    }
}

impl Drop for Scenario {
    /// A million records and what comes of them are gigabytes: they go, unless somebody may want to look at what failed.
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        let mut topics = self.graph.output_topics();
        topics.extend([self.graph.source.topic.clone(), tidemill::changelog::topic_name(&self.graph.name)]);
        let names: Vec<&str> = topics.iter().map(|topic| &**topic).collect();
        if let Err(error) = self.log.delete_topics(&names) {
            println!("the topics of {} stay: {error}", self.graph.name);
        }
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

//! Runs the real program on a state directory, kills it, and looks at what it left.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tidemill::connect::csv::{CsvOptions, MergedInput};
use tidemill::log::Log;
use tidemill::log::embedded::EmbeddedLog;
use tidemill::market::feed::{Feed, Ingest};
use tidemill::market::sim::{SimConfig, SimulatedExchange};
use tidemill::record::{Offset, RecordBatch, TopicPartition};
use tidemill::store::{CheckpointStore, SledStore};
use tidemill::task::TaskSnapshot;
use tidemill::topology::Graph;

use crate::common::logs::partition_lines;
use crate::common::{self, Lines};

pub const PARTITIONS: u32 = 3;

/// How a run ends.
#[derive(Debug)]
pub enum Crash {
    /// `kill -9` after a time.
    After(Duration),
    /// At the n-th pass of a named point.
    At(&'static str, u64),
}

/// What an undisturbed run makes of an input, and how to compare a state directory with it.
pub struct Expected {
    pub graph: Arc<Graph>,
    pub lines: Lines,
    pub digests: BTreeMap<u32, BTreeMap<String, String>>,
    pub input: Vec<RecordBatch>,
}

impl Expected {
    pub fn of(graph: Arc<Graph>, feed: Box<dyn Feed>, records: u64) -> Self {
        let mut ingest = Ingest::new(feed, PARTITIONS);
        let mut input = ingest.empty_batches();
        let read = ingest.read(records as usize, &mut input).unwrap();
        assert_eq!(read as u64, records, "the input is long enough");
        let (lines, digests) = common::reference(&graph, &input, 500);
        Expected { graph, lines, digests, input }
    }

    /// The first thing in a state directory after a crash that cannot be, if any: an output that is no prefix of the expected one, or a checkpoint
    /// ahead of what is committed.
    pub fn crash_fault(&self, folder: &Path) -> Option<String> {
        let log = EmbeddedLog::open(&folder.join("log")).unwrap();
        let found = output_lines(&log, &self.graph);
        for (at, text) in &found {
            let expected = self.lines.get(at).map(Vec::as_slice).unwrap_or_default();
            if !expected.starts_with(text) {
                return Some(format!("{}-{} is no prefix of the undisturbed output", at.0, at.1));
            }
        }
        let committed = log.group_offsets(&self.graph.name).unwrap();
        let store = SledStore::open(&folder.join("checkpoints").join(&*self.graph.name)).unwrap();
        for task in store.tasks().unwrap() {
            for checkpoint in store.list(&task).unwrap().intact {
                for (at, position) in checkpoint.positions {
                    let limit = committed.get(&at).map_or(Offset::ZERO, |committed| committed.offset);
                    if position > limit {
                        return Some(format!("{task}: a checkpoint at {position} is ahead of the committed {limit}"));
                    }
                }
            }
        }
        None
    }

    /// The first thing in a state directory after the end of the input that is not as in the undisturbed run.
    pub fn final_fault(&self, folder: &Path) -> Option<String> {
        let log = EmbeddedLog::open(&folder.join("log")).unwrap();
        let found = output_lines(&log, &self.graph);
        for (at, expected) in &self.lines {
            let found = found.get(at).map(Vec::as_slice).unwrap_or_default();
            if found != expected.as_slice() {
                return Some(format!(
                    "{}-{}: {} bytes where {} were expected, or others",
                    at.0,
                    at.1,
                    found.len(),
                    expected.len()
                ));
            }
        }
        let store = SledStore::open(&folder.join("checkpoints").join(&*self.graph.name)).unwrap();
        for (partition, batch) in (0..).zip(&self.input).filter(|(_, batch)| !batch.is_empty()) {
            let task = TopicPartition::new(self.graph.source.topic.clone(), partition).to_string();
            let Some(newest) = store.list(&task).unwrap().intact.into_iter().next() else {
                return Some(format!("{task} kept no checkpoint at its clean stop"));
            };
            let snapshot = TaskSnapshot::from_bytes(&store.load(&task, newest.generation).unwrap()).unwrap();
            if snapshot.position != Offset(batch.len() as i64) {
                return Some(format!("{task} stands at {}, not at {}", snapshot.position, batch.len()));
            }
            if snapshot.coin_digests() != self.digests[&partition] {
                return Some(format!("{task}: the state of a coin differs: something was learned twice, or not at all"));
            }
        }
        None
    }
}

/// Every output topic of the log as lines.
pub fn output_lines(log: &EmbeddedLog, graph: &Graph) -> Lines {
    let mut reader = log.reader().unwrap();
    let existing: Vec<_> = log.topics().unwrap().into_iter().map(|topic| topic.spec.name).collect();
    let mut lines = Lines::new();
    for topic in graph.output_topics().into_iter().filter(|topic| existing.contains(topic)) {
        for partition in 0..PARTITIONS {
            let text = partition_lines(reader.as_mut(), &TopicPartition::new(topic.clone(), partition));
            lines.insert((topic.clone(), partition), text);
        }
    }
    lines
}

/// The real program over one input.
pub struct Harness {
    folder: tempfile::TempDir,
    topology: PathBuf,
    files: Vec<PathBuf>,
    records: u64,
    changelog: bool,
    expected: Expected,
}

impl Harness {
    /// With a changelog, every checkpoint goes there too, and a crash may take the local ones with it.
    pub fn new(topology: &str, records: u64, changelog: bool) -> Self {
        let files = candle_files();
        let feed: Box<dyn Feed> = if files.is_empty() {
            println!("no recorded candles beside the checkout: the simulated exchange takes their place");
            Box::new(SimulatedExchange::new(SimConfig::default()))
        } else {
            Box::new(MergedInput::open(&files, &CsvOptions::default()).unwrap())
        };
        let topology = common::root().join("topologies").join(topology);
        let expected = Expected::of(common::graph_of(&topology), feed, records);
        Harness { folder: tempfile::tempdir().unwrap(), topology, files, records, changelog, expected }
    }

    pub fn input_name(&self) -> String {
        if self.files.is_empty() {
            "the simulated exchange".into()
        } else {
            format!("{} files of real candles", self.files.len())
        }
    }

    fn command(&self, limit: u64) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tidemill"));
        command.arg("demo").arg("--topology").arg(&self.topology).arg("--state-dir").arg(self.folder.path());
        command.args(["--format", "json", "--speed", "max", "--records", &limit.to_string()]);
        command.args(["--set", "commit.interval.ms=10", "--set", "checkpoint.interval.ms=50", "--set", "http.port=0"]);
        if self.changelog {
            command.args(["--set", "changelog.enabled=true", "--set", "changelog.interval.ms=1"]);
            command.args(["--set", "changelog.max.traffic.percent=1000000"]);
        }
        if !self.files.is_empty() {
            command.arg("--input").args(&self.files);
        }
        command.stdout(Stdio::null()).stderr(Stdio::piped());
        command
    }

    /// Runs the program up to `limit` records and crashes it on the way; `false` when it came to its end first.
    pub fn run_and_crash(&self, limit: u64, crash: &Crash) -> bool {
        let mut command = self.command(limit);
        if let Crash::At(point, count) = crash {
            command.env("TIDEMILL_FAILPOINTS", format!("{point}={count}"));
        }
        let mut child = command.stderr(Stdio::null()).spawn().unwrap();
        if let Crash::After(delay) = crash {
            let deadline = Instant::now() + *delay;
            while Instant::now() < deadline && child.try_wait().unwrap().is_none() {
                std::thread::sleep(Duration::from_millis(2));
            }
            // Fails only when the program has ended, which `wait` tells.
            child.kill().ok();
        }
        let status = child.wait().unwrap();
        assert!(status.success() || killed(status), "the program failed by itself: {status}");
        killed(status)
    }

    /// Runs the program to the end of the input.
    pub fn run_to_end(&self) {
        let output = self.command(self.records).stdout(Stdio::piped()).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8_lossy(&output.stdout);
        let report: serde_json::Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
        assert_eq!(report["resumed_from"].as_u64().unwrap() + report["records_read"].as_u64().unwrap(), self.records, "{text}");
        println!("last run: resumed from {}, read {}", report["resumed_from"], report["records_read"]);
    }

    /// Records whose offsets are committed.
    pub fn committed_records(&self) -> u64 {
        let log = EmbeddedLog::open(&self.folder.path().join("log")).unwrap();
        log.group_offsets(&self.expected.graph.name).unwrap().values().map(|committed| committed.offset.0.cast_unsigned()).sum()
    }

    /// The disk of the checkpoints is lost: another machine takes over, with the log alone.
    pub fn lose_checkpoints(&self) {
        std::fs::remove_dir_all(self.folder.path().join("checkpoints")).unwrap();
    }

    pub fn check_crash_state(&self) {
        assert_eq!(self.expected.crash_fault(self.folder.path()), None);
    }

    pub fn check_final_state(&self) {
        assert_eq!(self.expected.final_fault(self.folder.path()), None);
    }
}

/// Whether a process ended by a signal: `kill -9`, or the abort of a named point.
pub fn killed(status: ExitStatus) -> bool {
    use std::os::unix::process::ExitStatusExt;
    matches!(status.signal(), Some(6 | 9))
}

/// Three coins over one stretch of real minutes, if they are there.
fn candle_files() -> Vec<PathBuf> {
    let Some(data) = common::shared_data() else { return Vec::new() };
    let names =
        ["BTCUSDT-1m-20210326-20210520.csv.gz", "ETHUSDT-1m-20210402-20210615.csv.gz", "LTCUSDT-1m-20210402-20210615.csv.gz"];
    names.iter().map(|name| data.join("binance-1m").join(name)).filter(|file| file.is_file()).collect()
}

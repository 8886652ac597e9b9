//! Who takes part, and how each is started.

use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::{kafka, load};

/// What is to be done with each candle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Job {
    /// Write it again.
    Copy,
    /// Parse it, predict the next close, learn.
    Predict,
    /// Five-minute candles.
    Window,
    /// The quickstart's eight learners and its evaluator: tidemill only.
    Quickstart,
}

impl Job {
    pub fn name(self) -> &'static str {
        match self {
            Job::Copy => "copy",
            Job::Predict => "predict",
            Job::Window => "window",
            Job::Quickstart => "quickstart",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A loop of rdkafka calls in this program.
    Bare,
    Tidemill,
    /// Kafka Streams, with its state in memory or in RocksDB.
    Streams {
        memory: bool,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Contender {
    pub kind: Kind,
    pub job: Job,
    pub threads: u32,
}

impl Contender {
    pub fn all() -> Vec<Contender> {
        let mut all = Vec::new();
        for threads in [1, 2] {
            for job in [Job::Copy, Job::Predict, Job::Window] {
                let kinds = [Kind::Bare, Kind::Tidemill, Kind::Streams { memory: true }];
                all.extend(kinds.map(|kind| Contender { kind, job, threads }));
            }
            all.push(Contender { kind: Kind::Tidemill, job: Job::Quickstart, threads });
        }
        // Its default store, for the job where it matters.
        all.push(Contender { kind: Kind::Streams { memory: false }, job: Job::Window, threads: 1 });
        all
    }

    pub fn name(&self) -> String {
        let kind = match self.kind {
            Kind::Bare => "bare",
            Kind::Tidemill => "tidemill",
            Kind::Streams { memory: true } => "streams",
            Kind::Streams { memory: false } => "streams-rocksdb",
        };
        format!("{kind} {} x{}", self.job.name(), self.threads)
    }

    /// Starts it as a process under a fresh application id. Its output goes to a topic of its own.
    pub fn start(&self, servers: &str, input: &str, exactly_once: bool) -> Running {
        let application = kafka::unique(&format!("bench-{}", self.job.name()));
        let folder = tempfile::tempdir().expect("a folder for its state");
        let (mut command, output) = match self.kind {
            Kind::Bare => {
                let output = load::topic(servers, "bench.out");
                let mut command = Command::new(std::env::current_exe().expect("this program is a file"));
                command.args(["--bare", self.job.name(), servers, &application, input, &output]);
                command.args([self.threads.to_string(), exactly_once.to_string()]);
                (command, output)
            }
            Kind::Tidemill => self.tidemill(servers, input, &application, folder.path(), exactly_once),
            Kind::Streams { memory } => {
                let output = load::topic(servers, "bench.out");
                let mut command = Command::new("java");
                command.args([
                    "-Xmx1g",
                    "-cp",
                    &peer_class_path(),
                    "peer.Peer",
                    self.job.name(),
                    servers,
                    &application,
                    input,
                    &output,
                ]);
                command.arg(folder.path()).arg(self.threads.to_string()).arg(if memory { "memory" } else { "rocksdb" });
                // Exactly once commits every 100 ms by default; at least once every 30 s, which would be no comparison.
                command.args(if exactly_once { ["exactly_once_v2", "default"] } else { ["at_least_once", "100"] });
                (command, output)
            }
        };
        let log = std::fs::File::create(folder.path().join("log")).expect("a file for its words");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        let child = command.spawn().unwrap_or_else(|error| panic!("{}: {error}", self.name()));
        Running { child, application, output, folder }
    }

    fn tidemill(&self, servers: &str, input: &str, application: &str, folder: &Path, exactly_once: bool) -> (Command, String) {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        // File, and the names of its input and of the output to look at.
        let (file, source, output) = match self.job {
            Job::Copy => ("benches/kafka/copy.toml", "bench.candles", "bench.copy"),
            Job::Predict => ("benches/kafka/predict.toml", "bench.candles", "bench.predictions"),
            Job::Window => ("benches/kafka/window.toml", "bench.candles", "bench.bars"),
            Job::Quickstart => ("topologies/quickstart.toml", "market.candles.1m", "quickstart.predictions"),
        };
        let file = root.join(file);
        let text = std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        // A name of its own names its own late, dead-letter and changelog topics; the outputs get it in front.
        let text = text.replacen("name = \"", &format!("name = \"{application}-"), 1);
        let topic_of = |line: &str| match line.strip_prefix("topic = \"").and_then(|rest| rest.strip_suffix('"')) {
            Some(topic) if topic == source => format!("topic = \"{input}\"\n"),
            Some(topic) => format!("topic = \"{application}.{topic}\"\n"),
            None => format!("{line}\n"),
        };
        let text: String = text.lines().map(topic_of).collect();
        let topology = folder.join("topology.toml");
        std::fs::write(&topology, text).expect("the topology is written");
        let program = env!("CARGO_BIN_EXE_tidemill");
        let made = Command::new(program)
            .args(["topics", "create"])
            .arg(&topology)
            .args(["--bootstrap-servers", servers, "--partitions", "3", "--set", &format!("application.id={application}")])
            .output()
            .expect("tidemill starts");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let mut command = Command::new(program);
        command.arg("run").arg(&topology).args(["--bootstrap-servers", servers, "--state-dir"]).arg(folder.join("state"));
        let guarantee = if exactly_once { "exactly_once_v2" } else { "at_least_once" };
        for setting in [
            format!("application.id={application}"),
            format!("num.stream.threads={}", self.threads),
            format!("processing.guarantee={guarantee}"),
            "http.port=0".into(),
        ] {
            command.args(["--set", &setting]);
        }
        (command, format!("{application}.{output}"))
    }
}

/// The classes and jars of the Kafka Streams peer, built by Maven at the first call.
fn peer_class_path() -> String {
    static BUILT: std::sync::OnceLock<String> = std::sync::OnceLock::new();
    BUILT
        .get_or_init(|| {
            let out = Path::new(env!("CARGO_TARGET_TMPDIR")).join("kafka-streams-peer");
            let pom = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/peers/kafka-streams/pom.xml");
            let status = Command::new("mvn")
                .args(["-q", "-B", "-f"])
                .arg(pom)
                .arg(format!("-Dout={}", out.display()))
                .args(["compile", "dependency:copy-dependencies"])
                .arg(format!("-DoutputDirectory={}", out.join("lib").display()))
                .status()
                .expect("Maven starts");
            assert!(status.success(), "Maven builds the Kafka Streams peer");
            format!("{}:{}/*", out.join("classes").display(), out.join("lib").display())
        })
        .clone()
}

/// A contender at work. It is killed when dropped.
pub struct Running {
    pub child: Child,
    pub application: String,
    pub output: String,
    folder: tempfile::TempDir,
}

impl Running {
    /// The end of what it wrote to standard error.
    pub fn last_words(&self) -> String {
        let text = std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(5)..].join(" / ")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

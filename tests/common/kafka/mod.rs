//! A real Apache Kafka for tests and benches: its jars come from Maven once, its brokers run on free ports of this machine with data directories of their own,
//! and end with the process that started them, however that ends.
//!
//! `TIDEMILL_TEST_BOOTSTRAP_SERVERS` names a broker of the user's instead (single-broker tests only). Without a broker, Java or Maven the tests say so in one
//! line and pass; with `TIDEMILL_REQUIRE_KAFKA=1` that is a failure.
#![allow(dead_code, reason = "every test file uses its own part")]
#![allow(clippy::disallowed_methods, reason = "brokers start and stop by the clock")]

mod broker;
mod jars;
pub mod proxy;

use std::io::Write;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};

pub use broker::Broker;

/// Longest wait for brokers to come up; about 3 s when nothing else runs.
const START: Duration = Duration::from_secs(90);

/// What a cluster is made of.
#[derive(Debug, Clone)]
pub struct ClusterOptions {
    /// Number of brokers, each also a controller. Internal topics get as many replicas.
    pub brokers: usize,
    /// Heap of each broker, MiB.
    pub heap_mb: u32,
    /// Options of the Java machine in place of those that start fast.
    pub java: Vec<String>,
    /// More lines for `server.properties`.
    pub properties: Vec<(String, String)>,
}

impl ClusterOptions {
    /// Brokers for tests.
    pub fn of(brokers: usize) -> Self {
        let java = ["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto"];
        ClusterOptions { brokers, heap_mb: 512, java: java.map(String::from).to_vec(), properties: Vec::new() }
    }
}

/// Brokers that live as long as this value.
pub struct Cluster {
    pub brokers: Vec<Broker>,
    dir: PathBuf,
}

impl Cluster {
    /// Starts `brokers` brokers; see [`start_with`](Self::start_with).
    pub fn start(brokers: usize) -> Result<Cluster, String> {
        Cluster::start_with(&ClusterOptions::of(brokers))
    }

    /// Starts brokers, or says what is missing for it.
    ///
    /// # Panics
    /// When everything is there and they do not come up all the same: that is no reason to leave tests out.
    pub fn start_with(options: &ClusterOptions) -> Result<Cluster, String> {
        let jars = jars::resolve()?;
        Ok(Cluster::start_on(&jars, options).unwrap_or_else(|why| panic!("Kafka did not start: {why}")))
    }

    fn start_on(jars: &Path, options: &ClusterOptions) -> Result<Cluster, String> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let dir = jars::work_folder().join(format!("kafka-{}-{number}", std::process::id()));
        remove_leftovers();
        std::fs::create_dir_all(&dir).map_err(|e| format!("{}: {e}", dir.display()))?;
        let ports: Vec<(u16, u16)> = (0..options.brokers).map(|_| (free_port(), free_port())).collect();
        let brokers = (0..options.brokers).map(|index| Broker::prepare(index, &ports, &dir, jars, options));
        let mut cluster = Cluster { brokers: brokers.collect::<Result<_, _>>()?, dir };
        for broker in &mut cluster.brokers {
            broker.start()?;
        }
        cluster.wait_ready()?;
        Ok(cluster)
    }

    /// Where clients find it.
    pub fn bootstrap(&self) -> String {
        self.brokers.iter().map(Broker::address).collect::<Vec<_>>().join(",")
    }

    /// Waits until every broker that should run knows all that run.
    pub fn wait_ready(&self) -> Result<(), String> {
        let running: Vec<&Broker> = self.brokers.iter().filter(|broker| broker.is_running()).collect();
        let deadline = Instant::now() + START;
        for broker in &running {
            while known_brokers(&broker.address()) < running.len() {
                if Instant::now() > deadline {
                    return Err(format!("the broker at {} did not come up: {}", broker.address(), broker.last_words()));
                }
                std::thread::sleep(Duration::from_millis(50));
            }
        }
        Ok(())
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.brokers.iter_mut().for_each(Broker::kill9);
        // What is left behind lies in target/.
        drop(std::fs::remove_dir_all(&self.dir));
    }
}

/// Removes the data of brokers whose test process is gone: one that was killed, or kept them to its end, has left them behind.
fn remove_leftovers() {
    for entry in std::fs::read_dir(jars::work_folder()).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let id = name.to_str().and_then(|name| name.strip_prefix("kafka-")?.split_once('-')?.0.parse::<u32>().ok());
        if id.is_some_and(|id| Path::new("/proc/self").exists() && !Path::new(&format!("/proc/{id}")).exists()) {
            drop(std::fs::remove_dir_all(entry.path()));
        }
    }
}

fn known_brokers(address: &str) -> usize {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", address).set_log_level(rdkafka::config::RDKafkaLogLevel::Emerg);
    let consumer: BaseConsumer = config.create().expect("the configuration is right");
    consumer.fetch_metadata(None, Duration::from_secs(1)).map_or(0, |metadata| metadata.brokers().len())
}

/// A port that was free a moment ago.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).expect("loopback has a free port").port()
}

/// The bootstrap servers of the broker that all tests of this process share, started by the first of them; `None`, said once, without one.
pub fn shared() -> Option<&'static str> {
    static SHARED: OnceLock<Option<(String, Option<Cluster>)>> = OnceLock::new();
    let start = || match std::env::var("TIDEMILL_TEST_BOOTSTRAP_SERVERS") {
        Ok(servers) => Some((servers, None)),
        Err(_) => available(Cluster::start(1)).map(|cluster| (cluster.bootstrap(), Some(cluster))),
    };
    SHARED.get_or_init(start).as_ref().map(|(servers, _)| &**servers)
}

/// The cluster, or `None`, said once, when there can be none and nobody requires it.
pub fn available(cluster: Result<Cluster, String>) -> Option<Cluster> {
    let why = match cluster {
        Ok(cluster) => return Some(cluster),
        Err(why) => why,
    };
    assert!(!std::env::var("TIDEMILL_REQUIRE_KAFKA").is_ok_and(|on| on == "1"), "TIDEMILL_REQUIRE_KAFKA=1, but {why}");
    static SAID: OnceLock<()> = OnceLock::new();
    // Not through the test harness, which would keep it to itself.
    SAID.get_or_init(|| drop(writeln!(std::io::stderr(), "The Apache Kafka tests did not run: {why}.")));
    None
}

/// A name that no other test, process or run has used on the same broker.
pub fn unique(name: &str) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let nanos = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |now| now.as_nanos());
    format!("{name}-{}-{:x}-{}", std::process::id(), nanos & 0xffff_ffff, NEXT.fetch_add(1, Ordering::Relaxed))
}

//! One broker process.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::ClusterOptions;

/// Longest time for a clean end: a broker that waits for others that are gone is killed.
const LONGEST_END: Duration = Duration::from_secs(60);

/// Runs a command, tells its process id, and kills it when standard input ends: no broker outlives the process that started it, even one that is killed.
const KEEPER: &str = r#"
exec 3<&0
"$@" </dev/null >>"$LOG" 2>&1 3<&- &
broker=$!
echo $broker
(cat <&3 >/dev/null; kill -9 $broker) 2>/dev/null &
keeper=$!
exec 3<&-
wait $broker
kill $keeper
"#;

/// A broker that can be stopped, killed, paused and started again on its port and data directory. Dropping it kills it.
pub struct Broker {
    port: u16,
    jars: PathBuf,
    dir: PathBuf,
    java: Vec<String>,
    running: Option<(Child, u32)>,
}

impl Broker {
    /// Writes the configuration of broker `index` and formats its data directory.
    pub(super) fn prepare(
        index: usize,
        ports: &[(u16, u16)],
        dir: &Path,
        jars: &Path,
        options: &ClusterOptions,
    ) -> Result<Broker, String> {
        let dir = dir.join(format!("broker-{index}"));
        fs::create_dir_all(&dir).map_err(|e| format!("{}: {e}", dir.display()))?;
        fs::write(dir.join("server.properties"), properties(index, ports, &dir, options)).map_err(|e| e.to_string())?;
        let mut java = vec![format!("-Xmx{}m", options.heap_mb)];
        java.extend(options.java.iter().cloned());
        let broker = Broker { port: ports[index].0, jars: jars.to_owned(), dir, java, running: None };
        // Any 16 bytes in base64 name a cluster.
        let cluster = format!("{:021}A", std::process::id());
        let mut format = broker.program("kafka.tools.StorageTool");
        format.args(["format", "-t", &cluster, "-c"]).arg(broker.dir.join("server.properties"));
        let run = format.stdin(Stdio::null()).output().map_err(|e| format!("java: {e}"))?;
        if run.status.success() { Ok(broker) } else { Err(format!("format: {}", String::from_utf8_lossy(&run.stderr))) }
    }

    fn program(&self, class: &str) -> Command {
        let mut java = Command::new("java");
        java.args(&self.java).arg("-cp").arg(format!("{}/*", self.jars.display())).arg(class);
        java
    }

    /// Starts the process. It takes clients a few seconds later.
    pub fn start(&mut self) -> Result<(), String> {
        let program = self.program("kafka.Kafka");
        let mut keeper = Command::new("sh");
        keeper.args(["-c", KEEPER, "keeper", "java"]).args(program.get_args()).arg(self.dir.join("server.properties"));
        keeper.env("LOG", self.dir.join("log")).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = keeper.spawn().map_err(|e| format!("sh: {e}"))?;
        let mut line = String::new();
        let out = child.stdout.take().expect("it is piped");
        BufReader::new(out).read_line(&mut line).map_err(|e| e.to_string())?;
        let id = line.trim().parse().map_err(|_| format!("no process id: {line:?}"))?;
        self.running = Some((child, id));
        Ok(())
    }

    /// Where clients find it.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Whether it was started and neither stopped nor killed since.
    pub fn is_running(&self) -> bool {
        self.running.is_some()
    }

    /// Ends it cleanly and waits for it.
    pub fn stop(&mut self) {
        self.end("-TERM");
    }

    /// Kills it as a power loss would, and waits for it.
    pub fn kill9(&mut self) {
        self.end("-KILL");
    }

    /// Starts it again where it was.
    pub fn restart(&mut self) -> Result<(), String> {
        self.start()
    }

    /// Holds the process; its connections stay open.
    pub fn pause(&self) {
        self.signal("-STOP");
    }

    /// Lets a held process go on.
    pub fn resume(&self) {
        self.signal("-CONT");
    }

    /// The end of what it printed.
    pub fn last_words(&self) -> String {
        let log = fs::read_to_string(self.dir.join("log")).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(15)..].join("\n")
    }

    fn signal(&self, signal: &str) {
        if let Some((_, id)) = &self.running {
            drop(Command::new("kill").args([signal, &id.to_string()]).status());
        }
    }

    fn end(&mut self, signal: &str) {
        self.signal(signal);
        if let Some((mut child, id)) = self.running.take() {
            let stdin = child.stdin.take();
            let deadline = Instant::now() + LONGEST_END;
            while child.try_wait().is_ok_and(|status| status.is_none()) {
                if Instant::now() > deadline {
                    drop(Command::new("kill").args(["-KILL", &id.to_string()]).status());
                    drop(child.wait());
                }
                std::thread::sleep(Duration::from_millis(20));
            }
            // Closed only now: it would kill the broker before it has ended cleanly.
            drop(stdin);
        }
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.kill9();
    }
}

fn properties(index: usize, ports: &[(u16, u16)], dir: &Path, options: &ClusterOptions) -> String {
    let count = ports.len();
    let (port, controller) = ports[index];
    let enough = if count >= 3 { 2 } else { 1 };
    let voters: Vec<String> = (1..).zip(ports).map(|(id, (_, port))| format!("{id}@127.0.0.1:{port}")).collect();
    let mut lines = vec![
        "process.roles=broker,controller".into(),
        format!("node.id={}", index + 1),
        format!("listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}"),
        format!("advertised.listeners=PLAINTEXT://127.0.0.1:{port}"),
        "listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT".into(),
        "controller.listener.names=CONTROLLER".into(),
        format!("controller.quorum.voters={}", voters.join(",")),
        format!("log.dirs={}", dir.join("data").display()),
        "auto.create.topics.enable=false".into(),
        format!("default.replication.factor={count}"),
        format!("min.insync.replicas={enough}"),
        format!("offsets.topic.replication.factor={count}"),
        "offsets.topic.num.partitions=4".into(),
        format!("transaction.state.log.replication.factor={count}"),
        format!("transaction.state.log.min.isr={enough}"),
        "transaction.state.log.num.partitions=4".into(),
        format!("share.coordinator.state.topic.replication.factor={count}"),
        format!("share.coordinator.state.topic.min.isr={enough}"),
        "share.coordinator.state.topic.num.partitions=1".into(),
        "group.initial.rebalance.delay.ms=0".into(),
        "group.min.session.timeout.ms=1000".into(),
        // A killed broker may register again once the controller has given its former self up.
        "broker.session.timeout.ms=2000".into(),
        "broker.heartbeat.interval.ms=200".into(),
        "transaction.abort.timed.out.transaction.cleanup.interval.ms=500".into(),
        // Retention and compaction that a test can wait for.
        "log.initial.task.delay.ms=500".into(),
        "log.retention.check.interval.ms=500".into(),
        "log.segment.delete.delay.ms=100".into(),
        "log.cleaner.backoff.ms=200".into(),
        "log.cleaner.min.cleanable.ratio=0.01".into(),
        "log.cleaner.dedupe.buffer.size=4194304".into(),
        "num.network.threads=2".into(),
        "num.io.threads=4".into(),
        "controlled.shutdown.retry.backoff.ms=200".into(),
    ];
    lines.extend(options.properties.iter().map(|(key, value)| format!("{key}={value}")));
    lines.join("\n")
}

//! The program as a user has it: started with arguments, told to stop by signals, judged by its exit code and what it prints.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::common::waiting::wait_until;

/// Longest wait for anything.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A topology of the project.
pub fn topology(name: &str) -> String {
    crate::common::root().join("topologies").join(name).display().to_string()
}

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tidemill"));
    command.args(arguments).stdin(Stdio::null());
    // What the tests' own environment says is not what they are about.
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("TIDEMILL_") {
            command.env_remove(name);
        }
    }
    command
}

/// How a run of the program ended.
#[derive(Debug)]
pub struct Ended {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Ended {
    fn of(output: &Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        Ended { code: output.status.code(), out: text(&output.stdout), err: text(&output.stderr) }
    }

    /// Its standard output, if it ended well.
    pub fn ok(self) -> String {
        assert_eq!(self.code, Some(0), "{}{}", self.out, self.err);
        self.out
    }

    /// Its standard error, if it ended with this code.
    pub fn failed(self, code: i32) -> String {
        assert_eq!(self.code, Some(code), "{}{}", self.out, self.err);
        self.err
    }
}

/// Runs the program to its end.
pub fn tidemill(arguments: &[&str]) -> Ended {
    Ended::of(&command(arguments).output().unwrap())
}

/// Runs the program with variables in its environment.
pub fn tidemill_with(variables: &[(&str, &str)], arguments: &[&str]) -> Ended {
    Ended::of(&command(arguments).envs(variables.iter().copied()).output().unwrap())
}

/// A program that runs on; killed when dropped.
pub struct Running {
    child: Child,
    lines: Receiver<String>,
    pub said: Vec<String>,
}

impl Running {
    pub fn start(arguments: &[&str]) -> Self {
        let mut child = command(arguments).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let (tell, lines) = channel();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        // Ends with the program.
        std::thread::spawn(move || stderr.lines().map_while(Result::ok).try_for_each(|line| tell.send(line)));
        Running { child, lines, said: Vec::new() }
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits for a line that contains `text`.
    pub fn says(&mut self, text: &str) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(line) = self.said.iter().find(|line| line.contains(text)) {
                return line.clone();
            }
            let left = deadline.saturating_duration_since(Instant::now());
            match self.lines.recv_timeout(left) {
                Ok(line) => self.said.push(line),
                Err(_) => panic!("it never said {text:?}, but: {:#?}", self.said),
            }
        }
    }

    /// The address of its HTTP server, from the line it begins with.
    pub fn url(&mut self) -> String {
        let line = self.says("http://");
        line.split_whitespace().find(|word| word.starts_with("http://")).unwrap().to_owned()
    }

    pub fn signal(&self, name: &str) {
        let status = Command::new("kill").args([&format!("-{name}"), &self.id().to_string()]).status().unwrap();
        assert!(status.success());
    }

    /// Waits for its end.
    pub fn end(&mut self) -> ExitStatus {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                self.said.extend(self.lines.iter());
                return status;
            }
            assert!(Instant::now() < deadline, "it does not end: {:#?}", self.said);
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// SIGTERM, and its exit code.
    pub fn stop(&mut self) -> Option<i32> {
        self.signal("TERM");
        self.end().code()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// Waits until `condition` holds.
pub fn eventually(what: &str, condition: impl FnMut() -> bool) {
    assert!(wait_until(PATIENCE, condition), "in vain: {what}");
}

/// The records of a topic by partition, as `topics consume` prints them, without their offsets: these have gaps on Kafka.
pub fn consumed(log: &[&str], topic: &str) -> Vec<Vec<String>> {
    let mut arguments = vec!["topics", "consume", topic, "--from-beginning", "--exit-at-end"];
    arguments.extend(log);
    let mut partitions: Vec<Vec<String>> = Vec::new();
    for line in tidemill(&arguments).ok().lines() {
        let place: Value = serde_json::from_str(line).unwrap();
        let (partition, offset) = (place["partition"].as_u64().unwrap() as usize, place["offset"].as_i64().unwrap());
        let place = format!("\"partition\":{partition},\"offset\":{offset},");
        assert!(line.starts_with(&format!("{{{place}")), "{line}");
        partitions.resize_with(partitions.len().max(partition + 1), Vec::new);
        partitions[partition].push(line.replacen(&place, "", 1));
    }
    partitions
}

/// What a backtest of so many simulated records writes to a topic, by partition.
pub struct Backtested {
    folder: tempfile::TempDir,
}

impl Backtested {
    pub fn of(topology: &str, records: u64, partitions: u32) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (records, partitions) = (records.to_string(), partitions.to_string());
        let path = folder.path().display().to_string();
        tidemill(&["backtest", topology, "--simulate", &records, "--coins", "3", "--partitions", &partitions, "--output", &path])
            .ok();
        Backtested { folder }
    }

    pub fn lines(&self, topic: &str, partition: u32) -> Vec<String> {
        let text = std::fs::read_to_string(self.folder.path().join(format!("{topic}-{partition}.ndjson"))).unwrap();
        text.lines().map(str::to_owned).collect()
    }

    /// Every output topic, which must be as in the log.
    pub fn check(&self, log: &[&str], partitions: u32) {
        let mut topics: Vec<String> = files(self.folder.path())
            .iter()
            .filter_map(|path| Some(path.file_name()?.to_str()?.strip_suffix("-0.ndjson")?.to_owned()))
            .collect();
        topics.sort();
        assert!(topics.len() >= 4, "{topics:?}");
        for topic in topics {
            let mut found = consumed(log, &topic);
            found.resize_with(partitions as usize, Vec::new);
            for partition in 0..partitions {
                let expected = self.lines(&topic, partition);
                let found = &found[partition as usize];
                assert_eq!(found.len(), expected.len(), "{topic}-{partition}");
                assert!(*found == expected, "{topic}-{partition} differs");
            }
        }
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect()
}

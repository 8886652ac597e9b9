//! Instances of the real program as processes: started, killed, frozen, stopped.

use std::fs::File;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use crate::common::waiting::{ends_at_deadlines, has_ended, wait_until};

/// How an instance is run.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// `NAME=N` of a failpoint at which it kills itself.
    pub failpoint: Option<String>,
    /// The program's own settings in place of the quick ones below.
    pub defaults: bool,
    /// `key=value` of the configuration, beside those below.
    pub set: Vec<String>,
}

/// Settings that make much happen in little time: many commits, snapshots and changelog generations.
const QUICK: &[&str] = &[
    "commit.interval.ms=50",
    "checkpoint.interval.ms=200",
    "changelog.interval.ms=500",
    "session.timeout.ms=6000",
    "transaction.timeout.ms=8000",
];

/// One process. It is killed when dropped.
pub struct Instance {
    pub index: usize,
    log: PathBuf,
    child: Child,
}

impl Instance {
    pub fn start(index: usize, topology: &Path, bootstrap: &str, dir: PathBuf, options: &Options) -> Self {
        let path = dir.with_extension("log");
        let log = File::options().create(true).append(true).open(&path).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_tidemill"));
        command.arg("run").arg(topology).args(["--bootstrap-servers", bootstrap]).arg("--state-dir").arg(dir);
        let quick = if options.defaults { &[] } else { QUICK };
        for setting in
            ["http.port=0", "log.level=info"].iter().chain(quick).copied().chain(options.set.iter().map(String::as_str))
        {
            command.args(["--set", setting]);
        }
        if let Some(failpoint) = &options.failpoint {
            let passes = cfg!(any(debug_assertions, feature = "failpoints"));
            assert!(passes, "this build has no named points: leave --release out, or add --features failpoints");
            command.env("TIDEMILL_FAILPOINTS", failpoint);
        }
        command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        let child = command.spawn().unwrap();
        ends_at_deadlines(child.id());
        Instance { index, log: path, child }
    }

    /// Whether it has ended, and how.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().unwrap()
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        // Fails only when it has ended already, which `wait` tells.
        self.child.kill().ok();
        self.child.wait().unwrap();
    }

    /// Waits for its end at a named point; kills it when that does not come. Whether it came: an end of another kind fails the test.
    pub fn wait_for_failpoint(&mut self, patience: Duration) -> bool {
        let reached = wait_until(patience, || self.ended().is_some());
        if !reached {
            self.kill();
        }
        let status = self.child.wait().unwrap();
        assert!(status.signal().is_some(), "instance {} ended with {status}: {}", self.index, self.last_words());
        reached
    }

    pub fn signal(&self, name: &str) {
        let status = Command::new("kill").args([format!("-{name}"), self.child.id().to_string()]).status().unwrap();
        assert!(status.success(), "kill -{name}");
    }

    /// How often it has told that it lost partitions, a transaction or its place in the group.
    pub fn setbacks(&self) -> usize {
        let text = std::fs::read_to_string(&self.log).unwrap();
        let signs = ["a transaction did not commit", "task closed", "session timed out"];
        let setback = |line: &&str| signs.iter().any(|sign| line.contains(sign));
        text.lines().filter(setback).count()
    }

    /// SIGTERM; it must finish, commit, keep its state and end with success.
    pub fn stop(mut self) {
        self.stop_and_wait();
    }

    /// The same; it can be started again afterwards.
    pub fn stop_and_wait(&mut self) {
        self.signal("TERM");
        assert!(wait_until(Duration::from_secs(90), || self.child.try_wait().unwrap().is_some()), "it ends when told to");
        let status = self.child.wait().unwrap();
        assert!(status.success(), "instance {} ended with {status}: {}", self.index, self.last_words());
    }

    /// The end of its log.
    fn last_words(&self) -> String {
        let text = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(30)..].join("\n")
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
        has_ended(self.child.id());
    }
}

//! The one place that opens the log a command works on: Kafka where `bootstrap.servers` is set, else the embedded log of the state directory.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::cluster;
use super::errors::UsageError;
use super::signals::Stop;
use super::state_dir::StateDir;
use crate::config::Config;
use crate::log::{Log, LogError, Reaction};

/// How long a command that is to be done at once waits for brokers.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often somebody who waits is told.
const TELL: Duration = Duration::from_secs(5);

/// The brokers that a configuration names; `None` means the embedded log.
pub fn brokers(config: &Config) -> Option<&str> {
    Some(config.text("bootstrap.servers")).filter(|servers| !servers.is_empty())
}

/// Whether snapshots go to a changelog.
pub fn has_changelog(config: &Config) -> bool {
    match config.text("changelog.enabled") {
        "auto" => brokers(config).is_some(),
        enabled => enabled == "true",
    }
}

/// Where the log is, as people say it.
pub fn describe(config: &Config) -> String {
    match brokers(config) {
        Some(servers) => servers.to_owned(),
        None => format!("the embedded log in {}", StateDir::of(config).path().display()),
    }
}

/// The flag that names the log in a command to be copied.
pub fn flag(config: &Config) -> String {
    match brokers(config) {
        Some(servers) => format!("--bootstrap-servers {servers}"),
        None => format!("--state-dir {}", StateDir::of(config).path().display()),
    }
}

/// Opens the log for a command that works on it and leaves; the embedded log is made if it is not there.
///
/// # Errors
/// When the configuration does not hold, the log cannot be reached, or another process has the embedded one.
pub fn open(config: &Config) -> anyhow::Result<Arc<dyn Log>> {
    match brokers(config) {
        Some(_) => {
            let settings = cluster::settings(config, &name_of_a_command())?;
            patiently(|| cluster::connect(&settings))
        }
        None => Ok(Arc::new(StateDir::of(config).open_log()?)),
    }
}

/// A command is nobody in particular: it joins no group and leaves nothing open.
fn name_of_a_command() -> String {
    format!("command-{}", std::process::id())
}

/// As [`open`], for topics that shall have so many copies of each partition; the embedded log has one.
///
/// # Errors
/// As [`open`].
pub fn open_for_creation(config: &Config, copies: Option<u16>) -> anyhow::Result<Arc<dyn Log>> {
    let Some((copies, _)) = copies.zip(brokers(config)) else { return open(config) };
    let settings = cluster::settings(config, &name_of_a_command())?.with_replication_factor(copies);
    patiently(|| cluster::connect(&settings))
}

/// As [`open`], but an embedded log that is not there is an error.
///
/// # Errors
/// As [`open`].
pub fn open_existing(config: &Config) -> anyhow::Result<Arc<dyn Log>> {
    let folder = StateDir::of(config);
    if brokers(config).is_none() && !folder.has_log() {
        let path = folder.path().display();
        let message = format!(
            "there is no log in {path}: run `tidemill demo` first, name another --state-dir, or say where Kafka is with --bootstrap-servers HOST:PORT"
        );
        return Err(UsageError(message).into());
    }
    open(config)
}

/// Opens the log for an instance called `instance_id`, and waits for brokers until somebody says stop: then the answer is `None`.
///
/// # Errors
/// As [`open`].
pub fn open_for_instance(config: &Config, instance_id: &str, stop: &Stop) -> anyhow::Result<Option<Arc<dyn Log>>> {
    if brokers(config).is_none() {
        return open(config).map(Some);
    }
    let settings = cluster::settings(config, instance_id)?;
    until_stopped(stop, || cluster::connect(&settings))
}

/// Makes a call to the log, and again while it does not answer, for half a minute.
///
/// # Errors
/// The call's own.
pub fn patiently<T>(call: impl FnMut() -> Result<T, LogError>) -> anyhow::Result<T> {
    let until = Instant::now() + PATIENCE;
    repeat(call, || Instant::now() >= until)
}

/// Makes a call to the log, and again while it does not answer, until somebody says stop: then the answer is `None`.
///
/// # Errors
/// The call's own.
pub fn until_stopped<T>(stop: &Stop, call: impl FnMut() -> Result<T, LogError>) -> anyhow::Result<Option<T>> {
    match repeat(call, || stop.asked()) {
        Ok(answer) => Ok(Some(answer)),
        Err(_) if stop.asked() => Ok(None),
        Err(error) => Err(error),
    }
}

fn repeat<T>(mut call: impl FnMut() -> Result<T, LogError>, over: impl Fn() -> bool) -> anyhow::Result<T> {
    let (mut pause, mut told) = (Duration::from_millis(50), None::<Instant>);
    loop {
        match call() {
            Ok(answer) => return Ok(answer),
            Err(error) if error.reaction() == Reaction::Retry && !over() => {
                if told.is_none_or(|at| at.elapsed() >= TELL) {
                    eprintln!("waiting: {error}");
                    told = Some(Instant::now());
                }
                std::thread::sleep(pause);
                pause = (pause * 2).min(Duration::from_secs(1));
            }
            Err(error) => return Err(error.into()),
        }
    }
}

//! A running instance with what belongs to it: the claim on its state directory, the checkpoint store, the HTTP server, the live table, the end.

use std::io::IsTerminal;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;

use super::access;
use super::claim::Claim;
use super::live::{LiveRow, LiveView, Screen};
use super::report::Report;
use super::secret;
use super::signals::Stop;
use super::state_dir::{Announcement, RunningInstance, StateDir};
use crate::config::Config;
use crate::http::{Backend, HttpServer, HttpSettings};
use crate::log::Log;
use crate::runtime::{ChangelogSettings, Instance, InstanceHandle, InstanceStatus, LatestPrediction, RuntimeSettings};
use crate::store::CheckpointStore;
use crate::task::{CheckpointPolicy, LeaderboardRow, MissingInput};
use crate::telemetry::{LogFormat, Telemetry, init_logging};
use crate::topology::Graph;

/// How often the state is looked at.
const TICK: Duration = Duration::from_millis(20);
/// How often the table is drawn on a terminal, and a line written elsewhere.
const DRAW: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(10));

/// What an instance is started from.
pub struct Parts {
    /// How it runs.
    pub config: Config,
    /// What it runs.
    pub graph: Arc<Graph>,
    /// The log; its topics exist.
    pub log: Arc<dyn Log>,
    /// Its state directory.
    pub folder: StateDir,
    /// The claim on it.
    pub claim: Claim,
    /// `application.id`.
    pub application: String,
    /// Where records come from, for the title.
    pub source: String,
}

/// See the module's documentation.
pub struct Service {
    graph: Arc<Graph>,
    title: String,
    started: Instant,
    deadline: Duration,
    instance: Arc<InstanceHandle>,
    http: HttpServer,
    announcement: Announcement,
    claim: Claim,
}

/// Begins to write log lines as the configuration says.
///
/// # Errors
/// When `log.level` is no filter.
pub fn start_logging(config: &Config) -> anyhow::Result<()> {
    let format = if config.text("log.format") == "json" { LogFormat::Json } else { LogFormat::Text };
    Ok(init_logging(format, config.text("log.level"))?)
}

impl Service {
    /// Starts the instance and its server.
    ///
    /// # Errors
    /// When either does not start, or the checkpoints cannot be opened.
    pub fn start(parts: Parts) -> anyhow::Result<Self> {
        let Parts { config, graph, log, folder, claim, application, source } = parts;
        let store: Arc<dyn CheckpointStore> = Arc::new(folder.open_store(&application)?);
        let telemetry = Arc::new(Telemetry::new());
        let settings = runtime_settings(&config, &application)?;
        let guarantee = settings.guarantee;
        let instance = Instance::start(graph.clone(), log.clone(), store.clone(), telemetry.clone(), settings)?;
        let instance = Arc::new(instance);
        let backend = Backend { graph: graph.clone(), instance: instance.clone(), log, store, telemetry };
        let http = HttpServer::start(&http_settings(&config)?, backend)?;
        let announcement = folder.announce(&RunningInstance { pid: std::process::id(), url: http.url() })?;
        let title = format!("tidemill {} · {guarantee} · {source} · {} · {}", graph.name, http.url(), folder.path().display());
        if !std::io::stderr().is_terminal() {
            eprintln!("{title}"); // on a terminal it heads the live table
        }
        let deadline = Duration::from_millis(config.number("shutdown.timeout.ms").cast_unsigned());
        Ok(Service { graph, title, started: Instant::now(), deadline, instance, http, announcement, claim })
    }

    /// The state of the instance.
    pub fn status(&self) -> InstanceStatus {
        self.instance.status()
    }

    /// Looks on until `done` says so, or somebody says stop.
    ///
    /// # Errors
    /// Why the instance has ended by itself.
    pub fn watch(&self, stop: &Stop, mut done: impl FnMut(&InstanceStatus) -> anyhow::Result<bool>) -> anyhow::Result<()> {
        let mut screen = Screen::stderr();
        let pause = if screen.is_terminal() { DRAW.0 } else { DRAW.1 };
        let mut drawn = (Instant::now(), 0);
        while !stop.asked() {
            let status = self.status();
            if let Some(failure) = &status.failure {
                anyhow::bail!("{failure}");
            }
            if done(&status)? {
                break;
            }
            let read = status.since_start().read;
            if drawn.0.elapsed() >= pause {
                let rate = (read - drawn.1) as f64 / drawn.0.elapsed().as_secs_f64();
                screen.draw(&self.view(Some(rate)));
                drawn = (Instant::now(), read);
            }
            std::thread::sleep(TICK);
        }
        if screen.is_terminal() {
            screen.draw(&self.view(None));
        }
        Ok(())
    }

    fn view(&self, rate: Option<f64>) -> LiveView {
        let status = self.status();
        let predictions = self.instance.predictions();
        let rows = self.instance.leaderboard().rows(&self.graph);
        LiveView {
            title: self.title.clone(),
            counts: status.since_start(),
            rate,
            lag: status.tasks.iter().filter_map(|task| task.lag).sum(),
            stream_time: status.tasks.iter().filter_map(|task| task.stream_time).max(),
            rows: rows.into_iter().map(|row| self.live_row(row, &predictions)).collect(),
        }
    }

    fn live_row(&self, row: LeaderboardRow, predictions: &[LatestPrediction]) -> LiveRow {
        let of_row = |latest: &&LatestPrediction| {
            *latest.coin == *row.coin && **self.graph.node_name(latest.prediction.model) == *row.model
        };
        let latest = predictions.iter().find(of_row).map(|latest| &latest.prediction);
        LiveRow {
            last: latest.map(|prediction| prediction.last),
            prediction: latest.map(|prediction| prediction.price.unwrap_or(prediction.value)),
            coin: row.coin,
            model: row.model,
            horizon: row.horizon,
            n: row.n,
            mae: row.mae,
            rmse: row.rmse,
            smape: row.smape,
            skill: row.skill,
            champion: row.champion,
        }
    }

    /// Stops everything in order: what is in flight is finished, committed and kept, the group is left, then the server goes, and the claim last.
    ///
    /// # Errors
    /// When not all of it was done in time.
    pub fn finish(self, resumed_from: u64) -> anyhow::Result<Report> {
        let stopped = self.instance.shutdown(self.deadline);
        let elapsed_s = self.started.elapsed().as_secs_f64();
        let counts = self.status().since_start();
        let leaderboard = self.instance.leaderboard().rows(&self.graph);
        drop(self.announcement);
        drop(self.http);
        drop(self.instance);
        drop(self.claim);
        stopped.context("the instance did not stop cleanly; nothing that was committed is lost")?;
        Ok(Report {
            records_read: counts.read,
            processed: counts.processed,
            late: counts.late,
            dead_lettered: counts.dead,
            elapsed_s,
            records_per_s: counts.read as f64 / elapsed_s.max(1e-9),
            resumed_from,
            leaderboard,
        })
    }
}

fn runtime_settings(config: &Config, application: &str) -> anyhow::Result<RuntimeSettings> {
    let number = |key: &str| config.number(key).cast_unsigned();
    let mut settings = RuntimeSettings::new(application);
    settings.commit_interval_ms = number("commit.interval.ms");
    settings.guarantee = config.text("processing.guarantee").parse()?;
    settings.num_stream_threads = u32::try_from(number("num.stream.threads"))?;
    if number("num.worker.threads") > 0 {
        settings.num_worker_threads = usize::try_from(number("num.worker.threads"))?;
    }
    settings.max_batch_records = usize::try_from(number("max.poll.records"))?;
    settings.max_in_flight_batches = usize::try_from(number("task.max.batches"))?;
    settings.failure_limit = u32::try_from(number("processing.failure.limit"))?;
    settings.checkpoint = CheckpointPolicy {
        interval_ms: number("checkpoint.interval.ms"),
        max_records: number("checkpoint.max.records"),
        ..CheckpointPolicy::default()
    };
    if access::has_changelog(config) {
        settings.changelog = Some(ChangelogSettings {
            interval_ms: number("changelog.interval.ms"),
            max_traffic_percent: number("changelog.max.traffic.percent"),
        });
    }
    settings.num_standby_replicas = u32::try_from(number("num.standby.replicas"))?;
    settings.missing_input =
        if config.text("restore.missing.input") == "accept" { MissingInput::Accept } else { MissingInput::Refuse };
    Ok(settings)
}

fn http_settings(config: &Config) -> anyhow::Result<HttpSettings> {
    Ok(HttpSettings {
        host: config.text("http.host").to_owned(),
        port: u16::try_from(config.number("http.port"))?,
        token: secret::token(config)?,
        insecure: config.text("http.insecure") == "true",
    })
}

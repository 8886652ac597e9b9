//! `tidemill demo`: a topology on an embedded log, fed from files or the simulated exchange. Stops cleanly, resumes where it was.

use std::io::IsTerminal;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context;

use super::ingest::{IngestHandle, IngestPlan};
use super::live::{LiveRow, LiveView, Screen};
use super::options::{DemoArgs, ReportForm, Speed};
use super::report::{Report, grouped};
use super::state::application_id;
use super::state_dir::{Announcement, RunningInstance, StateDir};
use super::{input, secret, settings, topology};
use crate::config::Config;
use crate::http::{Backend, HttpServer, HttpSettings};
use crate::log::embedded::EmbeddedLog;
use crate::log::{Log, Retention, TopicSpec};
use crate::runtime::{Instance, InstanceHandle, LatestPrediction, RuntimeSettings};
use crate::store::{CheckpointStore, SledStore};
use crate::task::{CheckpointPolicy, LeaderboardRow, MissingInput};
use crate::telemetry::{LogFormat, Telemetry, init_logging};
use crate::topology::Graph;

/// The topology that is part of the program.
const QUICKSTART: &str = include_str!("../../topologies/quickstart.toml");
/// How often the state is looked at.
const TICK: Duration = Duration::from_millis(20);
/// How often the table is drawn on a terminal, and a line written elsewhere.
const DRAW: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(10));
/// How long a clean stop may take.
const STOP: Duration = Duration::from_secs(30);

/// Runs the command.
pub fn run(args: &DemoArgs) -> anyhow::Result<()> {
    let config = settings::load(&args.engine)?;
    start_logging(&config)?;
    let graph = Arc::new(load_graph(args.topology.as_deref())?);
    let stop = stop_flag()?;
    let demo = Demo::start(args, &config, graph)?;
    let outcome = demo.watch(args, &stop);
    let report = demo.finish();
    outcome?; // why it ended by itself says more than that it did
    let report = report?;
    if ends_by_itself(args) || args.format != ReportForm::Text {
        return report.print(args.format);
    }
    let total = report.resumed_from + report.records_read;
    eprintln!("stopped cleanly after {} records; the same command goes on from here", grouped(total));
    Ok(())
}

/// Whether the run has an end: a number of records, or that of the files.
fn ends_by_itself(args: &DemoArgs) -> bool {
    args.records.is_some() || !args.input.input.is_empty()
}

fn start_logging(config: &Config) -> anyhow::Result<()> {
    let format = if config.text("log.format") == "json" { LogFormat::Json } else { LogFormat::Text };
    Ok(init_logging(format, config.text("log.level"))?)
}

fn load_graph(file: Option<&Path>) -> anyhow::Result<Graph> {
    match file {
        Some(file) => topology::load(file),
        None => topology::compile(QUICKSTART, "quickstart.toml (part of the program)"),
    }
}

/// Set by Ctrl-C and SIGTERM; the second one ends the process at once, as a user who cannot wait expects.
fn stop_flag() -> anyhow::Result<Arc<AtomicBool>> {
    let stop = Arc::new(AtomicBool::new(false));
    let flag = stop.clone();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let listen = move || {
        runtime.block_on(async {
            loop {
                if wait_for_signal().await.is_err() || flag.swap(true, Ordering::SeqCst) {
                    std::process::exit(130);
                }
            }
        });
    };
    std::thread::Builder::new().name("signals".to_owned()).spawn(listen)?;
    Ok(stop)
}

#[cfg(unix)]
async fn wait_for_signal() -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        outcome = tokio::signal::ctrl_c() => outcome,
        _ = terminate.recv() => Ok(()),
    }
}

#[cfg(not(unix))]
async fn wait_for_signal() -> std::io::Result<()> {
    tokio::signal::ctrl_c().await
}

/// Everything that runs.
struct Demo {
    graph: Arc<Graph>,
    title: String,
    started: Instant,
    resumed_from: u64,
    ingest: IngestHandle,
    instance: Arc<InstanceHandle>,
    http: HttpServer,
    announcement: Announcement,
}

impl Demo {
    fn start(args: &DemoArgs, config: &Config, graph: Arc<Graph>) -> anyhow::Result<Self> {
        let folder = StateDir::of(config);
        let log = folder.open_log()?;
        let application = application_id(config, &graph);
        let store: Arc<SledStore> = Arc::new(folder.open_store(&application)?);
        create_topics(&log, config, &graph, args.input.partitions)?;
        let committed = log.group_offsets(&application)?;
        let resumed_from = committed.values().map(|position| position.offset.0.cast_unsigned()).sum();
        let feed = input::open(&args.input, false, &graph)?;
        let ingest = IngestHandle::start(&log, feed, ingest_plan(args, &graph))?;
        let telemetry = Arc::new(Telemetry::new());
        let shared_log: Arc<dyn Log> = Arc::new(log);
        let shared_store: Arc<dyn CheckpointStore> = store;
        let settings = runtime_settings(config, &application)?;
        let guarantee = settings.guarantee;
        let instance =
            Arc::new(Instance::start(graph.clone(), shared_log.clone(), shared_store.clone(), telemetry.clone(), settings)?);
        let backend =
            Backend { graph: graph.clone(), instance: instance.clone(), log: shared_log, store: shared_store, telemetry };
        let http = HttpServer::start(&http_settings(config)?, backend)?;
        let announcement = folder.announce(&RunningInstance { pid: std::process::id(), url: http.url() })?;
        let source = input::describe(&args.input);
        let title = format!("tidemill {} · {guarantee} · {source} · {} · {}", graph.name, http.url(), folder.path().display());
        if !std::io::stderr().is_terminal() {
            eprintln!("{title}"); // on a terminal it heads the live table
        }
        if resumed_from > 0 {
            eprintln!("resumed: {} records were processed by earlier runs", grouped(resumed_from));
        }
        Ok(Demo { graph, title, started: Instant::now(), resumed_from, ingest, instance, http, announcement })
    }

    /// Looks on until there is nothing left to do, or somebody says stop.
    fn watch(&self, args: &DemoArgs, stop: &AtomicBool) -> anyhow::Result<()> {
        let mut screen = Screen::stderr();
        let pause = if screen.is_terminal() { DRAW.0 } else { DRAW.1 };
        let mut drawn = (Instant::now(), 0);
        while !stop.load(Ordering::SeqCst) {
            let status = self.instance.status();
            if let Some(failure) = status.failure {
                anyhow::bail!("{failure}");
            }
            let read = status.since_start().read;
            self.ingest.processed(self.resumed_from + read);
            let done = self.ingest.ended() && self.resumed_from + read >= self.ingest.position();
            if done && (ends_by_itself(args) || status.ended) {
                break;
            }
            if drawn.0.elapsed() >= pause {
                let rate = (read - drawn.1) as f64 / drawn.0.elapsed().as_secs_f64();
                screen.draw(&self.view(rate));
                drawn = (Instant::now(), read);
            }
            std::thread::sleep(TICK);
        }
        if screen.is_terminal() {
            screen.draw(&self.view(0.0));
        }
        Ok(())
    }

    fn view(&self, rate: f64) -> LiveView {
        let status = self.instance.status();
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

    /// Stops everything in order: no more input, commit and keep what is in flight, then the server.
    fn finish(self) -> anyhow::Result<Report> {
        let fed = self.ingest.stop();
        let stopped = self.instance.shutdown(STOP);
        let elapsed_s = self.started.elapsed().as_secs_f64();
        let counts = self.instance.status().since_start();
        let leaderboard = self.instance.leaderboard().rows(&self.graph);
        drop(self.announcement);
        drop(self.http);
        fed?;
        stopped.context("the instance did not stop cleanly; nothing that was committed is lost")?;
        Ok(Report {
            records_read: counts.read,
            processed: counts.processed,
            late: counts.late,
            dead_lettered: counts.dead,
            elapsed_s,
            records_per_s: counts.read as f64 / elapsed_s.max(1e-9),
            resumed_from: self.resumed_from,
            leaderboard,
        })
    }
}

fn ingest_plan(args: &DemoArgs, graph: &Graph) -> IngestPlan {
    let default = if args.records.is_some() { Speed::Max } else { Speed::Times(60.0) };
    IngestPlan {
        topic: graph.source.topic.clone(),
        partitions: args.input.partitions,
        input: input::identity(&args.input),
        speed: args.speed.unwrap_or(default),
        limit: args.records,
    }
}

fn create_topics(log: &EmbeddedLog, config: &Config, graph: &Graph, partitions: u32) -> anyhow::Result<()> {
    let bytes = config.number("log.retention.bytes");
    let retention = u64::try_from(bytes).map_or(Retention::Unlimited, Retention::Bytes);
    let topics: Vec<TopicSpec> = std::iter::once(graph.source.topic.clone())
        .chain(graph.output_topics())
        .map(|name| TopicSpec { name, partitions, retention })
        .collect();
    Ok(log.create_topics(&topics)?)
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

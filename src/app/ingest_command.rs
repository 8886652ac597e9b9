//! `tidemill ingest csv` and `sim`: files or the simulated exchange into a topic, exactly once however often it is begun again.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use super::claim::Claim;
use super::ingest::{IngestHandle, IngestPlan};
use super::log_options::{FeedArgs, IngestCsvArgs, IngestSimArgs};
use super::options::InputArgs;
use super::report::grouped;
use super::service::start_logging;
use super::signals::Stop;
use super::state_dir::StateDir;
use super::{access, input, settings, topics_admin};
use crate::config::Config;
use crate::connect::csv::{RowInput, RowOptions};
use crate::market::feed::Feed;

/// How often it is looked how far the input is.
const TICK: Duration = Duration::from_millis(50);

/// Runs `ingest csv`.
///
/// # Errors
/// When a file cannot be read or understood, or the topic cannot be written.
pub fn csv(args: &IngestCsvArgs) -> anyhow::Result<()> {
    let (coin, interval) = (args.coin.clone(), args.interval.clone());
    let candles = InputArgs { input: args.files.clone(), coin, interval, ..InputArgs::default() };
    let (feed, identity): (Box<dyn Feed + Send>, String) = match (&args.key, &args.timestamp) {
        (Some(key), Some(timestamp)) => {
            let options = RowOptions { key: key.clone(), timestamp: timestamp.clone() };
            let identity = format!("{}, rows by {key} and {timestamp}", input::identity(&candles));
            (Box::new(RowInput::open(args.files.clone(), options)?), identity)
        }
        _ => (input::candles(&candles, false)?, input::identity(&candles)),
    };
    run(&args.feed, feed, identity, &format!("{} files", args.files.len()))
}

/// Runs `ingest sim`.
///
/// # Errors
/// When the topic cannot be written.
pub fn sim(args: &IngestSimArgs) -> anyhow::Result<()> {
    let exchange = InputArgs { coins: args.coins, seed: args.seed, ..InputArgs::default() };
    let feed = input::candles(&exchange, true)?;
    run(&args.feed, feed, input::identity(&exchange), &input::describe(&exchange))
}

fn run(args: &FeedArgs, feed: Box<dyn Feed + Send>, identity: String, source: &str) -> anyhow::Result<()> {
    let config = settings::load_log(&args.log)?;
    start_logging(&config)?;
    let stop = Stop::on_signals()?;
    let _claim = claim(&config)?;
    let log = access::open(&config)?;
    let partitions = topics_admin::ensure(log.as_ref(), &config, &args.topic, args.partitions)?;
    let plan = IngestPlan {
        topic: args.topic.as_str().into(),
        partitions,
        name: args.name.clone().unwrap_or_else(|| IngestPlan::default_name(&args.topic)),
        input: identity,
        speed: args.speed,
        limit: args.records,
        most_ahead: None,
        alone: false,
    };
    let started = Instant::now();
    let ingest = IngestHandle::start(log, feed, plan)?;
    if ingest.resumed_from() > 0 {
        eprintln!("resumed: the first {} records are in {} already", grouped(ingest.resumed_from()), args.topic);
    }
    let (before, handle) = (ingest.resumed_from(), Watched { ingest, limit: args.records });
    handle.watch(&stop);
    let complete = handle.ingest.ended();
    let position = handle.ingest.stop()?;
    let (fed, seconds) = (position.saturating_sub(before), started.elapsed().as_secs_f64());
    let end = if complete { "" } else { "; the same command goes on from here" };
    eprintln!(
        "{} records of {source} into {} ({partitions} partitions) in {seconds:.1} s, {} in all{end}",
        grouped(fed),
        args.topic,
        grouped(position)
    );
    Ok(())
}

/// The embedded log is one process's; Kafka takes any number.
fn claim(config: &Config) -> anyhow::Result<Option<Claim>> {
    if access::brokers(config).is_some() {
        return Ok(None);
    }
    Claim::take(&StateDir::of(config), "tidemill ingest").map(Some)
}

struct Watched {
    ingest: IngestHandle,
    limit: Option<u64>,
}

impl Watched {
    /// Shows how far it is until it ends or somebody says stop.
    fn watch(&self, stop: &Stop) {
        let bar = progress_bar(self.limit);
        while !self.ingest.ended() && !stop.asked() {
            self.show(&bar);
            std::thread::sleep(TICK);
        }
        bar.finish_and_clear();
    }

    fn show(&self, bar: &ProgressBar) {
        let position = self.ingest.position();
        match self.limit {
            Some(_) => bar.set_position(position),
            None => {
                if let Some((read, bytes)) = self.ingest.progress() {
                    bar.set_length(bytes);
                    bar.set_position(read);
                }
                bar.set_message(format!("{} records", grouped(position)));
            }
        }
    }
}

/// By records where their number is known, by bytes of the files elsewhere; nothing where standard error is no terminal.
fn progress_bar(limit: Option<u64>) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let (bar, template) = match limit {
        Some(limit) => (ProgressBar::new(limit), "{wide_bar} {human_pos}/{human_len} records, {per_sec}, {eta} left"),
        None => (ProgressBar::new(0), "{wide_bar} {bytes}/{total_bytes}, {msg}, {eta} left"),
    };
    bar.enable_steady_tick(Duration::from_millis(200));
    bar.with_style(ProgressStyle::with_template(template).expect("the template is a constant"))
}

//! `tidemill demo`: a topology on an embedded log, fed from files or the simulated exchange. Stops cleanly, resumes where it was.

use std::path::Path;
use std::sync::Arc;

use super::claim::Claim;
use super::ingest::{IngestHandle, IngestPlan};
use super::options::{DemoArgs, ReportForm, Speed};
use super::report::{Report, grouped};
use super::service::{Parts, Service, start_logging};
use super::signals::Stop;
use super::state::application_id;
use super::state_dir::StateDir;
use super::topic_plan::TopicPlan;
use super::{input, settings, topology};
use crate::config::Config;
use crate::log::Log;
use crate::topology::Graph;

/// The topology that is part of the program.
const QUICKSTART: &str = include_str!("../../topologies/quickstart.toml");
/// How far the input topic may be ahead of what is processed, at full speed.
const MOST_AHEAD: u64 = 200_000;

/// Runs the command.
///
/// # Errors
/// When something does not start, or ends by itself.
pub fn run(args: &DemoArgs) -> anyhow::Result<()> {
    let config = settings::load(&args.engine)?;
    start_logging(&config)?;
    let graph = Arc::new(load_graph(args.topology.as_deref())?);
    let stop = Stop::on_signals()?;
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

fn load_graph(file: Option<&Path>) -> anyhow::Result<Graph> {
    match file {
        Some(file) => topology::load(file),
        None => topology::compile(QUICKSTART, "quickstart.toml (part of the program)"),
    }
}

/// Everything that runs.
struct Demo {
    resumed_from: u64,
    ingest: IngestHandle,
    service: Service,
}

impl Demo {
    fn start(args: &DemoArgs, config: &Config, graph: Arc<Graph>) -> anyhow::Result<Self> {
        let folder = StateDir::of(config);
        let claim = Claim::take(&folder, &format!("tidemill demo, topology {}", graph.name))?;
        let log: Arc<dyn Log> = Arc::new(folder.open_log()?);
        let application = application_id(config, &graph);
        let topics = TopicPlan::new(config, &graph, args.input.partitions).topics;
        log.create_topics(&topics.into_iter().map(|planned| planned.spec).collect::<Vec<_>>())?;
        let committed = log.group_offsets(&application)?;
        let resumed_from = committed.values().map(|position| position.offset.0.cast_unsigned()).sum();
        let feed = input::open(&args.input, false, &graph)?;
        let ingest = IngestHandle::start(log.clone(), feed, ingest_plan(args, &graph))?;
        let source = input::describe(&args.input);
        let service = Service::start(Parts { config: config.clone(), graph, log, folder, claim, application, source })?;
        if resumed_from > 0 {
            eprintln!("resumed: {} records were processed by earlier runs", grouped(resumed_from));
        }
        Ok(Demo { resumed_from, ingest, service })
    }

    /// Looks on until there is nothing left to do, or somebody says stop.
    fn watch(&self, args: &DemoArgs, stop: &Stop) -> anyhow::Result<()> {
        self.service.watch(stop, |status| {
            let processed = self.resumed_from + status.since_start().read;
            self.ingest.processed(processed);
            let done = self.ingest.ended() && processed >= self.ingest.position();
            Ok(done && (ends_by_itself(args) || status.ended))
        })
    }

    /// Stops everything in order: no more input, then the instance.
    fn finish(self) -> anyhow::Result<Report> {
        let fed = self.ingest.stop();
        let report = self.service.finish(self.resumed_from);
        fed?;
        report
    }
}

fn ingest_plan(args: &DemoArgs, graph: &Graph) -> IngestPlan {
    let default = if args.records.is_some() { Speed::Max } else { Speed::Times(60.0) };
    IngestPlan {
        topic: graph.source.topic.clone(),
        partitions: args.input.partitions,
        name: IngestPlan::default_name(&graph.source.topic),
        input: input::identity(&args.input),
        speed: args.speed.unwrap_or(default),
        limit: args.records,
        most_ahead: Some(MOST_AHEAD),
        alone: true,
    }
}

//! `tidemill run`: an instance of an application, until it is told to end. Users scale by starting the same command again with another state directory.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::claim::Claim;
use super::errors::ConfigErrors;
use super::identity::instance_id;
use super::log_options::RunArgs;
use super::report::grouped;
use super::service::{Parts, Service, start_logging};
use super::signals::Stop;
use super::state::application_id;
use super::state_dir::StateDir;
use super::topic_plan::TopicPlan;
use super::{access, settings, topology};
use crate::config::Config;
use crate::log::{Committed, Log, LogError, LogReader};
use crate::record::{Offset, TopicPartition};
use crate::topology::Graph;

/// How often it is looked whether the end is reached, with `--exit-at-end`.
const LOOK: Duration = Duration::from_millis(250);
/// Longest wait for a record behind the committed position that may not be there: the end of a topic can be a gap.
const GAP: Duration = Duration::from_millis(500);

/// Runs the command.
///
/// # Errors
/// When something does not start, ends by itself, or does not stop in time.
pub fn run(args: &RunArgs) -> anyhow::Result<()> {
    let config = configuration(args)?;
    start_logging(&config)?;
    let graph = Arc::new(topology::load(&args.topology)?);
    let folder = StateDir::of(&config);
    let claim = Claim::take(&folder, &format!("tidemill run {}", args.topology.display()))?;
    let instance_id = instance_id(&config, &folder)?;
    let stop = Stop::on_signals()?;
    let Some(log) = access::open_for_instance(&config, &instance_id, &stop)? else { return Ok(()) };
    let Some(found) = access::until_stopped(&stop, || log.topics())? else { return Ok(()) };
    TopicPlan::beside(&config, &graph, &found).check(&found, &config, &args.topology)?;
    let end = if args.exit_at_end { Some(InputEnd::of(log.clone(), &config, &graph)?) } else { None };
    let application = application_id(&config, &graph);
    let source = format!("{}, instance {instance_id}", access::describe(&config));
    let service = Service::start(Parts { config, graph, log, folder, claim, application, source })?;
    let outcome = watch(&service, &stop, end);
    let report = service.finish(0);
    outcome?; // why it ended by itself says more than that it did
    eprintln!("stopped cleanly after {} records; everything is committed", grouped(report?.records_read));
    Ok(())
}

/// The configuration with what the command's own flags say.
fn configuration(args: &RunArgs) -> anyhow::Result<Config> {
    let mut config = settings::load_log(&args.log)?;
    let mut set =
        |name: &str, value: &str, flag: &str| config.override_with(name, value, flag).map_err(|error| ConfigErrors(vec![error]));
    if let Some(id) = &args.instance_id {
        set("instance.id", id, "--instance-id")?;
    }
    if let Some(address) = &args.http {
        set("http.host", &address.host, "--http")?;
        set("http.port", &address.port.to_string(), "--http")?;
    }
    Ok(config)
}

fn watch(service: &Service, stop: &Stop, end: Option<InputEnd>) -> anyhow::Result<()> {
    let Some(mut end) = end else { return service.watch(stop, |status| Ok(status.ended)) };
    let mut looked = Instant::now();
    service.watch(stop, |status| {
        if status.ended || looked.elapsed() < LOOK {
            return Ok(status.ended);
        }
        looked = Instant::now();
        // What cannot be asked now is asked the next time.
        Ok(end.reached().unwrap_or(false))
    })
}

/// The ends of the input as they were at the start, and how far the whole group has come.
struct InputEnd {
    log: Arc<dyn Log>,
    reader: Box<dyn LogReader>,
    application: String,
    ends: BTreeMap<TopicPartition, Offset>,
}

impl InputEnd {
    fn of(log: Arc<dyn Log>, config: &Config, graph: &Graph) -> anyhow::Result<Self> {
        let topics = access::patiently(|| log.topics())?;
        let input = topics.into_iter().find(|topic| topic.spec.name == graph.source.topic);
        let ends = input.into_iter().flat_map(|topic| {
            let name = topic.spec.name;
            (0..).zip(topic.watermarks).map(move |(partition, ends)| (TopicPartition::new(name.clone(), partition), ends.end))
        });
        let (ends, reader) = (ends.collect(), log.reader()?);
        Ok(InputEnd { log, reader, application: application_id(config, graph), ends })
    }

    /// Whether no record that was there at the start is left. Partitions that are done are not looked at again.
    fn reached(&mut self) -> Result<bool, LogError> {
        let committed = self.log.group_offsets(&self.application)?;
        let mut left = BTreeMap::new();
        for (at, end) in self.ends.clone() {
            if !self.passed(&at, committed.get(&at), end)? {
                left.insert(at, end);
            }
        }
        self.ends = left;
        Ok(self.ends.is_empty())
    }

    fn passed(&mut self, at: &TopicPartition, committed: Option<&Committed>, end: Offset) -> Result<bool, LogError> {
        let start = self.reader.watermarks(at)?.start;
        let from = committed.map_or(start, |committed| committed.offset.max(start));
        if from >= end {
            return Ok(true);
        }
        let fetched = self.reader.read(at, from, end, 1, GAP)?;
        Ok(fetched.records.is_empty() && fetched.next >= end)
    }
}

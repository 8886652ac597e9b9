//! `tidemill topics list` and `consume`: what lies in the log, read as a downstream user would. An embedded log belongs to the instance that runs on it, which is
//! then asked over HTTP.

use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use serde_json::Value;

use super::errors::UsageError;
use super::log_options::LogArgs;
use super::options::{ConsumeArgs, TableForm};
use super::remote::Remote;
use super::report::grouped;
use super::state_dir::StateDir;
use super::table::{Align, Table};
use super::{access, settings};
use crate::http::{read_lines, topic_json};
use crate::log::{Log, LogReader};
use crate::record::{Offset, TopicPartition};

/// Records fetched at once.
const PAGE_RECORDS: u64 = 500;
/// How often a topic is looked at again when its end is reached.
const WAIT: Duration = Duration::from_millis(200);

/// The log: opened here, or asked for from the instance that has it.
enum Access {
    Open {
        log: Arc<dyn Log>,
        /// Whether others may write to it meanwhile.
        shared: bool,
    },
    Remote(Remote),
}

fn open(args: &LogArgs) -> anyhow::Result<Access> {
    let config = settings::load_log(args)?;
    let shared = access::brokers(&config).is_some();
    if let Some(instance) = StateDir::of(&config).announced().filter(|_| !shared) {
        let remote = Remote::of(&instance, &config)?;
        if remote.alive() {
            return Ok(Access::Remote(remote));
        }
    }
    Ok(Access::Open { log: access::open_existing(&config)?, shared })
}

/// Runs `topics list`.
///
/// # Errors
/// When the log cannot be read.
pub fn list(args: &LogArgs, form: TableForm) -> anyhow::Result<()> {
    let topics: Vec<Value> = match open(args)? {
        Access::Open { log, .. } => access::patiently(|| log.topics())?.iter().map(topic_json).collect(),
        Access::Remote(remote) => {
            serde_json::from_str(&remote.get("/api/v1/topics")?).context("the list of topics cannot be read")?
        }
    };
    match form {
        TableForm::Json => println!("{}", serde_json::to_string_pretty(&topics)?),
        TableForm::Text => print!("{}", table(&topics).render()),
    }
    Ok(())
}

fn table(topics: &[Value]) -> Table {
    let right = Align::Right;
    let mut table = Table::new(&[("TOPIC", Align::Left), ("PARTITIONS", right), ("RECORDS", right), ("BYTES", right)]);
    for topic in topics {
        let partitions = topic["partitions"].as_array().map(Vec::as_slice).unwrap_or_default();
        let sum = |number: fn(&Value) -> i64| partitions.iter().map(number).sum::<i64>().cast_unsigned();
        let records = sum(|p| p["end"].as_i64().unwrap_or(0) - p["start"].as_i64().unwrap_or(0));
        // Kafka's clients are not told.
        let known = partitions.iter().any(|p| p["bytes"].is_number());
        let bytes = if known { grouped(sum(|p| p["bytes"].as_i64().unwrap_or(0))) } else { "-".to_owned() };
        let name = topic["topic"].as_str().unwrap_or_default().to_owned();
        table.row([name, partitions.len().to_string(), grouped(records), bytes]);
    }
    table
}

/// Runs `topics consume`.
///
/// # Errors
/// When the topic is not there, or the log cannot be read.
pub fn consume(args: &ConsumeArgs) -> anyhow::Result<()> {
    let mut source: Box<dyn Pages> = match open(&args.log)? {
        Access::Open { log, shared } => Box::new(OpenPages { reader: log.reader()?, log, shared }),
        Access::Remote(remote) => Box::new(remote),
    };
    let mut positions = start_positions(source.as_mut(), args)?;
    let mut left = args.max.unwrap_or(u64::MAX);
    let mut out = std::io::stdout().lock();
    while left > 0 {
        let mut found = 0;
        for (partition, position) in &mut positions {
            let (text, next, count) = source.page(&args.topic, *partition, *position, left.min(PAGE_RECORDS))?;
            if out.write_all(text.as_bytes()).and_then(|()| out.flush()).is_err() {
                return Ok(()); // the reader of our output has seen enough
            }
            *position = next;
            left -= count;
            found += count;
        }
        if found == 0 && (args.exit_at_end || !source.may_grow()) {
            break;
        }
        if found == 0 {
            std::thread::sleep(WAIT);
        }
    }
    Ok(())
}

fn start_positions(source: &mut dyn Pages, args: &ConsumeArgs) -> anyhow::Result<Vec<(u32, Offset)>> {
    let ends = source.ends(&args.topic)?;
    let wanted = |partition: u32| args.partition.is_none_or(|only| only == partition);
    let positions: Vec<_> = (0..)
        .zip(ends)
        .filter(|(partition, _)| wanted(*partition))
        .map(|(partition, (start, end))| (partition, if args.from_beginning { start } else { end }))
        .collect();
    if positions.is_empty() {
        bail!(UsageError(format!("topic {} has no partition {}", args.topic, args.partition.unwrap_or_default())));
    }
    Ok(positions)
}

/// Pages of a topic's records as lines of JSON.
trait Pages {
    /// Start and end of every partition.
    fn ends(&mut self, topic: &str) -> anyhow::Result<Vec<(Offset, Offset)>>;

    /// Lines from `from` on, where to go on, and how many lines there are.
    fn page(&mut self, topic: &str, partition: u32, from: Offset, max: u64) -> anyhow::Result<(String, Offset, u64)>;

    /// Whether records may be added while we read.
    fn may_grow(&self) -> bool;
}

struct OpenPages {
    log: Arc<dyn Log>,
    reader: Box<dyn LogReader>,
    shared: bool,
}

fn no_topic(topic: &str, names: &[&str]) -> anyhow::Error {
    let near = crate::learn::params::nearest(topic, names.iter().copied()).map(|near| format!("; did you mean {near}?"));
    UsageError(format!("there is no topic {topic:?}{} There are: {}", near.unwrap_or_else(|| ".".to_owned()), names.join(", ")))
        .into()
}

impl Pages for OpenPages {
    fn ends(&mut self, topic: &str) -> anyhow::Result<Vec<(Offset, Offset)>> {
        let topics = access::patiently(|| self.log.topics())?;
        let names: Vec<&str> = topics.iter().map(|t| &*t.spec.name).collect();
        let found = topics.iter().find(|t| &*t.spec.name == topic).ok_or_else(|| no_topic(topic, &names))?;
        Ok(found.watermarks.iter().map(|ends| (ends.start, ends.end)).collect())
    }

    fn page(&mut self, topic: &str, partition: u32, from: Offset, max: u64) -> anyhow::Result<(String, Offset, u64)> {
        let at = TopicPartition::new(topic, partition);
        let (lines, next) = access::patiently(|| read_lines(self.reader.as_mut(), &at, from, max))?;
        let count = lines.iter().filter(|byte| **byte == b'\n').count() as u64;
        Ok((String::from_utf8(lines)?, next, count))
    }

    fn may_grow(&self) -> bool {
        self.shared
    }
}

impl Pages for Remote {
    fn ends(&mut self, topic: &str) -> anyhow::Result<Vec<(Offset, Offset)>> {
        let topics: Vec<Value> =
            serde_json::from_str(&self.get("/api/v1/topics")?).context("the list of topics cannot be read")?;
        let names: Vec<&str> = topics.iter().filter_map(|t| t["topic"].as_str()).collect();
        let found = topics.iter().find(|t| t["topic"] == topic).ok_or_else(|| no_topic(topic, &names))?;
        let offset = |value: &Value| Offset(value.as_i64().unwrap_or(0));
        let partitions = found["partitions"].as_array().map(Vec::as_slice).unwrap_or_default();
        Ok(partitions.iter().map(|p| (offset(&p["start"]), offset(&p["end"]))).collect())
    }

    fn page(&mut self, topic: &str, partition: u32, from: Offset, max: u64) -> anyhow::Result<(String, Offset, u64)> {
        let text = self.get(&format!("/api/v1/topics/{topic}/records?partition={partition}&offset={from}&max={max}"))?;
        let last = text.lines().last().map(serde_json::from_str::<Value>).transpose().context("a record cannot be read")?;
        let next = last.and_then(|line| line["offset"].as_i64()).map_or(from, |offset| Offset(offset).next());
        let count = text.lines().count() as u64;
        Ok((text, next, count))
    }

    fn may_grow(&self) -> bool {
        true
    }
}

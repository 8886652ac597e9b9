//! `tidemill topics`: what lies in the embedded log, read as a downstream user would. While an instance runs, it is asked over HTTP.

use std::io::Write;
use std::time::Duration;

use anyhow::{Context, bail};
use serde_json::Value;

use super::errors::UsageError;
use super::options::{ConsumeArgs, EngineArgs, TableForm};
use super::remote::Remote;
use super::report::grouped;
use super::settings;
use super::state_dir::StateDir;
use super::table::{Align, Table};
use crate::http::{read_lines, topic_json};
use crate::log::embedded::EmbeddedLog;
use crate::log::{Log, LogReader};
use crate::record::{Offset, TopicPartition};

/// Records fetched at once.
const PAGE_RECORDS: u64 = 500;
/// How often a topic is looked at again when its end is reached.
const WAIT: Duration = Duration::from_millis(200);

/// The log of a state directory: opened here, or asked for from the instance that has it.
enum Access {
    Local(EmbeddedLog),
    Remote(Remote),
}

fn access(engine: &EngineArgs) -> anyhow::Result<Access> {
    let config = settings::load(engine)?;
    let folder = StateDir::of(&config);
    if let Some(instance) = folder.announced() {
        let remote = Remote::of(&instance, &config)?;
        if remote.alive() {
            return Ok(Access::Remote(remote));
        }
    }
    if !folder.exists() {
        let path = folder.path().display();
        return Err(
            UsageError(format!("there is no log in {path}: run `tidemill demo` first, or name another --state-dir")).into()
        );
    }
    Ok(Access::Local(folder.open_log()?))
}

/// Runs `topics list`.
pub fn list(engine: &EngineArgs, form: TableForm) -> anyhow::Result<()> {
    let topics: Vec<Value> = match access(engine)? {
        Access::Local(log) => log.topics()?.iter().map(topic_json).collect(),
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
        let bytes = sum(|p| p["bytes"].as_i64().unwrap_or(0));
        let name = topic["topic"].as_str().unwrap_or_default().to_owned();
        table.row([name, partitions.len().to_string(), grouped(records), grouped(bytes)]);
    }
    table
}

/// Runs `topics consume`.
pub fn consume(args: &ConsumeArgs) -> anyhow::Result<()> {
    let mut source: Box<dyn Pages> = match access(&args.engine)? {
        Access::Local(log) => Box::new(LocalPages { reader: log.reader()?, log }),
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

struct LocalPages {
    log: EmbeddedLog,
    reader: Box<dyn LogReader>,
}

fn no_topic(topic: &str, names: &[&str]) -> anyhow::Error {
    let near = crate::learn::params::nearest(topic, names.iter().copied()).map(|near| format!("; did you mean {near}?"));
    UsageError(format!("there is no topic {topic:?}{} There are: {}", near.unwrap_or_else(|| ".".to_owned()), names.join(", ")))
        .into()
}

impl Pages for LocalPages {
    fn ends(&mut self, topic: &str) -> anyhow::Result<Vec<(Offset, Offset)>> {
        let topics = self.log.topics()?;
        let names: Vec<&str> = topics.iter().map(|t| &*t.spec.name).collect();
        let found = topics.iter().find(|t| &*t.spec.name == topic).ok_or_else(|| no_topic(topic, &names))?;
        Ok(found.watermarks.iter().map(|ends| (ends.start, ends.end)).collect())
    }

    fn page(&mut self, topic: &str, partition: u32, from: Offset, max: u64) -> anyhow::Result<(String, Offset, u64)> {
        let (lines, next) = read_lines(self.reader.as_mut(), &TopicPartition::new(topic, partition), from, max)?;
        let count = lines.iter().filter(|byte| **byte == b'\n').count() as u64;
        Ok((String::from_utf8(lines)?, next, count))
    }

    fn may_grow(&self) -> bool {
        false
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

//! `tidemill report`: a run as one HTML page: prices, predictions, running errors, leaderboard, drift marks.
//!
//! The page is made from output records alone (predictions and answers), so it tells the same of a backtest, a demo and a live run.

pub mod collect;
pub mod curves;
pub mod html;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, anyhow};

use self::collect::Collected;
use super::backtest::{progress_bar, read_ahead};
use super::errors::UsageError;
use super::options::ReportArgs;
use super::report::grouped;
use super::{input, topology};
use crate::driver::{Backtest, DEFAULT_BATCH_RECORDS};
use crate::processor::{EventKind, Role};
use crate::record::RecordBatch;
use crate::task::TaskOutput;
use crate::topology::Graph;

/// Begins the names of the sinks that a report adds to a topology.
const OWN: &str = "tidemill-report";

/// Runs the command.
pub fn run(args: &ReportArgs) -> anyhow::Result<()> {
    let (collected, source) = match (&args.topology, &args.from) {
        (Some(topology), None) => (of_topology(args, topology)?, input::describe(&args.input)),
        (None, Some(folder)) => (of_folder(folder)?, folder.display().to_string()),
        _ => {
            return Err(
                UsageError("expected a topology with --input, or --from with the folder of a run's outputs".to_owned()).into()
            );
        }
    };
    if collected.coins.is_empty() {
        anyhow::bail!("there is no prediction in {source}: nothing to show");
    }
    let name = args.title.clone().or_else(|| collected.topology.clone()).unwrap_or_else(|| "tidemill".to_owned());
    let page = html::render(&curves::page_data(&collected, args.rolling), &name, &source)?;
    std::fs::write(&args.output, &page).with_context(|| format!("cannot write {}", args.output.display()))?;
    let (coins, models) = (collected.coins.len(), collected.coins.values().map(|coin| coin.models.len()).max().unwrap_or(0));
    eprintln!("{}: {coins} coins, {models} models, {} bytes", args.output.display(), grouped(page.len() as u64));
    Ok(())
}

/// Everything that a backtest of the topology over the input puts out.
fn of_topology(args: &ReportArgs, file: &Path) -> anyhow::Result<Collected> {
    let text = std::fs::read_to_string(file).with_context(|| format!("cannot read the topology file {}", file.display()))?;
    if args.input.input.is_empty() && args.simulate.is_none() {
        return Err(UsageError("expected --input with candle files, or --simulate with a number of records".to_owned()).into());
    }
    let name = file.display().to_string();
    let graph = topology::compile(&text, &name)?;
    let graph = Arc::new(topology::compile(&(text + &own_sinks(&graph)?), &name)?);
    let feed = input::open(&args.input, args.simulate.is_some(), &graph)?;
    let limit = args.simulate.into_iter().chain(args.records).min();
    let progress = progress_bar(limit);
    let (chunks, reader) = read_ahead(feed, args.input.partitions, DEFAULT_BATCH_RECORDS, limit)?;
    let mut collected = Collected::default();
    let topics = graph.output_topics();
    let receive = |_partition: u32, output: &TaskOutput| -> Result<(), std::convert::Infallible> {
        let own = topics.iter().zip(&output.topics).filter(|(topic, _)| topic.starts_with(OWN));
        own.for_each(|(_, records)| collected.take_all(records));
        Ok(())
    };
    let mut backtest = Backtest::new(graph.clone(), DEFAULT_BATCH_RECORDS, receive);
    for batches in chunks {
        for (partition, batch) in (0..).zip(&batches) {
            backtest.push_batch(partition, batch)?;
            progress.inc(batch.len() as u64);
        }
    }
    backtest.flush()?;
    let leaderboard = backtest.report().leaderboard.rows(&graph);
    drop(backtest);
    progress.finish_and_clear();
    reader.join().map_err(|_| anyhow!("the thread that reads the input panicked: this is a bug in tidemill"))??;
    for row in leaderboard {
        let models = collected.coins.get_mut(&row.coin).into_iter().flat_map(|coin| &mut coin.models);
        models.filter(|model| model.model == row.model).for_each(|model| model.champion = row.champion);
    }
    collected.complete();
    Ok(collected)
}

/// Sinks for what a page needs, whatever the topology itself writes: the learners' predictions, answers and alarms.
fn own_sinks(graph: &Graph) -> anyhow::Result<String> {
    let learners: Vec<_> = graph.nodes.iter().filter(|node| node.role == Role::Learner).collect();
    if learners.is_empty() {
        return Err(UsageError(format!("topology {} has no learner: there is nothing to report", graph.name)).into());
    }
    let mut text = String::new();
    for (kind, records) in [(EventKind::Prediction, "predictions"), (EventKind::Answer, "answers"), (EventKind::Drift, "drifts")]
    {
        let parents: Vec<String> =
            learners.iter().filter(|node| node.port.kinds.contains(kind)).map(|node| format!("{:?}", &*node.name)).collect();
        if !parents.is_empty() {
            let parents = parents.join(", ");
            text += &format!(
                "\n[sinks.{OWN}-{records}]\ntopic = \"{OWN}.{records}\"\nrecords = \"{records}\"\nparents = [{parents}]\n"
            );
        }
    }
    Ok(text)
}

/// Everything in the `.ndjson` files of a folder: a backtest's `--output`, or what `topics consume` printed.
fn of_folder(folder: &Path) -> anyhow::Result<Collected> {
    let listed = std::fs::read_dir(folder).with_context(|| format!("cannot read the folder {}", folder.display()))?;
    let mut files: Vec<PathBuf> = listed.map(|entry| entry.map(|entry| entry.path())).collect::<Result<_, _>>()?;
    files.retain(|file| file.extension().is_some_and(|ending| ending == "ndjson"));
    files.sort();
    if files.is_empty() {
        let remedy = "run tidemill backtest with --output, or tidemill topics consume TOPIC --from-beginning > FILE.ndjson";
        anyhow::bail!("{} holds no .ndjson file; expected output topics of a run; {remedy}", folder.display());
    }
    let mut collected = Collected::default();
    for file in files {
        let text = std::fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?;
        for (number, line) in (1..).zip(text.split(|byte| *byte == b'\n')).filter(|(_, line)| !line.is_empty()) {
            let record: Record<'_> = serde_json::from_slice(line)
                .with_context(|| format!("{}, line {number}: not a record as tidemill writes it", file.display()))?;
            // Letters have headers: what stands in them was not put out by a model.
            if let (Some(value), None) = (record.value, record.headers) {
                collected.take(value.get().as_bytes());
            }
        }
    }
    collected.complete();
    Ok(collected)
}

/// A line of a file of records.
#[derive(serde::Deserialize)]
struct Record<'a> {
    #[serde(borrow)]
    value: Option<&'a serde_json::value::RawValue>,
    #[serde(borrow)]
    headers: Option<&'a serde_json::value::RawValue>,
}

impl Collected {
    fn take_all(&mut self, records: &RecordBatch) {
        records.iter().filter_map(|record| record.value).for_each(|value| {
            self.take(value);
        });
    }
}

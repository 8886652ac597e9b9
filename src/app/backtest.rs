//! `tidemill backtest`: history through a topology on one thread. Reading and parsing the input happens on a second one.

use std::io::IsTerminal;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::anyhow;
use indicatif::{ProgressBar, ProgressStyle};

use super::input;
use super::options::BacktestArgs;
use super::outputs::OutputFiles;
use super::report::Report;
use super::topology::load;
use crate::driver::Backtest;
use crate::market::feed::{Feed, FeedError, Ingest};
use crate::record::RecordBatch;
use crate::task::TaskOutput;

/// Chunks that the reading thread may be ahead.
const READ_AHEAD: usize = 8;

/// Runs the command.
pub fn run(args: &BacktestArgs) -> anyhow::Result<()> {
    let graph = Arc::new(load(&args.topology)?);
    let feed = input::open(&args.input, args.simulate.is_some(), &graph)?;
    let limit = args.simulate.into_iter().chain(args.records).min();
    let files = args.output.as_deref().map(|folder| OutputFiles::create(folder, &graph, args.input.partitions)).transpose()?;
    let progress = progress_bar(limit);
    let (chunks, reader) = read_ahead(feed, args.input.partitions, args.batch_records, limit)?;
    let report = replay(args, &graph, chunks, files, &progress);
    progress.finish_and_clear();
    reader.join().map_err(|_| anyhow!("the thread that reads the input panicked: this is a bug in tidemill"))??;
    report?.print(args.format)
}

fn replay(
    args: &BacktestArgs,
    graph: &Arc<crate::topology::Graph>,
    chunks: Receiver<Vec<RecordBatch>>,
    mut files: Option<OutputFiles>,
    progress: &ProgressBar,
) -> anyhow::Result<Report> {
    let topics = graph.output_topics();
    let receive = |partition: u32, output: &TaskOutput| -> anyhow::Result<()> {
        let Some(files) = &mut files else { return Ok(()) };
        topics.iter().zip(&output.topics).try_for_each(|(topic, records)| files.write(topic, partition, records))
    };
    let mut backtest = Backtest::new(graph.clone(), args.batch_records, receive);
    let started = Instant::now();
    for batches in chunks {
        for (partition, batch) in (0..).zip(&batches) {
            backtest.push_batch(partition, batch).map_err(|error| error.0)?;
            progress.inc(batch.len() as u64);
        }
    }
    backtest.flush().map_err(|error| error.0)?;
    let elapsed_s = started.elapsed().as_secs_f64();
    let result = backtest.report();
    drop(backtest);
    let leaderboard = result.leaderboard.rows(graph);
    files.map_or(Ok(()), |files| files.finish(&leaderboard))?;
    Ok(Report {
        records_read: result.counts.read,
        processed: result.counts.processed,
        late: result.counts.late,
        dead_lettered: result.counts.dead,
        elapsed_s,
        records_per_s: if elapsed_s > 0.0 { result.counts.read as f64 / elapsed_s } else { 0.0 },
        resumed_from: 0,
        leaderboard,
    })
}

/// The thread that reads.
pub(super) type Reader = JoinHandle<Result<(), FeedError>>;

/// Deals the feed out on a thread of its own, in chunks of one batch a partition.
pub(super) fn read_ahead(
    feed: Box<dyn Feed + Send>,
    partitions: u32,
    batch_records: usize,
    limit: Option<u64>,
) -> anyhow::Result<(Receiver<Vec<RecordBatch>>, Reader)> {
    let (sender, receiver) = sync_channel(READ_AHEAD);
    let chunk = batch_records.max(1).saturating_mul(partitions as usize);
    let read = move || {
        let mut ingest = Ingest::new(feed, partitions);
        loop {
            let left = limit.map_or(u64::MAX, |limit| limit.saturating_sub(ingest.position()));
            let mut batches = ingest.empty_batches();
            let count = ingest.read(chunk.min(usize::try_from(left).unwrap_or(usize::MAX)), &mut batches)?;
            // A receiver that is gone has failed and tells so itself.
            if count == 0 || sender.send(batches).is_err() {
                return Ok(());
            }
        }
    };
    let thread = std::thread::Builder::new().name("read-ahead".to_owned()).spawn(read)?;
    Ok((receiver, thread))
}

/// A bar where the end is known, a counter elsewhere; nothing where standard error is no terminal.
pub(super) fn progress_bar(limit: Option<u64>) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let (bar, template) = match limit {
        Some(limit) => (ProgressBar::new(limit), "{wide_bar} {human_pos}/{human_len} records, {per_sec}, {eta} left"),
        None => (ProgressBar::new_spinner(), "{spinner} {human_pos} records, {per_sec}"),
    };
    bar.enable_steady_tick(Duration::from_millis(200));
    bar.with_style(ProgressStyle::with_template(template).expect("the template is a constant"))
}

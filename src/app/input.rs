//! Where candles come from: files, or the simulated exchange. Both are feeds, and a feed gives the same records every time it is read.

use std::path::Path;

use sha2::{Digest, Sha256};

use crate::connect::csv::{CsvOptions, MergedInput};
use crate::market::feed::Feed;
use crate::market::sim::{SimConfig, SimulatedExchange};
use crate::processor::EventKind;
use crate::topology::Graph;

use super::errors::UsageError;
use super::options::InputArgs;

/// Opens the feed that the flags name.
pub fn open(args: &InputArgs, simulate: bool, graph: &Graph) -> anyhow::Result<Box<dyn Feed + Send>> {
    if !graph.source.port.kinds.contains(EventKind::Candle) {
        let format = graph.source.format;
        let message =
            format!("topology {} reads {format}; files and the simulated exchange give candles (candle-json)", graph.name);
        return Err(UsageError(message).into());
    }
    candles(args, simulate)
}

/// Opens the candles that the flags name.
///
/// # Errors
/// When a flag makes no sense, or a file cannot be opened or understood.
pub fn candles(args: &InputArgs, simulate: bool) -> anyhow::Result<Box<dyn Feed + Send>> {
    if simulate || args.input.is_empty() {
        let config = SimConfig { seed: args.seed, ..SimConfig::with_coins(args.coins as usize) };
        return Ok(Box::new(SimulatedExchange::new(config)));
    }
    Ok(Box::new(MergedInput::open(&args.input, &csv_options(args)?)?))
}

fn csv_options(args: &InputArgs) -> anyhow::Result<CsvOptions> {
    let usage = |flag: &str, cause: &dyn std::fmt::Display| UsageError(format!("{flag}: {cause}"));
    Ok(CsvOptions {
        coin: args.coin.as_deref().map(|coin| coin.parse().map_err(|e| usage("--coin", &e))).transpose()?,
        interval: args.interval.as_deref().map(|interval| interval.parse().map_err(|e| usage("--interval", &e))).transpose()?,
    })
}

/// A text that is the same for the same input: what [`describe`] says, and a digest of the files' names and sizes and of the flags.
pub fn identity(args: &InputArgs) -> String {
    let mut hasher = Sha256::new();
    for file in &args.input {
        let size = std::fs::metadata(file).map_or(0, |facts| facts.len());
        hasher.update(format!("{}\n{size}\n", file.file_name().map(Path::new).unwrap_or(file).display()));
    }
    hasher.update(format!("{:?}{:?}", args.coin, args.interval));
    let digest: String = hasher.finalize().iter().take(4).map(|byte| format!("{byte:02x}")).collect();
    format!("{} [{digest}]", describe(args))
}

/// One line that tells where candles come from.
pub fn describe(args: &InputArgs) -> String {
    match &args.input[..] {
        [] => format!("simulated exchange, {} coins, seed {}", args.coins, args.seed),
        [only] => only.display().to_string(),
        [first, rest @ ..] => format!("{} and {} more files", first.display(), rest.len()),
    }
}

//! Where candles come from: files, or the simulated exchange. Both are feeds, and a feed gives the same records every time it is read.

use crate::connect::csv::{self, CsvFeed};
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
        let message = format!("topology {} reads {format}; files and the simulated exchange give candles (candle-json)", graph.name);
        return Err(UsageError(message).into());
    }
    if simulate || args.input.is_empty() {
        let config = SimConfig { seed: args.seed, ..SimConfig::with_coins(args.coins as usize) };
        return Ok(Box::new(SimulatedExchange::new(config)));
    }
    Ok(Box::new(CsvFeed::open(&args.input, csv::Overrides { coin: args.coin.clone(), interval: args.interval.clone() })?))
}

/// One line that tells where candles come from.
pub fn describe(args: &InputArgs) -> String {
    match &args.input[..] {
        [] => format!("simulated exchange, {} coins, seed {}", args.coins, args.seed),
        [only] => only.display().to_string(),
        [first, rest @ ..] => format!("{} and {} more files", first.display(), rest.len()),
    }
}

//! A processor of one's own in a topology built from Rust: bars whose range is unusually wide are passed on, the others are not.
//!
//! Run it with `cargo run --example custom_processor`; `cargo test` runs its test.

use serde::{Deserialize, Serialize};
use serde_json::json;
use tidemill::driver::TopologyTestDriver;
use tidemill::operators::standard_catalog;
use tidemill::processor::{Context, Event, EventKind, Item, Port, Processor};
use tidemill::topology::{CustomProcessor, TopologyBuilder};

/// Passes on candles whose range is more than `factor` times the mean range so far. The engine makes one for each coin.
#[derive(Serialize, Deserialize)]
struct WideBars {
    factor: f64,
    bars: u64,
    sum: f64,
}

impl Processor for WideBars {
    fn process(&mut self, item: &Item, ctx: &mut Context<'_>) {
        let Event::Candle(bar) = &item.event else { return };
        let range = bar.high - bar.low;
        let usual = if self.bars > 0 { self.sum / self.bars as f64 } else { f64::INFINITY };
        self.bars += 1;
        self.sum += range;
        if range > self.factor * usual {
            ctx.forward(item.timestamp, item.event.clone());
        }
    }
}

// Its state survives restarts: everything it has is saved.
tidemill::impl_snapshot!(WideBars);

fn driver() -> TopologyTestDriver {
    let wide = |_coin: &str| -> Box<dyn Processor> { Box::new(WideBars { factor: 3.0, bars: 0, sum: 0.0 }) };
    let candles = Port::of(&[EventKind::Candle]);
    let (graph, _warnings) = TopologyBuilder::new("wide-bars")
        .source("candles", "market.candles.1m", "candle-json")
        .processor("clean", "validate", ["candles"], json!({ "interval": "1m" }))
        .processor_with("wide", ["clean"], CustomProcessor::new("factor 3", &[EventKind::Candle], candles, wide))
        .sink("bars", "wide-bars.bars", EventKind::Candle, ["wide"])
        .build(&standard_catalog())
        .unwrap_or_else(|errors| panic!("{errors}"));
    TopologyTestDriver::new(graph)
}

fn pipe(driver: &mut TopologyTestDriver, minute: i64, range: f64) {
    let time = 1_704_067_200_000 + minute * 60_000;
    let candle = json!({ "coin": "BTC-USDT", "interval": "1m", "open_time": time, "open": 100.0, "high": 100.0 + range, "low": 100.0, "close": 100.0, "volume": 1 });
    driver.pipe(0, "BTC-USDT", time, candle.to_string().as_bytes());
}

fn main() {
    let mut driver = driver();
    (0..60).for_each(|minute| pipe(&mut driver, minute, if minute % 20 == 19 { 9.0 } else { 1.0 }));
    driver.read("wide-bars.bars").iter().for_each(|bar| println!("{}", bar.text()));
}

#[test]
fn only_wide_bars_pass_and_a_restart_forgets_nothing() {
    let mut driver = driver();
    (0..10).for_each(|minute| pipe(&mut driver, minute, 1.0));
    assert!(driver.read("wide-bars.bars").is_empty());
    let snapshot = driver.snapshot(0).unwrap().unwrap();
    driver.restore(0, &snapshot).unwrap();
    pipe(&mut driver, 10, 3.5);
    assert_eq!(driver.read("wide-bars.bars").len(), 1);
}

//! One processor outside the engine: for documentation, for tests, and for trying an operator of one's own.

use serde_json::Value;

use super::standard_catalog;
use crate::learn::params::ParamError;
use crate::market::{Candle, Decimal};
use crate::processor::{
    Build, Catalog, Context, Emitted, Event, EventKind, Item, KeyId, NodeId, Parent, Port, Processor, Role, Row,
};
use crate::record::{Offset, Timestamp};

/// A node built from its table, serving the coin `BTC-USDT`, and fed by hand.
///
/// ```
/// use serde_json::json;
/// use tidemill::operators::{Probe, minute_bars};
/// let mut features = Probe::of_candles("features", json!({ "columns": ["close"] })).unwrap();
/// assert_eq!(features.rows(minute_bars(&[5.0, 6.0]))[1].values[0], 6.0);
/// ```
pub struct Probe {
    processor: Box<dyn Processor>,
    make: Box<dyn Fn() -> Box<dyn Processor>>,
    port: Port,
    params: Value,
    offset: Offset,
}

const COIN: &str = "BTC-USDT";

impl Probe {
    /// A node of the standard catalogue whose only parent is a source of 1-minute candles.
    ///
    /// # Errors
    /// What is wrong with its table.
    pub fn of_candles(operator: &str, params: Value) -> Result<Self, Vec<ParamError>> {
        let mut port = Port::of(&[EventKind::Candle]);
        port.interval_ms = Some(60_000);
        Probe::build(&standard_catalog(), operator, &params, NodeId::SOURCE, &port)
    }

    /// A node of `catalog` with its table and its only parent.
    ///
    /// # Errors
    /// What is wrong with its table.
    ///
    /// # Panics
    /// When the catalogue has no processor of this name.
    pub fn build(
        catalog: &Catalog,
        operator: &str,
        params: &Value,
        parent: NodeId,
        port: &Port,
    ) -> Result<Self, Vec<ParamError>> {
        let entry = catalog.operators(Role::Processor).find(|entry| entry.name == operator);
        let entry = entry.unwrap_or_else(|| panic!("the catalogue has no processor {operator:?}"));
        let parents = [Parent { id: parent, name: "parent", port }];
        let build = Build {
            name: operator,
            id: NodeId(parent.0 + 1),
            params,
            path: &["processors".to_owned(), operator.to_owned()],
            parents: &parents,
            topology: "probe",
            seed: 1,
            models: &catalog.models,
        };
        let built = (entry.build)(&build)?;
        let make = Box::new(move || built.factory.create(COIN));
        Ok(Probe { processor: make(), make, port: built.port, params: built.params, offset: Offset::ZERO })
    }

    /// What the node gives to its children.
    pub fn port(&self) -> &Port {
        &self.port
    }

    /// Its parameters in force, defaults written out.
    pub fn params(&self) -> &Value {
        &self.params
    }

    /// The names of the columns of its rows.
    pub fn columns(&self) -> Vec<&str> {
        self.port.columns.iter().map(|column| &*column.name).collect()
    }

    /// Feeds one event, as the next input record, and completes its step.
    pub fn push(&mut self, event: Event) -> Emitted {
        let timestamp = match &event {
            Event::Candle(candle) => candle.open_time,
            Event::Trade(trade) => trade.time,
            Event::Row(row) => row.close_time,
            _ => Timestamp(0),
        };
        let mut out = Emitted::default();
        let mut next_step = 0;
        let mut ctx = Context::detached(NodeId(1), COIN, self.offset, &mut next_step, &mut out);
        let item = Item { index: 0, step: 0, key: KeyId(0), timestamp, event };
        self.processor.process(&item, &mut ctx);
        self.processor.complete(&mut ctx);
        self.offset = self.offset.next();
        out
    }

    /// Feeds candles and gives the rows that come out.
    pub fn rows(&mut self, candles: impl IntoIterator<Item = Candle>) -> Vec<Row> {
        let events = candles.into_iter().flat_map(|candle| self.push(Event::Candle(candle)).items);
        events.filter_map(|item| if let Event::Row(row) = item.event { Some(row) } else { None }).collect()
    }

    /// Feeds candles and gives the candles that come out.
    pub fn candles(&mut self, candles: impl IntoIterator<Item = Candle>) -> Vec<Candle> {
        let events = candles.into_iter().flat_map(|candle| self.push(Event::Candle(candle)).items);
        events.filter_map(|item| if let Event::Candle(candle) = item.event { Some(candle) } else { None }).collect()
    }

    /// Saves the processor, throws it away and goes on with a fresh one that loaded the state: nothing may change by it.
    ///
    /// # Panics
    /// When the state cannot be saved or loaded, or the fresh processor would save another one.
    pub fn restart(&mut self) {
        let mut state = Vec::new();
        self.processor.save(&mut state).expect("the state can be saved");
        self.processor = (self.make)();
        self.processor.load(&state).expect("the state can be loaded");
        let mut again = Vec::new();
        self.processor.save(&mut again).expect("the state can be saved");
        assert_eq!(state, again, "a restored state must save as it was");
    }
}

/// Consecutive 1-minute candles from 2023-11-14 22:13 UTC on, with these closes: each opens at the close before, reaches no further than its open
/// and close, and has a volume of 1.
pub fn minute_bars(closes: &[f64]) -> Vec<Candle> {
    let opens = closes.first().into_iter().chain(closes);
    let bars = closes.iter().zip(opens).zip(0..);
    bars.map(|((close, open), minute)| minute_bar(minute, *open, *close)).collect()
}

fn minute_bar(minute: i64, open: f64, close: f64) -> Candle {
    let open_time = Timestamp(1_700_000_000_000 - 20_000 + minute * 60_000);
    Candle {
        open_time,
        close_time: open_time.plus(60_000),
        open,
        high: open.max(close),
        low: open.min(close),
        close,
        volume: Decimal::from(1),
        quote_volume: None,
        trades: None,
        taker_base: None,
        taker_quote: None,
    }
}

//! A simulated exchange: endless one-minute candles of several coins, with everything that goes wrong on a real feed, from a seed alone.
//!
//! It lives among the pure libraries and not among the connectors because it does no I/O: the core's own tests read from it. It knows nothing of
//! windows or models. Regimes and their little predictability are described in `coin.rs`; anomalies are drawn from each coin's own random numbers, so
//! a coin's records do not change when other coins are added or left out.
//!
//! One minute gives, in this order: what was held back until now, then each coin's bar, and right after it what goes wrong with it. Anomalies and
//! their default frequency per coin and minute: bars that come late by 1 to 12 minutes (0.002), bars that come twice, at once or up to 2 minutes
//! later (0.002), bars that come again 1 to 60 minutes later with another close and volume (0.001), an outage of 1 to 20 minutes of a coin (0.0005)
//! or of 20 to 120 minutes of the exchange (0.00002), and poison of every kind in turn (0.002).

mod coin;
mod poison;
mod rng;

use serde::{Deserialize, Serialize};

pub use coin::SimCoin;

use super::codec::encode_candle;
use super::feed::{Feed, FeedError};
use super::{Candle, Interval};
use crate::record::{RecordBatch, RecordRef, Timestamp};
use crate::snapshot::{Snapshot, SnapshotError, decode, encode_into};
use coin::{CoinState, MarketMove};
use rng::Rng;

/// What is simulated.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SimConfig {
    /// Where all random numbers come from. Default 7.
    pub seed: u64,
    /// Open time of the first bar. Default 2024-01-01T00:00Z.
    pub start: Timestamp,
    /// The coins. Default BTC-USDT, ETH-USDT and LTC-USDT.
    pub coins: Vec<SimCoin>,
    /// Factor on the frequency of all anomalies. Default 1; 0 leaves sound bars in order only.
    pub anomalies: f64,
}

impl Default for SimConfig {
    fn default() -> Self {
        SimConfig { seed: 7, start: Timestamp(1_704_067_200_000), coins: coins(3), anomalies: 1.0 }
    }
}

impl SimConfig {
    /// The default exchange with `count` coins; the first three are those of the default.
    pub fn with_coins(count: usize) -> Self {
        SimConfig { coins: coins(count), ..SimConfig::default() }
    }

    /// `count` coins and no anomalies.
    pub fn clean(count: usize) -> Self {
        SimConfig { anomalies: 0.0, ..SimConfig::with_coins(count) }
    }
}

/// Name, price, places of price and amount, volatility, beta, volume a minute.
type CoinRow = (&'static str, f64, usize, usize, f64, f64, f64);

const KNOWN: [CoinRow; 8] = [
    ("BTC-USDT", 42_250.0, 2, 5, 0.0005, 1.0, 15.0),
    ("ETH-USDT", 2_290.0, 2, 4, 0.0006, 1.1, 160.0),
    ("LTC-USDT", 72.8, 2, 3, 0.0008, 1.2, 180.0),
    ("SOL-USDT", 101.6, 2, 3, 0.0010, 1.4, 2_000.0),
    ("XRP-USDT", 0.6155, 4, 0, 0.0008, 1.1, 150_000.0),
    ("ADA-USDT", 0.594, 4, 1, 0.0009, 1.2, 90_000.0),
    ("DOGE-USDT", 0.08951, 5, 0, 0.0009, 1.3, 500_000.0),
    ("BNB-USDT", 312.1, 1, 3, 0.0006, 0.9, 120.0),
];

/// The first `count` coins: known ones, then made-up ones that resemble them.
fn coins(count: usize) -> Vec<SimCoin> {
    let row = |index: usize| {
        let (name, start_price, price_places, amount_places, volatility, beta, minute_volume) = KNOWN[index % KNOWN.len()];
        let name = if index < KNOWN.len() { name.to_owned() } else { format!("SIM{index:04}-USDT") };
        SimCoin { name, start_price, price_places, amount_places, volatility, beta, minute_volume }
    };
    (0..count).map(row).collect()
}

/// How many records of each kind were made so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct SimCounts {
    /// Bars that came first and in time.
    pub bars: u64,
    /// Bars that came after a later one, or will.
    pub late: u64,
    /// Bars that came a second time unchanged, or will.
    pub duplicates: u64,
    /// Bars that came a second time changed, or will.
    pub revised: u64,
    /// Minutes without a bar.
    pub missing: u64,
    /// Bad records.
    pub poison: u64,
}

/// A bar that is sent later than it should be.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct HeldBack {
    due_minute: u64,
    coin: u32,
    candle: Candle,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct State {
    minute: u64,
    market: Rng,
    outage_until: u64,
    coins: Vec<CoinState>,
    coin_outage_until: Vec<u64>,
    next_poison: Vec<u32>,
    held_back: Vec<HeldBack>,
    counts: SimCounts,
}

/// One record of the exchange, with its own bytes: what [`SimulatedExchange`] gives as an iterator. [`Feed`] lends the same without copying.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SimRecord {
    /// The coin's name, except in some poison.
    pub key: Vec<u8>,
    /// Open time of the bar.
    pub timestamp: Timestamp,
    /// candle-json; `None` in one kind of poison.
    pub value: Option<Vec<u8>>,
}

impl SimRecord {
    /// The record as decoders take it.
    pub fn as_record_ref(&self) -> RecordRef<'_> {
        RecordRef::without_headers(self.timestamp, Some(&self.key), self.value.as_deref())
    }
}

/// The exchange under way: an endless [`Feed`] of candle-json records, keyed by coin, with the bar's open time as timestamp.
///
/// Its [`Snapshot`] is small (some 200 bytes a coin) and taken at any record; [`Feed::skip_to`] makes the records in between, about a million a second.
///
/// ```
/// use tidemill::market::sim::{SimConfig, SimulatedExchange};
/// let first = SimulatedExchange::new(SimConfig::default()).next().unwrap();
/// assert_eq!(first.key, b"BTC-USDT");
/// ```
#[derive(Debug, Clone)]
pub struct SimulatedExchange {
    config: SimConfig,
    state: State,
    position: u64,
    /// The records of the current minute, and how many of them have been handed out.
    ready: RecordBatch,
    handed_out: usize,
    text: Vec<u8>,
}

const LATE: f64 = 0.002;
const TWICE: f64 = 0.002;
const REVISED: f64 = 0.001;
const COIN_OUTAGE: f64 = 0.0005;
const OUTAGE: f64 = 0.00002;
const POISON: f64 = 0.002;
/// A jump of the whole market every two days or so.
const JUMP: f64 = 1.0 / 3_000.0;

/// How busy each hour of the day is (UTC): quiet at night in Europe and America, busy when both trade.
const ACTIVITY: [f64; 24] = [
    1.0, 0.95, 0.9, 0.85, 0.8, 0.8, 0.85, 0.95, 1.0, 1.0, 1.0, 1.05, 1.1, 1.3, 1.45, 1.4, 1.3, 1.2, 1.1, 1.05, 1.0, 0.95, 0.95,
    1.0,
];

impl SimulatedExchange {
    /// The exchange at its first minute.
    pub fn new(config: SimConfig) -> Self {
        let count = config.coins.len();
        let state = State {
            minute: 0,
            market: Rng::named(config.seed, "the market"),
            outage_until: 0,
            coins: config.coins.iter().map(|coin| CoinState::new(coin, config.seed)).collect(),
            coin_outage_until: vec![0; count],
            // Each coin starts elsewhere, so that a short run of few coins meets most kinds.
            next_poison: (0..count as u32).map(|index| index * 6).collect(),
            held_back: Vec::new(),
            counts: SimCounts::default(),
        };
        SimulatedExchange { config, state, position: 0, ready: RecordBatch::new(), handed_out: 0, text: Vec::new() }
    }

    /// How many records of each kind were made so far.
    pub fn counts(&self) -> SimCounts {
        self.state.counts
    }

    /// Makes the records of the next minute.
    fn next_minute(&mut self) {
        self.ready.clear();
        self.handed_out = 0;
        self.send_held_back();
        let open_time = self.config.start.plus(60_000 * self.state.minute.cast_signed());
        let market = self.market_move(open_time);
        let outage = self.state.minute < self.state.outage_until;
        for index in 0..self.config.coins.len() {
            let candle = self.state.coins[index].step(&self.config.coins[index], open_time, market);
            self.send_bar(index, candle, outage);
        }
        self.state.minute += 1;
    }

    fn market_move(&mut self, open_time: Timestamp) -> MarketMove {
        let rng = &mut self.state.market;
        let shock = rng.normal();
        let jump = if rng.happens(JUMP) { rng.normal() * 0.01 } else { 0.0 };
        if rng.happens(OUTAGE * self.config.anomalies) {
            self.state.outage_until = self.state.minute + rng.between(20, 120);
        }
        let hour = (open_time.0.div_euclid(3_600_000)).rem_euclid(24) as usize;
        MarketMove { shock, jump, activity: ACTIVITY[hour] }
    }

    /// Sends what is due by now, in the order it was due, then in the order it was held back (the sort is stable).
    fn send_held_back(&mut self) {
        let minute = self.state.minute;
        let mut held_back = std::mem::take(&mut self.state.held_back);
        held_back.sort_by_key(|bar| bar.due_minute);
        let due = held_back.partition_point(|bar| bar.due_minute <= minute);
        for bar in held_back.drain(..due) {
            self.push(bar.coin as usize, &bar.candle);
        }
        self.state.held_back = held_back;
    }

    fn send_bar(&mut self, index: usize, candle: Candle, outage: bool) {
        let factor = self.config.anomalies;
        let minute = self.state.minute;
        let rng = &mut self.state.coins[index].rng;
        // Every draw is made whatever its outcome, so that outages of others do not shift a coin's numbers.
        let (late, twice, revised) = (rng.happens(LATE * factor), rng.happens(TWICE * factor), rng.happens(REVISED * factor));
        let (poison, coin_outage) = (rng.happens(POISON * factor), rng.happens(COIN_OUTAGE * factor));
        let (delay, again, correction) = (rng.between(1, 12), rng.between(0, 2), rng.between(1, 60));
        let outage_length = rng.between(1, 20);
        if coin_outage {
            self.state.coin_outage_until[index] = minute + outage_length;
        }
        if outage || minute < self.state.coin_outage_until[index] {
            self.state.counts.missing += 1;
            return;
        }
        if late {
            self.state.counts.late += 1;
            self.hold_back(index, delay, candle.clone());
        } else {
            self.state.counts.bars += 1;
            self.push(index, &candle);
        }
        if twice {
            self.state.counts.duplicates += 1;
            match again {
                0 => self.push(index, &candle),
                _ => self.hold_back(index, again, candle.clone()),
            }
        }
        if poison {
            self.send_poison(index, &candle);
        }
        if revised {
            self.state.counts.revised += 1;
            self.hold_back(index, correction, revise(&self.config.coins[index], candle));
        }
    }

    fn hold_back(&mut self, index: usize, minutes: u64, candle: Candle) {
        self.state.held_back.push(HeldBack { due_minute: self.state.minute + minutes, coin: index as u32, candle });
    }

    fn send_poison(&mut self, index: usize, candle: &Candle) {
        let next = self.state.next_poison[index];
        let kind = poison::Kind::ALL[next as usize % poison::Kind::ALL.len()];
        self.state.next_poison[index] = next.wrapping_add(1);
        self.state.counts.poison += 1;
        kind.push(&self.config.coins[index].name, candle, &mut self.ready);
    }

    fn push(&mut self, index: usize, candle: &Candle) {
        let name = &self.config.coins[index].name;
        self.text.clear();
        encode_candle(name, Interval::Minute1, candle, &mut self.text);
        self.ready.push(candle.open_time, Some(name.as_bytes()), Some(&self.text), &[]);
    }
}

/// The bar as the exchange corrects it: the close at the other end of what was traded last, and a little more volume.
fn revise(coin: &SimCoin, mut candle: Candle) -> Candle {
    candle.close = if candle.close < candle.high { candle.high } else { candle.low };
    let lots = super::Decimal::from_scaled(17, coin.amount_places).unwrap_or_default();
    candle.volume += lots;
    candle
}

impl Feed for SimulatedExchange {
    fn position(&self) -> u64 {
        self.position
    }

    /// Never fails and never ends, as long as there is a coin.
    fn next_record(&mut self) -> Result<Option<RecordRef<'_>>, FeedError> {
        if self.config.coins.is_empty() {
            return Ok(None);
        }
        while self.handed_out >= self.ready.len() {
            self.next_minute();
        }
        self.handed_out += 1;
        self.position += 1;
        Ok(self.ready.get(self.handed_out - 1))
    }
}

impl Iterator for SimulatedExchange {
    type Item = SimRecord;

    fn next(&mut self) -> Option<SimRecord> {
        let record = self.next_record().ok().flatten()?;
        let key = record.key.unwrap_or_default().to_vec();
        Some(SimRecord { key, timestamp: record.timestamp, value: record.value.map(<[u8]>::to_vec) })
    }
}

/// Configuration, state and the rest of the current minute.
type Saved = (SimConfig, State, u64, Vec<u8>, u64);

impl Snapshot for SimulatedExchange {
    fn save(&self, out: &mut Vec<u8>) -> Result<(), SnapshotError> {
        encode_into(&(&self.config, &self.state, self.position, self.ready.as_bytes(), self.handed_out as u64), out)
    }

    fn load(&mut self, bytes: &[u8]) -> Result<(), SnapshotError> {
        let (config, state, position, ready, handed_out): Saved = decode(bytes)?;
        let ready = RecordBatch::from_bytes(ready).map_err(|error| SnapshotError::Decode(error.to_string()))?;
        *self = SimulatedExchange { config, state, position, ready, handed_out: handed_out as usize, text: Vec::new() };
        Ok(())
    }
}

#[cfg(test)]
#[path = "sim_tests.rs"]
mod tests;

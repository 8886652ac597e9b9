//! `validate`: stands behind a source and lets through what makes sense beside the records before it.
//!
//! That a single record is sound is the decoder's business. This node knows one coin's times and lately taken bars or trades, and decides about
//! duplicates, revisions, disorder and absurd times.

mod params;
mod seen;

pub use params::{Order, Revisions, ValidateParams};

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use self::seen::{Seen, Standing, digest};
use super::single_parent;
use super::skew::{self, SkewGuard, max_ahead_ms};
use crate::learn::params::{Duration, ParamError, Params};
use crate::market::{Candle, Trade};
use crate::processor::{Build, Built, Context, Event, EventKind, EventKinds, Item, Notice, OperatorEntry, Port, Processor, Role};
use crate::record::{Timestamp, format_duration_ms};
use crate::snapshot::{Snapshot, SnapshotError, decode, encode_into};

const TAKES: [EventKind; 2] = [EventKind::Candle, EventKind::Trade];

/// The catalogue entry of `validate`.
pub fn entry() -> OperatorEntry {
    OperatorEntry {
        name: "validate",
        role: Role::Processor,
        summary: "Drops duplicates, refuses revisions, disorder and absurd times, before anything learns from them.",
        params: ValidateParams::describe(),
        accepts: EventKinds::of(&TAKES),
        build: Arc::new(build),
    }
}

fn build(build: &Build<'_>) -> Result<Built, Vec<ParamError>> {
    let parent = single_parent(build, &TAKES)?;
    let mut params = ValidateParams::read(build.params, build.path)?;
    let (from, to) = params.bounds(build.path)?;
    params.interval = params.interval.or(parent.port.interval_ms.map(Duration::from_ms));
    let interval_ms = params.interval.map(Duration::ms);
    let port = Port { kinds: parent.port.kinds.and(EventKinds::of(&TAKES)), interval_ms, ..Port::of(&[]) };
    let max_ahead_ms = max_ahead_ms(params.max_ahead.map(Duration::ms), interval_ms);
    params.max_ahead = Some(Duration::from_ms(max_ahead_ms));
    let rules = Arc::new(Rules {
        strict: params.order == Order::Strict,
        forward_revisions: params.revisions == Revisions::Forward,
        max_ahead_ms,
        from,
        to,
        remember: params.remember,
        span_ms: interval_ms,
    });
    let factory = Arc::new(move |_: &str| -> Box<dyn Processor> { Box::new(Validate::new(rules.clone())) });
    Ok(Built { factory, port, params: params.to_value() })
}

/// What is the same for all coins of a node.
#[derive(Debug)]
struct Rules {
    strict: bool,
    forward_revisions: bool,
    max_ahead_ms: i64,
    from: Timestamp,
    to: Timestamp,
    remember: usize,
    span_ms: Option<i64>,
}

/// Lets through what makes sense beside the records before it.
///
/// Takes candles or trades and gives the same ones. Its parameters are [`ValidateParams`]. Per coin, in this order:
///
/// | what | becomes |
/// | --- | --- |
/// | a time outside of `min_time` to `max_time`, or more than `max_ahead` beyond the coin's newest | dead letter `absurd_timestamp`; see below |
/// | a candle of another span than `interval` | dead letter `interval_mismatch` |
/// | a remembered bar again, with the same values; a remembered trade id again | dropped: processed, notice `Duplicate` |
/// | a remembered bar again, with other values | notice `Revision`, and late record `revision`, or passed on with `revisions = "forward"` |
/// | older than the newest taken, `order = "strict"` | late record `out_of_order` (trades of one moment are in order) |
/// | anything else | passed on |
///
/// A time beyond `max_ahead` is taken after all when the next record of the coin confirms it: when that one lies after the refused one, by at most
/// `max_ahead`, it is taken and the coin goes on from there. An outage longer than `max_ahead` so costs one record, and a single absurd time
/// costs nothing but itself. The first record of a coin is always taken, unless `min_time` or `max_time` refuse it.
///
/// ```
/// use serde_json::json;
/// use tidemill::operators::{Probe, minute_bars};
/// use tidemill::processor::Event;
///
/// let mut validate = Probe::of_candles("validate", json!({})).unwrap();
/// let bars = minute_bars(&[100.0, 101.0, 102.0]);
/// assert_eq!(validate.candles(bars.clone()).len(), 3);
/// let mut revised = bars[2].clone();
/// assert!(validate.push(Event::Candle(revised.clone())).letters.is_empty(), "a duplicate is no letter");
/// revised.high = 103.0;
/// assert_eq!(validate.push(Event::Candle(revised)).letters[0].code, "revision");
/// ```
pub struct Validate {
    rules: Arc<Rules>,
    guard: SkewGuard,
    state: State,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct State {
    newest: Timestamp,
    bars: Seen<Timestamp>,
    trades: Seen<u64>,
}

impl Validate {
    fn new(rules: Arc<Rules>) -> Self {
        let guard = SkewGuard::new(rules.max_ahead_ms);
        Validate { rules, guard, state: State { newest: Timestamp::MIN, bars: Seen::new(), trades: Seen::new() } }
    }

    /// Whether the time makes sense; the letter is written if not.
    fn admits(&mut self, time: Timestamp, ctx: &mut Context<'_>) -> bool {
        if time < self.rules.from || time >= self.rules.to {
            let limits = format!("min_time {}, max_time {}", self.rules.from, self.rules.to);
            ctx.dead("absurd_timestamp", format!("its time {time} lies outside of what is allowed here: {limits}"));
            return false;
        }
        self.guard.admits(time, ctx)
    }

    /// Whether the order is kept; the letter is written if not.
    fn in_order(&mut self, in_order: bool, time: Timestamp, ctx: &mut Context<'_>) -> bool {
        let newest = self.state.newest;
        if self.rules.strict && !in_order {
            let detail = format!("its time {time} is not after {newest}, the newest taken of this coin; order is strict");
            ctx.late("out_of_order", detail);
            return false;
        }
        self.state.newest = newest.max(time);
        true
    }

    fn takes_candle(&mut self, candle: &Candle, ctx: &mut Context<'_>) -> bool {
        let time = candle.open_time;
        if !self.admits(time, ctx) || !self.has_the_span(candle, ctx) {
            return false;
        }
        let digest = digest(candle);
        match self.state.bars.standing(time, digest) {
            Standing::Same => {
                ctx.notice(Notice::Duplicate);
                false
            }
            Standing::Other(place) => self.takes_revision(place, digest, candle, ctx),
            Standing::New(place) => {
                let taken = self.in_order(time > self.state.newest, time, ctx);
                if taken {
                    self.state.bars.insert(place, time, digest, self.rules.remember);
                }
                taken
            }
        }
    }

    fn has_the_span(&self, candle: &Candle, ctx: &mut Context<'_>) -> bool {
        let span_ms = candle.close_time.since(candle.open_time);
        let Some(expected_ms) = self.rules.span_ms.filter(|expected_ms| *expected_ms != span_ms) else { return true };
        let (found, expected) = (format_duration_ms(span_ms), format_duration_ms(expected_ms));
        ctx.dead("interval_mismatch", format!("the candle spans {found}; every candle here must span {expected}"));
        false
    }

    fn takes_revision(&mut self, place: usize, digest: u64, candle: &Candle, ctx: &mut Context<'_>) -> bool {
        ctx.notice(Notice::Revision);
        if self.rules.forward_revisions {
            self.state.bars.replace(place, digest);
            return true;
        }
        let detail = format!("the bar of {} was taken with other values; this correction came too late", candle.open_time);
        ctx.late("revision", detail);
        false
    }

    fn takes_trade(&mut self, trade: &Trade, ctx: &mut Context<'_>) -> bool {
        if !self.admits(trade.time, ctx) {
            return false;
        }
        let in_order = trade.time >= self.state.newest;
        let Some(id) = trade.id else { return self.in_order(in_order, trade.time, ctx) };
        let Standing::New(place) = self.state.trades.standing(id, 0) else {
            ctx.notice(Notice::Duplicate);
            return false;
        };
        let taken = self.in_order(in_order, trade.time, ctx);
        if taken {
            self.state.trades.insert(place, id, 0, self.rules.remember);
        }
        taken
    }
}

impl Processor for Validate {
    fn process(&mut self, item: &Item, ctx: &mut Context<'_>) {
        let taken = match &item.event {
            Event::Candle(candle) => self.takes_candle(candle, ctx),
            Event::Trade(trade) => self.takes_trade(trade, ctx),
            _ => false,
        };
        if taken {
            ctx.forward(item.timestamp, item.event.clone());
        }
    }
}

impl Snapshot for Validate {
    fn save(&self, out: &mut Vec<u8>) -> Result<(), SnapshotError> {
        encode_into(&(self.guard.state(), &self.state), out)
    }

    fn load(&mut self, bytes: &[u8]) -> Result<(), SnapshotError> {
        let (guard, state): (skew::State, State) = decode(bytes)?;
        self.guard.restore(guard);
        self.state = state;
        Ok(())
    }
}

#[cfg(test)]
mod tests;

//! `window`: makes one bar of many candles or trades.
//!
//! What a window is and when it closes stands in [`crate::window`]; this node gives it one coin's records and turns what became of them into
//! bars, letters and notices.

mod params;

pub use params::{WindowParams, WindowTable};

use std::sync::Arc;

use super::single_parent;
use super::skew::{self, SkewGuard, max_ahead_ms};
use crate::learn::params::{Duration, ParamError, ParamErrorKind, Params, child};
use crate::market::Candle;
use crate::processor::{
    Build, Built, Context, Event, EventKind, EventKinds, Item, NodeId, Notice, OperatorEntry, Parent, Port, Processor,
    ProcessorFactory, Role,
};
use crate::record::format_duration_ms;
use crate::snapshot::{Snapshot, SnapshotError, decode, encode_into};
use crate::window::{
    Aggregate, CandleAggregate, ClosedWindow, Fate, Observed, Part, TradeAggregate, WindowBounds, WindowKind, WindowSpec, Windows,
};

const TAKES: [EventKind; 2] = [EventKind::Candle, EventKind::Trade];

/// The catalogue entry of `window`.
pub fn entry() -> OperatorEntry {
    OperatorEntry {
        name: "window",
        role: Role::Processor,
        summary: "Makes bars of candles or trades: tumbling, hopping, sliding, session or count windows with grace.",
        params: WindowParams::describe(),
        accepts: EventKinds::of(&TAKES),
        build: Arc::new(build),
    }
}

fn build(build: &Build<'_>) -> Result<Built, Vec<ParamError>> {
    let parent = single_parent(build, &TAKES)?;
    let mut params = WindowParams::read(build.params, build.path)?;
    let spec = params.window.spec(&child(build.path, "window"))?;
    let cap_ms = cap_ms(&params, parent, build.path)?;
    params.max_ahead = cap_ms.map(Duration::from_ms);
    let factory = match [EventKind::Candle, EventKind::Trade].map(|kind| parent.port.kinds.contains(kind)) {
        [true, false] => factory::<CandleAggregate>(spec, cap_ms),
        [false, true] => factory::<TradeAggregate>(spec, cap_ms),
        _ => return Err(vec![mixture(parent.name, build.path)]),
    };
    let port = Port { interval_ms: span_ms(spec.kind()), ..Port::of(&[EventKind::Candle]) };
    Ok(Built { factory, port, params: params.to_value() })
}

fn factory<A: Filled>(spec: WindowSpec, cap_ms: Option<i64>) -> Arc<dyn ProcessorFactory> {
    Arc::new(move |_: &str| -> Box<dyn Processor> { Box::new(Window::<A>::new(spec, cap_ms)) })
}

/// The skew cap of a node that reads a source. Behind another node there is none: what that one let through is not questioned again, or a true
/// gap would cost a record at every node.
fn cap_ms(params: &WindowParams, parent: &Parent<'_>, path: &[String]) -> Result<Option<i64>, Vec<ParamError>> {
    match params.max_ahead {
        written if parent.id == NodeId::SOURCE => Ok(Some(max_ahead_ms(written.map(Duration::ms), parent.port.interval_ms))),
        None => Ok(None),
        Some(_) => {
            let message = format!("this node reads {}, which is no source; absurd times are refused before it", parent.name);
            let error = ParamError::new(
                ParamErrorKind::Conflict,
                &child(path, "max_ahead"),
                message,
                "max_ahead at the node behind the source",
            );
            Err(vec![error])
        }
    }
}

fn mixture(parent: &str, path: &[String]) -> ParamError {
    let message = format!("{parent} gives candles and trades, which would count the same trades twice");
    ParamError::new(ParamErrorKind::Conflict, &child(path, "parents"), message, "a parent that gives one of them")
}

/// The span of the bars, where the clock alone decides it.
fn span_ms(kind: WindowKind) -> Option<i64> {
    match kind {
        WindowKind::Tumbling { size_ms } | WindowKind::Hopping { size_ms, .. } => Some(size_ms),
        WindowKind::Sliding { .. } | WindowKind::Session { .. } | WindowKind::Count { .. } => None,
    }
}

/// What a window node can be filled with, and how it is told from other events.
trait Filled: Aggregate<Output = Candle, Part: Send> + Send + 'static {
    /// The part that `event` is, if it is one.
    fn part(event: &Event) -> Option<&Self::Part>;
}

impl Filled for CandleAggregate {
    fn part(event: &Event) -> Option<&Self::Part> {
        if let Event::Candle(candle) = event { Some(candle) } else { None }
    }
}

impl Filled for TradeAggregate {
    fn part(event: &Event) -> Option<&Self::Part> {
        if let Event::Trade(trade) = event { Some(trade) } else { None }
    }
}

/// Makes one bar of many candles or trades.
///
/// Takes candles or trades, gives one candle for each window that closes, at its close time and as a step of its own. Its parameters are
/// [`WindowParams`]. Windows mean what they mean in Kafka Streams, except that stream time is the coin's own; a candle moves stream time to its
/// close time once it has been taken, so that a window without grace closes with its last candle and not one candle later.
///
/// | window | the bar spans |
/// | --- | --- |
/// | `{ tumbling = "5m", grace = "10s" }`, `{ hopping = "10m", advance = "2m" }` | the window, half-open |
/// | `{ sliding = "5m" }`, `{ session = "30s" }`, `{ count = 20, step = 5 }` | from the open time of its first candle to the close time of its last; of trades, up to the millisecond after the last |
///
/// Sliding windows take in both their ends, as in Kafka Streams: candles whose open times lie exactly the size apart share a window.
///
/// | what | becomes |
/// | --- | --- |
/// | a record all of whose windows have closed | late record `window_closed` |
/// | a record some of whose windows have closed | taken by the others, notice `WindowUpdateRefused` |
/// | a candle again with the same values, a trade id again | processed, notice `Duplicate` |
/// | a candle again with other values, in an open window | takes the place of the first, notice `Revision` |
/// | read straight from a source: a time more than `max_ahead` beyond the coin's newest | dead letter `absurd_timestamp`, unless the next record confirms the jump, as at [`Validate`](super::validate::Validate) |
///
/// ```
/// use serde_json::json;
/// use tidemill::operators::{Probe, minute_bars};
///
/// let mut window = Probe::of_candles("window", json!({ "window": { "tumbling": "5m" } })).unwrap();
/// let bars = window.candles(minute_bars(&[1.0, 2.0, 9.0, 3.0, 4.0, 5.0, 6.0]));
///
/// // The first bar begins at 22:13, so that the window of 22:10 to 22:15 has two candles.
/// assert_eq!(bars[0].open_time.to_string(), "2023-11-14T22:10:00.000Z");
/// assert_eq!((bars[0].close, bars[0].volume.to_f64()), (2.0, 2.0));
/// assert_eq!((bars[1].open, bars[1].high, bars[1].low, bars[1].close), (2.0, 9.0, 2.0, 6.0));
/// ```
pub struct Window<A: Aggregate> {
    guard: Option<SkewGuard>,
    windows: Windows<A>,
    closed: Vec<ClosedWindow<A::Output>>,
}

impl<A: Aggregate<Output = Candle>> Window<A> {
    fn new(spec: WindowSpec, cap_ms: Option<i64>) -> Self {
        Window { guard: cap_ms.map(SkewGuard::new), windows: Windows::new(spec), closed: Vec::new() }
    }

    fn take(&mut self, part: &A::Part, ctx: &mut Context<'_>) {
        if !self.guard.as_mut().is_none_or(|guard| guard.admits(part.start(), ctx)) {
            return;
        }
        let observed = self.windows.observe(part.clone(), &mut self.closed);
        self.tell(observed, part, ctx);
        for window in self.closed.drain(..) {
            ctx.forward_step(window.value.close_time, Event::Candle(window.value));
        }
    }

    fn tell(&self, observed: Observed, part: &A::Part, ctx: &mut Context<'_>) {
        match observed.fate {
            Fate::Added => {}
            Fate::Revised => ctx.notice(Notice::Revision),
            Fate::Duplicate => ctx.notice(Notice::Duplicate),
            Fate::Late => ctx.late("window_closed", self.lateness(&observed, part)),
            Fate::Impossible => {
                ctx.dead(
                    "absurd_timestamp",
                    format!("it lasts from {} to {}, which no window can hold", part.start(), part.end()),
                );
            }
        }
        if observed.fate.is_taken() && observed.refused > 0 {
            ctx.notice(Notice::WindowUpdateRefused { updates: u32::try_from(observed.refused).unwrap_or(u32::MAX) });
        }
    }

    fn lateness(&self, observed: &Observed, part: &A::Part) -> String {
        let window = match observed.first_refused {
            Some(WindowBounds { start, end }) => format!("the window from {start} to {end}"),
            None => "every window it belongs to".to_owned(),
        };
        let (time, grace) = (self.windows.stream_time(), format_duration_ms(self.windows.spec().grace_ms()));
        format!("its time is {}; {window} had closed: stream time is {time}, grace {grace}", part.start())
    }
}

impl<A: Filled> Processor for Window<A> {
    fn process(&mut self, item: &Item, ctx: &mut Context<'_>) {
        if let Some(part) = A::part(&item.event) {
            self.take(part, ctx);
        }
    }
}

impl<A: Aggregate> Snapshot for Window<A> {
    fn save(&self, out: &mut Vec<u8>) -> Result<(), SnapshotError> {
        encode_into(&(self.guard.as_ref().map(SkewGuard::state), &self.windows), out)
    }

    fn load(&mut self, bytes: &[u8]) -> Result<(), SnapshotError> {
        let (guard, windows): (Option<skew::State>, Windows<A>) = decode(bytes)?;
        if windows.spec() != self.windows.spec() {
            return Err(SnapshotError::Decode(format!(
                "the state is of {} windows, the node has {}",
                windows.spec(),
                self.windows.spec()
            )));
        }
        if let (Some(own), Some(kept)) = (&mut self.guard, guard) {
            own.restore(kept);
        }
        self.windows = windows;
        Ok(())
    }
}

#[cfg(test)]
mod tests;

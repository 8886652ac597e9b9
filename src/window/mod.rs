//! Windows over event time: which records belong together, when a window is final, and what it results in.
//!
//! [`Windows`] is the engine, one for each coin; a [`WindowSpec`] says which kind; an [`Aggregate`] makes the result: bars of candles
//! ([`CandleAggregate`]), bars of trades ([`TradeAggregate`]), or plain [`Stats`]. Everything is a function of the parts that came and of their
//! order: no clock, no chance. The layer knows the market's candle and trade; it knows no topology, no processor, no coin's name and no topic.
//!
//! # Stream time, grace, late
//! Stream time is the latest event time seen so far; it never goes back. A window is final once stream time has passed its end by the grace; it
//! is then handed out, and what comes for it later is late: refused, counted, never silently dropped. Windows that nothing lies in do
//! not exist.
//!
//! # The kinds
//! Records are `a`, `b`, `c`, ..., time runs to the right.
//!
//! **Tumbling** `{ size }`: side by side, `[k * size, (k + 1) * size)`, counted from 1970.
//! ```text
//!   a  b     | c        |     d  e |
//!   [--------)[---------)[---------)        {a b} {c} {d e}
//! ```
//! **Hopping** `{ size, advance }`: a window every `advance`; they overlap. A window that would start before 1970 takes nothing after it.
//! ```text
//!   a  b       c            d
//!   [--------------)                        {a b c}
//!          [--------------)                 {c}
//!                 [--------------)          {d}
//! ```
//! **Sliding** `{ size }`: each different set of records that lie within `size` of each other, both ends inclusive: for a record at `t` the
//! window `[t - size, t]` that it ends, and `[t + 1, t + 1 + size]` once something lies in it. Records of the first `size` after 1970 share
//! the window that starts there.
//! ```text
//!           a    b         c
//!   [-------]                               {a}
//!        [-------]                          {a b}
//!            [-------]                      {b}      the right window of a
//!                  [-------]                {c}
//! ```
//! **Session** `{ gap }`: from a first to a last record with no pause longer than the gap between them. A record between two sessions can join
//! them; it then takes a session along that had closed before, and what was in that goes out once more as part of the whole.
//! ```text
//!   a  b c  d           e f
//!   [-------]           [-]                 {a b c d} {e f}
//!              gap <-->
//! ```
//! **Count** `{ size, step }`: windows of `size` records, one every `step` records, in event-time order: a record takes its number once stream
//! time has passed its end by the grace.
//! ```text
//!   a b c d e f       size 3, step 2
//!   [---]                                   {a b c}
//!       [---]                               {c d e}
//! ```
//!
//! # What is as in Kafka Streams, and what is not
//! For records that happen at once (start = end), tumbling, hopping, sliding and session windows close at the record and with the content
//! that Kafka Streams 4.3 gives, `suppress(untilWindowCloses)` behind its default cached store, and refuse the updates that it refuses, down
//! to its habits: sessions and sliding windows still take a record at the very moment they close and then go out once more; a sliding window
//! can miss a record that was late for others. `tests/window_vectors.rs` proves it on Kafka Streams' own results. By intent different:
//! * **Stream time is kept for each coin**, not for each partition: an engine sees one coin's records, and results depend on nothing else.
//! * **Candles count until their end.** A part covers `[start, end)`; a candle's start is its open time and its end its close time. It belongs
//!   where it starts; but once taken it moves stream time on to its end. So a 5-minute window of 1-minute candles is final, with no grace, at
//!   the candle that completes it and not one candle later. The price: a candle that comes one place too late needs more grace than a candle is
//!   long. The pause between two candles of a session is that from the end of one to the start of the next.
//! * **Duplicates and revisions.** A candle with the opening time of one that is there replaces it, or, if it is the same, changes nothing; a
//!   trade whose time and id are there changes nothing. Kafka Streams would count both twice. Parts that the engine no longer holds cannot be
//!   recognised; their windows have closed, so they are late.
//! * **The order of arrival within the grace does not matter**: open is the first price by event time, not the first to come.
//! * Times before 1970 are allowed.
//! * Of closed sessions that only a chain of late records could reach, the last 16 are remembered; Kafka Streams' cache has no such bound.
//!
//! # Cost
//! Each part is kept once, while a window that it lies in is open (sliding: three sizes longer), and a window is folded from its parts when it
//! closes. Memory is linear in the parts held; a part costs constant time in tumbling windows, `size / advance` folds in hopping ones, and
//! time linear in a window's parts in sliding ones.

mod aggregate;
mod bars;
mod count;
mod engine;
mod grid;
mod outcome;
mod part;
mod session;
mod sliding;
mod spec;

pub use aggregate::{Aggregate, Point, Span, Stats, StatsAggregate};
pub use bars::{CandleAggregate, TradeAggregate};
pub use engine::{TIME_LIMIT_MS, Windows};
pub use outcome::{ClosedWindow, Fate, Observed, WindowBounds};
pub use part::{Part, Relation};
pub use spec::{MAX_COUNT, MAX_SPAN_MS, WindowError, WindowKind, WindowSpec};

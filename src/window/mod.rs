//! Windows over event time.

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

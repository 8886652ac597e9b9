//! The window engine of one coin: stream time, late parts, closing.

use serde::{Deserialize, Serialize};

use super::count::Counted;
use super::grid::Grid;
use super::session::Sessions;
use super::sliding::Sliding;
use super::{Aggregate, ClosedWindow, Fate, Observed, Part, WindowKind, WindowSpec};
use crate::record::Timestamp;
use crate::snapshot::{Snapshot, SnapshotError, decode, encode_into};

/// How far from 1970 times may lie, in milliseconds either way: some 36 million years. Beyond it a part is [`Fate::Impossible`].
pub const TIME_LIMIT_MS: i64 = 1 << 60;

/// The close time before anything has been seen: every window is open.
const NOTHING_CLOSED: i64 = -(1 << 61);

/// The windows of one coin.
///
/// Parts go in by [`observe`](Self::observe), which appends the windows that became final to a list of the caller's. The state is all of it:
/// `Windows` can be saved and loaded ([`Snapshot`]) between any two parts without a difference.
///
/// ```
/// use tidemill::record::Timestamp;
/// use tidemill::window::{Point, StatsAggregate, WindowKind, WindowSpec, Windows};
/// let spec = WindowSpec::new(WindowKind::Tumbling { size_ms: 10 }, 0).unwrap();
/// let mut windows = Windows::<StatsAggregate>::new(spec);
/// let mut closed = Vec::new();
/// for (time, value) in [(1, 5.0), (7, 3.0), (12, 1.0)] {
///     windows.observe(Point { time: Timestamp(time), value }, &mut closed);
/// }
/// assert_eq!((closed.len(), closed[0].value.count, closed[0].value.sum), (1, 2, 8.0));
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(bound = "")]
pub struct Windows<A: Aggregate> {
    spec: WindowSpec,
    stream_time: Timestamp,
    state: State<A>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(bound = "")]
enum State<A: Aggregate> {
    Grid(Grid<A::Part>),
    Sliding(Sliding<A::Part>),
    Session(Sessions<A::Part, A::Output>),
    Count(Counted<A::Part>),
}

impl<A: Aggregate> Windows<A> {
    /// No windows yet.
    pub fn new(spec: WindowSpec) -> Self {
        let state = match spec.kind() {
            WindowKind::Tumbling { size_ms } => State::Grid(Grid::new(size_ms, size_ms)),
            WindowKind::Hopping { size_ms, advance_ms } => State::Grid(Grid::new(size_ms, advance_ms)),
            WindowKind::Sliding { size_ms } => State::Sliding(Sliding::new(size_ms)),
            WindowKind::Session { gap_ms } => State::Session(Sessions::new(gap_ms)),
            WindowKind::Count { size, step } => State::Count(Counted::new(size, step)),
        };
        Windows { spec, stream_time: Timestamp::MIN, state }
    }

    /// The kind of windows and their grace.
    pub fn spec(&self) -> WindowSpec {
        self.spec
    }

    /// How far event time has come: the latest start or end of a part so far, or moment given to [`advance`](Self::advance);
    /// [`Timestamp::MIN`] before the first.
    pub fn stream_time(&self) -> Timestamp {
        self.stream_time
    }

    /// How many parts are kept: what the size of the state is linear in.
    pub fn parts_held(&self) -> usize {
        match &self.state {
            State::Grid(windows) => windows.parts_held(),
            State::Sliding(windows) => windows.parts_held(),
            State::Session(windows) => windows.parts_held(),
            State::Count(windows) => windows.parts_held(),
        }
    }

    /// Takes one part, in two steps: stream time moves to its start, and the part goes into its windows that are open then; stream time moves
    /// to its end, and every window that has become final is appended to `closed`, by start, then by end.
    #[inline]
    pub fn observe(&mut self, part: A::Part, closed: &mut Vec<ClosedWindow<A::Output>>) -> Observed {
        let (start, end) = (part.start(), part.end());
        if start.0 < -TIME_LIMIT_MS || end.0 > TIME_LIMIT_MS || start > end {
            return Observed::nothing(Fate::Impossible);
        }
        let before = self.close_time();
        self.stream_time = self.stream_time.max(start);
        let at_start = self.close_time();
        self.stream_time = self.stream_time.max(end);
        let at_end = self.close_time();
        let first = closed.len();
        let observed = self.state.step(part, [before, at_start, at_end], closed);
        if closed.len() > first + 1 {
            closed[first..].sort_by_key(|window| (window.start, window.end));
        }
        observed
    }

    /// Moves stream time to `time`, if that is later, without a part: for a coin that has gone quiet while time is known to go on. Windows that
    /// became final are appended to `closed`. A time beyond [`TIME_LIMIT_MS`] is held there.
    pub fn advance(&mut self, time: Timestamp, closed: &mut Vec<ClosedWindow<A::Output>>) {
        let before = self.close_time();
        self.stream_time = self.stream_time.max(Timestamp(time.0.clamp(-TIME_LIMIT_MS, TIME_LIMIT_MS)));
        let close_time = self.close_time();
        match &mut self.state {
            State::Grid(windows) => windows.close::<A>(before, close_time, closed),
            State::Sliding(windows) => windows.close::<A>(before, close_time, closed),
            State::Session(windows) => windows.close::<A>(before, close_time, None, closed),
            State::Count(windows) => windows.close::<A>(close_time, closed),
        }
    }

    /// Windows that end here or before have closed. A session ends with its last part and waits for the gap and the grace.
    #[inline]
    fn close_time(&self) -> i64 {
        let wait = match self.spec.kind() {
            WindowKind::Session { gap_ms } => gap_ms + self.spec.grace_ms(),
            _ => self.spec.grace_ms(),
        };
        if self.stream_time == Timestamp::MIN { NOTHING_CLOSED } else { self.stream_time.0 - wait }
    }
}

impl<A: Aggregate> State<A> {
    /// The close times are those before the part, at its start and at its end.
    #[inline]
    fn step(
        &mut self,
        part: A::Part,
        [before, at_start, at_end]: [i64; 3],
        closed: &mut Vec<ClosedWindow<A::Output>>,
    ) -> Observed {
        match self {
            State::Grid(windows) => {
                let observed = windows.insert(part, at_start);
                windows.close::<A>(before, at_end, closed);
                observed
            }
            State::Sliding(windows) => {
                let observed = windows.insert::<A>(part, before, at_start, closed);
                windows.close::<A>(at_start, at_end, closed);
                observed
            }
            State::Session(windows) => {
                let (observed, touched) = windows.insert(part, at_start);
                windows.close::<A>(before, at_end, touched, closed);
                observed
            }
            State::Count(windows) => {
                let observed = windows.insert(part);
                windows.close::<A>(at_end, closed);
                observed
            }
        }
    }
}

impl<A: Aggregate> Snapshot for Windows<A> {
    fn save(&self, out: &mut Vec<u8>) -> Result<(), SnapshotError> {
        encode_into(self, out)
    }

    /// The state brings its own spec.
    fn load(&mut self, bytes: &[u8]) -> Result<(), SnapshotError> {
        *self = decode(bytes)?;
        Ok(())
    }
}

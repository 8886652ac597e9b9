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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::market::{Candle, Decimal};
    use crate::window::{CandleAggregate, WindowBounds};

    const MINUTE: i64 = 60_000;

    fn candle(minute: i64, close: f64) -> Candle {
        let (open_time, close_time) = (Timestamp(minute * MINUTE), Timestamp((minute + 1) * MINUTE));
        let (quote_volume, trades, taker_base, taker_quote) = (None, Some(1), None, None);
        let volume = Decimal::from(1);
        Candle {
            open_time,
            close_time,
            open: 1.0,
            high: 9.0,
            low: 1.0,
            close,
            volume,
            quote_volume,
            trades,
            taker_base,
            taker_quote,
        }
    }

    fn bars(kind: WindowKind, grace_ms: i64) -> Windows<CandleAggregate> {
        Windows::new(WindowSpec::new(kind, grace_ms).expect("a possible window"))
    }

    /// The number of windows that close at each candle, by minute.
    fn closing(mut windows: Windows<CandleAggregate>, minutes: &[i64]) -> Vec<usize> {
        let mut closed = Vec::new();
        let mut count = |minute: &i64| {
            windows.observe(candle(*minute, 2.0), &mut closed);
            closed.drain(..).count()
        };
        minutes.iter().map(&mut count).collect()
    }

    #[test]
    fn a_bar_is_final_at_the_candle_that_completes_it() {
        let tumbling = WindowKind::Tumbling { size_ms: 5 * MINUTE };
        assert_eq!(closing(bars(tumbling, 0), &[0, 1, 2, 3, 4, 5]), [0, 0, 0, 0, 1, 0]);
        assert_eq!(closing(bars(tumbling, MINUTE), &[0, 1, 2, 3, 4, 5]), [0, 0, 0, 0, 0, 1]);
        let hopping = WindowKind::Hopping { size_ms: 4 * MINUTE, advance_ms: 2 * MINUTE };
        assert_eq!(closing(bars(hopping, 0), &[0, 1, 2, 3, 4, 5, 9]), [0, 0, 0, 1, 0, 1, 2]);
        assert_eq!(closing(bars(WindowKind::Count { size: 3, step: 2 }, 0), &[0, 1, 2, 3, 4]), [0, 0, 1, 0, 1]);
    }

    #[test]
    fn a_session_of_candles_pauses_from_close_to_open() {
        let session = WindowKind::Session { gap_ms: MINUTE };
        // Minute 2 opens one minute after the close of minute 0, minute 5 two minutes after the close of minute 2.
        assert_eq!(closing(bars(session, 0), &[0, 2, 5]), [0, 0, 1]);
    }

    #[test]
    fn a_candle_that_comes_one_place_late_needs_more_grace_than_its_length() {
        let mut closed = Vec::new();
        let mut last_of = |grace_ms: i64| {
            let mut windows = bars(WindowKind::Tumbling { size_ms: 2 * MINUTE }, grace_ms);
            [0, 2, 1].map(|minute| windows.observe(candle(minute, minute as f64), &mut closed))[2]
        };
        let late = last_of(MINUTE);
        assert_eq!((late.fate, late.entered, late.refused), (Fate::Late, 0, 1));
        assert_eq!(late.first_refused, Some(WindowBounds { start: Timestamp(0), end: Timestamp(2 * MINUTE) }));
        assert_eq!(last_of(MINUTE + 1).fate, Fate::Added);
    }

    #[test]
    fn a_revised_candle_replaces_the_first_and_a_repeated_one_changes_nothing() {
        let (mut windows, mut closed) =
            (bars(WindowKind::Hopping { size_ms: 4 * MINUTE, advance_ms: 2 * MINUTE }, 0), Vec::new());
        for minute in 0..4 {
            windows.observe(candle(minute, 2.0), &mut closed);
        }
        let fates = [candle(3, 2.0), candle(3, 5.0), candle(1, 5.0)].map(|candle| windows.observe(candle, &mut closed));
        // Minute 3 lies in a window that has closed and in one that has not; minute 1 only in closed ones.
        let told = fates.map(|observed| (observed.fate, observed.entered, observed.refused));
        assert_eq!(told, [(Fate::Duplicate, 0, 1), (Fate::Revised, 1, 1), (Fate::Late, 0, 1)]);
        windows.advance(Timestamp(6 * MINUTE), &mut closed);
        let found: Vec<_> = closed.iter().map(|bar| (bar.value.close, bar.value.trades)).collect();
        assert_eq!(found, [(2.0, Some(4)), (5.0, Some(2))]);
    }

    #[test]
    fn memory_stays_that_of_open_windows() {
        for kind in [
            WindowKind::Tumbling { size_ms: 5 * MINUTE },
            WindowKind::Hopping { size_ms: 10 * MINUTE, advance_ms: 3 * MINUTE },
            WindowKind::Sliding { size_ms: 5 * MINUTE },
            WindowKind::Count { size: 20, step: 1 },
            WindowKind::Session { gap_ms: MINUTE },
        ] {
            let (mut windows, mut closed) = (bars(kind, 2 * MINUTE), Vec::new());
            for minute in (0..10_000).filter(|minute| minute % 17 > 3) {
                windows.observe(candle(minute, 2.0), &mut closed);
                closed.clear();
                assert!(windows.parts_held() <= 30, "{kind:?} holds {}", windows.parts_held());
            }
            assert!(crate::snapshot::encode(&windows).expect("serde-able").len() < 12_000, "{kind:?}");
        }
    }

    #[test]
    fn impossible_times_change_nothing() {
        let (mut windows, mut closed) = (bars(WindowKind::Tumbling { size_ms: 1 }, 0), Vec::new());
        let mut ends_before_it_starts = candle(5, 1.0);
        ends_before_it_starts.close_time = Timestamp(0);
        let mut too_far = candle(5, 1.0);
        too_far.close_time = Timestamp(i64::MAX);
        for candle in [ends_before_it_starts, too_far] {
            assert_eq!(windows.observe(candle, &mut closed), Observed::nothing(Fate::Impossible));
        }
        assert_eq!((windows.stream_time(), windows.parts_held()), (Timestamp::MIN, 0));
    }
}

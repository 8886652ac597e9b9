//! What the engine answers: what became of a part, and the windows that closed.

use serde::{Deserialize, Serialize};

use super::part::Place;
use crate::record::Timestamp;

/// Start and end of a window, as Kafka Streams names them: tumbling and hopping half-open, sliding and session both ends inclusive. Count
/// windows: start of the first and end of the last part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct WindowBounds {
    /// Where it starts.
    pub start: Timestamp,
    /// Where it ends.
    pub end: Timestamp,
}

impl WindowBounds {
    pub(super) fn new(start: i64, end: i64) -> Self {
        WindowBounds { start: Timestamp(start), end: Timestamp(end) }
    }
}

/// A window that has become final.
#[derive(Debug, Clone, PartialEq)]
pub struct ClosedWindow<T> {
    /// Where it starts.
    pub start: Timestamp,
    /// Where it ends; see [`WindowBounds`].
    pub end: Timestamp,
    /// The result over its parts.
    pub value: T,
}

/// What became of a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It was new, and at least one window took it.
    Added,
    /// A part with the same name and other values stood in an open window; this one took its place.
    Revised,
    /// The very same part stands in an open window; nothing changed.
    Duplicate,
    /// Every window it belongs to had closed; nothing took it.
    Late,
    /// Its time is further than [`TIME_LIMIT_MS`](super::TIME_LIMIT_MS) from 1970, or it ends before it starts; nothing changed.
    Impossible,
}

impl Fate {
    pub(super) fn of(place: Place) -> Self {
        match place {
            Place::Before(_) => Fate::Added,
            Place::Instead(_) => Fate::Revised,
            Place::Known => Fate::Duplicate,
        }
    }

    /// Whether the part is now in a window.
    #[inline]
    pub fn is_taken(self) -> bool {
        matches!(self, Fate::Added | Fate::Revised)
    }
}

/// The answer to one part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Observed {
    /// What became of it.
    pub fate: Fate,
    /// The number of windows that hold it now because of this.
    pub entered: u64,
    /// The number of window updates that were refused because the window had closed. Above 0 with a taken part: late for some windows only.
    pub refused: u64,
    /// The first of the refused windows.
    pub first_refused: Option<WindowBounds>,
}

impl Observed {
    pub(super) fn nothing(fate: Fate) -> Self {
        Observed { fate, entered: 0, refused: 0, first_refused: None }
    }

    pub(super) fn late(start: i64, end: i64) -> Self {
        Observed { fate: Fate::Late, entered: 0, refused: 1, first_refused: Some(WindowBounds::new(start, end)) }
    }

    pub(super) fn taken(place: Place, entered: u64) -> Self {
        Observed { fate: Fate::of(place), entered, refused: 0, first_refused: None }
    }
}

//! What a node gives to its children, known when a topology is compiled.

use std::sync::Arc;

use super::Target;

/// The kinds of events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum EventKind {
    /// Closed candles.
    Candle,
    /// Trades.
    Trade,
    /// Feature rows.
    Row,
    /// Predictions.
    Prediction,
    /// Predictions with their truth.
    Answer,
    /// Measures of models.
    Evaluation,
    /// Changes of the leading model.
    Champion,
    /// Drift alarms.
    Drift,
    /// What guards found unusual.
    Anomaly,
}

impl EventKind {
    /// Every kind, in order.
    pub const ALL: [EventKind; 9] = [
        EventKind::Candle,
        EventKind::Trade,
        EventKind::Row,
        EventKind::Prediction,
        EventKind::Answer,
        EventKind::Evaluation,
        EventKind::Champion,
        EventKind::Drift,
        EventKind::Anomaly,
    ];

    /// The plural name used in topology files (`records = "predictions"`).
    pub fn name(self) -> &'static str {
        match self {
            EventKind::Candle => "candles",
            EventKind::Trade => "trades",
            EventKind::Row => "rows",
            EventKind::Prediction => "predictions",
            EventKind::Answer => "answers",
            EventKind::Evaluation => "evaluations",
            EventKind::Champion => "champions",
            EventKind::Drift => "drifts",
            EventKind::Anomaly => "anomalies",
        }
    }
}

/// A set of event kinds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct EventKinds(u16);

impl EventKinds {
    /// A set of these kinds.
    pub fn of(kinds: &[EventKind]) -> Self {
        EventKinds(kinds.iter().fold(0, |set, kind| set | 1 << *kind as u8))
    }

    /// Whether `kind` is in the set.
    pub fn contains(self, kind: EventKind) -> bool {
        self.0 & (1 << kind as u8) != 0
    }

    /// The kinds in both sets.
    #[must_use]
    pub fn and(self, other: EventKinds) -> EventKinds {
        EventKinds(self.0 & other.0)
    }

    /// The kinds in either set.
    #[must_use]
    pub fn or(self, other: EventKinds) -> EventKinds {
        EventKinds(self.0 | other.0)
    }

    /// Whether the set is empty.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The kinds of the set in order.
    pub fn iter(self) -> impl Iterator<Item = EventKind> {
        EventKind::ALL.into_iter().filter(move |kind| self.contains(*kind))
    }
}

/// When a feature of a bar is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Known {
    /// Without the bar's close or volume: open, high, low, or anything of earlier bars. A nowcast may use it.
    BeforeClose,
    /// Only with the bar's close. A nowcast that uses it would look ahead.
    AtClose,
}

/// One feature column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Its name, such as `close_lag_1`.
    pub name: String,
    /// When it is known.
    pub known: Known,
}

/// The question a learner asks, again and again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Question {
    /// How far ahead, ms; 0 for a nowcast.
    pub horizon_ms: i64,
    /// What of.
    pub target: Target,
    /// Whether it is about the bar it is asked at.
    pub nowcast: bool,
}

/// What a node gives to its children.
#[derive(Debug, Clone, PartialEq)]
pub struct Port {
    /// The kinds of events it forwards.
    pub kinds: EventKinds,
    /// The columns of its rows.
    pub columns: Arc<[Column]>,
    /// The span of its bars, ms, where they all have the same.
    pub interval_ms: Option<i64>,
    /// The question its predictions answer, for a learner.
    pub question: Option<Question>,
}

impl Port {
    /// A port of these kinds, without columns, interval or question.
    pub fn of(kinds: &[EventKind]) -> Self {
        Port { kinds: EventKinds::of(kinds), columns: Arc::new([]), interval_ms: None, question: None }
    }
}

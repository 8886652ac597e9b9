//! What the core tells about itself: telemetry as a return value. The shell turns notices into metrics and log lines.

use super::{Anomaly, ChampionChange, Drift, Evaluation};

/// The present measures of one model for one coin, cumulative and rolling.
#[derive(Debug, Clone, PartialEq)]
pub struct Score {
    /// Over all questions.
    pub cumulative: Evaluation,
    /// Over the evaluator's rolling window.
    pub rolling: Evaluation,
}

/// Something the shell should count, show or log. Notices never influence outputs.
#[derive(Debug, Clone, PartialEq)]
pub enum Notice {
    /// A record that repeats one already taken was dropped; the record counts as processed.
    Duplicate,
    /// A record corrected one already taken.
    Revision,
    /// A window refused some of a record's updates because it had closed, while others took them.
    WindowUpdateRefused {
        /// How many updates.
        updates: u32,
    },
    /// A question got no answer: no bar was complete at its due time.
    QuestionExpired,
    /// A question was dropped because too many were pending.
    QuestionDropped,
    /// A row was not asked or learned because a feature was not finite.
    RowRefused,
    /// A model answered with a number that is not finite; the question was not asked.
    PredictionRefused,
    /// A batch fit was ill-conditioned and fell back to a ridge solution.
    FitFallback {
        /// How many fits since the last notice.
        fits: u64,
    },
    /// A drift detector raised the alarm.
    Drift(Box<Drift>),
    /// A guard found something unusual.
    Anomaly(Box<Anomaly>),
    /// Another model leads.
    Champion(Box<ChampionChange>),
    /// A model's present measures.
    Score(Box<Score>),
}

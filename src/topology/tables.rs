//! The tables of a topology file apart from the nodes' own parameters: what `[topology]`, `[sources.*]` and `[sinks.*]` hold, and what every node has.

use crate::processor::{EventKind, Role};

crate::params! {
    /// The topology as a whole.
    pub struct TopologyParams {
        required {
            /// Its name: part of prediction ids and of the names of its late and dead-letter topics. 1 to 64 of a-z, 0-9, `_` and `-`.
            name: String;
        }
        /// What every model that draws random numbers derives its own seed from.
        seed: u64 = 0;
        /// Where late records go; without it `NAME.late`.
        late_topic: Option<String> = None;
        /// Where records go that can never be processed; without it `NAME.dead-letters`.
        dead_letter_topic: Option<String> = None;
        /// Most coins one partition may carry; records of further coins are dead letters, so that a flood of made-up names cannot fill the memory.
        max_coins: usize = 10_000, in 1..=1_000_000, unit "coins";
        /// Longest input record that is decoded; longer ones are dead letters.
        max_record_bytes: usize = 1_048_576, in 64..=67_108_864, unit "bytes";
    }
}

impl TopologyParams {
    /// Where late records go.
    pub fn late_topic(&self) -> String {
        self.late_topic.clone().unwrap_or_else(|| format!("{}.late", self.name))
    }

    /// Where dead records go.
    pub fn dead_letter_topic(&self) -> String {
        self.dead_letter_topic.clone().unwrap_or_else(|| format!("{}.dead-letters", self.name))
    }
}

crate::params! {
    /// Where records come from.
    pub struct SourceParams {
        required {
            /// The input topic; its records are keyed by coin.
            topic: String;
            /// How the records are written.
            format: String;
        }
    }
}

crate::choices! {
    /// What a sink takes from its parents.
    pub enum Records {
        /// What learners forecast, before the truth is known.
        Predictions = "predictions",
        /// Predictions of learners once more, with the truth.
        Answers = "answers",
        /// Measures of each model, beside those of the naive forecast.
        Evaluations = "evaluations",
        /// Changes of the leading model.
        Champions = "champions",
        /// Alarms of drift detectors.
        Drifts = "drifts",
        /// What anomaly filters found unusual.
        Anomalies = "anomalies",
        /// Candles of a source or window.
        Candles = "candles",
        /// Rows of features.
        Rows = "rows",
    }
}

impl Records {
    /// The kind of events meant.
    pub fn kind(self) -> EventKind {
        match self {
            Records::Predictions => EventKind::Prediction,
            Records::Answers => EventKind::Answer,
            Records::Evaluations => EventKind::Evaluation,
            Records::Champions => EventKind::Champion,
            Records::Drifts => EventKind::Drift,
            Records::Anomalies => EventKind::Anomaly,
            Records::Candles => EventKind::Candle,
            Records::Rows => EventKind::Row,
        }
    }
}

crate::params! {
    /// An output topic and what goes to it.
    pub struct SinkParams {
        required {
            /// The output topic; its records are keyed by coin.
            topic: String;
            /// The nodes it takes from.
            parents: Vec<String>;
        }
        /// What it takes; may be left out when the sink is called by one of these words.
        records: Option<Records> = None;
    }
}

/// The top-level tables, in the order in which they are explained.
pub const TABLES: [&str; 6] = ["topology", "sources", "processors", "learners", "evaluators", "sinks"];

/// The tables that hold nodes. A node's place among its siblings is its place in its table, and processors come before learners, learners before
/// evaluators, so that the same topology from a file and from a program is the same graph.
pub const ROLES: [Role; 3] = [Role::Processor, Role::Learner, Role::Evaluator];

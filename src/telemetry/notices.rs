//! What the core tells, counted once it has committed.

use std::collections::BTreeMap;
use std::sync::Arc;

use tracing::debug;

use super::{OTHER, Telemetry};
use crate::processor::{KeyTable, LetterKind, NodeId, Notice, Noticed};
use crate::record::{Timestamp, TopicPartition, format_duration_ms};
use crate::task::Counts;
use crate::topology::Graph;

/// What one committed batch has to tell.
#[derive(Debug)]
pub struct CommittedBatch {
    /// The input partition.
    pub partition: TopicPartition,
    /// The coins.
    pub keys: Arc<KeyTable>,
    /// What became of the records.
    pub counts: Counts,
    /// Refused records by kind and reason.
    pub letters: BTreeMap<(LetterKind, &'static str), u64>,
    /// Output records by topic, in the order of [`Graph::output_topics`].
    pub outputs: Vec<u64>,
    /// What the nodes told.
    pub notices: Vec<Noticed>,
    /// Newest event time of the records taken.
    pub stream_time: Option<Timestamp>,
}

impl Telemetry {
    /// Counts a batch whose transaction has committed. `topics` are the output topics of `graph`.
    pub fn committed(&self, graph: &Graph, topics: &[Arc<str>], batch: &CommittedBatch) {
        let metrics = &self.metrics;
        let partition = &*batch.partition.partition.to_string();
        metrics.records_in.with_label_values(&[&*batch.partition.topic, partition]).inc_by(batch.counts.read);
        metrics.records_processed.with_label_values(&[partition]).inc_by(batch.counts.processed);
        for ((kind, reason), count) in &batch.letters {
            let family = match kind {
                LetterKind::Late => &metrics.records_late,
                LetterKind::Dead => &metrics.records_dead,
            };
            family.with_label_values(&[partition, *reason]).inc_by(*count);
        }
        for (topic, count) in topics.iter().zip(&batch.outputs) {
            metrics.records_out.with_label_values(&[&**topic, partition]).inc_by(*count);
        }
        for (node, key, notice) in &batch.notices {
            self.notice(graph, *node, batch.keys.name(*key), notice);
        }
    }

    /// Turns one notice into its metric and log line.
    pub fn notice(&self, graph: &Graph, node: NodeId, coin: &Arc<str>, notice: &Notice) {
        let metrics = &self.metrics;
        let name: &str = graph.node_name(node);
        match notice {
            Notice::Duplicate => metrics.duplicates.with_label_values(&[name]).inc(),
            Notice::Revision => metrics.revisions.with_label_values(&[name]).inc(),
            Notice::WindowUpdateRefused { updates } => {
                metrics.window_updates_refused.with_label_values(&[name]).inc_by(u64::from(*updates));
            }
            Notice::QuestionExpired => metrics.questions_expired.with_label_values(&[name]).inc(),
            Notice::QuestionDropped => {
                debug!(%coin, model = name, "a question was dropped: too many were pending");
                metrics.questions_dropped.with_label_values(&[name]).inc();
            }
            Notice::RowRefused => metrics.rows_refused.with_label_values(&[name]).inc(),
            Notice::PredictionRefused => {
                debug!(%coin, model = name, "a prediction was not a finite number");
                metrics.predictions_refused.with_label_values(&[name]).inc();
            }
            Notice::FitFallback { fits } => {
                debug!(%coin, model = name, fits, "a batch fit fell back to a ridge solution");
                metrics.fit_fallbacks.with_label_values(&[name]).inc_by(*fits);
            }
            Notice::Drift(drift) => {
                debug!(%coin, model = name, detector = drift.detector, at = %drift.at, action = drift.action, "drift");
                metrics.drifts.with_label_values(&[&*self.counter_label(coin), name, drift.action]).inc();
            }
            Notice::Anomaly(anomaly) => {
                debug!(%coin, node = name, at = %anomaly.at, score = anomaly.score, threshold = anomaly.limit, action = anomaly.action, "anomaly");
                metrics.anomalies.with_label_values(&[&*self.counter_label(coin), name, anomaly.action]).inc();
            }
            Notice::Champion(change) => {
                let leader = graph.node_name(change.champion);
                debug!(%coin, model = %leader, at = %change.at, metric = change.metric, value = change.value, "another model leads");
                let horizon = horizon_label(change.nowcast, change.horizon_ms);
                metrics.champion_changes.with_label_values(&[&*self.counter_label(coin), &*horizon]).inc();
            }
            // Scores come with every batch: the leaderboard keeps the newest, and `scores` shows it.
            Notice::Score(_) => {}
        }
    }

    fn counter_label(&self, coin: &Arc<str>) -> Arc<str> {
        self.coins().own(coin).unwrap_or_else(|| OTHER.into())
    }
}

/// The horizon as a label: `5m`, or `nowcast`.
pub(super) fn horizon_label(nowcast: bool, horizon_ms: i64) -> String {
    if nowcast { "nowcast".to_owned() } else { format_duration_ms(horizon_ms) }
}

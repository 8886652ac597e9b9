//! The leaderboard and the positions as gauges. They are set once a second, not with every batch: only the newest value can be scraped.

use std::sync::Arc;

use prometheus::GaugeVec;

use super::Telemetry;
use super::notices::horizon_label;
use crate::processor::Evaluation;
use crate::record::{Offset, Timestamp, TopicPartition};
use crate::task::Leaderboard;
use crate::topology::Graph;

/// Where a task stands.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct TaskGauges {
    /// Committed position.
    pub position: Option<Offset>,
    /// Records to the end of the log, where known.
    pub lag: Option<u64>,
    /// Newest event time taken.
    pub stream_time: Option<Timestamp>,
    /// Time stamp of the newest record in the log minus stream time, ms, where known.
    pub stream_time_lag_ms: Option<i64>,
    /// Batches in flight.
    pub in_flight: usize,
    /// Seconds since the newest checkpoint of this process, if there is one.
    pub checkpoint_age_s: Option<f64>,
    /// Seconds since its newest snapshot in the changelog, if there is one.
    pub changelog_age_s: Option<f64>,
}

impl Telemetry {
    /// Shows the leaderboard. Coins beyond the label limit are left out: a gauge shared by several coins says nothing.
    pub fn scores(&self, graph: &Graph, leaderboard: &Leaderboard) {
        for (coin, score) in leaderboard.scores() {
            let Some(coin) = self.coins().own(coin) else { continue };
            let model = graph.node_name(score.cumulative.model);
            let horizon = horizon_label(score.cumulative.nowcast, score.cumulative.horizon_ms);
            self.evaluation(&[&coin, model, &horizon, "cumulative"], &score.cumulative);
            self.evaluation(&[&coin, model, &horizon, "rolling"], &score.rolling);
            let champion = self.metrics.model_champion.with_label_values(&[&*coin, &**model, &*horizon]);
            champion.set(f64::from(u8::from(score.cumulative.champion)));
        }
        self.metrics.coins_unlabelled.with_label_values::<&str>(&[]).set(self.coins().beyond() as f64);
    }

    fn evaluation(&self, labels: &[&str; 4], evaluation: &Evaluation) {
        let metrics = &self.metrics;
        metrics.model_questions.with_label_values(labels).set(evaluation.n as f64);
        let set = |family: &GaugeVec, value: Option<f64>| {
            if let Some(value) = value {
                family.with_label_values(labels).set(value);
            }
        };
        set(&metrics.model_mae, evaluation.measures.mae);
        set(&metrics.model_rmse, evaluation.measures.rmse);
        set(&metrics.model_smape, evaluation.measures.smape.map(|percent| percent / 100.0));
        set(&metrics.model_direction, evaluation.measures.directional_accuracy);
        set(&metrics.model_skill, evaluation.skill);
        set(&metrics.model_coverage, evaluation.intervals.map(|intervals| intervals.coverage));
        set(&metrics.model_width, evaluation.intervals.map(|intervals| intervals.width));
    }

    /// Shows where a task stands.
    pub fn task(&self, partition: &TopicPartition, gauges: &TaskGauges) {
        let metrics = &self.metrics;
        let topic: &Arc<str> = &partition.topic;
        let number = &*partition.partition.to_string();
        let set = |family: &GaugeVec, labels: &[&str], value: Option<f64>| {
            if let Some(value) = value {
                family.with_label_values(labels).set(value);
            }
        };
        set(&metrics.committed_offset, &[topic, number], gauges.position.map(|offset| offset.0 as f64));
        set(&metrics.consumer_lag, &[topic, number], gauges.lag.map(|records| records as f64));
        set(&metrics.stream_time, &[number], gauges.stream_time.map(|time| time.0 as f64 / 1_000.0));
        set(&metrics.stream_time_lag, &[number], gauges.stream_time_lag_ms.map(|ms| ms as f64 / 1_000.0));
        set(&metrics.batches_in_flight, &[number], Some(gauges.in_flight as f64));
        set(&metrics.checkpoint_age, &[number], gauges.checkpoint_age_s);
        set(&metrics.changelog_age, &[number], gauges.changelog_age_s);
    }

    /// Shows how far the standby's snapshot is behind the committed position; `None` when it keeps none any more.
    pub fn standby_lag(&self, partition: &TopicPartition, lag: Option<u64>) {
        let number = &*partition.partition.to_string();
        match lag {
            Some(records) => self.metrics.standby_lag.with_label_values(&[number]).set(records as f64),
            // An error says that there was none.
            None => drop(self.metrics.standby_lag.remove_label_values(&[number])),
        }
    }

    /// Shows the state a task is in; `states` are the names of all of them.
    pub fn task_state(&self, partition: &TopicPartition, state: &str, states: &[&str]) {
        let number = &*partition.partition.to_string();
        for name in states {
            self.metrics.task_state.with_label_values(&[number, *name]).set(f64::from(u8::from(*name == state)));
        }
    }
}

//! Every metric of the program as data: name, kind, labels, help. Documentation, dashboards' checks and the registry derive from this one table.
//!
//! Rules of the table: prefix `tidemill_`, base units in the name (seconds, bytes, ratios instead of percent), `_total` on counters, and labels whose
//! values are bounded: partitions and nodes by the topology, reasons by the program, coins by [`CoinLabels`](super::CoinLabels).

use prometheus::{CounterVec, GaugeVec, HistogramOpts, HistogramVec, IntCounterVec, Opts, Registry};

/// What kind of metric it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MetricKind {
    /// Only ever rises while the process lives.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Counts observations in buckets.
    Histogram,
}

/// One metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MetricInfo {
    /// Its name.
    pub name: &'static str,
    /// Its kind.
    pub kind: MetricKind,
    /// Its labels.
    pub labels: &'static [&'static str],
    /// What it tells.
    pub help: &'static str,
}

/// Upper bounds, in seconds, of the buckets of every histogram: 1 ms to 2 min.
pub const BUCKETS_SECONDS: [f64; 16] =
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0];

/// Makes a family of the table; the table's kinds say which type serves them.
trait Family: Sized {
    const KIND: MetricKind;
    fn make(info: &MetricInfo) -> prometheus::Result<Self>;
}

macro_rules! family {
    ($type:ty, $kind:ident) => {
        impl Family for $type {
            const KIND: MetricKind = MetricKind::$kind;
            fn make(info: &MetricInfo) -> prometheus::Result<Self> {
                <$type>::new(Opts::new(info.name, info.help), info.labels)
            }
        }
    };
}

family!(IntCounterVec, Counter);
family!(CounterVec, Counter);
family!(GaugeVec, Gauge);

impl Family for HistogramVec {
    const KIND: MetricKind = MetricKind::Histogram;
    fn make(info: &MetricInfo) -> prometheus::Result<Self> {
        HistogramVec::new(HistogramOpts::new(info.name, info.help).buckets(BUCKETS_SECONDS.to_vec()), info.labels)
    }
}

macro_rules! metrics {
    ($($field:ident: $type:ty = $name:literal [$($label:literal),*] $help:literal;)+) => {
        /// Every metric, in the order of the documentation.
        pub const METRICS: &[MetricInfo] = &[$(MetricInfo {
            name: $name,
            kind: <$type as Family>::KIND,
            labels: &[$($label),*],
            help: $help,
        }),+];

        /// The families, one field a line of the table.
        pub(super) struct Metrics {
            $(pub(super) $field: $type,)+
        }

        impl Metrics {
            /// Makes and registers every family.
            pub(super) fn register(registry: &Registry) -> prometheus::Result<Self> {
                let mut infos = METRICS.iter();
                let metrics = Metrics { $($field: <$type as Family>::make(infos.next().expect("the table has a line for each field"))?,)+ };
                $(registry.register(Box::new(metrics.$field.clone()))?;)+
                Ok(metrics)
            }
        }
    };
}

metrics! {
    build_info: GaugeVec = "tidemill_build_info" ["version"]
        "Always 1; the label says which version runs.";
    topology_info: GaugeVec = "tidemill_topology_info" ["topology", "fingerprint"]
        "Always 1; the labels say which topology runs.";
    task_state: GaugeVec = "tidemill_task_state" ["partition", "state"]
        "1 for the state a task is in (created, restoring, running, recovering, closed), else 0.";

    records_in: IntCounterVec = "tidemill_records_in_total" ["topic", "partition"]
        "Input records whose processing has committed.";
    records_processed: IntCounterVec = "tidemill_records_processed_total" ["partition"]
        "Of the records in: taken by the topology.";
    records_late: IntCounterVec = "tidemill_records_late_total" ["partition", "reason"]
        "Of the records in: sent to the late topic.";
    records_dead: IntCounterVec = "tidemill_records_dead_lettered_total" ["partition", "reason"]
        "Of the records in: sent to the dead-letter topic.";
    records_out: IntCounterVec = "tidemill_records_out_total" ["topic", "partition"]
        "Output records committed.";
    records_skipped: IntCounterVec = "tidemill_records_skipped_total" ["partition"]
        "Records dead-lettered unseen because processing them failed too often.";
    duplicates: IntCounterVec = "tidemill_records_duplicate_total" ["node"]
        "Records that repeated one already taken and were dropped.";
    revisions: IntCounterVec = "tidemill_records_revised_total" ["node"]
        "Records that corrected one already taken.";
    window_updates_refused: IntCounterVec = "tidemill_window_updates_refused_total" ["node"]
        "Updates refused by windows that had closed, of records that other windows took.";

    questions_expired: IntCounterVec = "tidemill_questions_expired_total" ["model"]
        "Questions that got no answer: no bar was complete at their due time.";
    questions_dropped: IntCounterVec = "tidemill_questions_dropped_total" ["model"]
        "Questions dropped because too many were pending.";
    rows_refused: IntCounterVec = "tidemill_rows_refused_total" ["model"]
        "Rows neither asked nor learned because a feature was not finite.";
    predictions_refused: IntCounterVec = "tidemill_predictions_refused_total" ["model"]
        "Predictions that were not finite numbers; the question was not asked.";
    fit_fallbacks: IntCounterVec = "tidemill_fit_fallbacks_total" ["model"]
        "Batch fits that were ill-conditioned and fell back to a ridge solution.";
    drifts: IntCounterVec = "tidemill_drifts_total" ["coin", "model", "action"]
        "Alarms of drift detectors.";
    anomalies: IntCounterVec = "tidemill_anomalies_total" ["coin", "node", "action"]
        "Bars that an anomaly filter found unusual, by what was done: dropped, passed or accepted.";
    champion_changes: IntCounterVec = "tidemill_champion_changes_total" ["coin", "horizon"]
        "Changes of the leading model.";

    model_questions: GaugeVec = "tidemill_model_questions" ["coin", "model", "horizon", "window"]
        "Answered questions that the measures cover; window is cumulative or rolling.";
    model_mae: GaugeVec = "tidemill_model_mae" ["coin", "model", "horizon", "window"]
        "Mean absolute error, in the coin's price.";
    model_rmse: GaugeVec = "tidemill_model_rmse" ["coin", "model", "horizon", "window"]
        "Root mean squared error, in the coin's price.";
    model_smape: GaugeVec = "tidemill_model_smape_ratio" ["coin", "model", "horizon", "window"]
        "Symmetric mean absolute percentage error as a ratio, 0 to 2.";
    model_direction: GaugeVec = "tidemill_model_directional_accuracy_ratio" ["coin", "model", "horizon", "window"]
        "Share of right directions, 0 to 1.";
    model_skill: GaugeVec = "tidemill_model_skill_ratio" ["coin", "model", "horizon", "window"]
        "1 - MAE / MAE of the naive last-value forecast over the same questions; above 0 is better than naive.";
    model_coverage: GaugeVec = "tidemill_model_interval_coverage_ratio" ["coin", "model", "horizon", "window"]
        "Share of truths inside the intervals of the predictions, 0 to 1; compare it with the level asked for.";
    model_width: GaugeVec = "tidemill_model_interval_width" ["coin", "model", "horizon", "window"]
        "Mean width of the intervals of the predictions, in the coin's price.";
    model_champion: GaugeVec = "tidemill_model_champion" ["coin", "model", "horizon"]
        "1 for the leading model of a coin and horizon, else 0.";
    coins_unlabelled: GaugeVec = "tidemill_coins_without_label" []
        "Coins beyond the label limit: their counters go to the label other, their model gauges are left out.";

    committed_offset: GaugeVec = "tidemill_committed_offset" ["topic", "partition"]
        "Committed position: the offset of the next record to read.";
    consumer_lag: GaugeVec = "tidemill_consumer_lag_records" ["topic", "partition"]
        "Records between the committed position and the end of the log.";
    stream_time: GaugeVec = "tidemill_stream_time_seconds" ["partition"]
        "Newest event time taken, as Unix time.";
    stream_time_lag: GaugeVec = "tidemill_stream_time_lag_seconds" ["partition"]
        "Time stamp of the newest record in the log minus stream time: how far behind, in event time. 0 when everything is read.";
    batches_in_flight: GaugeVec = "tidemill_batches_in_flight" ["partition"]
        "Batches that were given to a task's actors and have not come out yet.";
    stage_busy: CounterVec = "tidemill_stage_busy_seconds_total" ["stage"]
        "Time spent inside a stage, over all partitions; source and sink included.";

    commit_seconds: HistogramVec = "tidemill_commit_duration_seconds" ["thread"]
        "Duration of successful commits.";
    transactions: IntCounterVec = "tidemill_transactions_total" ["outcome"]
        "Transactions by outcome: committed, aborted, or unknown (the client was replaced).";
    log_retries: IntCounterVec = "tidemill_log_retries_total" ["call"]
        "Calls to the log that failed and were made again.";

    checkpoints: IntCounterVec = "tidemill_checkpoints_total" ["outcome"]
        "Checkpoints by outcome: written or failed.";
    checkpoint_size: GaugeVec = "tidemill_checkpoint_size_bytes" ["partition"]
        "Size of the newest checkpoint.";
    checkpoint_position: GaugeVec = "tidemill_checkpoint_offset" ["partition"]
        "Position of the newest checkpoint.";
    checkpoint_seconds: HistogramVec = "tidemill_checkpoint_duration_seconds" []
        "Time to encode a checkpoint and to make it durable.";
    checkpoints_refused: IntCounterVec = "tidemill_checkpoints_refused_total" ["reason"]
        "Stored checkpoints that a restore did not take: damaged, of another format, foreign or ahead of the committed position.";
    store_incidents: IntCounterVec = "tidemill_store_incidents_total" ["kind"]
        "What the checkpoint store did to go on after damage: snapshot_files_set_aside or quarantined.";

    checkpoint_age: GaugeVec = "tidemill_checkpoint_age_seconds" ["partition"]
        "Time since the newest checkpoint of this process was written.";

    changelog_bytes: IntCounterVec = "tidemill_changelog_bytes_total" ["partition"]
        "Bytes of snapshots produced into the changelog.";
    changelog_chunks: IntCounterVec = "tidemill_changelog_chunks_total" ["partition"]
        "Chunks of snapshots produced into the changelog.";
    changelog_snapshots: IntCounterVec = "tidemill_changelog_snapshots_total" ["partition"]
        "Snapshots of which every chunk was produced into the changelog.";
    changelog_size: GaugeVec = "tidemill_changelog_snapshot_size_bytes" ["partition"]
        "Size of the newest snapshot in the changelog, compressed.";
    changelog_position: GaugeVec = "tidemill_changelog_offset" ["partition"]
        "Position of the newest snapshot in the changelog.";
    changelog_age: GaugeVec = "tidemill_changelog_age_seconds" ["partition"]
        "Time since this process produced its newest snapshot into the changelog.";
    changelog_refused: IntCounterVec = "tidemill_changelog_snapshots_refused_total" ["reason"]
        "Snapshots of the changelog that a restore did not take: damaged, of another format, foreign or ahead of the committed position.";
    standby_snapshots: IntCounterVec = "tidemill_standby_snapshots_total" ["partition"]
        "Snapshots of tasks owned elsewhere that the standby has put into the local store.";
    standby_lag: GaugeVec = "tidemill_standby_lag_records" ["partition"]
        "Records between the snapshot that the standby keeps and the committed position: what taking the task over would replay.";
    standby_failures: IntCounterVec = "tidemill_standby_failures_total" []
        "Times the standby could not follow the changelog.";

    restores: IntCounterVec = "tidemill_restores_total" ["source"]
        "Restores by source: begin (nothing committed), checkpoint (local store), standby, changelog, warm (snapshot and new nodes) or rebuild (log alone).";
    restore_seconds: HistogramVec = "tidemill_restore_duration_seconds" []
        "Time from an assignment or failure to the moment a task is live again.";
    restore_records: IntCounterVec = "tidemill_restore_records_total" ["partition"]
        "Records re-processed silently by restores.";
    panics: IntCounterVec = "tidemill_panics_total" ["stage"]
        "Panics caught in a stage; each restores its task.";
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_and_labels_keep_the_rules() {
        for metric in METRICS {
            assert!(metric.name.starts_with("tidemill_"), "{}", metric.name);
            assert_eq!(metric.name.ends_with("_total"), metric.kind == MetricKind::Counter, "{}", metric.name);
            assert!(metric.kind != MetricKind::Histogram || metric.name.ends_with("_seconds"), "{}", metric.name);
            assert!(metric.help.ends_with('.') && metric.help.len() > 20, "{}", metric.name);
        }
        let names: BTreeSet<_> = METRICS.iter().map(|metric| metric.name).collect();
        assert_eq!(names.len(), METRICS.len());
    }

    #[test]
    fn every_family_registers() {
        let registry = Registry::new();
        let metrics = Metrics::register(&registry).unwrap();
        metrics.panics.with_label_values(&["knn"]).inc();
        assert_eq!(registry.gather()[0].name(), "tidemill_panics_total");
    }
}

//! What the runtime tells, as metrics and log lines.

use tracing::{debug, error, info, warn};

use super::{RuntimeEvent, Telemetry, TransactionOutcome};

impl Telemetry {
    /// Turns one event into its metrics and log line.
    pub fn event(&self, event: &RuntimeEvent<'_>) {
        let metrics = &self.metrics;
        match event {
            RuntimeEvent::InstanceStarted { application, topology, fingerprint } => {
                info!(application, topology, fingerprint, "instance started");
                metrics.topology_info.with_label_values(&[*topology, *fingerprint]).set(1.0);
            }
            RuntimeEvent::InstanceFailed { why } => error!(why, "the instance has stopped"),
            RuntimeEvent::Assigned { partition } => info!(%partition, "partition assigned"),
            RuntimeEvent::Closed { partition, clean } => info!(%partition, clean, "task closed"),
            RuntimeEvent::Restored { partition, source, live_at, records, took } => {
                let seconds = took.as_secs_f64();
                info!(%partition, source = source.name(), %live_at, records, seconds, "task is live");
                metrics.restores.with_label_values(&[source.name()]).inc();
                metrics.restore_seconds.with_label_values::<&str>(&[]).observe(seconds);
                metrics.restore_records.with_label_values(&[&partition.partition.to_string()]).inc_by(*records);
            }
            RuntimeEvent::CheckpointRefused { partition, generation, reason, detail } => {
                warn!(%partition, generation, reason = reason.name(), detail, "a stored checkpoint was not taken");
                metrics.checkpoints_refused.with_label_values(&[reason.name()]).inc();
            }
            RuntimeEvent::ChangelogRefused { partition, generation, reason, detail } => {
                warn!(%partition, generation, reason = reason.name(), detail, "a snapshot of the changelog was not taken");
                metrics.changelog_refused.with_label_values(&[reason.name()]).inc();
            }
            RuntimeEvent::ChangelogProduced { partition, chunks, bytes, completes } => {
                let number = &*partition.partition.to_string();
                metrics.changelog_chunks.with_label_values(&[number]).inc_by(*chunks);
                metrics.changelog_bytes.with_label_values(&[number]).inc_by(*bytes);
                if let Some((position, size)) = completes {
                    debug!(%partition, %position, size, "snapshot written to the changelog");
                    metrics.changelog_snapshots.with_label_values(&[number]).inc();
                    metrics.changelog_size.with_label_values(&[number]).set(*size as f64);
                    metrics.changelog_position.with_label_values(&[number]).set(position.0 as f64);
                }
            }
            RuntimeEvent::StandbyKept { partition, position, bytes } => {
                debug!(%partition, %position, bytes, "the standby keeps a newer snapshot");
                metrics.standby_snapshots.with_label_values(&[&partition.partition.to_string()]).inc();
            }
            RuntimeEvent::StandbyFailed { why } => {
                warn!(why, "the standby could not follow the changelog; it tries again");
                metrics.standby_failures.with_label_values::<&str>(&[]).inc();
            }
            RuntimeEvent::CheckpointWritten { partition, position, bytes, took } => {
                let seconds = took.as_secs_f64();
                debug!(%partition, %position, bytes, seconds, "checkpoint written");
                let number = &*partition.partition.to_string();
                metrics.checkpoints.with_label_values(&["written"]).inc();
                metrics.checkpoint_size.with_label_values(&[number]).set(*bytes as f64);
                metrics.checkpoint_position.with_label_values(&[number]).set(position.0 as f64);
                metrics.checkpoint_seconds.with_label_values::<&str>(&[]).observe(seconds);
            }
            RuntimeEvent::CheckpointFailed { partition, why } => {
                warn!(%partition, why, "no checkpoint could be made; a restore will have more to replay");
                metrics.checkpoints.with_label_values(&["failed"]).inc();
            }
            RuntimeEvent::StoreIncident { kind, detail } => {
                warn!(kind, detail, "the checkpoint store was damaged and went on");
                metrics.store_incidents.with_label_values(&[*kind]).inc();
            }
            RuntimeEvent::Committed { thread, took } => {
                metrics.commit_seconds.with_label_values(&[&thread.to_string()]).observe(took.as_secs_f64());
                metrics.transactions.with_label_values(&[TransactionOutcome::Committed.name()]).inc();
            }
            RuntimeEvent::RolledBack { thread, outcome, why } => {
                warn!(thread, outcome = outcome.name(), why, "a transaction did not commit; its tasks are restored");
                metrics.transactions.with_label_values(&[outcome.name()]).inc();
            }
            RuntimeEvent::LogRetry { call, why } => {
                warn!(call, why, "the log did not answer; trying again");
                metrics.log_retries.with_label_values(&[*call]).inc();
            }
            RuntimeEvent::Panicked { partition, stage, records: (first, last), message } => {
                error!(%partition, stage, %first, %last, message, "a stage panicked; its task is restored");
                metrics.panics.with_label_values(&[*stage]).inc();
            }
            RuntimeEvent::Skipped { partition, offset, why } => {
                error!(%partition, %offset, why, "the record failed too often and goes to the dead-letter topic");
                metrics.records_skipped.with_label_values(&[&partition.partition.to_string()]).inc();
            }
        }
    }
}

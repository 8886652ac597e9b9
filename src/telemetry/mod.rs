//! Telemetry: facts become metrics and log lines.
//!
//! The core tells what happened as [`Notice`](crate::processor::Notice)s, the runtime as [`RuntimeEvent`]s; here one exhaustive match for each turns them into the
//! metrics of [`METRICS`] and lines of `tracing`. Nothing here decides anything, and nothing here knows actors, logs or stores.

mod coins;
mod event;
mod events;
mod logs;
mod notices;
mod scores;
mod table;

use std::sync::{Mutex, MutexGuard, PoisonError};

use prometheus::{Counter, Encoder, Registry, TextEncoder};

pub use coins::{CoinLabels, MOST_LABELLED_COINS, OTHER};
pub use event::{CheckpointRefusal, RestoreSource, RuntimeEvent, SnapshotOrigin, TransactionOutcome};
pub use logs::{LogFormat, LogsError, init_logging};
pub use notices::CommittedBatch;
pub use scores::TaskGauges;
use table::Metrics;
pub use table::{BUCKETS_SECONDS, METRICS, MetricInfo, MetricKind};

/// The metrics of a process, in a registry of their own.
pub struct Telemetry {
    registry: Registry,
    metrics: Metrics,
    coins: Mutex<CoinLabels>,
}

impl Default for Telemetry {
    fn default() -> Self {
        Telemetry::new()
    }
}

impl Telemetry {
    /// Metrics that all stand at their beginning.
    pub fn new() -> Self {
        let registry = Registry::new();
        let metrics = Metrics::register(&registry).expect("the table's names are valid and differ: a test proves it");
        metrics.build_info.with_label_values(&[env!("CARGO_PKG_VERSION")]).set(1.0);
        Telemetry { registry, metrics, coins: Mutex::new(CoinLabels::new(MOST_LABELLED_COINS)) }
    }

    /// Everything in Prometheus' text format.
    pub fn render(&self) -> String {
        let mut bytes = Vec::new();
        // Writing to memory cannot fail, and the families are those of the table: an error would be a bug and shows as an empty page.
        if TextEncoder::new().encode(&self.registry.gather(), &mut bytes).is_err() {
            return String::new();
        }
        String::from_utf8(bytes).unwrap_or_default()
    }

    /// The content type of [`render`](Self::render).
    pub const CONTENT_TYPE: &'static str = "text/plain; version=0.0.4; charset=utf-8";

    /// The counter a stage adds its busy seconds to.
    pub fn stage_busy(&self, stage: &str) -> Counter {
        self.metrics.stage_busy.with_label_values(&[stage])
    }

    fn coins(&self) -> MutexGuard<'_, CoinLabels> {
        // A panic elsewhere leaves the set of coins usable.
        self.coins.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

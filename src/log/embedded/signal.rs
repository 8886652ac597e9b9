//! Waking those who wait for new records: threads by a condition variable, async code by a watch channel.

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::watch;

/// The moment `timeout` from now, at most a day ahead: nobody waits longer without a look around, and no sum overflows.
pub(super) fn deadline(timeout: Duration) -> Instant {
    Instant::now() + timeout.min(Duration::from_secs(86_400))
}

/// A number that rises with every commit that appends records.
pub(super) struct Signal {
    generation: Mutex<u64>,
    risen: Condvar,
    watchers: watch::Sender<u64>,
}

impl Signal {
    pub(super) fn new() -> Self {
        Signal { generation: Mutex::new(0), risen: Condvar::new(), watchers: watch::Sender::new(0) }
    }

    pub(super) fn generation(&self) -> u64 {
        *self.generation.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn watch(&self) -> watch::Receiver<u64> {
        self.watchers.subscribe()
    }

    pub(super) fn raise(&self) {
        let mut generation = self.generation.lock().unwrap_or_else(PoisonError::into_inner);
        *generation += 1;
        self.watchers.send_replace(*generation);
        self.risen.notify_all();
    }

    /// Waits until the generation is above `seen`; `false` when `deadline` comes first.
    pub(super) fn wait_past(&self, seen: u64, deadline: Instant) -> bool {
        let mut generation = self.generation.lock().unwrap_or_else(PoisonError::into_inner);
        while *generation <= seen {
            let left = deadline.saturating_duration_since(Instant::now());
            if left == Duration::ZERO {
                return false;
            }
            generation = self.risen.wait_timeout(generation, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }
}

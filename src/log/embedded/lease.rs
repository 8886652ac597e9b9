//! Who may write as whom: a new client of a thread slot, or a new appender of a name, fences the one before it.
//!
//! It lives in memory: all of them are in this process, and the file lock keeps other processes out.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::log::LogError;

/// What is held.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Holder {
    /// A thread slot of an application.
    Thread(Arc<str>, u32),
    /// The name of an appender.
    Appender(Arc<str>),
}

#[derive(Debug, Default)]
struct Table {
    next_epoch: u64,
    held: BTreeMap<Holder, u64>,
}

/// All leases of a log.
#[derive(Debug, Clone, Default)]
pub(super) struct Leases(Arc<Mutex<Table>>);

/// The right to write as `holder`, until somebody else takes it or it is dropped.
#[derive(Debug)]
pub(super) struct Lease {
    leases: Leases,
    holder: Holder,
    epoch: u64,
}

impl Leases {
    fn table(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn take(&self, holder: Holder) -> Lease {
        let mut table = self.table();
        let epoch = table.next_epoch;
        table.next_epoch += 1;
        table.held.insert(holder.clone(), epoch);
        Lease { leases: self.clone(), holder, epoch }
    }

    pub(super) fn any(&self, fits: impl Fn(&Holder) -> bool) -> bool {
        self.table().held.keys().any(fits)
    }
}

impl Lease {
    /// Whether the right is still there.
    pub(super) fn check(&self) -> Result<(), LogError> {
        if self.leases.table().held.get(&self.holder) == Some(&self.epoch) {
            return Ok(());
        }
        Err(LogError::Fatal(format!(
            "fenced: a newer client has taken over as {}; this one can commit nothing any more",
            self.holder
        )))
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let mut table = self.leases.table();
        if table.held.get(&self.holder) == Some(&self.epoch) {
            table.held.remove(&self.holder);
        }
    }
}

impl std::fmt::Display for Holder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Holder::Thread(application, index) => write!(f, "thread {index} of application {application:?}"),
            Holder::Appender(name) => write!(f, "appender {name:?}"),
        }
    }
}

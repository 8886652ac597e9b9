//! What the standby has put into the local store.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use crate::record::{Offset, TopicPartition};

/// The positions of the snapshots that the standby of this process has put into the local store.
#[derive(Debug, Default)]
pub(super) struct Standbys(Mutex<BTreeMap<TopicPartition, Offset>>);

impl Standbys {
    /// Whether the standby put the snapshot at this position there.
    pub(super) fn wrote(&self, partition: &TopicPartition, position: Offset) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(partition) == Some(&position)
    }
}

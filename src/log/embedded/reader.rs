//! Reading committed records outside every group.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::cursor::Cursor;
use super::shared::Shared;
use super::signal::deadline;
use crate::log::{Fetched, LogError, LogReader, Watermarks};
use crate::record::{Offset, TopicPartition};

pub(super) struct EmbeddedReader {
    shared: Arc<Shared>,
    cursors: BTreeMap<TopicPartition, Cursor>,
}

impl EmbeddedReader {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        EmbeddedReader { shared, cursors: BTreeMap::new() }
    }
}

impl LogReader for EmbeddedReader {
    fn read(
        &mut self,
        partition: &TopicPartition,
        from: Offset,
        to: Offset,
        max_records: usize,
        timeout: Duration,
    ) -> Result<Fetched, LogError> {
        let deadline = deadline(timeout);
        let cursor = self.cursors.entry(partition.clone()).or_insert_with(|| Cursor::new(partition.clone(), from));
        cursor.position = from;
        loop {
            let seen = self.shared.signal().generation();
            let records = cursor.take(&self.shared, max_records, to)?;
            let done = cursor.position != from || max_records == 0 || to <= from;
            if done || !self.shared.signal().wait_past(seen, deadline) {
                return Ok(Fetched { records, next: cursor.position });
            }
        }
    }

    fn watermarks(&mut self, partition: &TopicPartition) -> Result<Watermarks, LogError> {
        Ok(self.shared.state().partition(partition)?.partition.watermarks())
    }
}

//! Appending with a cursor of the appender's own.

use std::sync::Arc;

use redb::Durability;

use super::lease::{Holder, Lease};
use super::shared::Shared;
use super::transaction::{Appends, check_metadata};
use crate::log::{LogAppender, LogError};
use crate::record::{RecordBatch, TopicPartition};

pub(super) struct EmbeddedAppender {
    shared: Arc<Shared>,
    name: Arc<str>,
    lease: Lease,
    appends: Appends,
}

impl EmbeddedAppender {
    pub(super) fn new(shared: Arc<Shared>, name: &str) -> Self {
        let name: Arc<str> = name.into();
        let lease = shared.lease(Holder::Appender(name.clone()));
        EmbeddedAppender { shared, name, lease, appends: Appends::default() }
    }
}

impl LogAppender for EmbeddedAppender {
    fn cursor(&mut self) -> Result<Option<String>, LogError> {
        Ok(self.shared.state().cursors.get(&self.name).cloned())
    }

    fn append(&mut self, to: &TopicPartition, records: &RecordBatch) -> Result<(), LogError> {
        self.shared.state().check_records(to, records)?;
        self.appends.push(to, records, self.shared.max_transaction_bytes())
    }

    fn commit(&mut self, cursor: &str) -> Result<(), LogError> {
        check_metadata(cursor)?;
        self.shared.append(&self.lease, Durability::Immediate, &self.appends, |state| {
            state.cursors.insert(self.name.clone(), cursor.to_owned());
            Ok(())
        })?;
        self.appends.clear();
        Ok(())
    }
}

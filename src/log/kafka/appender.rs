//! Appending with a cursor of the appender's own: the metadata of an offset that commits in the same transaction.
//!
//! The group of an appender has no members. It commits for partition 0 of a topic that was written to, because Kafka keeps offsets of existing partitions only;
//! the offset counts the commits, so that the newest of several is found.

use std::collections::BTreeMap;
use std::sync::Arc;

use rdkafka::consumer::Consumer;

use super::client::{check_metadata, offsets_list};
use super::close::Closing;
use super::context::{Context, list_of};
use super::fault::At;
use super::input::committed_of;
use super::output::{Output, Sent};
use super::settings::KafkaSettings;
use super::topics::{ANSWER, Topics};
use crate::log::{Committed, LogAppender, LogError};
use crate::record::{Offset, RecordBatch, TopicPartition};

pub(super) struct KafkaAppender {
    settings: KafkaSettings,
    topics: Arc<Topics>,
    output: Output,
    /// Asks for the cursor, and names the group.
    group: Closing,
    /// Where the cursor is kept, and the number of its commit; not known before the first look.
    kept: Option<(Option<TopicPartition>, i64)>,
    /// A topic of the open transaction.
    written: Option<Arc<str>>,
    broken: Option<String>,
}

impl KafkaAppender {
    pub(super) fn new(settings: &KafkaSettings, topics: Arc<Topics>, name: &str) -> Result<Self, LogError> {
        let group = group_of(name);
        let output = Output::new(settings, &group, Some(group.clone()))?;
        let at = At { servers: &settings.servers, what: "make a client" };
        let consumer = settings.asking(&group).create_with_context(Context::default()).map_err(|e| at.reading(&e))?;
        let group = Closing::new(consumer);
        Ok(KafkaAppender { settings: settings.clone(), topics, output, group, kept: None, written: None, broken: None })
    }

    fn check_usable(&self) -> Result<(), LogError> {
        self.broken.as_ref().map_or(Ok(()), |why| Err(LogError::Fatal(why.clone())))
    }

    fn told<T>(&mut self, outcome: Result<T, LogError>) -> Result<T, LogError> {
        // A transaction that cannot commit takes the appender with it: the caller goes on from the cursor with a new one.
        if let Err(LogError::Fatal(why) | LogError::Abort(why)) = &outcome {
            self.broken.get_or_insert_with(|| why.clone());
        }
        outcome
    }

    /// The newest of the group's offsets.
    fn look(&mut self) -> Result<Option<Committed>, LogError> {
        let all = self.topics.all()?;
        let places: Vec<TopicPartition> = all.keys().map(|topic| TopicPartition::new(topic.as_str(), 0)).collect();
        let at = At { servers: &self.settings.servers, what: "ask for the cursor" };
        let found = committed_of(&self.group, list_of(&places), at, ANSWER)?;
        let newest = found.into_iter().max_by_key(|(_, committed)| committed.offset);
        self.kept = Some((newest.as_ref().map(|(place, _)| place.clone()), newest.as_ref().map_or(0, |(_, c)| c.offset.0)));
        Ok(newest.map(|(_, committed)| committed))
    }

    fn commit_cursor(&mut self, cursor: &str) -> Result<(), LogError> {
        check_metadata(cursor)?;
        if self.kept.is_none() {
            self.look()?;
        }
        let (place, number) = self.kept.clone().unwrap_or_default();
        let written = self.written.as_ref().map(|topic| TopicPartition::new(topic.clone(), 0));
        let any = || Ok(self.topics.all()?.keys().next().map(|topic| TopicPartition::new(topic.as_str(), 0)));
        let place = match written.or(place) {
            Some(place) => place,
            None => {
                any()?.ok_or_else(|| LogError::Usage("a cursor needs a topic to be kept with; create one first".to_owned()))?
            }
        };
        let committed = Committed { offset: Offset(number + 1), metadata: cursor.to_owned() };
        let at = At { servers: &self.settings.servers, what: "commit" };
        let list = offsets_list(&BTreeMap::from([(place.clone(), committed)])).map_err(|e| at.reading(&e))?;
        let member = self.group.group_metadata().ok_or_else(|| LogError::Fatal("the appender has no group".to_owned()))?;
        self.output.begin()?;
        if self.output.send_offsets(&list, &Arc::new(member))? == Sent::Overtaken {
            return Err(LogError::Abort("somebody has joined the appender's group, which has no members".to_owned()));
        }
        self.output.commit()?;
        self.kept = Some((Some(place), number + 1));
        self.written = None;
        Ok(())
    }
}

/// The group that holds the cursor of an appender, and its transactional id.
fn group_of(name: &str) -> String {
    format!("tidemill.appender.{name}")
}

impl LogAppender for KafkaAppender {
    fn cursor(&mut self) -> Result<Option<String>, LogError> {
        self.check_usable()?;
        let outcome = self.look().map(|committed| committed.map(|committed| committed.metadata));
        self.told(outcome)
    }

    fn append(&mut self, to: &TopicPartition, records: &RecordBatch) -> Result<(), LogError> {
        self.check_usable()?;
        self.topics.check(to)?;
        let outcome = self.output.produce(to, records);
        self.written = Some(to.topic.clone());
        self.output.serve();
        self.told(outcome)
    }

    fn commit(&mut self, cursor: &str) -> Result<(), LogError> {
        self.check_usable()?;
        let outcome = self.commit_cursor(cursor);
        self.told(outcome)
    }
}

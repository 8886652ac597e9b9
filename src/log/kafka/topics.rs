//! What the cluster says of its topics: partition counts, ends. Shared by all clients of a log; safe to ask from any thread.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rdkafka::consumer::Consumer;

use super::close::Closing;
use super::context::Context;
use super::fault::At;
use super::settings::KafkaSettings;
use crate::log::{LogError, Watermarks};
use crate::record::{Offset, TopicPartition};

/// Longest wait for an answer to one question.
pub(super) const ANSWER: Duration = Duration::from_secs(5);

/// See the module's documentation.
pub(super) struct Topics {
    consumer: Closing,
    servers: String,
    counts: Mutex<BTreeMap<String, u32>>,
}

impl Topics {
    pub(super) fn new(settings: &KafkaSettings) -> Result<Self, LogError> {
        let at = At { servers: &settings.servers, what: "make a client" };
        let consumer = settings.reader().create_with_context(Context::default()).map_err(|e| at.reading(&e))?;
        Ok(Topics { consumer: Closing::new(consumer), servers: settings.servers.clone(), counts: Mutex::default() })
    }

    fn at<'a>(&'a self, what: &'a str) -> At<'a> {
        At { servers: &self.servers, what }
    }

    /// The consumer that asks.
    pub(super) fn consumer(&self) -> &Closing {
        &self.consumer
    }

    /// Asks for all topics with their partition counts; names that begin with two underscores are Kafka's own and left out.
    pub(super) fn all(&self) -> Result<BTreeMap<String, u32>, LogError> {
        let metadata = self.consumer.fetch_metadata(None, ANSWER).map_err(|e| self.at("ask for the topics").reading(&e))?;
        let named = metadata.topics().iter().filter(|topic| !topic.name().starts_with("__") && !topic.partitions().is_empty());
        let counts: BTreeMap<String, u32> =
            named.map(|topic| (topic.name().to_owned(), topic.partitions().len() as u32)).collect();
        *self.counts.lock().unwrap_or_else(PoisonError::into_inner) = counts.clone();
        Ok(counts)
    }

    /// Number of partitions of a topic; `None` when there is no such topic.
    pub(super) fn count(&self, topic: &str) -> Result<Option<u32>, LogError> {
        let known = self.counts.lock().unwrap_or_else(PoisonError::into_inner).get(topic).copied();
        match known {
            Some(count) => Ok(Some(count)),
            None => Ok(self.all()?.get(topic).copied()),
        }
    }

    /// Refuses a partition that does not exist.
    pub(super) fn check(&self, partition: &TopicPartition) -> Result<(), LogError> {
        match self.count(&partition.topic)? {
            None => Err(LogError::Usage(self.missing(&[&partition.topic]))),
            Some(count) if partition.partition >= count => Err(LogError::Usage(format!(
                "topic {:?} has no partition {}: it has {count}, counted from 0",
                partition.topic, partition.partition
            ))),
            Some(_) => Ok(()),
        }
    }

    /// The message for topics that do not exist.
    pub(super) fn missing(&self, topics: &[&str]) -> String {
        let names: Vec<String> = topics.iter().map(|name| format!("{name:?}")).collect();
        format!(
            "topic {} does not exist; create what a topology needs with `tidemill topics create TOPOLOGY --bootstrap-servers {}`",
            names.join(", "),
            self.servers
        )
    }

    /// Refuses input topics that are missing or not co-partitioned.
    pub(super) fn check_inputs(&self, topics: &[std::sync::Arc<str>]) -> Result<(), LogError> {
        let known = self.all()?;
        let missing: Vec<&str> = topics.iter().map(|name| &**name).filter(|name| !known.contains_key(*name)).collect();
        if !missing.is_empty() {
            return Err(LogError::Usage(self.missing(&missing)));
        }
        let counts: Vec<(&str, u32)> = topics.iter().map(|name| (&**name, known[&**name])).collect();
        if counts.iter().all(|(_, count)| *count == counts[0].1) {
            return Ok(());
        }
        let list: Vec<String> = counts.iter().map(|(name, count)| format!("{name:?} has {count}")).collect();
        Err(LogError::Usage(format!(
            "the input topics must have the same number of partitions, because one task reads one partition number of all of them: {}. Delete \
             those that differ and create them again with `tidemill topics create TOPOLOGY --bootstrap-servers {}`",
            list.join(", "),
            self.servers
        )))
    }

    /// The ends of a partition, for a reader of committed records.
    pub(super) fn watermarks(&self, partition: &TopicPartition) -> Result<Watermarks, LogError> {
        self.check(partition)?;
        let ends = self.consumer.fetch_watermarks(&partition.topic, partition.partition as i32, ANSWER);
        let (start, end) = ends.map_err(|e| self.at("ask for the ends of a partition").reading(&e))?;
        Ok(Watermarks { start: Offset(start), end: Offset(end) })
    }
}

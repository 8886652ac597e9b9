//! Apache Kafka, through librdkafka.
//!
//! A client is a consumer in the group of the application and a transactional producer, both owned by one thread. Outputs and input offsets commit in one
//! transaction, with the member's group metadata taken fresh each time, so that a member that has been replaced can commit nothing. Everything is read
//! `read_committed`. After an outcome that is fatal or unknown the client is of no use ([`LogError::Fatal`]); a new one for the same slot fences it.
//!
//! What librdkafka cannot do: it speaks the transaction protocol of before Kafka 4 (no epoch for each transaction), so a request of an earlier transaction that
//! was held up in the network for longer than everything else could still arrive in a later one. A producer that has met a time-out is therefore replaced
//! before its next transaction, which narrows that window and does not close it. So is one that has aborted records that were not delivered: librdkafka would
//! use their sequence numbers again.
//!
//! An instance's identity is stable: `transactional.id` is `{application.id}-{instance}-{thread}`, `group.instance.id` is `{instance}-{thread}` (a static
//! member). A restart within the session time-out takes its partitions back without a rebalance.

mod admin;
mod appender;
mod bounded;
mod client;
mod close;
mod context;
mod fault;
mod input;
mod members;
mod orphans;
mod output;
mod reader;
mod records;
mod settings;
mod topics;

use std::collections::BTreeMap;
use std::sync::Arc;

use self::admin::Admin;
use self::close::Closing;
use self::context::{Context, list_of};
use self::fault::At;
pub use self::settings::{Assignment, KafkaSettings, SettingsError};
use self::topics::{ANSWER, Topics};
use super::{
    ClientSettings, Committed, GroupMember, Log, LogAppender, LogClient, LogError, LogReader, TopicDescription, TopicSpec,
};
use crate::record::TopicPartition;

/// A Kafka cluster. A clone is another handle of the same connections.
///
/// ```no_run
/// use tidemill::log::Log;
/// use tidemill::log::kafka::{KafkaLog, KafkaSettings};
/// let log = KafkaLog::connect(KafkaSettings::new("localhost:9092", "instance-1"))?;
/// for topic in log.topics()? {
///     println!("{} has {} partitions", topic.spec.name, topic.spec.partitions);
/// }
/// # Ok::<(), tidemill::log::LogError>(())
/// ```
#[derive(Clone)]
pub struct KafkaLog {
    settings: KafkaSettings,
    topics: Arc<Topics>,
    admin: Arc<Admin>,
}

impl KafkaLog {
    /// Connects to the cluster and sees whether it answers.
    ///
    /// # Errors
    /// [`LogError::Usage`] when the settings do not fit together, [`LogError::Retriable`] when no broker answers within a few seconds.
    pub fn connect(settings: KafkaSettings) -> Result<Self, LogError> {
        let topics = Arc::new(Topics::new(&settings)?);
        topics.all()?;
        let admin = Arc::new(Admin::new(&settings, topics.clone())?);
        Ok(KafkaLog { settings, topics, admin })
    }

    /// The settings.
    pub fn settings(&self) -> &KafkaSettings {
        &self.settings
    }
}

impl Log for KafkaLog {
    fn client(&self, settings: &ClientSettings) -> Result<Box<dyn LogClient>, LogError> {
        Ok(Box::new(client::KafkaClient::new(&self.settings, self.topics.clone(), settings)?))
    }

    fn reader(&self) -> Result<Box<dyn LogReader>, LogError> {
        Ok(Box::new(reader::KafkaReader::new(&self.settings, self.topics.clone())))
    }

    fn appender(&self, name: &str) -> Result<Box<dyn LogAppender>, LogError> {
        Ok(Box::new(appender::KafkaAppender::new(&self.settings, self.topics.clone(), name)?))
    }

    fn create_topics(&self, topics: &[TopicSpec]) -> Result<(), LogError> {
        self.admin.create(topics)
    }

    fn delete_topics(&self, names: &[&str]) -> Result<(), LogError> {
        self.admin.delete(names)
    }

    fn topics(&self) -> Result<Vec<TopicDescription>, LogError> {
        self.admin.describe()
    }

    fn group_offsets(&self, application_id: &str) -> Result<BTreeMap<TopicPartition, Committed>, LogError> {
        let at = At { servers: &self.settings.servers, what: "ask for the offsets of a group" };
        let consumer =
            self.settings.asking(application_id).create_with_context(Context::default()).map_err(|e| at.reading(&e))?;
        let all = self.topics.all()?;
        let numbers = |(topic, count): (&String, &u32)| -> Vec<TopicPartition> {
            (0..*count).map(|number| TopicPartition::new(topic.as_str(), number)).collect()
        };
        let places: Vec<TopicPartition> = all.iter().flat_map(numbers).collect();
        input::committed_of(&Closing::new(consumer), list_of(&places), at, ANSWER)
    }

    fn group_members(&self, application_id: &str) -> Result<Vec<GroupMember>, LogError> {
        members::members(&self.topics, &self.settings, application_id, topics::ANSWER)
    }

    fn delete_group(&self, application_id: &str) -> Result<(), LogError> {
        self.admin.delete_group(application_id)
    }
}

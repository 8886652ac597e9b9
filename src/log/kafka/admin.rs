//! Topics and groups: create, describe, delete.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll, Wake, Waker};
use std::thread::Thread;
use std::time::{Duration, Instant};

use rdkafka::admin::{AdminClient, AdminOptions, AlterConfig, NewTopic, ResourceSpecifier, TopicReplication};
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};

use super::context::Context;
use super::fault::At;
use super::settings::KafkaSettings;
use super::topics::{ANSWER, Topics};
use crate::log::{LogError, Retention, TopicDescription, TopicSpec, Watermarks};
use crate::record::TopicPartition;

/// Size of the segments of a compacted topic: as that of Kafka Streams' own internal topics.
const COMPACTED_SEGMENT_BYTES: &str = "52428800";

/// Longest wait for the controller.
const PATIENCE: Duration = Duration::from_secs(30);

/// Time between two looks at what is not there yet.
const PAUSE: Duration = Duration::from_millis(20);

/// See the module's documentation.
pub(super) struct Admin {
    client: AdminClient<Context>,
    topics: Arc<Topics>,
    servers: String,
    replication: i32,
}

impl Admin {
    pub(super) fn new(settings: &KafkaSettings, topics: Arc<Topics>) -> Result<Self, LogError> {
        let at = At { servers: &settings.servers, what: "make a client" };
        let client = settings.admin().create_with_context(Context::default()).map_err(|e| at.reading(&e))?;
        let replication = settings.replication_factor.map_or(-1, i32::from);
        Ok(Admin { client, topics, servers: settings.servers.clone(), replication })
    }

    fn at<'a>(&'a self, what: &'a str) -> At<'a> {
        At { servers: &self.servers, what }
    }

    pub(super) fn create(&self, topics: &[TopicSpec]) -> Result<(), LogError> {
        let known = self.topics.all()?;
        for spec in topics {
            check_spec(spec)?;
            if let Some(count) = known.get(&*spec.name).filter(|count| **count != spec.partitions) {
                return Err(LogError::Usage(format!(
                    "topic {:?} exists with {count} partitions, but {} are asked for; keys would move, so delete it and create it again, or ask for {count}",
                    spec.name, spec.partitions
                )));
            }
        }
        let (there, new): (Vec<&TopicSpec>, Vec<&TopicSpec>) = topics.iter().partition(|spec| known.contains_key(&*spec.name));
        self.create_new(&new)?;
        self.set_retention(&there)
    }

    fn create_new(&self, specs: &[&TopicSpec]) -> Result<(), LogError> {
        if specs.is_empty() {
            return Ok(());
        }
        let all: Vec<_> = specs.iter().map(|spec| properties(spec.retention)).collect();
        let new = specs.iter().zip(&all).map(|(spec, properties)| {
            let topic = NewTopic::new(&spec.name, spec.partitions as i32, TopicReplication::Fixed(self.replication));
            let topic = properties.iter().fold(topic, |topic, (key, value)| topic.set(key, value));
            // No time stamp is refused: bad records carry any.
            topic.set("message.timestamp.type", "CreateTime").set("message.timestamp.after.max.ms", "9223372036854775807")
        });
        // The cleaner leaves the newest segment alone: with a broker's usual 1 GB a compacted topic would grow to that before anything goes.
        let segmented = new.zip(specs).map(|(topic, spec)| match spec.retention {
            Retention::Compacted => topic.set("segment.bytes", COMPACTED_SEGMENT_BYTES),
            Retention::Unlimited | Retention::Bytes(_) => topic,
        });
        let new: Vec<NewTopic<'_>> = segmented.collect();
        let outcome = wait(self.client.create_topics(&new, &options())).map_err(|e| self.at("create topics").reading(&e))?;
        for result in outcome {
            match result {
                Ok(_) | Err((_, Code::TopicAlreadyExists)) => {}
                Err((name, code)) => return Err(self.refused("create", &name, code)),
            }
        }
        let deadline = Instant::now() + PATIENCE;
        self.until(deadline, "the new topics are not known everywhere yet", |known| {
            specs.iter().all(|spec| known.get(&*spec.name) == Some(&spec.partitions))
        })?;
        let places = specs.iter().flat_map(|spec| (0..spec.partitions).map(|n| TopicPartition::new(spec.name.clone(), n)));
        for place in places {
            self.ends(&place, deadline)?;
        }
        Ok(())
    }

    /// The ends of a partition, once it has a leader that knows of it: right after a topic is made it may have none.
    fn ends(&self, place: &TopicPartition, deadline: Instant) -> Result<Watermarks, LogError> {
        loop {
            match self.topics.watermarks(place) {
                Err(LogError::Retriable(_)) if Instant::now() < deadline => std::thread::sleep(PAUSE),
                outcome => return outcome,
            }
        }
    }

    fn until(&self, deadline: Instant, late: &str, done: impl Fn(&BTreeMap<String, u32>) -> bool) -> Result<(), LogError> {
        while !done(&self.topics.all()?) {
            if Instant::now() > deadline {
                return Err(LogError::Retriable(format!("{late} (brokers {})", self.servers)));
            }
            std::thread::sleep(PAUSE);
        }
        Ok(())
    }

    fn refused(&self, what: &str, name: &str, code: Code) -> LogError {
        let text = format!("cannot {what} {name:?}: {code} (brokers {})", self.servers);
        match code {
            Code::NotController | Code::RequestTimedOut | Code::OperationTimedOut | Code::BrokerTransportFailure => {
                LogError::Retriable(text)
            }
            Code::CoordinatorLoadInProgress | Code::CoordinatorNotAvailable | Code::NotCoordinator => LogError::Retriable(text),
            _ => LogError::Usage(text),
        }
    }

    /// What the topics say of their retention.
    fn retentions(&self, names: &[&str]) -> Result<BTreeMap<String, BTreeMap<String, String>>, LogError> {
        let resources: Vec<ResourceSpecifier<'_>> = names.iter().map(|name| ResourceSpecifier::Topic(name)).collect();
        if resources.is_empty() {
            return Ok(BTreeMap::new());
        }
        let described =
            wait(self.client.describe_configs(&resources, &options())).map_err(|e| self.at("describe topics").reading(&e))?;
        let mut all = BTreeMap::new();
        for (name, resource) in names.iter().zip(described) {
            let resource = resource.map_err(|code| self.refused("describe", name, code))?;
            // Only what was set for the topic itself: a change must repeat it, or it falls back to the broker's default.
            let own = resource.entries.into_iter().filter(|entry| entry.source == rdkafka::admin::ConfigSource::DynamicTopic);
            all.insert((*name).to_owned(), own.filter_map(|entry| Some((entry.name, entry.value?))).collect());
        }
        Ok(all)
    }

    fn set_retention(&self, specs: &[&TopicSpec]) -> Result<(), LogError> {
        let names: Vec<&str> = specs.iter().map(|spec| &*spec.name).collect();
        let mut own = self.retentions(&names)?;
        let mut changed = Vec::new();
        for spec in specs {
            let Some(mut values) = own.remove(&*spec.name) else { continue };
            let asked = properties(spec.retention);
            if asked.iter().any(|(key, value)| values.get(*key) != Some(value)) {
                values.extend(asked.into_iter().map(|(key, value)| (key.to_owned(), value)));
                changed.push((&*spec.name, values));
            }
        }
        for (name, values) in &changed {
            let alter = AlterConfig::new(ResourceSpecifier::Topic(name));
            let alter = values.iter().fold(alter, |alter, (key, value)| alter.set(key, value));
            let outcome = wait(self.client.alter_configs([&alter], &options()));
            for result in outcome.map_err(|e| self.at("change a topic").reading(&e))? {
                result.map_err(|(_, code)| self.refused("change", name, code))?;
            }
        }
        Ok(())
    }

    pub(super) fn delete(&self, names: &[&str]) -> Result<(), LogError> {
        let known = self.topics.all()?;
        let there: Vec<&str> = names.iter().copied().filter(|name| known.contains_key(*name)).collect();
        if there.is_empty() {
            return Ok(());
        }
        let outcome = wait(self.client.delete_topics(&there, &options())).map_err(|e| self.at("delete topics").reading(&e))?;
        for result in outcome {
            match result {
                Ok(_) | Err((_, Code::UnknownTopicOrPartition)) => {}
                Err((name, code)) => return Err(self.refused("delete", &name, code)),
            }
        }
        let gone = |known: &BTreeMap<String, u32>| there.iter().all(|name| !known.contains_key(*name));
        self.until(Instant::now() + PATIENCE, "the deleted topics are still known somewhere", gone)
    }

    pub(super) fn describe(&self) -> Result<Vec<TopicDescription>, LogError> {
        let known = self.topics.all()?;
        let names: Vec<&str> = known.keys().map(String::as_str).collect();
        let own = self.retentions(&names)?;
        let deadline = Instant::now() + ANSWER;
        let describe = |(name, partitions): (&String, &u32)| {
            let retention = own.get(name).map_or(Retention::Unlimited, retention_of);
            let place = |number| TopicPartition::new(name.as_str(), number);
            let watermarks = (0..*partitions).map(|number| self.ends(&place(number), deadline)).collect::<Result<_, _>>()?;
            let spec = TopicSpec { name: name.as_str().into(), partitions: *partitions, retention };
            Ok(TopicDescription { spec, watermarks, bytes: Vec::new() })
        };
        known.iter().map(describe).collect()
    }

    pub(super) fn delete_group(&self, group: &str) -> Result<(), LogError> {
        let outcome = wait(self.client.delete_groups(&[group], &options())).map_err(|e| self.at("delete a group").reading(&e))?;
        match outcome.into_iter().next() {
            None | Some(Ok(_) | Err((_, Code::GroupIdNotFound))) => Ok(()),
            Some(Err((_, Code::NonEmptyGroup))) => Err(LogError::Usage(format!(
                "application {group:?} is running, or has ended without leaving its group; stop it, or wait for its session time-out, then reset it"
            ))),
            Some(Err((_, code))) => Err(self.refused("delete the group", group, code)),
        }
    }
}

fn options() -> AdminOptions {
    AdminOptions::new().request_timeout(Some(PATIENCE)).operation_timeout(Some(PATIENCE))
}

/// The properties of a topic that keeps its records so.
fn properties(retention: Retention) -> [(&'static str, String); 3] {
    let (policy, bytes) = match retention {
        Retention::Unlimited => ("delete", "-1".to_owned()),
        Retention::Bytes(bytes) => ("delete", bytes.to_string()),
        Retention::Compacted => ("compact", "-1".to_owned()),
    };
    // By time nothing is removed: replays carry time stamps of history.
    [("cleanup.policy", policy.to_owned()), ("retention.bytes", bytes), ("retention.ms", "-1".to_owned())]
}

fn retention_of(values: &BTreeMap<String, String>) -> Retention {
    match values.get("retention.bytes").and_then(|bytes| bytes.parse::<u64>().ok()) {
        _ if values.get("cleanup.policy").is_some_and(|policy| policy == "compact") => Retention::Compacted,
        Some(bytes) => Retention::Bytes(bytes),
        None => Retention::Unlimited,
    }
}

fn check_spec(spec: &TopicSpec) -> Result<(), LogError> {
    let (name, legal) = (&*spec.name, |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'));
    if name.is_empty() || name.len() > 249 || name == "." || name == ".." || !name.chars().all(legal) {
        return Err(LogError::Usage(format!(
            "{name:?} is no name of a topic; it has 1 to 249 of the characters a-z A-Z 0-9 . _ -"
        )));
    }
    if spec.partitions == 0 {
        return Err(LogError::Usage(format!("topic {name:?} needs at least one partition")));
    }
    Ok(())
}

/// Wakes the thread that waits.
struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Waits for a future of the admin client; its own thread drives it.
fn wait<T>(future: impl Future<Output = Result<T, KafkaError>>) -> Result<T, KafkaError> {
    let mut future = pin!(future);
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut context = TaskContext::from_waker(&waker);
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(outcome) => return outcome,
            Poll::Pending => std::thread::park(),
        }
    }
}

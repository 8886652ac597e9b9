//! The client of one thread: a consumer and a producer that stand up for each other.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::topic_partition_list::{Offset as Place, TopicPartitionList};
use tracing::debug;

use super::fault::At;
use super::input::Input;
use super::orphans::Watch;
use super::output::{Output, Sent};
use super::settings::KafkaSettings;
use super::topics::{ANSWER, Topics};
use crate::log::{ClientSettings, Committed, Guarantee, LogClient, LogError, LogEvent, MAX_METADATA_BYTES, Watermarks};
use crate::record::{Offset, RecordBatch, TopicPartition};

/// How often a rebalance may overtake a transaction before its tasks are rolled back.
const OVERTAKEN: u32 = 5;
/// Longest poll, so that a sum with it cannot overflow.
const LONGEST: Duration = Duration::from_secs(86_400);

pub(super) struct KafkaClient {
    settings: KafkaSettings,
    topics: Arc<Topics>,
    guarantee: Guarantee,
    input: Input,
    output: Output,
    watch: Watch,
    /// Why it is of no use any more.
    broken: Option<String>,
}

impl KafkaClient {
    pub(super) fn new(settings: &KafkaSettings, topics: Arc<Topics>, client: &ClientSettings) -> Result<Self, LogError> {
        topics.check_inputs(&client.topics)?;
        let name = format!("{}-{}", settings.instance_id, client.thread.index);
        let id = (client.guarantee == Guarantee::ExactlyOnceV2).then(|| format!("{}-{name}", client.application_id));
        // The producer first: it aborts what an earlier client of the slot has left open, which the consumer would have to wait for.
        let output = Output::new(settings, &name, id)?;
        let input = Input::new(settings, client)?;
        let (settings, guarantee, watch) = (settings.clone(), client.guarantee, Watch::new(client));
        Ok(KafkaClient { settings, topics, guarantee, input, output, watch, broken: None })
    }

    fn check_usable(&self) -> Result<(), LogError> {
        self.broken.as_ref().map_or(Ok(()), |why| Err(LogError::Fatal(why.clone())))
    }

    /// Remembers a fatal error: every later call fails with it. A consumer with a fatal error connects no more, so that its calls only time out, as if the
    /// brokers were away: such an error is not to be waited out.
    fn told<T>(&mut self, outcome: Result<T, LogError>) -> Result<T, LogError> {
        let outcome = outcome.map_err(|error| match (self.input.fatal_error(), error) {
            (Some(why), LogError::Retriable(text) | LogError::Abort(text)) => LogError::Fatal(format!("{text}: {why}")),
            (_, error) => error,
        });
        if let Err(LogError::Fatal(why)) = &outcome {
            self.broken.get_or_insert_with(|| why.clone());
        }
        outcome
    }

    fn commit_all(&mut self, offsets: &BTreeMap<TopicPartition, Committed>) -> Result<(), LogError> {
        for (partition, done) in offsets {
            self.input.check_assigned(partition)?;
            check_metadata(&done.metadata)?;
        }
        let at = At { servers: &self.settings.servers, what: "commit" };
        let list = offsets_list(offsets).map_err(|e| at.reading(&e))?;
        match self.guarantee {
            Guarantee::ExactlyOnceV2 if !offsets.is_empty() => {
                self.output.begin()?;
                self.send_offsets(&list)?;
                self.output.commit()
            }
            Guarantee::ExactlyOnceV2 if self.output.is_open() => self.output.commit(),
            Guarantee::ExactlyOnceV2 => Ok(()),
            Guarantee::AtLeastOnce => {
                self.output.commit()?;
                if offsets.is_empty() { Ok(()) } else { self.input.commit(&list) }
            }
        }
    }

    /// Adds input offsets to the transaction. When a rebalance overtakes it, the same records go into another one: what is assigned to us stays ours until we
    /// give it up, whatever the group's generation, so that nothing needs to be restored.
    fn send_offsets(&mut self, list: &TopicPartitionList) -> Result<(), LogError> {
        for _ in 0..OVERTAKEN {
            // First, so that little time is left for a rebalance to overtake the transaction, and nothing is under way when one does.
            self.output.deliver()?;
            match self.output.send_offsets(list, &self.input.member()?)? {
                Sent::Taken => return Ok(()),
                Sent::Overtaken => self.output.begin_again()?,
            }
            debug!("a rebalance has overtaken a transaction; its records go into another one");
        }
        Err(LogError::Abort(format!(
            "rebalances have overtaken a transaction {OVERTAKEN} times (brokers {})",
            self.settings.servers
        )))
    }
}

impl LogClient for KafkaClient {
    fn poll(&mut self, max_records: usize, timeout: Duration) -> Result<Vec<LogEvent>, LogError> {
        self.check_usable()?;
        self.output.serve();
        let outcome = self.input.poll(max_records, Instant::now() + timeout.min(LONGEST));
        let events = self.told(outcome)?;
        if events.iter().any(|event| matches!(event, LogEvent::Assigned(_))) {
            self.watch.begin();
        }
        if self.watch.calls_for(|| self.input.member_id(), &self.topics, &self.settings) {
            self.input.rejoin();
        }
        Ok(events)
    }

    fn pause(&mut self, partitions: &[TopicPartition]) -> Result<(), LogError> {
        self.check_usable()?;
        let outcome = self.input.set_paused(partitions, true);
        self.told(outcome)
    }

    fn resume(&mut self, partitions: &[TopicPartition]) -> Result<(), LogError> {
        self.check_usable()?;
        let outcome = self.input.set_paused(partitions, false);
        self.told(outcome)
    }

    fn seek(&mut self, partition: &TopicPartition, to: Offset) -> Result<(), LogError> {
        self.check_usable()?;
        let outcome = self.input.seek(partition, to);
        self.told(outcome)
    }

    fn committed(&mut self, partitions: &[TopicPartition]) -> Result<BTreeMap<TopicPartition, Committed>, LogError> {
        self.check_usable()?;
        let outcome = self.input.committed(partitions, ANSWER);
        self.told(outcome)
    }

    fn produce(&mut self, to: &TopicPartition, records: &RecordBatch) -> Result<(), LogError> {
        self.check_usable()?;
        self.topics.check(to)?;
        let outcome = self.output.produce(to, records);
        self.told(outcome)
    }

    fn commit(&mut self, offsets: &BTreeMap<TopicPartition, Committed>) -> Result<(), LogError> {
        self.check_usable()?;
        let outcome = self.commit_all(offsets);
        self.told(outcome)
    }

    fn abort(&mut self) -> Result<(), LogError> {
        self.check_usable()?;
        let outcome = self.output.abort();
        self.told(outcome)
    }

    fn watermarks(&mut self, partition: &TopicPartition) -> Result<Watermarks, LogError> {
        self.topics.watermarks(partition)
    }

    fn close(&mut self, timeout: Duration) -> Result<(), LogError> {
        if self.broken.is_none() {
            self.output
                .abort()
                .unwrap_or_else(|error| debug!(%error, "the next client of this slot will abort the open transaction"));
        }
        self.input.close(self.settings.leave_on_close && self.broken.is_none(), timeout);
        self.broken.get_or_insert_with(|| "the client is closed; make a new one".to_owned());
        Ok(())
    }
}

/// Refuses metadata that Kafka would refuse.
pub(super) fn check_metadata(text: &str) -> Result<(), LogError> {
    if text.len() <= MAX_METADATA_BYTES {
        return Ok(());
    }
    Err(LogError::Usage(format!(
        "the metadata of a committed position has {} bytes; Kafka's limit is {MAX_METADATA_BYTES}: keep it short",
        text.len()
    )))
}

/// Offsets to commit, for librdkafka.
pub(super) fn offsets_list(
    offsets: &BTreeMap<TopicPartition, Committed>,
) -> Result<TopicPartitionList, rdkafka::error::KafkaError> {
    let mut list = TopicPartitionList::with_capacity(offsets.len());
    for (partition, done) in offsets {
        let mut element = list.add_partition(&partition.topic, partition.partition as i32);
        element.set_offset(Place::Offset(done.offset.0))?;
        if !done.metadata.is_empty() {
            element.set_metadata(&done.metadata);
        }
    }
    Ok(list)
}

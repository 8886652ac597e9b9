//! What librdkafka tells: its log, its statistics, failed deliveries, rebalances. The callbacks only take notes.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use rdkafka::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext, RebalanceProtocol};
use rdkafka::error::KafkaError;
use rdkafka::message::Message;
use rdkafka::producer::{DeliveryResult, ProducerContext};
use rdkafka::topic_partition_list::TopicPartitionList;
use rdkafka::types::RDKafkaRespErr;
use tracing::{debug, info, trace, warn};

use crate::record::TopicPartition;

/// A rebalance that waits to be answered: librdkafka goes on once partitions have been assigned or given up.
#[derive(Debug)]
pub(super) enum Note {
    /// New partitions, possibly none.
    Assign(Vec<TopicPartition>),
    /// Partitions to give up; `lost` when somebody else has them already.
    Revoke { partitions: Vec<TopicPartition>, lost: bool },
}

/// See the module's documentation. One for each consumer or producer.
#[derive(Default)]
pub(super) struct Context {
    notes: Mutex<VecDeque<Note>>,
    /// Nobody looks at the notes any more: rebalances are answered in the callback.
    closing: AtomicBool,
    undelivered: Mutex<Option<String>>,
}

impl Context {
    pub(super) fn next_note(&self) -> Option<Note> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }

    pub(super) fn set_closing(&self) {
        self.closing.store(true, Ordering::SeqCst);
    }

    /// Why a record could not be delivered, if one could not since the last call.
    pub(super) fn take_undelivered(&self) -> Option<String> {
        self.undelivered.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl ClientContext for Context {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        match level {
            // That a property of consumers does nothing for a producer is no news: both are given all of the user's.
            _ if facility == "CONFWARN" => debug!(target: "librdkafka", "{message}"),
            RDKafkaLogLevel::Emerg | RDKafkaLogLevel::Alert | RDKafkaLogLevel::Critical | RDKafkaLogLevel::Error => {
                warn!(target: "librdkafka", facility, "{message}");
            }
            RDKafkaLogLevel::Warning | RDKafkaLogLevel::Notice => info!(target: "librdkafka", facility, "{message}"),
            RDKafkaLogLevel::Info | RDKafkaLogLevel::Debug => debug!(target: "librdkafka", facility, "{message}"),
        }
    }

    fn stats_raw(&self, statistics: &[u8]) {
        debug!(target: "librdkafka", statistics = %String::from_utf8_lossy(statistics), "statistics");
    }

    fn error(&self, error: KafkaError, reason: &str) {
        debug!(target: "librdkafka", %error, reason, "error");
    }
}

impl ConsumerContext for Context {
    fn rebalance(&self, consumer: &BaseConsumer<Self>, event: RDKafkaRespErr, partitions: &mut TopicPartitionList) {
        let assigned = event == RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS;
        if self.closing.load(Ordering::SeqCst) {
            // Unanswered, the rebalance would never end, and the group could not be left.
            return if assigned { accept(consumer, partitions) } else { unassign(consumer, partitions) };
        }
        let partitions = partitions_of(partitions);
        trace!(target: "librdkafka", assigned, ?partitions, "rebalance");
        let note = match assigned {
            true => Note::Assign(partitions),
            false => Note::Revoke { partitions, lost: consumer.assignment_lost() },
        };
        self.notes.lock().unwrap_or_else(PoisonError::into_inner).push_back(note);
    }
}

impl ProducerContext for Context {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        if let Err((error, message)) = result {
            let mut undelivered = self.undelivered.lock().unwrap_or_else(PoisonError::into_inner);
            undelivered.get_or_insert_with(|| format!("a record for {}-{}: {error}", message.topic(), message.partition()));
        }
    }
}

/// Whether assignments come in increments.
pub(super) fn is_cooperative(consumer: &BaseConsumer<Context>) -> bool {
    matches!(consumer.rebalance_protocol(), RebalanceProtocol::Cooperative)
}

/// Answers a revocation.
pub(super) fn unassign(consumer: &BaseConsumer<Context>, partitions: &TopicPartitionList) {
    let outcome = if is_cooperative(consumer) { consumer.incremental_unassign(partitions) } else { consumer.unassign() };
    if let Err(error) = outcome {
        debug!(%error, "partitions could not be given up; the group will see to it");
    }
}

/// Answers an assignment that nobody will use, before the group is left. It has to be taken all the same: what was not taken cannot be given up.
pub(super) fn accept(consumer: &BaseConsumer<Context>, partitions: &TopicPartitionList) {
    let outcome = if is_cooperative(consumer) { consumer.incremental_assign(partitions) } else { consumer.assign(partitions) };
    if let Err(error) = outcome {
        debug!(%error, "an assignment could not be taken; the group will see to it");
    }
}

/// The partitions of a list, in order.
pub(super) fn partitions_of(list: &TopicPartitionList) -> Vec<TopicPartition> {
    let partition = |number: i32| u32::try_from(number).unwrap_or_default();
    let mut all: Vec<_> = list.elements().iter().map(|e| TopicPartition::new(e.topic(), partition(e.partition()))).collect();
    all.sort();
    all
}

/// A list for librdkafka.
pub(super) fn list_of<'a>(partitions: impl IntoIterator<Item = &'a TopicPartition>) -> TopicPartitionList {
    let mut list = TopicPartitionList::new();
    for partition in partitions {
        list.add_partition(&partition.topic, partition.partition as i32);
    }
    list
}

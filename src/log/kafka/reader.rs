//! Reading committed records outside every group: one consumer that is assigned whatever partition is asked for.
//!
//! Offsets have gaps: the marks of transactions, aborted records, records that compaction has removed. librdkafka passes them silently, so a reader cannot
//! see that it stands before nothing but a gap. It therefore asks for the end of the partition before it begins; once librdkafka says that it has reached the end, a
//! goal up to that end is reached.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::consumer::Consumer;
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::message::Message;
use rdkafka::topic_partition_list::{Offset as Place, TopicPartitionList};

use super::close::Closing;
use super::context::Context;
use super::fault::At;
use super::records::push;
use super::settings::KafkaSettings;
use super::topics::Topics;
use crate::log::{Fetched, LogError, LogReader, Watermarks};
use crate::record::{ConsumedBatch, Offset, TopicPartition};

/// About the most one read hands out, whatever the number of records asked for.
const READ_BYTES: usize = 8 << 20;
/// Shortest wait for an answer while the end that was asked for is not reached: a read of records that are there does not come back with nothing only
/// because the broker is a moment away.
const LEAST: Duration = Duration::from_millis(500);

pub(super) struct KafkaReader {
    settings: KafkaSettings,
    topics: Arc<Topics>,
    /// Made with the first read: asking for ends needs none.
    consumer: Option<Closing>,
    standing: Option<Standing>,
}

/// Where the consumer stands.
struct Standing {
    partition: TopicPartition,
    /// Where the next read goes on.
    next: i64,
    /// The end of the partition before it was assigned.
    end: i64,
    /// Whether librdkafka has reached the end since.
    reached: bool,
}

impl KafkaReader {
    pub(super) fn new(settings: &KafkaSettings, topics: Arc<Topics>) -> Self {
        KafkaReader { settings: settings.clone(), topics, consumer: None, standing: None }
    }

    /// Sees to it that the consumer stands at `from`, and knows of an end beyond it if there is one.
    fn stand(&mut self, partition: &TopicPartition, from: i64) -> Result<(), LogError> {
        if let Some(standing) = &self.standing
            && standing.partition == *partition
            && standing.next == from
            && standing.end > from
            && !standing.reached
        {
            return Ok(());
        }
        let ends = self.topics.watermarks(partition)?;
        if from < ends.start.0 || from > ends.end.0 {
            let partition = partition.clone();
            return Err(LogError::OutOfRange { partition, asked: Offset(from), start: ends.start, end: ends.end });
        }
        if let Some(standing) = &self.standing
            && standing.partition == *partition
            && standing.next == from
            && ends.end.0 == from
        {
            return Ok(());
        }
        let at = At { servers: &self.settings.servers, what: "read" };
        let mut list = TopicPartitionList::new();
        let place = Place::Offset(from);
        list.add_partition_offset(&partition.topic, partition.partition as i32, place).map_err(|e| at.reading(&e))?;
        if self.consumer.is_none() {
            let consumer = self.settings.reader().create_with_context(Context::default());
            self.consumer = Some(Closing::new(consumer.map_err(|e| at.reading(&e))?));
        }
        if let Some(consumer) = &self.consumer {
            consumer.assign(&list).map_err(|e| at.reading(&e))?;
        }
        self.standing = Some(Standing { partition: partition.clone(), next: from, end: ends.end.0, reached: false });
        Ok(())
    }

    fn failed(&mut self, error: &KafkaError, partition: &TopicPartition, from: i64) -> LogError {
        self.standing = None;
        match error.rdkafka_error_code() {
            // Retention was faster, or this will be found out at the next try.
            Some(Code::AutoOffsetReset | Code::OffsetOutOfRange) => match self.topics.watermarks(partition) {
                Ok(ends) if from < ends.start.0 || from > ends.end.0 => {
                    LogError::OutOfRange { partition: partition.clone(), asked: Offset(from), start: ends.start, end: ends.end }
                }
                Ok(_) => LogError::Retriable(format!("{partition} could not be read at {from}: its ends have just moved")),
                Err(error) => error,
            },
            _ => At { servers: &self.settings.servers, what: "read" }.reading(error),
        }
    }
}

impl LogReader for KafkaReader {
    fn read(
        &mut self,
        partition: &TopicPartition,
        from: Offset,
        to: Offset,
        max_records: usize,
        timeout: Duration,
    ) -> Result<Fetched, LogError> {
        let mut records = ConsumedBatch::empty(partition.clone());
        if to <= from || max_records == 0 {
            self.topics.check(partition)?;
            return Ok(Fetched { records, next: from });
        }
        self.stand(partition, from.0)?;
        let (Some(mut standing), Some(consumer)) = (self.standing.take(), self.consumer.as_ref()) else {
            return Ok(Fetched { records, next: from });
        };
        let goal = to.0.min(standing.end);
        let wait = if goal > from.0 { timeout.max(LEAST) } else { timeout };
        let deadline = Instant::now() + wait.min(Duration::from_secs(86_400));
        let mut failure = None;
        // A record at or beyond `to` was read and cannot be put back: the consumer has to be sent back before the next read.
        let mut overrun = false;
        while records.len() < max_records && records.records.as_bytes().len() < READ_BYTES && standing.next < to.0 {
            let left = deadline.saturating_duration_since(Instant::now());
            match consumer.poll(if records.is_empty() { left } else { Duration::ZERO }) {
                Some(Ok(message)) if message.offset() < standing.next => {}
                Some(Ok(message)) if message.offset() >= to.0 => {
                    (standing.next, overrun) = (to.0, true);
                }
                Some(Ok(message)) => {
                    push(&message, &mut records);
                    standing.next = message.offset() + 1;
                }
                Some(Err(KafkaError::PartitionEOF(_))) => {
                    standing.reached = true;
                    standing.next = standing.next.max(goal);
                    if standing.next >= goal && goal > from.0 {
                        break;
                    }
                }
                // What was read already is whole; a lasting error is met again.
                Some(Err(_)) if !records.is_empty() => break,
                Some(Err(error)) => {
                    failure = Some(error);
                    break;
                }
                None if !records.is_empty() || Instant::now() >= deadline => break,
                None => {}
            }
        }
        if let Some(error) = failure {
            return Err(self.failed(&error, partition, from.0));
        }
        let next = Offset(standing.next);
        self.standing = (!overrun).then_some(standing);
        Ok(Fetched { records, next })
    }

    fn watermarks(&mut self, partition: &TopicPartition) -> Result<Watermarks, LogError> {
        self.topics.watermarks(partition)
    }
}

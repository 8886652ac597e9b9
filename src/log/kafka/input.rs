//! The consuming half of a client: its share of the partitions, positions, pauses and rebalances.
//!
//! A pause in librdkafka throws away what was fetched ahead, and the runtime pauses and resumes with every batch. So a paused partition is only held back here,
//! up to a limit, and paused for librdkafka beyond it.
//!
//! A rebalance is noted by its callback and answered here: new partitions are assigned at their committed offsets, those to be given up are given up at the
//! next poll, so that the caller can finish and commit in between.

use std::collections::BTreeMap;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer, ConsumerGroupMetadata};
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::message::{BorrowedMessage, Message};
use rdkafka::topic_partition_list::{Offset as Place, TopicPartitionList};
use tracing::{debug, info};

use super::close::{Closing, leave};
use super::context::{Context, Note, is_cooperative, list_of, unassign};
use super::fault::At;
use super::records::{push, split_front};
use super::settings::KafkaSettings;
use super::topics::ANSWER;
use crate::failpoint;
use crate::log::{AutoOffsetReset, ClientSettings, Committed, LogError, LogEvent, Watermarks};
use crate::record::{ConsumedBatch, Offset, TopicPartition};

/// Most records, and about the most bytes, of a paused partition that are held here.
const HELD: (usize, usize) = (10_000, 8 << 20);
/// Shortest wait for the committed offsets of new partitions; it doubles while they are not to be had, because a transaction of the last owner is open.
const PATIENCE: Duration = Duration::from_millis(250);

/// See the module's documentation.
pub(super) struct Input {
    consumer: Closing,
    servers: String,
    reset: AutoOffsetReset,
    parts: Vec<Part>,
    /// The part the next poll hands out first, so that none starves.
    turn: usize,
    assigning: Option<(Vec<TopicPartition>, Duration)>,
    /// Ours until the next poll.
    revoked: Vec<TopicPartition>,
    /// Somebody else's since the last assignment.
    lost: Vec<TopicPartition>,
}

/// An assigned partition.
struct Part {
    partition: TopicPartition,
    /// Offset of the next record expected of librdkafka.
    position: i64,
    held: ConsumedBatch,
    paused: bool,
    /// Paused for librdkafka too.
    stopped: bool,
    out_of_range: bool,
}

impl Part {
    fn is_full(&self) -> bool {
        self.held.len() >= HELD.0 || self.held.records.as_bytes().len() >= HELD.1
    }
}

impl Input {
    /// Joins the group.
    pub(super) fn new(settings: &KafkaSettings, client: &ClientSettings) -> Result<Self, LogError> {
        let at = At { servers: &settings.servers, what: "join the group" };
        let config = settings.member(&client.application_id, client.thread.index, client.topics.len());
        let consumer: BaseConsumer<Context> = config.create_with_context(Context::default()).map_err(|e| at.reading(&e))?;
        let topics: Vec<&str> = client.topics.iter().map(|name| &**name).collect();
        consumer.subscribe(&topics).map_err(|e| at.reading(&e))?;
        Ok(Input {
            consumer: Closing::new(consumer),
            servers: settings.servers.clone(),
            reset: client.reset,
            parts: Vec::new(),
            turn: 0,
            assigning: None,
            revoked: Vec::new(),
            lost: Vec::new(),
        })
    }

    fn at<'a>(&'a self, what: &'a str) -> At<'a> {
        At { servers: &self.servers, what }
    }

    /// What has happened; see [`LogClient::poll`](crate::log::LogClient::poll).
    pub(super) fn poll(&mut self, max: usize, deadline: Instant) -> Result<Vec<LogEvent>, LogError> {
        self.give_up_revoked();
        self.check_ranges()?;
        let mut read = 0;
        loop {
            if let Some(event) = self.rebalance()? {
                return Ok(self.hand_out(max).into_iter().chain([event]).collect());
            }
            let ready = self.ready();
            if ready >= max || read >= max {
                break;
            }
            let wait = if ready > 0 { Duration::ZERO } else { deadline.saturating_duration_since(Instant::now()) };
            // While committed offsets are not to be had, they are asked for again and again.
            let wait = if self.assigning.is_some() { wait.min(PATIENCE / 5) } else { wait };
            match self.consumer.poll(wait) {
                Some(Ok(message)) => {
                    place(&mut self.parts, &message);
                    read += 1;
                }
                Some(Err(error)) if ready > 0 => {
                    // What was read already must not wait; a lasting error is met again.
                    self.failed(&error).unwrap_or_else(|error| debug!(%error, "while reading"));
                    break;
                }
                Some(Err(error)) => self.failed(&error)?,
                None if self.consumer.context().is_noted() => {}
                None if ready > 0 || Instant::now() >= deadline => break,
                None => {}
            }
        }
        self.stop_the_full()?;
        Ok(self.hand_out(max))
    }

    /// Records that can be handed out.
    fn ready(&self) -> usize {
        self.parts.iter().filter(|part| !part.paused).map(|part| part.held.len()).sum()
    }

    fn hand_out(&mut self, max: usize) -> Vec<LogEvent> {
        let (mut events, mut left) = (Vec::new(), max);
        let turn = self.turn.min(self.parts.len());
        let (behind, first) = self.parts.split_at_mut(turn);
        for part in first.iter_mut().chain(behind).filter(|part| !part.paused) {
            let batch = split_front(&mut part.held, left);
            left -= batch.len();
            if !batch.is_empty() {
                events.push(LogEvent::Records(batch));
            }
        }
        self.turn = (self.turn + 1) % self.parts.len().max(1);
        events
    }

    /// Librdkafka stops fetching what nobody takes, and goes on once half of what is held has been taken.
    fn stop_the_full(&mut self) -> Result<(), LogError> {
        let stop: Vec<usize> = (0..self.parts.len()).filter(|i| !self.parts[*i].stopped && self.parts[*i].is_full()).collect();
        for index in stop {
            self.set_stopped(index, true)?;
        }
        let resume = |part: &Part| part.stopped && !part.paused && part.held.len() < HELD.0 / 2 && !part.is_full();
        let resume: Vec<usize> = (0..self.parts.len()).filter(|i| resume(&self.parts[*i])).collect();
        for index in resume {
            self.set_stopped(index, false)?;
        }
        Ok(())
    }

    fn set_stopped(&mut self, index: usize, stopped: bool) -> Result<(), LogError> {
        let list = list_of([&self.parts[index].partition]);
        let outcome = if stopped { self.consumer.pause(&list) } else { self.consumer.resume(&list) };
        outcome.map_err(|e| self.at("pause or resume a partition").reading(&e))?;
        self.parts[index].stopped = stopped;
        Ok(())
    }

    fn failed(&mut self, error: &KafkaError) -> Result<(), LogError> {
        match error.rdkafka_error_code() {
            Some(Code::AutoOffsetReset | Code::OffsetOutOfRange) => self.find_out_of_range(),
            // The rebalance that follows from it is noted.
            Some(Code::PollExceeded) => Ok(()),
            _ => Err(self.at("read").reading(error)),
        }
    }

    /// librdkafka does not say whose position has been removed.
    fn find_out_of_range(&mut self) -> Result<(), LogError> {
        for index in 0..self.parts.len() {
            let ends = self.ends(&self.parts[index].partition.clone())?;
            let part = &mut self.parts[index];
            part.out_of_range = part.position < ends.start.0 || part.position > ends.end.0;
        }
        self.check_ranges()
    }

    /// Tells, at every poll until a seek mends it, of a position that is not there.
    fn check_ranges(&self) -> Result<(), LogError> {
        let Some(part) = self.parts.iter().find(|part| part.out_of_range && part.held.is_empty()) else { return Ok(()) };
        let ends = self.ends(&part.partition)?;
        let (partition, asked) = (part.partition.clone(), Offset(part.position));
        Err(LogError::OutOfRange { partition, asked, start: ends.start, end: ends.end })
    }

    fn ends(&self, partition: &TopicPartition) -> Result<Watermarks, LogError> {
        let ends = self.consumer.fetch_watermarks(&partition.topic, partition.partition as i32, ANSWER);
        let (start, end) = ends.map_err(|e| self.at("ask for the ends of a partition").reading(&e))?;
        Ok(Watermarks { start: Offset(start), end: Offset(end) })
    }

    fn give_up_revoked(&mut self) {
        let revoked = std::mem::take(&mut self.revoked);
        if !revoked.is_empty() {
            unassign(&self.consumer, &list_of(&revoked));
            self.forget(&revoked);
            failpoint::hit("kafka.revoked");
        }
    }

    fn forget(&mut self, partitions: &[TopicPartition]) {
        self.parts.retain(|part| !partitions.contains(&part.partition));
        self.turn = 0;
    }

    /// Answers what the callback has noted; the event it makes, if it makes one.
    fn rebalance(&mut self) -> Result<Option<LogEvent>, LogError> {
        loop {
            if let Some((partitions, patience)) = self.assigning.take() {
                return self.assign(partitions, patience);
            }
            match self.consumer.context().next_note() {
                None => return Ok(None),
                Some(Note::Assign(partitions)) if !partitions.is_empty() => {
                    self.lost.clear();
                    self.assigning = Some((partitions, PATIENCE));
                }
                Some(Note::Assign(_)) => {
                    self.answer_assign(&TopicPartitionList::new())?;
                    return Ok(Some(LogEvent::Assigned(Vec::new())));
                }
                Some(Note::Revoke { partitions, .. }) if partitions.is_empty() => {
                    unassign(&self.consumer, &TopicPartitionList::new())
                }
                Some(Note::Revoke { partitions, lost: false }) => {
                    self.parts
                        .iter_mut()
                        .filter(|p| partitions.contains(&p.partition))
                        .for_each(|p| p.held = ConsumedBatch::empty(p.partition.clone()));
                    self.revoked = partitions.clone();
                    return Ok(Some(LogEvent::Revoked(partitions)));
                }
                Some(Note::Revoke { partitions, lost: true }) => {
                    unassign(&self.consumer, &list_of(&partitions));
                    self.forget(&partitions);
                    self.lost.extend(partitions.iter().cloned());
                    return Ok(Some(LogEvent::Lost(partitions)));
                }
            }
        }
    }

    /// Assigns new partitions at their committed offsets. While those are not to be had it is put off: the group waits.
    fn assign(&mut self, partitions: Vec<TopicPartition>, patience: Duration) -> Result<Option<LogEvent>, LogError> {
        let positions = match self.start_of(&partitions, patience) {
            Ok(positions) => positions,
            Err(LogError::Retriable(why)) => {
                info!(why, "new partitions wait for their committed offsets");
                self.assigning = Some((partitions, (patience * 2).min(ANSWER)));
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        let mut list = TopicPartitionList::new();
        for (partition, position) in &positions {
            let place = list.add_partition_offset(&partition.topic, partition.partition as i32, Place::Offset(*position));
            place.map_err(|e| self.at("assign partitions").reading(&e))?;
        }
        self.answer_assign(&list)?;
        failpoint::hit("kafka.assigned");
        // Eager assignments come whole.
        self.forget(&partitions);
        for (partition, position) in positions {
            let held = ConsumedBatch::empty(partition.clone());
            self.parts.push(Part { partition, position, held, paused: false, stopped: false, out_of_range: false });
        }
        self.parts.sort_by(|a, b| a.partition.cmp(&b.partition));
        Ok(Some(LogEvent::Assigned(partitions)))
    }

    fn answer_assign(&self, list: &TopicPartitionList) -> Result<(), LogError> {
        let outcome =
            if is_cooperative(&self.consumer) { self.consumer.incremental_assign(list) } else { self.consumer.assign(list) };
        outcome.map_err(|e| LogError::Fatal(format!("cannot assign partitions: {e} (brokers {})", self.servers)))
    }

    fn start_of(&self, partitions: &[TopicPartition], patience: Duration) -> Result<BTreeMap<TopicPartition, i64>, LogError> {
        let committed = self.committed(partitions, patience)?;
        let start = |partition: &TopicPartition| {
            if let Some(done) = committed.get(partition) {
                return Ok(done.offset.0);
            }
            let ends = self.ends(partition)?;
            Ok(if self.reset == AutoOffsetReset::Earliest { ends.start.0 } else { ends.end.0 })
        };
        partitions.iter().map(|partition| Ok((partition.clone(), start(partition)?))).collect()
    }

    /// What the group has committed, once no transaction that commits more is open.
    pub(super) fn committed(
        &self,
        partitions: &[TopicPartition],
        patience: Duration,
    ) -> Result<BTreeMap<TopicPartition, Committed>, LogError> {
        committed_of(&self.consumer, list_of(partitions), self.at("ask for committed offsets"), patience)
    }

    /// Commits offsets without a transaction.
    pub(super) fn commit(&self, offsets: &TopicPartitionList) -> Result<(), LogError> {
        self.consumer.commit(offsets, CommitMode::Sync).map_err(|e| self.at("commit offsets").offsets(&e))
    }

    /// Makes a call as the member of the group that this client is now: asked for each time, because a rebalance changes it.
    pub(super) fn as_member<T>(&self, call: impl FnOnce(&ConsumerGroupMetadata) -> Result<T, LogError>) -> Result<T, LogError> {
        let member = self.consumer.group_metadata();
        let member = member.ok_or_else(|| LogError::Fatal("the client belongs to no group".to_owned()))?;
        if failpoint::is_planted("kafka.stale-member") {
            static FIRST: OnceLock<ConsumerGroupMetadata> = OnceLock::new();
            return call(FIRST.get_or_init(|| member));
        }
        call(&member)
    }

    /// Refuses a partition that is not ours.
    pub(super) fn check_assigned(&self, partition: &TopicPartition) -> Result<(), LogError> {
        if self.parts.iter().any(|part| part.partition == *partition) {
            return Ok(());
        }
        if self.lost.contains(partition) {
            return Err(LogError::Abort(format!(
                "{partition} belongs to another client already; nothing of it can be committed"
            )));
        }
        Err(LogError::Usage(format!(
            "{partition} is not assigned to this client; it may only pause, seek and commit what an `Assigned` event has named"
        )))
    }

    fn part(&mut self, partition: &TopicPartition) -> Result<usize, LogError> {
        self.check_assigned(partition)?;
        Ok(self.parts.iter().position(|part| part.partition == *partition).unwrap_or_default())
    }

    pub(super) fn set_paused(&mut self, partitions: &[TopicPartition], paused: bool) -> Result<(), LogError> {
        for partition in partitions {
            let index = self.part(partition)?;
            self.parts[index].paused = paused;
        }
        self.stop_the_full()
    }

    pub(super) fn seek(&mut self, partition: &TopicPartition, to: Offset) -> Result<(), LogError> {
        let index = self.part(partition)?;
        if self.parts[index].stopped {
            self.set_stopped(index, false)?;
        }
        let deadline = Instant::now() + ANSWER;
        while let Err(error) = self.seek_once(partition, to) {
            // A partition that was assigned a moment ago takes no seek yet.
            if !matches!(error.rdkafka_error_code(), Some(Code::State | Code::PreviousInProgress | Code::OperationTimedOut))
                || Instant::now() > deadline
            {
                return Err(self.at("seek").reading(&error));
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        let part = &mut self.parts[index];
        part.held = ConsumedBatch::empty(partition.clone());
        (part.position, part.out_of_range) = (to.0, false);
        Ok(())
    }

    fn seek_once(&self, partition: &TopicPartition, to: Offset) -> Result<(), KafkaError> {
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(&partition.topic, partition.partition as i32, Place::Offset(to.0))?;
        let list = self.consumer.seek_partitions(list, Duration::from_secs(1))?;
        list.elements().iter().try_for_each(|element| element.error())
    }

    /// Leaves the group (or not), and closes the consumer, within `timeout`.
    pub(super) fn close(&mut self, leave_group: bool, timeout: Duration) {
        let deadline = Instant::now() + timeout;
        self.give_up_revoked();
        if leave_group && !leave(&self.consumer, deadline) {
            info!("the group was not left in time; its partitions go to others after the session time-out");
        }
        self.consumer.close(deadline.saturating_duration_since(Instant::now()));
        self.parts.clear();
    }
}

/// Keeps a message with its partition.
fn place(parts: &mut [Part], message: &BorrowedMessage<'_>) {
    let (topic, number) = (message.topic(), message.partition());
    let part = parts.iter_mut().find(|part| part.partition.partition as i32 == number && *part.partition.topic == *topic);
    // A message of a partition that was given up, or from before a seek, is not for us.
    let Some(part) = part.filter(|part| message.offset() >= part.position) else { return };
    push(message, &mut part.held);
    part.position = message.offset() + 1;
}

/// What a consumer's group has committed.
pub(super) fn committed_of(
    consumer: &BaseConsumer<Context>,
    list: TopicPartitionList,
    at: At<'_>,
    patience: Duration,
) -> Result<BTreeMap<TopicPartition, Committed>, LogError> {
    if list.count() == 0 {
        return Ok(BTreeMap::new());
    }
    let list = consumer.committed_offsets(list, patience).map_err(|e| at.reading(&e))?;
    let mut committed = BTreeMap::new();
    for element in list.elements() {
        element.error().map_err(|e| at.reading(&e))?;
        if let Place::Offset(offset) = element.offset() {
            let partition = TopicPartition::new(element.topic(), u32::try_from(element.partition()).unwrap_or_default());
            committed.insert(partition, Committed { offset: Offset(offset), metadata: element.metadata().to_owned() });
        }
    }
    Ok(committed)
}

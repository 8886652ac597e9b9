//! The consuming half of a client: its share of the partitions, positions, pauses and rebalances.
//!
//! A pause in librdkafka throws away what was fetched ahead, and the runtime pauses and resumes with every batch. So a paused partition is only held back here,
//! up to a limit, and paused for librdkafka beyond it.
//!
//! A rebalance is noted by its callback and answered here: new partitions are assigned at their committed offsets, those to be given up are given up at the
//! next poll, so that the caller can finish and commit in between.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer, ConsumerGroupMetadata};
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::message::{BorrowedMessage, Message};
use rdkafka::topic_partition_list::{Offset as Place, TopicPartitionList};
use tracing::{debug, info};

use super::close::{Closing, is_member, leave, member_id};
use super::context::{Context, Note, accept, is_cooperative, list_of, unassign};
use super::fault::At;
use super::records::{push, split_front};
use super::settings::KafkaSettings;
use super::topics::ANSWER;
use crate::failpoint;
use crate::log::{AutoOffsetReset, ClientSettings, Committed, LogError, LogEvent, Watermarks};
use crate::record::{ConsumedBatch, Offset, TopicPartition};

/// Most records, and about the most bytes, of a paused partition that are held here.
const HELD: (usize, usize) = (10_000, 8 << 20);
/// Shortest and longest wait for the committed offsets of new partitions; it doubles while they are not to be had, because a transaction of the last owner is
/// open. The partitions that are here already wait too, so it is followed by a pause of the same length.
const PATIENCE: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(2));

/// See the module's documentation.
pub(super) struct Input {
    consumer: Closing,
    servers: String,
    topics: Vec<Arc<str>>,
    reset: AutoOffsetReset,
    parts: Vec<Part>,
    /// The part the next poll hands out first, so that none starves.
    turn: usize,
    assigning: Option<Assigning>,
    /// Ours until the next poll.
    revoked: Vec<TopicPartition>,
    /// Somebody else's since the last assignment.
    lost: Vec<TopicPartition>,
    /// The group is being left, to be joined again.
    rejoining: bool,
    /// Since when nobody tells what the group has committed, and how long that may last.
    unanswered: Cell<Option<Instant>>,
    patience: Duration,
}

/// New partitions that wait for their committed offsets.
struct Assigning {
    partitions: Vec<TopicPartition>,
    /// They are asked for from this moment on.
    from: Instant,
    /// For so long.
    patience: Duration,
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
        subscribe(&consumer, &client.topics).map_err(|e| at.reading(&e))?;
        Ok(Input {
            consumer: Closing::new(consumer),
            servers: settings.servers.clone(),
            topics: client.topics.clone(),
            reset: client.reset,
            parts: Vec::new(),
            turn: 0,
            assigning: None,
            revoked: Vec::new(),
            lost: Vec::new(),
            rejoining: false,
            unanswered: Cell::new(None),
            patience: Duration::from_millis(settings.transaction_timeout_ms) * 2 + 3 * ANSWER,
        })
    }

    fn at<'a>(&'a self, what: &'a str) -> At<'a> {
        At { servers: &self.servers, what }
    }

    /// What has happened; see [`LogClient::poll`](crate::log::LogClient::poll).
    pub(super) fn poll(&mut self, max: usize, deadline: Instant) -> Result<Vec<LogEvent>, LogError> {
        self.give_up_revoked();
        self.join_again()?;
        self.check_ranges()?;
        if let Some(event) = self.rebalance()? {
            return Ok(self.hand_out(max).into_iter().chain([event]).collect());
        }
        let (mut read, mut ready, mut last) = (0, self.ready(), 0);
        // Records of paused partitions count as work, but are no reason to come back with nothing before the time.
        while ready < max && (read < max || (ready == 0 && Instant::now() < deadline)) {
            let wait = if ready > 0 { Duration::ZERO } else { in_ticks(deadline.saturating_duration_since(Instant::now())) };
            // While committed offsets are not to be had, they are asked for again and again.
            let wait = if self.assigning.is_some() { wait.min(PATIENCE.0 / 5) } else { wait };
            match self.consumer.poll(wait) {
                Some(Ok(message)) => {
                    ready += usize::from(place(&mut self.parts, &mut last, &message));
                    read += 1;
                    continue;
                }
                Some(Err(error)) if ready > 0 => {
                    // What was read already must not wait; a lasting error is met again.
                    self.failed(&error).unwrap_or_else(|error| debug!(%error, "while reading"));
                    break;
                }
                Some(Err(error)) => self.failed(&error)?,
                None => {}
            }
            if let Some(event) = self.rebalance()? {
                return Ok(self.hand_out(max).into_iter().chain([event]).collect());
            }
            if ready > 0 || Instant::now() >= deadline {
                break;
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

    /// librdkafka does not say whose position is not there, and has stopped reading that partition. One whose position is there after all (records came in the
    /// meantime) goes on.
    fn find_out_of_range(&mut self) -> Result<(), LogError> {
        self.parts.iter_mut().for_each(|part| part.out_of_range = true);
        self.check_ranges()
    }

    /// Tells, at every poll until a seek or new records mend it, of a position that is not there.
    fn check_ranges(&mut self) -> Result<(), LogError> {
        for index in 0..self.parts.len() {
            let part = &self.parts[index];
            // What was read before it comes first.
            if !part.out_of_range || !part.held.is_empty() {
                continue;
            }
            let (partition, asked) = (part.partition.clone(), Offset(part.position));
            let Watermarks { start, end } = self.ends(&partition)?;
            if asked < start || asked > end {
                return Err(LogError::OutOfRange { partition, asked, start, end });
            }
            self.assign_again(index, asked)?;
            (self.parts[index].out_of_range, self.parts[index].stopped) = (false, false);
        }
        Ok(())
    }

    fn ends(&self, partition: &TopicPartition) -> Result<Watermarks, LogError> {
        let ends = self.consumer.fetch_watermarks(&partition.topic, partition.partition as i32, ANSWER);
        let (start, end) = ends.map_err(|e| self.at("ask for the ends of a partition").reading(&e))?;
        Ok(Watermarks { start: Offset(start), end: Offset(end) })
    }

    /// What the group calls this member; empty when it is none.
    pub(super) fn member_id(&self) -> String {
        member_id(&self.consumer)
    }

    /// Leaves the group, and joins it again as soon as that is done: it deals all partitions out anew.
    pub(super) fn rejoin(&mut self) {
        self.consumer.unsubscribe();
        self.rejoining = true;
    }

    fn join_again(&mut self) -> Result<(), LogError> {
        if self.rejoining && !is_member(&self.consumer) {
            subscribe(&self.consumer, &self.topics).map_err(|e| self.at("join the group again").reading(&e))?;
            self.rejoining = false;
        }
        Ok(())
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
            if self.assigning.as_ref().is_some_and(|new| new.from > Instant::now()) {
                return Ok(None);
            }
            if let Some(new) = self.assigning.take() {
                return self.assign(new);
            }
            match self.consumer.context().next_note() {
                None => return Ok(None),
                Some(Note::Assign(partitions)) if !partitions.is_empty() => {
                    self.lost.clear();
                    self.assigning = Some(Assigning { partitions, from: Instant::now(), patience: PATIENCE.0 });
                }
                Some(Note::Assign(_)) => {
                    self.answer_assign(&TopicPartitionList::new())?;
                    return Ok(Some(LogEvent::Assigned(Vec::new())));
                }
                Some(Note::Revoke { partitions, .. }) if partitions.is_empty() => {
                    unassign(&self.consumer, &TopicPartitionList::new())
                }
                Some(Note::Revoke { partitions, lost: false }) => {
                    failpoint::hit("kafka.revoking");
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
    fn assign(&mut self, Assigning { partitions, patience, .. }: Assigning) -> Result<Option<LogEvent>, LogError> {
        let positions = match self.start_of(&partitions, patience) {
            Ok(positions) => positions,
            Err(LogError::Retriable(why)) => {
                info!(why, "new partitions wait for their committed offsets");
                let (from, patience) = (Instant::now() + patience, (patience * 2).min(PATIENCE.1));
                self.assigning = Some(Assigning { partitions, from, patience });
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
        let outcome = committed_of(&self.consumer, list_of(partitions), self.at("ask for committed offsets"), patience);
        let Err(LogError::Retriable(why)) = outcome else {
            self.unanswered.set(None);
            return outcome;
        };
        let since = self.unanswered.get().unwrap_or_else(Instant::now);
        self.unanswered.set(Some(since));
        if since.elapsed() < self.patience {
            return Err(LogError::Retriable(why));
        }
        // Any transaction that held the offsets back has timed out by now: the connection may be to blame, and a new one costs little.
        Err(LogError::Fatal(format!(
            "{why}, for {} s now. If brokers are up, a transaction may hang in the cluster: kafka-transactions.sh find-hanging tells",
            since.elapsed().as_secs()
        )))
    }

    /// Why the consumer is of no use any more: another member took its name, say.
    pub(super) fn fatal_error(&self) -> Option<String> {
        self.consumer.client().fatal_error().map(|(_, why)| why)
    }

    /// Commits offsets without a transaction.
    pub(super) fn commit(&self, offsets: &TopicPartitionList) -> Result<(), LogError> {
        self.consumer.commit(offsets, CommitMode::Sync).map_err(|e| self.at("commit offsets").offsets(&e))
    }

    /// The member of the group that this client is now: asked for each time, because a rebalance changes it.
    pub(super) fn member(&self) -> Result<Arc<ConsumerGroupMetadata>, LogError> {
        let member = self.consumer.group_metadata().map(Arc::new);
        let member = member.ok_or_else(|| LogError::Fatal("the client belongs to no group".to_owned()))?;
        if failpoint::is_planted("kafka.stale-member") {
            static FIRST: OnceLock<Arc<ConsumerGroupMetadata>> = OnceLock::new();
            return Ok(FIRST.get_or_init(|| member).clone());
        }
        Ok(member)
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
        if self.parts[index].out_of_range {
            self.assign_again(index, to)?;
        } else {
            self.seek_patiently(partition, to)?;
        }
        let part = &mut self.parts[index];
        part.held = ConsumedBatch::empty(partition.clone());
        (part.position, part.out_of_range) = (to.0, false);
        Ok(())
    }

    fn seek_patiently(&self, partition: &TopicPartition, to: Offset) -> Result<(), LogError> {
        let deadline = Instant::now() + ANSWER;
        while let Err(error) = self.seek_once(partition, to) {
            // A partition that was assigned a moment ago takes no seek yet.
            let later =
                matches!(error.rdkafka_error_code(), Some(Code::State | Code::PreviousInProgress | Code::OperationTimedOut));
            if !later || Instant::now() > deadline {
                return Err(self.at("seek").reading(&error));
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    }

    /// Sends a partition elsewhere that librdkafka has stopped, because its position was not there: it takes no seek any more.
    fn assign_again(&self, index: usize, to: Offset) -> Result<(), LogError> {
        let at = self.at("assign partitions");
        let mut list = TopicPartitionList::new();
        let mut add = |part: &Part, position: i64| {
            list.add_partition_offset(&part.partition.topic, part.partition.partition as i32, Place::Offset(position))
        };
        if is_cooperative(&self.consumer) {
            let this = list_of([&self.parts[index].partition]);
            add(&self.parts[index], to.0).map_err(|e| at.reading(&e))?;
            self.consumer.incremental_unassign(&this).map_err(|e| at.reading(&e))?;
        } else {
            for (other, part) in self.parts.iter().enumerate() {
                add(part, if other == index { to.0 } else { part.position }).map_err(|e| at.reading(&e))?;
            }
        }
        self.answer_assign(&list)
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
        if let Some(new) = self.assigning.take() {
            accept(&self.consumer, &list_of(&new.partitions));
        }
        if leave_group && !leave(&self.consumer, deadline) {
            info!("the group was not left in time; its partitions go to others after the session time-out");
        }
        self.consumer.close(deadline.saturating_duration_since(Instant::now()));
        self.parts.clear();
    }
}

/// librdkafka waits for whole milliseconds: asked for less it does not wait at all, and a loop around it would spin.
fn in_ticks(wait: Duration) -> Duration {
    if wait.is_zero() { wait } else { wait.max(Duration::from_millis(1)) }
}

fn subscribe(consumer: &BaseConsumer<Context>, topics: &[Arc<str>]) -> Result<(), KafkaError> {
    let topics: Vec<&str> = topics.iter().map(|name| &**name).collect();
    consumer.subscribe(&topics)
}

/// Keeps a message with its partition; whether that can be handed out. `last` is the index of the last part that was found: messages come in runs.
fn place(parts: &mut [Part], last: &mut usize, message: &BorrowedMessage<'_>) -> bool {
    let (topic, number) = (message.topic(), message.partition());
    let fits = |part: &Part| part.partition.partition as i32 == number && *part.partition.topic == *topic;
    if !parts.get(*last).is_some_and(fits) {
        // A message of a partition that was given up is not for us.
        let Some(found) = parts.iter().position(fits) else { return false };
        *last = found;
    }
    let part = &mut parts[*last];
    // Nor is one from before a seek.
    if message.offset() < part.position {
        return false;
    }
    push(message, &mut part.held);
    part.position = message.offset() + 1;
    !part.paused
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

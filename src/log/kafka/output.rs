//! The producing half of a client: a transaction that is opened by its first record, or, at least once, an idempotent producer without one.
//!
//! No call waits longer than a few seconds. What is not done by then is `Retriable`, and the same call goes on where it stopped.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::bindings::rd_kafka_flush;
use rdkafka::consumer::ConsumerGroupMetadata;
use rdkafka::error::{KafkaError, RDKafkaError, RDKafkaErrorCode as Code};
use rdkafka::producer::{BaseProducer, Producer, PurgeConfig};
use rdkafka::topic_partition_list::TopicPartitionList;
use tracing::{debug, warn};

use super::bounded::within;
use super::context::Context;
use super::fault::At;
use super::records::outgoing;
use super::settings::KafkaSettings;
use crate::failpoint;
use crate::log::LogError;
use crate::record::{RecordBatch, TopicPartition};

/// Longest wait of one call to a transaction coordinator.
const STEP: Duration = Duration::from_secs(5);
/// Longest wait for an answer of librdkafka itself, beyond the time that it is given.
const GRACE: Duration = Duration::from_secs(3);
/// Longest step of a flush; what could not be delivered is seen after it, milliseconds.
const FLUSH_MS: i32 = 10;
/// Most events that are served after a step of a flush.
const EVENTS: u32 = 64;
/// Pause while there is no room. Slept, not polled: a poll of rdkafka's spins through the last millisecond of its time.
const LOOK: Duration = Duration::from_micros(500);
/// Longest wait for room in the queue of a producer whose brokers take nothing; records that old are given up by then.
const ROOM: Duration = Duration::from_secs(60);

/// How far a transaction has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// There is none.
    Idle,
    /// Open.
    Open,
    /// Its input offsets are with the coordinator.
    OffsetsSent,
}

/// What became of input offsets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sent {
    /// They are in the transaction.
    Taken,
    /// A rebalance has ended between the question who we are in the group and the commit in that name. The transaction is lost, and nothing else.
    Overtaken,
}

/// See the module's documentation.
pub(super) struct Output {
    settings: KafkaSettings,
    client_id: String,
    /// `None`: without transactions.
    transactional_id: Option<String>,
    producer: Arc<BaseProducer<Context>>,
    stage: Stage,
    /// The records of the open transaction, to be produced again when a rebalance overtakes it.
    kept: Vec<(TopicPartition, RecordBatch)>,
    /// The next transaction gets a new producer, whose epoch shuts out whatever this one may have left behind.
    ///
    /// A call about a transaction was not answered in time: its outcome became known later, but a request of it may still be on its way. Or records of an aborted transaction were not
    /// delivered: librdkafka gives their sequence numbers to the next ones, and a broker that has written the first takes the second for the same, says yes, and drops them.
    doubtful: bool,
}

impl Output {
    /// A producer; a transactional one fences every earlier one of the same id and aborts what it left open.
    pub(super) fn new(settings: &KafkaSettings, client_id: &str, transactional_id: Option<String>) -> Result<Self, LogError> {
        let producer = connect(settings, client_id, transactional_id.as_deref())?;
        let (settings, client_id) = (settings.clone(), client_id.to_owned());
        Ok(Output { settings, client_id, transactional_id, producer, stage: Stage::Idle, kept: Vec::new(), doubtful: false })
    }

    fn at<'a>(&'a self, what: &'a str) -> At<'a> {
        At { servers: &self.settings.servers, what }
    }

    fn is_transactional(&self) -> bool {
        self.transactional_id.is_some()
    }

    /// Whether there is something to commit or to abort.
    pub(super) fn is_open(&self) -> bool {
        self.stage != Stage::Idle
    }

    /// Serves what librdkafka has to tell: of records only those that could not be delivered.
    pub(super) fn serve(&self) {
        self.producer.poll(Duration::ZERO);
    }

    /// Serves, and gives the brokers a moment.
    fn wait(&self) {
        self.serve();
        std::thread::sleep(LOOK);
    }

    /// Opens a transaction if there is none.
    pub(super) fn begin(&mut self) -> Result<(), LogError> {
        if self.is_open() {
            return Ok(());
        }
        if self.doubtful {
            self.renew()?;
        }
        if self.is_transactional() {
            self.producer.begin_transaction().map_err(|e| self.at("begin a transaction").transaction(&e))?;
        }
        self.stage = Stage::Open;
        Ok(())
    }

    /// Hands records to librdkafka, all of them or none that will become visible.
    pub(super) fn produce(&mut self, to: &TopicPartition, records: &RecordBatch) -> Result<(), LogError> {
        if records.is_empty() {
            return Ok(());
        }
        self.begin()?;
        failpoint::hit("kafka.before-produce");
        self.send(to, records)?;
        if self.is_transactional() {
            self.kept.push((to.clone(), records.clone()));
        }
        failpoint::hit("kafka.after-produce");
        Ok(())
    }

    fn send(&self, to: &TopicPartition, records: &RecordBatch) -> Result<(), LogError> {
        let patience = Instant::now() + ROOM;
        for record in records.iter() {
            let mut out = outgoing(to, &record);
            while let Err((error, back)) = self.producer.send(out) {
                match error.rdkafka_error_code() {
                    Some(Code::QueueFull) if Instant::now() < patience => self.wait(),
                    _ => return Err(self.refused(to, &error)),
                }
                out = back;
            }
        }
        Ok(())
    }

    fn refused(&self, to: &TopicPartition, error: &KafkaError) -> LogError {
        let text = format!("cannot produce to {to}: {error} (brokers {})", self.settings.servers);
        match error.rdkafka_error_code() {
            Some(Code::Fatal | Code::Fenced) => LogError::Fatal(text),
            Some(Code::MessageSizeTooLarge) => {
                LogError::Usage(format!("{text}; raise kafka.message.max.bytes, and max.message.bytes of the topic"))
            }
            Some(Code::UnknownTopic | Code::UnknownPartition) => LogError::Usage(text),
            _ => LogError::Abort(text),
        }
    }

    /// Waits until everything produced is with the brokers.
    pub(super) fn deliver(&self) -> Result<(), LogError> {
        self.drain(STEP)
    }

    /// Sends what lingers, and waits until everything produced is with the brokers.
    fn drain(&self, longest: Duration) -> Result<(), LogError> {
        let deadline = Instant::now() + longest;
        while self.producer.in_flight_count() > 0 {
            if Instant::now() > deadline {
                let text = format!("the brokers ({}) have not confirmed all records yet", self.settings.servers);
                return Err(LogError::Retriable(text));
            }
            self.flush();
            // A poll of no length serves one event. With `kafka.debug` every flush makes some, and they count as in flight.
            (0..EVENTS).for_each(|_| self.serve());
        }
        Ok(())
    }

    /// One step of a flush. That of rdkafka looks for the end only every 100 ms; librdkafka's own sleeps until it has come, or for as long as it is told to.
    fn flush(&self) {
        // SAFETY: the client is alive. That records are left, which is all that it can answer, is seen by who calls.
        unsafe { rd_kafka_flush(self.producer.client().native_ptr(), FLUSH_MS) };
    }

    /// Adds input offsets to the transaction, as the member of the group that `member` describes.
    pub(super) fn send_offsets(
        &mut self,
        offsets: &TopicPartitionList,
        member: &Arc<ConsumerGroupMetadata>,
    ) -> Result<Sent, LogError> {
        if self.stage == Stage::OffsetsSent {
            return Ok(Sent::Taken);
        }
        failpoint::hit("kafka.before-offsets");
        let (producer, offsets, member) = (self.producer.clone(), offsets.clone(), member.clone());
        let outcome = within(STEP + GRACE, move || producer.send_offsets_to_transaction(&offsets, &member, STEP));
        let Some(outcome) = outcome.map_err(|error| LogError::Retriable(format!("no thread for a call: {error}")))? else {
            return Err(self.left_behind());
        };
        if outcome.as_ref().is_err_and(is_overtaken) {
            return Ok(Sent::Overtaken);
        }
        self.told("send offsets to a transaction", outcome)?;
        failpoint::hit("kafka.after-offsets");
        self.stage = Stage::OffsetsSent;
        Ok(Sent::Taken)
    }

    /// A new producer takes the place of this one, and fences it.
    fn renew(&mut self) -> Result<(), LogError> {
        self.producer = connect(&self.settings, &self.client_id, self.transactional_id.as_deref())?;
        self.doubtful = false;
        Ok(())
    }

    /// The producer is stuck in a call. A new one takes its transactional id, which aborts the transaction and fences whatever the old one may still send.
    fn left_behind(&mut self) -> LogError {
        let text = format!("librdkafka did not come back from sending offsets (brokers {})", self.settings.servers);
        warn!("{text}; going on with a new producer");
        match self.renew() {
            Ok(()) => {
                self.stage = Stage::Idle;
                self.kept.clear();
                LogError::Abort(text)
            }
            // Nothing can be asked of the old one again.
            Err(error) => LogError::Fatal(format!("{text}: {error}")),
        }
    }

    /// Puts the records of the open transaction, which can only be aborted any more, into a new one.
    ///
    /// # Errors
    /// Never `Retriable`: half of it done, it cannot be done again.
    pub(super) fn begin_again(&mut self) -> Result<(), LogError> {
        let kept = std::mem::take(&mut self.kept);
        let whole = |error| if let LogError::Retriable(why) = error { LogError::Abort(why) } else { error };
        self.abort().map_err(whole)?;
        self.begin().map_err(whole)?;
        kept.iter().try_for_each(|(to, records)| self.send(to, records)).map_err(whole)?;
        self.kept = kept;
        Ok(())
    }

    /// Commits the open transaction. Without transactions: waits until everything is with the brokers.
    pub(super) fn commit(&mut self) -> Result<(), LogError> {
        self.drain(STEP)?;
        let undelivered = self.take_undelivered();
        if !self.is_transactional() {
            self.stage = Stage::Idle;
            return undelivered.map_or(Ok(()), |what| Err(LogError::Abort(format!("not delivered: {what}"))));
        }
        if let Some(what) = undelivered {
            debug!(what, "not delivered");
        }
        failpoint::hit("kafka.before-commit");
        let outcome = self.producer.commit_transaction(STEP);
        self.told("commit a transaction", outcome)?;
        failpoint::hit("kafka.after-commit");
        self.stage = Stage::Idle;
        self.kept.clear();
        Ok(())
    }

    /// Gives the open transaction up. Without transactions: what is under way stays under way.
    pub(super) fn abort(&mut self) -> Result<(), LogError> {
        if self.is_open() && self.is_transactional() {
            // An abort while the first record is on its way can end fatally, so there is some time for it to arrive.
            if self.drain(Duration::from_secs(1)).is_err() {
                self.doubtful = true;
                self.producer.purge(PurgeConfig::default().queue().inflight());
                self.drain(STEP)?;
            }
            let outcome = self.producer.abort_transaction(STEP);
            self.told("abort a transaction", outcome)?;
            // What the abort has purged is told now.
            self.doubtful |= self.drain(Duration::from_secs(1)).is_err();
        }
        drop(self.take_undelivered());
        self.stage = Stage::Idle;
        self.kept.clear();
        Ok(())
    }

    /// Why a record was not delivered, if one was not.
    fn take_undelivered(&mut self) -> Option<String> {
        let undelivered = self.producer.client().context().take_undelivered();
        self.doubtful |= self.is_transactional() && undelivered.is_some();
        undelivered
    }

    fn told(&mut self, what: &str, outcome: Result<(), KafkaError>) -> Result<(), LogError> {
        let error = outcome.err().map(|error| self.at(what).transaction(&error));
        self.doubtful |= matches!(error, Some(LogError::Retriable(_)));
        error.map_or(Ok(()), Err)
    }
}

fn is_overtaken(error: &KafkaError) -> bool {
    let overtaken =
        |error: &RDKafkaError| error.code() == Code::IllegalGeneration && error.txn_requires_abort() && !error.is_fatal();
    matches!(error, KafkaError::Transaction(error) if overtaken(error))
}

fn connect(
    settings: &KafkaSettings,
    client_id: &str,
    transactional_id: Option<&str>,
) -> Result<Arc<BaseProducer<Context>>, LogError> {
    let at = At { servers: &settings.servers, what: "make a producer" };
    let config = settings.producer(client_id, transactional_id);
    let producer: BaseProducer<Context> = config.create_with_context(Context::default()).map_err(|e| at.transaction(&e))?;
    if transactional_id.is_some() {
        let at = At { what: "take over the transactional id", ..at };
        producer.init_transactions(2 * STEP).map_err(|e| at.transaction(&e))?;
    }
    Ok(Arc::new(producer))
}

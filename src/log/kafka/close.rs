//! The end of a consumer. rdkafka's own waits for it without limit; here a thread of its own does, and the caller waits as long as it likes.

use std::ffi::CStr;
use std::ops::Deref;
use std::time::{Duration, Instant};

use rdkafka::bindings::{rd_kafka_mem_free, rd_kafka_memberid};
use rdkafka::consumer::{BaseConsumer, Consumer};
use tracing::info;

use super::bounded::within;
use super::context::{Context, Note, accept, list_of, unassign};

/// Longest wait for a consumer that is dropped without having been closed.
const DROPPED: Duration = Duration::from_secs(5);

/// A consumer that closes in bounded time.
pub(super) struct Closing {
    /// `None` once it is closed.
    consumer: Option<BaseConsumer<Context>>,
}

impl Closing {
    pub(super) fn new(consumer: BaseConsumer<Context>) -> Self {
        Closing { consumer: Some(consumer) }
    }

    /// Closes the consumer; what has not ended after `timeout` ends in the background.
    pub(super) fn close(&mut self, timeout: Duration) {
        let Some(consumer) = self.consumer.take() else { return };
        consumer.context().set_closing();
        answer_all(&consumer);
        match within(timeout, move || drop(consumer)) {
            Ok(Some(())) => {}
            Ok(None) => info!("a consumer closes in the background: its brokers do not answer"),
            Err(error) => info!(%error, "a consumer was closed without a thread of its own"),
        }
    }
}

impl Deref for Closing {
    type Target = BaseConsumer<Context>;

    fn deref(&self) -> &BaseConsumer<Context> {
        self.consumer.as_ref().expect("a client refuses every call after its close")
    }
}

impl Drop for Closing {
    fn drop(&mut self) {
        self.close(DROPPED);
    }
}

/// Answers the rebalances that nobody has answered: librdkafka would wait for it for ever.
fn answer_all(consumer: &BaseConsumer<Context>) {
    while let Some(note) = consumer.context().next_note() {
        match note {
            Note::Revoke { partitions, .. } => unassign(consumer, &list_of(&partitions)),
            Note::Assign(partitions) => accept(consumer, &list_of(&partitions)),
        }
    }
}

/// Leaves the group; the answer is whether that was done before `deadline`.
///
/// librdkafka sends no request to leave when a static member closes. It does when the member ends its subscription, and forgets its member id then.
pub(super) fn leave(consumer: &BaseConsumer<Context>, deadline: Instant) -> bool {
    if !is_member(consumer) {
        return true;
    }
    consumer.context().set_closing();
    answer_all(consumer);
    consumer.unsubscribe();
    while is_member(consumer) {
        if Instant::now() > deadline {
            return false;
        }
        // The revocation is answered in the callback; records do not matter any more.
        drop(consumer.poll(Duration::from_millis(10)));
    }
    true
}

/// What the group calls this member; empty when it is none.
pub(super) fn member_id(consumer: &BaseConsumer<Context>) -> String {
    let client = consumer.client().native_ptr();
    // SAFETY: the client is alive; the answer is null or a string that ends with a zero and is ours to free.
    unsafe {
        let id = rd_kafka_memberid(client);
        if id.is_null() {
            return String::new();
        }
        let member = CStr::from_ptr(id).to_string_lossy().into_owned();
        rd_kafka_mem_free(client, id.cast());
        member
    }
}

pub(super) fn is_member(consumer: &BaseConsumer<Context>) -> bool {
    !member_id(consumer).is_empty()
}

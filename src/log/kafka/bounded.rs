//! An end to calls that may never come back: the close of a consumer, which rdkafka waits for without limit, and the offsets of a transaction.
//!
//! `rd_kafka_send_offsets_to_transaction` is such a call, whatever time it is given: when the group's coordinator is a broker that has gone and that the cluster has stopped naming, librdkafka
//! waits for a sign of it that cannot come (2.12 to 2.14, its issues 5456 and 5511; seen here after restarts of brokers).

use std::io;
use std::sync::mpsc::channel;
use std::time::Duration;

/// Makes a call on a thread of its own; `None` when it has not come back after `limit`. Then the thread, and with it all that the call has taken along, stays behind for as long as
/// the call goes on.
///
/// # Errors
/// When the operating system gives no thread.
pub(super) fn within<T: Send + 'static>(limit: Duration, call: impl FnOnce() -> T + Send + 'static) -> io::Result<Option<T>> {
    let (tell, told) = channel();
    // Nobody hears an answer that comes too late.
    std::thread::Builder::new().name("tidemill-call".into()).spawn(move || tell.send(call()).ok())?;
    Ok(told.recv_timeout(limit).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_that_does_not_come_back_is_left_behind() {
        let (release, released) = channel::<()>();
        assert_eq!(within(Duration::from_secs(60), || 7).unwrap(), Some(7));
        assert_eq!(within(Duration::from_millis(10), move || released.recv().is_err()).unwrap(), None);
        drop(release);
    }
}

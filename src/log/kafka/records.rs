//! Records between librdkafka's form and ours.
//!
//! librdkafka reads a timestamp of 0 as "now", which would make outputs depend on the clock; such a record is written without a timestamp (-1 for other
//! clients), and a record without one is read as 0.

use std::borrow::Cow;
use std::ffi::CStr;
use std::ptr;

use rdkafka::bindings::{rd_kafka_header_get_all, rd_kafka_message_headers};
use rdkafka::message::{BorrowedMessage, Header, Message, OwnedHeaders};
use rdkafka::producer::BaseRecord;
use rdkafka::types::RDKafkaRespErr;

use crate::record::{ConsumedBatch, Offset, RecordRef, Timestamp, TopicPartition};

/// Appends a message that was read.
pub(super) fn push(message: &BorrowedMessage<'_>, into: &mut ConsumedBatch) {
    let timestamp = Timestamp(message.timestamp().to_millis().unwrap_or(0));
    into.offsets.push(Offset(message.offset()));
    let headers = headers_of(message);
    let headers: Vec<(&str, &[u8])> = headers.iter().map(|(name, value)| (&**name, *value)).collect();
    into.records.push(timestamp, message.key(), message.payload(), &headers);
}

/// The headers of a message. rdkafka's own access panics on a name that is not UTF-8, and anybody can write one; here it is made readable.
fn headers_of<'a>(message: &'a BorrowedMessage<'_>) -> Vec<(Cow<'a, str>, &'a [u8])> {
    let (mut all, mut headers) = (Vec::new(), ptr::null_mut());
    // SAFETY: the message is valid and owned by `message`; the headers live as long as it does.
    if unsafe { rd_kafka_message_headers(message.ptr(), &raw mut headers) } != RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR {
        return all;
    }
    loop {
        let (mut name, mut value, mut size) = (ptr::null(), ptr::null(), 0);
        // SAFETY: the headers are valid; beyond the last index librdkafka answers with an error and touches nothing.
        let found = unsafe { rd_kafka_header_get_all(headers, all.len(), &raw mut name, &raw mut value, &raw mut size) };
        if found != RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR {
            return all;
        }
        // SAFETY: librdkafka ends names with a zero, and a value that is not null has `size` bytes; both live as long as the message.
        let pair = unsafe {
            let value: &[u8] = if value.is_null() { &[] } else { std::slice::from_raw_parts(value.cast::<u8>(), size) };
            (CStr::from_ptr(name).to_string_lossy(), value)
        };
        all.push(pair);
    }
}

/// A record to be written.
pub(super) fn outgoing<'a>(to: &'a TopicPartition, record: &RecordRef<'a>) -> BaseRecord<'a, [u8], [u8]> {
    let timestamp = if record.timestamp.0 == 0 { -1 } else { record.timestamp.0 };
    let mut out = BaseRecord::<[u8], [u8]>::to(&to.topic).partition(to.partition as i32).timestamp(timestamp);
    out.key = record.key;
    out.payload = record.value;
    let headers = record.headers().fold(None, |headers: Option<OwnedHeaders>, (key, value)| {
        Some(headers.unwrap_or_default().insert(Header { key, value: Some(value) }))
    });
    out.headers = headers;
    out
}

/// Takes the first `count` records out of a batch.
pub(super) fn split_front(batch: &mut ConsumedBatch, count: usize) -> ConsumedBatch {
    if count >= batch.len() {
        let rest = ConsumedBatch::empty(batch.partition.clone());
        return std::mem::replace(batch, rest);
    }
    let part = |range: std::ops::Range<usize>| {
        let mut part = ConsumedBatch::empty(batch.partition.clone());
        part.offsets.extend_from_slice(&batch.offsets[range.clone()]);
        part.records.append_range(&batch.records, range);
        part
    };
    let (front, rest) = (part(0..count), part(count..batch.len()));
    *batch = rest;
    front
}

#[cfg(test)]
mod tests {
    use rdkafka::message::Headers;

    use super::*;
    use crate::record::RecordBatch;

    #[test]
    fn a_batch_is_split_with_its_offsets() {
        let mut records = RecordBatch::new();
        (0..5u8).for_each(|i| records.push(Timestamp(i64::from(i)), None, Some(&[i]), &[]));
        let offsets = [3, 4, 7, 8, 9].map(Offset).to_vec();
        let mut batch = ConsumedBatch { partition: TopicPartition::new("t", 0), offsets, records };
        let front = split_front(&mut batch, 2);
        assert_eq!((front.offsets, batch.offsets.clone()), (vec![Offset(3), Offset(4)], [7, 8, 9].map(Offset).to_vec()));
        assert_eq!(batch.records.get(0).unwrap().value, Some(&[2u8][..]));
        assert_eq!((split_front(&mut batch, 9).len(), batch.len()), (3, 0));
    }

    #[test]
    fn a_record_keeps_its_parts_and_an_absent_value_stays_absent() {
        let mut records = RecordBatch::new();
        records.push(Timestamp(0), Some(b""), None, &[("a", b"1"), ("b", b"")]);
        let (to, record) = (TopicPartition::new("t", 4), records.get(0).unwrap());
        let out = outgoing(&to, &record);
        assert_eq!((out.partition, out.timestamp, out.key, out.payload), (Some(4), Some(-1), Some(&b""[..]), None));
        let headers = out.headers.unwrap();
        let pairs: Vec<_> = headers.iter().map(|h| (h.key, h.value)).collect();
        assert_eq!(pairs, [("a", Some(&b"1"[..])), ("b", Some(&b""[..]))]);
    }
}

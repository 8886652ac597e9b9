//! Records on Kafka: gaps, aborted transactions, time stamps, headers, partitions of keys, retention.

use std::ffi::CString;
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions};
use rdkafka::bindings::{RD_KAFKA_MSG_F_COPY, rd_kafka_header_add, rd_kafka_headers_new, rd_kafka_producev, rd_kafka_vtype_t};
use rdkafka::client::DefaultClientContext;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::topic_partition_list::{Offset as Place, TopicPartitionList};
use rdkafka::types::RDKafkaRespErr;
use tidemill::log::{LogError, Retention, TopicSpec, partition_for_key};
use tidemill::record::{Offset, RecordBatch, Timestamp};

use crate::port_contract::{PATIENCE, append, assert_reads, at, client, named, numbers, offsets, read_all, topic};
use crate::{kafka, with_log};

fn producer() -> BaseProducer {
    let servers = kafka::shared().expect("the test runs");
    ClientConfig::new().set("bootstrap.servers", servers).set("partitioner", "murmur2_random").create().unwrap()
}

#[test]
fn aborted_records_are_a_gap_that_a_reader_passes() {
    with_log(|log| {
        append(log, &at("in", 0), &numbers(0..1));
        let mut client = client(log, "app", &["in"]);
        for round in 0..3 {
            client.produce(&at("out", 0), &numbers(round * 10..round * 10 + 10)).unwrap();
            client.commit(&offsets(&[(&at("in", 0), 0)])).unwrap();
            client.produce(&at("out", 0), &numbers(900..950)).unwrap();
            client.abort().unwrap();
        }
        assert_reads(log, &at("out", 0), &(0..30).collect::<Vec<_>>());
        let mut reader = log.reader().unwrap();
        // The mark of the last abort is written a moment after the call.
        std::thread::sleep(Duration::from_millis(300));
        let end = reader.watermarks(&at("out", 0)).unwrap().end;
        assert!(end > Offset(180), "the aborted records have offsets: {end}");
        // From the last record on there is nothing but a gap, and the goal is reached all the same.
        let (mut last, mut seen) = (Offset(0), 0);
        while seen < 30 {
            let fetched = reader.read(&at("out", 0), last, end, 1_000, PATIENCE).unwrap();
            seen += fetched.records.len();
            last = fetched.records.next_offset().unwrap();
        }
        let fetched = reader.read(&at("out", 0), last, end, 1_000, Duration::from_millis(100)).unwrap();
        assert_eq!((fetched.records.len(), fetched.next), (0, end));
    });
}

#[test]
fn time_stamps_keys_values_and_headers_come_back_whatever_they_are() {
    with_log(|log| {
        let mut records = RecordBatch::new();
        for time in [0, 1, 1_700_000_000_000, 4_102_444_800_000, 9_999_999_999_999] {
            records.push(Timestamp(time), Some(b"k"), Some(b"v"), &[("a", b"1"), ("a", b""), ("b", &[0, 255])]);
        }
        records.push(Timestamp(5), None, None, &[]);
        records.push(Timestamp(6), Some(b""), Some(b""), &[]);
        append(log, &at("in", 1), &records);
        let fetched = log.reader().unwrap().read(&at("in", 1), Offset(0), Offset(7), 100, PATIENCE).unwrap();
        assert_eq!(fetched.records.records, records);
    });
}

#[test]
fn a_header_name_that_is_no_text_does_not_stop_anybody() {
    with_log(|log| {
        let producer = producer();
        let topic = CString::new(named("in")).unwrap();
        let (name, value) = ([b'x', 0xff], b"1");
        // SAFETY: every pointer is valid during the calls, librdkafka copies the payload and takes the headers over.
        let outcome = unsafe {
            let headers = rd_kafka_headers_new(1);
            rd_kafka_header_add(headers, name.as_ptr().cast(), 2, value.as_ptr().cast(), 1);
            rd_kafka_producev(
                producer.client().native_ptr(),
                rd_kafka_vtype_t::RD_KAFKA_VTYPE_TOPIC,
                topic.as_ptr(),
                rd_kafka_vtype_t::RD_KAFKA_VTYPE_PARTITION,
                0_i32,
                rd_kafka_vtype_t::RD_KAFKA_VTYPE_MSGFLAGS,
                RD_KAFKA_MSG_F_COPY,
                rd_kafka_vtype_t::RD_KAFKA_VTYPE_VALUE,
                value.as_ptr(),
                1_usize,
                rd_kafka_vtype_t::RD_KAFKA_VTYPE_HEADERS,
                headers,
                rd_kafka_vtype_t::RD_KAFKA_VTYPE_END,
            )
        };
        assert_eq!(outcome, RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR);
        producer.flush(PATIENCE).unwrap();
        assert_reads(log, &at("in", 0), &[1]);
        let fetched = log.reader().unwrap().read(&at("in", 0), Offset(0), Offset(1), 1, PATIENCE).unwrap();
        let record = fetched.records.records.get(0).unwrap();
        assert_eq!(record.headers().map(|(name, _)| name.to_owned()).collect::<Vec<_>>(), ["x\u{fffd}"]);
    });
}

#[test]
fn keys_go_where_kafkas_murmur2_sends_them() {
    with_log(|log| {
        log.create_topics(&[topic("wide", 7)]).unwrap();
        let (producer, name) = (producer(), named("wide"));
        let keys: Vec<String> =
            ["BTC", "ETH", "SOL", "XRP"].iter().flat_map(|c| (0..10).map(move |n| format!("{c}-{n}"))).collect();
        for key in &keys {
            producer.send(BaseRecord::<str, str>::to(&name).key(key).payload("1")).map_err(|(e, _)| e).unwrap();
        }
        producer.flush(PATIENCE).unwrap();
        let mut found = 0;
        for partition in 0..7 {
            let place = at("wide", partition);
            let mut reader = log.reader().unwrap();
            let end = reader.watermarks(&place).unwrap().end;
            let fetched = reader.read(&place, Offset(0), end, 1_000, PATIENCE).unwrap();
            for record in fetched.records.records.iter() {
                assert_eq!(partition_for_key(record.key.unwrap(), 7), partition);
                found += 1;
            }
        }
        assert_eq!(found, keys.len());
    });
}

#[test]
fn a_position_that_retention_has_removed_is_told_until_a_seek_mends_it() {
    with_log(|log| {
        append(log, &at("in", 0), &numbers(0..100));
        client(log, "app", &["in"]).commit(&offsets(&[(&at("in", 0), 5)])).unwrap();
        remove_before(&named("in"), 0, 50);
        let mut client = client(log, "app", &["in"]);
        for _ in 0..2 {
            let deadline = std::time::Instant::now() + PATIENCE;
            let error = loop {
                match client.poll(10, Duration::from_millis(200)) {
                    Ok(events) => assert!(events.is_empty() && std::time::Instant::now() < deadline, "{events:?}"),
                    Err(error) => break error,
                }
            };
            let LogError::OutOfRange { asked: Offset(5), start: Offset(50), .. } = &error else { panic!("{error}") };
        }
        client.seek(&at("in", 0), Offset(50)).unwrap();
        let seen = crate::port_contract::poll_values(&mut *client, 50, 100);
        assert_eq!(seen[&at("in", 0)], (50..100).collect::<Vec<_>>());
        let early = log.reader().unwrap().read(&at("in", 0), Offset(49), Offset(60), 10, PATIENCE);
        assert!(matches!(early, Err(LogError::OutOfRange { start: Offset(50), .. })), "{early:?}");
        assert_eq!(read_all(log, &at("in", 0)).len(), 50);
    });
}

#[test]
fn a_position_beyond_the_end_is_told_until_records_reach_it() {
    with_log(|log| {
        client(log, "app", &["in"]).commit(&offsets(&[(&at("in", 0), 1)])).unwrap();
        let mut client = client(log, "app", &["in"]);
        let deadline = std::time::Instant::now() + PATIENCE;
        let error = loop {
            match client.poll(10, Duration::from_millis(200)) {
                Ok(events) => assert!(events.is_empty() && std::time::Instant::now() < deadline, "{events:?}"),
                Err(error) => break error,
            }
        };
        assert!(matches!(error, LogError::OutOfRange { asked: Offset(1), end: Offset(0), .. }), "{error}");
        append(log, &at("in", 0), &numbers(0..3));
        assert_eq!(crate::port_contract::poll_values(&mut *client, 2, 10)[&at("in", 0)], [1, 2]);
    });
}

/// Removes the oldest records of a partition, as retention would in its own time.
fn remove_before(topic: &str, partition: i32, offset: i64) {
    let servers = kafka::shared().expect("the test runs");
    let admin: AdminClient<DefaultClientContext> = ClientConfig::new().set("bootstrap.servers", servers).create().unwrap();
    let mut list = TopicPartitionList::new();
    list.add_partition_offset(topic, partition, Place::Offset(offset)).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(admin.delete_records(&list, &AdminOptions::new())).unwrap();
}

#[test]
fn a_topic_takes_the_retention_it_is_asked_for() {
    with_log(|log| {
        let spec = |retention| TopicSpec { name: named("kept").into(), partitions: 1, retention };
        let found = || log.topics().unwrap().into_iter().find(|t| *t.spec.name == *named("kept")).unwrap().spec.retention;
        for retention in [Retention::Bytes(1_000_000), Retention::Unlimited, Retention::Compacted, Retention::Bytes(5_000)] {
            log.create_topics(&[spec(retention)]).unwrap();
            let deadline = std::time::Instant::now() + PATIENCE;
            while found() != retention {
                assert!(std::time::Instant::now() < deadline, "{:?} instead of {retention:?}", found());
                std::thread::sleep(Duration::from_millis(20));
            }
        }
    });
}

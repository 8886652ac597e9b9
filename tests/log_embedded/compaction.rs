//! Compacted topics: the newest record of each key stays, with its offset; the others go, and their offsets become gaps.

use std::collections::BTreeMap;
use std::time::Duration;

use tidemill::log::embedded::EmbeddedLog;
use tidemill::log::{Log, LogError, Retention, TopicSpec};
use tidemill::record::{ConsumedBatch, Offset, RecordBatch, Timestamp};

use super::{PATIENCE, append, at, client};

const VALUE_BYTES: usize = 20_000;

fn compacted(name: &str) -> TopicSpec {
    TopicSpec { name: name.into(), partitions: 1, retention: Retention::Compacted }
}

/// A record of `key` whose value begins with `n` and is long enough for compaction to be worth it.
fn record(key: &str, n: u64) -> RecordBatch {
    let mut value = n.to_string().into_bytes();
    value.resize(VALUE_BYTES, b' ');
    let mut batch = RecordBatch::new();
    batch.push(Timestamp(n as i64), Some(key.as_bytes()), Some(&value), &[]);
    batch
}

/// Several records of other keys in one stored batch, so that its middle has to go.
fn small_records(keys: &[&str], n: u64) -> RecordBatch {
    let mut batch = RecordBatch::new();
    for key in keys {
        batch.push(Timestamp(0), Some(key.as_bytes()), Some(n.to_string().as_bytes()), &[]);
    }
    batch
}

fn read(log: &dyn Log, from: i64, to: i64) -> ConsumedBatch {
    let mut reader = log.reader().unwrap();
    let (mut position, mut all) = (Offset(from), ConsumedBatch::empty(at("t", 0)));
    while position < Offset(to) {
        let fetched = reader.read(&at("t", 0), position, Offset(to), 7, Duration::ZERO).unwrap();
        assert!(fetched.next > position && fetched.next <= Offset(to), "{position} to {}", fetched.next);
        position = fetched.next;
        all.offsets.extend(fetched.records.offsets);
        all.records.append(&fetched.records.records);
    }
    all
}

fn newest(batch: &ConsumedBatch) -> BTreeMap<String, (i64, u64)> {
    let number = |value: &[u8]| std::str::from_utf8(value).unwrap().trim().parse().unwrap();
    let entry = |(offset, record): (&Offset, tidemill::record::RecordRef<'_>)| {
        (String::from_utf8(record.key.unwrap().to_vec()).unwrap(), (offset.0, number(record.value.unwrap())))
    };
    batch.offsets.iter().zip(batch.records.iter()).map(entry).collect()
}

#[test]
fn the_newest_record_of_each_key_stays_with_its_offset_and_older_ones_go() {
    let dir = tempfile::tempdir().unwrap();
    let log = EmbeddedLog::open(dir.path()).unwrap();
    log.create_topics(&[compacted("t")]).unwrap();
    append(&log, &at("t", 0), &small_records(&["a", "once", "k1", "k2", "b", "a"], 7));
    let mut expected = BTreeMap::from([("once".to_owned(), (1, 7)), ("b".into(), (4, 7)), ("a".into(), (5, 7))]);
    for n in 0..400 {
        let key = format!("k{}", n % 10);
        append(&log, &at("t", 0), &record(&key, n));
        expected.insert(key, (6 + n as i64, n));
    }
    let described = &log.topics().unwrap()[0];
    assert_eq!(described.spec.retention, Retention::Compacted);
    assert_eq!((described.watermarks[0].start, described.watermarks[0].end), (Offset(0), Offset(406)));
    let most = (1 << 20) + 3 * 10 * (VALUE_BYTES as u64 + 100);
    assert!(described.bytes[0] < most, "{} bytes for 10 keys", described.bytes[0]);

    let all = read(&log, 0, 406);
    assert!(all.len() < 100 && all.offsets.is_sorted(), "{} records are left of 406", all.len());
    assert_eq!(newest(&all), expected);
    assert_eq!(log.verify().unwrap().records, all.len() as u64);
    drop(log);
    assert_eq!(read(&EmbeddedLog::open(dir.path()).unwrap(), 0, 406), all, "after a start");
}

#[test]
fn a_read_that_ends_inside_a_gap_reaches_its_goal() {
    let dir = tempfile::tempdir().unwrap();
    let log = EmbeddedLog::open(dir.path()).unwrap();
    log.create_topics(&[compacted("t")]).unwrap();
    for n in 0..100 {
        append(&log, &at("t", 0), &record("only", n));
    }
    let first = read(&log, 0, 100).offsets[0];
    assert!(first > Offset(40), "{first}");
    let fetched = log.reader().unwrap().read(&at("t", 0), Offset(3), Offset(9), 100, PATIENCE).unwrap();
    assert_eq!((fetched.records.len(), fetched.next), (0, Offset(9)));
    let fetched = log.reader().unwrap().read(&at("t", 0), Offset(3), first.next(), 100, PATIENCE).unwrap();
    assert_eq!((fetched.records.offsets, fetched.next), (vec![first], first.next()));
}

#[test]
fn a_reader_in_the_middle_of_a_compaction_goes_on_with_what_is_left() {
    let dir = tempfile::tempdir().unwrap();
    let log = EmbeddedLog::open(dir.path()).unwrap();
    log.create_topics(&[compacted("t")]).unwrap();
    append(&log, &at("t", 0), &small_records(&["k0", "a", "k0"], 5));
    let mut reader = log.reader().unwrap();
    reader.read(&at("t", 0), Offset(0), Offset(99), 1, PATIENCE).unwrap();
    for n in 0..200 {
        append(&log, &at("t", 0), &record("k0", n));
    }
    let (mut position, mut seen) = (Offset(1), ConsumedBatch::empty(at("t", 0)));
    while position < Offset(203) {
        let fetched = reader.read(&at("t", 0), position, Offset(203), 10, Duration::ZERO).unwrap();
        position = fetched.next;
        seen.offsets.extend(fetched.records.offsets);
        seen.records.append(&fetched.records.records);
    }
    assert!(seen.offsets.is_sorted());
    assert_eq!(newest(&seen), BTreeMap::from([("a".into(), (1, 5)), ("k0".into(), (202, 199))]));
}

#[test]
fn a_group_reads_over_the_gaps() {
    let dir = tempfile::tempdir().unwrap();
    let log = EmbeddedLog::open(dir.path()).unwrap();
    log.create_topics(&[compacted("t")]).unwrap();
    for n in 0..120 {
        append(&log, &at("t", 0), &record("k", n));
    }
    append(&log, &at("t", 0), &small_records(&["end"], 120));
    let left: Vec<u64> = newest(&read(&log, 0, 121)).values().map(|(_, n)| *n).collect();
    assert_eq!(left, [120, 119]);
    let count = read(&log, 0, 121).len();
    let mut client = client(&log, "app", &["t"]);
    let mut seen = 0;
    while seen < count {
        let events = client.poll(10, PATIENCE).unwrap();
        assert!(!events.is_empty());
        seen += events
            .iter()
            .map(|event| if let tidemill::log::LogEvent::Records(batch) = event { batch.len() } else { 0 })
            .sum::<usize>();
    }
    assert_eq!(seen, count);
}

#[test]
fn a_record_without_a_key_is_refused_by_compacted_topics_only() {
    let dir = tempfile::tempdir().unwrap();
    let log = EmbeddedLog::open(dir.path()).unwrap();
    log.create_topics(&[compacted("t"), super::topic("plain", 1)]).unwrap();
    let mut keyless = RecordBatch::new();
    keyless.push(Timestamp(0), None, Some(b"1"), &[]);
    let mut appender = log.appender("a").unwrap();
    let refused = appender.append(&at("t", 0), &keyless).unwrap_err();
    assert!(matches!(&refused, LogError::Usage(message) if message.contains("t-0") && message.contains("key")), "{refused}");
    appender.append(&at("plain", 0), &keyless).unwrap();
    let mut client = client(&log, "app", &["plain"]);
    assert!(matches!(client.produce(&at("t", 0), &keyless), Err(LogError::Usage(_))));
}

#[test]
fn a_topic_that_becomes_compacted_loses_only_what_was_superseded() {
    let dir = tempfile::tempdir().unwrap();
    let log = EmbeddedLog::open(dir.path()).unwrap();
    log.create_topics(&[super::topic("t", 1)]).unwrap();
    let mut keyless = RecordBatch::new();
    keyless.push(Timestamp(0), None, Some(b"1"), &[]);
    append(&log, &at("t", 0), &keyless);
    for n in 0..60 {
        append(&log, &at("t", 0), &record("k", n));
    }
    log.create_topics(&[compacted("t")]).unwrap();
    append(&log, &at("t", 0), &record("k", 60));
    assert_eq!(
        log.reader().unwrap().read(&at("t", 0), Offset(0), Offset(62), 99, PATIENCE).unwrap().records.offsets,
        [Offset(0), Offset(61)]
    );
    log.create_topics(&[super::topic("t", 1)]).unwrap();
    assert_eq!(log.topics().unwrap()[0].spec.retention, Retention::Unlimited);
    for n in 61..200 {
        append(&log, &at("t", 0), &record("k", n));
    }
    assert_eq!(log.verify().unwrap().records, 141, "gaps stay readable, and nothing more goes");
}

#[test]
fn other_topics_are_not_compacted() {
    let dir = tempfile::tempdir().unwrap();
    let log = EmbeddedLog::open(dir.path()).unwrap();
    log.create_topics(&[super::topic("in", 1)]).unwrap();
    for n in 0..100 {
        append(&log, &at("in", 0), &record("k", n));
    }
    assert_eq!(log.verify().unwrap().records, 100);
}

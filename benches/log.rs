//! The embedded log: what a record costs on its way in and out, a commit, and the start after a crash.
//!
//! `cargo bench --bench log`. Records carry a key of 8 and a value of 100 bytes; a commit is one fsync, so the disk is in these figures.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::path::Path;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use tidemill::log::embedded::{EmbeddedLog, EmbeddedSettings};
use tidemill::log::{
    AutoOffsetReset, ClientSettings, Committed, Guarantee, Log, LogClient, LogEvent, Retention, ThreadSlot, TopicSpec,
};
use tidemill::record::{Offset, RecordBatch, Timestamp, TopicPartition};

const BATCH: usize = 500;

fn batch() -> RecordBatch {
    let mut batch = RecordBatch::new();
    for n in 0..BATCH {
        batch.push(Timestamp(n as i64), Some(b"BTC-USDT"), Some(&[b'x'; 100]), &[]);
    }
    batch
}

fn open(dir: &Path, retention: Retention) -> EmbeddedLog {
    let log = EmbeddedLog::open(dir).unwrap();
    log.create_topics(&[TopicSpec { name: "t".into(), partitions: 3, retention }]).unwrap();
    log
}

/// A log with `count` records in its first partition.
fn filled(dir: &Path, count: usize) -> EmbeddedLog {
    let log = open(dir, Retention::Unlimited);
    let (mut appender, batch) = (log.appender("bench").unwrap(), batch());
    for n in 1..=count / BATCH {
        appender.append(&TopicPartition::new("t", 0), &batch).unwrap();
        if n % 100 == 0 {
            appender.commit("").unwrap();
        }
    }
    appender.commit("").unwrap();
    log
}

fn client(log: &EmbeddedLog) -> Box<dyn LogClient> {
    let settings = ClientSettings {
        application_id: "bench".into(),
        topics: vec!["t".into()],
        thread: ThreadSlot { index: 0, of: 1 },
        guarantee: Guarantee::ExactlyOnceV2,
        reset: AutoOffsetReset::Earliest,
    };
    let mut client = log.client(&settings).unwrap();
    client.poll(1, Duration::ZERO).unwrap();
    client
}

/// One transaction of so many batches of 500 with an input offset, over three partitions. 200 batches are what a fast pipeline commits each 100 ms.
fn append(c: &mut Criterion) {
    let mut group = c.benchmark_group("append_and_commit");
    for batches in [1, 20, 200] {
        let dir = tempfile::tempdir().unwrap();
        let log = open(dir.path(), Retention::Bytes(64 << 20));
        let (mut client, batch) = (client(&log), batch());
        let offsets = BTreeMap::from([(TopicPartition::new("t", 0), Committed::at(Offset(1)))]);
        group.throughput(Throughput::Elements((batches * BATCH) as u64));
        group.bench_function(BenchmarkId::from_parameter(batches * BATCH), |b| {
            b.iter(|| {
                for n in 0..batches {
                    client.produce(&TopicPartition::new("t", n as u32 % 3), &batch).unwrap();
                }
                client.commit(&offsets).unwrap();
            });
        });
    }
}

/// Polls through a million records.
fn read(c: &mut Criterion) {
    let dir = tempfile::tempdir().unwrap();
    let log = filled(dir.path(), 1_000_000);
    let mut group = c.benchmark_group("poll");
    for max in [7, 500, 10_000] {
        let mut client = client(&log);
        let partition = TopicPartition::new("t", 0);
        group.throughput(Throughput::Elements(max as u64));
        group.bench_function(BenchmarkId::from_parameter(max), |b| {
            b.iter(|| {
                let events = client.poll(max, Duration::ZERO).unwrap();
                if events.iter().all(|event| !matches!(event, LogEvent::Records(batch) if batch.len() == max)) {
                    client.seek(&partition, Offset(0)).unwrap();
                }
                black_box(events)
            });
        });
    }
}

/// The start after a crash, with a million records behind it: redb reads the whole file, unless every commit has paid for `quick_repair`.
fn reopen(c: &mut Criterion) {
    let mut group = c.benchmark_group("open_after_crash_with_1M_records");
    group.sample_size(10);
    for quick_repair in [false, true] {
        let settings = EmbeddedSettings { quick_repair, ..EmbeddedSettings::default() };
        let dir = tempfile::tempdir().unwrap();
        drop(filled(dir.path(), 1_000_000));
        let log = EmbeddedLog::open_with(dir.path(), settings.clone()).unwrap();
        log.appender("bench").unwrap().commit("after the last clean close").unwrap();
        group.bench_function(BenchmarkId::new("quick_repair", quick_repair), |b| {
            b.iter_batched(
                || {
                    let copy = tempfile::tempdir().unwrap();
                    std::fs::copy(dir.path().join("log.redb"), copy.path().join("log.redb")).unwrap();
                    copy
                },
                |copy| (EmbeddedLog::open_with(copy.path(), settings.clone()).unwrap(), copy),
                criterion::BatchSize::PerIteration,
            );
        });
    }
    group.finish();
}

/// A transaction of 500 records with and without the second fsync of `quick_repair`, on a log of a million records.
fn quick_repair(c: &mut Criterion) {
    let mut group = c.benchmark_group("commit_500_of_1M");
    for quick_repair in [false, true] {
        let dir = tempfile::tempdir().unwrap();
        drop(filled(dir.path(), 1_000_000));
        let log = EmbeddedLog::open_with(dir.path(), EmbeddedSettings { quick_repair, ..EmbeddedSettings::default() }).unwrap();
        let (mut appender, batch) = (log.appender("bench").unwrap(), batch());
        group.bench_function(BenchmarkId::new("quick_repair", quick_repair), |b| {
            b.iter(|| {
                appender.append(&TopicPartition::new("t", 1), &batch).unwrap();
                appender.commit("").unwrap();
            });
        });
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20).measurement_time(Duration::from_secs(4)).without_plots();
    targets = append, read, reopen, quick_repair
}
criterion_main!(benches);

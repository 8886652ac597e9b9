//! Power loss, simulated: of what was written since the last fsync, any part may be on the disk and any may not.
//!
//! A run records every write and fsync. Then, for many moments, the file is put together from everything before the last fsync and a random part of what
//! came after, torn at sectors of 512 bytes. It must open, with whole transactions only, and with every one that was acknowledged.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use redb::{Builder, Database, Durability, StorageBackend};

use super::backend::SyncedLength;
use super::state::State;
use super::storage::Storage;
use super::{EmbeddedLog, EmbeddedSettings, Shared};
use crate::log::{AutoOffsetReset, ClientSettings, Committed, Guarantee, Log, LogClient, Retention, ThreadSlot, TopicSpec};
use crate::record::{Offset, RecordBatch, Timestamp, TopicPartition};

#[derive(Debug, Clone)]
enum Event {
    Write(u64, Vec<u8>),
    SetLength(u64),
    Sync,
    Acknowledged(i64),
}

/// A file in memory that writes down what happens to it.
#[derive(Debug, Clone, Default)]
struct Disk {
    bytes: Arc<Mutex<Vec<u8>>>,
    journal: Arc<Mutex<Vec<Event>>>,
}

impl Disk {
    fn note(&self, event: Event) {
        self.journal.lock().unwrap().push(event);
    }
}

fn apply(bytes: &mut Vec<u8>, event: &Event) {
    match event {
        Event::Write(at, data) => {
            let end = *at as usize + data.len();
            bytes.resize(bytes.len().max(end), 0);
            bytes[*at as usize..end].copy_from_slice(data);
        }
        Event::SetLength(length) => bytes.resize(*length as usize, 0),
        Event::Sync | Event::Acknowledged(_) => {}
    }
}

impl StorageBackend for Disk {
    fn len(&self) -> io::Result<u64> {
        Ok(self.bytes.lock().unwrap().len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let bytes = self.bytes.lock().unwrap();
        let part = bytes.get(offset as usize..offset as usize + out.len()).ok_or(io::ErrorKind::UnexpectedEof)?;
        out.copy_from_slice(part);
        Ok(())
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        apply(&mut self.bytes.lock().unwrap(), &Event::SetLength(length));
        self.note(Event::SetLength(length));
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        self.note(Event::Sync);
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let event = Event::Write(offset, data.to_vec());
        apply(&mut self.bytes.lock().unwrap(), &event);
        self.note(event);
        Ok(())
    }
}

fn database(disk: Disk) -> Result<Database, redb::DatabaseError> {
    Builder::new().set_cache_size(1 << 20).create_with_backend(SyncedLength(disk))
}

fn log_on(disk: Disk, quick_repair: bool) -> EmbeddedLog {
    let settings = EmbeddedSettings { quick_repair, ..EmbeddedSettings::default() };
    let (dir, fresh) = (Path::new("a disk in memory"), disk.bytes.lock().unwrap().is_empty());
    let storage = Storage::new(database(disk).unwrap(), dir, &settings);
    if fresh {
        storage.write(&mut State::default(), Durability::Immediate, |_, _| Ok(())).unwrap();
    }
    let state = storage.load().unwrap();
    EmbeddedLog { shared: Arc::new(Shared::new(storage, state, settings)) }
}

fn at(partition: u32) -> TopicPartition {
    TopicPartition::new("t", partition)
}

/// What transaction `n` appends: its size changes, so that pages are split, freed by retention and used again.
fn records(n: i64) -> RecordBatch {
    let mut batch = RecordBatch::new();
    for part in 0..n % 7 + 1 {
        batch.push(Timestamp(n), None, Some(&vec![n as u8; (n * 131 % 3_000) as usize]), &[("part", &[part as u8])]);
    }
    batch
}

fn client(log: &EmbeddedLog) -> Box<dyn LogClient> {
    let settings = ClientSettings {
        application_id: "app".into(),
        topics: vec!["t".into()],
        thread: ThreadSlot { index: 0, of: 1 },
        guarantee: Guarantee::ExactlyOnceV2,
        reset: AutoOffsetReset::Earliest,
    };
    let mut client = log.client(&settings).unwrap();
    client.poll(1, Duration::ZERO).unwrap();
    client
}

const TRANSACTIONS: i64 = 60;

fn record_a_run(quick_repair: bool) -> Vec<Event> {
    let disk = Disk::default();
    let log = log_on(disk.clone(), quick_repair);
    let topic = |name: &str, retention| TopicSpec { name: name.into(), partitions: 2, retention };
    log.create_topics(&[topic("t", Retention::Unlimited), topic("short", Retention::Bytes(20_000))]).unwrap();
    disk.note(Event::Acknowledged(0));
    write_transactions(&disk, &log, 1..=TRANSACTIONS / 2);
    // A clean close shrinks the file, and the next transactions let it grow again.
    drop(log);
    write_transactions(&disk, &log_on(disk.clone(), quick_repair), TRANSACTIONS / 2 + 1..=TRANSACTIONS);
    disk.journal.lock().unwrap().clone()
}

fn write_transactions(disk: &Disk, log: &EmbeddedLog, numbers: std::ops::RangeInclusive<i64>) {
    let mut client = client(log);
    for n in numbers {
        client.produce(&at(0), &records(n)).unwrap();
        client.produce(&at(1), &records(n)).unwrap();
        client.produce(&TopicPartition::new("short", 0), &records(n)).unwrap();
        client.commit(&BTreeMap::from([(at(0), Committed::at(Offset(n)))])).unwrap();
        disk.note(Event::Acknowledged(n));
    }
}

struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % n
    }
}

/// The file after a loss of power at `moment`.
fn disk_after_loss(journal: &[Event], moment: usize, random: &mut Random) -> Disk {
    let synced = journal[..moment].iter().rposition(|event| matches!(event, Event::Sync)).unwrap_or(0);
    let mut bytes = Vec::new();
    journal[..synced].iter().for_each(|event| apply(&mut bytes, event));
    for event in &journal[synced..moment] {
        match (event, random.below(3)) {
            (_, 0) => {}
            (Event::Write(at, data), choice) => {
                let torn = if choice == 1 { random.below(data.len() / 512 + 1) * 512 } else { data.len() };
                // A write never changes the length of the file; what lies behind a length that was lost is lost with it.
                let kept = torn.min(bytes.len().saturating_sub(*at as usize));
                if kept > 0 {
                    apply(&mut bytes, &Event::Write(*at, data[..kept].to_vec()));
                }
            }
            _ => apply(&mut bytes, event),
        }
    }
    Disk { bytes: Arc::new(Mutex::new(bytes)), journal: Arc::default() }
}

/// How many transactions are there; panics on a part of one.
fn whole_transactions(log: &EmbeddedLog) -> i64 {
    log.verify().unwrap();
    let done = log.group_offsets("app").unwrap().get(&at(0)).map_or(0, |c| c.offset.0);
    let mut expected = RecordBatch::new();
    (1..=done).for_each(|n| expected.append(&records(n)));
    for partition in 0..2 {
        let mut reader = log.reader().unwrap();
        let end = reader.watermarks(&at(partition)).unwrap().end;
        let fetched = reader.read(&at(partition), Offset(0), end, usize::MAX, Duration::ZERO).unwrap();
        assert!(fetched.records.records == expected, "partition {partition} does not hold {done} whole transactions");
    }
    done
}

#[test]
fn after_a_loss_of_power_every_acknowledged_transaction_is_there_and_none_in_part() {
    for quick_repair in [false, true] {
        let (journal, mut random) = (record_a_run(quick_repair), Random(77));
        let first = journal.iter().position(|event| matches!(event, Event::Acknowledged(0))).unwrap();
        let growths: Vec<usize> = (first..journal.len()).filter(|i| matches!(journal[*i], Event::SetLength(_))).collect();
        assert!(!growths.is_empty(), "the file never grew");
        for round in 0..600 {
            // A third of the moments right after the file has grown, the others anywhere.
            let moment = match round % 3 {
                0 => growths[random.below(growths.len())] + 1 + random.below(12),
                _ => first + 1 + random.below(journal.len() - first),
            };
            let moment = moment.min(journal.len());
            let acknowledged = journal[..moment].iter().rev().find_map(|event| match event {
                Event::Acknowledged(n) => Some(*n),
                _ => None,
            });
            let acknowledged = acknowledged.unwrap();
            let found = whole_transactions(&log_on(disk_after_loss(&journal, moment, &mut random), quick_repair));
            assert!(
                (acknowledged..=acknowledged + 1).contains(&found),
                "quick_repair {quick_repair}, round {round}, event {moment}: {found} found, {acknowledged} acknowledged"
            );
        }
    }
}

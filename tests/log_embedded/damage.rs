//! Single flipped bits and cut files: the log opens with all that was committed, or says what to do.

use std::fs;
use std::path::Path;

use tidemill::log::embedded::EmbeddedLog;
use tidemill::log::{Log, LogError};
use tidemill::record::TopicPartition;

use super::{append, at, client, numbers, offsets, topic};

fn build(dir: &Path) {
    let log = EmbeddedLog::open(dir).unwrap();
    log.create_topics(&[topic("in", 3), topic("out", 3)]).unwrap();
    for round in 0..6 {
        append(&log, &at("in", round % 3), &numbers(0..200));
    }
    let mut client = client(&log, "app", &["in"]);
    client.produce(&at("out", 1), &numbers(0..300)).unwrap();
    client.commit(&offsets(&[(&at("in", 1), 300)])).unwrap();
}

/// All that a user can see of a log.
#[derive(Debug, PartialEq)]
struct Contents {
    records: Vec<Vec<u64>>,
    offsets: String,
}

fn contents(dir: &Path) -> Result<Contents, LogError> {
    let log = EmbeddedLog::open(dir)?;
    let mut records = Vec::new();
    for topic in log.topics()? {
        for number in 0..topic.spec.partitions {
            records.push(read(&log, &TopicPartition::new(topic.spec.name.clone(), number))?);
        }
    }
    Ok(Contents { records, offsets: format!("{:?}", log.group_offsets("app")?) })
}

fn read(log: &EmbeddedLog, partition: &TopicPartition) -> Result<Vec<u64>, LogError> {
    let mut reader = log.reader()?;
    let ends = reader.watermarks(partition)?;
    let (mut position, mut all) = (ends.start, Vec::new());
    while position < ends.end {
        let fetched = reader.read(partition, position, ends.end, 100, std::time::Duration::ZERO)?;
        position = fetched.next;
        all.extend(super::values(&fetched.records));
    }
    Ok(all)
}

#[test]
fn a_damaged_file_opens_with_everything_or_is_refused_with_advice() {
    // In memory where there is such a folder: a thousand openings would spend minutes in fsync.
    let memory = Path::new("/dev/shm");
    let dir = if memory.is_dir() { tempfile::tempdir_in(memory).unwrap() } else { tempfile::tempdir().unwrap() };
    build(dir.path());
    let expected = contents(dir.path()).unwrap();
    let file = dir.path().join("log.redb");
    let intact = fs::read(&file).unwrap();
    let (mut whole, mut refused) = (0, 0);
    let mut random = 0x2545_f491_4f6c_dd1d_u64;
    for round in 0..1_500 {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        let mut bytes = intact.clone();
        match round % 10 {
            0 => bytes.truncate(random as usize % intact.len()),
            // The header and the pages in use lie at the front; the rest of the file is mostly free.
            1..4 => bytes[random as usize % 4_096] ^= 1 << (random >> 40 & 7),
            _ => bytes[random as usize % intact.len()] ^= 1 << (random >> 40 & 7),
        }
        fs::write(&file, &bytes).unwrap();
        match contents(dir.path()) {
            Ok(found) => {
                assert_eq!(found, expected, "round {round}");
                whole += 1;
            }
            Err(error) => {
                let message = error.to_string();
                assert!(
                    message.contains("put a copy") || message.contains("another state directory"),
                    "round {round}: {error:?}"
                );
                refused += 1;
            }
        }
    }
    println!("{whole} opened with everything, {refused} were refused, of a file of {} bytes", intact.len());
    assert!(whole > 0 && refused > 0);
}

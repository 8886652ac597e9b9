//! Flipped bits, cut, deleted and swapped files in a checkpoint store: what it hands out is right, or older and right, or nothing, and it goes on.
#![cfg(feature = "runtime")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use tidemill::record::{Offset, TopicPartition};
use tidemill::store::{Checkpoint, CheckpointStore, FileStore, Incident, SledStore};

/// A small generator of our own: the same damage in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % n
    }
}

fn checkpoint(task: u64, n: u64) -> Checkpoint {
    let mut random = Random(task * 1_000 + n + 1);
    Checkpoint {
        positions: BTreeMap::from([(TopicPartition::new("in", task as u32), Offset(n as i64 * 100))]),
        fingerprint: format!("{task} {n}"),
        payload: (0..40_000 + task * 50_000).map(|_| random.below(256) as u8).collect(),
    }
}

const TASKS: u64 = 3;
const GENERATIONS: u64 = 5;

fn build(store: &dyn CheckpointStore) {
    for n in 1..=GENERATIONS {
        for task in 0..TASKS {
            assert_eq!(store.write(&format!("t{task}"), &checkpoint(task, n)).unwrap(), n);
        }
    }
}

fn files_of(dir: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => files.extend(files_of(&path)),
            false if path.file_name().unwrap() != "lock" => files.push(path),
            false => {}
        }
    }
    files.sort();
    files
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let (path, target) = (entry.as_ref().unwrap().path(), to.join(entry.unwrap().file_name()));
        match path.is_dir() {
            true => copy(&path, &target),
            false => drop(fs::copy(&path, &target).unwrap()),
        }
    }
}

/// Damages one or two files of `dir`; says how.
fn damage(dir: &Path, random: &mut Random) -> String {
    let files = files_of(dir);
    let file = &files[random.below(files.len())];
    let mut bytes = fs::read(file).unwrap();
    let name = file.strip_prefix(dir).unwrap().display().to_string();
    match random.below(20) {
        0 | 1 => {
            fs::remove_file(file).unwrap();
            format!("{name} deleted")
        }
        2..5 => {
            let other = &files[random.below(files.len())];
            fs::write(file, fs::read(other).unwrap()).unwrap();
            fs::write(other, bytes).unwrap();
            format!("{name} and {} swapped", other.display())
        }
        5..8 => {
            bytes.truncate(random.below(bytes.len() + 1));
            fs::write(file, &bytes).unwrap();
            format!("{name} cut to {} bytes", bytes.len())
        }
        // Single bits, in the largest file: there are the payloads.
        _ => {
            let largest = files.iter().max_by_key(|file| fs::metadata(file).unwrap().len()).unwrap();
            let file = if random.below(4) == 0 { file } else { largest };
            let mut bytes = fs::read(file).unwrap();
            if bytes.is_empty() {
                return format!("{name} is empty");
            }
            let (at, bit) = (random.below(bytes.len()), random.below(8));
            bytes[at] ^= 1 << bit;
            fs::write(file, &bytes).unwrap();
            format!("{} bit {bit} of byte {at} flipped", file.display())
        }
    }
}

/// What came of one round.
#[derive(Debug, Default)]
struct Tally {
    newest: usize,
    older: usize,
    gone: usize,
    set_aside: usize,
}

/// Whatever the store lists must be what was written, down to the byte; and one task goes on: it writes to the other slot.
fn check(store: &dyn CheckpointStore, how: &str, writes_to: u64, tally: &mut Tally) {
    for task in 0..TASKS {
        let name = format!("t{task}");
        let listing = store.list(&name).unwrap();
        for info in &listing.intact {
            let written = checkpoint(task, info.generation);
            assert!((1..=GENERATIONS).contains(&info.generation), "{how}");
            assert_eq!((&info.positions, &info.fingerprint), (&written.positions, &written.fingerprint), "{how}");
            assert!(store.load(&name, info.generation).unwrap() == written.payload, "{how}: wrong payload");
        }
        match listing.intact.first().map(|info| info.generation) {
            Some(GENERATIONS) => tally.newest += 1,
            Some(_) => tally.older += 1,
            None => tally.gone += 1,
        }
        let two_files = how.ends_with("swapped");
        assert!(two_files || !listing.intact.is_empty(), "{how}: damage to one file cost both generations of {name}");
        let noticed = !listing.damaged.is_empty() || !store.incidents().is_empty();
        assert!(noticed || listing.intact[0].generation == GENERATIONS, "{how}: lost silently");
        let newest = listing.intact.first().map_or(0, |info| info.generation);
        if task != writes_to {
            continue;
        }
        let next = store.write(&name, &checkpoint(task, 99)).unwrap();
        assert!(next > newest, "{how}");
        assert!(store.load(&name, next).unwrap() == checkpoint(task, 99).payload, "{how}");
        if newest > 0 {
            assert!(
                store.load(&name, newest).unwrap() == checkpoint(task, newest).payload,
                "{how}: the intact slot was overwritten"
            );
        }
    }
    for incident in store.incidents() {
        tally.set_aside += 1;
        if let Incident::Quarantined { to, .. } = incident {
            assert!(to.is_dir(), "{how}: {} is not there", to.display());
        }
    }
}

/// A folder in memory where there is one: thousands of rounds would spend minutes in fsync.
fn folder() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { tempfile::tempdir_in(memory).unwrap() } else { tempfile::tempdir().unwrap() }
}

fn run(rounds: usize, seed: u64, open: impl Fn(&Path) -> Box<dyn CheckpointStore>) -> Tally {
    let intact = folder();
    build(&*open(intact.path()));
    let (mut random, mut tally) = (Random(seed), Tally::default());
    for round in 0..rounds {
        let dir = folder();
        copy(intact.path(), dir.path());
        let how = format!("seed {seed}, round {round}: {}", damage(dir.path(), &mut random));
        let store = open(dir.path());
        check(&*store, &how, round as u64 % TASKS, &mut tally);
    }
    println!("{rounds} damaged stores of {TASKS} tasks: {tally:?}");
    assert!(tally.newest > 0 && tally.older > 0);
    tally
}

#[test]
fn a_damaged_store_of_files_never_hands_out_a_wrong_byte() {
    run(1_400, 11, |dir| Box::new(FileStore::open(dir).unwrap()));
}

#[test]
fn a_damaged_sled_never_hands_out_a_wrong_byte_and_says_what_it_set_aside() {
    let tally = run(700, 12, |dir| Box::new(SledStore::open(dir).unwrap()));
    assert!(tally.set_aside > 0, "no damage was ever noticed at the opening");
}

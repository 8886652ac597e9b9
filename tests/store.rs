//! What every checkpoint store promises, held against both.
#![cfg(feature = "runtime")]

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};

use tidemill::record::{Offset, TopicPartition};
use tidemill::store::{CHUNK_BYTES, Checkpoint, CheckpointStore, FileStore, Listing, SledStore, StoreError};

type Store = Box<dyn CheckpointStore>;
type OpenStore = fn(&Path) -> Result<Store, StoreError>;

fn open_sled(dir: &Path) -> Result<Store, StoreError> {
    Ok(Box::new(SledStore::open(dir)?))
}

fn open_files(dir: &Path) -> Result<Store, StoreError> {
    Ok(Box::new(FileStore::open(dir)?))
}

const STORES: [(&str, OpenStore); 2] = [("sled", open_sled), ("files", open_files)];

fn for_both(test: impl Fn(&Path, OpenStore)) {
    for (name, open) in STORES {
        println!("store: {name}");
        test(tempfile::tempdir().unwrap().path(), open);
    }
}

/// A checkpoint in which everything depends on `n`.
fn checkpoint(n: u64, bytes: usize) -> Checkpoint {
    let mut random = n.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut byte = || {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random as u8
    };
    Checkpoint {
        positions: BTreeMap::from([(TopicPartition::new("in", 0), Offset(n as i64))]),
        fingerprint: format!("topology {n}"),
        payload: (0..bytes).map(|_| byte()).collect(),
    }
}

fn generations(listing: &Listing) -> Vec<u64> {
    listing.intact.iter().map(|info| info.generation).collect()
}

#[test]
fn a_checkpoint_comes_back_as_it_was_written() {
    for_both(|dir, open| {
        let store = open(dir).unwrap();
        let written = checkpoint(7, 100_000);
        assert_eq!(store.write("app-0", &written).unwrap(), 1);
        let listing = store.list("app-0").unwrap();
        let info = &listing.intact[0];
        assert_eq!((&info.positions, &info.fingerprint, info.payload_bytes), (&written.positions, &written.fingerprint, 100_000));
        assert_eq!((store.load("app-0", 1).unwrap(), listing.damaged.len()), (written.payload, 0));
        assert!(store.incidents().is_empty());
    });
}

#[test]
fn the_last_two_generations_stay_also_when_their_sizes_change() {
    for_both(|dir, open| {
        let sizes = [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 3_000_000, 10, 0, 200_000, 5];
        let store = open(dir).unwrap();
        for (n, size) in (1..).zip(sizes) {
            assert_eq!(store.write("t", &checkpoint(n, size)).unwrap(), n);
            let expected: Vec<u64> = [n, n - 1].into_iter().filter(|g| *g > 0).collect();
            let listing = store.list("t").unwrap();
            assert_eq!((generations(&listing), listing.damaged.len()), (expected.clone(), 0));
            for generation in expected {
                assert_eq!(store.load("t", generation).unwrap(), checkpoint(generation, sizes[generation as usize - 1]).payload);
            }
        }
    });
}

#[test]
fn generations_go_on_after_opening_again() {
    for_both(|dir, open| {
        for n in 1..6 {
            let store = open(dir).unwrap();
            assert_eq!(store.write("t", &checkpoint(n, 70_000)).unwrap(), n);
        }
        let store = open(dir).unwrap();
        assert_eq!(generations(&store.list("t").unwrap()), [5, 4]);
        assert_eq!(store.load("t", 4).unwrap(), checkpoint(4, 70_000).payload);
    });
}

#[test]
fn tasks_do_not_touch_each_other_and_are_removed_alone() {
    for_both(|dir, open| {
        let store = open(dir).unwrap();
        let names = ["a", "a.0", "a-0", "a0", "b"];
        for (n, name) in (0..).zip(names) {
            store.write(name, &checkpoint(n, 70_000)).unwrap();
            store.write(name, &checkpoint(n + 10, 70_000)).unwrap();
        }
        store.remove("a").unwrap();
        store.remove("never-there").unwrap();
        assert_eq!(store.tasks().unwrap(), ["a-0", "a.0", "a0", "b"]);
        assert_eq!(store.list("a").unwrap(), Listing::default());
        for (n, name) in (1..).zip(&names[1..]) {
            assert_eq!(store.load(name, 2).unwrap(), checkpoint(n + 10, 70_000).payload);
        }
        assert_eq!(store.write("a", &checkpoint(1, 1)).unwrap(), 1);
    });
}

#[test]
fn what_is_not_there_and_bad_names_are_said() {
    for_both(|dir, open| {
        let store = open(dir).unwrap();
        store.write("t", &checkpoint(1, 10)).unwrap();
        assert_eq!(store.load("t", 9), Err(StoreError::NotFound { task: "t".into(), generation: 9, have: vec![1] }));
        for name in ["", "a/b", "../x", "ü", "a b", &"x".repeat(201)] {
            assert!(matches!(store.write(name, &checkpoint(1, 1)), Err(StoreError::TaskName(_))), "{name}");
            assert!(matches!(store.list(name), Err(StoreError::TaskName(_))), "{name}");
        }
    });
}

#[test]
fn a_second_open_is_refused_and_names_the_folder() {
    for_both(|dir, open| {
        let store = open(dir).unwrap();
        let refused = open(dir).map(drop).unwrap_err();
        assert!(matches!(&refused, StoreError::InUse { dir: named } if named == dir), "{refused}");
        drop(store);
        open(dir).unwrap();
    });
}

#[test]
fn many_threads_write_their_tasks_at_once() {
    for_both(|dir, open| {
        let store = open(dir).unwrap();
        std::thread::scope(|scope| {
            for task in 0..4 {
                let store = &*store;
                scope.spawn(move || {
                    for n in 1..8 {
                        assert_eq!(store.write(&format!("t{task}"), &checkpoint(task * 100 + n, 90_000)).unwrap(), n);
                    }
                });
            }
        });
        for task in 0..4 {
            assert_eq!(store.load(&format!("t{task}"), 7).unwrap(), checkpoint(task * 100 + 7, 90_000).payload);
        }
    });
}

#[test]
fn a_writer_killed_at_each_named_point_leaves_the_older_generation_and_at_the_end_both() {
    let points = ["store.before-chunks", "store.after-chunks", "store.before-manifest", "store.after-manifest"];
    for (name, open) in STORES {
        for point in points {
            let dir = tempfile::tempdir().unwrap();
            let killed = Command::new(std::env::current_exe().unwrap())
                .args(["--exact", "child_writes_checkpoints", "--nocapture"])
                .env("TIDEMILL_TEST_STORE", format!("{name}:{}", dir.path().display()))
                .env("TIDEMILL_FAILPOINTS", format!("{point}=4"))
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status()
                .unwrap();
            assert!(!killed.success(), "{name} {point}: not killed");
            let store = open(dir.path()).unwrap();
            let intact = generations(&store.list("t").unwrap());
            assert!(intact.contains(&3), "{name} {point}: {intact:?}");
            assert_eq!(intact.contains(&4), point == "store.after-manifest", "{name} {point}: {intact:?}");
            for generation in intact {
                assert_eq!(store.load("t", generation).unwrap(), checkpoint(generation, 150_000).payload);
            }
            let next = store.write("t", &checkpoint(50, 10)).unwrap();
            assert_eq!(store.load("t", next).unwrap(), checkpoint(50, 10).payload);
        }
    }
}

/// The writer of the test above; without its variable it does nothing.
#[test]
fn child_writes_checkpoints() {
    let Ok(text) = std::env::var("TIDEMILL_TEST_STORE") else { return };
    let (name, dir) = text.split_once(':').unwrap();
    let open = STORES.iter().find(|(store, _)| *store == name).unwrap().1;
    let store = open(Path::new(dir)).unwrap();
    for n in 1..10 {
        store.write("t", &checkpoint(n, 150_000)).unwrap();
    }
}

#[test]
fn space_does_not_grow_with_the_number_of_checkpoints() {
    for_both(|dir, open| {
        let store = open(dir).unwrap();
        let mut sizes = Vec::new();
        for n in 0..200 {
            store.write("t", &checkpoint(n, 400_000)).unwrap();
            sizes.push(folder_bytes(dir));
        }
        assert!(sizes[199] <= 2 * sizes[60], "{} bytes after 60 checkpoints, {} after 200", sizes[60], sizes[199]);
    });
}

fn folder_bytes(dir: &Path) -> u64 {
    let entries = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap());
    entries.map(|e| if e.path().is_dir() { folder_bytes(&e.path()) } else { e.metadata().map_or(0, |m| m.len()) }).sum()
}

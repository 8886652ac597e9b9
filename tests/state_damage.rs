//! Guarantee 6, for the whole state directory: whatever is damaged, state is rebuilt or refused with a message that says what to do. Never wrong, never a
//! panic that reaches the user.

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// SplitMix64.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % bound
    }
}

fn demo(state: &Path, records: u64) -> Output {
    let topology = common::root().join("topologies/small.toml");
    Command::new(env!("CARGO_BIN_EXE_tidemill"))
        .args(["demo", "--format", "json", "--speed", "max", "--set", "http.port=0", "--records", &records.to_string()])
        .arg("--topology")
        .arg(topology)
        .arg("--state-dir")
        .arg(state)
        .output()
        .unwrap()
}

/// Everything an output topic holds, as `topics consume` tells it, or why it tells nothing.
fn predictions(state: &Path) -> Result<String, String> {
    let output = Command::new(env!("CARGO_BIN_EXE_tidemill"))
        .args(["topics", "consume", "small.predictions", "--from-beginning", "--exit-at-end", "--state-dir"])
        .arg(state)
        .output()
        .unwrap();
    if output.status.success() {
        Ok(String::from_utf8(output.stdout).unwrap())
    } else {
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if entry.is_dir() { found.extend(files(&entry)) } else { found.push(entry) }
    }
    found.sort();
    found
}

fn copy(from: &Path, to: &Path) {
    for file in files(from) {
        let target = to.join(file.strip_prefix(from).unwrap());
        fs::create_dir_all(target.parent().unwrap()).unwrap();
        fs::copy(&file, &target).unwrap();
    }
}

/// Damages one or two files; answers what was done.
fn damage(state: &Path, random: &mut Random) -> String {
    let files = files(state);
    let pick = |random: &mut Random| files[random.below(files.len() as u64) as usize].clone();
    let file = pick(random);
    let name = file.strip_prefix(state).unwrap().display().to_string();
    let mut bytes = fs::read(&file).unwrap();
    match random.below(10) {
        0 => {
            fs::remove_file(&file).unwrap();
            format!("{name} deleted")
        }
        1 => {
            bytes.truncate(random.below(bytes.len() as u64 + 1) as usize);
            fs::write(&file, &bytes).unwrap();
            format!("{name} cut to {} bytes", bytes.len())
        }
        2 => {
            let other = pick(random);
            let theirs = fs::read(&other).unwrap();
            fs::write(&file, theirs).unwrap();
            fs::write(&other, &bytes).unwrap();
            format!("{name} and {} swapped", other.display())
        }
        _ if bytes.is_empty() => "nothing".to_owned(),
        _ => {
            let at = random.below(bytes.len() as u64) as usize;
            bytes[at] ^= 1 << random.below(8);
            fs::write(&file, &bytes).unwrap();
            format!("{name}: a bit of byte {at} flipped")
        }
    }
}

#[test]
fn a_damaged_state_directory_is_rebuilt_or_refused() {
    let rounds = if common::long_tests() { 300 } else { 25 };
    let seed = 20_261_120;
    println!("seed {seed}, {rounds} rounds");
    let mut random = Random(seed);
    let whole = tempfile::tempdir().unwrap();
    assert!(demo(whole.path(), 1_000).status.success());
    let straight = tempfile::tempdir().unwrap();
    assert!(demo(straight.path(), 1_500).status.success());
    let expected = predictions(straight.path()).unwrap();
    let (mut went_on, mut refused) = (0, 0);
    for _ in 0..rounds {
        let state = tempfile::tempdir().unwrap();
        copy(whole.path(), state.path());
        let what = damage(state.path(), &mut random);
        let output = demo(state.path(), 1_500);
        let message = String::from_utf8_lossy(&output.stderr);
        if output.status.success() {
            // Damage to a part of the log file that is only read when it is opened the next time is found then, and refused.
            match predictions(state.path()) {
                Ok(found) => {
                    assert!(found == expected, "{what}: went on with other results");
                    went_on += 1;
                }
                Err(refusal) => {
                    assert!(refusal.contains("is damaged"), "{what}: {refusal}");
                    refused += 1;
                }
            }
        } else {
            assert_eq!(output.status.code(), Some(1), "{what}: {message}");
            let error = message
                .lines()
                .find(|line| line.starts_with("error: "))
                .unwrap_or_else(|| panic!("{what}: no message: {message}"));
            assert!(error.len() > 40, "{what}: the message says little: {error}");
            refused += 1;
        }
    }
    println!("{went_on} went on with the right results, {refused} were refused");
    assert!(went_on > rounds / 5, "damage to checkpoints alone never stops anything");
}

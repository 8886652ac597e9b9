//! Guarantee 2: `kill -9` at any moment loses nothing, repeats nothing and learns nothing twice.
//!
//! The real binary runs the quickstart over real candles (or, without them, the simulated exchange) and is killed again and again, at random moments and
//! at named points. After every kill the state directory must hold a prefix of what an undisturbed run puts out, and no checkpoint ahead of the committed
//! offsets; at the end everything, state digests included. The same harness then runs engines with planted bugs and must catch every one.
//!
//! The short version runs always, the long one with `TIDEMILL_LONG_TESTS=1`. The seed is printed; `TIDEMILL_SEED` repeats a run.

#![allow(clippy::disallowed_methods, reason = "kills happen by the clock")]

#[path = "../common/mod.rs"]
mod common;
mod harness;
mod plants;

use std::time::{Duration, Instant};

use common::planted::Plant;
use common::random::{Random, seed};
use harness::{Crash, Harness};

/// Every named point of the program at which the engine can be killed.
const POINTS: &[&str] = &[
    "log.before-append",
    "log.after-append",
    "log.before-commit",
    "log.after-commit",
    "runtime.before-commit",
    "runtime.after-commit",
    "runtime.after-checkpoint",
    "runtime.mid-restore",
    "store.before-chunks",
    "store.after-chunks",
    "store.before-manifest",
    "store.after-manifest",
];

/// Those of the changelog, and those on the way back from it.
const CHANGELOG_POINTS: &[&str] = &[
    "changelog.before-produce",
    "changelog.after-produce",
    "runtime.before-checkpoint",
    "changelog.mid-read",
    "log.before-commit",
    "runtime.before-live",
    "log.after-commit",
    "runtime.mid-restore",
];

/// Kills the program `kills` times while it works through `records` records, half of the times at named points.
fn survive(records: u64, kills: usize, changelog: bool) {
    let harness = Harness::new("quickstart.toml", records, changelog);
    let mut random = Random::new(seed());
    println!("seed {}, {records} records of {}, {kills} kills", seed(), harness.input_name());
    // Work is dealt out in small portions, so that there is some left to be killed in until the last kill.
    let portion = (records / (3 * kills as u64)).max(1);
    let mut points = if changelog { CHANGELOG_POINTS } else { POINTS }.iter().cycle();
    let mut usual_run = Duration::from_millis(400);
    let mut done = 0;
    while done < kills {
        let committed = harness.committed_records();
        assert!(
            committed < records,
            "only {done} of {kills} kills happened: the program ends too early or points are not reached"
        );
        let crash = if random.below(2) == 0 {
            Crash::After(usual_run.mul_f64(random.below(1_000) as f64 / 1_000.0))
        } else {
            Crash::At(points.next().expect("cycles"), 1 + random.below(3))
        };
        let started = Instant::now();
        if harness.run_and_crash((committed + portion).min(records), &crash) {
            done += 1;
            println!("kill {done}: {crash:?}, {} records committed", harness.committed_records());
            harness.check_crash_state();
            if changelog && random.below(2) == 0 {
                harness.lose_checkpoints();
            }
        } else {
            usual_run = started.elapsed();
        }
    }
    harness.run_to_end();
    harness.check_final_state();
}

#[test]
fn a_few_kills_over_candles_change_nothing() {
    survive(12_000, 14, false);
}

#[test]
fn many_kills_over_many_candles_change_nothing() {
    if !common::long_tests() {
        println!("the long kill test did not run: set TIDEMILL_LONG_TESTS=1");
        return;
    }
    survive(210_000, 60, false);
    survive(210_000, 60, true);
}

#[test]
fn kills_on_the_way_to_the_changelog_and_back_change_nothing() {
    survive(12_000, 14, true);
}

#[test]
fn every_planted_bug_is_caught() {
    for plant in Plant::ALL {
        let caught = plants::caught(plant, seed());
        println!("planted {plant:?}: {}", caught.as_deref().unwrap_or("not caught"));
        assert!(caught.is_some(), "the harness does not notice {plant:?}");
    }
    assert_eq!(plants::caught(Plant::Nothing, seed()), None, "a sound engine raises no alarm");
}

/// Not a test of its own: the process that [`plants`] starts and kills.
#[test]
fn planted_child() {
    plants::child_main();
}

//! How long it takes for state to move: from the end of an instance to the first new commit of its partitions, by itself or by another, with a long history behind
//! it; and what the changelog costs. Figures are printed, nothing is asserted on time. Meant for a release build:
//! `TIDEMILL_FAULT_TESTS=1 cargo test --release --test kafka_faults moving -- --nocapture --test-threads=1`.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tidemill::record::Offset;

use crate::common::waiting::wait_until;
use crate::fleet::{Instance, Options};
use crate::scenario::{PATIENCE, Plan, Scenario};
use crate::{announce, kafka, long};

/// Records behind the state that moves; `TIDEMILL_MOVING_RECORDS` says otherwise, for a quick look.
const HISTORY: usize = 1_000_000;
const REPEATS: usize = 5;
/// Records that come while something moves: few a moment, so that every partition has something to commit.
const TRICKLE: usize = 200_000;
/// Shares in which the whole input is fed.
const SHARES: usize = 100_000;

fn plan() -> Plan {
    let named = std::env::var("TIDEMILL_MOVING_RECORDS").ok().and_then(|text| text.parse().ok());
    Plan { topology: "quickstart.toml", partitions: 6, records: named.unwrap_or(HISTORY) + TRICKLE, coins: 12 }
}

/// The share after which the history is in.
fn history_share(scenario: &Scenario) -> usize {
    (scenario.records() - TRICKLE) * SHARES / scenario.records()
}

fn defaults(set: &[&str]) -> Options {
    Options { defaults: true, set: set.iter().map(|setting| (*setting).to_owned()).collect(), ..Options::default() }
}

/// Smallest, middle and largest of some times, in seconds.
fn spread(mut times: Vec<Duration>) -> String {
    times.sort();
    let of = |place: usize| times[place].as_secs_f64();
    format!("min {:.2} s, median {:.2} s, max {:.2} s", of(0), of(times.len() / 2), of(times.len() - 1))
}

/// A scenario in which everything up to the history is committed, with time left over for moves; `prepare` starts the instances.
fn with_history(servers: &str, prepare: impl FnOnce(&Scenario) -> Vec<Instance>) -> (Scenario, Vec<Instance>) {
    let scenario = Scenario::new(servers, &plan());
    scenario.feed(history_share(&scenario), SHARES);
    let instances = prepare(&scenario);
    scenario.drain();
    (scenario, instances)
}

/// Feeds a trickle while `during` runs.
fn trickling<T>(scenario: &Scenario, from: &mut usize, during: impl FnOnce() -> T) -> T {
    let over = AtomicBool::new(false);
    let start = *from;
    let (outcome, reached) = std::thread::scope(|scope| {
        let feeding = scope.spawn(|| {
            let mut share = start;
            while !over.load(Ordering::Relaxed) {
                share += 1;
                scenario.feed(share, SHARES);
                std::thread::sleep(Duration::from_millis(20));
            }
            share
        });
        let outcome = during();
        over.store(true, Ordering::Relaxed);
        (outcome, feeding.join().unwrap())
    });
    *from = reached;
    outcome
}

/// From now on: how long until the first, and the last, of these partitions has committed something new.
fn until_new_commits(scenario: &Scenario, before: &BTreeMap<u32, Offset>, since: Instant) -> (Duration, Duration) {
    let mut first = None;
    let all = wait_until(PATIENCE, || {
        loop {
            let now = scenario.positions();
            let moved = before.iter().filter(|(partition, offset)| now.get(partition).is_some_and(|now| now > offset)).count();
            if moved > 0 {
                first.get_or_insert_with(|| since.elapsed());
            }
            if moved == before.len() || since.elapsed() > PATIENCE {
                return moved == before.len();
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    });
    assert!(all, "partitions stand still; logs in {}", scenario.keep_logs());
    (first.unwrap_or_default(), since.elapsed())
}

/// Those partitions to which records come all the time: coins are not dealt out evenly.
fn busy(positions: &BTreeMap<u32, Offset>) -> BTreeMap<u32, Offset> {
    let most = positions.values().max().map_or(0, |offset| offset.0);
    positions.iter().filter(|(_, offset)| offset.0 * 10 > most).map(|(number, offset)| (*number, *offset)).collect()
}

/// The last restores that an instance has logged: source, replayed records, seconds.
fn restores(scenario: &Scenario, index: usize, count: usize) -> Vec<String> {
    let logs = scenario.instance_logs();
    let lines: Vec<&str> = logs[index].1.lines().filter(|line| line.contains("task is live")).collect();
    let told = |line: &&str| line.split_once("source=").map_or("?", |(_, rest)| rest).to_owned();
    lines[lines.len().saturating_sub(count)..].iter().map(told).collect()
}

/// The partitions an instance has, with their committed positions.
fn partitions_of(scenario: &Scenario, instance: usize) -> BTreeMap<u32, Offset> {
    let name = scenario.instance_id(instance);
    let members = scenario.members();
    let assigned = members.iter().filter(|member| *member.instance == *name).flat_map(|member| &member.assignment);
    let positions = scenario.positions();
    assigned.filter_map(|at| Some((at.partition, *positions.get(&at.partition)?))).collect()
}

#[test]
fn moving_back_to_the_same_command() {
    let Some(_deadline) = long("moving_back_to_the_same_command") else { return };
    let Some(servers) = kafka::shared() else { return };
    let options = defaults(&[]);
    let (scenario, mut instances) = with_history(servers, |scenario| vec![scenario.start(0, &options)]);
    announce(
        &scenario,
        &format!("{REPEATS} times kill -9 of the only instance at work, and the same command at once; default settings"),
    );
    let (mut firsts, mut alls, mut share) = (Vec::new(), Vec::new(), history_share(&scenario));
    for _ in 0..REPEATS {
        trickling(&scenario, &mut share, || {
            std::thread::sleep(Duration::from_secs(3));
            let before = busy(&scenario.positions());
            let killed = Instant::now();
            instances[0].kill();
            instances[0] = scenario.start(0, &options);
            let (first, all) = until_new_commits(&scenario, &before, killed);
            println!("first new commit after {first:?}, all partitions after {all:?}: {:?}", restores(&scenario, 0, 6));
            firsts.push(first);
            alls.push(all);
        });
    }
    println!("same command after kill -9: first new commit {}; all partitions {}", spread(firsts), spread(alls));
    scenario.feed(1, 1);
    scenario.drain();
}

/// Two instances with three partitions each; the second ends, the first takes over.
fn take_over(servers: &str, name: &str, set: &[&str], killed: bool) {
    let options = defaults(set);
    let (scenario, mut instances) = with_history(servers, |scenario| {
        let both = vec![scenario.start(0, &options), scenario.start(1, &options)];
        assert!(scenario.wait_for_group(2, Duration::from_secs(60)), "both have partitions");
        both
    });
    announce(&scenario, name);
    let (mut firsts, mut alls, mut share) = (Vec::new(), Vec::new(), history_share(&scenario));
    for round in 0..3 {
        trickling(&scenario, &mut share, || {
            if round > 0 {
                instances[1] = scenario.start(1, &options);
                scenario.wait_for_group(2, Duration::from_secs(60));
            }
            // Time to be at work again, and for a standby to be warm.
            std::thread::sleep(Duration::from_secs(8));
            let mut before = busy(&partitions_of(&scenario, 1));
            assert!(!before.is_empty(), "the second instance has partitions");
            let ended = Instant::now();
            if killed {
                instances[1].kill();
            } else {
                instances[1].stop_and_wait();
                // What it commits in its last moments is not the other's work.
                let now = scenario.positions();
                before.iter_mut().for_each(|(partition, offset)| *offset = now.get(partition).copied().unwrap_or(*offset));
            }
            let (first, all) = until_new_commits(&scenario, &before, ended);
            println!(
                "first new commit after {first:?}, all {} partitions after {all:?}: {:?}",
                before.len(),
                restores(&scenario, 0, before.len())
            );
            firsts.push(first);
            alls.push(all);
        });
    }
    println!("{name}: first new commit {}; all partitions {}", spread(firsts), spread(alls));
}

#[test]
fn moving_to_another_instance() {
    let Some(_deadline) = long("moving_to_another_instance") else { return };
    let Some(servers) = kafka::shared() else { return };
    take_over(servers, "clean stop, changelog", &[], false);
    take_over(servers, "kill -9, changelog, session.timeout.ms=15000", &[], true);
    take_over(servers, "kill -9, changelog, session.timeout.ms=6000", &["session.timeout.ms=6000"], true);
    take_over(servers, "kill -9, standby, session.timeout.ms=6000", &["session.timeout.ms=6000", "num.standby.replicas=1"], true);
    take_over(
        servers,
        "kill -9, no changelog: whatever the other has of its own, session.timeout.ms=6000",
        &["session.timeout.ms=6000", "changelog.enabled=false"],
        true,
    );
}

#[test]
fn moving_costs_of_the_changelog() {
    let Some(_deadline) = long("moving_costs_of_the_changelog") else { return };
    let Some(servers) = kafka::shared() else { return };
    let mut rates: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    for repeat in 0..3 {
        for (name, set) in [
            ("without a changelog", &["changelog.enabled=false"][..]),
            ("with one, defaults", &[]),
            ("with one, every second", &["changelog.interval.ms=1000", "checkpoint.interval.ms=1000"]),
        ] {
            let scenario = Scenario::new(servers, &plan());
            scenario.feed(1, 1);
            if repeat == 0 {
                announce(&scenario, name);
            }
            let started = Instant::now();
            let instance = scenario.start(0, &defaults(set));
            assert!(wait_until(PATIENCE, || scenario.committed() > 0), "it begins");
            let (begun, before) = (Instant::now(), scenario.committed());
            scenario.drain();
            let rate = (scenario.records() - before) as f64 / begun.elapsed().as_secs_f64();
            let metrics = scenario.metrics(0);
            let sum = |name: &str| -> f64 {
                let of = |line: &str| line.starts_with(name).then(|| line.rsplit_once(' ')?.1.parse::<f64>().ok()).flatten();
                metrics.lines().filter_map(of).fold(0.0, |sum, value| sum + value)
            };
            println!(
                "{name}: {rate:.0} records/s ({:.1} s from the start), {:.0} snapshots with {:.0} bytes in the changelog, newest {:.0} bytes each; {} bytes of input",
                started.elapsed().as_secs_f64(),
                sum("tidemill_changelog_snapshots_total{"),
                sum("tidemill_changelog_bytes_total{"),
                sum("tidemill_changelog_snapshot_size_bytes{") / 6.0,
                scenario.input_bytes()
            );
            rates.entry(name).or_default().push(rate);
            instance.stop();
        }
    }
    for (name, mut rates) in rates {
        rates.sort_by(f64::total_cmp);
        println!(
            "{name}: median {:.0} records/s, min {:.0}, max {:.0}",
            rates[rates.len() / 2],
            rates[0],
            rates[rates.len() - 1]
        );
    }
}

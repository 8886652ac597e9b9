//! A rebalance storm: an instance joins, leaves or is killed every few seconds, and the partitions that stay where they are do not stop.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::common::random::{Random, seed};
use crate::fleet::{Instance, Options};
use crate::scenario::{Plan, Scenario};
use crate::storm_report::{Story, Turn, What, epoch_seconds};
use crate::{announce, finish, kafka, long, short};

/// How often the input grows, and how often it is seen what has committed.
const BEAT: Duration = Duration::from_millis(20);

/// Lets the input of every partition grow evenly over `time`, and notes what has committed when, until `over`.
fn feed_and_watch(scenario: &Scenario, time: Duration, over: &AtomicBool) -> Vec<(f64, BTreeMap<u32, i64>)> {
    let started = Instant::now();
    let mut seen = Vec::new();
    while !over.load(Ordering::Relaxed) {
        let share = started.elapsed().as_millis().min(time.as_millis()) as usize;
        scenario.feed(share, time.as_millis() as usize + 1);
        let positions = scenario.positions();
        if !positions.is_empty() {
            seen.push((epoch_seconds(), positions.into_iter().map(|(number, offset)| (number, offset.0)).collect()));
        }
        std::thread::sleep(BEAT);
    }
    seen
}

#[derive(Default)]
struct Over(AtomicBool);

struct Guard<'a>(&'a Over);

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        self.0.0.store(true, Ordering::Relaxed);
    }
}

fn survive(plan: &Plan, time: Duration) {
    let Some(servers) = kafka::shared() else { return };
    let scenario = Scenario::new(servers, plan);
    announce(&scenario, &format!("a storm of {time:?}"));
    let options = Options::default();
    let resident = scenario.start(0, &options);
    let mut guests: Vec<Option<Instance>> = (0..3).map(|_| None).collect();
    let (mut random, over, started) = (Random::new(seed()), Over::default(), Instant::now());
    let mut turns = Vec::new();
    let seen = std::thread::scope(|scope| {
        let watching = scope.spawn(|| feed_and_watch(&scenario, time, &over.0));
        // However the turns end, the watching does too.
        let watched = Guard(&over);
        while started.elapsed() < time {
            let place = random.below(guests.len() as u64) as usize;
            let began = epoch_seconds();
            let what = match guests[place].take() {
                None => {
                    guests[place] = Some(scenario.start(place + 1, &options));
                    What::Join
                }
                Some(mut leaving) if random.below(3) == 0 => {
                    leaving.kill();
                    What::Kill
                }
                // It leaves the group, so that its partitions move at once.
                Some(leaving) => {
                    leaving.stop();
                    What::Stop
                }
            };
            let alive = 1 + guests.iter().flatten().count();
            turns.push(Turn { what, instance: place + 1, began, ended: epoch_seconds(), alive });
            std::thread::sleep(Duration::from_millis(1_000 + random.below(2_500)));
        }
        drop(watched);
        watching.join().unwrap()
    });
    println!("{} joins and leaves in {:?}, {} committed", turns.len(), started.elapsed(), scenario.committed());
    let mut all: Vec<Instance> = guests.into_iter().flatten().collect();
    all.push(resident);
    let story = Story::of(turns, seen, &scenario.instance_logs(), plan.partitions);
    story.tell();
    finish(&scenario, all);
    story.check();
}

#[test]
fn a_short_storm_of_rebalances_changes_nothing() {
    let _deadline = short("a_short_storm_of_rebalances_changes_nothing");
    survive(&Plan { topology: "small.toml", partitions: 6, records: 30_000, coins: 12 }, Duration::from_secs(25));
}

#[test]
fn five_minutes_of_rebalances_change_nothing() {
    let Some(_deadline) = long("five_minutes_of_rebalances_change_nothing") else { return };
    survive(&Plan { topology: "quickstart.toml", partitions: 6, records: 300_000, coins: 12 }, Duration::from_secs(300));
}

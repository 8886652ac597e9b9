//! `kill -9` at random moments and at named points of the program.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::common::random::{Random, seed};
use crate::common::waiting::wait_until;
use crate::fleet::{Instance, Options};
use crate::scenario::{Plan, Scenario};
use crate::{announce, finish, kafka, long, short};

/// Every named point at which an instance can be killed, and the passes of it among which the one that kills is drawn: a restart passes some only once or twice.
const POINTS: &[(&str, u64)] = &[
    ("kafka.before-produce", 3),
    ("kafka.after-produce", 3),
    ("kafka.before-offsets", 3),
    ("kafka.after-offsets", 3),
    ("kafka.before-commit", 3),
    ("kafka.after-commit", 3),
    ("kafka.assigned", 1),
    ("kafka.revoking", 1),
    ("kafka.revoked", 1),
    ("changelog.before-produce", 2),
    ("changelog.mid-read", 2),
    ("changelog.after-produce", 2),
    ("runtime.mid-restore", 1),
    ("runtime.before-live", 2),
    ("runtime.after-checkpoint", 3),
    ("store.before-chunks", 2),
    ("store.before-manifest", 2),
    ("store.after-manifest", 2),
];

/// These are passed only by an instance that gives a partition up.
const MOVING: [&str; 2] = ["kafka.revoking", "kafka.revoked"];

/// Longest wait for a point to be reached.
const PATIENCE: Duration = Duration::from_secs(30);

/// The input comes to an armed process in so many portions: each is work on which it commits, and so passes its point, once more.
const PORTIONS: usize = 20;

/// Instances of one application that are killed and started again with the same command.
struct Victims<'a> {
    scenario: &'a Scenario,
    instances: Vec<Instance>,
    random: Random,
}

impl Victims<'_> {
    fn at_random(&mut self, victim: usize) {
        std::thread::sleep(Duration::from_millis(self.random.below(1_500)));
        self.instances[victim].kill();
    }

    /// Arms a point in a fresh process, which also restores and joins on its way to it, and feeds share `share` of `of` while it waits; whether the point was
    /// reached. If not, that is a kill at some moment.
    fn at_point(&mut self, victim: usize, (point, passes): (&str, u64), share: usize, of: usize) -> bool {
        self.instances[victim].kill();
        let armed = Options { failpoint: Some(format!("{point}={}", 1 + self.random.below(passes))), ..Options::default() };
        self.instances[victim] = self.scenario.start(victim, &armed);
        if MOVING.contains(&point) {
            self.move_partitions((victim + 1) % self.instances.len());
        }
        // Others may have done all that was fed before: only what comes now is sure to come to the armed process.
        let (scenario, size) = (self.scenario, self.instances.len());
        let armed = &mut self.instances[victim];
        let mut goes_on = wait_until(PATIENCE, || armed.ended().is_some() || scenario.has_group(size));
        for portion in 1..=PORTIONS {
            scenario.feed((share - 1) * PORTIONS + portion, of * PORTIONS);
            goes_on = goes_on && wait_until(PATIENCE, || armed.ended().is_some() || scenario.committed() >= scenario.fed());
        }
        armed.wait_for_failpoint(PATIENCE)
    }

    /// An instance leaves and comes back: the others take its partitions and give some up again.
    fn move_partitions(&mut self, leaver: usize) {
        // Only who has its share already can get more.
        self.scenario.wait_for_group(self.instances.len(), PATIENCE);
        self.instances[leaver].stop_and_wait();
        self.scenario.wait_for_group(self.instances.len() - 1, PATIENCE);
        self.instances[leaver] = self.scenario.start(leaver, &Options::default());
    }
}

/// Kills a random instance of `size` again and again and starts it again with the same command.
fn survive(plan: &Plan, kills: usize, size: usize) {
    let Some(servers) = kafka::shared() else { return };
    let scenario = Scenario::new(servers, plan);
    announce(&scenario, &format!("{size} instances, {kills} kills"));
    let instances = (0..size).map(|index| scenario.start(index, &Options::default())).collect();
    let mut victims = Victims { scenario: &scenario, instances, random: Random::new(seed()) };
    let mut points = POINTS.iter().copied().cycle();
    let (mut reached, mut missed) = (BTreeMap::<&str, u32>::new(), Vec::new());
    for kill in 1..=kills {
        let victim = victims.random.below(size as u64) as usize;
        if victims.random.below(2) == 0 {
            scenario.feed(kill, kills + 1);
            victims.at_random(victim);
            println!("kill {kill}: instance {victim} at a random moment, {} committed", scenario.committed());
        } else {
            let point = points.next().expect("cycles");
            if victims.at_point(victim, point, kill, kills + 1) {
                *reached.entry(point.0).or_default() += 1;
            } else {
                missed.push(point.0);
            }
            println!("kill {kill}: instance {victim} at {}, {} committed", point.0, scenario.committed());
        }
        victims.instances[victim] = scenario.start(victim, &Options::default());
    }
    let named: u32 = reached.values().sum();
    println!("{kills} kills, {named} of them at {} named points: {reached:?}", reached.len());
    println!("points that were not reached, where a random moment took their place: {missed:?}");
    assert!(missed.len() * 4 <= kills, "too many named points are not reached: {missed:?}");
    let instances = victims.instances;
    finish(&scenario, instances);
}

#[test]
fn kills_change_nothing() {
    let _deadline = short("kills_change_nothing");
    survive(&Plan { topology: "small.toml", partitions: 6, records: 30_000, coins: 12 }, 10, 3);
}

/// A static member that dies between the two rounds of a cooperative rebalance is given the share of the first round again, and nothing makes the group deal out
/// what it had given up.
#[test]
fn a_kill_between_the_rounds_of_a_rebalance_leaves_no_partition_to_nobody() {
    let _deadline = short("a_kill_between_the_rounds_of_a_rebalance_leaves_no_partition_to_nobody");
    let Some(servers) = kafka::shared() else { return };
    let scenario = Scenario::new(servers, &Plan { topology: "small.toml", partitions: 6, records: 6_000, coins: 12 });
    announce(&scenario, "a kill between the rounds of a rebalance");
    let armed = Options { failpoint: Some("kafka.revoking=1".into()), ..Options::default() };
    let mut first = scenario.start(0, &armed);
    assert!(scenario.wait_for_group(1, PATIENCE), "the first instance gets everything");
    let second = scenario.start(1, &Options::default());
    assert!(first.wait_for_failpoint(PATIENCE), "it is told to give partitions up");
    finish(&scenario, vec![scenario.start(0, &Options::default()), second]);
    let anew = scenario.instance_logs().iter().any(|(_, text)| text.contains("joining the group anew"));
    println!("somebody joined the group anew: {anew}");
}

#[test]
fn a_hundred_kills_over_half_a_million_candles_change_nothing() {
    let Some(_deadline) = long("a_hundred_kills_over_half_a_million_candles_change_nothing") else { return };
    survive(&Plan { topology: "quickstart.toml", partitions: 6, records: 500_000, coins: 12 }, 115, 3);
}

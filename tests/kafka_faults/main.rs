//! Exactly once on real Kafka, whatever breaks: kills, rebalances, frozen instances, broker faults, lost answers.
//!
//! Every test runs instances of the real program as processes against a real broker, feeds the input in portions while things break, and ends with the same
//! question: is every output partition byte for byte, and the state of every coin, that of an undisturbed run? The seed and the faults are printed.
//!
//! The short versions run always (where there is a broker), the long ones with `TIDEMILL_FAULT_TESTS=1`; docs/reliability.md has their results.

#![allow(clippy::disallowed_methods, reason = "faults happen by the clock")]

#[path = "../common/mod.rs"]
mod common;
mod fleet;
#[path = "../common/kafka/mod.rs"]
mod kafka;
mod plants;
mod proxy;
mod scenario;

use std::time::{Duration, Instant};

use common::random::{Random, seed};
use fleet::{Instance, Options};
use kafka::{Cluster, ClusterOptions};
use proxy::{Api, Harm, Proxy};
use scenario::{Plan, Scenario, wait_until};

/// Every named point at which an instance can be killed.
const POINTS: &[&str] = &[
    "kafka.before-produce",
    "kafka.after-produce",
    "kafka.before-offsets",
    "kafka.after-offsets",
    "kafka.before-commit",
    "kafka.after-commit",
    "kafka.assigned",
    "kafka.revoked",
    "changelog.before-produce",
    "changelog.mid-read",
    "changelog.after-produce",
    "runtime.mid-restore",
    "runtime.before-live",
    "runtime.after-checkpoint",
    "store.before-chunks",
    "store.before-manifest",
    "store.after-manifest",
];

fn long() -> bool {
    let long = std::env::var("TIDEMILL_FAULT_TESTS").is_ok_and(|value| value == "1");
    if !long {
        println!("the long fault test did not run: set TIDEMILL_FAULT_TESTS=1");
    }
    long
}

/// Feeds the rest, waits for it, ends everything cleanly and compares.
fn finish(mut scenario: Scenario, instances: Vec<Instance>) {
    scenario.feed(1, 1);
    scenario.drain();
    instances.into_iter().for_each(Instance::stop);
    scenario.check();
}

/// Kills a random instance of `size` again and again and starts it again with the same command.
fn survive_kills(plan: &Plan, kills: usize, size: usize) {
    let Some(servers) = kafka::shared() else { return };
    let mut scenario = Scenario::new(servers, plan);
    let mut random = Random::new(seed());
    println!("seed {}, {} records, {size} instances, {kills} kills", seed(), scenario.records());
    let plain = Options::default();
    let mut instances: Vec<Instance> = (0..size).map(|index| scenario.start(index, &plain)).collect();
    let mut points = POINTS.iter().cycle();
    let mut missed = Vec::new();
    for kill in 1..=kills {
        scenario.feed(kill, kills + 1);
        let victim = random.below(size as u64) as usize;
        if random.below(2) == 0 {
            std::thread::sleep(Duration::from_millis(random.below(1_500)));
            instances[victim].kill();
            println!("kill {kill}: instance {victim} at a random moment, {} committed", scenario.committed());
        } else {
            // The failpoint is armed in a fresh process, which then also restores and joins on its way to it.
            let point = points.next().expect("cycles");
            instances[victim].kill();
            let armed = Options { failpoint: Some(format!("{point}={}", 1 + random.below(3))), ..plain.clone() };
            instances[victim] = scenario.start(victim, &armed);
            if !instances[victim].wait(Duration::from_secs(10)) {
                missed.push(*point);
            }
            println!("kill {kill}: instance {victim} at {point}, {} committed", scenario.committed());
        }
        instances[victim] = scenario.start(victim, &plain);
    }
    println!("points that were not reached in time (killed at a random moment instead): {missed:?}");
    assert!(missed.len() * 2 < kills.max(4), "most named points are not reached: {missed:?}");
    finish(scenario, instances);
}

#[test]
fn kills_change_nothing() {
    survive_kills(&Plan { topology: "small.toml", partitions: 6, records: 30_000, coins: 12 }, 10, 3);
}

#[test]
fn a_hundred_kills_over_half_a_million_candles_change_nothing() {
    if long() {
        survive_kills(&Plan { topology: "quickstart.toml", partitions: 6, records: 500_000, coins: 0 }, 110, 3);
    }
}

/// An instance joins or leaves (cleanly, or by a kill) every few seconds; watches how long a partition stands still.
fn survive_storm(plan: &Plan, time: Duration) {
    let Some(servers) = kafka::shared() else { return };
    let mut scenario = Scenario::new(servers, plan);
    let mut random = Random::new(seed());
    println!("seed {}, {} records, {time:?}", seed(), scenario.records());
    // Members leave at once when they are stopped, so that every turn is a rebalance.
    let options = Options::default();
    let resident = scenario.start(0, &options);
    let mut guests: Vec<Option<Instance>> = (0..3).map(|_| None).collect();
    let started = Instant::now();
    let mut turns = 0;
    while started.elapsed() < time {
        turns += 1;
        let share = (started.elapsed().as_millis() * 1_000 / time.as_millis()).min(1_000) as usize;
        scenario.feed(share, 1_001);
        let guest = random.below(guests.len() as u64) as usize;
        match guests[guest].take() {
            None => guests[guest] = Some(scenario.start(guest + 1, &options)),
            Some(mut leaving) if random.below(3) == 0 => leaving.kill(),
            Some(leaving) => leaving.stop(),
        }
        std::thread::sleep(Duration::from_millis(1_000 + random.below(2_500)));
    }
    println!("{turns} joins and leaves in {:?}, {} committed", started.elapsed(), scenario.committed());
    let mut all: Vec<Instance> = guests.into_iter().flatten().collect();
    all.push(resident);
    finish(scenario, all);
}

#[test]
fn a_short_storm_of_rebalances_changes_nothing() {
    survive_storm(&Plan { topology: "small.toml", partitions: 6, records: 30_000, coins: 12 }, Duration::from_secs(25));
}

#[test]
fn five_minutes_of_rebalances_change_nothing() {
    if long() {
        survive_storm(
            &Plan { topology: "quickstart.toml", partitions: 6, records: 300_000, coins: 12 },
            Duration::from_secs(300),
        );
    }
}

/// Freezes an instance for longer than its session and transaction last, while another takes over, and lets it wake up.
fn survive_zombies(plan: &Plan, times: usize) {
    let Some(servers) = kafka::shared() else { return };
    let mut scenario = Scenario::new(servers, plan);
    println!("seed {}, {} records, {times} zombies", seed(), scenario.records());
    let options = Options::default();
    let mut instances: Vec<Instance> = (0..2).map(|index| scenario.start(index, &options)).collect();
    scenario.feed(1, times + 2);
    scenario.drain();
    for round in 1..=times {
        let frozen = round % 2;
        // Frozen at work: it has a transaction open, and records that it has read and not committed.
        scenario.feed(2 * round + 1, 2 * times + 4);
        std::thread::sleep(Duration::from_millis(60));
        instances[frozen].signal("STOP");
        scenario.feed(2 * round + 2, 2 * times + 4);
        // Everything commits only once the other instance has taken the frozen one's partitions over.
        scenario.drain();
        instances[frozen].signal("CONT");
        println!("zombie {round}: instance {frozen} woke up after {} records were committed without it", scenario.committed());
        if wait_until(Duration::from_secs(3), || instances[frozen].ended().is_some()) {
            println!("zombie {round}: it was fenced and ended; started again");
            instances[frozen] = scenario.start(frozen, &options);
        }
    }
    finish(scenario, instances);
}

#[test]
fn a_zombie_changes_nothing() {
    survive_zombies(&Plan { topology: "small.toml", partitions: 4, records: 20_000, coins: 8 }, 2);
}

#[test]
fn twenty_zombies_change_nothing() {
    if long() {
        survive_zombies(&Plan { topology: "quickstart.toml", partitions: 6, records: 200_000, coins: 12 }, 20);
    }
}

/// Restarts brokers of a cluster of three, cleanly and by kill -9, which moves partition leaders and the coordinators of groups and transactions; then takes all
/// of them away for a while.
fn survive_brokers(plan: &Plan, restarts: usize, outage: Duration) {
    let Some(mut cluster) = kafka::available(Cluster::start(3)) else { return };
    let mut scenario = Scenario::new(&cluster.bootstrap(), plan);
    let mut random = Random::new(seed());
    println!("seed {}, {} records, {restarts} broker restarts, outage of {outage:?}", seed(), scenario.records());
    let options = Options { set: vec!["replication.factor=3".into()], ..Options::default() };
    let instances: Vec<Instance> = (0..2).map(|index| scenario.start(index, &options)).collect();
    for restart in 1..=restarts {
        scenario.feed(restart, restarts + 3);
        let broker = random.below(3) as usize;
        let clean = restart % 2 == 0;
        if clean {
            cluster.brokers[broker].stop()
        } else {
            cluster.brokers[broker].kill9()
        }
        std::thread::sleep(Duration::from_millis(500 + random.below(3_000)));
        cluster.brokers[broker].restart().unwrap();
        println!("restart {restart}: broker {broker}, {}", if clean { "clean" } else { "kill -9" });
        // The next one falls only when the cluster is whole again: two lost of three is an outage, which comes later.
        cluster.wait_ready().unwrap();
        scenario.wait_for(scenario.fed() / 2, "after a broker restart");
    }
    scenario.feed(restarts + 1, restarts + 3);
    cluster.brokers.iter_mut().for_each(kafka::Broker::kill9);
    println!("outage: everything is down for {outage:?}");
    std::thread::sleep(outage);
    cluster.brokers.iter_mut().for_each(|broker| broker.restart().unwrap());
    cluster.wait_ready().unwrap();
    let back = Instant::now();
    let before = scenario.committed();
    scenario.feed(restarts + 2, restarts + 3);
    scenario.wait_for(before + 1, "after the outage");
    println!("first commit {:?} after the cluster was whole again", back.elapsed());
    finish(scenario, instances);
}

#[test]
fn twenty_broker_restarts_and_an_outage_change_nothing() {
    if long() {
        let plan = Plan { topology: "quickstart.toml", partitions: 6, records: 200_000, coins: 12 };
        survive_brokers(&plan, 20, Duration::from_secs(70));
    }
}

/// Loses, holds back and cuts off answers to the requests of transactions after the broker has applied them.
fn survive_lost_answers(plan: &Plan, each: usize) {
    let proxy = Proxy::start();
    let mut broker = ClusterOptions::of(1);
    broker.properties.push(("advertised.listeners".into(), format!("PLAINTEXT://127.0.0.1:{}", proxy.port())));
    let Some(cluster) = kafka::available(Cluster::start_with(&broker)) else { return };
    proxy.lead_to(&cluster.brokers[0].address());
    let mut scenario = Scenario::new(&format!("127.0.0.1:{}", proxy.port()), plan);
    let mut random = Random::new(seed());
    let harms = [Harm::Drop, Harm::Delay(Duration::from_millis(2_500)), Harm::Cut];
    let total = each * Api::ALL.len();
    println!("seed {}, {} records, {total} lost answers, {each} of each of {:?}", seed(), scenario.records(), Api::ALL);
    // Requests time out within seconds, so that a dropped answer is an unknown outcome soon.
    let set = ["kafka.socket.timeout.ms=2000", "kafka.request.timeout.ms=2000", "kafka.reconnect.backoff.max.ms=500"];
    let options = Options { set: set.map(Into::into).into(), ..Options::default() };
    let mut instances: Vec<Instance> = (0..2).map(|index| scenario.start(index, &options)).collect();
    scenario.feed(1, total + 2);
    scenario.drain();
    for number in 0..total {
        let (api, harm) = (Api::ALL[number % Api::ALL.len()], harms[random.below(3) as usize]);
        scenario.feed(number + 2, total + 2);
        let happened = proxy.harm_next(api, harm, Duration::from_secs(60));
        println!(
            "{number}: {api:?} {harm:?}: {}, {} committed",
            if happened { "done" } else { "no request came" },
            scenario.committed()
        );
        assert!(happened, "no {api:?} request came by");
        for (index, instance) in instances.iter_mut().enumerate() {
            if let Some(status) = instance.ended() {
                println!("instance {index} ended with {status}; started again");
                *instance = scenario.start(index, &options);
            }
        }
    }
    finish(scenario, instances);
}

#[test]
fn a_few_lost_answers_change_nothing() {
    survive_lost_answers(&Plan { topology: "small.toml", partitions: 4, records: 20_000, coins: 8 }, 2);
}

#[test]
fn two_hundred_lost_answers_change_nothing() {
    if long() {
        survive_lost_answers(&Plan { topology: "quickstart.toml", partitions: 4, records: 200_000, coins: 8 }, 50);
    }
}

#[test]
fn every_planted_bug_is_caught() {
    if long() {
        let Some(servers) = kafka::shared() else { return };
        plants::check_all(servers);
    }
}

/// Not a test of its own: the process that [`plants`] starts and kills.
#[test]
fn planted_child() {
    plants::child_main();
}

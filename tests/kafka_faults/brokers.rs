//! Broker restarts on a cluster of three, which move partition leaders and the coordinators of groups and transactions; then all of them away for a while.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::common::random::{Random, seed};
use crate::fleet::{Instance, Options};
use crate::kafka::Cluster;
use crate::scenario::{Plan, Scenario};
use crate::{announce, finish, kafka, long};

/// Partitions whose leader changed, by what the leader is: of the application's own topics, of groups, of transactions.
#[derive(Debug, Default)]
struct Moves {
    leaders: BTreeMap<(String, i32), i32>,
    partitions: u32,
    group_coordinators: u32,
    transaction_coordinators: u32,
}

impl Moves {
    fn look(&mut self, scenario: &Scenario) {
        let now = scenario.leaders();
        for (at, leader) in &now {
            if self.leaders.get(at).is_some_and(|before| before != leader) {
                match &*at.0 {
                    "__consumer_offsets" => self.group_coordinators += 1,
                    "__transaction_state" => self.transaction_coordinators += 1,
                    _ => self.partitions += 1,
                }
            }
        }
        self.leaders.extend(now);
    }
}

fn survive(plan: &Plan, restarts: usize, outage: Duration) {
    let Some(mut cluster) = kafka::available(Cluster::start(3)) else { return };
    let scenario = Scenario::new(&cluster.bootstrap(), plan);
    let mut random = Random::new(seed());
    announce(&scenario, &format!("{restarts} broker restarts, outage of {outage:?}"));
    let instances: Vec<Instance> = (0..2).map(|index| scenario.start(index, &Options::default())).collect();
    let (mut moves, mut slowest) = (Moves::default(), Duration::ZERO);
    for restart in 1..=restarts {
        scenario.feed(restart, restarts + 3);
        moves.look(&scenario);
        let broker = random.below(3) as usize;
        let clean = restart % 2 == 0;
        if clean {
            cluster.brokers[broker].stop()
        } else {
            cluster.brokers[broker].kill9()
        }
        let (fallen, before) = (Instant::now(), scenario.committed());
        scenario.feed(2 * restart + 1, 2 * (restarts + 3));
        std::thread::sleep(Duration::from_millis(500 + random.below(3_000)));
        moves.look(&scenario);
        cluster.brokers[broker].restart().unwrap();
        // The next one falls only when the cluster is whole again: two lost of three is an outage, which comes later.
        cluster.wait_ready().unwrap();
        scenario.wait_for((before + 1).min(scenario.fed()), "after a broker restart");
        let took = fallen.elapsed();
        slowest = slowest.max(took);
        println!(
            "restart {restart}: broker {broker}, {}; commits again {took:?} after its fall",
            if clean { "clean" } else { "kill -9" }
        );
    }
    println!(
        "leaders moved: {} of the application's partitions, {} of groups, {} of transactions; slowest commit after a fall {slowest:?}",
        moves.partitions, moves.group_coordinators, moves.transaction_coordinators
    );
    assert!(moves.partitions > 0 && moves.group_coordinators > 0 && moves.transaction_coordinators > 0, "{moves:?}");
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
    finish(&scenario, instances);
}

#[test]
fn twenty_broker_restarts_and_an_outage_change_nothing() {
    let Some(_deadline) = long("twenty_broker_restarts_and_an_outage_change_nothing") else { return };
    let plan = Plan { topology: "quickstart.toml", partitions: 6, records: 200_000, coins: 12 };
    survive(&plan, 20, Duration::from_secs(70));
}

//! Frozen instances: held for longer than their session and transaction last, while another takes over, and woken up.

use std::time::Duration;

use crate::common::waiting::wait_until;
use crate::fleet::{Instance, Options};
use crate::scenario::{Plan, Scenario};
use crate::{announce, finish, kafka, long, short};

fn survive(plan: &Plan, times: usize) {
    let Some(servers) = kafka::shared() else { return };
    let scenario = Scenario::new(servers, plan);
    announce(&scenario, &format!("{times} zombies"));
    let options = Options::default();
    let mut instances: Vec<Instance> = (0..2).map(|index| scenario.start(index, &options)).collect();
    scenario.feed(1, times + 2);
    scenario.drain();
    let (mut ended, mut rejoined) = (0, 0);
    for round in 1..=times {
        let frozen = round % 2;
        assert!(scenario.wait_for_group(2, Duration::from_secs(60)), "both have partitions; logs in {}", scenario.keep_logs());
        // Frozen at work: it has a transaction open, and records that it has read and not committed.
        scenario.feed(2 * round + 1, 2 * times + 4);
        std::thread::sleep(Duration::from_millis(60));
        instances[frozen].signal("STOP");
        scenario.feed(2 * round + 2, 2 * times + 4);
        // Everything commits only once the other instance has taken the frozen one's partitions over.
        scenario.drain();
        let before = instances[frozen].setbacks();
        instances[frozen].signal("CONT");
        println!("zombie {round}: instance {frozen} woke up after {} records were committed without it", scenario.committed());
        let mut has_ended = false;
        let found_out = wait_until(Duration::from_secs(20), || {
            has_ended = instances[frozen].ended().is_some();
            has_ended || instances[frozen].setbacks() > before
        });
        assert!(found_out, "the zombie goes on as if nothing had happened; logs in {}", scenario.keep_logs());
        if has_ended {
            ended += 1;
            instances[frozen] = scenario.start(frozen, &options);
        } else {
            rejoined += 1;
        }
    }
    println!("{times} zombies: {rejoined} were fenced and joined anew, {ended} were fenced and ended");
    finish(&scenario, instances);
}

#[test]
fn a_zombie_changes_nothing() {
    let _deadline = short("a_zombie_changes_nothing");
    survive(&Plan { topology: "small.toml", partitions: 4, records: 20_000, coins: 8 }, 2);
}

#[test]
fn twenty_zombies_change_nothing() {
    let Some(_deadline) = long("twenty_zombies_change_nothing") else { return };
    survive(&Plan { topology: "quickstart.toml", partitions: 6, records: 200_000, coins: 12 }, 20);
}

//! Lost, late and cut off answers to the requests of transactions, after the broker has applied them.

use std::time::Duration;

use crate::common::random::{Random, seed};
use crate::fleet::{Instance, Options};
use crate::kafka::proxy::{self, Api, Harm};
use crate::scenario::{Plan, Scenario};
use crate::{announce, finish, long, short};

const HARMS: [Harm; 3] = [Harm::Drop, Harm::Delay(Duration::from_millis(2_500)), Harm::Cut];
/// Requests time out within seconds, so that a dropped answer is an unknown outcome soon.
const IMPATIENT: [&str; 3] =
    ["kafka.socket.timeout.ms=2000", "kafka.request.timeout.ms=2000", "kafka.reconnect.backoff.max.ms=500"];

fn survive(plan: &Plan, each: usize) {
    let Some((proxy, _cluster)) = proxy::broker_behind_one() else { return };
    let scenario = Scenario::new(&proxy.servers(), plan);
    let mut random = Random::new(seed());
    let total = each * Api::ALL.len();
    announce(&scenario, &format!("{total} lost answers, {each} of each of {:?}", Api::ALL));
    let options = Options { set: IMPATIENT.map(Into::into).into(), ..Options::default() };
    let mut instances: Vec<Instance> = (0..2).map(|index| scenario.start(index, &options)).collect();
    scenario.feed(1, total + 2);
    scenario.drain();
    let mut ended = 0;
    for number in 0..total {
        let (api, harm) = (Api::ALL[number % Api::ALL.len()], HARMS[random.below(3) as usize]);
        scenario.feed(number + 2, total + 2);
        let happened = proxy.harm_next(api, harm, Duration::from_secs(60));
        println!("{number}: {api:?} {harm:?}, {} committed", scenario.committed());
        assert!(happened, "no {api:?} request came by; logs in {}", scenario.keep_logs());
        for (index, instance) in instances.iter_mut().enumerate() {
            if let Some(status) = instance.ended() {
                println!("instance {index} ended with {status}; started again");
                ended += 1;
                *instance = scenario.start(index, &options);
            }
        }
    }
    let setbacks: usize = instances.iter().map(Instance::setbacks).sum();
    println!("{total} lost answers: {setbacks} transactions or tasks were given up for them, {ended} instances ended");
    finish(&scenario, instances);
}

#[test]
fn a_few_lost_answers_change_nothing() {
    let _deadline = short("a_few_lost_answers_change_nothing");
    survive(&Plan { topology: "small.toml", partitions: 4, records: 20_000, coins: 8 }, 2);
}

#[test]
fn two_hundred_lost_answers_change_nothing() {
    let Some(_deadline) = long("two_hundred_lost_answers_change_nothing") else { return };
    survive(&Plan { topology: "quickstart.toml", partitions: 4, records: 200_000, coins: 8 }, 50);
}

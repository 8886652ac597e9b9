//! What the engine costs on Kafka: the same three jobs as bare consume-produce loops, as tidemill topologies, and on Kafka Streams, in one run on one broker.
//!
//! ```sh
//! cargo bench --bench kafka                                   # everything: about half an hour
//! TIDEMILL_BENCH_ONLY=window TIDEMILL_BENCH_ROUNDS=2 cargo bench --bench kafka
//! ```
//!
//! `TIDEMILL_BENCH_RECORDS` (1,000,000 candles in 3 partitions), `TIDEMILL_BENCH_ROUNDS` (3, after a warm-up round that is not counted), `TIDEMILL_BENCH_ONLY` (a
//! part of a contender's name). Contenders take turns, because the same command drifts by a third within an hour and a fresh broker is half as fast as a
//! warm one. Quote ratios of one run.
//!
//! Throughput is measured from outside, for all alike: from the first committed offset that is seen to the last, by the group's committed offsets; CPU time
//! of the process over the same span; its largest resident set. Exactly once, commits every 100 ms.

#![allow(clippy::disallowed_methods, reason = "a benchmark reads the clock")]
#![allow(missing_docs, reason = "a program, not a library")]

mod bare;
mod contender;
#[path = "../../tests/common/kafka/mod.rs"]
mod kafka;
mod latency;
mod load;
mod measure;

use std::collections::BTreeMap;

use contender::Contender;
use kafka::{Cluster, ClusterOptions};
use measure::Measured;

const PARTITIONS: u32 = 3;

fn setting(name: &str, default: usize) -> usize {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if arguments.get(1).is_some_and(|argument| argument == "--bare") {
        return bare::run(&arguments[2..]);
    }
    let mut options = ClusterOptions::of(1);
    // A broker as people run it, not one that starts fast: the server compiler, and room.
    options.java = vec!["-XX:+UseG1GC".into()];
    options.heap_mb = 1024;
    let Some(cluster) = kafka::available(Cluster::start_with(&options)) else { return };
    let servers = cluster.bootstrap();
    let records = setting("TIDEMILL_BENCH_RECORDS", 1_000_000);
    let rounds = setting("TIDEMILL_BENCH_ROUNDS", 3);
    let only = std::env::var("TIDEMILL_BENCH_ONLY").unwrap_or_default();
    println!("{records} candles in {PARTITIONS} partitions, {rounds} rounds after a warm-up");
    let input = load::candles(&servers, records);

    let mut contenders = Contender::all();
    contenders.retain(|contender| contender.name().contains(&only));
    let mut results: BTreeMap<String, Vec<Measured>> = BTreeMap::new();
    for round in 0..=rounds {
        for contender in &contenders {
            let measured = measure::throughput(contender, &servers, &input, records);
            let text = measured.as_ref().map_or_else(String::clone, ToString::to_string);
            println!("{} {:<28} {text}", if round == 0 { "warm-up" } else { "round  " }, contender.name());
            if let (Ok(measured), 1..) = (measured, round) {
                results.entry(contender.name()).or_default().push(measured);
            }
        }
    }
    measure::table(&contenders, &results);
    if std::env::var_os("TIDEMILL_BENCH_NO_LATENCY").is_none() {
        latency::table(&contenders, &servers);
    }
}

//! End-to-end latency at a fixed rate: from the call that produces a candle to the poll that brings its copy to a read-committed consumer.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::Message;
use rdkafka::consumer::{BaseConsumer, Consumer};

use crate::contender::{Contender, Job};
use crate::load;

/// Records a second.
const RATE: usize = 2_000;
const WARM_UP: Duration = Duration::from_secs(10);
const TIME: Duration = Duration::from_secs(20);

/// Prints the percentiles of every contender that copies with one thread, exactly once and at least once.
pub fn table(contenders: &[Contender], servers: &str) {
    println!("\n{RATE} candles a second, commits every 100 ms:");
    println!("| contender | guarantee | p50 ms | p90 ms | p99 ms | p99.9 ms | max ms |");
    println!("|---|---|---:|---:|---:|---:|---:|");
    for contender in contenders.iter().filter(|contender| contender.job == Job::Copy && contender.threads == 1) {
        for exactly_once in [true, false] {
            let guarantee = if exactly_once { "exactly once" } else { "at least once" };
            let mut times = measure(contender, servers, exactly_once);
            times.sort();
            let at = |share: f64| {
                times.get(((times.len() as f64 - 1.0) * share) as usize).map_or(f64::NAN, |time| time.as_secs_f64() * 1e3)
            };
            let [p50, p90, p99, p999, max] = [0.5, 0.9, 0.99, 0.999, 1.0].map(at);
            println!("| {} | {guarantee} | {p50:.1} | {p90:.1} | {p99:.1} | {p999:.1} | {max:.1} |", contender.name());
        }
    }
}

/// The candle's coin and start: what tells a copy.
type Name = (Vec<u8>, i64);

fn name(key: Option<&[u8]>, value: &[u8]) -> Option<Name> {
    let candle: serde_json::Value = serde_json::from_slice(value).ok()?;
    Some((key?.to_vec(), candle["open_time"].as_i64()?))
}

fn measure(contender: &Contender, servers: &str, exactly_once: bool) -> Vec<Duration> {
    let input = load::topic(servers, "bench.latency");
    let running = contender.start(servers, &input, exactly_once);
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", servers).set("group.id", format!("{}-watch", running.application));
    config.set("isolation.level", "read_committed").set("auto.offset.reset", "earliest").set("enable.auto.commit", "false");
    config.set("fetch.wait.max.ms", "5").set("fetch.queue.backoff.ms", "1");
    let consumer: BaseConsumer = config.create().expect("the configuration is right");
    consumer.subscribe(&[&running.output]).expect("the topic is there");
    let seconds = (WARM_UP + TIME).as_secs() as usize;
    let batches = load::batches(RATE * seconds);
    let sent: Mutex<BTreeMap<Name, Instant>> = Mutex::default();
    let started = Instant::now();
    let mut times = Vec::new();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let producer = load::producer(servers, 0);
            let longest = batches.iter().map(tidemill::record::RecordBatch::len).max().unwrap_or(0);
            let mut count = 0;
            for place in 0..longest {
                for (partition, record) in
                    (0..).zip(&batches).filter_map(|(partition, batch)| Some((partition, batch.get(place)?)))
                {
                    let due = started + Duration::from_secs_f64(count as f64 / RATE as f64);
                    std::thread::sleep(due.saturating_duration_since(Instant::now()));
                    let name = name(record.key, record.value.unwrap_or_default()).expect("it is a candle");
                    sent.lock().expect("nobody panics").insert(name, Instant::now());
                    load::send(&producer, &input, partition, &record);
                    producer.poll(Duration::ZERO);
                    count += 1;
                }
            }
        });
        while started.elapsed() < WARM_UP + TIME {
            let Some(Ok(message)) = consumer.poll(Duration::from_millis(2)) else { continue };
            let now = Instant::now();
            let name = name(message.key(), message.payload().unwrap_or_default()).expect("a copy is a candle");
            let Some(at) = sent.lock().expect("nobody panics").remove(&name) else { continue };
            if at.duration_since(started) > WARM_UP {
                times.push(now.duration_since(at));
            }
        }
    });
    times
}

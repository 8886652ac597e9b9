//! Throughput, CPU time and memory of a contender, measured from outside.

use std::collections::BTreeMap;
use std::fmt;
use std::time::{Duration, Instant};

use tidemill::log::Log;
use tidemill::log::kafka::{KafkaLog, KafkaSettings};

use crate::contender::{Contender, Kind, Running};

/// Longest run.
const PATIENCE: Duration = Duration::from_secs(240);

/// One run.
#[derive(Debug, Clone, Copy)]
pub struct Measured {
    /// Records a second, between the first and the last commit.
    pub rate: f64,
    /// CPU seconds of the process for a million records.
    pub cpu: f64,
    /// Largest resident set, MiB.
    pub rss: f64,
}

impl fmt::Display for Measured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:>8.0} records/s  {:>6.2} CPU s/M  {:>6.0} MiB", self.rate, self.cpu, self.rss)
    }
}

/// Runs a contender over the whole input.
pub fn throughput(contender: &Contender, servers: &str, input: &str, records: usize) -> Result<Measured, String> {
    let log = KafkaLog::connect(KafkaSettings::new(servers, "bench")).map_err(|error| error.to_string())?;
    let mut running = contender.start(servers, input, true);
    let started = Instant::now();
    let mut first = None;
    let outcome = loop {
        if let Ok(Some(status)) = running.child.try_wait() {
            break Err(format!("ended with {status}: {}", running.last_words()));
        }
        if started.elapsed() > PATIENCE {
            break Err(format!("not done after {PATIENCE:?}: {}", running.last_words()));
        }
        let now = Instant::now();
        let committed = committed(&log, &running, input);
        if committed > 0 && first.is_none() {
            first = Some((now, committed, cpu_seconds(&running)));
        }
        // The last record of a transactional topic is followed by a marker, and a group may count it.
        if let (Some((since, before, cpu)), true) = (first, committed >= records) {
            let millions = (committed - before) as f64 / 1e6;
            let rate = millions * 1e6 / now.duration_since(since).as_secs_f64();
            break Ok(Measured { rate, cpu: (cpu_seconds(&running) - cpu) / millions, rss: peak_mib(&running) });
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    // What a run has written is not needed any more, and the disk is finite.
    let output = running.output.clone();
    drop(running);
    log.delete_topics(&[&output]).ok();
    outcome
}

fn committed(log: &KafkaLog, running: &Running, input: &str) -> usize {
    let offsets = log.group_offsets(&running.application).unwrap_or_default();
    offsets.iter().filter(|(at, _)| &*at.topic == input).map(|(_, committed)| committed.offset.0 as usize).sum()
}

/// User and system time of the process so far.
fn cpu_seconds(running: &Running) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", running.child.id())).unwrap_or_default();
    // The name, in brackets, may hold spaces; after it the state is the third field, user and system time the 14th and 15th.
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |place: usize| fields.get(place).and_then(|text| text.parse::<f64>().ok()).unwrap_or(0.0);
    (ticks(11) + ticks(12)) / 100.0
}

fn peak_mib(running: &Running) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", running.child.id())).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
    line.split_whitespace().next().and_then(|text| text.parse::<f64>().ok()).unwrap_or(0.0) / 1024.0
}

/// Smallest, middle and largest.
pub fn spread(mut values: Vec<f64>) -> [f64; 3] {
    values.sort_by(f64::total_cmp);
    [values[0], values[values.len() / 2], values[values.len() - 1]]
}

/// Prints what came out, each job beside its bare loop.
pub fn table(contenders: &[Contender], results: &BTreeMap<String, Vec<Measured>>) {
    let median =
        |contender: &Contender| results.get(&contender.name()).map(|runs| spread(runs.iter().map(|run| run.rate).collect())[1]);
    println!(
        "\n| contender | records/s min | median | max | of the bare loop | of Kafka Streams | CPU s per million | RSS MiB |"
    );
    println!("|---|---:|---:|---:|---:|---:|---:|---:|");
    for contender in contenders {
        let Some(runs) = results.get(&contender.name()) else { continue };
        let rate = spread(runs.iter().map(|run| run.rate).collect());
        let cpu = spread(runs.iter().map(|run| run.cpu).collect())[1];
        let rss = spread(runs.iter().map(|run| run.rss).collect())[2];
        let ratio = |kind: Kind| {
            let other = median(&Contender { kind, ..*contender });
            other.map_or_else(|| "-".to_owned(), |other| format!("{:.2}", rate[1] / other))
        };
        let (bare, streams) = (ratio(Kind::Bare), ratio(Kind::Streams { memory: true }));
        let [least, middle, most] = rate;
        println!("| {} | {least:.0} | {middle:.0} | {most:.0} | {bare} | {streams} | {cpu:.2} | {rss:.0} |", contender.name());
    }
}

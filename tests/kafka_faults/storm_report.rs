//! What a storm did to the partitions that stayed where they were: read from the instances' own logs and from what was committed when.

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

/// What an instance was made to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    Join,
    Stop,
    Kill,
}

/// One turn of the storm. Times are seconds since 1970.
#[derive(Debug)]
pub struct Turn {
    pub what: What,
    pub instance: usize,
    pub began: f64,
    pub ended: f64,
    /// Instances that run afterwards.
    pub alive: usize,
}

/// A task's time at one instance, from its being live to its being given up, or the instance's end.
#[derive(Debug, Clone, Copy)]
struct Stay {
    instance: usize,
    partition: u32,
    from: f64,
    to: f64,
}

/// See the module's documentation.
pub struct Story {
    turns: Vec<Turn>,
    stays: Vec<Stay>,
    /// When each partition's committed position moved.
    commits: BTreeMap<u32, Vec<f64>>,
    /// Tasks that an instance gave up although it went on running.
    given_up: usize,
    partitions: u32,
}

impl Story {
    /// `logs` are the log lines of each instance, over all its lives.
    pub fn of(turns: Vec<Turn>, seen: Vec<(f64, BTreeMap<u32, i64>)>, logs: &[(usize, String)], partitions: u32) -> Self {
        let mut commits: BTreeMap<u32, Vec<f64>> = BTreeMap::new();
        let mut last = BTreeMap::new();
        for (time, positions) in seen {
            for (partition, offset) in positions {
                if last.insert(partition, offset).is_some_and(|before| before < offset) {
                    commits.entry(partition).or_default().push(time);
                }
            }
        }
        // A partition that hardly anything comes to stands still for want of records.
        let busiest = commits.values().map(Vec::len).max().unwrap_or_default();
        commits.retain(|_, times| times.len() * 4 > busiest);
        let mut story = Story { turns, stays: Vec::new(), commits, given_up: 0, partitions };
        logs.iter().for_each(|(instance, text)| story.read(*instance, text));
        story
    }

    fn read(&mut self, instance: usize, log: &str) {
        let mut live: BTreeMap<u32, f64> = BTreeMap::new();
        let own: Vec<(f64, f64)> =
            self.turns.iter().filter(|turn| turn.instance == instance).map(|turn| (turn.began, turn.ended)).collect();
        let end_after =
            |from: f64| own.iter().map(|(began, _)| *began).filter(|began| *began > from).fold(f64::INFINITY, f64::min);
        for line in log.lines() {
            let (Some(time), Some(partition)) = (time_of(line), partition_of(line)) else { continue };
            if line.contains("task is live") {
                live.insert(partition, time);
            } else if line.contains("task closed") || line.contains("partition assigned") {
                let Some(from) = live.remove(&partition) else { continue };
                self.stays.push(Stay { instance, partition, from, to: time.min(end_after(from)) });
                let ending = own.iter().any(|(began, ended)| (*began..=*ended).contains(&time));
                self.given_up += usize::from(line.contains("task closed") && !ending);
            }
        }
        let left = live.into_iter().map(|(partition, from)| Stay { instance, partition, from, to: end_after(from) });
        self.stays.extend(left);
    }

    /// For each turn and each partition that stayed at an instance the turn was not about, until the next turn: the longest time without a commit.
    fn pauses_of_untouched(&self) -> Vec<f64> {
        let mut pauses = Vec::new();
        for (turn, next) in self.turns.iter().zip(self.turns.iter().skip(1)) {
            let stayed = |stay: &&Stay| stay.instance != turn.instance && stay.from < turn.began && stay.to > next.began;
            for stay in self.stays.iter().filter(stayed) {
                pauses.extend(self.longest_pause(stay.partition, turn.began, next.began));
            }
        }
        pauses.sort_by(f64::total_cmp);
        pauses
    }

    /// The longest time between two commits that touches a span, as far as it lies after the last commit before it.
    fn longest_pause(&self, partition: u32, from: f64, to: f64) -> Option<f64> {
        let commits = self.commits.get(&partition)?;
        let begin = commits.partition_point(|time| *time <= from).saturating_sub(1);
        let mut inside: Vec<f64> = commits[begin..].iter().copied().take_while(|time| *time < to).collect();
        inside.push(to);
        inside.windows(2).map(|pair| pair[1] - pair[0]).reduce(f64::max)
    }

    /// Most tasks that need to change hands among instances that go on running: a new one gets its even share, and nothing else moves.
    fn needed_moves(&self) -> usize {
        let joins = self.turns.iter().filter(|turn| turn.what == What::Join);
        joins.map(|turn| (self.partitions as usize).div_ceil(turn.alive)).sum()
    }

    /// Prints the figures.
    pub fn tell(&self) {
        let count = |what| self.turns.iter().filter(|turn| turn.what == what).count();
        println!("{} joins, {} clean leaves, {} kills", count(What::Join), count(What::Stop), count(What::Kill));
        println!(
            "running instances gave up {} tasks, where an even share for every newcomer needs at most {}",
            self.given_up,
            self.needed_moves()
        );
        let pauses = self.pauses_of_untouched();
        let at = |share: f64| pauses.get(((pauses.len() as f64 - 1.0) * share) as usize).copied().unwrap_or_default();
        println!(
            "partitions that stayed through a turn: {} cases; longest time without a commit: median {:.3} s, 90 % {:.3} s, 99 % {:.3} s, most {:.3} s",
            pauses.len(),
            at(0.5),
            at(0.9),
            at(0.99),
            at(1.0)
        );
        let whole = |times: &Vec<f64>| times.windows(2).map(|pair| pair[1] - pair[0]).fold(0.0, f64::max);
        let longest: Vec<String> = self.commits.values().map(|times| format!("{:.1} s", whole(times))).collect();
        println!("longest time without a commit of each partition, moves and dead owners included: {longest:?}");
    }

    /// Panics when a rebalance touched partitions that it had no need to touch.
    pub fn check(&self) {
        assert!(!self.pauses_of_untouched().is_empty(), "no partition stayed where it was through any turn");
        let (given_up, needed) = (self.given_up, self.needed_moves());
        assert!(given_up <= needed, "{given_up} tasks were given up, and only {needed} needed to move");
    }
}

/// Seconds since 1970.
pub fn epoch_seconds() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64()
}

/// The time stamp a log line begins with, as in `2026-01-31T23:59:59.123456Z`, in seconds since 1970.
fn time_of(line: &str) -> Option<f64> {
    let (date, rest) = line.split_once('T')?;
    let (time, _) = rest.split_once('Z')?;
    let numbers = |text: &str, mark: char| -> Option<Vec<f64>> { text.split(mark).map(|part| part.parse().ok()).collect() };
    let (date, time) = (numbers(date, '-')?, numbers(time, ':')?);
    let ([year, month, day], [hour, minute, second]) = (<[f64; 3]>::try_from(date).ok()?, <[f64; 3]>::try_from(time).ok()?);
    // Years begin in March here, so that the leap day is the last one.
    let (year, month) = if month <= 2.0 { (year - 1.0, month + 9.0) } else { (year, month - 3.0) };
    let leap_days = (year / 4.0).floor() - (year / 100.0).floor() + (year / 400.0).floor();
    let days = 365.0 * year + leap_days + ((153.0 * month + 2.0) / 5.0).floor() + day - 719_469.0;
    Some(days * 86_400.0 + hour * 3_600.0 + minute * 60.0 + second)
}

/// The number of the partition a line is about.
fn partition_of(line: &str) -> Option<u32> {
    let (_, rest) = line.split_once("partition=")?;
    let name = rest.split(' ').next()?;
    name.rsplit_once('-')?.1.parse().ok()
}

#[test]
fn a_log_line_tells_its_time_and_partition() {
    let line = "2024-02-29T12:00:00.250000Z  INFO tidemill::telemetry::events: task closed partition=t1x0-market.candles.1m-5 clean=true";
    assert_eq!((time_of(line), partition_of(line)), (Some(1_709_208_000.25), Some(5)));
    assert_eq!((time_of("no time"), partition_of("task closed")), (None, None));
}

//! `tidemill top`: the live table of running instances, from their HTTP servers, several shown as one.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::bail;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::live::{LiveRow, LiveView, Look, Screen, render};
use super::log_options::{TopArgs, TopForm};
use super::remote::Remote;
use super::report::grouped;
use super::signals::Stop;
use super::{secret, settings};
use crate::record::{Timestamp, TopicPartition};
use crate::task::Counts;

/// Longest wait for an answer.
const PATIENCE: Duration = Duration::from_secs(3);
/// How often it is looked whether somebody says stop.
const TICK: Duration = Duration::from_millis(50);
const DEFAULT_URL: &str = "http://127.0.0.1:8642";

/// Runs the command.
///
/// # Errors
/// When no instance answers the first time, or standard output is closed.
pub fn run(args: &TopArgs) -> anyhow::Result<()> {
    if !(args.interval.is_finite() && (0.05..=3_600.0).contains(&args.interval)) {
        bail!(super::errors::UsageError("--interval: expected seconds from 0.05 to 3600".to_owned()));
    }
    let token = secret::token(&settings::load(&args.engine)?)?;
    let urls = if args.urls.is_empty() { vec![DEFAULT_URL.to_owned()] } else { args.urls.clone() };
    let remotes: Vec<Remote> = urls.iter().map(|url| Remote::at(url, token.clone(), PATIENCE)).collect();
    let stop = Stop::on_signals()?;
    let mut screen = Screen::stdout();
    let mut last: Option<Sample> = None;
    while !stop.asked() {
        let sample = Sample::take(&remotes);
        if last.is_none() && sample.instances.is_empty() {
            bail!("{}", sample.silent.join("\n"));
        }
        let rate = last.as_ref().map(|last| sample.rate_since(last));
        let view = sample.view(rate);
        match args.format {
            TopForm::Json => println!("{}", sample.json(&view)),
            TopForm::Text if args.once => {
                print!("{}", render(&view, Look { colour: false, width: usize::MAX, height: usize::MAX }))
            }
            TopForm::Text => screen.draw(&view),
        }
        if args.once {
            return Ok(());
        }
        let next = sample.at + Duration::from_secs_f64(args.interval);
        last = Some(sample);
        while !stop.asked() && Instant::now() < next {
            std::thread::sleep(TICK.min(next.saturating_duration_since(Instant::now())));
        }
    }
    Ok(())
}

/// What an instance says of itself.
#[derive(Debug, Clone, Deserialize)]
struct Instance {
    topology: String,
    state: String,
    tasks: Vec<Task>,
}

#[derive(Debug, Clone, Deserialize)]
struct Task {
    partition: TopicPartition,
    state: String,
    position: Option<i64>,
    lag: Option<u64>,
    stream_time: Option<Timestamp>,
    since_start: Counts,
}

#[derive(Debug, Clone, Deserialize)]
struct Row {
    coin: String,
    model: String,
    horizon: String,
    n: u64,
    mae: Option<f64>,
    rmse: Option<f64>,
    smape: Option<f64>,
    skill: Option<f64>,
    champion: bool,
}

#[derive(Debug, Clone, Deserialize)]
struct Prediction {
    coin: String,
    model: String,
    last: f64,
    prediction: f64,
    price: Option<f64>,
    source: Source,
}

#[derive(Debug, Clone, Deserialize)]
struct Source {
    offset: i64,
}

/// One look at all instances.
struct Sample {
    at: Instant,
    /// Those that answered, by address.
    instances: BTreeMap<String, Instance>,
    /// Why the others did not.
    silent: Vec<String>,
    /// Every model for every coin. A coin that has moved from one instance to another is in both: the one that has answered more questions knows it now.
    rows: Vec<Row>,
    /// The newest prediction of each model for each coin.
    predictions: BTreeMap<(String, String), Prediction>,
}

impl Sample {
    fn take(remotes: &[Remote]) -> Self {
        let mut sample = Sample {
            at: Instant::now(),
            instances: BTreeMap::new(),
            silent: Vec::new(),
            rows: Vec::new(),
            predictions: BTreeMap::new(),
        };
        for remote in remotes {
            if let Err(error) = sample.ask(remote) {
                sample.silent.push(format!("{error:#}"));
            }
        }
        sample
    }

    fn ask(&mut self, remote: &Remote) -> anyhow::Result<()> {
        let instance: Instance = fetch(remote, "/api/v1/tasks")?;
        let rows: Vec<Row> = fetch(remote, "/api/v1/leaderboard")?;
        let predictions: Vec<Prediction> = fetch(remote, "/api/v1/predictions/latest")?;
        self.instances.insert(remote.url().to_owned(), instance);
        rows.into_iter().for_each(|row| self.merge_row(row));
        predictions.into_iter().for_each(|prediction| self.merge_prediction(prediction));
        Ok(())
    }

    /// Rows keep the order in which the instances give them, coin by coin.
    fn merge_row(&mut self, row: Row) {
        let same = |known: &Row| known.coin == row.coin && known.model == row.model && known.horizon == row.horizon;
        match self.rows.iter().position(same) {
            Some(place) if self.rows[place].n < row.n => self.rows[place] = row,
            Some(_) => {}
            None => {
                let behind = self.rows.partition_point(|known| known.coin <= row.coin);
                self.rows.insert(behind, row);
            }
        }
    }

    fn merge_prediction(&mut self, prediction: Prediction) {
        let key = (prediction.coin.clone(), prediction.model.clone());
        let newer = self.predictions.get(&key).is_none_or(|known| known.source.offset < prediction.source.offset);
        if newer {
            self.predictions.insert(key, prediction);
        }
    }

    fn tasks(&self) -> impl Iterator<Item = &Task> {
        self.instances.values().flat_map(|instance| &instance.tasks)
    }

    fn counts(&self) -> Counts {
        let mut sum = Counts::default();
        self.tasks().for_each(|task| sum.add(task.since_start));
        sum
    }

    /// Records a second. An instance that has started again counts from zero, which is no negative speed.
    fn rate_since(&self, last: &Sample) -> f64 {
        let records = self.counts().read.saturating_sub(last.counts().read);
        records as f64 / self.at.duration_since(last.at).as_secs_f64().max(1e-3)
    }

    fn open_tasks(&self) -> impl Iterator<Item = &Task> {
        self.tasks().filter(|task| task.state != "closed")
    }

    fn title(&self) -> String {
        let mut names: Vec<&str> = self.instances.values().map(|instance| &*instance.topology).collect();
        names.dedup();
        let mut states: BTreeMap<&str, usize> = BTreeMap::new();
        self.instances.values().for_each(|instance| *states.entry(&instance.state).or_default() += 1);
        let states: Vec<String> = states.iter().map(|(state, count)| format!("{count} {state}")).collect();
        let tasks = self.open_tasks().count();
        let silent = if self.silent.is_empty() { String::new() } else { format!(" · {}", self.silent.join(" · ")) };
        format!(
            "tidemill top · {} · instances: {} · {} tasks{silent}",
            names.join(", "),
            states.join(", "),
            grouped(tasks as u64)
        )
    }

    fn view(&self, rate: Option<f64>) -> LiveView {
        LiveView {
            title: self.title(),
            counts: self.counts(),
            rate,
            lag: self.open_tasks().filter_map(|task| task.lag).sum(),
            stream_time: self.tasks().filter_map(|task| task.stream_time).max(),
            rows: self.rows.iter().map(|row| self.live_row(row)).collect(),
        }
    }

    fn live_row(&self, row: &Row) -> LiveRow {
        let latest = self.predictions.get(&(row.coin.clone(), row.model.clone()));
        LiveRow {
            coin: row.coin.clone(),
            model: row.model.clone(),
            horizon: row.horizon.clone(),
            last: latest.map(|prediction| prediction.last),
            prediction: latest.map(|prediction| prediction.price.unwrap_or(prediction.prediction)),
            n: row.n,
            mae: row.mae,
            rmse: row.rmse,
            smape: row.smape,
            skill: row.skill,
            champion: row.champion,
        }
    }

    fn json(&self, view: &LiveView) -> Value {
        let instances: Vec<Value> = self
            .instances
            .iter()
            .map(|(url, instance)| json!({ "url": url, "topology": instance.topology, "state": instance.state }))
            .collect();
        let mut tasks: Vec<Value> = Vec::new();
        for (url, instance) in &self.instances {
            let of = |task: &Task| {
                json!({
                    "instance": url, "topic": &*task.partition.topic, "partition": task.partition.partition, "state": task.state,
                    "position": task.position, "lag": task.lag,
                })
            };
            tasks.extend(instance.tasks.iter().map(of));
        }
        let rows: Vec<Value> = view
            .rows
            .iter()
            .map(|row| {
                json!({
                    "coin": row.coin, "model": row.model, "horizon": row.horizon, "last": row.last, "prediction": row.prediction, "n": row.n,
                    "mae": row.mae, "rmse": row.rmse, "smape": row.smape, "skill": row.skill, "champion": row.champion,
                })
            })
            .collect();
        json!({
            "instances": instances, "silent": self.silent, "counts": view.counts, "records_per_s": view.rate, "lag": view.lag,
            "stream_time": view.stream_time, "tasks": tasks, "leaderboard": rows,
        })
    }
}

fn fetch<T: DeserializeOwned>(remote: &Remote, path: &str) -> anyhow::Result<T> {
    let text = remote.get(path)?;
    serde_json::from_str(&text).map_err(|error| {
        anyhow::anyhow!("{}{path} answers something else than an instance of this version: {error}", remote.url())
    })
}

#[cfg(test)]
#[allow(clippy::disallowed_methods, reason = "a sample is taken at a moment")]
mod tests {
    use super::*;

    fn row(coin: &str, model: &str, n: u64) -> Row {
        let (coin, model, horizon) = (coin.to_owned(), model.to_owned(), "1m".to_owned());
        Row { coin, model, horizon, n, mae: None, rmse: None, smape: None, skill: None, champion: false }
    }

    fn prediction(coin: &str, offset: i64) -> Prediction {
        let (coin, model, source) = (coin.to_owned(), "knn".to_owned(), Source { offset });
        Prediction { coin, model, last: 1.0, prediction: offset as f64, price: None, source }
    }

    fn sample() -> Sample {
        Sample {
            at: Instant::now(),
            instances: BTreeMap::new(),
            silent: Vec::new(),
            rows: Vec::new(),
            predictions: BTreeMap::new(),
        }
    }

    #[test]
    fn a_coin_that_moved_is_shown_by_the_instance_that_knows_more() {
        let mut sample = sample();
        for row in
            [row("ETH", "naive", 5), row("ETH", "knn", 5), row("BTC", "naive", 7), row("ETH", "knn", 9), row("BTC", "naive", 3)]
        {
            sample.merge_row(row);
        }
        let shown: Vec<_> = sample.rows.iter().map(|row| (&*row.coin, &*row.model, row.n)).collect();
        assert_eq!(shown, [("BTC", "naive", 7), ("ETH", "naive", 5), ("ETH", "knn", 9)]);
        for prediction in [prediction("ETH", 9), prediction("ETH", 4)] {
            sample.merge_prediction(prediction);
        }
        let view = sample.view(None);
        assert_eq!(view.rows[2].prediction, Some(9.0));
    }

    #[test]
    fn what_an_instance_says_is_understood() {
        let status = json!({ "topology": "t", "state": "running", "application_id": "t", "threads": 1, "tasks": [{
            "partition": { "topic": "in", "partition": 1 }, "thread": 0, "state": "running", "position": 7, "lag": 2, "stream_time": 60_000,
            "since_start": { "read": 5, "processed": 4, "late": 1, "dead": 0 },
        }] });
        let mut sample = sample();
        sample.instances.insert("http://a".into(), serde_json::from_value(status).unwrap());
        sample.silent.push("http://b does not answer".into());
        let view = sample.view(Some(3.0));
        assert_eq!((view.counts.read, view.lag), (5, 2));
        assert_eq!(view.title, "tidemill top · t · instances: 1 running · 1 tasks · http://b does not answer");
    }
}

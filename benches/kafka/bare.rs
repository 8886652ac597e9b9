//! The bare loops: what rdkafka alone can do with the same settings. One consumer and one transactional producer a thread, nothing kept, nothing recovered.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use rdkafka::bindings::rd_kafka_flush;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::Message;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::{Offset, TopicPartitionList};
use serde::{Deserialize, Serialize};

const COMMIT_EVERY: Duration = Duration::from_millis(100);

/// Arguments: job, servers, application id, input, output, threads, exactly once.
pub fn run(arguments: &[String]) {
    let threads: u32 = arguments[5].parse().expect("a number");
    std::thread::scope(|scope| {
        for thread in 0..threads {
            scope.spawn(move || work(arguments, thread));
        }
    });
}

fn work(arguments: &[String], thread: u32) {
    let [job, servers, application, input, output, _, exactly_once] = arguments else { panic!("seven arguments") };
    let exactly_once = exactly_once == "true";
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", servers).set("group.id", application).set("enable.auto.commit", "false");
    config.set("isolation.level", "read_committed").set("auto.offset.reset", "earliest").set("enable.partition.eof", "false");
    config.set("fetch.queue.backoff.ms", "10").set("queued.min.messages", "10000").set("enable.auto.offset.store", "false");
    let consumer: BaseConsumer = config.create().expect("the configuration is right");
    consumer.subscribe(&[input]).expect("the topic is there");
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", servers).set("linger.ms", "5").set("enable.idempotence", "true");
    config.set("delivery.report.only.error", "true").set("batch.size", "262144");
    if exactly_once {
        config.set("transactional.id", format!("{application}-{thread}")).set("linger.ms", "100");
    }
    let producer: BaseProducer = config.create().expect("the configuration is right");
    if exactly_once {
        producer.init_transactions(Duration::from_secs(30)).expect("the broker answers");
    }
    let mut state = State::default();
    let mut done: BTreeMap<i32, i64> = BTreeMap::new();
    let mut open = false;
    let mut committed = Instant::now();
    loop {
        if let Some(message) = consumer.poll(Duration::from_millis(1)) {
            let message = message.expect("the input can be read");
            if !open && exactly_once {
                producer.begin_transaction().expect("a transaction begins");
            }
            open = true;
            let (key, value) = (message.key().unwrap_or_default(), message.payload().unwrap_or_default());
            state.step(
                job,
                key,
                value,
                Source { topic: message.topic(), partition: message.partition(), offset: message.offset() },
                |value| {
                    let time = message.timestamp().to_millis().unwrap_or_default();
                    send(
                        &producer,
                        BaseRecord::to(output).partition(message.partition()).key(key).payload(value).timestamp(time),
                    );
                },
            );
            done.insert(message.partition(), message.offset() + 1);
        }
        if open && committed.elapsed() >= COMMIT_EVERY {
            while producer.in_flight_count() > 0 {
                // SAFETY: the client is alive. rdkafka's own flush looks only every 100 ms.
                unsafe { rd_kafka_flush(producer.client().native_ptr(), 10) };
                producer.poll(Duration::ZERO);
            }
            let mut offsets = TopicPartitionList::new();
            for (partition, offset) in std::mem::take(&mut done) {
                offsets.add_partition_offset(input, partition, Offset::Offset(offset)).expect("a right offset");
            }
            if exactly_once {
                let group = consumer.group_metadata().expect("it is in a group");
                producer.send_offsets_to_transaction(&offsets, &group, Duration::from_secs(30)).expect("offsets are taken");
                producer.commit_transaction(Duration::from_secs(30)).expect("it commits");
            } else {
                consumer.commit(&offsets, CommitMode::Sync).expect("it commits");
            }
            open = false;
            committed = Instant::now();
        }
    }
}

fn send(producer: &BaseProducer, mut record: BaseRecord<'_, [u8], [u8]>) {
    while let Err((error, back)) = producer.send(record) {
        assert_eq!(error, KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull));
        producer.poll(Duration::from_millis(1));
        record = back;
    }
}

/// What tidemill writes for each prediction, so that everybody's records are as long.
#[derive(Serialize)]
struct Prediction<'a> {
    id: String,
    coin: &'a str,
    model: &'static str,
    model_version: u64,
    target: &'static str,
    horizon_ms: i64,
    asked_at: i64,
    due_at: i64,
    last: f64,
    prediction: f64,
    price: f64,
    nowcast: bool,
    champion: Option<bool>,
    source: Source<'a>,
}

/// Where the candle stood.
#[derive(Serialize)]
struct Source<'a> {
    topic: &'a str,
    partition: i32,
    offset: i64,
}

#[derive(Deserialize)]
struct Candle {
    open_time: i64,
    open: f64,
    high: f64,
    low: f64,
    close: f64,
    volume: f64,
}

/// What the jobs remember of each coin.
#[derive(Default)]
struct State {
    models: BTreeMap<Vec<u8>, Model>,
    bars: BTreeMap<Vec<u8>, Bar>,
}

#[derive(Default)]
struct Model {
    weights: [f64; 3],
    intercept: f64,
    features: [f64; 3],
    last: f64,
    version: u64,
}

struct Bar {
    start: i64,
    candle: Candle,
}

impl State {
    fn step(&mut self, job: &str, key: &[u8], value: &[u8], source: Source<'_>, mut put: impl FnMut(&[u8])) {
        if job == "copy" {
            return put(value);
        }
        let candle: Candle = serde_json::from_slice(value).expect("the input is candles");
        if job == "window" {
            return self.window(key, candle, put);
        }
        let model = match self.models.get_mut(key) {
            Some(model) => model,
            None => self.models.entry(key.to_vec()).or_default(),
        };
        let change = model.step(&candle);
        let coin = String::from_utf8_lossy(key);
        let out = Prediction {
            id: format!("bench-predict/{coin}/linear/{}", candle.open_time),
            coin: &coin,
            model: "linear",
            model_version: model.version,
            target: "return",
            horizon_ms: 60_000,
            asked_at: candle.open_time,
            due_at: candle.open_time + 60_000,
            last: candle.close,
            prediction: change,
            price: candle.close * (1.0 + change),
            nowcast: false,
            champion: None,
            source,
        };
        put(&serde_json::to_vec(&out).expect("it is JSON"));
    }

    fn window(&mut self, key: &[u8], candle: Candle, mut put: impl FnMut(&[u8])) {
        let start = candle.open_time - candle.open_time.rem_euclid(300_000);
        match self.bars.get_mut(key) {
            Some(bar) if bar.start == start => {
                bar.candle.high = bar.candle.high.max(candle.high);
                bar.candle.low = bar.candle.low.min(candle.low);
                bar.candle.close = candle.close;
                bar.candle.volume += candle.volume;
            }
            Some(bar) => {
                let over = std::mem::replace(bar, Bar { start, candle });
                put(&over.json(key));
            }
            None => drop(self.bars.insert(key.to_vec(), Bar { start, candle })),
        }
    }
}

impl Model {
    fn step(&mut self, candle: &Candle) -> f64 {
        let x = [candle.close / candle.open - 1.0, candle.high / candle.open - 1.0, candle.low / candle.open - 1.0];
        if self.last > 0.0 {
            let predicted: f64 = self.intercept + self.weights.iter().zip(self.features).map(|(w, x)| w * x).sum::<f64>();
            let error = predicted - (candle.close / self.last - 1.0);
            self.weights.iter_mut().zip(self.features).for_each(|(w, x)| *w -= 0.02 * error * x);
            self.intercept -= 0.02 * error;
            self.version += 1;
        }
        (self.features, self.last) = (x, candle.close);
        self.intercept + self.weights.iter().zip(x).map(|(w, x)| w * x).sum::<f64>()
    }
}

impl Bar {
    fn json(&self, key: &[u8]) -> Vec<u8> {
        let Candle { open, high, low, close, volume, .. } = self.candle;
        let coin = String::from_utf8_lossy(key);
        let out = serde_json::json!({
            "coin": coin, "interval": "5m", "open_time": self.start, "open": open, "high": high, "low": low, "close": close, "volume": volume
        });
        serde_json::to_vec(&out).expect("it is JSON")
    }
}

//! The input: candles of the simulated exchange, without its anomalies, in Kafka.

use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use tidemill::log::kafka::{KafkaLog, KafkaSettings};
use tidemill::log::{Log, Retention, TopicSpec};
use tidemill::market::feed::Ingest;
use tidemill::market::sim::{SimConfig, SimulatedExchange};
use tidemill::record::{RecordBatch, RecordRef};

use crate::{PARTITIONS, kafka};

/// Makes a topic with a name of its own.
pub fn topic(servers: &str, name: &str) -> String {
    let name = kafka::unique(name);
    let spec = TopicSpec { name: (&*name).into(), partitions: PARTITIONS, retention: Retention::Unlimited };
    KafkaLog::connect(KafkaSettings::new(servers, "bench"))
        .and_then(|log| log.create_topics(&[spec]))
        .expect("the topic is made");
    name
}

/// An idempotent producer.
pub fn producer(servers: &str, linger_ms: u32) -> BaseProducer {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", servers).set("enable.idempotence", "true").set("linger.ms", linger_ms.to_string());
    config.create().expect("the configuration is right")
}

/// Candles of 12 coins by partition.
pub fn batches(records: usize) -> Vec<RecordBatch> {
    let config = SimConfig { anomalies: 0.0, ..SimConfig::with_coins(12) };
    let mut ingest = Ingest::new(SimulatedExchange::new(config), PARTITIONS);
    let mut batches = ingest.empty_batches();
    assert_eq!(ingest.read(records, &mut batches).expect("the exchange has no errors"), records);
    batches
}

pub fn send(producer: &BaseProducer, topic: &str, partition: i32, record: &RecordRef<'_>) {
    let mut message: BaseRecord<'_, [u8], [u8]> = BaseRecord::to(topic).partition(partition).timestamp(record.timestamp.0);
    message = record.key.into_iter().fold(message, BaseRecord::key);
    message = record.value.into_iter().fold(message, BaseRecord::payload);
    while let Err((error, back)) = producer.send(message) {
        assert_eq!(error, KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull));
        producer.poll(Duration::from_millis(10));
        message = back;
    }
}

/// The input topic, filled.
pub fn candles(servers: &str, records: usize) -> String {
    let topic = topic(servers, "bench.candles");
    let producer = producer(servers, 20);
    for (partition, batch) in (0..).zip(batches(records)) {
        batch.iter().for_each(|record| send(&producer, &topic, partition, &record));
    }
    producer.flush(Duration::from_secs(120)).expect("the broker takes the input");
    topic
}

//! A topology under the test driver, and its output read as JSON.

use serde_json::Value;
use tidemill::driver::TopologyTestDriver;
use tidemill::market::sim::SimRecord;
use tidemill::operators::standard_catalog;
use tidemill::record::RecordBatch;
use tidemill::topology::compile;

/// The driver of a topology given as text.
pub fn driver(topology: &str) -> TopologyTestDriver {
    let (graph, _) = compile(topology, "test.toml", &standard_catalog()).unwrap_or_else(|errors| panic!("{errors}"));
    TopologyTestDriver::new(graph)
}

/// Records of the simulated exchange, as a log hands them out.
pub fn batch<'a>(records: impl IntoIterator<Item = &'a SimRecord>) -> RecordBatch {
    let mut batch = RecordBatch::new();
    for record in records {
        batch.push(record.timestamp, Some(&record.key), record.value.as_deref(), &[]);
    }
    batch
}

/// The driver of a topology after these records.
pub fn run<'a>(topology: &str, records: impl IntoIterator<Item = &'a SimRecord>) -> TopologyTestDriver {
    let mut driver = driver(topology);
    driver.pipe_batch(0, batch(records));
    driver
}

/// What a topic was given since it was last read.
pub fn read(driver: &mut TopologyTestDriver, topic: &str) -> Vec<Value> {
    driver.read(topic).iter().map(|record| serde_json::from_str(record.text()).expect("it is JSON")).collect()
}

/// A field that must be a number.
#[track_caller]
pub fn number(record: &Value, field: &str) -> f64 {
    record[field].as_f64().unwrap_or_else(|| panic!("{field} of {record}"))
}

/// A field that must be a time in ms.
#[track_caller]
pub fn time(record: &Value, field: &str) -> i64 {
    record[field].as_i64().unwrap_or_else(|| panic!("{field} of {record}"))
}

//! Guarantees 1 and 3: output bytes and state are a function of topology and input alone. Every shipped topology, whatever the batch size, wherever it
//! crashed, whoever shares the partition.

mod common;

use std::collections::BTreeMap;
use std::sync::Arc;

use common::{Lines, assert_same_lines, collect, input_for, owned, records_of, reference, shipped_topologies};
use tidemill::record::{ConsumedBatch, Offset, RecordBatch, TopicPartition};
use tidemill::task::{Skips, Task, TaskSnapshot};
use tidemill::topology::Graph;

const RECORDS: usize = 6_000;

fn consumed(graph: &Graph, partition: u32, from: i64, batch: &RecordBatch, count: usize) -> Arc<ConsumedBatch> {
    let part = records_of((from as usize..).map_while(|i| batch.get(i)).take(count).map(|record| owned(&record)));
    ConsumedBatch::contiguous(TopicPartition::new(graph.source.topic.clone(), partition), Offset(from), part)
}

#[test]
fn no_batch_size_changes_a_byte() {
    for (name, graph) in shipped_topologies() {
        let input = input_for(&graph, RECORDS, 2);
        let (lines, digests) = reference(&graph, &input, 500);
        assert!(lines.values().map(Vec::len).sum::<usize>() > 100_000, "{name} puts out something worth comparing");
        for batch_records in [1, 7] {
            let (others, other_digests) = reference(&graph, &input, batch_records);
            assert_same_lines(&format!("{name} in batches of {batch_records}"), &others, &lines);
            assert_eq!(other_digests, digests, "{name} in batches of {batch_records}");
        }
    }
}

/// Runs partition 0, throws the task away after every `k` records and brings it back from the bytes of its snapshot.
fn crashed_every(graph: &Arc<Graph>, batch: &RecordBatch, k: usize) -> (Lines, TaskSnapshot) {
    let mut lines = Lines::new();
    let mut task = Task::new(graph.clone(), 0, Offset::ZERO, Skips::default());
    while (task.position().0 as usize) < batch.len() {
        let output = task.process(consumed(graph, 0, task.position().0, batch, k));
        collect(graph, 0, &output.topics, &mut lines);
        let bytes = task.snapshot().unwrap().to_bytes().unwrap();
        let snapshot = TaskSnapshot::from_bytes(&bytes).unwrap();
        task = Task::restore(graph.clone(), 0, &snapshot, Skips::default()).unwrap();
        assert_eq!(task.snapshot().unwrap().to_bytes().unwrap(), bytes, "a restored task has the state it was restored from");
    }
    (lines, task.snapshot().unwrap())
}

#[test]
fn a_task_crashed_at_every_kth_record_goes_on_as_if_nothing_had_happened() {
    for (name, graph) in shipped_topologies() {
        let input = input_for(&graph, RECORDS / 4, 1);
        let (lines, digests) = reference(&graph, &input, 500);
        for k in [3, 11] {
            let (crashed, snapshot) = crashed_every(&graph, &input[0], k);
            assert_same_lines(&format!("{name} crashed every {k} records"), &crashed, &lines);
            assert_eq!(snapshot.coin_digests(), digests[&0], "{name} crashed every {k} records");
        }
    }
}

/// The output lines of one coin without the place of their source, which neighbours in the partition do change.
fn lines_of_coin(lines: &Lines, coin: &str) -> BTreeMap<Arc<str>, Vec<serde_json::Value>> {
    let mut found: BTreeMap<Arc<str>, Vec<serde_json::Value>> = BTreeMap::new();
    for ((topic, _), text) in lines {
        for line in text.split(|b| *b == b'\n').filter(|line| !line.is_empty()) {
            let mut value: serde_json::Value = serde_json::from_slice(line).unwrap();
            if value["key"] != coin {
                continue;
            }
            if let Some(headers) = value["headers"].as_object_mut() {
                headers.retain(|name, _| !name.starts_with("tidemill.source."));
            }
            if let Some(body) = value["value"].as_object_mut() {
                body.remove("source");
            }
            found.entry(topic.clone()).or_default().push(value);
        }
    }
    found
}

#[test]
fn a_coin_alone_is_that_coin_among_others() {
    for (name, graph) in shipped_topologies() {
        let input = input_for(&graph, RECORDS, 1);
        let (lines, digests) = reference(&graph, &input, 500);
        for coin in ["BTC-USDT", "ETH-USDT", "LTC-USDT"] {
            let own = |record: &tidemill::record::RecordRef<'_>| record.key == Some(coin.as_bytes());
            let alone = [records_of(input[0].iter().filter(own).map(|record| owned(&record)))];
            let (alone_lines, alone_digests) = reference(&graph, &alone, 500);
            let (found, expected) = (lines_of_coin(&alone_lines, coin), lines_of_coin(&lines, coin));
            for (topic, expected) in &expected {
                let found = found.get(topic).map(Vec::as_slice).unwrap_or_default();
                let first = found.iter().zip(expected).find(|(f, e)| f != e);
                assert!(first.is_none() && found.len() == expected.len(), "{name}, {coin}, {topic}: {first:?}");
            }
            assert!(expected.values().map(Vec::len).sum::<usize>() > 100, "{name}, {coin}: there is something to compare");
            assert_eq!(alone_digests[&0][coin], digests[&0][coin], "{name}: state of {coin}");
        }
    }
}

//! The end of a task: events become output records, refused records become letters, and every input record is accounted for.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{BatchEnv, StageOutput};
use crate::operators::wire::{self, WireContext};
use crate::processor::{Column, Item, Letter, LetterKind, NodeId, Noticed};
use crate::record::{Offset, RecordBatch};
use crate::topology::{Graph, Sink};

/// What became of the input records of a task. `read = processed + late + dead`, always.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Counts {
    /// Records read.
    pub read: u64,
    /// Records taken by the topology, each counted where the source put out its event.
    pub processed: u64,
    /// Records sent to the late topic.
    pub late: u64,
    /// Records sent to the dead-letter topic.
    pub dead: u64,
}

impl Counts {
    /// Adds the counts of another span of input.
    pub fn add(&mut self, other: Counts) {
        self.read += other.read;
        self.processed += other.processed;
        self.late += other.late;
        self.dead += other.dead;
    }
}

/// What a task did with one batch: all that is to be committed, and what is to be told.
#[derive(Debug)]
pub struct TaskOutput {
    /// The batch.
    pub env: Arc<BatchEnv>,
    /// The position after the batch: the offset to commit.
    pub next_offset: Option<Offset>,
    /// The records for each output topic, in the order of [`Graph::output_topics`]; empty batches included.
    pub topics: Vec<RecordBatch>,
    /// The letters, one a refused record, in order of the records.
    pub letters: Vec<Letter>,
    /// What became of the batch's records.
    pub counts: Counts,
    /// What the nodes told, in order of the nodes.
    pub notices: Vec<Noticed>,
}

/// Encodes a task's results.
pub struct Outlet {
    graph: Arc<Graph>,
    names: Vec<Arc<str>>,
    /// Bytes of a record of each sink in its last batch: how much room the next one will need.
    record_bytes: Vec<usize>,
}

impl Outlet {
    /// The outlet of a graph.
    pub fn new(graph: Arc<Graph>) -> Self {
        let names = (0..=graph.nodes.len()).map(|i| graph.node_name(NodeId(i as u16)).clone()).collect();
        Outlet { record_bytes: vec![0; graph.sinks.len()], graph, names }
    }

    /// Encodes what the source and all stages put out for one batch, given in the order of the stages.
    pub fn finish(&mut self, outputs: &[Arc<StageOutput>]) -> TaskOutput {
        let env = outputs[0].env.clone();
        let letters = decisive_letters(outputs);
        let sinks = self.graph.sinks.iter().zip(&self.record_bytes);
        let mut topics: Vec<RecordBatch> = sinks.map(|(sink, bytes)| self.encode_sink(sink, *bytes, &env, outputs)).collect();
        for (bytes, batch) in self.record_bytes.iter_mut().zip(&topics).filter(|(_, batch)| !batch.is_empty()) {
            *bytes = batch.as_bytes().len().div_ceil(batch.len());
        }
        topics.push(self.encode_letters(LetterKind::Late, &env, &letters));
        topics.push(self.encode_letters(LetterKind::Dead, &env, &letters));
        let counts = count(&env, outputs, &letters);
        let notices = outputs.iter().flat_map(|o| &o.nodes).flat_map(|(_, emitted)| emitted.notices.iter().cloned()).collect();
        TaskOutput { next_offset: env.input.next_offset(), env, topics, letters, counts, notices }
    }

    /// What became of a batch's records, without encoding anything.
    pub fn tally(outputs: &[Arc<StageOutput>]) -> Counts {
        count(&outputs[0].env, outputs, &decisive_letters(outputs))
    }

    fn encode_sink(&self, sink: &Sink, record_bytes: usize, env: &BatchEnv, outputs: &[Arc<StageOutput>]) -> RecordBatch {
        let columns_of = |p: &NodeId| self.graph.node(*p).map_or(&[][..], |node| &node.port.columns);
        let items_of = |p: &NodeId| outputs.iter().find_map(|output| output.items(*p));
        let (parents, columns): (Vec<&[Item]>, Vec<&[Column]>) =
            sink.parents.iter().filter_map(|p| Some((items_of(p)?, columns_of(p)))).unzip();
        let records = parents.iter().flat_map(|items| items.iter()).filter(|item| item.event.kind() == sink.kind).count();
        // A little more than last time: growing by doubling would copy megabytes again and again.
        let mut batch = RecordBatch::with_capacity(records, records * (record_bytes + record_bytes / 16));
        for_each_merged(&parents, |parent, item| {
            if item.event.kind() == sink.kind {
                self.encode_item(item, columns[parent], env, &mut batch);
            }
        });
        batch
    }

    fn encode_item(&self, item: &Item, columns: &[Column], env: &BatchEnv, batch: &mut RecordBatch) {
        let coin = env.keys.name(item.key);
        let ctx = WireContext {
            topology: &self.graph.name,
            names: &self.names,
            columns,
            coin,
            source: &env.input.partition,
            offset: env.offset(item.index),
        };
        batch.push_with(item.timestamp, Some(coin.as_bytes()), &[], |out| {
            wire::encode(&item.event, &ctx, out);
            true
        });
    }

    /// Letters carry the original record; why it was refused, by whom and where it stood is in the headers (as in Kafka Streams' dead-letter queues).
    fn encode_letters(&self, kind: LetterKind, env: &BatchEnv, letters: &[Letter]) -> RecordBatch {
        let mut batch = RecordBatch::new();
        for letter in letters.iter().filter(|letter| letter.kind == kind) {
            let Some(record) = env.input.records.get(letter.index as usize) else { continue };
            let offset = env.offset(letter.index).to_string();
            let partition = env.input.partition.partition.to_string();
            let mut headers = vec![
                ("tidemill.reason", letter.code.as_bytes()),
                ("tidemill.detail", letter.detail.as_bytes()),
                ("tidemill.node", self.names[usize::from(letter.node.0)].as_bytes()),
                ("tidemill.source.topic", env.input.partition.topic.as_bytes()),
                ("tidemill.source.partition", partition.as_bytes()),
                ("tidemill.source.offset", offset.as_bytes()),
            ];
            headers.extend(record.headers());
            batch.push(record.timestamp, record.key, record.value, &headers);
        }
        batch
    }
}

/// Calls `each` with the items of all parents in the order (input record, step, parent), and the parent's place in the list.
fn for_each_merged(parents: &[&[Item]], mut each: impl FnMut(usize, &Item)) {
    if let [only] = parents {
        return only.iter().for_each(|item| each(0, item));
    }
    let mut rest = parents.to_vec();
    while let Some(at) = rest.iter().filter_map(|items| items.first()).map(|item| (item.index, item.step)).min() {
        for (parent, items) in rest.iter_mut().enumerate() {
            while let Some((item, tail)) = items.split_first().filter(|(item, _)| (item.index, item.step) == at) {
                each(parent, item);
                *items = tail;
            }
        }
    }
}

/// One letter a record: dead outweighs late, then the first node speaks.
fn decisive_letters(outputs: &[Arc<StageOutput>]) -> Vec<Letter> {
    let mut letters: Vec<&Letter> = outputs.iter().flat_map(|o| &o.nodes).flat_map(|(_, emitted)| &emitted.letters).collect();
    letters.sort_by_key(|letter| (letter.index, letter.kind == LetterKind::Late, letter.node));
    letters.dedup_by_key(|letter| letter.index);
    letters.into_iter().cloned().collect()
}

/// Counts processed records where the source put out their events, so that a record that vanished in between would break the sum.
fn count(env: &BatchEnv, outputs: &[Arc<StageOutput>], letters: &[Letter]) -> Counts {
    let of = |kind| letters.iter().filter(|letter| letter.kind == kind).count() as u64;
    let refused: Vec<u32> = letters.iter().map(|letter| letter.index).collect();
    let events = outputs.iter().find_map(|output| output.items(NodeId::SOURCE)).unwrap_or_default();
    let processed = events.iter().filter(|item| refused.binary_search(&item.index).is_err()).count() as u64;
    Counts { read: env.input.len() as u64, processed, late: of(LetterKind::Late), dead: of(LetterKind::Dead) }
}

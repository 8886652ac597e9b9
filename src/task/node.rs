//! One node at work: routes events to the processor of their coin, and joins parents in an order that no batch size can change.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{BatchEnv, NodeState};
use crate::processor::{Context, Emitted, Item, KeyId, KeyTable, NodeId, Processor};
use crate::record::Offset;
use crate::snapshot::SnapshotError;
use crate::topology::{Graph, Node};

/// The processors of one node, one for each coin.
pub struct NodeRunner {
    graph: Arc<Graph>,
    id: NodeId,
    processors: Vec<Option<Box<dyn Processor>>>,
    touched: Vec<KeyId>,
}

impl NodeRunner {
    /// The node `id` of `graph` without any state.
    ///
    /// # Panics
    /// When `id` is the source or not a node of `graph`.
    pub fn new(graph: Arc<Graph>, id: NodeId) -> Self {
        assert!(graph.node(id).is_some(), "{id} is no node of topology {}", graph.name);
        NodeRunner { graph, id, processors: Vec::new(), touched: Vec::new() }
    }

    /// The node in the graph.
    pub fn node(&self) -> &Node {
        self.graph.node(self.id).expect("checked when it was made")
    }

    /// Runs the node over what its parents put out for one batch, in the order (input record, step, parent).
    pub fn run(&mut self, env: &BatchEnv, parents: &[&[Item]]) -> Emitted {
        let mut out = Emitted::default();
        out.items.reserve(parents.iter().map(|items| items.len()).sum());
        let mut rest: Vec<&[Item]> = parents.to_vec();
        let mut next_step = 0;
        let mut last_index = None;
        while let Some((index, step)) = rest.iter().filter_map(|items| items.first()).map(|item| (item.index, item.step)).min() {
            if last_index.replace(index) != Some(index) {
                next_step = 0;
            }
            self.run_step(env, (index, step), &mut rest, &mut next_step, &mut out);
        }
        self.report_touched(env, &mut out);
        out
    }

    fn run_step(&mut self, env: &BatchEnv, at: (u32, u32), rest: &mut [&[Item]], next_step: &mut u32, out: &mut Emitted) {
        let accepts = self.node().accepts;
        let mut key = None;
        for items in rest.iter_mut() {
            while let Some((item, tail)) = items.split_first().filter(|(item, _)| (item.index, item.step) == at) {
                *items = tail;
                if accepts.contains(item.event.kind()) {
                    key = Some(item.key);
                    self.with_processor(env, item.key, at, next_step, out, |processor, ctx| processor.process(item, ctx));
                }
            }
        }
        if let Some(key) = key {
            self.with_processor(env, key, at, next_step, out, |processor, ctx| processor.complete(ctx));
            self.touched.push(key);
        }
    }

    fn with_processor(
        &mut self,
        env: &BatchEnv,
        key: KeyId,
        (index, step): (u32, u32),
        next_step: &mut u32,
        out: &mut Emitted,
        call: impl FnOnce(&mut dyn Processor, &mut Context<'_>),
    ) {
        let coin = env.keys.name(key);
        let mut ctx = Context { node: self.id, key, coin, offset: env.offset(index), index, step, next_step, out };
        call(self.processor(key, coin), &mut ctx);
    }

    fn processor(&mut self, key: KeyId, coin: &str) -> &mut dyn Processor {
        let place = key.0 as usize;
        if place >= self.processors.len() {
            self.processors.resize_with(place + 1, || None);
        }
        let factory = &self.graph.nodes[usize::from(self.id.0) - 1].factory;
        self.processors[place].get_or_insert_with(|| factory.create(coin)).as_mut()
    }

    fn report_touched(&mut self, env: &BatchEnv, out: &mut Emitted) {
        let mut touched = std::mem::take(&mut self.touched);
        touched.sort_unstable();
        touched.dedup();
        for key in touched.drain(..) {
            self.report_one(&env.keys, key, out);
        }
        self.touched = touched;
    }

    fn report_one(&self, keys: &KeyTable, key: KeyId, out: &mut Emitted) {
        if let Some(Some(processor)) = self.processors.get(key.0 as usize) {
            let coin = keys.name(key);
            let mut ctx = Context { node: self.id, key, coin, offset: Offset::ZERO, index: 0, step: 0, next_step: &mut 0, out };
            processor.report(&mut ctx);
        }
    }

    /// Lets every processor tell its standing facts: after a restore.
    pub fn report(&self, keys: &KeyTable, out: &mut Emitted) {
        for key in (0..).take(self.processors.len()).map(KeyId) {
            self.report_one(keys, key, out);
        }
    }

    /// The state of every coin's processor, in order of the coins' names.
    ///
    /// # Errors
    /// When a processor's state cannot be encoded.
    pub fn save(&self, keys: &KeyTable) -> Result<NodeState, SnapshotError> {
        let mut coins = BTreeMap::new();
        for (processor, name) in self.processors.iter().zip(keys.names()) {
            if let Some(processor) = processor {
                let mut bytes = Vec::new();
                processor.save(&mut bytes)?;
                coins.insert(name.to_string(), bytes);
            }
        }
        let node = self.node();
        Ok(NodeState {
            name: node.name.to_string(),
            operator: node.operator.to_owned(),
            fingerprint: node.fingerprint.clone(),
            spec: node.spec.to_string(),
            coins,
        })
    }

    /// Takes the state that [`save`](Self::save) gave, on top of what is there.
    ///
    /// # Errors
    /// When a coin's state does not decode, or belongs to a coin that `keys` does not have.
    pub fn load(&mut self, keys: &KeyTable, state: &NodeState) -> Result<(), SnapshotError> {
        let numbers: BTreeMap<&str, KeyId> = keys.names().iter().zip(0..).map(|(name, i)| (&**name, KeyId(i))).collect();
        for (coin, bytes) in &state.coins {
            let key = *numbers.get(&**coin).ok_or_else(|| {
                SnapshotError::Damaged(format!("node {} has state of coin {coin:?}, which the task does not know", state.name))
            })?;
            self.processor(key, coin).load(bytes)?;
        }
        Ok(())
    }
}

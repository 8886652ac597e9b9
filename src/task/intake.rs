//! The source of a task: bytes become events, coins get their numbers, poison becomes dead letters.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Skips, StageOutput};
use crate::processor::{Decoded, Emitted, Item, KeyId, KeyTable, Letter, LetterKind, NodeId};
use crate::record::{ConsumedBatch, Offset, RecordRef};
use crate::topology::Graph;

/// What everything a batch causes shares: its records, their offsets and the coins known when it was read.
#[derive(Debug)]
pub struct BatchEnv {
    /// Number of the batch in its task; rises by one.
    pub seq: u64,
    /// The records as they were read.
    pub input: Arc<ConsumedBatch>,
    /// The coins, those of this batch included.
    pub keys: Arc<KeyTable>,
}

impl BatchEnv {
    /// The offset of the record at `index`.
    pub fn offset(&self, index: u32) -> Offset {
        self.input.offsets[index as usize]
    }
}

/// Decodes batches and numbers the coins of a task.
pub struct Intake {
    graph: Arc<Graph>,
    keys: Arc<KeyTable>,
    numbers: BTreeMap<Arc<str>, KeyId>,
    skips: Skips,
    next_seq: u64,
}

impl Intake {
    /// The intake of a task that knows these coins and skips these records.
    pub fn new(graph: Arc<Graph>, coins: &[Arc<str>], skips: Skips) -> Self {
        let numbers = coins.iter().zip(0..).map(|(coin, number)| (coin.clone(), KeyId(number))).collect();
        Intake { graph, keys: Arc::new(KeyTable::new(coins.to_vec())), numbers, skips, next_seq: 0 }
    }

    /// The coins known so far.
    pub fn keys(&self) -> &Arc<KeyTable> {
        &self.keys
    }

    /// The records that are dead-lettered unseen.
    pub fn skips(&self) -> &Skips {
        &self.skips
    }

    /// Decodes a batch; each record becomes one event or one dead letter.
    pub fn take(&mut self, input: Arc<ConsumedBatch>) -> Arc<StageOutput> {
        let mut out = Emitted::default();
        out.items.reserve(input.len());
        for (index, (offset, record)) in (0..).zip(input.offsets.iter().zip(input.records.iter())) {
            match self.decode(*offset, &record) {
                Ok(item) => out.items.push(Item { index, ..item }),
                Err((code, detail)) => {
                    out.letters.push(Letter { index, kind: LetterKind::Dead, node: NodeId::SOURCE, code, detail });
                }
            }
        }
        let env = BatchEnv { seq: self.next_seq, input, keys: self.keys.clone() };
        self.next_seq += 1;
        Arc::new(StageOutput { env: Arc::new(env), nodes: vec![(NodeId::SOURCE, out)] })
    }

    fn decode(&mut self, offset: Offset, record: &RecordRef<'_>) -> Result<Item, (&'static str, String)> {
        if let Some(reason) = self.skips.reason(offset) {
            return Err(("processing_failed", reason.to_owned()));
        }
        let decoder = self.graph.source.decoder.clone();
        let Decoded { coin, timestamp, event } = decoder.decode(record).map_err(|refusal| (refusal.code, refusal.detail))?;
        Ok(Item { index: 0, step: 0, key: self.number(&coin)?, timestamp, event })
    }

    fn number(&mut self, coin: &str) -> Result<KeyId, (&'static str, String)> {
        if let Some(key) = self.numbers.get(coin) {
            return Ok(*key);
        }
        let most = self.graph.max_coins;
        if self.numbers.len() >= most {
            let detail = format!("coin {coin:?} would be number {} of this partition; max_coins is {most}: raise it", most + 1);
            return Err(("too_many_coins", detail));
        }
        let name: Arc<str> = coin.into();
        let key = Arc::make_mut(&mut self.keys).push(name.clone());
        self.numbers.insert(name, key);
        Ok(key)
    }
}

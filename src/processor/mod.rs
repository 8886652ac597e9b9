//! The narrow waist: what a node of a topology is, what flows along its edges and what it may say.
//!
//! A [`Processor`] serves **one coin**. The engine makes one instance per node and coin from the node's [`ProcessorFactory`] and routes each record to
//! its coin's instances, so that a coin's results cannot depend on its neighbours in the partition. Processors know no log, no thread, no clock:
//! events in, events, letters and notices out.

mod catalog;
mod context;
mod event;
mod notice;
mod port;

pub use catalog::{Build, Built, Catalog, DecoderEntry, OperatorEntry, Parent, Role};
pub use context::{Context, Emitted, Letter, LetterKind, Noticed};
pub use event::{
    Anomaly, Answer, ChampionChange, Drift, Evaluation, EvaluationWindow, Event, IntervalMeasures, Item, Measures, Prediction,
    Row, Target,
};
pub use notice::{Notice, Score};
pub use port::{Column, EventKind, EventKinds, Known, Port, Question};

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::record::{RecordRef, Timestamp};
use crate::snapshot::Snapshot;

/// The number of a node in its graph; the source is node 0, a parent's number is smaller than its children's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct NodeId(pub u16);

impl NodeId {
    /// The source.
    pub const SOURCE: NodeId = NodeId(0);
}

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.0)
    }
}

/// The number of a coin in its task, in order of first appearance. It never shows in an output or a state: names do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(pub u32);

/// The coins of a task. Grows as new coins appear; a batch carries the table it was read with.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct KeyTable {
    names: Vec<Arc<str>>,
}

impl KeyTable {
    /// A table of these coins, numbered in this order.
    pub fn new(names: Vec<Arc<str>>) -> Self {
        KeyTable { names }
    }

    /// The coin with this number.
    pub fn name(&self, key: KeyId) -> &Arc<str> {
        &self.names[key.0 as usize]
    }

    /// All coins in order of their numbers.
    pub fn names(&self) -> &[Arc<str>] {
        &self.names
    }

    /// Adds a coin that is not there yet.
    pub fn push(&mut self, name: Arc<str>) -> KeyId {
        let key = KeyId(u32::try_from(self.names.len()).expect("coins are limited far below 2^32"));
        self.names.push(name);
        key
    }
}

/// One node of a topology for one coin: events in, events out, state inside.
///
/// Everything it does must follow from its state and the event: no clock, no unseeded randomness, no hash order.
pub trait Processor: Snapshot + Send {
    /// Takes one event of a parent.
    fn process(&mut self, item: &Item, ctx: &mut Context<'_>);

    /// Called after the last event of a step: everything that one bar (or, before any window, one input record) caused in all parents has been
    /// given to [`process`](Self::process). Nodes that join several parents decide here; most have nothing to join.
    fn complete(&mut self, _ctx: &mut Context<'_>) {}

    /// Tells the present scores and other standing facts as notices: after a restore, and at the end of each batch that touched this instance.
    /// Most nodes have none.
    fn report(&self, _ctx: &mut Context<'_>) {}
}

/// Makes the processors of one node, one for each coin.
pub trait ProcessorFactory: Send + Sync {
    /// A fresh processor for `coin`.
    fn create(&self, coin: &str) -> Box<dyn Processor>;
}

impl<F: Fn(&str) -> Box<dyn Processor> + Send + Sync> ProcessorFactory for F {
    fn create(&self, coin: &str) -> Box<dyn Processor> {
        self(coin)
    }
}

/// Turns the bytes of an input record into a coin and an event.
pub trait Decoder: Send + Sync {
    /// Decodes one record.
    ///
    /// # Errors
    /// The reason why the record is poison; it goes to the dead-letter topic with it.
    fn decode<'a>(&self, record: &RecordRef<'a>) -> Result<Decoded<'a>, Refusal>;
}

/// A decoded input record.
#[derive(Debug, Clone, PartialEq)]
pub struct Decoded<'a> {
    /// The coin it belongs to.
    pub coin: Cow<'a, str>,
    /// Event time.
    pub timestamp: Timestamp,
    /// What it says.
    pub event: Event,
}

/// Why a record was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// A stable `snake_case` word: the label of the metric and the header of the letter.
    pub code: &'static str,
    /// What was found and what was expected, for people.
    pub detail: String,
}

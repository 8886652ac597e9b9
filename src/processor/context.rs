//! What a processor is given to speak with.

use super::{Event, Item, KeyId, NodeId, Notice};
use crate::record::{Offset, Timestamp};

/// Whether a refused record was late or dead.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LetterKind {
    /// Its window had closed, or a newer bar had been taken: it goes to the late topic.
    Late,
    /// It can never be processed: it goes to the dead-letter topic.
    Dead,
}

/// A refused input record on its way to the late or dead-letter topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    /// Position of the record in its batch.
    pub index: u32,
    /// Late or dead.
    pub kind: LetterKind,
    /// The node that refused it.
    pub node: NodeId,
    /// A stable word for the reason.
    pub code: &'static str,
    /// What was found and expected, for people.
    pub detail: String,
}

/// A notice with the node and coin it is about.
pub type Noticed = (NodeId, KeyId, Notice);

/// What a node put out for one batch, in order.
#[derive(Debug, Default)]
pub struct Emitted {
    /// Events for the children.
    pub items: Vec<Item>,
    /// Refused records.
    pub letters: Vec<Letter>,
    /// What to tell.
    pub notices: Vec<Noticed>,
}

/// The surroundings of one call: which record, which coin, and where to put results.
#[derive(Debug)]
pub struct Context<'a> {
    pub(crate) node: NodeId,
    pub(crate) key: KeyId,
    pub(crate) coin: &'a str,
    pub(crate) offset: Offset,
    pub(crate) index: u32,
    pub(crate) step: u32,
    pub(crate) next_step: &'a mut u32,
    pub(crate) out: &'a mut Emitted,
}

impl<'a> Context<'a> {
    /// A context outside the engine, for tests of a single processor: coin 0, record 0 at `offset`, step 0.
    pub fn detached(node: NodeId, coin: &'a str, offset: Offset, next_step: &'a mut u32, out: &'a mut Emitted) -> Self {
        Context { node, key: KeyId(0), coin, offset, index: 0, step: 0, next_step, out }
    }

    /// The node being called.
    pub fn node(&self) -> NodeId {
        self.node
    }

    /// The coin this instance serves.
    pub fn coin(&self) -> &str {
        self.coin
    }

    /// The offset of the input record that caused the call.
    pub fn offset(&self) -> Offset {
        self.offset
    }

    /// Sends an event to the children, as part of the step being processed.
    pub fn forward(&mut self, timestamp: Timestamp, event: Event) {
        let item = Item { index: self.index, step: self.step, key: self.key, timestamp, event };
        self.out.items.push(item);
    }

    /// Sends an event that begins a step of its own: for nodes that may cause several bars by one record. Nodes further down that join parents
    /// see each bar's events together.
    pub fn forward_step(&mut self, timestamp: Timestamp, event: Event) {
        let item = Item { index: self.index, step: *self.next_step, key: self.key, timestamp, event };
        *self.next_step += 1;
        self.out.items.push(item);
    }

    /// Refuses the input record as late.
    pub fn late(&mut self, code: &'static str, detail: String) {
        self.letter(LetterKind::Late, code, detail);
    }

    /// Refuses the input record as dead.
    pub fn dead(&mut self, code: &'static str, detail: String) {
        self.letter(LetterKind::Dead, code, detail);
    }

    /// Tells something to the shell.
    pub fn notice(&mut self, notice: Notice) {
        self.out.notices.push((self.node, self.key, notice));
    }

    fn letter(&mut self, kind: LetterKind, code: &'static str, detail: String) {
        self.out.letters.push(Letter { index: self.index, kind, node: self.node, code, detail });
    }
}

//! The catalogue of operators and source formats: what a topology file may name.
//!
//! Everything about a kind of node that help, validation, documentation and checks need is in its entry. A program that uses the library may add
//! entries of its own; there is no global registry.

use std::sync::Arc;

use serde_json::Value;

use super::{Decoder, EventKinds, NodeId, Port, ProcessorFactory};
use crate::learn::catalog::Catalog as ModelCatalog;
use crate::learn::params::{ParamError, ParamInfo};

/// Which table of a topology file a node is written in; it also decides which actor runs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// `[processors.*]`: windows, features, filters; one actor for all of a partition's.
    Processor,
    /// `[learners.*]`: an actor each.
    Learner,
    /// `[evaluators.*]`: an actor each.
    Evaluator,
}

impl Role {
    /// The table's name in a topology file.
    pub fn table(self) -> &'static str {
        match self {
            Role::Processor => "processors",
            Role::Learner => "learners",
            Role::Evaluator => "evaluators",
        }
    }
}

/// A parent of the node being built.
#[derive(Debug, Clone)]
pub struct Parent<'a> {
    /// Its number.
    pub id: NodeId,
    /// Its name.
    pub name: &'a str,
    /// What it gives.
    pub port: &'a Port,
}

/// What an operator is given when a topology is compiled.
#[derive(Clone, Copy)]
pub struct Build<'a> {
    /// The node's name.
    pub name: &'a str,
    /// Its number.
    pub id: NodeId,
    /// Its table in the topology file, without `type` and `parents`.
    pub params: &'a Value,
    /// Where the table stands: `["learners", "hoeffding"]`; errors extend it.
    pub path: &'a [String],
    /// Its parents in declaration order.
    pub parents: &'a [Parent<'a>],
    /// The topology's name.
    pub topology: &'a str,
    /// The topology's seed.
    pub seed: u64,
    /// The models a learner may use.
    pub models: &'a ModelCatalog,
}

/// A node that was built.
pub struct Built {
    /// Makes its processors.
    pub factory: Arc<dyn ProcessorFactory>,
    /// What it gives to its children.
    pub port: Port,
    /// Its parameters as they are in force, defaults written out ([`Params::to_value`](crate::learn::params::Params::to_value)): the node's fingerprint
    /// is made of them, so that writing a default changes nothing and a changed default is noticed. `Null`: as they were written.
    pub params: Value,
}

/// Builds a node, or says everything that is wrong with its table.
pub type BuildNode = dyn Fn(&Build<'_>) -> Result<Built, Vec<ParamError>> + Send + Sync;

/// One kind of node.
#[derive(Clone)]
pub struct OperatorEntry {
    /// The name in topology files: `type = "window"`. Learners and evaluators may leave `type` out: the first entry of the role is meant.
    pub name: &'static str,
    /// The table it belongs to.
    pub role: Role,
    /// One line for people.
    pub summary: &'static str,
    /// Its parameters.
    pub params: &'static [ParamInfo],
    /// The kinds of events it takes; a parent must give at least one of them.
    pub accepts: EventKinds,
    /// Builds a node.
    pub build: Arc<BuildNode>,
}

/// One source format.
#[derive(Clone)]
pub struct DecoderEntry {
    /// The name in topology files: `format = "candle-json"`.
    pub name: &'static str,
    /// One line for people.
    pub summary: &'static str,
    /// The kinds of events it gives.
    pub gives: EventKinds,
    /// Makes a decoder that refuses records larger than so many bytes.
    pub build: fn(max_record_bytes: usize) -> Arc<dyn Decoder>,
}

/// What a topology file may name.
#[derive(Clone)]
pub struct Catalog {
    operators: Vec<OperatorEntry>,
    decoders: Vec<DecoderEntry>,
    /// The models learners may use.
    pub models: ModelCatalog,
}

impl Catalog {
    /// A catalogue without operators and formats.
    pub fn new(models: ModelCatalog) -> Self {
        Catalog { operators: Vec::new(), decoders: Vec::new(), models }
    }

    /// Adds a kind of node, or replaces the one of the same name and role.
    pub fn register(&mut self, entry: OperatorEntry) {
        self.operators.retain(|e| (e.name, e.role) != (entry.name, entry.role));
        self.operators.push(entry);
    }

    /// Adds a source format, or replaces the one of the same name.
    pub fn register_decoder(&mut self, entry: DecoderEntry) {
        self.decoders.retain(|e| e.name != entry.name);
        self.decoders.push(entry);
    }

    /// The operators of a role, in the order they were added.
    pub fn operators(&self, role: Role) -> impl Iterator<Item = &OperatorEntry> {
        self.operators.iter().filter(move |e| e.role == role)
    }

    /// The source formats in the order they were added.
    pub fn decoders(&self) -> impl Iterator<Item = &DecoderEntry> {
        self.decoders.iter()
    }
}

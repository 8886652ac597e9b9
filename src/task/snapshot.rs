//! What is kept of a task, and the digest that tells two states apart.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{Counts, NodeFact};
use crate::record::{Offset, TopicPartition};
use crate::snapshot::{Envelope, SnapshotError, decode, encode};

/// The format of [`TaskSnapshot`]; a change of its fields, or of any processor's or model's state, raises it. States of every other version are refused: no
/// processor reads the fields of an older one, and bytes of another shape may well decode, to nonsense.
pub const SNAPSHOT_VERSION: u16 = 3;

/// The state of one node: a processor's bytes for each coin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeState {
    /// The node's name.
    pub name: String,
    /// Its kind.
    pub operator: String,
    /// The fingerprint of the node that wrote this.
    pub fingerprint: String,
    /// Its table in canonical JSON, for diffs.
    pub spec: String,
    /// The processors' states by coin.
    pub coins: BTreeMap<String, Vec<u8>>,
}

/// The state of a task at a position of its input.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskSnapshot {
    /// Name of the topology.
    pub topology: String,
    /// The source's fingerprint: other input means other state.
    pub source_fingerprint: String,
    /// The input partition.
    pub partition: TopicPartition,
    /// The next record to read.
    pub position: Offset,
    /// What became of all records before `position`.
    pub counts: Counts,
    /// The coins in the order of their numbers.
    pub coins: Vec<String>,
    /// The nodes in the order of the graph.
    pub nodes: Vec<NodeState>,
}

impl TaskSnapshot {
    /// The snapshot as sealed bytes.
    ///
    /// # Errors
    /// When the state passes the codec's size limit.
    pub fn to_bytes(&self) -> Result<Vec<u8>, SnapshotError> {
        Ok(Envelope::seal(SNAPSHOT_VERSION, &encode(self)?))
    }

    /// Reads sealed bytes.
    ///
    /// # Errors
    /// When the seal does not verify, the version is not [`SNAPSHOT_VERSION`], or the payload does not decode.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, SnapshotError> {
        decode(Envelope::open_only(SNAPSHOT_VERSION, bytes)?)
    }

    /// What [`resolve`](super::resolve) needs to know of the nodes.
    pub fn node_facts(&self) -> Vec<NodeFact> {
        self.nodes.iter().map(|node| NodeFact { name: node.name.clone(), fingerprint: node.fingerprint.clone() }).collect()
    }

    /// SHA-256 over each coin's state in all nodes, as hexadecimal text: equal digests mean equal state, whatever else shares the partition.
    pub fn coin_digests(&self) -> BTreeMap<String, String> {
        let digest = |coin: &String| {
            let mut hasher = Sha256::new();
            let mut nodes: Vec<&NodeState> = self.nodes.iter().collect();
            nodes.sort_by(|a, b| a.name.cmp(&b.name));
            for (node, bytes) in nodes.iter().filter_map(|node| Some((node, node.coins.get(coin)?))) {
                hasher.update((node.name.len() as u64).to_le_bytes());
                hasher.update(node.name.as_bytes());
                hasher.update((bytes.len() as u64).to_le_bytes());
                hasher.update(bytes);
            }
            hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
        };
        self.coins.iter().map(|coin| (coin.clone(), digest(coin))).collect()
    }
}

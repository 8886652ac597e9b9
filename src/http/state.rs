//! Checkpoints for people and programs: generations, positions, nodes, coins, sizes and digests.

use serde_json::{Value, json};

use crate::store::{CheckpointInfo, CheckpointStore, StoreError};
use crate::task::TaskSnapshot;

/// Everything the store holds, as JSON: an object for each task with its intact checkpoints, newest first, and what is damaged.
///
/// # Errors
/// When the store itself fails; a damaged checkpoint is part of the answer.
pub fn describe_state(store: &dyn CheckpointStore) -> Result<Value, StoreError> {
    let mut tasks = Vec::new();
    for task in store.tasks()? {
        let listing = store.list(&task)?;
        let checkpoints: Vec<Value> = listing.intact.iter().map(|info| describe_checkpoint(store, &task, info)).collect();
        tasks.push(json!({ "task": task, "checkpoints": checkpoints, "damaged": listing.damaged }));
    }
    Ok(Value::Array(tasks))
}

fn describe_checkpoint(store: &dyn CheckpointStore, task: &str, info: &CheckpointInfo) -> Value {
    let positions: Vec<Value> = info
        .positions
        .iter()
        .map(|(at, offset)| json!({ "topic": &*at.topic, "partition": at.partition, "offset": offset }))
        .collect();
    let mut answer = json!({ "generation": info.generation, "bytes": info.payload_bytes, "positions": positions });
    let snapshot = store.load(task, info.generation).map_err(|e| e.to_string());
    match snapshot.and_then(|bytes| TaskSnapshot::from_bytes(&bytes).map_err(|e| e.to_string())) {
        Ok(snapshot) => answer["state"] = describe_snapshot(&snapshot),
        Err(cause) => answer["unreadable"] = Value::String(cause),
    }
    answer
}

fn describe_snapshot(snapshot: &TaskSnapshot) -> Value {
    let nodes: Vec<Value> = snapshot
        .nodes
        .iter()
        .map(|node| {
            let bytes: usize = node.coins.values().map(Vec::len).sum();
            json!({ "node": node.name, "operator": node.operator, "fingerprint": node.fingerprint, "coins": node.coins.len(), "bytes": bytes })
        })
        .collect();
    json!({
        "topology": snapshot.topology,
        "position": snapshot.position,
        "counts": snapshot.counts,
        "coins": snapshot.coin_digests(),
        "nodes": nodes,
    })
}

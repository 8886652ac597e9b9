//! Finds the newest predictions in what a batch caused, without looking at all of them.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::board::LatestPrediction;
use crate::processor::{Event, Item, KeyId, NodeId, Prediction, Role};
use crate::task::StageOutput;
use crate::topology::Graph;

/// The newest prediction of each model for each coin of a batch. Evaluators stand behind learners, and what they pass on says who leads, so the stages
/// are searched from the last to the first, each from its newest event back until nothing more can be new.
pub(super) fn latest_predictions(graph: &Graph, outputs: &[Arc<StageOutput>]) -> Vec<LatestPrediction> {
    let coins = coins_in(outputs);
    let learners = graph.nodes.iter().filter(|node| node.role == Role::Learner).count();
    let mut seen = BTreeSet::new();
    let mut found = Vec::new();
    for output in outputs.iter().rev() {
        for (node, emitted) in output.nodes.iter().rev() {
            let is_learner = graph.node(*node).is_some_and(|node| node.role == Role::Learner);
            let most = if is_learner { coins } else { coins * learners };
            for (item, prediction) in newest(&emitted.items, most) {
                if seen.insert((item.key, prediction.model)) {
                    found.push(latest(item, prediction, output));
                }
            }
        }
    }
    found
}

/// The newest prediction of each coin and model among the events of one node, of which there are `most` at most.
fn newest(items: &[Item], most: usize) -> Vec<(&Item, &Prediction)> {
    let mut seen: BTreeSet<(KeyId, NodeId)> = BTreeSet::new();
    let mut found = Vec::new();
    for item in items.iter().rev() {
        if found.len() >= most {
            break;
        }
        if let Event::Prediction(prediction) = &item.event
            && seen.insert((item.key, prediction.model))
        {
            found.push((item, prediction));
        }
    }
    found
}

fn latest(item: &Item, prediction: &Prediction, output: &StageOutput) -> LatestPrediction {
    LatestPrediction {
        coin: output.env.keys.name(item.key).clone(),
        prediction: prediction.clone(),
        source: output.env.input.partition.clone(),
        offset: output.env.offset(item.index),
    }
}

/// Number of coins with an event in the batch.
fn coins_in(outputs: &[Arc<StageOutput>]) -> usize {
    let events = outputs.first().and_then(|source| source.items(NodeId::SOURCE)).unwrap_or_default();
    let mut coins: Vec<bool> = Vec::new();
    for item in events {
        let place = item.key.0 as usize;
        if place >= coins.len() {
            coins.resize(place + 1, false);
        }
        coins[place] = true;
    }
    coins.into_iter().filter(|seen| *seen).count()
}

//! The wire: what leaves a topology, as JSON records with documented schemas. Late and dead letters are no events and go out as they came in.
//!
//! A record's key is its coin and its timestamp the event's own time (`Item::timestamp`): the moment a prediction was asked at, an evaluation or a
//! champion change is about, a bar closed. The shape of every kind of record is in one table ([`fields`]), from which the JSON Schemas follow
//! ([`schema`]). This file knows neither topics nor logs.

mod encode;
mod json;
mod schema;

pub use encode::encode;
pub use schema::{Field, FieldType, Presence, fields, schema};

use std::sync::Arc;

use crate::processor::{Column, EvaluationWindow, NodeId};
use crate::record::{Offset, TopicPartition, format_duration_ms};

/// What an event does not carry itself: names, and the input record it came from.
#[derive(Debug, Clone, Copy)]
pub struct WireContext<'a> {
    /// The topology's name: the first part of ids.
    pub topology: &'a str,
    /// The names of the nodes by number, the source's first.
    pub names: &'a [Arc<str>],
    /// The columns of the node that the event comes from; only rows need them.
    pub columns: &'a [Column],
    /// The coin.
    pub coin: &'a str,
    /// The input partition.
    pub source: &'a TopicPartition,
    /// The offset of the input record that caused the event.
    pub offset: Offset,
}

impl<'a> WireContext<'a> {
    /// The name of a node. A number that is not in the table, which only a mistake of the engine can bring about, has an empty name.
    fn name(&self, node: NodeId) -> &'a str {
        self.names.get(usize::from(node.0)).map_or("", |name| name)
    }
}

/// The name of an evaluation's window in records: `cumulative`, or its length such as `1d`.
pub fn window_name(window: EvaluationWindow) -> String {
    match window {
        EvaluationWindow::Cumulative => "cumulative".to_owned(),
        EvaluationWindow::Rolling(length_ms) => format_duration_ms(length_ms),
    }
}

fn push_window(out: &mut Vec<u8>, window: EvaluationWindow) {
    match window {
        EvaluationWindow::Cumulative => out.extend_from_slice(b"\"cumulative\""),
        EvaluationWindow::Rolling(_) => json::push_str(out, &window_name(window)),
    }
}

#[cfg(test)]
mod tests;

//! The kinds of nodes a topology may have: one file or folder each, each with the entry that the catalogue lists, and the wire form of what leaves
//! a topology. They know the contract of a processor and the pure libraries; they know no task, no log and no thread.

pub mod anomaly_filter;
pub mod decode;
pub mod evaluator;
pub mod features;
pub mod learner;
mod probe;
mod skew;
pub mod validate;
pub mod window;
pub mod wire;

pub use probe::{Probe, minute_bars};

use crate::learn::catalog::Catalog as ModelCatalog;
use crate::learn::params::{ParamError, ParamErrorKind, child};
use crate::processor::{Build, Catalog, EventKind, EventKinds, Parent};

/// Everything a topology file may name.
pub fn standard_catalog() -> Catalog {
    let mut catalog = Catalog::new(ModelCatalog::standard());
    catalog.register_decoder(decode::candle_json());
    catalog.register_decoder(decode::trade_json());
    catalog.register(validate::entry());
    catalog.register(anomaly_filter::entry());
    catalog.register(window::entry());
    catalog.register(features::entry());
    catalog.register(learner::entry());
    catalog.register(evaluator::entry());
    catalog
}

/// The only parent of a node that reads one series; it must give one of `kinds`.
fn single_parent<'a>(build: &Build<'a>, kinds: &[EventKind]) -> Result<&'a Parent<'a>, Vec<ParamError>> {
    let error = |message: String, expected: String| {
        vec![ParamError::new(ParamErrorKind::Conflict, &child(build.path, "parents"), message, expected)]
    };
    let [parent] = build.parents else {
        let names: Vec<&str> = build.parents.iter().map(|parent| parent.name).collect();
        let message = format!("this node has {} parents ({})", names.len(), names.join(", "));
        return Err(error(message, "one: two series of one coin would run into each other".to_owned()));
    };
    let given = parent.port.kinds.and(EventKinds::of(kinds));
    if given.is_empty() {
        let wanted: Vec<&str> = kinds.iter().map(|kind| kind.name()).collect();
        return Err(error(
            format!("{} gives no {}", parent.name, wanted.join(" or ")),
            format!("a parent that gives {}", wanted.join(" or ")),
        ));
    }
    Ok(parent)
}

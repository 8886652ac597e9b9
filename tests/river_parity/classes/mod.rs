//! The classes of River that exist here, one file a family. A case whose classes are all in these tables must be run and must pass.

mod anomaly;
mod detectors;
mod ensembles;
mod forests;
mod linear;
mod preprocessing;
mod series;
mod trees;

use serde_json::Value;

use crate::expr::Expr;

pub use ensembles::spelled_out;

/// Makes the spec of a call from its positional and named arguments.
pub type Special = fn(&[Expr], &[(String, Expr)]) -> Result<Value, String>;

/// What a class is called here, and its parameters in River's order: (River's name, ours).
pub struct Class {
    /// River's name.
    pub river: &'static str,
    /// The name in our specs.
    pub ours: &'static str,
    /// River's name of each parameter, and ours; nothing for what has no meaning here.
    pub params: &'static [(&'static str, &'static str)],
    /// Whether River's defects and bits are a parameter of ours.
    pub compat: bool,
    /// What needs more than renaming.
    pub special: Option<Special>,
}

impl Class {
    /// The same class with `river_compat = true`.
    pub const fn compat(self) -> Class {
        Class { compat: true, ..self }
    }
}

/// A model, transformer or detector.
pub const fn model(river: &'static str, ours: &'static str, params: &'static [(&'static str, &'static str)]) -> Class {
    Class { river, ours, params, compat: false, special: None }
}

/// A part of a model.
pub const fn part(river: &'static str, ours: &'static str, params: &'static [(&'static str, &'static str)]) -> Class {
    model(river, ours, params)
}

/// A class that needs more than renaming.
pub const fn special(river: &'static str, spec: Special) -> Class {
    Class { river, ours: "", params: &[], compat: false, special: Some(spec) }
}

/// The tables, one a family.
const TABLES: &[&[Class]] = &[
    linear::CLASSES,
    detectors::CLASSES,
    ensembles::CLASSES,
    preprocessing::CLASSES,
    series::CLASSES,
    trees::CLASSES,
    anomaly::CLASSES,
    forests::CLASSES,
];

/// The class that River calls `river`.
pub fn find(river: &str) -> Option<&'static Class> {
    TABLES.iter().flat_map(|table| table.iter()).find(|class| class.river == river)
}

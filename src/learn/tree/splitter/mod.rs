//! Splitters: what a leaf keeps of one feature to find the best split of it.

mod decimal;
mod ebst;
mod quantizer;
mod threshold;

use serde::{Deserialize, Serialize};

pub use decimal::round_decimal;
pub use ebst::{Ebst, Pruning, Work};
pub use quantizer::Quantizer;
pub use threshold::Threshold;

use super::criterion::{Candidate, Criterion};
use crate::learn::params::above;

crate::params! {
    /// Parameters of the truncated search tree.
    pub struct TebstParams {
        /// Features are rounded to so many decimal places: fewer mean fewer possible splits, less memory and less work.
        digits: u32 = 1, in 0..=15;
    }
}

crate::params! {
    /// Parameters of the search tree: none.
    pub struct EbstParams {}
}

crate::params! {
    /// Parameters of the quantiser.
    pub struct QoParams {
        /// The width of a slot, in units of the feature; all features have the same, so scale them.
        radius: f64 = 0.25, in above(0.0);
    }
}

crate::variants! {
    /// What a leaf keeps of each feature to find splits.
    pub enum SplitterSpec {
        /// A search tree of the values rounded to decimal places.
        Tebst(TebstParams) = "tebst",
        /// A search tree of all values: exact, and of the size of the stream.
        Ebst(EbstParams) = "ebst",
        /// Slots of equal width.
        Qo(QoParams) = "qo",
    }
}

/// How splitters are made.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum SplitterKind {
    /// Search trees of values rounded to so many digits.
    Tebst(u32),
    /// Search trees of all values.
    Ebst,
    /// Slots of this width.
    Qo(f64),
    /// One random threshold, drawn after so many records.
    Threshold(usize),
}

impl From<&SplitterSpec> for SplitterKind {
    fn from(spec: &SplitterSpec) -> Self {
        match spec {
            SplitterSpec::Tebst(params) => SplitterKind::Tebst(params.digits),
            SplitterSpec::Ebst(_) => SplitterKind::Ebst,
            SplitterSpec::Qo(params) => SplitterKind::Qo(params.radius),
        }
    }
}

/// What a leaf keeps of one feature.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Splitter {
    /// A search tree.
    Ebst(Ebst),
    /// Slots.
    Qo(Quantizer),
    /// A random threshold.
    Threshold(Threshold),
}

impl Splitter {
    /// A splitter that has seen nothing; `seed` is for those that draw.
    pub fn new(kind: SplitterKind, seed: u64) -> Self {
        match kind {
            SplitterKind::Tebst(_) | SplitterKind::Ebst => Splitter::Ebst(Ebst::default()),
            SplitterKind::Qo(_) => Splitter::Qo(Quantizer::default()),
            SplitterKind::Threshold(_) => Splitter::Threshold(Threshold::new(seed)),
        }
    }

    /// How many points it keeps: the measure of its memory.
    pub fn len(&self) -> usize {
        match self {
            Splitter::Ebst(ebst) => ebst.len(),
            Splitter::Qo(quantizer) => quantizer.len(),
            Splitter::Threshold(threshold) => threshold.len(),
        }
    }

    /// Takes a record; without `room` nothing grows. Tells whether a point was added.
    #[inline]
    pub fn update(&mut self, kind: SplitterKind, value: f64, y: f64, w: f64, room: bool, river_compat: bool) -> bool {
        match (self, kind) {
            (Splitter::Ebst(ebst), SplitterKind::Tebst(digits)) => ebst.update(round_decimal(value, digits), y, w, room),
            (Splitter::Ebst(ebst), _) => ebst.update(value, y, w, room),
            (Splitter::Qo(quantizer), SplitterKind::Qo(radius)) => quantizer.update(radius, value, y, w, room),
            (Splitter::Threshold(threshold), SplitterKind::Threshold(size)) => {
                threshold.update(size, value, y, w, river_compat);
                false
            }
            _ => false,
        }
    }

    /// The best split it knows.
    pub fn best(&self, feature: u32, criterion: &Criterion<'_>, river_compat: bool, work: &mut Work) -> Candidate {
        match self {
            Splitter::Ebst(ebst) => ebst.best(feature, criterion, work),
            Splitter::Qo(quantizer) => quantizer.best(feature, criterion, river_compat),
            Splitter::Threshold(threshold) => threshold.best(feature, criterion),
        }
    }

    /// Forgets possible splits that are much worse than the best.
    pub fn prune(&mut self, criterion: &Criterion<'_>, pruning: Pruning, work: &mut Work) {
        if let Splitter::Ebst(ebst) = self {
            ebst.prune(criterion, pruning, work);
        }
    }
}

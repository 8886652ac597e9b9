//! A feature cut into bins, with the gradients of each.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::grad_stats::GradStats;
use crate::learn::{params::above, stats::Var};

crate::params! {
    /// Bins of equal width between the least and the largest of the first values.
    pub struct StaticQuantizerParams {
        /// How many bins.
        n_bins: usize = 64, in 3..=4_096;
        /// How many values are kept until the bins are set.
        warm_start: usize = 100, in 2..=10_000, unit "values";
    }
}

crate::params! {
    /// Bins of a width that follows the spread of the feature.
    pub struct DynamicQuantizerParams {
        /// The width of the first bins, in units of the feature.
        radius: f64 = 0.5, in above(0.0);
        /// The width of later bins, in standard deviations of the feature.
        std_prop: f64 = 0.25, in above(0.0);
    }
}

crate::variants! {
    /// How features are cut into bins, between which a split may go.
    pub enum QuantizerSpec {
        /// Bins of equal width between the least and the largest of the first values; what lies outside goes to the outermost bins.
        Static(StaticQuantizerParams) = "static",
        /// Bins of a width that follows the spread of the feature; at most 1000 a leaf, then the nearest below takes what is new.
        Dynamic(DynamicQuantizerParams) = "dynamic",
    }
}

impl Default for QuantizerSpec {
    fn default() -> Self {
        QuantizerSpec::Static(StaticQuantizerParams::default())
    }
}

/// The most bins of a dynamic quantizer.
const MOST_BINS: usize = 1_000;

/// Where the bins of a feature lie in leaves that are still to come, once a leaf has tried to split.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Bins {
    /// Of static bins, the least value and the width.
    grid: Option<(f64, f64)>,
    /// Of dynamic bins, the width.
    radius: Option<f64>,
}

/// The bins of one feature in one leaf.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Quantizer {
    /// Values, gradients and weights until there are enough.
    Waiting(Vec<(f64, f64, f64)>),
    /// Bins of equal width.
    Static {
        /// The least value and the width, as they give the thresholds.
        grid: (f64, f64),
        /// The same as they give the bin of a value: with other rounding in leaves that took the bins over.
        place: (f64, f64),
        bins: Vec<GradStats>,
    },
    /// Bins by number.
    Dynamic { radius: f64, spread: Var, bins: BTreeMap<i64, GradStats> },
}

impl Quantizer {
    /// An empty quantizer, with the bins that earlier leaves found.
    pub fn new(spec: &QuantizerSpec, known: Bins) -> Self {
        match (spec, known.grid) {
            (QuantizerSpec::Dynamic(params), _) => {
                let radius = known.radius.unwrap_or(params.radius);
                Quantizer::Dynamic { radius, spread: Var::default(), bins: BTreeMap::new() }
            }
            (QuantizerSpec::Static(_), None) => Quantizer::Waiting(Vec::new()),
            (QuantizerSpec::Static(params), Some((least, width))) => {
                // Worked out again from the thresholds, as River does.
                let again = (least + 2.0 * width) - (least + width);
                let place = ((least + width) - again, again);
                Quantizer::Static { grid: (least, width), place, bins: vec![GradStats::default(); params.n_bins] }
            }
        }
    }

    /// Takes the gradient of a record with this value. `river_compat` counts the record that completes the warm start twice.
    pub fn update(&mut self, spec: &QuantizerSpec, value: f64, gradient: f64, w: f64, river_compat: bool) {
        match self {
            Quantizer::Waiting(first) => {
                first.push((value, gradient, w));
                if let QuantizerSpec::Static(params) = spec
                    && first.len() >= params.warm_start
                {
                    self.set_bins(params, river_compat);
                }
            }
            Quantizer::Static { place, bins, .. } => put(*place, bins, value, gradient, w),
            Quantizer::Dynamic { radius, spread, bins } => {
                spread.update(value, w);
                // Numbers beyond the whole numbers of 64 bits are all in the outermost bin.
                let number = (value / *radius).floor() as i64;
                let full = bins.len() >= MOST_BINS && !bins.contains_key(&number);
                let nearest = || bins.range(..number).next_back().or_else(|| bins.iter().next()).map_or(number, |(k, _)| *k);
                let number = if full { nearest() } else { number };
                bins.entry(number).or_default().update(gradient, w);
            }
        }
    }

    /// The warm start is over: a feature that stood still all the while begins another.
    fn set_bins(&mut self, params: &StaticQuantizerParams, river_compat: bool) {
        let Quantizer::Waiting(first) = self else { return };
        let first = std::mem::take(first);
        let least = first.iter().map(|(v, ..)| *v).fold(f64::INFINITY, f64::min);
        let most = first.iter().map(|(v, ..)| *v).fold(f64::NEG_INFINITY, f64::max);
        let width = (most - least) / params.n_bins as f64;
        if !(width > 0.0 && width.is_finite()) {
            return;
        }
        let mut bins = vec![GradStats::default(); params.n_bins];
        let last_again = first.last().filter(|_| river_compat).copied();
        for (value, gradient, w) in first.into_iter().chain(last_again) {
            put((least, width), &mut bins, value, gradient, w);
        }
        *self = Quantizer::Static { grid: (least, width), place: (least, width), bins };
    }

    /// Where the bins of later leaves should lie, as far as this one can tell.
    pub fn tell(&self, spec: &QuantizerSpec, known: &mut Bins) {
        match (self, spec) {
            (Quantizer::Static { grid, .. }, _) => known.grid = Some(*grid),
            (Quantizer::Dynamic { radius, spread, .. }, QuantizerSpec::Dynamic(params)) => {
                let wanted = params.std_prop * spread.get(1.0).max(0.0).sqrt();
                known.radius = Some(if wanted > 0.0 { wanted } else { *radius });
            }
            _ => {}
        }
    }

    /// How many bins there are, empty ones of a static quantizer included.
    pub fn len(&self) -> usize {
        match self {
            Quantizer::Waiting(_) => 0,
            Quantizer::Static { bins, .. } => bins.len(),
            Quantizer::Dynamic { bins, .. } => bins.len(),
        }
    }

    /// Visits the bins that hold something from the least to the largest, each with its upper end.
    pub fn each(&self, mut visit: impl FnMut(f64, GradStats)) {
        match self {
            Quantizer::Waiting(_) => {}
            Quantizer::Static { grid: (least, width), bins, .. } => {
                let end = |k: usize| if k + 1 == bins.len() { f64::INFINITY } else { least + (k + 1) as f64 * width };
                bins.iter().enumerate().filter(|(_, bin)| bin.n > 0.0).for_each(|(k, bin)| visit(end(k), *bin));
            }
            Quantizer::Dynamic { radius, bins, .. } => {
                bins.iter().for_each(|(k, bin)| visit(radius * (*k as f64 + 1.0), *bin));
            }
        }
    }
}

/// Adds a gradient to the bin of `value`; what lies outside goes to the outermost bins.
fn put((least, width): (f64, f64), bins: &mut [GradStats], value: f64, gradient: f64, w: f64) {
    // Negative numbers become 0, too large ones the last.
    let k = (((value - least) / width).floor() as usize).min(bins.len() - 1);
    bins[k].update(gradient, w);
}

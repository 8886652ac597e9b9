//! The columns of a feature row: what each is called, what it needs, when it is known and how it is computed.

use super::calendar::Calendar;
use super::history::History;
use super::rolling::Statistic;
use crate::market::Candle;
use crate::processor::{Column, Known};

crate::choices! {
    /// A number every bar has.
    pub enum Field {
        /// First price.
        Open = "open",
        /// Highest price.
        High = "high",
        /// Lowest price.
        Low = "low",
        /// Last price.
        Close = "close",
        /// Traded amount in the base coin.
        Volume = "volume",
    }
}

impl Field {
    /// Every field in column order.
    pub const ALL: [Field; 5] = [Field::Open, Field::High, Field::Low, Field::Close, Field::Volume];

    /// When the field of a bar itself is known: a nowcast is told open, high and low.
    fn known(self) -> Known {
        match self {
            Field::Open | Field::High | Field::Low => Known::BeforeClose,
            Field::Close | Field::Volume => Known::AtClose,
        }
    }
}

/// The fields of one bar, by `Field as usize`.
pub(super) type Bar = [f64; Field::ALL.len()];

/// The fields of `candle`.
pub(super) fn bar(candle: &Candle) -> Bar {
    [candle.open, candle.high, candle.low, candle.close, candle.volume.to_f64()]
}

/// One column. Distances and lengths count bars, not time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Feature {
    /// The field of this bar.
    Now(Field),
    /// The field so many bars ago, at least 1.
    Lag(Field, usize),
    /// Close minus close so many bars ago.
    Difference(usize),
    /// Close over close so many bars ago, minus 1.
    Return(usize),
    /// Natural logarithm of close over close so many bars ago.
    LogReturn(usize),
    /// A statistic of a field over the newest bars, this one included.
    Rolling(Field, Statistic, usize),
    /// High minus low, over close.
    Range,
    /// Close over open, minus 1.
    Body,
    /// Volume over the previous bar's, minus 1; absent after a bar without volume.
    VolumeChange,
    /// Exponentially weighted mean of close; `alpha` is the newest bar's weight.
    EwMean(f64),
    /// A number of the close time.
    Calendar(Calendar),
}

impl Feature {
    /// Its name in rows.
    pub(super) fn name(self) -> String {
        match self {
            Feature::Now(field) => field.name().to_owned(),
            Feature::Lag(field, bars) => format!("{}_lag_{bars}", field.name()),
            Feature::Difference(bars) => format!("difference_{bars}"),
            Feature::Return(bars) => format!("return_{bars}"),
            Feature::LogReturn(bars) => format!("log_return_{bars}"),
            Feature::Rolling(field, statistic, bars) => format!("{}_{}_{bars}", field.name(), statistic.name()),
            Feature::Range => "range".to_owned(),
            Feature::Body => "body".to_owned(),
            Feature::VolumeChange => "volume_change".to_owned(),
            Feature::EwMean(alpha) => format!("close_ew_mean_{alpha}"),
            Feature::Calendar(calendar) => calendar.name().to_owned(),
        }
    }

    /// The parameter that asks for it.
    pub(super) fn parameter(self) -> &'static str {
        match self {
            Feature::Now(_) => "columns",
            Feature::Lag(..) => "lags",
            Feature::Difference(_) => "differences",
            Feature::Return(_) => "returns",
            Feature::LogReturn(_) => "log_returns",
            Feature::Rolling(..) => "rolling",
            Feature::Range => "range",
            Feature::Body => "body",
            Feature::VolumeChange => "volume_change",
            Feature::EwMean(_) => "ew",
            Feature::Calendar(_) => "calendar",
        }
    }

    /// When it is known. The close time of a bar is known beforehand only where all bars have one span.
    fn known(self, equal_spans: bool) -> Known {
        match self {
            Feature::Now(field) | Feature::Rolling(field, ..) => field.known(),
            Feature::Lag(..) => Known::BeforeClose,
            Feature::Calendar(_) if equal_spans => Known::BeforeClose,
            _ => Known::AtClose,
        }
    }

    /// The column as a node's port tells it.
    pub(super) fn column(self, equal_spans: bool) -> Column {
        Column { name: self.name(), known: self.known(equal_spans) }
    }

    /// The field whose history it reads and how many bars of it, this one included.
    fn reads(self) -> Option<(Field, usize)> {
        match self {
            Feature::Lag(field, bars) => Some((field, bars + 1)),
            Feature::Difference(bars) | Feature::Return(bars) | Feature::LogReturn(bars) => Some((Field::Close, bars + 1)),
            Feature::Rolling(field, _, bars) => Some((field, bars)),
            Feature::VolumeChange => Some((Field::Volume, 2)),
            Feature::Now(_) | Feature::Range | Feature::Body | Feature::EwMean(_) | Feature::Calendar(_) => None,
        }
    }
}

/// The columns of one node in order, and the memory they ask for.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Plan {
    /// The columns.
    pub(super) features: Vec<Feature>,
    /// Bars of history needed by field; 0 where none is read.
    keep: [usize; Field::ALL.len()],
    /// Bars after which every column has all the history it reads, at least 1.
    pub(super) warm_up: u64,
}

impl Plan {
    /// The plan of these columns.
    pub(super) fn new(features: Vec<Feature>) -> Self {
        let mut keep = [0; Field::ALL.len()];
        for (field, bars) in features.iter().filter_map(|feature| feature.reads()) {
            keep[field as usize] = bars.max(keep[field as usize]);
        }
        let warm_up = keep.into_iter().max().unwrap_or(0).max(1) as u64;
        Plan { features, keep, warm_up }
    }

    /// Fresh memory for one coin.
    pub(super) fn memory(&self) -> Memory {
        let alphas =
            self.features.iter().filter_map(|feature| if let Feature::EwMean(alpha) = feature { Some(*alpha) } else { None });
        let histories = self.keep.map(|keep| (keep > 0).then(|| History::new(keep)));
        Memory { bars: 0, histories, means: alphas.map(|alpha| EwMean { alpha, value: f64::NAN }).collect() }
    }

    /// The values of the columns for the bar that `memory` took last.
    pub(super) fn values(&self, memory: &Memory, bar: &Bar, candle: &Candle) -> Box<[f64]> {
        let mut means = memory.means.iter();
        self.features
            .iter()
            .map(|feature| match *feature {
                Feature::Now(field) => bar[field as usize],
                Feature::Lag(field, bars) => memory.ago(field, bars),
                Feature::Difference(bars) => candle.close - memory.ago(Field::Close, bars),
                Feature::Return(bars) => candle.close / memory.ago(Field::Close, bars) - 1.0,
                Feature::LogReturn(bars) => libm::log(candle.close / memory.ago(Field::Close, bars)),
                Feature::Rolling(field, statistic, bars) => memory.rolling(field, statistic, bars),
                Feature::Range => (candle.high - candle.low) / candle.close,
                Feature::Body => candle.close / candle.open - 1.0,
                Feature::VolumeChange => relative_change(bar[Field::Volume as usize], memory.ago(Field::Volume, 1)),
                Feature::EwMean(_) => means.next().map_or(f64::NAN, |mean| mean.value),
                Feature::Calendar(calendar) => calendar.of(candle.close_time),
            })
            .collect()
    }
}

fn relative_change(value: f64, previous: f64) -> f64 {
    if previous == 0.0 { f64::NAN } else { value / previous - 1.0 }
}

/// An exponentially weighted mean; NaN before the first value.
#[derive(Debug, Clone, Copy, PartialEq)]
struct EwMean {
    alpha: f64,
    value: f64,
}

/// What the columns remember of one coin.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Memory {
    /// Bars taken.
    pub(super) bars: u64,
    histories: [Option<History>; Field::ALL.len()],
    means: Box<[EwMean]>,
}

impl Memory {
    /// Takes the next bar.
    pub(super) fn push(&mut self, bar: &Bar) {
        self.bars += 1;
        for (history, value) in self.histories.iter_mut().zip(bar) {
            if let Some(history) = history {
                history.push(*value);
            }
        }
        let close = bar[Field::Close as usize];
        for mean in &mut self.means {
            mean.value = if mean.value.is_nan() { close } else { mean.value + mean.alpha * (close - mean.value) };
        }
    }

    /// The state to keep: bars, histories by field (empty where none is read), weighted means.
    pub(super) fn kept(&self) -> (u64, Vec<&[f64]>, Vec<f64>) {
        let histories = self.histories.iter().map(|history| history.as_ref().map_or(&[][..], History::kept)).collect();
        (self.bars, histories, self.means.iter().map(|mean| mean.value).collect())
    }

    /// Goes on from a kept state; `None` when it is no state of these columns.
    pub(super) fn restored(mut self, bars: u64, histories: &[Vec<f64>], means: &[f64]) -> Option<Memory> {
        if histories.len() != self.histories.len() || means.len() != self.means.len() {
            return None;
        }
        self.bars = bars;
        for (history, kept) in self.histories.iter_mut().zip(histories) {
            let fits = history.as_mut().map_or(kept.is_empty(), |history| history.restore(kept));
            if !fits {
                return None;
            }
        }
        for (mean, value) in self.means.iter_mut().zip(means) {
            mean.value = *value;
        }
        Some(self)
    }

    fn ago(&self, field: Field, bars: usize) -> f64 {
        self.histories[field as usize].as_ref().map_or(f64::NAN, |history| history.ago(bars))
    }

    fn rolling(&self, field: Field, statistic: Statistic, bars: usize) -> f64 {
        let window = self.histories[field as usize].as_ref().and_then(|history| history.newest(bars));
        window.map_or(f64::NAN, |window| statistic.of(window))
    }
}

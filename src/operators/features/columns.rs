//! The columns of a feature row: what each is called, what it needs and when it is known.

use super::calendar::Calendar;
use super::recursive::Recursive;
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
    pub(super) fn known(self) -> Known {
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
#[derive(Debug, Clone, PartialEq)]
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
    /// The close in its Bollinger bands over so many bars, so many deviations wide.
    Bollinger(Band, usize, f64),
    /// Close over the volume-weighted average price of so many bars, minus 1.
    VwapDeviation(usize),
    /// One value of something that keeps a state, and the value's place among those it gives.
    Kept(Recursive, usize),
    /// A number of the close time.
    Calendar(Calendar),
    /// The product of the columns at these places, all of which stand before it.
    Product(Vec<usize>),
}

/// What is told of Bollinger bands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Band {
    /// The place of the close between the bands.
    PercentB,
    /// The width of the bands over the mean.
    Bandwidth,
}

impl Feature {
    /// Its name in rows; `before` are the columns before it.
    pub(super) fn name(&self, before: &[String]) -> String {
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
            Feature::Bollinger(Band::PercentB, bars, width) => format!("bollinger_b_{bars}_{width}"),
            Feature::Bollinger(Band::Bandwidth, bars, width) => format!("bollinger_width_{bars}_{width}"),
            Feature::VwapDeviation(bars) => format!("vwap_deviation_{bars}"),
            Feature::Kept(kept, value) => kept.name(*value),
            Feature::Calendar(calendar) => calendar.name().to_owned(),
            Feature::Product(places) => places.iter().map(|place| before[*place].as_str()).collect::<Vec<_>>().join("*"),
        }
    }

    /// The parameter that asks for it.
    pub(super) fn parameter(&self) -> &'static str {
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
            Feature::Bollinger(..) => "bollinger",
            Feature::VwapDeviation(_) => "vwap_deviation",
            Feature::Kept(kept, _) => kept.parameter(),
            Feature::Calendar(_) => "calendar",
            Feature::Product(_) => "polynomial",
        }
    }

    /// When it is known; `before` are the columns before it. The close time of a bar is known beforehand only where all bars have one span.
    fn known(&self, equal_spans: bool, before: &[Column]) -> Known {
        match self {
            Feature::Now(field) | Feature::Rolling(field, ..) => field.known(),
            Feature::Lag(..) => Known::BeforeClose,
            Feature::Calendar(_) if equal_spans => Known::BeforeClose,
            Feature::Kept(kept, _) => kept.known(equal_spans),
            Feature::Product(places) => places.iter().map(|place| before[*place].known).max().unwrap_or(Known::AtClose),
            _ => Known::AtClose,
        }
    }

    /// The fields whose history it reads and how many bars of it, this one included.
    pub(super) fn reads(&self) -> Vec<(Field, usize)> {
        match *self {
            Feature::Lag(field, bars) => vec![(field, bars + 1)],
            Feature::Difference(bars) | Feature::Return(bars) | Feature::LogReturn(bars) => vec![(Field::Close, bars + 1)],
            Feature::Rolling(field, _, bars) => vec![(field, bars)],
            Feature::Bollinger(_, bars, _) => vec![(Field::Close, bars)],
            Feature::VwapDeviation(bars) => {
                [Field::High, Field::Low, Field::Close, Field::Volume].map(|field| (field, bars)).into()
            }
            Feature::VolumeChange => vec![(Field::Volume, 2)],
            Feature::Now(_) | Feature::Range | Feature::Body | Feature::Kept(..) | Feature::Calendar(_) | Feature::Product(_) => {
                Vec::new()
            }
        }
    }

    /// Bars after which it has all that its definition asks for, at least 1.
    pub(super) fn warm_up(&self) -> usize {
        let kept = if let Feature::Kept(kept, value) = self { kept.warm_up(*value) } else { 1 };
        self.reads().into_iter().map(|(_, bars)| bars).max().unwrap_or(kept)
    }
}

/// The columns as a node's port tells them.
pub(super) fn columns(features: &[Feature], equal_spans: bool) -> Vec<Column> {
    let (mut columns, mut names): (Vec<Column>, Vec<String>) = (Vec::new(), Vec::new());
    for feature in features {
        let known = feature.known(equal_spans, &columns);
        names.push(feature.name(&names));
        columns.push(Column { name: names[names.len() - 1].clone(), known });
    }
    columns
}

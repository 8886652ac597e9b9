//! What the columns of a node remember of one coin, and how their values come out of it.

use super::columns::{Band, Bar, Feature, Field};
use super::history::History;
use super::recursive::{Keeper, Recursive};
use super::rolling::Statistic;
use crate::learn::feature_extraction::{Bollinger, VwapWindow, bollinger, vwap};
use crate::market::Candle;
use crate::record::Timestamp;

/// The columns of one node in order, and the memory they ask for.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Plan {
    /// The columns.
    pub(super) features: Vec<Feature>,
    /// Bars of history needed by field; 0 where none is read.
    keep: [usize; Field::ALL.len()],
    /// What keeps a state, each once.
    recursive: Vec<Recursive>,
    /// For each column its place among `recursive`, where it is a value of one.
    places: Vec<usize>,
    /// Bars after which every column has all the history it reads, at least 1.
    pub(super) warm_up: u64,
}

impl Plan {
    /// The plan of these columns.
    pub(super) fn new(features: Vec<Feature>) -> Self {
        let mut keep = [0; Field::ALL.len()];
        for (field, bars) in features.iter().flat_map(Feature::reads) {
            keep[field as usize] = bars.max(keep[field as usize]);
        }
        let mut recursive: Vec<Recursive> = Vec::new();
        let mut place_of = |feature: &Feature| {
            let Feature::Kept(kept, _) = feature else { return 0 };
            recursive.iter().position(|known| known == kept).unwrap_or_else(|| {
                recursive.push(*kept);
                recursive.len() - 1
            })
        };
        let places = features.iter().map(&mut place_of).collect();
        let warm_up = features.iter().map(Feature::warm_up).max().unwrap_or(1) as u64;
        Plan { features, keep, recursive, places, warm_up }
    }

    /// Fresh memory for one coin.
    pub(super) fn memory(&self) -> Memory {
        let histories = self.keep.map(|keep| (keep > 0).then(|| History::new(keep)));
        Memory { bars: 0, histories, keepers: self.recursive.iter().map(|kept| kept.keeper()).collect() }
    }

    /// The values of the columns for the bar that `memory` took last.
    pub(super) fn values(&self, memory: &Memory, bar: &Bar, candle: &Candle) -> Box<[f64]> {
        let mut values = Vec::with_capacity(self.features.len());
        for (feature, place) in self.features.iter().zip(&self.places) {
            let value = match feature {
                Feature::Now(field) => bar[*field as usize],
                Feature::Lag(field, bars) => memory.ago(*field, *bars),
                Feature::Difference(bars) => candle.close - memory.ago(Field::Close, *bars),
                Feature::Return(bars) => candle.close / memory.ago(Field::Close, *bars) - 1.0,
                Feature::LogReturn(bars) => libm::log(candle.close / memory.ago(Field::Close, *bars)),
                Feature::Rolling(field, statistic, bars) => memory.rolling(*field, *statistic, *bars),
                Feature::Range => (candle.high - candle.low) / candle.close,
                Feature::Body => candle.close / candle.open - 1.0,
                Feature::VolumeChange => relative_change(bar[Field::Volume as usize], memory.ago(Field::Volume, 1)),
                Feature::Bollinger(band, bars, width) => memory.band(*band, candle.close, *bars, *width),
                Feature::VwapDeviation(bars) => memory.vwap(*bars).map_or(f64::NAN, |price| candle.close / price - 1.0),
                Feature::Kept(_, value) => memory.keepers[*place].value(*value),
                Feature::Calendar(calendar) => calendar.of(candle.close_time),
                Feature::Product(places) => places.iter().map(|place| values[*place]).product(),
            };
            values.push(value);
        }
        values.into()
    }
}

fn relative_change(value: f64, previous: f64) -> f64 {
    if previous == 0.0 { f64::NAN } else { value / previous - 1.0 }
}

/// What the columns remember of one coin.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Memory {
    /// Bars taken.
    pub(super) bars: u64,
    histories: [Option<History>; Field::ALL.len()],
    keepers: Box<[Keeper]>,
}

impl Memory {
    /// Takes the next bar.
    pub(super) fn push(&mut self, bar: &Bar, close_time: Timestamp) {
        self.bars += 1;
        for (history, value) in self.histories.iter_mut().zip(bar) {
            if let Some(history) = history {
                history.push(*value);
            }
        }
        self.keepers.iter_mut().for_each(|keeper| keeper.push(bar, close_time));
    }

    /// The state to keep: bars, histories by field (empty where none is read), what keeps a state.
    pub(super) fn kept(&self) -> (u64, Vec<&[f64]>, &[Keeper]) {
        let histories = self.histories.iter().map(|history| history.as_ref().map_or(&[][..], History::kept)).collect();
        (self.bars, histories, &self.keepers)
    }

    fn ago(&self, field: Field, bars: usize) -> f64 {
        self.histories[field as usize].as_ref().map_or(f64::NAN, |history| history.ago(bars))
    }

    fn window(&self, field: Field, bars: usize) -> Option<&[f64]> {
        self.histories[field as usize].as_ref()?.newest(bars)
    }

    fn rolling(&self, field: Field, statistic: Statistic, bars: usize) -> f64 {
        self.window(field, bars).map_or(f64::NAN, |window| statistic.of(window))
    }

    fn band(&self, band: Band, close: f64, bars: usize, width: f64) -> f64 {
        let Some(window) = self.window(Field::Close, bars) else { return f64::NAN };
        let Bollinger { percent_b, bandwidth } =
            bollinger(close, Statistic::Mean.of(window), Statistic::PopulationStd.of(window), width);
        let value = match band {
            Band::PercentB => percent_b,
            Band::Bandwidth => bandwidth,
        };
        value.unwrap_or(f64::NAN)
    }

    fn vwap(&self, bars: usize) -> Option<f64> {
        let of = |field| self.window(field, bars);
        let window =
            VwapWindow { high: of(Field::High)?, low: of(Field::Low)?, close: of(Field::Close)?, volume: of(Field::Volume)? };
        vwap(&window)
    }
}

impl Plan {
    /// Memory that goes on from a kept state; `None` when it is no state of these columns.
    pub(super) fn restored(&self, bars: u64, histories: &[Vec<f64>], keepers: Vec<Keeper>) -> Option<Memory> {
        let mut memory = self.memory();
        let same = keepers.len() == self.recursive.len() && keepers.iter().zip(&self.recursive).all(|(k, what)| k.is_of(*what));
        if !same || histories.len() != memory.histories.len() {
            return None;
        }
        (memory.bars, memory.keepers) = (bars, keepers.into());
        for (history, kept) in memory.histories.iter_mut().zip(histories) {
            let fits = history.as_mut().map_or(kept.is_empty(), |history| history.restore(kept));
            if !fits {
                return None;
            }
        }
        Some(memory)
    }
}

//! Columns that no window explains: they keep a state that every bar moves on.

use serde::{Deserialize, Serialize};

use super::calendar::Group;
use super::columns::{Bar, Field};
use crate::learn::feature_extraction::{Atr, GroupHow, GroupStat, Macd, Obv, Rsi};
use crate::learn::stats::{EwMean, EwVar, RollingQuantile, Univariate};
use crate::processor::Known;
use crate::record::Timestamp;

/// What keeps a state.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Recursive {
    /// Exponentially weighted mean of close, by the newest bar's weight.
    EwMean(f64),
    /// Exponentially weighted variance of close, by the newest bar's weight.
    EwVar(f64),
    /// A quantile of a field over so many bars.
    Quantile(Field, usize, f64),
    /// Relative strength index over so many moves.
    Rsi(usize),
    /// Averages of these lengths: line, signal and histogram.
    Macd(usize, usize, usize),
    /// Average true range over so many bars.
    Atr(usize),
    /// On-balance volume.
    Obv,
    /// The usual return at this time of day or week.
    ByTime(ByTime),
}

/// Statistics of the return, by the group of the time at which bars close.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ByTime {
    /// How times are grouped.
    pub group: Group,
    /// What is kept.
    pub how: GroupHow,
    /// Whose group is told: that of the bar so many bars ahead; 0 for this one.
    pub ahead: usize,
    /// The span of bars, ms; needed to look ahead.
    pub interval_ms: i64,
}

impl Recursive {
    /// The name of a value.
    pub(super) fn name(self, value: usize) -> String {
        match self {
            Recursive::EwMean(alpha) => format!("close_ew_mean_{alpha}"),
            Recursive::EwVar(alpha) => format!("close_ew_var_{alpha}"),
            Recursive::Quantile(field, bars, q) => format!("{}_quantile_{q}_{bars}", field.name()),
            Recursive::Rsi(bars) => format!("rsi_{bars}"),
            Recursive::Macd(fast, slow, signal) => match value {
                0 => format!("macd_{fast}_{slow}"),
                1 => format!("macd_signal_{fast}_{slow}_{signal}"),
                _ => format!("macd_histogram_{fast}_{slow}_{signal}"),
            },
            Recursive::Atr(bars) => format!("atr_{bars}"),
            Recursive::Obv => "obv".to_owned(),
            Recursive::ByTime(ByTime { group, how, ahead: 0, .. }) => format!("return_{how}_by_{group}"),
            Recursive::ByTime(ByTime { group, how, ahead, .. }) => format!("return_{how}_by_{group}_ahead_{ahead}"),
        }
    }

    /// The parameter that asks for it.
    pub(super) fn parameter(self) -> &'static str {
        match self {
            Recursive::EwMean(_) | Recursive::EwVar(_) => "ew",
            Recursive::Quantile(..) => "rolling",
            Recursive::Rsi(_) => "rsi",
            Recursive::Macd(..) => "macd",
            Recursive::Atr(_) => "atr",
            Recursive::Obv => "obv",
            Recursive::ByTime(_) => "by_time",
        }
    }

    /// How many values it gives.
    pub(super) fn values(self) -> usize {
        if let Recursive::Macd(..) = self { 3 } else { 1 }
    }

    /// When its values are known. A true range asks for no close of its own bar; what was usual at this time before is known beforehand where
    /// the time is.
    pub(super) fn known(self, equal_spans: bool) -> Known {
        match self {
            Recursive::Atr(_) => Known::BeforeClose,
            Recursive::Quantile(field, ..) => field.known(),
            Recursive::ByTime(ByTime { ahead: 0, .. }) if equal_spans => Known::BeforeClose,
            _ => Known::AtClose,
        }
    }

    /// Bars until a value is there. A group of times may be without value for longer: nothing is known of an hour that has not been.
    pub(super) fn warm_up(self, value: usize) -> usize {
        match self {
            Recursive::EwMean(_) | Recursive::EwVar(_) | Recursive::Obv => 1,
            Recursive::Quantile(_, bars, _) => bars,
            Recursive::Rsi(bars) | Recursive::Atr(bars) => bars + 1,
            Recursive::Macd(_, slow, signal) => {
                if value == 0 {
                    slow
                } else {
                    slow + signal - 1
                }
            }
            Recursive::ByTime(_) => 1,
        }
    }

    /// Its state before the first bar.
    pub(super) fn keeper(self) -> Keeper {
        match self {
            Recursive::EwMean(alpha) => Keeper::EwMean { alpha, mean: EwMean::new(alpha) },
            Recursive::EwVar(alpha) => Keeper::EwVar { alpha, first: None, var: EwVar::new(alpha) },
            Recursive::Quantile(field, bars, q) => {
                Keeper::Quantile { field, bars, q, seen: 0, window: RollingQuantile::new(q, bars) }
            }
            Recursive::Rsi(bars) => Keeper::Rsi(Rsi::new(bars)),
            Recursive::Macd(fast, slow, signal) => Keeper::Macd(Macd::new(fast, slow, signal)),
            Recursive::Atr(bars) => Keeper::Atr(Atr::new(bars)),
            Recursive::Obv => Keeper::Obv(Obv::default()),
            Recursive::ByTime(by) => {
                Keeper::ByTime { by, stats: GroupStat::new(by.how, by.group.count()), last: None, value: None }
            }
        }
    }
}

/// What is kept of one of them for one coin.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) enum Keeper {
    EwMean {
        alpha: f64,
        mean: EwMean,
    },
    /// Of the distances from the first close: the variance is the same and keeps its digits.
    EwVar {
        alpha: f64,
        first: Option<f64>,
        var: EwVar,
    },
    Quantile {
        field: Field,
        bars: usize,
        q: f64,
        seen: usize,
        window: RollingQuantile,
    },
    Rsi(Rsi),
    Macd(Macd),
    Atr(Atr),
    Obv(Obv),
    ByTime {
        by: ByTime,
        stats: GroupStat,
        last: Option<f64>,
        value: Option<f64>,
    },
}

impl Keeper {
    /// Takes the next bar.
    pub(super) fn push(&mut self, bar: &Bar, close_time: Timestamp) {
        let [high, low, close, volume] = [Field::High, Field::Low, Field::Close, Field::Volume].map(|field| bar[field as usize]);
        match self {
            Keeper::EwMean { mean, .. } => mean.update(close),
            Keeper::EwVar { first, var, .. } => var.update(close - *first.get_or_insert(close)),
            Keeper::Quantile { field, bars, seen, window, .. } => {
                window.update(bar[*field as usize]);
                *seen = (*seen + 1).min(*bars);
            }
            Keeper::Rsi(rsi) => _ = rsi.update(close),
            Keeper::Macd(macd) => _ = macd.update(close),
            Keeper::Atr(atr) => _ = atr.update(high, low, close),
            Keeper::Obv(obv) => _ = obv.update(close, volume),
            Keeper::ByTime { by, stats, last, value } => {
                let told = close_time.plus(by.interval_ms.saturating_mul(by.ahead as i64));
                let told = by.group.of(told);
                // What is said of this bar's own group must not know this bar's return.
                let before = stats.get(told);
                if let Some(last) = last.replace(close) {
                    stats.learn(by.group.of(close_time), close / last - 1.0);
                }
                *value = if by.ahead == 0 { before } else { stats.get(told) };
            }
        }
    }

    /// The value at `place`, NaN while it is absent.
    pub(super) fn value(&self, place: usize) -> f64 {
        let value = match self {
            Keeper::EwMean { mean, .. } => mean.get(),
            Keeper::EwVar { var, .. } => var.get(),
            Keeper::Quantile { bars, seen, window, .. } => window.get().filter(|_| seen == bars),
            Keeper::Rsi(rsi) => rsi.get(),
            Keeper::Macd(macd) => {
                let lines = macd.get();
                [lines.line, lines.signal, lines.histogram()][place]
            }
            Keeper::Atr(atr) => atr.get(),
            Keeper::Obv(obv) => obv.get(),
            Keeper::ByTime { value, .. } => *value,
        };
        value.unwrap_or(f64::NAN)
    }

    /// Whether this is a state of `what`: a state says itself what it is of.
    pub(super) fn is_of(&self, what: Recursive) -> bool {
        match (self, what) {
            (Keeper::EwMean { alpha, .. }, Recursive::EwMean(wanted))
            | (Keeper::EwVar { alpha, .. }, Recursive::EwVar(wanted)) => *alpha == wanted,
            (Keeper::Quantile { field, bars, q, .. }, Recursive::Quantile(of, length, at)) => {
                (*field, *bars, *q) == (of, length, at)
            }
            (Keeper::Rsi(rsi), Recursive::Rsi(bars)) => rsi.length() == bars,
            (Keeper::Macd(macd), Recursive::Macd(fast, slow, signal)) => macd.lengths() == (fast, slow, signal),
            (Keeper::Atr(atr), Recursive::Atr(bars)) => atr.length() == bars,
            (Keeper::Obv(_), Recursive::Obv) => true,
            (Keeper::ByTime { by, stats, .. }, Recursive::ByTime(wanted)) => {
                *by == wanted && stats.kind() == (wanted.how, wanted.group.count())
            }
            _ => false,
        }
    }
}

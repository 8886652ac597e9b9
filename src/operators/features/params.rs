//! What a features node's table may say, and the columns it means.

use super::calendar::Calendar;
use super::columns::{Feature, Field};
use super::rolling::Statistic;
use crate::learn::params::{ParamError, ParamErrorKind, child};

/// The longest lag or rolling window, bars: a week of minutes. Each coin keeps twice as many numbers, and a rolling column reads its window at
/// every bar.
const LONGEST: usize = 10_080;

crate::choices! {
    /// What becomes of rows whose columns do not have all their history yet.
    pub enum Incomplete {
        /// They are not forwarded: the first row has every value.
        Skip = "skip",
        /// They are forwarded with NaN for the values that are absent.
        Forward = "forward",
    }
}

crate::params! {
    /// Lags by field, each a list of bars.
    pub struct Lags {
        /// Lags of the first price.
        open: Vec<usize> = Vec::new(), in 1..=LONGEST, unit "bars";
        /// Lags of the highest price.
        high: Vec<usize> = Vec::new(), in 1..=LONGEST, unit "bars";
        /// Lags of the lowest price.
        low: Vec<usize> = Vec::new(), in 1..=LONGEST, unit "bars";
        /// Lags of the last price.
        close: Vec<usize> = Vec::new(), in 1..=LONGEST, unit "bars";
        /// Lags of the base volume.
        volume: Vec<usize> = Vec::new(), in 1..=LONGEST, unit "bars";
    }
}

crate::params! {
    /// Statistics over the newest bars, this one included, each a list of window lengths.
    pub struct Windows {
        /// Windows of the arithmetic mean.
        mean: Vec<usize> = Vec::new(), in 1..=LONGEST, unit "bars";
        /// Windows of the sample standard deviation (divisor n - 1).
        std: Vec<usize> = Vec::new(), in 2..=LONGEST, unit "bars";
        /// Windows of the smallest value.
        min: Vec<usize> = Vec::new(), in 1..=LONGEST, unit "bars";
        /// Windows of the largest value.
        max: Vec<usize> = Vec::new(), in 1..=LONGEST, unit "bars";
    }
}

crate::params! {
    /// Rolling statistics by field.
    pub struct Rolling {
        /// Of the first price.
        open: Windows = Windows::default();
        /// Of the highest price.
        high: Windows = Windows::default();
        /// Of the lowest price.
        low: Windows = Windows::default();
        /// Of the last price.
        close: Windows = Windows::default();
        /// Of the base volume.
        volume: Windows = Windows::default();
    }
}

crate::params! {
    /// Exponentially weighted statistics of close.
    pub struct Weighted {
        /// Means, each by the weight of the newest bar.
        mean: Vec<f64> = Vec::new(), in crate::learn::params::above_to(0.0, 1.0);
    }
}

crate::params! {
    /// Parameters of `features`. At least one column must result; a column may not stand twice. Lags and windows count bars, not time.
    pub struct FeaturesParams {
        /// Numbers of the bar itself.
        columns: Vec<Field> = Vec::new();
        /// The same field so many bars ago: `lags = { close = [1, 2, 5] }`.
        lags: Lags = Lags::default();
        /// Close minus close so many bars ago.
        differences: Vec<usize> = Vec::new(), in 1..=LONGEST, unit "bars";
        /// Close over close so many bars ago, minus 1.
        returns: Vec<usize> = Vec::new(), in 1..=LONGEST, unit "bars";
        /// Natural logarithm of close over close so many bars ago.
        log_returns: Vec<usize> = Vec::new(), in 1..=LONGEST, unit "bars";
        /// Statistics over the newest bars: `rolling = { close = { mean = [5, 20], std = [20] } }`; `mean`, `std`, `min`, `max` of any field.
        rolling: Rolling = Rolling::default();
        /// High minus low, over close.
        range: bool = false;
        /// Close over open, minus 1.
        body: bool = false;
        /// Volume over the previous bar's, minus 1; NaN after a bar without volume.
        volume_change: bool = false;
        /// Exponentially weighted means of close by the weight of the newest bar, above 0, at most 1: `ew = { mean = [0.1] }`.
        ew: Weighted = Weighted::default();
        /// Numbers of the close time, UTC.
        calendar: Vec<Calendar> = Vec::new();
        /// What becomes of the first rows, whose columns do not have all their history yet.
        incomplete: Incomplete = Incomplete::Skip;
    }
}

impl FeaturesParams {
    /// The columns in their fixed order: that of the parameters above, fields in the order open, high, low, close, volume, lists as written.
    pub(super) fn features(&self) -> Vec<Feature> {
        let mut all: Vec<Feature> = self.columns.iter().map(|field| Feature::Now(*field)).collect();
        for (field, bars) in self.lags.by_field() {
            all.extend(bars.iter().map(|bars| Feature::Lag(field, *bars)));
        }
        all.extend(self.differences.iter().map(|bars| Feature::Difference(*bars)));
        all.extend(self.returns.iter().map(|bars| Feature::Return(*bars)));
        all.extend(self.log_returns.iter().map(|bars| Feature::LogReturn(*bars)));
        for (field, windows) in self.rolling.by_field() {
            for (statistic, bars) in windows.by_statistic() {
                all.extend(bars.iter().map(|bars| Feature::Rolling(field, statistic, *bars)));
            }
        }
        let switches = [(self.range, Feature::Range), (self.body, Feature::Body), (self.volume_change, Feature::VolumeChange)];
        all.extend(switches.into_iter().filter_map(|(on, feature)| on.then_some(feature)));
        all.extend(self.ew.mean.iter().map(|alpha| Feature::EwMean(*alpha)));
        all.extend(self.calendar.iter().map(|calendar| Feature::Calendar(*calendar)));
        all
    }

    /// The columns, or what is wrong with them as a whole.
    ///
    /// # Errors
    /// When there is none, or one stands twice.
    pub(super) fn checked_features(&self, path: &[String]) -> Result<Vec<Feature>, Vec<ParamError>> {
        let features = self.features();
        if features.is_empty() {
            let error = ParamError::new(ParamErrorKind::Missing, path, "this node has no columns", "at least one");
            return Err(vec![error.suggest("write for instance lags = { close = [1, 2, 5] } or returns = [1]")]);
        }
        let names: Vec<String> = features.iter().map(|feature| feature.name()).collect();
        let twice = names.iter().enumerate().filter(|(at, name)| names[..*at].contains(name));
        let errors: Vec<ParamError> = twice.map(|(at, name)| repeated(&features[at], name, path)).collect();
        if errors.is_empty() { Ok(features) } else { Err(errors) }
    }
}

fn repeated(feature: &Feature, name: &str, path: &[String]) -> ParamError {
    let message = format!("the column {name} stands twice");
    ParamError::new(ParamErrorKind::Conflict, &child(path, feature.parameter()), message, "every column once")
}

impl Lags {
    fn by_field(&self) -> [(Field, &[usize]); 5] {
        let Lags { open, high, low, close, volume } = self;
        [(Field::Open, open), (Field::High, high), (Field::Low, low), (Field::Close, close), (Field::Volume, volume)]
    }
}

impl Rolling {
    fn by_field(&self) -> [(Field, &Windows); 5] {
        let Rolling { open, high, low, close, volume } = self;
        [(Field::Open, open), (Field::High, high), (Field::Low, low), (Field::Close, close), (Field::Volume, volume)]
    }
}

impl Windows {
    fn by_statistic(&self) -> [(Statistic, &[usize]); 4] {
        let Windows { mean, std, min, max } = self;
        [(Statistic::Mean, mean), (Statistic::Std, std), (Statistic::Min, min), (Statistic::Max, max)]
    }
}

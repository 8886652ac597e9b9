//! What a features node's table may say, and the columns it means.

use super::calendar::{Calendar, Group};
use super::columns::{Band, Feature, Field};
use super::recursive::{ByTime, Recursive};
use super::rolling::Statistic;
use crate::learn::feature_extraction::{GroupHow, MacdParams, products};
use crate::learn::params::{ParamError, ParamErrorKind, above, child};

/// The longest lag or rolling window, bars: a week of minutes. Each coin keeps twice as many numbers, and a rolling column reads its window at
/// every bar.
const LONGEST: usize = 10_080;

/// Most columns of one node: products of many columns would fill the memory.
const MOST_COLUMNS: usize = 1_000;

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
    /// A quantile over the newest bars.
    pub struct RollingQuantileParams {
        required {
            /// Length of the window.
            bars: usize, in 1..=LONGEST, unit "bars";
        }
        /// Which quantile, 0 to 1; 0.5 is the median.
        q: f64 = 0.5, in 0.0..=1.0;
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
        /// Quantiles, exact, interpolated between neighbours: `quantile = [{ bars = 60, q = 0.9 }]`.
        quantile: Vec<RollingQuantileParams> = Vec::new();
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
        /// Variances, each by the weight of the newest bar.
        var: Vec<f64> = Vec::new(), in crate::learn::params::above_to(0.0, 1.0);
    }
}

crate::params! {
    /// Bollinger bands of close.
    pub struct BollingerParams {
        /// Length of the window.
        bars: usize = 20, in 2..=LONGEST, unit "bars";
        /// Distance of the bands from the mean, population standard deviations.
        width: f64 = 2.0, in above(0.0), unit "standard deviations";
    }
}

crate::params! {
    /// What was usual at this time: a statistic of the 1-bar return, for each group of times at which bars close.
    pub struct ByTimeParams {
        required {
            /// How times are grouped, UTC.
            group: Group;
        }
        /// What is told of a group; absent until the group has seen enough.
        how: GroupHow = GroupHow::Mean;
        /// Whose group is told: that of the bar so many bars ahead, for what a learner is about to forecast; 0 for this bar's own, without its return.
        ahead: usize = 0, in 0..=LONGEST, unit "bars";
    }
}

crate::params! {
    /// Products of columns, each a column of its own: `close_lag_1*range`.
    pub struct PolynomialParams {
        required {
            /// The columns that are multiplied, by name.
            of: Vec<String>;
        }
        /// Most factors of a product; their number grows with the number of columns to the power of it.
        degree: usize = 2, in 2..=5, unit "factors";
        /// Whether a column may not be multiplied with itself.
        interaction_only: bool = false;
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
        /// Statistics over the newest bars: `rolling = { close = { mean = [5, 20], std = [20] } }`; `mean`, `std`, `min`, `max`, `quantile` of any field.
        rolling: Rolling = Rolling::default();
        /// High minus low, over close.
        range: bool = false;
        /// Close over open, minus 1.
        body: bool = false;
        /// Volume over the previous bar's, minus 1; NaN after a bar without volume.
        volume_change: bool = false;
        /// Exponentially weighted means and variances of close by the weight of the newest bar, above 0, at most 1: `ew = { mean = [0.1], var = [0.1] }`.
        ew: Weighted = Weighted::default();
        /// Numbers of the close time, UTC.
        calendar: Vec<Calendar> = Vec::new();
        /// Relative strength index of close (Wilder 1978), 0 to 100, each by its length.
        rsi: Vec<usize> = Vec::new(), in 1..=LONGEST, unit "moves";
        /// Moving average convergence and divergence of close (Appel 2005): line, signal and histogram in units of price: `macd = [{ fast = 12, slow = 26 }]`.
        macd: Vec<MacdParams> = Vec::new();
        /// Bollinger bands of close (Bollinger 2001): place of the close between them and their width over the mean: `bollinger = [{ bars = 20, width = 2 }]`.
        bollinger: Vec<BollingerParams> = Vec::new();
        /// Average true range (Wilder 1978) in units of price, each by its length. It needs no close of its own bar.
        atr: Vec<usize> = Vec::new(), in 1..=LONGEST, unit "bars";
        /// On-balance volume (Granville 1963): volume added up with the sign of the move, since the first bar.
        obv: bool = false;
        /// Close over the volume-weighted average price of so many bars, minus 1; NaN where nothing was traded.
        vwap_deviation: Vec<usize> = Vec::new(), in 1..=LONGEST, unit "bars";
        /// What was usual at this time of day or week: `by_time = [{ group = "hour", how = "mean" }]`.
        by_time: Vec<ByTimeParams> = Vec::new();
        /// Products of columns named above: `polynomial = { of = ["return_1", "range"], degree = 2 }`.
        polynomial: Option<PolynomialParams> = None;
        /// What becomes of the first rows, whose columns do not have all their history yet.
        incomplete: Incomplete = Incomplete::Skip;
    }
}

impl FeaturesParams {
    /// The columns in their fixed order, products aside: that of the parameters above, fields in the order open, high, low, close, volume, lists as
    /// written.
    fn features(&self, interval_ms: i64) -> Vec<Feature> {
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
            all.extend(windows.quantile.iter().map(|of| Feature::Kept(Recursive::Quantile(field, of.bars, of.q), 0)));
        }
        let switches = [(self.range, Feature::Range), (self.body, Feature::Body), (self.volume_change, Feature::VolumeChange)];
        all.extend(switches.into_iter().filter_map(|(on, feature)| on.then_some(feature)));
        all.extend(self.ew.mean.iter().map(|alpha| Feature::Kept(Recursive::EwMean(*alpha), 0)));
        all.extend(self.ew.var.iter().map(|alpha| Feature::Kept(Recursive::EwVar(*alpha), 0)));
        all.extend(self.calendar.iter().map(|calendar| Feature::Calendar(*calendar)));
        self.indicators(interval_ms, &mut all);
        all
    }

    fn indicators(&self, interval_ms: i64, all: &mut Vec<Feature>) {
        let values = |kept: Recursive| (0..kept.values()).map(move |value| Feature::Kept(kept, value));
        all.extend(self.rsi.iter().flat_map(|bars| values(Recursive::Rsi(*bars))));
        all.extend(self.macd.iter().flat_map(|m| values(Recursive::Macd(m.fast, m.slow, m.signal))));
        for band in [Band::PercentB, Band::Bandwidth] {
            all.extend(self.bollinger.iter().map(|b| Feature::Bollinger(band, b.bars, b.width)));
        }
        all.extend(self.atr.iter().flat_map(|bars| values(Recursive::Atr(*bars))));
        all.extend(self.obv.then_some(Feature::Kept(Recursive::Obv, 0)));
        all.extend(self.vwap_deviation.iter().map(|bars| Feature::VwapDeviation(*bars)));
        let by_time = |by: &ByTimeParams| ByTime { group: by.group, how: by.how, ahead: by.ahead, interval_ms };
        all.extend(self.by_time.iter().flat_map(|by| values(Recursive::ByTime(by_time(by)))));
    }

    /// The columns over bars of this span, or what is wrong with them as a whole.
    ///
    /// # Errors
    /// When there is none or there are too many, one stands twice, or parameters contradict each other.
    pub(super) fn checked_features(&self, path: &[String], interval_ms: Option<i64>) -> Result<Vec<Feature>, Vec<ParamError>> {
        let mut features = self.features(interval_ms.unwrap_or_default());
        if features.is_empty() {
            let error = ParamError::new(ParamErrorKind::Missing, path, "this node has no columns", "at least one");
            return Err(vec![error.suggest("write for instance lags = { close = [1, 2, 5] } or returns = [1]")]);
        }
        let names: Vec<String> = features.iter().map(|feature| feature.name(&[])).collect();
        let twice = names.iter().enumerate().filter(|(at, name)| names[..*at].contains(name));
        let mut errors: Vec<ParamError> = twice.map(|(at, name)| repeated(&features[at], name, path)).collect();
        errors.extend(self.contradictions(path, interval_ms));
        match self.products(path, &names, MOST_COLUMNS.saturating_sub(features.len())) {
            Ok(products) => features.extend(products),
            Err(more) => errors.extend(more),
        }
        if errors.is_empty() { Ok(features) } else { Err(errors) }
    }

    fn contradictions(&self, path: &[String], interval_ms: Option<i64>) -> Vec<ParamError> {
        let at = |key: &str, position: usize, inner: &str| child(&child(&child(path, key), position.to_string()), inner);
        let slow_fast = self.macd.iter().enumerate().filter(|(_, macd)| macd.fast >= macd.slow).map(|(position, macd)| {
            let message = format!("the fast average is no faster than the slow one: {} and {} bars", macd.fast, macd.slow);
            conflict(&at("macd", position, "fast"), message, format!("less than {}", macd.slow))
        });
        let blind =
            self.by_time.iter().enumerate().filter(|(_, by)| by.ahead > 0 && interval_ms.is_none()).map(|(position, _)| {
                let message = "nobody knows when a bar ahead will close: the bars of the parent differ in length";
                conflict(
                    &at("by_time", position, "ahead"),
                    message.to_owned(),
                    "0, or a parent whose bars have one length".to_owned(),
                )
            });
        slow_fast.chain(blind).collect()
    }

    /// The products of the columns called `names`; at most `room`.
    fn products(&self, path: &[String], names: &[String], room: usize) -> Result<Vec<Feature>, Vec<ParamError>> {
        let Some(polynomial) = &self.polynomial else { return Ok(Vec::new()) };
        let path = child(&child(path, "polynomial"), "of");
        let known: Vec<&str> = names.iter().map(String::as_str).collect();
        let (mut places, mut errors) = (Vec::new(), Vec::new());
        for (position, name) in polynomial.of.iter().enumerate() {
            let path = child(&path, position.to_string());
            match known.iter().position(|known| known == name) {
                None => errors.push(ParamError::unknown(&path, &format!("column `{name}`"), name, &known)),
                Some(place) if places.contains(&place) => {
                    errors.push(conflict(&path, format!("column `{name}` is listed twice"), "each column once".to_owned()));
                }
                Some(place) => places.push(place),
            }
        }
        let count = number_of_products(places.len(), polynomial.degree, polynomial.interaction_only);
        if count.is_none_or(|count| count > room) {
            let message = format!("products of degree {} of {} columns are too many", polynomial.degree, places.len());
            errors.push(conflict(&path, message, format!("at most {MOST_COLUMNS} columns in one node")));
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        let products = products(places.len(), polynomial.degree, polynomial.interaction_only);
        Ok(products.into_iter().map(|p| Feature::Product(p.into_iter().map(|factor| places[factor]).collect())).collect())
    }
}

/// How many products of 2 to `degree` of `count` columns there are, without making them; `None` for more than can be counted.
fn number_of_products(count: usize, degree: usize, interaction_only: bool) -> Option<usize> {
    let (mut of_degree, mut sum) = (count, 0usize);
    for factors in 2..=degree {
        // Binomial coefficients, one factor at a time: each division is exact.
        let choices = if interaction_only { (count + 1).saturating_sub(factors) } else { count + factors - 1 };
        of_degree = of_degree.checked_mul(choices)? / factors;
        sum = sum.checked_add(of_degree)?;
    }
    Some(sum)
}

fn conflict(path: &[String], message: String, expected: String) -> ParamError {
    ParamError::new(ParamErrorKind::Conflict, path, message, expected)
}

fn repeated(feature: &Feature, name: &str, path: &[String]) -> ParamError {
    conflict(&child(path, feature.parameter()), format!("the column {name} stands twice"), "every column once".to_owned())
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
        let Windows { mean, std, min, max, .. } = self;
        [(Statistic::Mean, mean), (Statistic::Std, std), (Statistic::Min, min), (Statistic::Max, max)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_are_counted_without_making_them() {
        for (count, degree, interaction_only) in
            [(4, 3, false), (4, 3, true), (1, 5, false), (2, 5, true), (0, 2, false), (9, 4, false)]
        {
            let made = products(count, degree, interaction_only).len();
            assert_eq!(number_of_products(count, degree, interaction_only), Some(made), "{count} {degree} {interaction_only}");
        }
        assert_eq!(number_of_products(usize::MAX / 2, 3, false), None);
    }
}

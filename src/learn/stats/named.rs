//! Every statistic of one number by its name, for parameters that choose one.

use serde::{Deserialize, Serialize};

use super::{
    AbsMax, AutoCorr, Count, Entropy, EwMean, EwVar, Iqr, Kurtosis, Mad, Max, Mean, Min, Mode, NUnique, PeakToPeak, Quantile,
    RollingExtreme, RollingIqr, RollingMode, RollingMoments, RollingPeakToPeak, RollingQuantile, Sem, Shift, Skew, Sum,
    Univariate, Var,
};
use crate::learn::params::{above, above_to};

crate::params! {
    /// No parameters.
    pub struct PlainParams {}
}

crate::params! {
    /// Which quantile.
    pub struct QuantileStatParams {
        /// Where the quantile lies: 0.5 is the median.
        q: f64 = 0.5, in 0.0..=1.0;
    }
}

crate::params! {
    /// How fast old values fade.
    pub struct FadedParams {
        /// Weight of the newest value: the closer to 1, the faster old values fade.
        fading_factor: f64 = 0.5, in above_to(0.0, 1.0);
    }
}

crate::params! {
    /// How many values count.
    pub struct WindowParams {
        /// How many of the last values count.
        window_size: usize = 20, in 1..=100_000, unit "records";
    }
}

crate::params! {
    /// Which quantile of how many values.
    pub struct RollingQuantileParams {
        /// Where the quantile lies: 0.5 is the median.
        q: f64 = 0.5, in 0.0..=1.0;
        /// How many of the last values count.
        window_size: usize = 20, in 1..=100_000, unit "records";
    }
}

crate::params! {
    /// How many different values are counted.
    pub struct ModeParams {
        /// Only the first so many different values are counted.
        k: usize = 25, in 1..=100_000, unit "values";
    }
}

crate::params! {
    /// How the entropy is reckoned.
    pub struct EntropyParams {
        /// What is left of the entropy at each value; 1 forgets nothing.
        fading_factor: f64 = 1.0, in above_to(0.0, 1.0);
        /// Stands in for counts of zero.
        eps: f64 = 1e-8, in above(0.0);
        /// Only the first so many different values are told apart.
        max_values: usize = 1_000, in 1..=100_000, unit "values";
    }
}

crate::params! {
    /// How far is counted.
    pub struct NUniqueParams {
        /// Counting ends at so many different values.
        max_values: usize = 10_000, in 1..=1_000_000, unit "values";
    }
}

crate::params! {
    /// How far back.
    pub struct LagParams {
        /// How many values back the series is compared with itself.
        lag: usize = 1, in 1..=100_000, unit "records";
    }
}

crate::params! {
    /// How far back.
    pub struct ShiftStatParams {
        /// How many values before the last one; 0 is the last value itself.
        amount: usize = 1, in 0..=100_000, unit "records";
    }
}

crate::variants! {
    /// A statistic of one number.
    pub enum StatisticSpec {
        /// The mean.
        Mean(PlainParams) = "mean",
        /// The sample variance.
        Var(PlainParams) = "var",
        /// The standard error of the mean.
        Sem(PlainParams) = "sem",
        /// The smallest value.
        Min(PlainParams) = "min",
        /// The largest value.
        Max(PlainParams) = "max",
        /// The largest size of a value, whatever its sign.
        AbsMax(PlainParams) = "abs_max",
        /// The largest value less the smallest.
        PeakToPeak(PlainParams) = "peak_to_peak",
        /// A quantile by the P² algorithm.
        Quantile(QuantileStatParams) = "quantile",
        /// The interquartile range by the P² algorithm.
        Iqr(PlainParams) = "iqr",
        /// The median absolute deviation by the P² algorithm.
        Mad(PlainParams) = "mad",
        /// The sample skewness.
        Skew(PlainParams) = "skew",
        /// The sample excess kurtosis.
        Kurtosis(PlainParams) = "kurtosis",
        /// The exponentially weighted mean.
        EwMean(FadedParams) = "ew_mean",
        /// The exponentially weighted variance.
        EwVar(FadedParams) = "ew_var",
        /// The mean of the last values.
        RollingMean(WindowParams) = "rolling_mean",
        /// The sample variance of the last values.
        RollingVar(WindowParams) = "rolling_var",
        /// The smallest of the last values.
        RollingMin(WindowParams) = "rolling_min",
        /// The largest of the last values.
        RollingMax(WindowParams) = "rolling_max",
        /// The largest of the last values less the smallest.
        RollingPeakToPeak(WindowParams) = "rolling_peak_to_peak",
        /// A quantile of the last values, exact.
        RollingQuantile(RollingQuantileParams) = "rolling_quantile",
        /// The interquartile range of the last values, exact.
        RollingIqr(WindowParams) = "rolling_iqr",
        /// The most frequent of the last values.
        RollingMode(WindowParams) = "rolling_mode",
        /// The most frequent value.
        Mode(ModeParams) = "mode",
        /// The entropy of the values taken as categories.
        Entropy(EntropyParams) = "entropy",
        /// How many different values there have been.
        NUnique(NUniqueParams) = "n_unique",
        /// How many values there have been.
        Count(PlainParams) = "count",
        /// The sum of the values.
        Sum(PlainParams) = "sum",
        /// The correlation of the series with itself some values ago.
        AutoCorr(LagParams) = "auto_corr",
        /// An earlier value.
        Shift(ShiftStatParams) = "shift",
    }
}

/// The mean over a window, which is one of its moments.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct RollingMean(RollingMoments);

impl Univariate for RollingMean {
    fn update(&mut self, x: f64) {
        self.0.update(x);
    }

    fn get(&self) -> Option<f64> {
        self.0.mean()
    }
}

/// The sample variance over a window, which is one of its moments.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct RollingVar(RollingMoments);

impl Univariate for RollingVar {
    fn update(&mut self, x: f64) {
        self.0.update(x);
    }

    fn get(&self) -> Option<f64> {
        self.0.var(1.0)
    }
}

macro_rules! statistics {
    ($($variant:ident($type:ty) = |$p:ident| $new:expr;)+) => {
        #[derive(Debug, Clone, Serialize, Deserialize)]
        enum State {
            $($variant($type),)+
        }

        impl StatisticSpec {
            /// The statistic itself, which has seen nothing yet.
            pub fn build(&self) -> Statistic {
                Statistic(match self {
                    $(Self::$variant($p) => State::$variant($new),)+
                })
            }
        }

        impl Univariate for Statistic {
            fn update(&mut self, x: f64) {
                if x.is_finite() {
                    match &mut self.0 {
                        $(State::$variant(statistic) => Univariate::update(statistic, x),)+
                    }
                }
            }

            fn get(&self) -> Option<f64> {
                match &self.0 {
                    $(State::$variant(statistic) => Univariate::get(statistic),)+
                }
            }
        }
    };
}

/// A running statistic chosen by name.
///
/// ```
/// use serde_json::json;
/// use tidemill::learn::{params::ParamValue, stats::{StatisticSpec, Univariate}};
///
/// let spec = StatisticSpec::read_value(&json!({ "rolling_quantile": { "q": 0.5, "window_size": 3 } }), &[]).unwrap();
/// let mut median = spec.build();
/// assert_eq!(median.get(), None);
/// [5.0, 1.0, 3.0, 2.0].map(|x| median.update(x));
/// assert_eq!(median.get(), Some(2.0));
/// ```
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Statistic(State);

statistics! {
    Mean(Mean) = |_p| Mean::default();
    Var(Var) = |_p| Var::default();
    Sem(Sem) = |_p| Sem::default();
    Min(Min) = |_p| Min::default();
    Max(Max) = |_p| Max::default();
    AbsMax(AbsMax) = |_p| AbsMax::default();
    PeakToPeak(PeakToPeak) = |_p| PeakToPeak::default();
    Quantile(Quantile) = |p| Quantile::new(p.q);
    Iqr(Iqr) = |_p| Iqr::default();
    Mad(Mad) = |_p| Mad::default();
    Skew(Skew) = |_p| Skew::default();
    Kurtosis(Kurtosis) = |_p| Kurtosis::default();
    EwMean(EwMean) = |p| EwMean::new(p.fading_factor);
    EwVar(EwVar) = |p| EwVar::new(p.fading_factor);
    RollingMean(RollingMean) = |p| RollingMean(RollingMoments::new(p.window_size));
    RollingVar(RollingVar) = |p| RollingVar(RollingMoments::new(p.window_size));
    RollingMin(RollingExtreme) = |p| RollingExtreme::min(p.window_size);
    RollingMax(RollingExtreme) = |p| RollingExtreme::max(p.window_size);
    RollingPeakToPeak(RollingPeakToPeak) = |p| RollingPeakToPeak::new(p.window_size);
    RollingQuantile(RollingQuantile) = |p| RollingQuantile::new(p.q, p.window_size);
    RollingIqr(RollingIqr) = |p| RollingIqr::new(p.window_size, 0.25, 0.75);
    RollingMode(RollingMode) = |p| RollingMode::new(p.window_size);
    Mode(Mode) = |p| Mode::new(p.k);
    Entropy(Entropy) = |p| Entropy::new(p.fading_factor, p.eps, p.max_values);
    NUnique(NUnique) = |p| NUnique::new(p.max_values);
    Count(Count) = |_p| Count::default();
    Sum(Sum) = |_p| Sum::default();
    AutoCorr(AutoCorr) = |p| AutoCorr::new(p.lag);
    Shift(Shift) = |p| Shift::new(p.amount);
}

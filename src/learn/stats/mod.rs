//! Running statistics with River's arithmetic: one value in, nothing kept but what the statistic needs.
//!
//! [`Univariate`] and [`Bivariate`] are what they have in common; [`Statistic`] is any of the univariate ones by name, for parameters that choose one.

mod base;
mod central;
mod counts;
mod cov;
mod exact_mean;
mod extremes;
mod f_distribution;
mod faded;
mod link;
mod mean;
mod named;
mod quantile;
mod rolling;
mod sem;
mod shift;
mod sliding;
mod sorted_window;
mod var;

pub use base::{Bivariate, Revert, RevertPair, Univariate};
pub use central::{Kurtosis, Skew};
pub use counts::{Count, Entropy, Mode, NUnique, RollingMode, Sum};
pub use cov::{AutoCorr, Cov, PearsonCorr};
pub use exact_mean::exact_mean;
pub use extremes::{AbsMax, Max, Min, PeakToPeak, RollingExtreme, RollingPeakToPeak};
pub use f_distribution::f_upper_tail;
pub use faded::{EwCov, EwMean, EwVar};
pub use link::Link;
pub use mean::Mean;
pub use named::{Statistic, StatisticSpec};
pub use quantile::{Iqr, Mad, Quantile};
pub use rolling::{Rolling, RollingMoments, RollingPair};
pub use sem::Sem;
pub use shift::Shift;
pub use sliding::{Moments, Sliding, Summary};
pub use sorted_window::{RollingIqr, RollingQuantile, SortedWindow};
pub use var::Var;

#[cfg(test)]
mod tests;

//! The smallest and the largest value, since the start and over a window.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::Univariate;
use crate::learn::base::finite;

macro_rules! extreme {
    ($(#[doc = $doc:literal])+ $name:ident, $of:expr, $better:expr) => {
        $(#[doc = $doc])+
        #[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
        pub struct $name(Option<f64>);

        impl Univariate for $name {
            fn update(&mut self, x: f64) {
                let (of, better): (fn(f64) -> f64, fn(f64, f64) -> f64) = ($of, $better);
                if x.is_finite() {
                    self.0 = Some(self.0.map_or(of(x), |best| better(best, of(x))));
                }
            }

            fn get(&self) -> Option<f64> {
                self.0
            }
        }
    };
}

extreme! {
    /// The smallest value so far.
    ///
    /// ```
    /// use tidemill::learn::stats::{Min, Univariate};
    /// let mut min = Min::default();
    /// [3.0, 1.0, 2.0].map(|x| min.update(x));
    /// assert_eq!(min.get(), Some(1.0));
    /// ```
    Min, |x| x, f64::min
}
extreme! {
    /// The largest value so far.
    ///
    /// ```
    /// use tidemill::learn::stats::{Max, Univariate};
    /// let mut max = Max::default();
    /// [3.0, 1.0, 2.0].map(|x| max.update(x));
    /// assert_eq!(max.get(), Some(3.0));
    /// ```
    Max, |x| x, f64::max
}
extreme! {
    /// The largest size of a value so far, whatever its sign.
    ///
    /// ```
    /// use tidemill::learn::stats::{AbsMax, Univariate};
    /// let mut max = AbsMax::default();
    /// [3.0, -5.0, 2.0].map(|x| max.update(x));
    /// assert_eq!(max.get(), Some(5.0));
    /// ```
    AbsMax, f64::abs, f64::max
}

/// The distance of the largest value so far from the smallest.
///
/// ```
/// use tidemill::learn::stats::{PeakToPeak, Univariate};
/// let mut range = PeakToPeak::default();
/// [3.0, -5.0, 2.0].map(|x| range.update(x));
/// assert_eq!(range.get(), Some(8.0));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct PeakToPeak {
    min: Min,
    max: Max,
}

impl Univariate for PeakToPeak {
    fn update(&mut self, x: f64) {
        self.min.update(x);
        self.max.update(x);
    }

    fn get(&self) -> Option<f64> {
        Some(finite(self.max.get()? - self.min.get()?))
    }
}

/// Which extreme of a window is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Side {
    Smallest,
    Largest,
    LargestSize,
}

/// An extreme over the last values: kept are only the values that can still become it, in order. Constant cost on average.
///
/// Reference: D. Lemire, "Streaming maximum-minimum filter using no more than three comparisons per element", Nordic J. of Computing 13(4), 2006.
///
/// ```
/// use tidemill::learn::stats::{RollingExtreme, Univariate};
/// let mut max = RollingExtreme::max(2);
/// [5.0, 1.0, 2.0].map(|x| max.update(x));
/// assert_eq!(max.get(), Some(2.0));
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RollingExtreme {
    side: Side,
    size: u64,
    seen: u64,
    candidates: VecDeque<(u64, f64)>,
}

impl RollingExtreme {
    fn new(side: Side, size: usize) -> Self {
        RollingExtreme { side, size: size.max(1) as u64, seen: 0, candidates: VecDeque::new() }
    }

    /// The smallest of the last `window_size` values.
    pub fn min(window_size: usize) -> Self {
        RollingExtreme::new(Side::Smallest, window_size)
    }

    /// The largest of the last `window_size` values.
    pub fn max(window_size: usize) -> Self {
        RollingExtreme::new(Side::Largest, window_size)
    }

    /// The largest size among the last `window_size` values, whatever their signs.
    pub fn abs_max(window_size: usize) -> Self {
        RollingExtreme::new(Side::LargestSize, window_size)
    }
}

impl Univariate for RollingExtreme {
    fn update(&mut self, x: f64) {
        if !x.is_finite() {
            return;
        }
        let x = if self.side == Side::LargestSize { x.abs() } else { x };
        let beaten = |old: f64| if self.side == Side::Smallest { old >= x } else { old <= x };
        while self.candidates.back().is_some_and(|(_, old)| beaten(*old)) {
            self.candidates.pop_back();
        }
        self.seen += 1;
        self.candidates.push_back((self.seen, x));
        if self.candidates.front().is_some_and(|(at, _)| at + self.size <= self.seen) {
            self.candidates.pop_front();
        }
    }

    fn get(&self) -> Option<f64> {
        self.candidates.front().map(|(_, x)| *x)
    }
}

/// The distance of the largest from the smallest of the last values.
///
/// ```
/// use tidemill::learn::stats::{RollingPeakToPeak, Univariate};
/// let mut range = RollingPeakToPeak::new(2);
/// [5.0, 1.0, 2.0].map(|x| range.update(x));
/// assert_eq!(range.get(), Some(1.0));
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RollingPeakToPeak {
    min: RollingExtreme,
    max: RollingExtreme,
}

impl RollingPeakToPeak {
    /// Over the last `window_size` values.
    pub fn new(window_size: usize) -> Self {
        RollingPeakToPeak { min: RollingExtreme::min(window_size), max: RollingExtreme::max(window_size) }
    }
}

impl Univariate for RollingPeakToPeak {
    fn update(&mut self, x: f64) {
        self.min.update(x);
        self.max.update(x);
    }

    fn get(&self) -> Option<f64> {
        Some(finite(self.max.get()? - self.min.get()?))
    }
}

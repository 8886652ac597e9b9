//! The average true range.

use serde::{Deserialize, Serialize};

use super::Smoothed;

/// How far the price went since the close before: the largest of high - low, |high - last|, |low - last|. It needs no close of the bar itself.
pub fn true_range(high: f64, low: f64, last_close: f64) -> f64 {
    (high - low).max((high - last_close).abs()).max((low - last_close).abs())
}

/// Wilder's mean of the [`true_range`]: volatility in units of price. The first bar has no close before it, so it speaks after `length + 1` bars.
///
/// A value says nothing of its own bar's close, so a nowcast may know it.
///
/// Reference: J. W. Wilder, "New Concepts in Technical Trading Systems", 1978, section III.
///
/// ```
/// use tidemill::learn::feature_extraction::Atr;
/// let mut atr = Atr::new(2);
/// let bars = [(10.0, 8.0, 9.0), (12.0, 9.0, 11.0), (11.0, 10.0, 10.5), (15.0, 12.0, 14.0)];
/// let values: Vec<Option<f64>> = bars.iter().map(|(high, low, close)| atr.update(*high, *low, *close)).collect();
/// assert_eq!(values, [None, None, Some(2.0), Some(3.25)]);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Atr {
    mean: Smoothed,
    last: Option<f64>,
}

impl Atr {
    /// A mean over `length` bars, at least 1.
    pub fn new(length: usize) -> Self {
        Atr { mean: Smoothed::wilder(length), last: None }
    }

    /// Its length, bars.
    pub fn length(&self) -> usize {
        self.mean.length()
    }

    /// Takes the next bar and gives the range. A bar with a number that is not finite changes nothing.
    pub fn update(&mut self, high: f64, low: f64, close: f64) -> Option<f64> {
        if high.is_finite()
            && low.is_finite()
            && close.is_finite()
            && let Some(last) = self.last.replace(close)
        {
            self.mean.update(true_range(high, low, last));
        }
        self.get()
    }

    /// The range, once `length` true ranges have come.
    pub fn get(&self) -> Option<f64> {
        self.mean.get()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Length 2. True ranges: of the second bar max(3, |12 - 9|, |9 - 9|) = 3; of the third max(1, |11 - 11|, |10 - 11|) = 1;
    /// of the fourth, after a gap, max(3, |15 - 10.5|, |12 - 10.5|) = 4.5. Mean (3 + 1) / 2 = 2, then 2 + (4.5 - 2) / 2 = 3.25.
    #[test]
    fn a_worked_series_with_a_gap() {
        let mut atr = Atr::new(2);
        let bars = [(10.0, 8.0, 9.0), (12.0, 9.0, 11.0), (11.0, 10.0, 10.5), (15.0, 12.0, 14.0)];
        let values: Vec<Option<f64>> = bars.iter().map(|(high, low, close)| atr.update(*high, *low, *close)).collect();
        assert_eq!(values, [None, None, Some(2.0), Some(3.25)]);
        assert_eq!(true_range(9.0, 7.0, 12.0), 5.0, "a gap down counts as well");
    }

    #[test]
    fn its_own_close_does_not_matter_and_poison_changes_nothing() {
        let of = |close: f64| {
            let mut atr = Atr::new(1);
            atr.update(2.0, 1.0, 1.5);
            atr.update(3.0, 1.0, close)
        };
        assert_eq!(of(1.1), of(2.9));
        let mut atr = Atr::new(1);
        atr.update(2.0, 1.0, 1.5);
        let before = atr;
        for (high, low, close) in [(f64::NAN, 1.0, 1.0), (2.0, f64::INFINITY, 1.0), (2.0, 1.0, f64::NAN)] {
            atr.update(high, low, close);
        }
        assert_eq!(atr, before);
    }
}

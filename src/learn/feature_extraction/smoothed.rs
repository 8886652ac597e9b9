//! The exponential mean of technical analysis: it begins with a plain mean.

use serde::{Deserialize, Serialize};

/// An exponential mean whose first value is the plain mean of the first `length` numbers; before that it says nothing.
///
/// `value += alpha * (x - value)`, with `alpha = 1 / length` after Wilder or `2 / (length + 1)` for the usual moving average. A mean that begins
/// with its first number instead (as statistics do) hangs on that number for several lengths.
///
/// Reference: J. W. Wilder, "New Concepts in Technical Trading Systems", 1978.
///
/// ```
/// use tidemill::learn::feature_extraction::Smoothed;
/// let mut mean = Smoothed::wilder(2);
/// assert_eq!(mean.update(1.0), None);
/// assert_eq!(mean.update(3.0), Some(2.0)); // (1 + 3) / 2
/// assert_eq!(mean.update(8.0), Some(5.0)); // 2 + (8 - 2) / 2
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Smoothed {
    length: usize,
    alpha: f64,
    seen: usize,
    value: f64,
}

impl Smoothed {
    /// Wilder's: the newest number weighs `1 / length`. A length of 0 counts as 1.
    pub fn wilder(length: usize) -> Self {
        let length = length.max(1);
        Smoothed { length, alpha: 1.0 / length as f64, seen: 0, value: 0.0 }
    }

    /// The exponential moving average: the newest number weighs `2 / (length + 1)`. A length of 0 counts as 1.
    pub fn average(length: usize) -> Self {
        let length = length.max(1);
        Smoothed { length, alpha: 2.0 / (length + 1) as f64, seen: 0, value: 0.0 }
    }

    /// Its length, numbers.
    pub fn length(&self) -> usize {
        self.length
    }

    /// Takes the next number and gives the mean. A number that is not finite changes nothing.
    pub fn update(&mut self, x: f64) -> Option<f64> {
        let first = self.seen < self.length;
        let weight = if first { 1.0 / (self.seen + 1) as f64 } else { self.alpha };
        let value = self.value + weight * (x - self.value);
        if value.is_finite() {
            self.value = value;
            self.seen += usize::from(first);
        }
        self.get()
    }

    /// The mean, once `length` numbers have come.
    pub fn get(&self) -> Option<f64> {
        (self.seen == self.length).then_some(self.value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_begins_with_the_plain_mean_and_then_fades() {
        let mut mean = Smoothed::average(3); // alpha = 2 / 4
        let values: Vec<Option<f64>> = [1.0, 2.0, 6.0, 5.0, 1.0].iter().map(|x| mean.update(*x)).collect();
        assert_eq!(values, [None, None, Some(3.0), Some(4.0), Some(2.5)]);
    }

    #[test]
    fn what_is_not_finite_changes_nothing() {
        let mut mean = Smoothed::wilder(2);
        mean.update(1.0);
        let before = mean;
        for x in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert_eq!(mean.update(x), None);
        }
        assert_eq!(mean, before);
        assert_eq!(mean.update(2.0), Some(1.5));
    }
}

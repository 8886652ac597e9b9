//! The on-balance volume.

use serde::{Deserialize, Serialize};

/// Volume added up with the sign of the move: the whole volume of a bar that closes higher counts up, of one that closes lower down.
///
/// The sum begins at 0 with the first bar, so its level depends on where the series begins; its changes do not. A volume that would take the sum
/// out of the finite numbers is left out.
///
/// Reference: J. E. Granville, "Granville's New Key to Stock Market Profits", 1963.
///
/// ```
/// use tidemill::learn::feature_extraction::Obv;
/// let mut obv = Obv::default();
/// let sums: Vec<Option<f64>> = [(10.0, 5.0), (11.0, 3.0), (11.0, 9.0), (10.5, 2.0)].map(|(close, volume)| obv.update(close, volume)).into();
/// assert_eq!(sums, [Some(0.0), Some(3.0), Some(3.0), Some(1.0)]);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Obv {
    sum: f64,
    last: Option<f64>,
}

impl Obv {
    /// Takes the next bar and gives the sum. A bar with a number that is not finite changes nothing.
    pub fn update(&mut self, close: f64, volume: f64) -> Option<f64> {
        if close.is_finite() && volume.is_finite() {
            let sum = match self.last.replace(close) {
                Some(last) if close > last => self.sum + volume,
                Some(last) if close < last => self.sum - volume,
                _ => self.sum,
            };
            self.sum = if sum.is_finite() { sum } else { self.sum };
        }
        self.get()
    }

    /// The sum, once a bar has come.
    pub fn get(&self) -> Option<f64> {
        self.last.map(|_| self.sum)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn volume_counts_with_the_sign_of_the_move() {
        let mut obv = Obv::default();
        assert_eq!(obv.get(), None);
        let bars = [(10.0, 5.0), (11.0, 3.0), (11.0, 9.0), (10.5, 2.0), (10.4, 4.0), (12.0, 1.5)];
        let sums: Vec<f64> = bars.iter().filter_map(|(close, volume)| obv.update(*close, *volume)).collect();
        assert_eq!(sums, [0.0, 3.0, 3.0, 1.0, -3.0, -1.5]);
    }

    #[test]
    fn poison_and_overflow_change_nothing() {
        let mut obv = Obv::default();
        for (close, volume) in [(1.0, 1.0), (2.0, f64::MAX), (f64::NAN, 1.0), (3.0, f64::INFINITY), (3.0, f64::MAX)] {
            obv.update(close, volume);
        }
        assert_eq!(obv.get(), Some(f64::MAX));
    }
}

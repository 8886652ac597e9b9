//! Moving average convergence and divergence.

use serde::{Deserialize, Serialize};

use super::Smoothed;

/// The longest length of an average, numbers.
const LONGEST: usize = 10_080;

crate::params! {
    /// Parameters of [`Macd`].
    pub struct MacdParams {
        /// Length of the fast average; below that of the slow one.
        fast: usize = 12, in 1..=LONGEST, unit "bars";
        /// Length of the slow average.
        slow: usize = 26, in 2..=LONGEST, unit "bars";
        /// Length of the signal's average.
        signal: usize = 9, in 1..=LONGEST, unit "bars";
    }
}

/// The distance of a fast from a slow exponential average of the close, its own average (the signal), and how far it is from that (the
/// histogram); all in units of price.
///
/// Each average begins with the plain mean of its first values, so the line speaks after `slow` closes and the signal after
/// `slow + signal - 1`.
///
/// Reference: G. Appel, "Technical Analysis: Power Tools for Active Investors", 2005.
///
/// ```
/// use tidemill::learn::feature_extraction::Macd;
/// let mut macd = Macd::new(2, 3, 2);
/// let last = [1.0, 2.0, 4.0, 8.0, 16.0].iter().map(|close| macd.update(*close)).last().unwrap();
/// let lines = [last.line, last.signal, last.histogram()].map(|value| format!("{:.4}", value.unwrap()));
/// assert_eq!(lines, ["2.2130", "1.8179", "0.3951"]);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Macd {
    fast: Smoothed,
    slow: Smoothed,
    signal: Smoothed,
}

/// What [`Macd`] says; absent until enough closes have come.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct MacdLines {
    /// Fast minus slow average.
    pub line: Option<f64>,
    /// The average of the line.
    pub signal: Option<f64>,
}

impl MacdLines {
    /// Line minus signal.
    pub fn histogram(&self) -> Option<f64> {
        Some(self.line? - self.signal?)
    }
}

impl Macd {
    /// Averages of these lengths, each at least 1.
    pub fn new(fast: usize, slow: usize, signal: usize) -> Self {
        Macd { fast: Smoothed::average(fast), slow: Smoothed::average(slow), signal: Smoothed::average(signal) }
    }

    /// The lengths: fast, slow, signal.
    pub fn lengths(&self) -> (usize, usize, usize) {
        (self.fast.length(), self.slow.length(), self.signal.length())
    }

    /// Takes the next close and gives the lines. A close that is not finite changes nothing.
    pub fn update(&mut self, close: f64) -> MacdLines {
        if close.is_finite() {
            self.fast.update(close);
            self.slow.update(close);
            if let Some(line) = self.get().line {
                self.signal.update(line);
            }
        }
        self.get()
    }

    /// The lines as they are.
    pub fn get(&self) -> MacdLines {
        let line = self.fast.get().zip(self.slow.get()).map(|(fast, slow)| fast - slow);
        MacdLines { line, signal: self.signal.get() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lengths 2, 3, 2 over 1 2 4 8 16.
    /// Fast (alpha 2/3): 3/2, 3/2 + 2/3 * 5/2 = 19/6, 19/6 + 2/3 * 29/6 = 115/18, 115/18 + 2/3 * 173/18 = 691/54.
    /// Slow (alpha 1/2): 7/3, (7/3 + 8) / 2 = 31/6, (31/6 + 16) / 2 = 127/12.
    /// Line: 19/6 - 7/3 = 5/6, 115/18 - 31/6 = 11/9, 691/54 - 127/12 = 239/108.
    /// Signal (alpha 2/3): (5/6 + 11/9) / 2 = 37/36, 37/36 + 2/3 * (239/108 - 37/36) = 589/324.
    #[test]
    fn a_worked_series() {
        let mut macd = Macd::new(2, 3, 2);
        let lines: Vec<MacdLines> = [1.0, 2.0, 4.0, 8.0, 16.0].iter().map(|close| macd.update(*close)).collect();
        let near = |value: Option<f64>, expected: f64| value.is_some_and(|value| (value - expected).abs() < 1e-12);
        assert_eq!(lines[..2], [MacdLines::default(); 2]);
        assert!(near(lines[2].line, 5.0 / 6.0) && lines[2].signal.is_none(), "{lines:?}");
        assert!(near(lines[3].line, 11.0 / 9.0) && near(lines[3].signal, 37.0 / 36.0), "{lines:?}");
        assert!(near(lines[4].line, 239.0 / 108.0) && near(lines[4].signal, 589.0 / 324.0), "{lines:?}");
        assert!(near(lines[4].histogram(), 239.0 / 108.0 - 589.0 / 324.0));
    }

    #[test]
    fn a_constant_price_has_no_momentum_and_poison_changes_nothing() {
        let mut macd = Macd::new(12, 26, 9);
        for _ in 0..34 {
            macd.update(7.0);
        }
        assert_eq!(macd.get(), MacdLines { line: Some(0.0), signal: Some(0.0) });
        let before = macd;
        macd.update(f64::NAN);
        macd.update(f64::INFINITY);
        assert_eq!(macd, before);
    }
}

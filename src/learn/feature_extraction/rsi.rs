//! The relative strength index.

use serde::{Deserialize, Serialize};

use super::Smoothed;

/// How much of the recent movement went up: 0 (all down) to 100 (all up), 50 where nothing moved.
///
/// `100 * G / (G + L)`, with `G` and `L` Wilder's means of the rises and of the falls of the close; the same as `100 - 100 / (1 + G / L)` without
/// the division by zero. It speaks after `length + 1` closes.
///
/// Reference: J. W. Wilder, "New Concepts in Technical Trading Systems", 1978, section VI.
///
/// ```
/// use tidemill::learn::feature_extraction::Rsi;
/// let mut rsi = Rsi::new(2);
/// let values: Vec<Option<f64>> = [10.0, 11.0, 10.0, 12.0].iter().map(|close| rsi.update(*close)).collect();
/// assert_eq!(values[..3], [None, None, Some(50.0)]);
/// assert_eq!(format!("{:.4}", values[3].unwrap()), "83.3333");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Rsi {
    rises: Smoothed,
    falls: Smoothed,
    last: Option<f64>,
}

impl Rsi {
    /// An index over `length` moves, at least 1.
    pub fn new(length: usize) -> Self {
        Rsi { rises: Smoothed::wilder(length), falls: Smoothed::wilder(length), last: None }
    }

    /// Its length, moves.
    pub fn length(&self) -> usize {
        self.rises.length()
    }

    /// Takes the next close and gives the index. A close that is not finite changes nothing.
    pub fn update(&mut self, close: f64) -> Option<f64> {
        if close.is_finite()
            && let Some(last) = self.last.replace(close)
            && (close - last).is_finite()
        {
            self.rises.update((close - last).max(0.0));
            self.falls.update((last - close).max(0.0));
        }
        self.get()
    }

    /// The index, once `length` moves have come.
    pub fn get(&self) -> Option<f64> {
        let (rises, falls) = (self.rises.get()?, self.falls.get()?);
        let moved = rises + falls;
        Some(if moved > 0.0 { 100.0 * (rises / moved) } else { 50.0 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Length 2. Rises 1 0 2 0 0, falls 0 1 0 0 3.
    /// G: (1 + 0) / 2 = 0.5, (0.5 + 2) / 2 = 1.25, 0.625, 0.3125.
    /// L: (0 + 1) / 2 = 0.5, 0.25, 0.125, (0.125 + 3) / 2 = 1.5625.
    /// 100 G / (G + L): 50, 125 / 1.5, 62.5 / 0.75, 31.25 / 1.875.
    #[test]
    fn a_worked_series() {
        let mut rsi = Rsi::new(2);
        let values: Vec<f64> = [10.0, 11.0, 10.0, 12.0, 12.0, 9.0].iter().filter_map(|close| rsi.update(*close)).collect();
        let expected = [50.0, 125.0 / 1.5, 62.5 / 0.75, 31.25 / 1.875];
        assert!(values.iter().zip(expected).all(|(v, e)| (v - e).abs() < 1e-12), "{values:?}");
        assert_eq!(values.len(), expected.len());
    }

    #[test]
    fn the_ends_of_the_scale() {
        let of = |closes: &[f64]| {
            let mut rsi = Rsi::new(3);
            closes.iter().fold(None, |_, close| rsi.update(*close))
        };
        assert_eq!(of(&[1.0, 2.0, 3.0, 4.0]), Some(100.0));
        assert_eq!(of(&[4.0, 3.0, 2.0, 1.0]), Some(0.0));
        assert_eq!(of(&[5.0; 9]), Some(50.0), "nothing moved");
        assert_eq!(of(&[1.0, 2.0, 3.0]), None);
        assert_eq!(of(&[1.0, f64::NAN, 2.0, f64::INFINITY, 3.0, 4.0]), Some(100.0), "what is not finite is not there");
    }
}

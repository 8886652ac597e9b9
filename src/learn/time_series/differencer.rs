//! Differences of a series, plain and seasonal, and the way back.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

/// The polynomial `(1 - B)^d (1 - B^m)^sd` in the lag operator `B`: what has to be taken off a value to difference a series.
///
/// ```
/// use tidemill::learn::time_series::Differencer;
/// let seasonal = Differencer::new(1, 12, 1);
/// assert_eq!(seasonal.coefficients(), [(0, 1.0), (12, -1.0), (1, -1.0), (13, 1.0)]);
/// let history = [5.0, 3.0, 2.0].into();
/// let twice = Differencer::new(2, 1, 0);
/// assert_eq!(twice.difference(9.0, &history), 9.0 - 2.0 * 5.0 + 3.0);
/// assert_eq!(twice.integrate(2.0, &history), 9.0);
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Differencer {
    coefficients: Vec<(usize, f64)>,
}

impl Differencer {
    /// `d` plain differences and `sd` of a season of `m` steps.
    pub fn new(d: usize, m: usize, sd: usize) -> Self {
        let mut coefficients: Vec<(usize, f64)> = Vec::new();
        for (plain, a) in powers(d, 1) {
            for (seasonal, b) in powers(sd, m) {
                match coefficients.iter_mut().find(|(lag, _)| *lag == plain + seasonal) {
                    Some((_, c)) => *c += a * b,
                    None => coefficients.push((plain + seasonal, a * b)),
                }
            }
        }
        coefficients.retain(|(_, c)| *c != 0.0);
        Differencer { coefficients }
    }

    /// The lags and what their values are multiplied by, in the order in which they are summed.
    pub fn coefficients(&self) -> &[(usize, f64)] {
        &self.coefficients
    }

    /// How many past values a complete difference takes.
    pub fn lags(&self) -> usize {
        self.coefficients.iter().map(|(lag, _)| *lag).max().unwrap_or(0)
    }

    /// The terms of the past, the newest value of which comes first, up to the first lag that the history does not reach.
    fn past(&self, history: &VecDeque<f64>) -> impl Iterator<Item = f64> {
        let reached = self
            .coefficients
            .iter()
            .map_while(|(lag, c)| if *lag == 0 { Some(None) } else { history.get(lag - 1).map(|y| Some(c * y)) });
        reached.flatten()
    }

    /// The difference of `y` from its past.
    pub fn difference(&self, y: f64, history: &VecDeque<f64>) -> f64 {
        self.past(history).fold(y, |sum, term| sum + term)
    }

    /// The value whose difference from its past is `difference`.
    pub fn integrate(&self, difference: f64, history: &VecDeque<f64>) -> f64 {
        self.past(history).fold(difference, |sum, term| sum - term)
    }
}

/// The terms of `(1 - B^m)^d`.
fn powers(d: usize, m: usize) -> impl Iterator<Item = (usize, f64)> {
    let mut binomial = 1.0;
    (0..=d).map(move |k| {
        let signed = if k % 2 == 1 { -binomial } else { binomial };
        binomial = binomial * (d - k) as f64 / (k + 1) as f64;
        (k * m, signed)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn polynomials_are_multiplied_out() {
        assert_eq!(Differencer::new(0, 1, 0).coefficients(), [(0, 1.0)]);
        assert_eq!(Differencer::new(1, 1, 1).coefficients(), [(0, 1.0), (1, -2.0), (2, 1.0)]);
        assert_eq!(Differencer::new(3, 7, 0).coefficients(), [(0, 1.0), (1, -3.0), (2, 3.0), (3, -1.0)]);
        assert_eq!(Differencer::new(1, 24, 2).lags(), 49);
    }

    #[test]
    fn a_short_history_ends_the_sum() {
        let differencer = Differencer::new(1, 12, 1);
        // The lag 12, which comes first, is out of reach.
        assert_eq!(differencer.difference(7.0, &[5.0].into()), 7.0);
    }
}

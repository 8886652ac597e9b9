//! How good prediction intervals are.

use serde::{Deserialize, Serialize};

use crate::{impl_snapshot, learn::base::finite, learn::stats::Mean};

/// How often the truth lies in its interval, bounds included, and how wide the intervals are. An interval with a bound that is not finite or a lower
/// bound above the upper one is refused, as is a truth that is not finite.
///
/// The two belong together: wide intervals cover everything and say nothing.
///
/// ```
/// use tidemill::learn::metrics::Intervals;
/// let mut intervals = Intervals::default();
/// for (y, lower, upper) in [(3.0, 2.0, 4.0), (9.0, 2.0, 4.0), (2.0, 1.0, 3.0), (5.0, 3.0, 9.0)] {
///     intervals.update(y, lower, upper);
/// }
/// assert_eq!((intervals.coverage(), intervals.width(), intervals.n()), (0.75, 3.0, 4));
/// ```
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Intervals {
    covered: u64,
    n: u64,
    width: Mean,
}

fn sound(y_true: f64, lower: f64, upper: f64) -> bool {
    y_true.is_finite() && lower.is_finite() && upper.is_finite() && lower <= upper
}

impl Intervals {
    /// Takes a truth and its interval.
    pub fn update(&mut self, y_true: f64, lower: f64, upper: f64) {
        if sound(y_true, lower, upper) {
            self.covered += u64::from((lower..=upper).contains(&y_true));
            self.n += 1;
            self.width.update(finite(upper - lower), 1.0);
        }
    }

    /// Takes back what was given before.
    pub fn revert(&mut self, y_true: f64, lower: f64, upper: f64) {
        if sound(y_true, lower, upper) {
            self.covered = self.covered.saturating_sub(u64::from((lower..=upper).contains(&y_true)));
            self.n = self.n.saturating_sub(1);
            self.width.revert(finite(upper - lower), 1.0);
        }
    }

    /// The share of truths in their interval, 0 to 1; 0.0 before the first one. As near to the level of the intervals as possible is best.
    pub fn coverage(&self) -> f64 {
        if self.n > 0 { self.covered as f64 / self.n as f64 } else { 0.0 }
    }

    /// The mean width, in units of the target; 0.0 before the first interval. Smaller is better.
    pub fn width(&self) -> f64 {
        self.width.get()
    }

    /// How many intervals were judged.
    pub fn n(&self) -> u64 {
        self.n
    }
}

impl_snapshot!(Intervals);

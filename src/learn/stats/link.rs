//! One statistic of another.

use serde::{Deserialize, Serialize};

use super::{Shift, Univariate};

/// The statistic `right` of what `left` says after each value; nothing passes while `left` says nothing.
///
/// ```
/// use tidemill::learn::stats::{Link, Mean, Shift, Univariate};
/// // The mean of everything but the last value: what was known before it came.
/// let mut mean = Link::new(Shift::new(1), Mean::default());
/// [1.0, 3.0, 8.0].map(|x| mean.update(x));
/// assert_eq!(mean.get(), Some(2.0));
/// ```
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Link<L, R> {
    left: L,
    right: R,
}

impl<L: Univariate, R: Univariate> Link<L, R> {
    /// `right` of `left`.
    pub fn new(left: L, right: R) -> Self {
        Link { left, right }
    }
}

impl<L: Univariate, R: Univariate> Univariate for Link<L, R> {
    fn update(&mut self, x: f64) {
        if !x.is_finite() {
            return;
        }
        self.left.update(x);
        if let Some(value) = self.left.get() {
            self.right.update(value);
        }
    }

    fn get(&self) -> Option<f64> {
        self.right.get()
    }
}

impl Univariate for Shift {
    fn update(&mut self, x: f64) {
        if x.is_finite() {
            Shift::update(self, x);
        }
    }

    fn get(&self) -> Option<f64> {
        Shift::get(self)
    }
}

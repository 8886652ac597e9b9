//! The value some steps ago.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

/// The value `amount` steps before the last one.
///
/// ```
/// use tidemill::learn::stats::Shift;
/// let mut shift = Shift::new(1);
/// assert_eq!(shift.get(), None);
/// shift.update(10.0);
/// shift.update(20.0);
/// assert_eq!(shift.get(), Some(10.0));
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Shift {
    amount: usize,
    values: VecDeque<f64>,
}

impl Shift {
    /// Looks `amount` steps back; 0 is the last value itself.
    pub fn new(amount: usize) -> Self {
        Shift { amount, values: VecDeque::with_capacity(amount + 1) }
    }

    /// Takes the next value.
    pub fn update(&mut self, x: f64) {
        if self.values.len() > self.amount {
            self.values.pop_front();
        }
        self.values.push_back(x);
    }

    /// The value `amount` steps ago, once there is one.
    pub fn get(&self) -> Option<f64> {
        if self.values.len() > self.amount { self.values.front().copied() } else { None }
    }
}

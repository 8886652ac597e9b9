//! Ranges of parameters, as Rust ranges, and how they read in words.

use std::{
    fmt,
    ops::{Bound, RangeBounds},
};

/// Everything greater than `low`.
pub fn above<T>(low: T) -> (Bound<T>, Bound<T>) {
    (Bound::Excluded(low), Bound::Unbounded)
}

/// Everything greater than `low` and at most `high`.
pub fn above_to<T>(low: T, high: T) -> (Bound<T>, Bound<T>) {
    (Bound::Excluded(low), Bound::Included(high))
}

/// The range type of parameters that have no order, such as texts: it has no values, so no range can be written for them.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub enum NoRange {}

impl fmt::Display for NoRange {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {}
    }
}

/// A range in words: `1 to 100`, `above 0`, `from 0, below 1`.
///
/// ```
/// use tidemill::learn::params::{above, range_text};
/// assert_eq!(range_text(&(1..=100), &|n| n.to_string()), "1 to 100");
/// assert_eq!(range_text(&above(0.0), &|n| n.to_string()), "above 0");
/// ```
pub fn range_text<T>(range: &impl RangeBounds<T>, text: &dyn Fn(&T) -> String) -> String {
    use Bound::{Excluded, Included, Unbounded};
    match (range.start_bound(), range.end_bound()) {
        (Included(a), Included(b)) => format!("{} to {}", text(a), text(b)),
        (Included(a), Excluded(b)) => format!("from {}, below {}", text(a), text(b)),
        (Included(a), Unbounded) => format!("at least {}", text(a)),
        (Excluded(a), Included(b)) => format!("above {}, at most {}", text(a), text(b)),
        (Excluded(a), Excluded(b)) => format!("above {}, below {}", text(a), text(b)),
        (Excluded(a), Unbounded) => format!("above {}", text(a)),
        (Unbounded, Included(b)) => format!("at most {}", text(b)),
        (Unbounded, Excluded(b)) => format!("below {}", text(b)),
        (Unbounded, Unbounded) => "any".to_owned(),
    }
}

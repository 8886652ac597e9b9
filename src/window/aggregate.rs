//! What a window makes of its parts: the [`Aggregate`] trait, and the plainest of aggregates, count, sum, least and greatest of numbers.
//!
//! It knows nothing of the kinds of windows.

use std::cmp::Ordering;
use std::fmt::Debug;

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::{Part, Relation};
use crate::record::Timestamp;

/// The span of time a closed window stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Span {
    /// A window of the clock (tumbling, hopping): `[start, end)` whatever lies in it.
    Fixed {
        /// First moment.
        start: Timestamp,
        /// First moment after it.
        end: Timestamp,
    },
    /// A window made by its parts (sliding, session, count): from the first moment of the first part to the end of the last.
    Covered,
}

/// Turns the parts of a window into its result, when the window closes.
///
/// A plain function of the parts in event-time order, not of the order in which they came: that is what makes the result of a window the same
/// for every order of arrival within the grace, and lets a revised part count once, with its last values.
pub trait Aggregate {
    /// What the window is filled with.
    type Part: Part;
    /// What it results in.
    type Output: Clone + Debug + PartialEq + Serialize + DeserializeOwned;

    /// The result over `parts`, in event-time order, and over `earlier`: the results of sessions that had been closed when a late record
    /// joined them to this one (always empty for other kinds). `None` only if both are empty, which no window is.
    fn fold<'a>(span: Span, earlier: &'a [Self::Output], parts: impl Iterator<Item = &'a Self::Part>) -> Option<Self::Output>
    where
        Self::Part: 'a,
        Self::Output: 'a;
}

/// A number at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// When.
    pub time: Timestamp,
    /// How much.
    pub value: f64,
}

impl Part for Point {
    fn start(&self) -> Timestamp {
        self.time
    }
    fn end(&self) -> Timestamp {
        self.time
    }
    fn order(&self, other: &Self) -> Ordering {
        self.time.cmp(&other.time)
    }
    /// Numbers have no name to know one again by: two of one moment are two numbers.
    fn relation(&self, _newer: &Self) -> Relation {
        Relation::Distinct
    }
}

/// Count, sum, least and greatest of [`Point`]s. Sums are taken in event-time order.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Stats {
    /// How many.
    pub count: u64,
    /// Their sum.
    pub sum: f64,
    /// The least.
    pub min: f64,
    /// The greatest.
    pub max: f64,
}

/// The aggregate that makes [`Stats`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StatsAggregate;

impl Aggregate for StatsAggregate {
    type Part = Point;
    type Output = Stats;

    fn fold<'a>(_span: Span, earlier: &'a [Stats], parts: impl Iterator<Item = &'a Point>) -> Option<Stats> {
        let of_one = |p: &Point| Stats { count: 1, sum: p.value, min: p.value, max: p.value };
        let join = |a: Stats, b: Stats| Stats {
            count: a.count + b.count,
            sum: a.sum + b.sum,
            min: a.min.min(b.min),
            max: a.max.max(b.max),
        };
        earlier.iter().copied().chain(parts.map(of_one)).reduce(join)
    }
}

//! Counting values: how many, how many different ones, which is the most frequent, how evenly they are spread.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::Univariate;

/// How many values there have been.
///
/// ```
/// use tidemill::learn::stats::{Count, Univariate};
/// let mut count = Count::default();
/// [3.0, 1.0].map(|x| count.update(x));
/// assert_eq!(count.get(), Some(2.0));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Count(u64);

impl Univariate for Count {
    fn update(&mut self, x: f64) {
        self.0 += u64::from(x.is_finite());
    }

    fn get(&self) -> Option<f64> {
        Some(self.0 as f64)
    }
}

/// The sum of the values; a value that would overflow it is refused.
///
/// ```
/// use tidemill::learn::stats::{Sum, Univariate};
/// let mut sum = Sum::default();
/// [3.0, 1.0].map(|x| sum.update(x));
/// assert_eq!(sum.get(), Some(4.0));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Sum(f64);

impl Univariate for Sum {
    fn update(&mut self, x: f64) {
        if (self.0 + x).is_finite() {
            self.0 += x;
        }
    }

    fn get(&self) -> Option<f64> {
        Some(self.0)
    }
}

impl super::Revert for Sum {
    fn revert(&mut self, x: f64) {
        self.update(-x);
    }
}

/// Counts per value, in order of first arrival; -0.0 and 0.0 are one value.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
struct Counts {
    /// Sorted by value: the value, its count, and its place in the order of arrival.
    entries: Vec<(f64, u64, u64)>,
    arrivals: u64,
}

impl Counts {
    fn place(&self, x: f64) -> Result<usize, usize> {
        self.entries.binary_search_by(|(value, ..)| value.total_cmp(&x))
    }

    fn count(&self, x: f64) -> u64 {
        self.place(x + 0.0).map_or(0, |at| self.entries[at].1)
    }

    /// Counts `x`, unless it is new and there are `most` values already.
    fn add(&mut self, x: f64, most: usize) {
        // Adding 0.0 turns -0.0 into 0.0.
        match self.place(x + 0.0) {
            Ok(at) => self.entries[at].1 += 1,
            Err(at) if self.entries.len() < most => {
                self.entries.insert(at, (x + 0.0, 1, self.arrivals));
                self.arrivals += 1;
            }
            Err(_) => {}
        }
    }

    fn remove(&mut self, x: f64) {
        if let Ok(at) = self.place(x + 0.0) {
            self.entries[at].1 -= 1;
            if self.entries[at].1 == 0 {
                self.entries.remove(at);
            }
        }
    }

    /// The most frequent value; among equals the one that came first.
    fn mode(&self) -> Option<f64> {
        let most = self.entries.iter().max_by_key(|(_, count, arrival)| (*count, std::cmp::Reverse(*arrival)));
        most.map(|(value, ..)| *value)
    }
}

/// How many different values there have been, counted exactly up to a limit and then no further.
///
/// ```
/// use tidemill::learn::stats::{NUnique, Univariate};
/// let mut unique = NUnique::new(1_000);
/// [3.0, 1.0, 3.0].map(|x| unique.update(x));
/// assert_eq!(unique.get(), Some(2.0));
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NUnique {
    most: usize,
    values: Vec<f64>,
}

impl NUnique {
    /// Counts up to `most` values: memory is bounded by that.
    pub fn new(most: usize) -> Self {
        NUnique { most, values: Vec::new() }
    }
}

impl Univariate for NUnique {
    fn update(&mut self, x: f64) {
        if x.is_finite()
            && self.values.len() < self.most
            && let Err(at) = self.values.binary_search_by(|v| v.total_cmp(&(x + 0.0)))
        {
            self.values.insert(at, x + 0.0);
        }
    }

    fn get(&self) -> Option<f64> {
        Some(self.values.len() as f64)
    }
}

/// The most frequent value among the first `k` different ones; among equally frequent ones that which came first.
///
/// ```
/// use tidemill::learn::stats::{Mode, Univariate};
/// let mut mode = Mode::new(25);
/// [2.0, 1.0, 1.0, 2.0].map(|x| mode.update(x));
/// assert_eq!(mode.get(), Some(2.0));
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Mode {
    k: usize,
    counts: Counts,
}

impl Mode {
    /// Counts the first `k` different values only: memory is bounded by that.
    pub fn new(k: usize) -> Self {
        Mode { k, counts: Counts::default() }
    }
}

impl Univariate for Mode {
    fn update(&mut self, x: f64) {
        if x.is_finite() {
            self.counts.add(x, self.k);
        }
    }

    fn get(&self) -> Option<f64> {
        self.counts.mode()
    }
}

/// The most frequent of the last values; among equally frequent ones that which came into the window's counts first.
///
/// ```
/// use tidemill::learn::stats::{RollingMode, Univariate};
/// let mut mode = RollingMode::new(3);
/// [2.0, 2.0, 1.0, 1.0].map(|x| mode.update(x));
/// assert_eq!(mode.get(), Some(1.0));
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RollingMode {
    size: usize,
    window: VecDeque<f64>,
    counts: Counts,
}

impl RollingMode {
    /// Over the last `window_size` values.
    pub fn new(window_size: usize) -> Self {
        RollingMode { size: window_size.max(1), window: VecDeque::new(), counts: Counts::default() }
    }
}

impl Univariate for RollingMode {
    fn update(&mut self, x: f64) {
        if !x.is_finite() {
            return;
        }
        if self.window.len() == self.size
            && let Some(oldest) = self.window.pop_front()
        {
            self.counts.remove(oldest);
        }
        self.counts.add(x, usize::MAX);
        self.window.push_back(x);
    }

    fn get(&self) -> Option<f64> {
        self.counts.mode()
    }
}

/// Running entropy of the values taken as categories, in nats, optionally fading. Only the first so many different values are told apart.
///
/// Reference: B. Sovdat, "Updating formulas and algorithms for computing entropy and Gini index from time-changing data streams", 2014.
///
/// ```
/// use tidemill::learn::stats::{Entropy, Univariate};
/// let mut entropy = Entropy::new(1.0, 1e-8, 1_000);
/// [1.0, 1.0, 2.0, 3.0, 1.0].map(|x| entropy.update(x));
/// assert_eq!(format!("{:.6}", entropy.get().unwrap()), "0.950270");
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entropy {
    fading_factor: f64,
    eps: f64,
    most: usize,
    entropy: f64,
    n: f64,
    counts: Counts,
}

impl Entropy {
    /// An entropy that fades by `fading_factor` (above 0, up to 1) a value, with `eps` in place of zero counts, telling `most` values apart.
    pub fn new(fading_factor: f64, eps: f64, most: usize) -> Self {
        Entropy { fading_factor, eps, most, entropy: 0.0, n: 0.0, counts: Counts::default() }
    }
}

impl Univariate for Entropy {
    fn update(&mut self, x: f64) {
        if !x.is_finite() {
            return;
        }
        let (count, n, eps) = (self.counts.count(x) as f64, self.n, self.eps);
        let old = (n + eps) / (n + 1.0);
        let (with, without) = ((count + 1.0) / (n + 1.0), (count + eps) / (n + 1.0));
        self.entropy = old * (self.fading_factor * self.entropy - libm::log(old));
        self.entropy -= with * libm::log(with);
        self.entropy += without * libm::log(without);
        self.n += 1.0;
        self.counts.add(x, self.most);
    }

    fn get(&self) -> Option<f64> {
        (self.n > 0.0).then_some(self.entropy)
    }
}

//! Quantiles in constant memory.

use serde::{Deserialize, Serialize};

use super::Univariate;

/// Running quantile by the P² algorithm: five markers move along the distribution; nothing else is kept.
///
/// An estimate, exact only for the first five values. Values beyond 1e150 are refused: the markers' arithmetic would overflow.
///
/// Reference: R. Jain, I. Chlamtac, "The P² algorithm for dynamic calculation of quantiles and histograms without storing observations",
/// Communications of the ACM 28(10), 1985.
///
/// ```
/// use tidemill::learn::stats::{Quantile, Univariate};
/// let mut median = Quantile::new(0.5);
/// for x in [9.0, 7.0, 3.0, 2.0, 6.0, 1.0, 8.0, 5.0, 4.0] {
///     median.update(x);
/// }
/// assert_eq!(median.get(), Some(5.0));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Quantile {
    q: f64,
    seen: u8,
    heights: [f64; 5],
    positions: [f64; 5],
    wanted: [f64; 5],
}

/// Sizes up to which the markers cannot overflow.
const LARGEST: f64 = 1e150;

impl Quantile {
    /// The quantile at `q`, between 0 and 1.
    pub fn new(q: f64) -> Self {
        let wanted = [1.0, 1.0 + 2.0 * q, 1.0 + 4.0 * q, 3.0 + 2.0 * q, 5.0];
        Quantile { q, seen: 0, heights: [0.0; 5], positions: [1.0, 2.0, 3.0, 4.0, 5.0], wanted }
    }

    /// The first of the markers whose positions grow by `x`; the outermost markers follow the extremes.
    fn cell(&mut self, x: f64) -> usize {
        if x < self.heights[0] {
            self.heights[0] = x;
            return 1;
        }
        if x >= self.heights[4] {
            self.heights[4] = x;
            return 4;
        }
        (1..4).find(|i| x < self.heights[*i]).unwrap_or(4)
    }

    /// Moves marker `i` one position towards where it is wanted, if it is that far off and there is room.
    fn adjust(&mut self, i: usize) {
        let (n, q) = (self.positions[i], self.heights[i]);
        let off = self.wanted[i] - n;
        let (before, after) = (self.positions[i - 1], self.positions[i + 1]);
        if !((off >= 1.0 && after - n > 1.0) || (off <= -1.0 && before - n < -1.0)) {
            return;
        }
        let d = 1.0_f64.copysign(off);
        let (lower, upper) = (self.heights[i - 1], self.heights[i + 1]);
        let left = (n - before + d) * (upper - q) / (after - n);
        let right = (after - n - d) * (q - lower) / (n - before);
        let parabolic = q + d / (after - before) * (left + right);
        self.heights[i] = if lower < parabolic && parabolic < upper {
            parabolic
        } else {
            let next = if d > 0.0 { i + 1 } else { i - 1 };
            q + d * (self.heights[next] - q) / (self.positions[next] - n)
        };
        self.positions[i] = n + d;
    }
}

impl Univariate for Quantile {
    fn update(&mut self, x: f64) {
        if x.is_nan() || x.abs() > LARGEST {
            return;
        }
        let seen = usize::from(self.seen);
        if seen < 5 {
            let place = self.heights[..seen].partition_point(|h| *h <= x);
            self.heights.copy_within(place..seen, place + 1);
            self.heights[place] = x;
            self.seen += 1;
            return;
        }
        let cell = self.cell(x);
        self.positions[cell..].iter_mut().for_each(|position| *position += 1.0);
        let steps = [0.0, self.q / 2.0, self.q, (1.0 + self.q) / 2.0, 1.0];
        self.wanted.iter_mut().zip(steps).for_each(|(wanted, step)| *wanted += step);
        (1..4).for_each(|i| self.adjust(i));
    }

    fn get(&self) -> Option<f64> {
        match usize::from(self.seen) {
            0 => None,
            // Whether the sixth value has come shows in the last marker's position.
            seen if seen < 5 || self.positions[4] == 5.0 => {
                let place = (seen as f64 * self.q).min(seen as f64 - 1.0).max(0.0);
                Some(self.heights[place as usize])
            }
            _ => Some(self.heights[2]),
        }
    }
}

/// Running interquartile range: the distance of two P² quantiles, 0.25 and 0.75 unless said otherwise.
///
/// ```
/// use tidemill::learn::stats::{Iqr, Univariate};
/// let mut iqr = Iqr::default();
/// for x in 0..=1000 {
///     iqr.update(f64::from(x));
/// }
/// assert_eq!(iqr.get(), Some(500.0));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Iqr {
    low: Quantile,
    high: Quantile,
}

impl Iqr {
    /// The distance of the quantiles at `q_inf` and `q_sup`; the first should be the smaller one.
    pub fn new(q_inf: f64, q_sup: f64) -> Self {
        Iqr { low: Quantile::new(q_inf), high: Quantile::new(q_sup) }
    }
}

impl Default for Iqr {
    fn default() -> Self {
        Iqr::new(0.25, 0.75)
    }
}

impl Univariate for Iqr {
    fn update(&mut self, x: f64) {
        self.low.update(x);
        self.high.update(x);
    }

    fn get(&self) -> Option<f64> {
        Some(self.high.get()? - self.low.get()?)
    }
}

/// Running median absolute deviation: the P² median of the distances from the P² median.
///
/// ```
/// use tidemill::learn::stats::{Mad, Univariate};
/// let mut mad = Mad::default();
/// for x in [4.0, 2.0, 5.0, 3.0, 0.0, 4.0] {
///     mad.update(x);
/// }
/// assert_eq!(mad.get(), Some(1.0));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Mad {
    median: Quantile,
    distances: Quantile,
}

impl Default for Mad {
    fn default() -> Self {
        Mad { median: Quantile::new(0.5), distances: Quantile::new(0.5) }
    }
}

impl Univariate for Mad {
    fn update(&mut self, x: f64) {
        self.median.update(x);
        if let Some(median) = self.median.get() {
            self.distances.update((x - median).abs());
        }
    }

    fn get(&self) -> Option<f64> {
        self.distances.get()
    }
}

//! Statistics over the newest values of a field, always computed from the window alone.
//!
//! An incremental sum would carry rounding from everything that ever passed through the window, so that two coins with the same last twenty
//! bars could differ. Recomputing costs little: a window is one slice, read in eight lanes whose order depends on the place in it only.

const LANES: usize = 8;

/// What a rolling window is reduced to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Statistic {
    /// Arithmetic mean.
    Mean,
    /// Sample standard deviation (divisor n - 1).
    Std,
    /// Population standard deviation (divisor n).
    PopulationStd,
    /// Smallest value.
    Min,
    /// Largest value.
    Max,
}

impl Statistic {
    /// The name in columns.
    pub(super) fn name(self) -> &'static str {
        match self {
            Statistic::Mean => "mean",
            Statistic::Std => "std",
            Statistic::PopulationStd => "population_std",
            Statistic::Min => "min",
            Statistic::Max => "max",
        }
    }

    /// The statistic of `window`, which is not empty; a standard deviation needs two values and is NaN for one.
    pub(super) fn of(self, window: &[f64]) -> f64 {
        match self {
            Statistic::Mean => mean(window),
            Statistic::Std => std(window, 1.0),
            Statistic::PopulationStd => std(window, 0.0),
            Statistic::Min => extreme(window, |a, b| if b < a { b } else { a }),
            Statistic::Max => extreme(window, |a, b| if b > a { b } else { a }),
        }
    }
}

/// Mean by deviations from the first value: exact for a constant window, and prices of one size lose no digits to a large sum.
fn mean(window: &[f64]) -> f64 {
    let first = window[0];
    first + sum(window, |v| v - first) / window.len() as f64
}

/// Two passes, the second corrected by what the mean was off; the divisor is n - `ddof`.
fn std(window: &[f64], ddof: f64) -> f64 {
    let n = window.len() as f64;
    let mean = mean(window);
    let off = sum(window, |v| v - mean);
    let squares = sum(window, |v| (v - mean) * (v - mean));
    ((squares - off * off / n).max(0.0) / (n - ddof)).sqrt()
}

fn sum(window: &[f64], map: impl Fn(f64) -> f64) -> f64 {
    let mut lanes = [0.0; LANES];
    let chunks = window.chunks_exact(LANES);
    let rest = chunks.remainder();
    for chunk in chunks {
        for (lane, value) in lanes.iter_mut().zip(chunk) {
            *lane += map(*value);
        }
    }
    let whole = ((lanes[0] + lanes[4]) + (lanes[1] + lanes[5])) + ((lanes[2] + lanes[6]) + (lanes[3] + lanes[7]));
    rest.iter().fold(whole, |total, value| total + map(*value))
}

fn extreme(window: &[f64], pick: impl Fn(f64, f64) -> f64) -> f64 {
    let mut lanes = [window[0]; LANES];
    let chunks = window.chunks_exact(LANES);
    let rest = chunks.remainder();
    for chunk in chunks {
        for (lane, value) in lanes.iter_mut().zip(chunk) {
            *lane = pick(*lane, *value);
        }
    }
    rest.iter().chain(&lanes).fold(window[0], |best, value| pick(best, *value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statistics_of_known_numbers() {
        let window = [2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0, 5.0];
        assert_eq!(Statistic::Mean.of(&window), 5.0);
        assert_eq!(Statistic::Std.of(&window), 2.0);
        assert_eq!(Statistic::PopulationStd.of(&window[..8]), 2.0);
        assert_eq!((Statistic::Min.of(&window), Statistic::Max.of(&window)), (2.0, 9.0));
    }

    #[test]
    fn a_constant_window_is_exact() {
        for n in 2..40 {
            let window = vec![0.1; n];
            assert_eq!(Statistic::Mean.of(&window), 0.1);
            assert_eq!(Statistic::Std.of(&window), 0.0);
        }
    }

    #[test]
    fn small_moves_of_a_large_price_keep_their_digits() {
        let window: Vec<f64> = (0..1_000).map(|i| 1e9 + f64::from(i % 2)).collect();
        assert_eq!(Statistic::Mean.of(&window), 1e9 + 0.5);
        let exact = (0.25f64 * 1_000.0 / 999.0).sqrt();
        assert!((Statistic::Std.of(&window) - exact).abs() < 1e-12);
    }

    #[test]
    fn extremes_are_found_wherever_they_stand() {
        for n in 1..40 {
            for at in 0..n {
                let mut window = vec![5.0; n];
                window[at] = 7.0;
                assert_eq!(Statistic::Max.of(&window), 7.0, "{at} of {n}");
                window[at] = 3.0;
                assert_eq!(Statistic::Min.of(&window), 3.0, "{at} of {n}");
            }
        }
    }
}

//! Adaptive conformal intervals.

use serde::{Deserialize, Serialize};

use super::Bounds;
use crate::learn::stats::SortedWindow;

crate::params! {
    /// Parameters of [`Adaptive`].
    pub struct AdaptiveParams {
        /// How far one question moves the level; larger follows changes sooner and makes the width less steady.
        gamma: f64 = 0.01, in 0.0..=0.5;
        /// The errors whose sizes are remembered.
        window_size: usize = 500, in 10..=100_000, unit "errors";
    }
}

/// Symmetric bounds: the quantile of the sizes of the last errors, at a level that is raised by every truth outside of its bounds and lowered a little by
/// every one inside, so that in the long run the share `level` is covered whatever the errors do.
///
/// `miss <- miss + gamma ((1 - level) - err)`, with `err` 1 for a truth outside of the bounds it was given and 0 inside; the bounds are the quantile of sizes
/// at `1 - miss`. Where the paper's interval is infinite (`miss` at or below 0) this one reaches as far as the largest remembered error; a
/// truth beyond that is remembered itself, so the next reach is larger. Bounds that were not given (no error was known yet) count neither way.
///
/// Reference: I. Gibbs, E. Candès, "Adaptive conformal inference under distribution shift", NeurIPS 2021.
///
/// ```
/// use tidemill::learn::conformal::{Adaptive, AdaptiveParams};
/// let mut adaptive = Adaptive::new(0.9, &AdaptiveParams::default());
/// let mut covered = 0;
/// for k in 0..5000 {
///     let size = if k < 2500 { 1.0 } else { 10.0 }; // errors grow tenfold half-way
///     let error = size * f64::from((k * 37) % 101 - 50) / 50.0;
///     let given = adaptive.bounds();
///     covered += u32::from(given.is_some_and(|b| b.lower <= error && error <= b.upper));
///     adaptive.update(error, given);
/// }
/// assert!((4450..=4550).contains(&covered), "{covered}");
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Adaptive {
    level: f64,
    gamma: f64,
    window_size: usize,
    /// The share of truths that is let outside at present.
    miss: f64,
    sizes: SortedWindow,
}

impl Adaptive {
    /// Bounds that should cover the share `level`, between 0 and 1.
    pub fn new(level: f64, params: &AdaptiveParams) -> Self {
        let AdaptiveParams { gamma, window_size } = *params;
        Adaptive { level, gamma, window_size, miss: 1.0 - level, sizes: SortedWindow::new(window_size) }
    }

    /// The level, the step and the window it was made with.
    pub fn setting(&self) -> (f64, f64, usize) {
        (self.level, self.gamma, self.window_size)
    }

    /// Takes the error of a prediction, truth minus prediction, and the bounds that were given with it. One that is not finite is refused.
    pub fn update(&mut self, error: f64, given: Option<Bounds>) {
        if !error.is_finite() {
            return;
        }
        if let Some(given) = given {
            let missed = f64::from(u8::from(error < given.lower || error > given.upper));
            let miss = self.miss + self.gamma * ((1.0 - self.level) - missed);
            // In the paper an infinite interval misses nothing and an empty one everything, which keeps the level within a step of 0 to 1.
            self.miss = miss.clamp(-self.gamma, 1.0 + self.gamma);
        }
        self.sizes.push(error.abs());
    }

    /// The bounds; `None` before the first error.
    pub fn bounds(&self) -> Option<Bounds> {
        let reach = self.sizes.quantile((1.0 - self.miss).clamp(0.0, 1.0))?;
        Some(Bounds { lower: -reach, upper: reach })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Level 0.8, gamma 0.1, sizes 1 2 3 4 5 in the window: miss 0.2, quantile at 0.8 of five values is 1 + 0.8 * 4 = 4.2.
    /// Error 4.5 lies outside: miss 0.2 + 0.1 (0.2 - 1) = 0.12. Error 0 lies inside: miss 0.14.
    #[test]
    fn the_level_moves_as_in_the_paper() {
        let mut adaptive = Adaptive::new(0.8, &AdaptiveParams { gamma: 0.1, window_size: 10 });
        [1.0, -2.0, 3.0, -4.0, 5.0].iter().for_each(|error| adaptive.update(*error, None));
        let given = adaptive.bounds().unwrap();
        assert!((given.upper - 4.2).abs() < 1e-12 && given.lower == -given.upper, "{given:?}");
        adaptive.update(4.5, Some(given));
        assert!((adaptive.miss - 0.12).abs() < 1e-12, "{}", adaptive.miss);
        adaptive.update(0.0, adaptive.bounds());
        assert!((adaptive.miss - 0.14).abs() < 1e-12, "{}", adaptive.miss);
    }

    /// Errors that grow by a tenth every time are outside of whatever was seen; the level must not run away, and calm must bring it back.
    #[test]
    fn errors_without_end_do_not_run_away_with_the_level() {
        let mut adaptive = Adaptive::new(0.9, &AdaptiveParams { gamma: 0.05, window_size: 50 });
        let mut error = 1.0;
        for _ in 0..500 {
            adaptive.update(error, adaptive.bounds());
            error *= 1.1;
        }
        assert_eq!(adaptive.miss, -0.05);
        (0..200).for_each(|k| adaptive.update(f64::from(k % 10), adaptive.bounds()));
        assert!(adaptive.bounds().unwrap().upper <= 9.0);
    }

    #[test]
    fn poison_changes_nothing() {
        let mut adaptive = Adaptive::new(0.9, &AdaptiveParams::default());
        adaptive.update(1.0, None);
        let before = adaptive.clone();
        adaptive.update(f64::NAN, adaptive.bounds());
        adaptive.update(f64::INFINITY, adaptive.bounds());
        assert_eq!(adaptive, before);
    }
}

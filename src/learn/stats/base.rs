//! What every statistic is.

/// A property of a run of numbers. Values that are not finite, or that would drive the state out of the finite numbers, are refused: nothing changes.
pub trait Univariate {
    /// Takes the next number.
    fn update(&mut self, x: f64);

    /// The value so far; `None` before there is anything to say.
    fn get(&self) -> Option<f64>;
}

/// A relation between two numbers that arrive together. Pairs with a value that is not finite are refused.
pub trait Bivariate {
    /// Takes the next pair.
    fn update(&mut self, x: f64, y: f64);

    /// The value so far; 0.0 where it is undefined.
    fn get(&self) -> f64;
}

/// A statistic of one number that can take back what it was given, so that [`Rolling`](super::Rolling) can slide it.
pub trait Revert: Univariate {
    /// Takes back a number that was given before.
    fn revert(&mut self, x: f64);
}

/// A statistic of two numbers that can take back what it was given, so that [`RollingPair`](super::RollingPair) can slide it.
pub trait RevertPair: Bivariate {
    /// Takes back a pair that was given before.
    fn revert(&mut self, x: f64, y: f64);
}

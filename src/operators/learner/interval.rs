//! Bounds around a learner's predictions: the parameters.

use crate::learn::conformal::{AdaptiveParams, Bounds, IntervalMethod};
use crate::processor::Target;

crate::params! {
    /// How predictions get their bounds.
    pub struct IntervalParams {
        /// Share of the truths that should lie inside.
        level: f64 = 0.95, in 0.01..=0.9999;
        /// How bounds are found.
        method: IntervalMethod = IntervalMethod::Adaptive(AdaptiveParams { gamma: 0.01, window_size: 500 });
        /// Errors of published predictions before the first bounds are given.
        warm_up: u64 = 30, in 1.., unit "errors";
    }
}

/// The bounds around `value` as prices; nothing where there is no price or the bounds leave the finite numbers.
pub(super) fn as_prices(bounds: &Bounds, target: Target, value: f64, last: f64) -> Option<(f64, f64)> {
    let (lower, upper) = bounds.around(value);
    let (lower, upper) = match target {
        Target::Close => (lower, upper),
        Target::Return => (last * (1.0 + lower), last * (1.0 + upper)),
        Target::Direction => return None,
    };
    (lower.is_finite() && upper.is_finite()).then_some((lower, upper))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_of_returns_are_bounds_of_prices() {
        let bounds = Bounds { lower: -0.5, upper: 0.25 };
        assert_eq!(as_prices(&bounds, Target::Close, 10.0, 8.0), Some((9.5, 10.25)));
        assert_eq!(as_prices(&bounds, Target::Return, 0.0, 8.0), Some((4.0, 10.0)));
        assert_eq!(as_prices(&bounds, Target::Direction, 1.0, 8.0), None);
        assert_eq!(as_prices(&bounds, Target::Close, f64::MAX, 8.0), Some((f64::MAX, f64::MAX)));
        assert_eq!(as_prices(&Bounds { lower: -f64::MAX, upper: 1.0 }, Target::Return, 0.0, 8.0), None);
    }
}

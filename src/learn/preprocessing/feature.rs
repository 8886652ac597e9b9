//! What transformers of single features share.

use crate::learn::base::Transformer;

/// Lets each present feature be learned by its own statistic.
pub(super) fn each_present<F>(features: &mut [F], x: &[f64], mut learn: impl FnMut(&mut F, f64)) {
    for (feature, x) in features.iter_mut().zip(x).filter(|(_, x)| x.is_finite()) {
        learn(feature, *x);
    }
}

/// Writes `of` each feature to `out`; absent stays absent, and so does what cannot be told.
pub(super) fn each_told<F>(features: &[F], x: &[f64], out: &mut Vec<f64>, of: impl Fn(&F, f64) -> f64) {
    out.clear();
    out.extend(features.iter().zip(x).map(|(feature, x)| if x.is_finite() { told(of(feature, *x)) } else { f64::NAN }));
}

/// A value that may be told: itself where finite, absent where not.
pub(super) fn told(value: f64) -> f64 {
    if value.is_finite() { value } else { f64::NAN }
}

/// `a / b`, 0.0 where `b` is 0.
pub(super) fn ratio(a: f64, b: f64) -> f64 {
    if b == 0.0 { 0.0 } else { a / b }
}

/// Where `x` lies between `low` (0.0) and `high` (1.0); 0.0 while they are equal.
pub(in crate::learn) fn share(x: f64, low: f64, high: f64) -> f64 {
    if (high - low).is_finite() && (x - low).is_finite() {
        ratio(x - low, high - low)
    } else {
        // Halves do not overflow.
        ratio(x / 2.0 - low / 2.0, high / 2.0 - low / 2.0)
    }
}

/// A boxed copy of a transformer.
pub(super) fn boxed<T: Transformer + Clone + 'static>(transformer: &T) -> Box<dyn Transformer> {
    Box::new(transformer.clone())
}

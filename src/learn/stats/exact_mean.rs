//! The mean of a few numbers, rounded once.

/// The exact mean of `values`, rounded once to the nearest number (ties to even), as Python's `statistics.mean` gives it; 0.0 for none.
///
/// Exact while the largest and the smallest value that is not zero lie within a factor of about 2^60 of each other; beyond that the small ones are
/// below the rounding of any sum, and a compensated sum is taken. Values must be finite.
///
/// ```
/// use tidemill::learn::stats::exact_mean;
/// assert_eq!(exact_mean(&[0.1, 0.2, 0.3]), 0.2);
/// assert_ne!((0.1 + 0.2 + 0.3) / 3.0, 0.2);
/// ```
pub fn exact_mean(values: &[f64]) -> f64 {
    let nonzero = || values.iter().copied().filter(|v| *v != 0.0).map(parts);
    let Some(lowest) = nonzero().map(|(_, e)| e).min() else {
        return 0.0;
    };
    let highest = nonzero().map(|(_, e)| e).max().unwrap_or(lowest);
    let count_bits = usize::BITS - values.len().leading_zeros();
    if highest.abs_diff(lowest) + 53 + count_bits > 126 {
        return compensated_mean(values);
    }
    let sum: i128 = nonzero().map(|(m, e)| i128::from(m) << (e - lowest)).sum();
    let mean = divide(sum.unsigned_abs(), values.len() as u128, lowest);
    if sum < 0 { -mean } else { mean }
}

/// The mantissa with its sign, and the power of two it is multiplied by.
fn parts(value: f64) -> (i64, i32) {
    let bits = value.to_bits();
    let (fraction, exponent) = ((bits & ((1 << 52) - 1)) as i64, ((bits >> 52) & 0x7ff) as i32);
    let (mantissa, exponent) = if exponent == 0 { (fraction, -1074) } else { (fraction | (1 << 52), exponent - 1075) };
    (if value.is_sign_negative() { -mantissa } else { mantissa }, exponent)
}

/// `sum * 2^exponent / count`, rounded once.
fn divide(sum: u128, count: u128, exponent: i32) -> f64 {
    if sum == 0 {
        return 0.0;
    }
    let shift = sum.leading_zeros() as i32;
    let (quotient, rest) = ((sum << shift) / count, (sum << shift) % count);
    let exponent = exponent - shift;
    let bits = 128 - quotient.leading_zeros() as i32;
    // Subnormal results keep fewer bits.
    let dropped = (bits - 53).max(-1074 - exponent);
    if dropped >= 128 {
        return 0.0;
    }
    let (kept, lost) = (quotient >> dropped, quotient & ((1 << dropped) - 1));
    let half = 1_u128 << (dropped - 1);
    let up = lost > half || (lost == half && (rest > 0 || kept & 1 == 1));
    libm::scalbn((kept + u128::from(up)) as f64, exponent + dropped)
}

/// Neumaier's compensated sum over the count; halves go in where the sum itself would overflow.
fn compensated_mean(values: &[f64]) -> f64 {
    let (mut sum, mut lost, n) = (0.0_f64, 0.0, values.len() as f64);
    for v in values.iter().map(|v| v / n) {
        let next = sum + v;
        lost += if sum.abs() >= v.abs() { (sum - next) + v } else { (v - next) + sum };
        sum = next;
    }
    sum + lost
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn means_equal_those_of_exact_fractions() {
        // Expected: Python's statistics.mean, which goes through fractions.
        assert_eq!(exact_mean(&[0.1; 3]), 0.1);
        assert_eq!(exact_mean(&[1e16, 1.0, -1e16]), 0.333_333_333_333_333_3);
        assert_eq!(exact_mean(&[30_000.1, 30_000.2, 30_000.4]), 30_000.233_333_333_334);
        assert_eq!(exact_mean(&[-1.0, -2.0, -4.0]), -2.333_333_333_333_333_5);
        assert_eq!(exact_mean(&[f64::MAX, f64::MAX]), f64::MAX);
        assert_eq!(exact_mean(&[5e-324, 0.0]), 0.0);
        assert_eq!(exact_mean(&[5e-324, 5e-324, 0.0]), 5e-324);
        assert_eq!(exact_mean(&[1.5e-323, 0.0]), 1e-323);
        assert_eq!(exact_mean(&[0.0, -0.0]), 0.0);
        assert_eq!(exact_mean(&[]), 0.0);
    }

    #[test]
    fn values_far_apart_still_have_a_mean() {
        assert_eq!(exact_mean(&[1e300, 1e-300]), 5e299);
        assert_eq!(exact_mean(&[f64::MAX, f64::MAX, 1e-300]), f64::MAX / 3.0 * 2.0);
    }
}

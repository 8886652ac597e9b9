//! Small square matrices, row by row.

/// `value` on the diagonal of an `n` by `n` matrix.
pub(super) fn diagonal(n: usize, value: f64) -> Vec<f64> {
    let mut a = vec![0.0; n * n];
    set_diagonal(&mut a, n, value);
    a
}

/// As [`diagonal`], over the matrix `a`.
pub(super) fn set_diagonal(a: &mut [f64], n: usize, value: f64) {
    a.fill(0.0);
    a.iter_mut().step_by(n + 1).for_each(|entry| *entry = value);
}

/// Inverts the symmetric positive definite `a` into `inverse` by its Cholesky factor, which is left in `factor`; false where `a` is not positive
/// definite up to rounding, and then `inverse` means nothing.
///
/// Reference: G. H. Golub, C. F. Van Loan, "Matrix computations", section 4.2.
pub(super) fn invert(a: &[f64], n: usize, factor: &mut Vec<f64>, inverse: &mut Vec<f64>) -> bool {
    factor.clear();
    factor.resize(n * n, 0.0);
    inverse.clear();
    inverse.resize(n * n, 0.0);
    let below = |l: &[f64], i: usize, j: usize, upto: usize| -> f64 { (0..upto).map(|k| l[i * n + k] * l[j * n + k]).sum() };
    for i in 0..n {
        for j in 0..=i {
            let rest = a[i * n + j] - below(factor, i, j, j);
            if i == j {
                if !(rest > 0.0 && rest.is_finite()) {
                    return false;
                }
                factor[i * n + i] = rest.sqrt();
            } else {
                factor[i * n + j] = rest / factor[j * n + j];
            }
        }
    }
    // Each column of the inverse solves L Lᵀ x = e.
    for column in 0..n {
        for i in 0..n {
            let known: f64 = (0..i).map(|k| factor[i * n + k] * inverse[k * n + column]).sum();
            let unit = if i == column { 1.0 } else { 0.0 };
            inverse[i * n + column] = (unit - known) / factor[i * n + i];
        }
        for i in (0..n).rev() {
            let known: f64 = (i + 1..n).map(|k| factor[k * n + i] * inverse[k * n + column]).sum();
            inverse[i * n + column] = (inverse[i * n + column] - known) / factor[i * n + i];
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_matrix_times_its_inverse_is_one() {
        let a = [4.0, 2.0, 0.6, 2.0, 5.0, 1.0, 0.6, 1.0, 3.0];
        let (mut factor, mut inverse) = (Vec::new(), Vec::new());
        assert!(invert(&a, 3, &mut factor, &mut inverse));
        for (i, one) in diagonal(3, 1.0).iter().enumerate() {
            let product: f64 = (0..3).map(|k| a[i / 3 * 3 + k] * inverse[k * 3 + i % 3]).sum();
            assert!((product - one).abs() < 1e-14, "{i}: {product}");
        }
        assert!(!invert(&[1.0, 2.0, 2.0, 1.0], 2, &mut factor, &mut inverse), "it is not positive definite");
    }
}

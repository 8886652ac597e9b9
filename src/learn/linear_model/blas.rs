//! Products of matrices and vectors with the rounding of OpenBLAS, for a model that has to give River's bits.
//!
//! River's Bayesian regression works on matrices that are padded with zeros to eight rows and leaves the sums to OpenBLAS. There the order of additions
//! and the fused multiplications depend on the processor; these are those of its kernels for Haswell and Zen, found by comparing results. Where inputs are
//! nearly collinear (the prices of one bar) the order decides the seventh digit. Up to eight features the bits are the same; beyond, the last ones differ.

/// The rows and columns of River's matrices for `features` features.
pub(super) fn padded(features: usize) -> usize {
    features.max(8)
}

/// The matrix `a` (row by row, as wide as `v` is long) times the column `v`: columns by fours, each four as two chains.
pub(super) fn times(a: &[f64], v: &[f64], out: &mut Vec<f64>) {
    let four = |a: &[f64], v: &[f64]| {
        let product = |k: usize| a.get(k).zip(v.get(k)).map_or(0.0, |(a, v)| a * v);
        let chain = |first: usize, then: usize| match a.get(then).zip(v.get(then)) {
            Some((a, v)) => a.mul_add(*v, product(first)),
            None => product(first),
        };
        chain(0, 2) + chain(1, 3)
    };
    out.clear();
    out.extend(a.chunks_exact(v.len()).map(|row| row.chunks(4).zip(v.chunks(4)).fold(0.0, |sum, (a, v)| sum + four(a, v))));
}

/// The row `v` times the matrix `a` (row by row, as wide as `v` is long): four chains, each over every fourth row.
pub(super) fn row_times(v: &[f64], a: &[f64], out: &mut Vec<f64>) {
    let n = v.len();
    out.clear();
    out.extend((0..n).map(|column| {
        let mut chains = [0.0; 4];
        for (row, v) in v.iter().enumerate() {
            chains[row % 4] = a[row * n + column].mul_add(*v, chains[row % 4]);
        }
        (chains[0] + chains[2]) + (chains[1] + chains[3])
    }));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_rounded_as_by_the_kernels() {
        // 0.1 * 0.1 leaves a rest when it is rounded; only a fused step sees it.
        let rest = 0.1_f64.mul_add(0.1, -(0.1 * 0.1));
        assert_ne!(rest, 0.0);
        let mut out = Vec::new();
        let row = [0.1 * 0.1, 0.0, 0.1, 0.0];
        times(&[row, [0.0; 4], [0.0; 4], [0.0; 4]].concat(), &[-1.0, 0.0, 0.1, 0.0], &mut out);
        assert_eq!(out, [rest, 0.0, 0.0, 0.0], "the third column is added to the first in one step");
        let mut column = vec![0.0; 64];
        (column[0], column[32]) = (0.1 * 0.1, 0.1);
        row_times(&[-1.0, 0.0, 0.0, 0.0, 0.1, 0.0, 0.0, 0.0], &column, &mut out);
        assert_eq!((out[0], &out[1..]), (rest, &[0.0; 7][..]), "the fifth row is added to the first in one step");
    }

    #[test]
    fn odd_widths_are_summed_too() {
        let (a, v, mut out) = ((0..81).map(f64::from).collect::<Vec<_>>(), [1.0; 9], Vec::new());
        times(&a, &v, &mut out);
        assert_eq!(out[..2], [36.0, 117.0]);
        row_times(&v, &a, &mut out);
        assert_eq!(out[..2], [324.0, 333.0]);
    }
}

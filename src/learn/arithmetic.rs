//! Squares, roots, powers and the like: our own arithmetic, or River's to the last bit.
//!
//! River writes squares and roots as powers (`x ** 2`, `v ** 0.5`). The C library's `pow` differs from `x * x` and `sqrt(x)` in the last bit about
//! once in a thousand, and a few models amplify that bit without end. Native arithmetic is more accurate and faster; River's is there to
//! prove that nothing else differs.

use serde::{Deserialize, Serialize};

/// How squares, roots, powers, logarithms and angles are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Arithmetic {
    /// `x * x`, `sqrt`, and the rest from the `libm` crate: the same bits on every machine.
    #[default]
    Native,
    /// Squares and roots by the C library's `pow`, the rest by its functions: River's bits on the same C library, and on another perhaps other bits.
    River,
}

impl Arithmetic {
    /// River's if `river_compat` is asked for.
    pub fn of(river_compat: bool) -> Self {
        if river_compat { Arithmetic::River } else { Arithmetic::Native }
    }

    /// The square.
    pub fn square(self, x: f64) -> f64 {
        match self {
            Arithmetic::Native => x * x,
            Arithmetic::River => c_pow(x, 2.0),
        }
    }

    /// The square root.
    pub fn root(self, x: f64) -> f64 {
        match self {
            Arithmetic::Native => x.sqrt(),
            Arithmetic::River => c_pow(x, 0.5),
        }
    }

    /// The inverse.
    pub fn inverse(self, x: f64) -> f64 {
        match self {
            Arithmetic::Native => 1.0 / x,
            Arithmetic::River => c_pow(x, -1.0),
        }
    }

    /// A power.
    pub fn power(self, x: f64, exponent: f64) -> f64 {
        match self {
            Arithmetic::Native => libm::pow(x, exponent),
            Arithmetic::River => c_pow(x, exponent),
        }
    }

    /// The natural logarithm.
    #[allow(clippy::disallowed_methods, reason = "the C library's last bits are what is asked for")]
    pub fn log(self, x: f64) -> f64 {
        match self {
            Arithmetic::Native => libm::log(x),
            Arithmetic::River => c_library(x, f64::ln),
        }
    }

    /// The sine and the cosine.
    #[allow(clippy::disallowed_methods, reason = "the C library's last bits are what is asked for")]
    pub fn sin_cos(self, x: f64) -> (f64, f64) {
        match self {
            Arithmetic::Native => (libm::sin(x), libm::cos(x)),
            Arithmetic::River => (c_library(x, f64::sin), c_library(x, f64::cos)),
        }
    }

    /// The sum, left to right; or numpy's, which goes in eight lanes from eight values on and halves lists of more than 128.
    pub fn sum(self, values: &[f64]) -> f64 {
        match self {
            Arithmetic::Native => values.iter().sum(),
            Arithmetic::River => numpy_sum(values),
        }
    }
}

fn numpy_sum(values: &[f64]) -> f64 {
    let n = values.len();
    if n > 128 {
        let (first, second) = values.split_at(n / 2 - n / 2 % 8);
        return numpy_sum(first) + numpy_sum(second);
    }
    let mut eights = values.chunks_exact(8);
    let start = match eights.next() {
        None => 0.0,
        Some(first) => {
            let mut lanes = [0.0; 8];
            lanes.copy_from_slice(first);
            for eight in &mut eights {
                lanes.iter_mut().zip(eight).for_each(|(lane, value)| *lane += value);
            }
            let [a, b, c, d, e, f, g, h] = lanes;
            ((a + b) + (c + d)) + ((e + f) + (g + h))
        }
    };
    eights.remainder().iter().fold(start, |sum, value| sum + value)
}

/// The C library's function. The argument is hidden from the compiler, which might otherwise work it out itself.
fn c_library(x: f64, function: fn(f64) -> f64) -> f64 {
    function(std::hint::black_box(x))
}

/// The C library's `pow`. The exponent is hidden from the compiler, which would otherwise put `x * x` or `sqrt` in its place.
#[allow(
    clippy::disallowed_methods,
    reason = "the last bits of the C library's pow are what is asked for, and only when a user asks"
)]
fn c_pow(x: f64, exponent: f64) -> f64 {
    x.powf(std::hint::black_box(exponent))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_numpys_where_asked() {
        // One large number comes, ones are lost on it or not, and it goes again. Expected: the same sums in numpy 2.4.
        let numbers = |n: usize, gone: usize| {
            let mut numbers = vec![1.0; n];
            (numbers[0], numbers[gone]) = (1e16, -1e16);
            numbers
        };
        let sums = |numbers: &[f64]| (Arithmetic::Native.sum(numbers), Arithmetic::River.sum(numbers));
        assert_eq!(sums(&numbers(7, 6)), (0.0, 0.0));
        assert_eq!(sums(&numbers(10, 8)), (1.0, 7.0));
        assert_eq!(sums(&numbers(300, 299)), (0.0, 290.0));
        assert_eq!(sums(&[]), (0.0, 0.0));
    }

    #[test]
    fn sums_follow_numpys_order() {
        // Expected: numpy 2.4.6, np.array([0.1 * k + 1e6 / (k + 1) for k in range(300)])[:n].sum().
        let values: Vec<f64> = (0..300).map(|k| 0.1 * f64::from(k) + 1e6 / f64::from(k + 1)).collect();
        let expected = [(7, 2592859.242857143), (10, 2928972.753968254), (128, 5433959.892589172), (300, 6287148.880299503)];
        for (n, sum) in expected {
            assert_eq!(Arithmetic::River.sum(&values[..n]), sum, "{n}");
        }
    }
}

//! Rounding to decimal places, as Python's `round` does it: the exact binary value is rounded, ties to the even digit.

/// Powers of ten that are exact.
const TENS: [f64; 16] = [1.0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15];

/// From here on every number is whole.
const WHOLE: f64 = 4_503_599_627_370_496.0;

/// The number nearest to `x` with at most `digits` (0 to 15) decimal places. `x` must be finite.
#[inline]
pub fn round_decimal(x: f64, digits: u32) -> f64 {
    let ten = TENS[(digits as usize).min(TENS.len() - 1)];
    let product = x * ten;
    if product.abs() >= WHOLE {
        return round_large(x, digits);
    }
    let mut rounded = product.round_ties_even();
    let over = product - rounded;
    // Only where the product seems to be a tie can what its own rounding lost decide.
    if over.abs() == 0.5 {
        let lost = x.mul_add(ten, -product);
        if over > 0.0 && lost > 0.0 {
            rounded += 1.0;
        } else if over < 0.0 && lost < 0.0 {
            rounded -= 1.0;
        }
    }
    rounded / ten
}

/// Numbers whose digits do not fit into a whole number: by way of their decimal text, which is exact.
fn round_large(x: f64, digits: u32) -> f64 {
    if x.abs() >= WHOLE {
        return x;
    }
    let mut text = [0_u8; 48];
    let room = text.len();
    let mut rest = &mut text[..];
    let written = std::io::Write::write_fmt(&mut rest, format_args!("{x:.*}", digits as usize));
    let left = rest.len();
    let parsed = written.ok().and_then(|()| std::str::from_utf8(&text[..room - left]).ok()?.parse().ok());
    parsed.unwrap_or(x)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounding_equals_pythons() {
        // Expected: round(x, digits) in CPython 3.11.
        let cases: &[(f64, u32, f64)] = &[
            (0.25, 1, 0.2),
            (0.35, 1, 0.3),
            (-0.25, 1, -0.2),
            (2.5, 0, 2.0),
            (3.5, 0, 4.0),
            (-0.04, 1, -0.0),
            (0.05, 1, 0.1),
            (0.15, 1, 0.1),
            (1.005, 2, 1.0),
            (2.675, 2, 2.67),
            (0.125, 2, 0.12),
            (30123.45, 1, 30123.5),
            (1000000000000000.2, 1, 1000000000000000.2),
            (123456789012.34567, 5, 123456789012.34567),
            (4503599627370495.5, 0, 4503599627370496.0),
            (1e+300, 3, 1e+300),
            (5e-324, 1, 0.0),
            (0.45, 1, 0.5),
            (1234.5678901234567, 12, 1234.567890123457),
            (8.5, 0, 8.0),
            (30000.05, 1, 30000.0),
            (0.0005, 3, 0.001),
        ];
        for (x, digits, expected) in cases {
            assert_eq!(round_decimal(*x, *digits).to_bits(), expected.to_bits(), "round({x}, {digits})");
        }
    }

    #[test]
    fn the_fast_way_equals_the_way_by_text() {
        let mut random = crate::learn::random::Random::new(1);
        for k in 0..200_000_u32 {
            let size = TENS[k as usize % 8];
            let (x, digits) = (random.uniform(-size, size), k / 8 % 6);
            // Halves and quarters of the last place are the hard ones.
            let x = if k % 3 == 0 { (x * 8.0).round() / 8.0 + random.uniform(-1e-15, 1e-15) } else { x };
            assert_eq!(round_decimal(x, digits).to_bits(), round_large(x, digits).to_bits(), "round({x}, {digits})");
        }
    }
}

//! Exact decimal numbers for volumes: sums do not depend on their order.
//!
//! Knows nothing of markets; it is here because volumes are its only use.

use std::fmt;
use std::ops::{Add, AddAssign, Neg, Sub, SubAssign};
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use thiserror::Error;

/// A decimal with 18 places after the point, exact under addition and subtraction; about ±1.7e20 at most.
///
/// The operators `+`, `-` hold their result at [`MIN`](Self::MIN) and [`MAX`](Self::MAX) instead of panicking, because input can bring any sum
/// about; [`checked_add`](Self::checked_add) and its kin tell instead. Snapshots keep the `i128`; text formats keep the decimal text.
///
/// ```
/// use tidemill::market::Decimal;
/// let volume: Decimal = "0.1".parse::<Decimal>().unwrap() + "0.2".parse().unwrap();
/// assert_eq!(volume.to_string(), "0.3");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Decimal(i128);

/// A text that is no decimal, or one out of range.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{text:?} is not a decimal number of at most 20 digits before the point")]
pub struct DecimalError {
    /// What was written, cut after 64 characters.
    pub text: String,
}

const PLACES: usize = 18;
const ONE: i128 = 1_000_000_000_000_000_000;
/// Largest integer below which every integer is an `f64`.
const EXACT_F64: u128 = 1 << 53;

const fn powers_of_ten() -> [i128; 39] {
    let mut powers = [1i128; 39];
    let mut i = 1;
    while i < 39 {
        powers[i] = powers[i - 1] * 10;
        i += 1;
    }
    powers
}

static POWERS: [i128; 39] = powers_of_ten();

impl Decimal {
    /// Nothing.
    pub const ZERO: Decimal = Decimal(0);
    /// The largest value, about 1.7e20.
    pub const MAX: Decimal = Decimal(i128::MAX);
    /// The smallest value, about -1.7e20. Its negation is held at [`MAX`](Self::MAX).
    pub const MIN: Decimal = Decimal(i128::MIN);

    /// The value of `units` times 1e-18.
    pub const fn from_units(units: i128) -> Self {
        Decimal(units)
    }

    /// The value of `digits` times 10^-`places`; `None` beyond 18 places. 64 bits of digits never pass the range.
    #[inline]
    pub(crate) fn from_scaled(digits: u64, places: usize) -> Option<Self> {
        let factor = POWERS.get(PLACES.checked_sub(places)?)?;
        i128::from(digits).checked_mul(*factor).map(Decimal)
    }

    /// The value in units of 1e-18.
    pub const fn units(self) -> i128 {
        self.0
    }

    /// Reads a decimal: an optional sign, digits with an optional point, an optional exponent (`12.5`, `-.5`, `1e-7`).
    ///
    /// Exact up to 18 places; what stands beyond is rounded to the nearest, ties to the even digit.
    ///
    /// # Errors
    /// When the text is no such number (`NaN` and `inf` are none) or out of range.
    pub fn parse_bytes(text: &[u8]) -> Result<Self, DecimalError> {
        parse(text).map(Decimal).ok_or_else(|| DecimalError { text: String::from_utf8_lossy(text).chars().take(64).collect() })
    }

    /// The decimal whose text is the shortest that reads as `value`: 0.1 gives exactly 0.1. `None` for NaN, infinity and values out of range.
    pub fn from_f64(value: f64) -> Option<Self> {
        if !value.is_finite() {
            return None;
        }
        parse(ryu::Buffer::new().format_finite(value).as_bytes()).map(Decimal)
    }

    /// The nearest `f64`.
    pub fn to_f64(self) -> f64 {
        let magnitude = self.0.unsigned_abs();
        let positive = exact_quotient(magnitude, PLACES)
            .or_else(|| magnitude.is_multiple_of(10_000_000_000).then(|| exact_quotient(magnitude / 10_000_000_000, 8)).flatten())
            .unwrap_or_else(|| nearest_f64(magnitude));
        if self.0 < 0 { -positive } else { positive }
    }

    /// The sum, or `None` when it is out of range.
    pub fn checked_add(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).map(Decimal)
    }

    /// The difference, or `None` when it is out of range.
    pub fn checked_sub(self, other: Self) -> Option<Self> {
        self.0.checked_sub(other.0).map(Decimal)
    }

    /// The product, rounded to 18 places (ties to even), or `None` when it is out of range.
    pub fn checked_mul(self, other: Self) -> Option<Self> {
        const ONE_U: u128 = ONE as u128;
        let (a, b) = (self.0.unsigned_abs(), other.0.unsigned_abs());
        let (a1, a0, b1, b0) = (a / ONE_U, a % ONE_U, b / ONE_U, b % ONE_U);
        let low = round_half_even(a0 * b0 / ONE_U, a0 * b0 % ONE_U, ONE_U);
        let magnitude = a1
            .checked_mul(b1)?
            .checked_mul(ONE_U)?
            .checked_add(a1.checked_mul(b0)?)?
            .checked_add(a0.checked_mul(b1)?)?
            .checked_add(low)?;
        signed((self.0 < 0) != (other.0 < 0), magnitude).map(Decimal)
    }

    /// Whether the value is below zero.
    pub const fn is_negative(self) -> bool {
        self.0 < 0
    }

    /// Whether the value is zero.
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// Appends the shortest text, as [`Display`](fmt::Display) writes it, without allocating.
    pub fn write_to(self, out: &mut Vec<u8>) {
        let mut buffer = [0; TEXT_MAX];
        let from = self.text(&mut buffer);
        out.extend_from_slice(&buffer[from..]);
    }

    /// Fills the buffer from its end with the text and answers where the text starts.
    fn text(self, buffer: &mut [u8; TEXT_MAX]) -> usize {
        let magnitude = self.0.unsigned_abs();
        // Both parts fit 64 bits or nearly so: the whole part passes u64 only beyond 1.8e19.
        let (whole, fraction) = (magnitude / ONE as u128, (magnitude % ONE as u128) as u64);
        let mut at = TEXT_MAX;
        if fraction != 0 {
            let (mut rest, places) = without_zeros(fraction);
            for _ in 0..places {
                at -= 1;
                buffer[at] = b'0' + (rest % 10) as u8;
                rest /= 10;
            }
            at -= 1;
            buffer[at] = b'.';
        }
        let mut digits = itoa::Buffer::new();
        let digits = digits.format(whole).as_bytes();
        at -= digits.len();
        buffer[at..at + digits.len()].copy_from_slice(digits);
        if self.0 < 0 {
            at -= 1;
            buffer[at] = b'-';
        }
        at
    }
}

/// A fraction of 18 places without the zeros at its end, and the places that are left.
fn without_zeros(mut fraction: u64) -> (u64, usize) {
    let mut places = PLACES;
    // Most volumes have three to eight places: halving steps find that in four divisions.
    for (step, power) in [(8, 100_000_000), (4, 10_000), (2, 100), (1, 10)] {
        while fraction.is_multiple_of(power) {
            (fraction, places) = (fraction / power, places - step);
        }
    }
    (fraction, places)
}

/// Sign, 21 digits, point, 18 places.
const TEXT_MAX: usize = 48;

/// `magnitude / 10^places` when both are exact as `f64`, so that the division rounds once.
fn exact_quotient(magnitude: u128, places: usize) -> Option<f64> {
    (magnitude <= EXACT_F64).then(|| magnitude as f64 / POWERS[places] as f64)
}

/// The long way: the standard library reads decimal text to the nearest `f64`.
fn nearest_f64(magnitude: u128) -> f64 {
    let text = format!("{magnitude}e-{PLACES}");
    text.parse().unwrap_or(magnitude as f64 / ONE as f64)
}

fn round_half_even(quotient: u128, remainder: u128, divisor: u128) -> u128 {
    // `remainder < divisor <= 10^38`, so twice the remainder fits.
    match (remainder * 2).cmp(&divisor) {
        std::cmp::Ordering::Less => quotient,
        std::cmp::Ordering::Greater => quotient + 1,
        std::cmp::Ordering::Equal => quotient + quotient % 2,
    }
}

fn signed(negative: bool, magnitude: u128) -> Option<i128> {
    if negative { 0i128.checked_sub_unsigned(magnitude) } else { i128::try_from(magnitude).ok() }
}

/// Reads the text as units of 1e-18. The common case, up to 19 digits with at most 18 places and no exponent, takes one pass in 64 bits.
fn parse(text: &[u8]) -> Option<i128> {
    let (negative, digits) = match text.first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    if digits.len() > 20 {
        return parse_long(negative, digits);
    }
    let (mut value, mut point, mut count) = (0u64, None, 0);
    for (at, byte) in digits.iter().enumerate() {
        let digit = byte.wrapping_sub(b'0');
        if digit < 10 {
            if count == 19 {
                return parse_long(negative, digits);
            }
            value = value * 10 + u64::from(digit);
            count += 1;
        } else if *byte == b'.' && point.is_none() {
            point = Some(at);
        } else {
            return parse_long(negative, digits);
        }
    }
    let places = point.map_or(0, |at| digits.len() - at - 1);
    if count == 0 || places > PLACES {
        return parse_long(negative, digits);
    }
    let magnitude = i128::from(value).checked_mul(POWERS[PLACES - places])?;
    Some(if negative { -magnitude } else { magnitude })
}

/// The general case: any number of digits, an exponent, rounding.
fn parse_long(negative: bool, text: &[u8]) -> Option<i128> {
    let (mantissa, exponent) = match text.iter().position(|b| matches!(b, b'e' | b'E')) {
        Some(at) => (&text[..at], parse_exponent(&text[at + 1..])?),
        None => (text, 0),
    };
    let point = mantissa.iter().position(|b| *b == b'.').unwrap_or(mantissa.len());
    let digits = |from: usize| mantissa.iter().skip(from).filter(|b| **b != b'.');
    if mantissa.iter().filter(|b| **b == b'.').count() > 1 || digits(0).count() == 0 || !digits(0).all(u8::is_ascii_digit) {
        return None;
    }
    let leading = digits(0).take_while(|b| **b == b'0').count();
    // How many significant digits count: those before the point moved by the exponent, and 18 after it.
    let kept = point as i64 - leading as i64 + exponent + PLACES as i64;
    let significant = digits(0).skip(leading);
    let total = significant.clone().count() as i64;
    if total == 0 || kept < 0 {
        return Some(0);
    }
    let mut value = 0u128;
    for byte in significant.clone().take(usize::try_from(kept).ok()?) {
        value = value.checked_mul(10)?.checked_add(u128::from(byte - b'0'))?;
    }
    if kept > total {
        value = value.checked_mul(u128::try_from(*POWERS.get(usize::try_from(kept - total).ok()?)?).ok()?)?;
    }
    let mut rest = significant.skip(usize::try_from(kept).ok()?);
    let first = rest.next().map_or(0, |b| b - b'0');
    let above_half = first > 5 || (first == 5 && rest.any(|b| *b != b'0'));
    let up = above_half || (first == 5 && value % 2 == 1);
    signed(negative, value.checked_add(u128::from(up))?)
}

/// The exponent, held at ±10^9: beyond that every number is zero or out of range all the same.
fn parse_exponent(text: &[u8]) -> Option<i64> {
    let (sign, digits) = match text.first()? {
        b'-' => (-1, &text[1..]),
        b'+' => (1, &text[1..]),
        _ => (1, text),
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    Some(sign * digits.iter().fold(0i64, |n, b| (n * 10 + i64::from(b - b'0')).min(1_000_000_000)))
}

impl FromStr for Decimal {
    type Err = DecimalError;

    fn from_str(text: &str) -> Result<Self, DecimalError> {
        Decimal::parse_bytes(text.as_bytes())
    }
}

impl From<i64> for Decimal {
    fn from(whole: i64) -> Self {
        Decimal(i128::from(whole) * ONE)
    }
}

/// The shortest text: no exponent, no zeros at the end.
impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut buffer = [0; TEXT_MAX];
        let from = self.text(&mut buffer);
        f.write_str(&String::from_utf8_lossy(&buffer[from..]))
    }
}

impl Add for Decimal {
    type Output = Decimal;
    fn add(self, other: Self) -> Self {
        Decimal(self.0.saturating_add(other.0))
    }
}

impl AddAssign for Decimal {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Sub for Decimal {
    type Output = Decimal;
    fn sub(self, other: Self) -> Self {
        Decimal(self.0.saturating_sub(other.0))
    }
}

impl SubAssign for Decimal {
    fn sub_assign(&mut self, other: Self) {
        *self = *self - other;
    }
}

impl Neg for Decimal {
    type Output = Decimal;
    fn neg(self) -> Self {
        Decimal(self.0.saturating_neg())
    }
}

impl std::iter::Sum for Decimal {
    fn sum<I: Iterator<Item = Self>>(values: I) -> Self {
        values.fold(Decimal::ZERO, Add::add)
    }
}

impl Serialize for Decimal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() { serializer.collect_str(self) } else { serializer.serialize_i128(self.0) }
    }
}

impl<'de> Deserialize<'de> for Decimal {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            std::borrow::Cow::<'de, str>::deserialize(deserializer)?.parse().map_err(D::Error::custom)
        } else {
            i128::deserialize(deserializer).map(Decimal)
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn d(text: &str) -> Decimal {
        text.parse().unwrap()
    }

    #[test]
    fn texts_are_read_exactly_and_written_shortest() {
        for (text, shown) in [
            ("0", "0"),
            ("-0", "0"),
            ("12.34500", "12.345"),
            ("+7", "7"),
            (".5", "0.5"),
            ("5.", "5"),
            ("-0.25", "-0.25"),
            ("1e-7", "0.0000001"),
            ("1E+3", "1000"),
            ("12.5e-1", "1.25"),
            ("0.000000000000000001", "0.000000000000000001"),
            ("000123", "123"),
            ("170141183460469231731.687303715884105727", "170141183460469231731.687303715884105727"),
            ("-170141183460469231731.687303715884105728", "-170141183460469231731.687303715884105728"),
            ("0e999999999999", "0"),
            ("1e-999999999999", "0"),
            ("0.00000000000000000000e5", "0"),
        ] {
            assert_eq!(d(text).to_string(), shown, "{text}");
        }
    }

    #[test]
    fn places_beyond_the_eighteenth_are_rounded_half_even() {
        for (text, units) in [
            ("0.0000000000000000005", 0),
            ("0.0000000000000000015", 2),
            ("0.00000000000000000050001", 1),
            ("0.0000000000000000025", 2),
            ("-0.0000000000000000015", -2),
            ("5e-19", 0),
            ("51e-20", 1),
            ("0.0000000000000000004999", 0),
            ("4e-20", 0),
            ("0.9999999999999999999", 1_000_000_000_000_000_000),
        ] {
            assert_eq!(d(text).units(), units, "{text}");
        }
    }

    #[test]
    fn what_is_no_decimal_is_refused() {
        for text in [
            "",
            "-",
            ".",
            "+.",
            "e5",
            "1e",
            "1e+",
            "1.2.3",
            "NaN",
            "inf",
            "1_000",
            " 1",
            "1 ",
            "0x10",
            "--1",
            "1e999",
            "170141183460469231731.687303715884105728",
            "99999999999999999999999",
            "1.5e1.5",
            "1-2",
        ] {
            assert!(text.parse::<Decimal>().is_err(), "{text:?}");
        }
        assert_eq!("x".repeat(100).parse::<Decimal>().unwrap_err().text.len(), 64);
    }

    #[test]
    fn sums_hold_at_the_ends_and_checked_sums_tell() {
        assert_eq!(Decimal::MAX + d("1"), Decimal::MAX);
        assert_eq!(Decimal::MIN - d("1"), Decimal::MIN);
        assert_eq!(-Decimal::MIN, Decimal::MAX);
        assert_eq!(Decimal::MAX.checked_add(d("1")), None);
        assert_eq!(d("0.3").checked_sub(d("0.1")), Some(d("0.2")));
    }

    #[test]
    fn products_are_rounded_once() {
        assert_eq!(d("36500.10").checked_mul(d("0.01000")), Some(d("365.001")));
        assert_eq!(d("-0.000000001").checked_mul(d("0.0000000005")), Some(d("0")));
        assert_eq!(d("-0.000000003").checked_mul(d("0.0000000005")), Some(d("-0.000000000000000002")));
        assert_eq!(d("1e15").checked_mul(d("1e15")), None);
    }

    #[test]
    fn snapshots_keep_the_integer_and_text_formats_the_text() {
        let value = d("-12.000000000000000345");
        assert_eq!(crate::snapshot::decode::<Decimal>(&crate::snapshot::encode(&value).unwrap()), Ok(value));
        assert_eq!(serde_json::to_string(&value).unwrap(), "\"-12.000000000000000345\"");
        assert_eq!(serde_json::from_str::<Decimal>("\"-12.000000000000000345\"").unwrap(), value);
    }

    proptest! {
        #[test]
        fn every_value_comes_back_from_its_text(units: i128) {
            prop_assert_eq!(d(&Decimal(units).to_string()), Decimal(units));
        }

        #[test]
        fn to_f64_is_what_the_text_reads_as(whole in 0u64..1_000_000_000, fraction in 0u64..1_000_000_000_000, places in 0usize..12) {
            let text = format!("{whole}.{:0places$}", fraction % 10u64.pow(places as u32 + 1));
            prop_assert_eq!(d(&text).to_f64(), text.parse::<f64>().unwrap());
        }

        #[test]
        fn to_f64_is_nearest_for_all_bits(units: i128) {
            let value = Decimal(units);
            prop_assert_eq!(value.to_f64(), value.to_string().parse::<f64>().unwrap());
        }

        #[test]
        fn short_and_long_reading_agree(text in "[0-9]{0,12}\\.?[0-9]{0,10}") {
            prop_assert_eq!(parse(text.as_bytes()), if text.is_empty() { None } else { parse_long(false, text.as_bytes()) });
        }

        #[test]
        fn floats_keep_their_shortest_text(value in -1e15f64..1e15) {
            let shortest = ryu::Buffer::new().format_finite(value).to_owned();
            prop_assert_eq!(Decimal::from_f64(value), shortest.parse().ok());
        }
    }
}

//! One pass over JSON in the form and key order we write ourselves: no tree, no allocation.
//!
//! The scanner never reports an error. Whatever it does not expect makes it give up, and the general reader ([`super::object`]) decides what the
//! bytes are; so it need only be right about what it accepts, and every method accepts less than JSON does.

use crate::market::Decimal;

/// Powers of ten that are exact as `f64`.
const EXACT_POWERS: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21,
    1e22,
];

/// Reads a finite number from text, the short way where its digits allow it. `None` for what is no number, and for NaN and infinity.
///
/// ```
/// assert_eq!(tidemill::market::codec::parse_f64(b"36500.10"), Some(36500.1));
/// assert_eq!(tidemill::market::codec::parse_f64(b"nan"), None);
/// ```
#[inline]
pub fn parse_f64(text: &[u8]) -> Option<f64> {
    let mut scan = Scanner::new(text);
    match scan.bare_number() {
        Some(number) if scan.at == text.len() => number.to_f64(),
        _ => std::str::from_utf8(text).ok()?.parse().ok().filter(|value: &f64| value.is_finite()),
    }
}

/// A place in the bytes of a value.
pub(super) struct Scanner<'a> {
    bytes: &'a [u8],
    at: usize,
}

/// A number without sign and exponent, of at most 19 digits.
#[derive(Clone, Copy)]
pub(super) struct Number<'a> {
    text: &'a [u8],
    digits: u64,
    places: usize,
}

impl Number<'_> {
    /// The nearest `f64`: one exact division if digits and power are exact, else the standard library's reader.
    #[inline]
    pub(super) fn to_f64(self) -> Option<f64> {
        if self.digits <= 1 << 53 {
            return Some(self.digits as f64 / EXACT_POWERS[self.places]);
        }
        std::str::from_utf8(self.text).ok()?.parse().ok()
    }

    /// The exact decimal; `None` beyond 18 places.
    #[inline]
    pub(super) fn to_decimal(self) -> Option<Decimal> {
        Decimal::from_scaled(self.digits, self.places)
    }

    /// The whole number.
    #[inline]
    pub(super) fn to_whole(self) -> Option<u64> {
        (self.places == 0).then_some(self.digits)
    }
}

impl<'a> Scanner<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Scanner { bytes, at: 0 }
    }

    #[inline]
    fn peek(&self) -> u8 {
        // 0 is no byte of JSON, so it stands for the end.
        self.bytes.get(self.at).copied().unwrap_or(0)
    }

    #[inline]
    fn skip_spaces(&mut self) {
        while matches!(self.peek(), b' ' | b'\n' | b'\r' | b'\t') {
            self.at += 1;
        }
    }

    /// Takes one byte of punctuation and the white space around it.
    #[inline]
    pub(super) fn punctuation(&mut self, byte: u8) -> Option<()> {
        self.skip_spaces();
        if self.peek() != byte {
            return None;
        }
        self.at += 1;
        self.skip_spaces();
        Some(())
    }

    /// Takes `quoted`, a key with its quotation marks, and the colon after it.
    #[inline]
    pub(super) fn key<const N: usize>(&mut self, quoted: &[u8; N]) -> Option<()> {
        if self.bytes.get(self.at..)?.first_chunk::<N>()? != quoted {
            return None;
        }
        self.at += N;
        self.punctuation(b':')
    }

    /// Takes a comma and the key `quoted`, or nothing at all.
    #[inline]
    pub(super) fn next_key<const N: usize>(&mut self, quoted: &[u8; N]) -> Option<()> {
        let before = self.at;
        let found = self.punctuation(b',').and_then(|()| self.key(quoted));
        if found.is_none() {
            self.at = before;
        }
        found
    }

    /// Takes a string of printable ASCII without escapes and answers what stands between its quotation marks.
    #[inline]
    pub(super) fn plain_string(&mut self) -> Option<&'a str> {
        if self.peek() != b'"' {
            return None;
        }
        let from = self.at + 1;
        let length = self.bytes[from..].iter().position(|b| !matches!(b, 0x20..=0x7e) || matches!(b, b'"' | b'\\'))?;
        self.at = from + length;
        if self.peek() != b'"' {
            return None;
        }
        self.at += 1;
        std::str::from_utf8(&self.bytes[from..from + length]).ok()
    }

    /// Takes a number, bare or as a string.
    #[inline]
    pub(super) fn number(&mut self) -> Option<Number<'a>> {
        let quoted = self.peek() == b'"';
        self.at += usize::from(quoted);
        let number = self.bare_number()?;
        if quoted {
            if self.peek() != b'"' {
                return None;
            }
            self.at += 1;
        }
        Some(number)
    }

    #[inline]
    fn bare_number(&mut self) -> Option<Number<'a>> {
        let from = self.at;
        let digits = self.digits(0);
        let whole = self.at - from;
        if whole == 0 || (whole > 1 && self.bytes[from] == b'0') {
            return None;
        }
        let (mut digits, mut places) = (digits, 0);
        if self.peek() == b'.' {
            self.at += 1;
            let point = self.at;
            digits = self.digits(digits);
            places = self.at - point;
            if places == 0 {
                return None;
            }
        }
        // More than 19 digits may have run over 64 bits. An exponent needs no look: what follows a number is checked by whoever asked for it.
        if whole + places > 19 {
            return None;
        }
        Some(Number { text: &self.bytes[from..self.at], digits, places })
    }

    /// Takes digits and appends them to `number`, wrapping when there are too many.
    #[inline]
    fn digits(&mut self, mut number: u64) -> u64 {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let mut count = 0;
        for byte in rest {
            let digit = byte.wrapping_sub(b'0');
            if digit > 9 {
                break;
            }
            number = number.wrapping_mul(10).wrapping_add(u64::from(digit));
            count += 1;
        }
        self.at += count;
        number
    }

    /// Takes `true` or `false`.
    #[inline]
    pub(super) fn boolean(&mut self) -> Option<bool> {
        let rest = self.bytes.get(self.at..)?;
        let value = if rest.starts_with(b"true") {
            true
        } else if rest.starts_with(b"false") {
            false
        } else {
            return None;
        };
        self.at += if value { 4 } else { 5 };
        Some(value)
    }

    /// Takes the closing brace; nothing but white space may follow.
    #[inline]
    pub(super) fn finish(&mut self) -> Option<()> {
        self.punctuation(b'}')?;
        (self.at == self.bytes.len()).then_some(())
    }
}

//! Appending JSON to a buffer: strings, numbers and nothing that allocates. It knows no event.

/// Appends `text` as the inside of a JSON string (no quotes). Names are almost always plain, so the plain case is one copy.
#[inline]
pub(super) fn push_escaped(out: &mut Vec<u8>, text: &str) {
    // Without an early exit: names are short and plain, so looking at all bytes at once is faster than stopping at the first odd one.
    if text.bytes().fold(false, |odd, byte| odd | needs_escape(byte)) {
        text.bytes().for_each(|byte| push_escaped_byte(out, byte));
    } else {
        out.extend_from_slice(text.as_bytes());
    }
}

/// Appends `text` as a JSON string with its quotes.
#[inline]
pub(super) fn push_str(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    push_escaped(out, text);
    out.push(b'"');
}

/// Appends a text that is known to need no escape, with its quotes.
#[inline]
pub(super) fn push_plain(out: &mut Vec<u8>, text: &'static str) {
    debug_assert!(!text.bytes().any(needs_escape), "{text:?} is not plain");
    out.push(b'"');
    out.extend_from_slice(text.as_bytes());
    out.push(b'"');
}

/// Appends the shortest decimal that reads back as `value`; `null` for what JSON cannot say (NaN, infinity).
#[inline]
pub(super) fn push_f64(out: &mut Vec<u8>, value: f64) {
    if value.is_finite() {
        out.extend_from_slice(ryu::Buffer::new().format_finite(value).as_bytes());
    } else {
        push_null(out);
    }
}

/// Appends a number, or `null` where there is none.
#[inline]
pub(super) fn push_optional_f64(out: &mut Vec<u8>, value: Option<f64>) {
    push_f64(out, value.unwrap_or(f64::NAN));
}

/// Appends an integer.
#[inline]
pub(super) fn push_int<I: itoa::Integer>(out: &mut Vec<u8>, value: I) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

/// Appends `true` or `false`.
#[inline]
pub(super) fn push_bool(out: &mut Vec<u8>, value: bool) {
    out.extend_from_slice(if value { b"true" } else { b"false" });
}

/// Appends `null`.
#[inline]
pub(super) fn push_null(out: &mut Vec<u8>) {
    out.extend_from_slice(b"null");
}

#[inline]
fn needs_escape(byte: u8) -> bool {
    (byte < 0x20) | (byte == b'"') | (byte == b'\\')
}

fn push_escaped_byte(out: &mut Vec<u8>, byte: u8) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    match byte {
        b'"' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
        byte if byte < 0x20 => {
            out.extend_from_slice(b"\\u00");
            out.extend_from_slice(&[HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
        }
        byte => out.push(byte),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn any_string_reads_back_through_a_json_parser() {
        for text in ["BTC-USDT", "", "quote\" back\\slash", "tab\tnew\nline\u{1}\u{1f}", "Ωμέγα 🚀", "\u{7f}"] {
            let json = written(|out| push_str(out, text));
            assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text, "{json}");
        }
    }

    #[test]
    fn numbers_read_back_bit_for_bit_and_non_numbers_are_null() {
        for value in [0.0, -0.0, 1.0, 0.1 + 0.2, f64::MIN_POSITIVE, f64::MAX, -37_500.015_625, 1e21] {
            let json = written(|out| push_f64(out, value));
            assert_eq!(serde_json::from_str::<f64>(&json).unwrap().to_bits(), value.to_bits(), "{json}");
        }
        for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert_eq!(written(|out| push_f64(out, value)), "null");
        }
        assert_eq!(written(|out| push_optional_f64(out, None)), "null");
        assert_eq!(written(|out| push_int(out, i64::MIN)), i64::MIN.to_string());
    }
}

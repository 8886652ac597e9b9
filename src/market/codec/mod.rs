//! Wire forms of market data: canonical candles and trades, and messages as exchanges send them, one record a message.
//!
//! A decoder takes a record and answers with typed data or with the [`Poison`] that keeps it from being that. Decoders with a canonical form have
//! two readers: a scanner for the form and key order that the encoder writes, and a general one for any JSON. Both give the same result; the
//! scanner is the hottest loop of the system, the general reader knows what is wrong. This module knows nothing of topics and topologies.

mod binance;
mod candle;
mod object;
mod poison;
mod scan;
mod trade;

use std::borrow::Cow;

pub use binance::{BinanceMessage, decode_binance, split_recorded_line};
pub use candle::{CandleRecord, decode_candle, encode_candle};
pub use poison::{DecodeLimits, Poison};
pub use scan::parse_f64;
pub use trade::{TradeRecord, decode_trade, encode_trade};

use crate::record::RecordRef;
use poison::excerpt;

/// The parts of a record that may be looked at: a value within its limit, and a key that is UTF-8, not empty and within its limit.
fn admit<'a>(record: RecordRef<'a>, limits: &DecodeLimits) -> Result<(Option<&'a str>, &'a [u8]), Poison> {
    let key = record.key.map(|key| admit_key(key, limits)).transpose()?;
    let value = record.value.ok_or(Poison::Tombstone)?;
    if value.len() > limits.max_value_bytes {
        return Err(Poison::Oversize { part: "value", bytes: value.len(), limit: limits.max_value_bytes });
    }
    Ok((key, value))
}

fn admit_key<'a>(key: &'a [u8], limits: &DecodeLimits) -> Result<&'a str, Poison> {
    if key.is_empty() {
        return Err(Poison::EmptyKey);
    }
    if key.len() > limits.max_key_bytes {
        return Err(Poison::Oversize { part: "key", bytes: key.len(), limit: limits.max_key_bytes });
    }
    std::str::from_utf8(key).map_err(|error| Poison::InvalidUtf8 { part: "key", at: error.valid_up_to() })
}

/// The coin a record is about: its key and the coin its value names must agree; one of them is enough.
fn agree_on_coin<'a>(key: Option<&'a str>, coin: Option<Cow<'a, str>>, limits: &DecodeLimits) -> Result<Cow<'a, str>, Poison> {
    match (key, coin) {
        (Some(key), None) => Ok(Cow::Borrowed(key)),
        (Some(key), Some(coin)) if key == coin => Ok(Cow::Borrowed(key)),
        (Some(key), Some(coin)) => Err(Poison::KeyMismatch { key: excerpt(key), coin: excerpt(&coin) }),
        (None, Some(coin)) => admit_key(coin.as_bytes(), limits).map(|_| ()).map(|()| coin),
        (None, None) => Err(Poison::EmptyKey),
    }
}

/// Appends `text` as a JSON string.
fn write_string(text: &str, out: &mut Vec<u8>) {
    if text.bytes().all(|b| matches!(b, 0x20..=0x7e) && b != b'"' && b != b'\\') {
        out.push(b'"');
        out.extend_from_slice(text.as_bytes());
        out.push(b'"');
    } else {
        // Escapes are rare enough for an allocation.
        out.extend_from_slice(serde_json::Value::from(text).to_string().as_bytes());
    }
}

/// Appends `value` as JSON's shortest number; what is no number in JSON (NaN, infinity) as null.
fn write_f64(value: f64, out: &mut Vec<u8>) {
    if value.is_finite() {
        out.extend_from_slice(ryu::Buffer::new().format_finite(value).as_bytes());
    } else {
        out.extend_from_slice(b"null");
    }
}

/// Appends a whole number.
fn write_whole(value: impl itoa::Integer, out: &mut Vec<u8>) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn numbers_and_strings_are_read_back_as_written(value: f64, text: String) {
            let mut out = Vec::new();
            write_f64(value, &mut out);
            prop_assert_eq!(serde_json::from_slice::<Option<f64>>(&out).unwrap(), value.is_finite().then_some(value));
            let mut out = Vec::new();
            write_string(&text, &mut out);
            prop_assert_eq!(serde_json::from_slice::<String>(&out).unwrap(), text);
        }

        #[test]
        fn prices_are_written_as_serde_json_writes_them(value in 1e-4f64..1e15) {
            let mut out = Vec::new();
            write_f64(value, &mut out);
            prop_assert_eq!(String::from_utf8(out).unwrap(), serde_json::to_string(&value).unwrap());
        }
    }
}

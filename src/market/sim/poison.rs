//! The simulated exchange's poison: one record of every kind that a decoder or a window has to refuse.

use crate::market::{Candle, Interval, codec::encode_candle};
use crate::record::{RecordBatch, Timestamp};

/// A kind of bad record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    AbsurdTimestamp,
    EmptyKey,
    HighBelowLow,
    InvalidJson,
    InvalidUtf8,
    KeyMismatch,
    MissingField,
    NegativeVolume,
    NonFinite,
    NonPositivePrice,
    OutOfRange,
    Oversize,
    Tombstone,
    TooDeep,
    UnknownInterval,
    WrongType,
    /// A sound bar a year ahead: it must not close every window.
    FarFuture,
}

impl Kind {
    pub(super) const ALL: [Kind; 17] = [
        Kind::AbsurdTimestamp,
        Kind::EmptyKey,
        Kind::HighBelowLow,
        Kind::InvalidJson,
        Kind::InvalidUtf8,
        Kind::KeyMismatch,
        Kind::MissingField,
        Kind::NegativeVolume,
        Kind::NonFinite,
        Kind::NonPositivePrice,
        Kind::OutOfRange,
        Kind::Oversize,
        Kind::Tombstone,
        Kind::TooDeep,
        Kind::UnknownInterval,
        Kind::WrongType,
        Kind::FarFuture,
    ];

    /// Appends a record of this kind, made from a sound bar of `coin`. Its timestamp is the bar's, whatever its value says.
    pub(super) fn push(self, coin: &str, candle: &Candle, out: &mut RecordBatch) {
        let mut text = Vec::new();
        encode_candle(coin, Interval::Minute1, candle, &mut text);
        let text = String::from_utf8_lossy(&text).into_owned();
        let time = candle.open_time;
        let key = coin.as_bytes();
        match self {
            Kind::EmptyKey => out.push(time, Some(b""), Some(text.as_bytes()), &[]),
            Kind::Tombstone => out.push(time, Some(key), None, &[]),
            // A key beyond its limit: a value beyond its own would be a megabyte each.
            Kind::Oversize => out.push(time, Some(coin.repeat(40).as_bytes()), Some(text.as_bytes()), &[]),
            Kind::InvalidUtf8 => {
                let mut bytes = text.into_bytes();
                bytes[9] = 0xff;
                out.push(time, Some(key), Some(&bytes), &[]);
            }
            _ => out.push(time, Some(key), Some(self.spoil(&text, candle).as_bytes()), &[]),
        }
    }

    /// The text of the value with what makes it poison.
    fn spoil(self, text: &str, candle: &Candle) -> String {
        let time = candle.open_time.0;
        match self {
            Kind::AbsurdTimestamp => text.replace(&format!(":{time},"), &format!(":{time}000000,")),
            Kind::FarFuture => text.replace(&format!(":{time},"), &format!(":{},", Timestamp(time).plus(365 * 86_400_000).0)),
            Kind::HighBelowLow => replace_value(text, "high", &format!("{}", candle.low / 2.0)),
            Kind::InvalidJson => text[..text.len() / 2].to_owned(),
            Kind::KeyMismatch => text.replacen(r#"{"coin":""#, r#"{"coin":"NOT-"#, 1),
            Kind::MissingField => text.replacen(r#""close":"#, r#""closed":"#, 1),
            Kind::NegativeVolume => replace_value(text, "volume", "-1.5"),
            Kind::NonFinite => replace_value(text, "close", "NaN"),
            Kind::NonPositivePrice => replace_value(text, "low", "0"),
            Kind::OutOfRange => replace_value(text, "volume", "1e30"),
            Kind::TooDeep => format!("{}1{}", r#"{"a":"#.repeat(64), "}".repeat(64)),
            Kind::UnknownInterval => replace_value(text, "interval", r#""90s""#),
            Kind::WrongType => replace_value(text, "open", "[1]"),
            Kind::EmptyKey | Kind::InvalidUtf8 | Kind::Oversize | Kind::Tombstone => text.to_owned(),
        }
    }
}

/// The text with another value for the field `name`.
fn replace_value(text: &str, name: &str, value: &str) -> String {
    let key = format!("\"{name}\":");
    let Some(at) = text.find(&key) else { return text.to_owned() };
    let from = at + key.len();
    let length = text[from..].find([',', '}']).unwrap_or(0);
    format!("{}{value}{}", &text[..from], &text[from + length..])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::market::codec::{DecodeLimits, Poison, decode_candle};
    use crate::market::sim::{SimConfig, SimulatedExchange};

    #[test]
    fn every_kind_is_the_poison_it_is_named_after() {
        let mut clean = SimulatedExchange::new(SimConfig::clean(1));
        let first = clean.next().unwrap();
        let record = decode_candle(first.as_record_ref(), &DecodeLimits::default()).unwrap();
        let codes = Kind::ALL.map(|kind| {
            let mut batch = RecordBatch::new();
            kind.push("BTC-USDT", &record.candle, &mut batch);
            decode_candle(batch.get(0).unwrap(), &DecodeLimits::default()).map_or_else(|poison| poison.code(), |_| "sound")
        });
        let expected: Vec<_> = Poison::ALL_CODES.into_iter().filter(|code| *code != "unknown_symbol").chain(["sound"]).collect();
        assert_eq!(codes.to_vec(), expected);
    }
}

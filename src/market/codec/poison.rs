//! Why a record cannot become market data: the classes of poison, their stable codes and their messages.

use thiserror::Error;

use crate::market::SymbolError;
use crate::record::Timestamp;

/// A record that no amount of trying again will turn into a candle or trade: it belongs to the dead-letter topic.
///
/// [`code`](Self::code) is stable and fit for a metric label; the message (`Display`) says what stood where, and what was expected.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum Poison {
    /// The record has no value.
    #[error("the record is a tombstone (it has no value); a market topic must not be compacted by deletion")]
    Tombstone,
    /// Neither the record's key nor the value names a coin.
    #[error(
        "the record names no coin: its key is empty or absent, and so is \"coin\" in the value; key every record by its coin"
    )]
    EmptyKey,
    /// Key or value are no UTF-8.
    #[error("the {part} is not UTF-8: byte {at} fits no character")]
    InvalidUtf8 {
        /// `key` or `value`.
        part: &'static str,
        /// The first byte that does not fit, from 0.
        at: usize,
    },
    /// Key or value pass their limit.
    #[error("the {part} has {bytes} bytes where at most {limit} are allowed")]
    Oversize {
        /// `key` or `value`.
        part: &'static str,
        /// How large it is.
        bytes: usize,
        /// How large it may be.
        limit: usize,
    },
    /// Objects or arrays nested beyond the limit.
    #[error("the value nests objects or arrays deeper than {limit}")]
    TooDeep {
        /// How deep it may be.
        limit: usize,
    },
    /// The value is no JSON.
    #[error("the value is not JSON: {what}")]
    InvalidJson {
        /// What the parser found and where.
        what: String,
    },
    /// A value of another kind than the field holds.
    #[error("{field} must be {expected}, found {found}")]
    WrongType {
        /// The field's name.
        field: &'static str,
        /// What it holds.
        expected: &'static str,
        /// What stood there, cut after 48 characters.
        found: String,
    },
    /// A field that every record needs is absent or null.
    #[error("{field} is missing")]
    MissingField {
        /// The field's name.
        field: &'static str,
    },
    /// An interval that no exchange has.
    #[error("interval {text:?} is unknown; expected one of 1s 1m 3m 5m 15m 30m 1h 2h 4h 6h 8h 12h 1d 3d 1w 1M")]
    UnknownInterval {
        /// What stood there, cut after 48 characters.
        text: String,
    },
    /// A trading pair that cannot be told apart into base and quote coin.
    #[error("{field}: {why}")]
    UnknownSymbol {
        /// The field's name.
        field: &'static str,
        /// What is wrong with it.
        why: SymbolError,
    },
    /// NaN, infinity, or a number beyond the largest `f64`.
    #[error("{field} must be a finite number, found {text}")]
    NonFinite {
        /// The field's name.
        field: &'static str,
        /// What stood there, cut after 48 characters.
        text: String,
    },
    /// A number that is finite and yet beyond what the field can hold.
    #[error("{field} is out of range: {text}; at most 1.7e20 can be kept exactly")]
    OutOfRange {
        /// The field's name.
        field: &'static str,
        /// What stood there, cut after 48 characters.
        text: String,
    },
    /// A price of zero or below.
    #[error("{field} must be above zero, found {value}")]
    NonPositivePrice {
        /// The field's name.
        field: &'static str,
        /// The price.
        value: f64,
    },
    /// A volume below zero.
    #[error("{field} must not be below zero, found {text}")]
    NegativeVolume {
        /// The field's name.
        field: &'static str,
        /// What stood there, cut after 48 characters.
        text: String,
    },
    /// The prices contradict each other: low above high, or open or close outside of both.
    #[error("prices contradict each other: {field} {value} lies outside of low {low} to high {high}")]
    HighBelowLow {
        /// Which price lies outside; `high` when the high itself is below the low.
        field: &'static str,
        /// That price.
        value: f64,
        /// The low.
        low: f64,
        /// The high.
        high: f64,
    },
    /// The record's key and the coin inside its value differ.
    #[error("the record's key {key:?} is not the coin in its value, {coin:?}")]
    KeyMismatch {
        /// The record's key, cut after 48 characters.
        key: String,
        /// The coin of the value, cut after 48 characters.
        coin: String,
    },
    /// A time before 1990 or after 9999: almost always a wrong unit.
    #[error(
        "{field} {time} lies outside of the years 1990 to 9999; expected Unix milliseconds (10 digits are seconds, 16 microseconds)"
    )]
    AbsurdTimestamp {
        /// The field's name.
        field: &'static str,
        /// The number as it stood there, cut after 48 characters.
        time: String,
    },
}

impl Poison {
    /// The codes of all classes, sorted: the values a metric label or a dead letter's reason can take.
    pub const ALL_CODES: [&'static str; 17] = [
        "absurd_timestamp",
        "empty_key",
        "high_below_low",
        "invalid_json",
        "invalid_utf8",
        "key_mismatch",
        "missing_field",
        "negative_volume",
        "non_finite",
        "non_positive_price",
        "out_of_range",
        "oversize",
        "tombstone",
        "too_deep",
        "unknown_interval",
        "unknown_symbol",
        "wrong_type",
    ];

    /// The stable snake_case code of the class.
    pub const fn code(&self) -> &'static str {
        match self {
            Poison::AbsurdTimestamp { .. } => "absurd_timestamp",
            Poison::EmptyKey => "empty_key",
            Poison::HighBelowLow { .. } => "high_below_low",
            Poison::InvalidJson { .. } => "invalid_json",
            Poison::InvalidUtf8 { .. } => "invalid_utf8",
            Poison::KeyMismatch { .. } => "key_mismatch",
            Poison::MissingField { .. } => "missing_field",
            Poison::NegativeVolume { .. } => "negative_volume",
            Poison::NonFinite { .. } => "non_finite",
            Poison::NonPositivePrice { .. } => "non_positive_price",
            Poison::OutOfRange { .. } => "out_of_range",
            Poison::Oversize { .. } => "oversize",
            Poison::Tombstone => "tombstone",
            Poison::TooDeep { .. } => "too_deep",
            Poison::UnknownInterval { .. } => "unknown_interval",
            Poison::UnknownSymbol { .. } => "unknown_symbol",
            Poison::WrongType { .. } => "wrong_type",
        }
    }
}

/// Bounds on what a decoder reads at all; beyond them a record is poison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DecodeLimits {
    /// Largest value in bytes. Default 1 MiB, as Kafka's `max.message.bytes`.
    pub max_value_bytes: usize,
    /// Largest key in bytes. Default 256: a coin's name goes into state, outputs and metrics.
    pub max_key_bytes: usize,
    /// How deep objects and arrays may nest, the outermost counted as 1. Default 32.
    pub max_depth: usize,
}

impl Default for DecodeLimits {
    fn default() -> Self {
        DecodeLimits { max_value_bytes: 1 << 20, max_key_bytes: 256, max_depth: 32 }
    }
}

const EARLIEST: Timestamp = Timestamp(631_152_000_000);
const LATEST: Timestamp = Timestamp(253_402_300_799_999);

/// Refuses times before 1990-01-01 or after 9999-12-31.
pub(super) fn check_time(field: &'static str, time: Timestamp) -> Result<Timestamp, Poison> {
    if (EARLIEST..=LATEST).contains(&time) {
        return Ok(time);
    }
    Err(Poison::AbsurdTimestamp { field, time: time.0.to_string() })
}

/// What stood somewhere, short enough for a message.
pub(super) fn excerpt(text: &str) -> String {
    let mut cut: String = text.chars().take(48).collect();
    if cut.len() < text.len() {
        cut.push('…');
    }
    cut
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one_of_each() -> Vec<Poison> {
        let text = || "x".to_owned();
        vec![
            Poison::AbsurdTimestamp { field: "open_time", time: text() },
            Poison::EmptyKey,
            Poison::HighBelowLow { field: "high", value: 1.0, low: 2.0, high: 1.0 },
            Poison::InvalidJson { what: text() },
            Poison::InvalidUtf8 { part: "key", at: 0 },
            Poison::KeyMismatch { key: text(), coin: text() },
            Poison::MissingField { field: "open" },
            Poison::NegativeVolume { field: "volume", text: text() },
            Poison::NonFinite { field: "open", text: text() },
            Poison::NonPositivePrice { field: "open", value: 0.0 },
            Poison::OutOfRange { field: "volume", text: text() },
            Poison::Oversize { part: "value", bytes: 2, limit: 1 },
            Poison::Tombstone,
            Poison::TooDeep { limit: 1 },
            Poison::UnknownInterval { text: text() },
            Poison::UnknownSymbol { field: "s", why: SymbolError::UnknownQuote { text: text() } },
            Poison::WrongType { field: "open", expected: "a number", found: text() },
        ]
    }

    #[test]
    fn every_class_has_its_code_in_the_list() {
        let codes: Vec<_> = one_of_each().iter().map(Poison::code).collect();
        assert_eq!(codes, Poison::ALL_CODES);
        assert!(Poison::ALL_CODES.is_sorted());
    }

    #[test]
    fn times_are_bounded_on_both_sides() {
        for (time, fits) in
            [(EARLIEST, true), (LATEST, true), (EARLIEST.minus(1), false), (LATEST.plus(1), false), (Timestamp::MIN, false)]
        {
            assert_eq!(check_time("time", time).is_ok(), fits, "{time}");
        }
    }
}

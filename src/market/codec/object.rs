//! The general reader: any JSON object, field by field, with the precise reason where a field does not fit.
//!
//! Numbers are taken from their text, so volumes stay exact, and may stand as JSON numbers or strings.

use std::borrow::Cow;
use std::collections::{BTreeMap, btree_map::Entry};
use std::fmt;

use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::poison::{DecodeLimits, Poison, check_time, excerpt};
use crate::market::{Decimal, Interval};
use crate::record::Timestamp;

/// The fields of a JSON object, unread.
#[derive(Debug)]
pub(super) struct JsonObject<'a> {
    fields: BTreeMap<Cow<'a, str>, &'a str>,
}

/// The text of a number, wherever it stood.
struct NumberText<'a> {
    text: Cow<'a, str>,
}

impl<'a> JsonObject<'a> {
    /// Reads the value of a record.
    ///
    /// Depth is checked before anything recurses; serde_json's own reader of raw values does not recurse at all.
    pub(super) fn from_bytes(value: &'a [u8], limits: &DecodeLimits) -> Result<Self, Poison> {
        let text = std::str::from_utf8(value).map_err(|error| Poison::InvalidUtf8 { part: "value", at: error.valid_up_to() })?;
        if depth_passes(value, limits.max_depth) {
            return Err(Poison::TooDeep { limit: limits.max_depth });
        }
        Self::from_text(text, "the value")
    }

    fn from_text(text: &'a str, field: &'static str) -> Result<Self, Poison> {
        let mut reader = serde_json::Deserializer::from_str(text);
        let outcome = reader.deserialize_map(ObjectVisitor).and_then(|object| reader.end().map(|()| object));
        outcome.map_err(|error| not_an_object(text, field, &error))
    }

    /// The field's raw JSON; `None` where it is absent or null.
    fn raw(&self, field: &str) -> Option<&'a str> {
        self.fields.get(field).copied().filter(|raw| *raw != "null")
    }

    fn required(&self, field: &'static str) -> Result<&'a str, Poison> {
        self.raw(field).ok_or(Poison::MissingField { field })
    }

    /// A string.
    pub(super) fn text(&self, field: &'static str) -> Result<Option<Cow<'a, str>>, Poison> {
        self.raw(field).map(|raw| string(raw, field, "a string")).transpose()
    }

    /// A string; what is none is nothing.
    pub(super) fn text_or_nothing(&self, field: &'static str) -> Option<Cow<'a, str>> {
        self.text(field).ok().flatten()
    }

    /// An object inside this one.
    pub(super) fn object(&self, field: &'static str) -> Result<JsonObject<'a>, Poison> {
        JsonObject::from_text(self.required(field)?, field)
    }

    /// `true` or `false`.
    pub(super) fn boolean(&self, field: &'static str) -> Result<Option<bool>, Poison> {
        match self.raw(field) {
            None => Ok(None),
            Some("true") => Ok(Some(true)),
            Some("false") => Ok(Some(false)),
            Some(raw) => Err(wrong_type(field, "true or false", raw)),
        }
    }

    /// A price above zero.
    pub(super) fn price(&self, field: &'static str) -> Result<f64, Poison> {
        let number = NumberText::read(self.required(field)?, field)?;
        let value = number.finite(field)?;
        if value > 0.0 { Ok(value) } else { Err(Poison::NonPositivePrice { field, value }) }
    }

    /// A volume of at least zero.
    pub(super) fn volume(&self, field: &'static str) -> Result<Decimal, Poison> {
        decimal_volume(self.required(field)?, field)
    }

    /// A volume that may be absent.
    pub(super) fn optional_volume(&self, field: &'static str) -> Result<Option<Decimal>, Poison> {
        self.raw(field).map(|raw| decimal_volume(raw, field)).transpose()
    }

    /// A whole number of at least 0 that may be absent.
    pub(super) fn optional_count(&self, field: &'static str) -> Result<Option<u64>, Poison> {
        let Some(raw) = self.raw(field) else { return Ok(None) };
        let number = NumberText::read(raw, field)?;
        number.text.parse().map(Some).map_err(|_| wrong_type(field, "a whole number of at least 0", raw))
    }

    /// A time in Unix milliseconds.
    pub(super) fn time(&self, field: &'static str) -> Result<Timestamp, Poison> {
        check_time(field, Timestamp(self.whole(field)?))
    }

    /// A time in Unix milliseconds, or in microseconds, which have at least 15 digits in every year since 1973 where milliseconds have 13.
    pub(super) fn time_ms_or_us(&self, field: &'static str) -> Result<Timestamp, Poison> {
        let time = self.whole(field)?;
        check_time(field, Timestamp(if time >= 100_000_000_000_000 { time / 1_000 } else { time }))
    }

    fn whole(&self, field: &'static str) -> Result<i64, Poison> {
        let raw = self.required(field)?;
        let number = NumberText::read(raw, field)?;
        let digits = number.text.strip_prefix('-').unwrap_or(&number.text);
        if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return Err(wrong_type(field, "a whole number of Unix milliseconds", raw));
        }
        number.text.parse().map_err(|_| Poison::AbsurdTimestamp { field, time: excerpt(&number.text) })
    }

    /// The interval.
    pub(super) fn interval(&self, field: &'static str) -> Result<Interval, Poison> {
        let text = string(self.required(field)?, field, "an interval such as \"1m\"")?;
        Interval::from_name(text.as_bytes()).ok_or_else(|| Poison::UnknownInterval { text: excerpt(&text) })
    }
}

impl<'a> NumberText<'a> {
    /// Takes a JSON number, or a string that may hold one.
    fn read(raw: &'a str, field: &'static str) -> Result<Self, Poison> {
        let text = match raw.as_bytes().first() {
            Some(b'"') => string(raw, field, "a number")?,
            Some(b'-' | b'0'..=b'9') => Cow::Borrowed(raw),
            _ => return Err(wrong_type(field, "a number", raw)),
        };
        Ok(NumberText { text })
    }

    fn finite(&self, field: &'static str) -> Result<f64, Poison> {
        let value: f64 = self.text.parse().map_err(|_| wrong_type(field, "a number", &self.text))?;
        if value.is_finite() { Ok(value) } else { Err(Poison::NonFinite { field, text: excerpt(&self.text) }) }
    }
}

fn decimal_volume(raw: &str, field: &'static str) -> Result<Decimal, Poison> {
    let number = NumberText::read(raw, field)?;
    let approximate = number.finite(field)?;
    let out_of_range = |_| Poison::OutOfRange { field, text: excerpt(&number.text) };
    if approximate < 0.0 {
        return Err(Poison::NegativeVolume { field, text: excerpt(&number.text) });
    }
    Decimal::parse_bytes(number.text.as_bytes()).map_err(out_of_range)
}

/// The text of a JSON string, unescaped.
fn string<'a>(raw: &'a str, field: &'static str, expected: &'static str) -> Result<Cow<'a, str>, Poison> {
    let inner = raw.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    match inner {
        None => Err(wrong_type(field, expected, raw)),
        Some(inner) if !inner.contains('\\') => Ok(Cow::Borrowed(inner)),
        Some(_) => serde_json::from_str(raw)
            .map(Cow::Owned)
            .map_err(|error| Poison::InvalidJson { what: format!("in {field}: {error}") }),
    }
}

fn wrong_type(field: &'static str, expected: &'static str, found: &str) -> Poison {
    Poison::WrongType { field, expected, found: excerpt(found) }
}

/// Sorts out why the text is no JSON object.
fn not_an_object(text: &str, field: &'static str, error: &serde_json::Error) -> Poison {
    if error.is_data() && !error.to_string().starts_with("duplicate key") {
        return wrong_type(field, "a JSON object", text.trim_start());
    }
    match bare_non_finite(text) {
        Some(word) => Poison::NonFinite { field: "the value's numbers", text: word.to_owned() },
        None => Poison::InvalidJson { what: error.to_string() },
    }
}

/// Some writers (Python's json among them) write NaN and infinity as bare words, which JSON has not.
fn bare_non_finite(text: &str) -> Option<&'static str> {
    let (mut rest, mut in_string) = (text.as_bytes(), false);
    while let Some((byte, tail)) = rest.split_first() {
        match byte {
            b'\\' if in_string => rest = tail.get(1..).unwrap_or_default(),
            b'"' => (in_string, rest) = (!in_string, tail),
            _ => {
                let word = ["NaN", "Infinity", "-Infinity"].into_iter().find(|word| rest.starts_with(word.as_bytes()));
                if let (Some(word), false) = (word, in_string) {
                    return Some(word);
                }
                rest = tail;
            }
        }
    }
    None
}

/// Whether objects and arrays nest deeper than `limit`; brackets inside strings do not count.
fn depth_passes(value: &[u8], limit: usize) -> bool {
    let (mut depth, mut in_string, mut escaped) = (0usize, false, false);
    for byte in value {
        if in_string {
            (escaped, in_string) = (!escaped && *byte == b'\\', escaped || *byte != b'"');
            continue;
        }
        match byte {
            b'"' => in_string = true,
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > limit {
            return true;
        }
    }
    false
}

struct ObjectVisitor;

impl<'de> Visitor<'de> for ObjectVisitor {
    type Value = JsonObject<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
        let mut fields = BTreeMap::new();
        while let Some(Key(name)) = map.next_key()? {
            let raw: &'de RawValue = map.next_value()?;
            match fields.entry(name) {
                Entry::Vacant(place) => place.insert(raw.get()),
                // Of two values for one field neither can be trusted.
                Entry::Occupied(known) => return Err(serde::de::Error::custom(format!("duplicate key {:?}", known.key()))),
            };
        }
        Ok(JsonObject { fields })
    }
}

/// A key that borrows from the input unless it holds an escape.
#[derive(serde::Deserialize)]
#[serde(transparent)]
struct Key<'a>(#[serde(borrow)] Cow<'a, str>);

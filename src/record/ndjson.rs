//! Records as lines of JSON: what `backtest --output` writes and `topics consume` prints.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::{Offset, RecordRef};

/// Where a record stands, for lines that say so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Number of the partition.
    pub partition: u32,
    /// Offset in it.
    pub offset: Offset,
}

/// Appends one line: `{"key":…,"timestamp":…,"value":…}` and a line feed; with `place` also `partition` and `offset`, with headers also `headers`.
///
/// A value that is JSON without line breaks, nested at most 64 deep, stands as it is, byte for byte. Other values stand in `value_base64`; a tombstone is `"value":null`.
/// A key or header that is no UTF-8 stands in base64 too (`key_base64`, and `base64:` before a header).
///
/// ```
/// use tidemill::record::{RecordBatch, Timestamp, write_ndjson};
/// let mut batch = RecordBatch::new();
/// batch.push(Timestamp(7), Some(b"BTC-USDT"), Some(br#"{"close":1.5}"#), &[]);
/// let mut line = Vec::new();
/// write_ndjson(&batch.get(0).unwrap(), None, &mut line);
/// assert_eq!(line, b"{\"key\":\"BTC-USDT\",\"timestamp\":7,\"value\":{\"close\":1.5}}\n");
/// ```
pub fn write_ndjson(record: &RecordRef<'_>, place: Option<Place>, out: &mut Vec<u8>) {
    out.push(b'{');
    if let Some(Place { partition, offset }) = place {
        out.extend_from_slice(format!("\"partition\":{partition},\"offset\":{offset},").as_bytes());
    }
    write_key(record.key, out);
    out.extend_from_slice(b",\"timestamp\":");
    out.extend_from_slice(itoa::Buffer::new().format(record.timestamp.0).as_bytes());
    write_headers(record, out);
    write_value(record.value, out);
    out.extend_from_slice(b"}\n");
}

fn write_key(key: Option<&[u8]>, out: &mut Vec<u8>) {
    match key.map(|key| (key, std::str::from_utf8(key))) {
        None => out.extend_from_slice(b"\"key\":null"),
        Some((_, Ok(text))) => {
            out.extend_from_slice(b"\"key\":");
            write_string(text, out);
        }
        Some((bytes, Err(_))) => {
            out.extend_from_slice(b"\"key_base64\":");
            write_string(&STANDARD.encode(bytes), out);
        }
    }
}

fn write_headers(record: &RecordRef<'_>, out: &mut Vec<u8>) {
    let mut separator: &[u8] = b",\"headers\":{";
    for (name, value) in record.headers() {
        out.extend_from_slice(separator);
        separator = b",";
        write_string(name, out);
        out.push(b':');
        match std::str::from_utf8(value) {
            Ok(text) => write_string(text, out),
            Err(_) => write_string(&format!("base64:{}", STANDARD.encode(value)), out),
        }
    }
    if separator == b"," {
        out.push(b'}');
    }
}

fn write_value(value: Option<&[u8]>, out: &mut Vec<u8>) {
    match value {
        None => out.extend_from_slice(b",\"value\":null"),
        Some(bytes) if is_json_line(bytes) => {
            out.extend_from_slice(b",\"value\":");
            out.extend_from_slice(bytes);
        }
        Some(bytes) => {
            out.extend_from_slice(b",\"value_base64\":");
            write_string(&STANDARD.encode(bytes), out);
        }
    }
}

fn is_json_line(bytes: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else { return false };
    if text.contains(['\n', '\r']) || nesting(bytes) > MOST_NESTED {
        return false;
    }
    // Skipping over a value does not look into its escapes; text that has any is read in full.
    if text.contains('\\') {
        serde_json::from_str::<serde_json::Value>(text).is_ok()
    } else {
        serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok()
    }
}

/// Readers of JSON give up at some depth (serde_json at 128): a line must not make them.
const MOST_NESTED: usize = 64;

/// How deep brackets nest, those inside strings included: an upper bound.
fn nesting(bytes: &[u8]) -> usize {
    let mut depth = 0usize;
    let mut most = 0;
    for byte in bytes {
        match byte {
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        most = most.max(depth);
    }
    most
}

fn write_string(text: &str, out: &mut Vec<u8>) {
    serde_json::to_writer(out, text).expect("a string always encodes, and a Vec always takes it");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{RecordBatch, Timestamp};

    fn line(key: Option<&[u8]>, value: Option<&[u8]>, headers: &[(&str, &[u8])], place: Option<Place>) -> String {
        let mut batch = RecordBatch::new();
        batch.push(Timestamp(-1), key, value, headers);
        let mut out = Vec::new();
        write_ndjson(&batch.get(0).unwrap(), place, &mut out);
        let text = String::from_utf8(out).unwrap();
        serde_json::from_str::<serde_json::Value>(&text).expect("every line is JSON");
        text
    }

    #[test]
    fn bytes_that_are_no_json_stay_whole() {
        assert_eq!(line(None, Some(b"\xff{"), &[], None), "{\"key\":null,\"timestamp\":-1,\"value_base64\":\"/3s=\"}\n");
        assert_eq!(line(Some(b"\xfe"), None, &[], None), "{\"key_base64\":\"/g==\",\"timestamp\":-1,\"value\":null}\n");
        assert!(line(None, Some(b"{\n}"), &[], None).contains("value_base64"));
        assert!(line(None, Some(br#""\ud800""#), &[], None).contains("value_base64"), "half a surrogate pair is no text");
        let nested = |depth: usize| ["[".repeat(depth), "]".repeat(depth)].concat();
        assert!(line(None, Some(nested(64).as_bytes()), &[], None).contains("value\":[["));
        assert!(line(None, Some(nested(65).as_bytes()), &[], None).contains("value_base64"));
    }

    #[test]
    fn headers_and_place_are_told() {
        let place = Place { partition: 2, offset: Offset(9) };
        assert_eq!(
            line(Some(b"a\"b"), Some(b"1"), &[("r", b"x"), ("s", b"y")], Some(place)),
            "{\"partition\":2,\"offset\":9,\"key\":\"a\\\"b\",\"timestamp\":-1,\"headers\":{\"r\":\"x\",\"s\":\"y\"},\"value\":1}\n"
        );
    }
}

//! candle-json: one candle a record, the canonical form of candles on a topic.
//!
//! ```json
//! {"coin":"BTC-USDT","interval":"1m","open_time":1700000040000,"open":36500.1,"high":36510.0,"low":36490.0,"close":36505.55,
//!  "volume":12.345,"quote_volume":450600.12,"trades":812,"taker_base":6.1,"taker_quote":222650.5}
//! ```
//!
//! | field | meaning |
//! | --- | --- |
//! | `coin` | the coin; may be left out where the record's key is the coin, and must equal the key where both are there |
//! | `interval` | `1s` to `1M`, see [`Interval`] |
//! | `open_time` | start of the bar, Unix milliseconds; the bar ends at the start of the next |
//! | `open`, `high`, `low`, `close` | prices above zero, low ≤ open, close ≤ high |
//! | `volume` | base volume, at least 0, exact to 18 places |
//! | `quote_volume`, `trades`, `taker_base`, `taker_quote` | optional; left out when unknown |
//!
//! Numbers may be JSON numbers or strings. Keys in any order are read, unknown keys are ignored, a key that stands twice is refused.

use std::borrow::Cow;

use super::object::JsonObject;
use super::poison::{DecodeLimits, Poison, check_time};
use super::scan::Scanner;
use super::{admit, agree_on_coin, write_f64, write_string, write_whole};
use crate::market::{Candle, Interval};
use crate::record::{RecordRef, Timestamp};

/// A decoded candle record.
#[derive(Debug, Clone, PartialEq)]
pub struct CandleRecord<'a> {
    /// The coin: the record's key, or else the coin its value names.
    pub coin: Cow<'a, str>,
    /// The bar's interval.
    pub interval: Interval,
    /// The bar.
    pub candle: Candle,
}

/// Reads a candle-json record.
///
/// ```
/// use tidemill::market::codec::{DecodeLimits, decode_candle};
/// use tidemill::record::{RecordBatch, Timestamp};
/// let mut batch = RecordBatch::new();
/// let value = br#"{"interval":"1m","open_time":1700000040000,"open":"1.5","high":2,"low":1,"close":1.5,"volume":"0.10"}"#;
/// batch.push(Timestamp(0), Some(b"BTC-USDT"), Some(value), &[]);
/// let record = decode_candle(batch.get(0).unwrap(), &DecodeLimits::default()).unwrap();
/// assert_eq!((&*record.coin, record.candle.close_time), ("BTC-USDT", Timestamp(1_700_000_100_000)));
/// ```
///
/// # Errors
/// The [`Poison`] that says why the record is no candle.
pub fn decode_candle<'a>(record: RecordRef<'a>, limits: &DecodeLimits) -> Result<CandleRecord<'a>, Poison> {
    let (key, value) = admit(record, limits)?;
    match decode_canonical(key, value, limits) {
        Some(record) => Ok(record),
        None => decode_general(key, value, limits),
    }
}

/// The scanner's way: the encoder's key order, plain numbers, nothing wrong. `None` says nothing about the bytes.
fn decode_canonical<'a>(key: Option<&'a str>, value: &'a [u8], limits: &DecodeLimits) -> Option<CandleRecord<'a>> {
    let mut scan = Scanner::new(value);
    scan.punctuation(b'{')?;
    let mut coin = None;
    if scan.key(br#""coin""#).is_some() {
        coin = Some(Cow::Borrowed(scan.plain_string()?));
        scan.punctuation(b',')?;
    }
    scan.key(br#""interval""#)?;
    let interval = Interval::from_name(scan.plain_string()?.as_bytes())?;
    scan.next_key(br#""open_time""#)?;
    let open_time = Timestamp(i64::try_from(scan.number()?.to_whole()?).ok()?);
    scan.next_key(br#""open""#)?;
    let open = scan.number()?.to_f64()?;
    scan.next_key(br#""high""#)?;
    let high = scan.number()?.to_f64()?;
    scan.next_key(br#""low""#)?;
    let low = scan.number()?.to_f64()?;
    scan.next_key(br#""close""#)?;
    let close = scan.number()?.to_f64()?;
    scan.next_key(br#""volume""#)?;
    let volume = scan.number()?.to_decimal()?;
    let (mut quote_volume, mut trades, mut taker_base, mut taker_quote) = (None, None, None, None);
    if scan.next_key(br#""quote_volume""#).is_some() {
        quote_volume = Some(scan.number()?.to_decimal()?);
    }
    if scan.next_key(br#""trades""#).is_some() {
        trades = Some(scan.number()?.to_whole()?);
    }
    if scan.next_key(br#""taker_base""#).is_some() {
        taker_base = Some(scan.number()?.to_decimal()?);
    }
    if scan.next_key(br#""taker_quote""#).is_some() {
        taker_quote = Some(scan.number()?.to_decimal()?);
    }
    scan.finish()?;
    let close_time = interval.close_time(check_time("open_time", open_time).ok()?);
    let candle = Candle { open_time, close_time, open, high, low, close, volume, quote_volume, trades, taker_base, taker_quote };
    if low <= 0.0 || check_prices(&candle).is_err() {
        return None;
    }
    let coin = agree_on_coin(key, coin, limits).ok()?;
    Some(CandleRecord { coin, interval, candle })
}

/// The way for all other JSON; finds what is wrong.
fn decode_general<'a>(key: Option<&'a str>, value: &'a [u8], limits: &DecodeLimits) -> Result<CandleRecord<'a>, Poison> {
    let object = JsonObject::from_bytes(value, limits)?;
    let coin = agree_on_coin(key, object.text("coin")?, limits)?;
    let interval = object.interval("interval")?;
    let open_time = object.time("open_time")?;
    let candle = Candle {
        open_time,
        close_time: interval.close_time(open_time),
        open: object.price("open")?,
        high: object.price("high")?,
        low: object.price("low")?,
        close: object.price("close")?,
        volume: object.volume("volume")?,
        quote_volume: object.optional_volume("quote_volume")?,
        trades: object.optional_count("trades")?,
        taker_base: object.optional_volume("taker_base")?,
        taker_quote: object.optional_volume("taker_quote")?,
    };
    check_prices(&candle)?;
    Ok(CandleRecord { coin, interval, candle })
}

/// Refuses a bar whose prices contradict each other.
pub(super) fn check_prices(candle: &Candle) -> Result<(), Poison> {
    let Candle { open, high, low, close, .. } = *candle;
    let outside = |field, value| Poison::HighBelowLow { field, value, low, high };
    if high < low {
        return Err(outside("high", high));
    }
    if open < low || open > high {
        return Err(outside("open", open));
    }
    if close < low || close > high {
        return Err(outside("close", close));
    }
    Ok(())
}

/// Appends the canonical text of a candle to `out`; unknown optional fields are left out. The candle's close time is not written: the interval
/// says it.
pub fn encode_candle(coin: &str, interval: Interval, candle: &Candle, out: &mut Vec<u8>) {
    out.extend_from_slice(br#"{"coin":"#);
    write_string(coin, out);
    out.extend_from_slice(br#","interval":""#);
    out.extend_from_slice(interval.name().as_bytes());
    out.extend_from_slice(br#"","open_time":"#);
    write_whole(candle.open_time.0, out);
    let prices =
        [(",\"open\":", candle.open), (",\"high\":", candle.high), (",\"low\":", candle.low), (",\"close\":", candle.close)];
    for (key, price) in prices {
        out.extend_from_slice(key.as_bytes());
        write_f64(price, out);
    }
    out.extend_from_slice(br#","volume":"#);
    candle.volume.write_to(out);
    if let Some(volume) = candle.quote_volume {
        out.extend_from_slice(br#","quote_volume":"#);
        volume.write_to(out);
    }
    if let Some(trades) = candle.trades {
        out.extend_from_slice(br#","trades":"#);
        write_whole(trades, out);
    }
    for (key, volume) in [(",\"taker_base\":", candle.taker_base), (",\"taker_quote\":", candle.taker_quote)] {
        if let Some(volume) = volume {
            out.extend_from_slice(key.as_bytes());
            volume.write_to(out);
        }
    }
    out.push(b'}');
}

#[cfg(test)]
#[path = "candle_tests.rs"]
mod tests;

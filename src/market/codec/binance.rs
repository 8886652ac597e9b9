//! Messages of Binance's streams: trades and klines, bare or in the wrapper of a combined stream.
//!
//! What is neither is told apart, not refused: order-book updates, tickers, answers to subscriptions and the snapshots that recordings carry are
//! [`BinanceMessage::Other`], to be skipped and counted. Times are milliseconds, or microseconds where the stream was asked for them.

use std::borrow::Cow;

use super::admit;
use super::candle::check_prices;
use super::object::JsonObject;
use super::poison::{DecodeLimits, Poison, excerpt};
use crate::market::{Candle, Interval, Symbol, Trade};
use crate::record::{RecordRef, Timestamp};

/// What a message says.
#[derive(Debug, Clone, PartialEq)]
pub enum BinanceMessage {
    /// One trade (`@trade`).
    Trade {
        /// The pair.
        coin: Symbol,
        /// The trade, at its trade time `T`.
        trade: Trade,
    },
    /// A bar (`@kline_*`), finished or still being built.
    Kline {
        /// The pair.
        coin: Symbol,
        /// The bar's interval.
        interval: Interval,
        /// The bar.
        candle: Candle,
        /// Whether the bar is finished (`x`): only then may it be learned from.
        closed: bool,
    },
    /// Anything else; the event's name where it has one.
    Other {
        /// `e` of the message, or the name of the stream.
        event: Option<String>,
    },
}

/// Reads one message of a Binance stream. The record's key may be absent, or name the pair in any spelling that [`Symbol`] reads.
///
/// # Errors
/// The [`Poison`] that says why the record is no message, or no sound trade or bar.
pub fn decode_binance(record: RecordRef<'_>, limits: &DecodeLimits) -> Result<BinanceMessage, Poison> {
    let (key, value) = admit(record, limits)?;
    let outer = JsonObject::from_bytes(value, limits)?;
    let stream = outer.text("stream")?;
    let message = if stream.is_some() { outer.object("data")? } else { outer };
    let event = message.text_or_nothing("e");
    match event.as_deref() {
        Some("trade") => decode_trade(key, &message),
        Some("kline") => decode_kline(key, &message.object("k")?),
        _ => Ok(BinanceMessage::Other { event: event.or(stream).map(Cow::into_owned) }),
    }
}

/// Splits a line of a recording into the receive time in nanoseconds and the message.
///
/// ```
/// let line = br#"1723161255030314667 {"stream":"btcusdt@trade","data":{}}"#;
/// let (received_ns, message) = tidemill::market::codec::split_recorded_line(line).unwrap();
/// assert_eq!((received_ns, message[0]), (1_723_161_255_030_314_667, b'{'));
/// ```
pub fn split_recorded_line(line: &[u8]) -> Option<(i64, &[u8])> {
    let space = line.iter().position(|b| *b == b' ')?;
    let received_ns = std::str::from_utf8(&line[..space]).ok()?.parse().ok()?;
    Some((received_ns, &line[space + 1..]))
}

fn decode_trade(key: Option<&str>, message: &JsonObject<'_>) -> Result<BinanceMessage, Poison> {
    let coin = symbol(key, message)?;
    let trade = Trade {
        time: message.time_ms_or_us("T")?,
        price: message.price("p")?,
        amount: message.volume("q")?,
        id: message.optional_count("t")?,
        buyer_is_maker: message.boolean("m")?,
    };
    Ok(BinanceMessage::Trade { coin, trade })
}

fn decode_kline(key: Option<&str>, bar: &JsonObject<'_>) -> Result<BinanceMessage, Poison> {
    let coin = symbol(key, bar)?;
    let interval = bar.interval("i")?;
    let open_time: Timestamp = bar.time_ms_or_us("t")?;
    let candle = Candle {
        open_time,
        close_time: interval.close_time(open_time),
        open: bar.price("o")?,
        high: bar.price("h")?,
        low: bar.price("l")?,
        close: bar.price("c")?,
        volume: bar.volume("v")?,
        quote_volume: bar.optional_volume("q")?,
        trades: bar.optional_count("n")?,
        taker_base: bar.optional_volume("V")?,
        taker_quote: bar.optional_volume("Q")?,
    };
    check_prices(&candle)?;
    let closed = bar.boolean("x")?.ok_or(Poison::MissingField { field: "x" })?;
    Ok(BinanceMessage::Kline { coin, interval, candle, closed })
}

/// The pair a message names, which must be the pair of the key.
fn symbol(key: Option<&str>, message: &JsonObject<'_>) -> Result<Symbol, Poison> {
    let text = message.text("s")?.ok_or(Poison::MissingField { field: "s" })?;
    let symbol: Symbol = text.parse().map_err(|why| Poison::UnknownSymbol { field: "s", why })?;
    match key {
        Some(key) if key.parse().as_ref() != Ok(&symbol) => {
            Err(Poison::KeyMismatch { key: excerpt(key), coin: symbol.to_string() })
        }
        _ => Ok(symbol),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(key: Option<&str>, text: &str) -> Result<BinanceMessage, Poison> {
        let record = RecordRef::without_headers(Timestamp(0), key.map(str::as_bytes), Some(text.as_bytes()));
        decode_binance(record, &DecodeLimits::default())
    }

    const TRADE: &str = r#"{"e":"trade","E":1700000041501,"s":"BTCUSDT","t":3100000012,"p":"36500.50","q":"0.01000","T":1700000041500,"m":true,"M":true}"#;
    const KLINE: &str = r#"{"stream":"btcusdt@kline_1m","data":{"e":"kline","E":1700000100107,"s":"BTCUSDT","k":{"t":1700000040000,
        "T":1700000099999,"s":"BTCUSDT","i":"1m","f":1,"L":44,"o":"36500.10","c":"36501.20","h":"36502.00","l":"36499.90","v":"1.25000",
        "n":44,"x":true,"q":"45626.12","V":"0.75000","Q":"27375.60","B":"0"}}}"#;

    #[test]
    fn trades_are_read_bare_and_wrapped_and_in_microseconds() {
        let bare = read(None, TRADE).unwrap();
        let BinanceMessage::Trade { coin, trade } = &bare else { panic!("{bare:?}") };
        assert_eq!(
            (coin.as_str(), trade.time, trade.id, trade.buyer_is_maker),
            ("BTC-USDT", Timestamp(1_700_000_041_500), Some(3_100_000_012), Some(true))
        );
        assert_eq!(read(Some("BTC-USDT"), &format!(r#"{{"stream":"btcusdt@trade","data":{TRADE}}}"#)).unwrap(), bare);
        assert_eq!(read(Some("btcusdt"), &TRADE.replace("1700000041500", "1700000041500123")).unwrap(), bare);
    }

    #[test]
    fn klines_say_whether_they_are_closed() {
        let BinanceMessage::Kline { candle, closed, interval, .. } = read(None, KLINE).unwrap() else { panic!("no kline") };
        assert_eq!((closed, interval, candle.close_time), (true, Interval::Minute1, Timestamp(1_700_000_100_000)));
        assert_eq!((candle.close, candle.volume.to_string().as_str(), candle.trades), (36_501.2, "1.25", Some(44)));
        let open = read(None, &KLINE.replace(r#""x":true"#, r#""x":false"#)).unwrap();
        assert!(matches!(open, BinanceMessage::Kline { closed: false, .. }));
    }

    #[test]
    fn other_messages_are_told_apart() {
        for (text, event) in [
            (
                r#"{"stream":"btcusdt@bookTicker","data":{"u":1,"s":"BTCUSDT","b":"1","B":"1","a":"2","A":"1"}}"#,
                Some("btcusdt@bookTicker"),
            ),
            (r#"{"e":"aggTrade","s":"BTCUSDT"}"#, Some("aggTrade")),
            (r#"{"result":null,"id":7}"#, None),
            (r#"{"lastUpdateId":1,"bids":[["1","2"]],"asks":[]}"#, None),
        ] {
            assert_eq!(read(None, text).unwrap(), BinanceMessage::Other { event: event.map(str::to_owned) });
        }
    }

    #[test]
    fn poison_is_named() {
        assert_eq!(read(Some("ETH-USDT"), TRADE).unwrap_err().code(), "key_mismatch");
        assert_eq!(read(None, &TRADE.replace("BTCUSDT", "BTCXYZ")).unwrap_err().code(), "unknown_symbol");
        assert_eq!(read(None, &KLINE.replace("36502.00", "36498.00")).unwrap_err().code(), "high_below_low");
        assert_eq!(read(None, &KLINE.replace(r#""i":"1m""#, r#""i":"7m""#)).unwrap_err().code(), "unknown_interval");
    }
}

//! The source formats: from the bytes of a record to a coin and an event.
//!
//! They know the codecs of [`market`](crate::market::codec) and nothing of state: what makes sense only beside other records is the business of
//! [`validate`](super::validate).

use std::sync::Arc;

use crate::market::codec::{DecodeLimits, Poison, decode_candle, decode_trade};
use crate::processor::{Decoded, Decoder, DecoderEntry, Event, EventKind, EventKinds, Refusal};
use crate::record::RecordRef;

/// The entry of `candle-json`: one closed candle a record, at its open time, as [`encode_candle`](crate::market::codec::encode_candle) writes it.
pub fn candle_json() -> DecoderEntry {
    DecoderEntry {
        name: "candle-json",
        summary: "Canonical candles: one JSON object a record, keyed by coin.",
        gives: EventKinds::of(&[EventKind::Candle]),
        build: |max_record_bytes| Arc::new(CandleJson(limits(max_record_bytes))),
    }
}

/// The entry of `trade-json`: one trade a record, at its time, as [`encode_trade`](crate::market::codec::encode_trade) writes it.
pub fn trade_json() -> DecoderEntry {
    DecoderEntry {
        name: "trade-json",
        summary: "Canonical trades: one JSON object a record, keyed by coin.",
        gives: EventKinds::of(&[EventKind::Trade]),
        build: |max_record_bytes| Arc::new(TradeJson(limits(max_record_bytes))),
    }
}

fn limits(max_value_bytes: usize) -> DecodeLimits {
    DecodeLimits { max_value_bytes, ..DecodeLimits::default() }
}

fn refusal(poison: Poison) -> Refusal {
    Refusal { code: poison.code(), detail: poison.to_string() }
}

struct CandleJson(DecodeLimits);

impl Decoder for CandleJson {
    fn decode<'a>(&self, record: &RecordRef<'a>) -> Result<Decoded<'a>, Refusal> {
        let read = decode_candle(*record, &self.0).map_err(refusal)?;
        Ok(Decoded { coin: read.coin, timestamp: read.candle.open_time, event: Event::Candle(read.candle) })
    }
}

struct TradeJson(DecodeLimits);

impl Decoder for TradeJson {
    fn decode<'a>(&self, record: &RecordRef<'a>) -> Result<Decoded<'a>, Refusal> {
        let read = decode_trade(*record, &self.0).map_err(refusal)?;
        Ok(Decoded { coin: read.coin, timestamp: read.trade.time, event: Event::Trade(read.trade) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{RecordBatch, Timestamp};

    const CANDLE: &str =
        r#"{"coin":"BTC-USDT","interval":"1m","open_time":1700000040000,"open":1.5,"high":2,"low":1,"close":1.75,"volume":3}"#;
    const TRADE: &str = r#"{"coin":"BTC-USDT","time":1700000041500,"price":36500.5,"amount":0.01,"id":7}"#;

    fn decode(entry: DecoderEntry, key: Option<&str>, value: &str) -> Result<(String, Timestamp, Event), Refusal> {
        let mut batch = RecordBatch::new();
        batch.push(Timestamp(5), key.map(str::as_bytes), Some(value.as_bytes()), &[]);
        let record = batch.get(0).unwrap();
        let decoded = (entry.build)(300).decode(&record)?;
        Ok((decoded.coin.into_owned(), decoded.timestamp, decoded.event))
    }

    #[test]
    fn a_candle_stands_at_its_open_time_and_a_trade_at_its_own() {
        let (coin, time, event) = decode(candle_json(), Some("BTC-USDT"), CANDLE).unwrap();
        assert_eq!((coin.as_str(), time), ("BTC-USDT", Timestamp(1_700_000_040_000)));
        let Event::Candle(candle) = event else { panic!("{event:?}") };
        assert_eq!((candle.close, candle.close_time), (1.75, Timestamp(1_700_000_100_000)));

        let (coin, time, event) = decode(trade_json(), None, TRADE).unwrap();
        assert_eq!((coin.as_str(), time), ("BTC-USDT", Timestamp(1_700_000_041_500)));
        assert_eq!(event.kind(), EventKind::Trade);
    }

    #[test]
    fn poison_keeps_its_code_and_says_what_was_found() {
        let code = |entry: fn() -> DecoderEntry, key, value: &str| decode(entry(), key, value).unwrap_err().code;
        assert_eq!(code(candle_json, Some("ETH-USDT"), CANDLE), "key_mismatch");
        assert_eq!(code(trade_json, Some("ETH-USDT"), TRADE), "key_mismatch");
        assert_eq!(code(candle_json, None, "{"), "invalid_json");
        assert_eq!(code(candle_json, None, &format!("{CANDLE}{}", " ".repeat(300))), "oversize");
        let refused = decode(candle_json(), None, &CANDLE.replace("1.75", "-1")).unwrap_err();
        assert_eq!(refused.code, "non_positive_price");
        assert!(refused.detail.contains("close must be above zero, found -1"), "{}", refused.detail);
    }
}

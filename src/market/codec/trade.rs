//! trade-json: one trade a record, the canonical form of trades on a topic.
//!
//! ```json
//! {"coin":"BTC-USDT","time":1700000041500,"price":36500.5,"amount":0.01,"id":3100000012,"buyer_is_maker":true}
//! ```
//!
//! `time` in Unix milliseconds, `price` above zero, `amount` in the base coin, at least 0 and exact to 18 places; `id` and `buyer_is_maker` are
//! optional. For the rest the rules of candle-json hold.

use std::borrow::Cow;

use super::object::JsonObject;
use super::poison::{DecodeLimits, Poison, check_time};
use super::scan::Scanner;
use super::{admit, agree_on_coin, write_f64, write_string, write_whole};
use crate::market::Trade;
use crate::record::{RecordRef, Timestamp};

/// A decoded trade record.
#[derive(Debug, Clone, PartialEq)]
pub struct TradeRecord<'a> {
    /// The coin: the record's key, or else the coin its value names.
    pub coin: Cow<'a, str>,
    /// The trade.
    pub trade: Trade,
}

/// Reads a trade-json record.
///
/// # Errors
/// The [`Poison`] that says why the record is no trade.
pub fn decode_trade<'a>(record: RecordRef<'a>, limits: &DecodeLimits) -> Result<TradeRecord<'a>, Poison> {
    let (key, value) = admit(record, limits)?;
    match decode_canonical(key, value, limits) {
        Some(record) => Ok(record),
        None => decode_general(key, value, limits),
    }
}

/// The scanner's way, as for candles.
fn decode_canonical<'a>(key: Option<&'a str>, value: &'a [u8], limits: &DecodeLimits) -> Option<TradeRecord<'a>> {
    let mut scan = Scanner::new(value);
    scan.punctuation(b'{')?;
    let mut coin = None;
    if scan.key(br#""coin""#).is_some() {
        coin = Some(Cow::Borrowed(scan.plain_string()?));
        scan.punctuation(b',')?;
    }
    scan.key(br#""time""#)?;
    let time = check_time("time", Timestamp(i64::try_from(scan.number()?.to_whole()?).ok()?)).ok()?;
    scan.next_key(br#""price""#)?;
    let price = scan.number()?.to_f64()?;
    scan.next_key(br#""amount""#)?;
    let amount = scan.number()?.to_decimal()?;
    let (mut id, mut buyer_is_maker) = (None, None);
    if scan.next_key(br#""id""#).is_some() {
        id = Some(scan.number()?.to_whole()?);
    }
    if scan.next_key(br#""buyer_is_maker""#).is_some() {
        buyer_is_maker = Some(scan.boolean()?);
    }
    scan.finish()?;
    if price <= 0.0 {
        return None;
    }
    let coin = agree_on_coin(key, coin, limits).ok()?;
    Some(TradeRecord { coin, trade: Trade { time, price, amount, id, buyer_is_maker } })
}

/// The way for all other JSON; finds what is wrong.
fn decode_general<'a>(key: Option<&'a str>, value: &'a [u8], limits: &DecodeLimits) -> Result<TradeRecord<'a>, Poison> {
    let object = JsonObject::from_bytes(value, limits)?;
    let coin = agree_on_coin(key, object.text("coin")?, limits)?;
    let trade = Trade {
        time: object.time("time")?,
        price: object.price("price")?,
        amount: object.volume("amount")?,
        id: object.optional_count("id")?,
        buyer_is_maker: object.boolean("buyer_is_maker")?,
    };
    Ok(TradeRecord { coin, trade })
}

/// Appends the canonical text of a trade to `out`; unknown optional fields are left out.
pub fn encode_trade(coin: &str, trade: &Trade, out: &mut Vec<u8>) {
    out.extend_from_slice(br#"{"coin":"#);
    write_string(coin, out);
    out.extend_from_slice(br#","time":"#);
    write_whole(trade.time.0, out);
    out.extend_from_slice(br#","price":"#);
    write_f64(trade.price, out);
    out.extend_from_slice(br#","amount":"#);
    trade.amount.write_to(out);
    if let Some(id) = trade.id {
        out.extend_from_slice(br#","id":"#);
        write_whole(id, out);
    }
    if let Some(buyer_is_maker) = trade.buyer_is_maker {
        out.extend_from_slice(if buyer_is_maker { br#","buyer_is_maker":true"# } else { br#","buyer_is_maker":false"# });
    }
    out.push(b'}');
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::market::Decimal;

    fn value(text: &str) -> RecordRef<'_> {
        RecordRef::without_headers(Timestamp(0), Some(b"BTC-USDT"), Some(text.as_bytes()))
    }

    fn code(text: &str) -> &'static str {
        decode_trade(value(text), &DecodeLimits::default()).map_or_else(|poison| poison.code(), |_| "fine")
    }

    #[test]
    fn numbers_may_be_strings_and_keys_in_any_order() {
        let plain = decode_trade(
            value(r#"{"coin":"BTC-USDT","time":1700000041500,"price":36500.5,"amount":0.010}"#),
            &DecodeLimits::default(),
        );
        let other = decode_trade(
            value(r#"{"amount":"1e-2","price":"36500.50","time":"1700000041500","x":[{}]}"#),
            &DecodeLimits::default(),
        );
        assert_eq!(plain, other);
        assert_eq!(plain.unwrap().trade.amount.to_string(), "0.01");
    }

    #[test]
    fn poison_is_named() {
        assert_eq!(code(r#"{"time":1700000041500,"price":0,"amount":1}"#), "non_positive_price");
        assert_eq!(code(r#"{"time":1700000041500,"price":1,"amount":-1}"#), "negative_volume");
        assert_eq!(code(r#"{"time":1700000041500,"price":1}"#), "missing_field");
        assert_eq!(code(r#"{"time":1700000041,"price":1,"amount":1}"#), "absurd_timestamp");
        assert_eq!(code(r#"{"time":1700000041500,"price":1,"amount":1,"buyer_is_maker":"yes"}"#), "wrong_type");
        assert_eq!(code(r#"{"coin":"ETH-USDT","time":1700000041500,"price":1,"amount":1}"#), "key_mismatch");
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_by_both_ways(
            time in 631_152_000_000i64..253_402_300_799_999, price in 1e-9f64..1e12, units in 0i128..1i128 << 90, id: Option<u64>, maker: Option<bool>,
        ) {
            let trade = Trade { time: Timestamp(time), price, amount: Decimal::from_units(units), id, buyer_is_maker: maker };
            let mut out = Vec::new();
            encode_trade("BTC-USDT", &trade, &mut out);
            let limits = DecodeLimits::default();
            let general = decode_general(Some("BTC-USDT"), &out, &limits).unwrap();
            prop_assert_eq!(&general.trade, &trade);
            if let Some(canonical) = decode_canonical(Some("BTC-USDT"), &out, &limits) {
                prop_assert_eq!(canonical, general);
            }
        }
    }
}

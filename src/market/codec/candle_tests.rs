//! Tests of candle-json: both readers on generated, mutated and hand-picked input.

use proptest::prelude::*;

use super::*;
use crate::market::Decimal;

const LIMITS: DecodeLimits = DecodeLimits { max_value_bytes: 1 << 20, max_key_bytes: 256, max_depth: 32 };
const PLAIN: &str = r#"{"coin":"BTC-USDT","interval":"1m","open_time":1700000040000,"open":36500.1,"high":36510.0,"low":36490.0,"close":36505.55,"volume":12.345}"#;

fn record<'a>(key: Option<&'a [u8]>, value: &'a [u8]) -> RecordRef<'a> {
    RecordRef::without_headers(Timestamp(0), key, Some(value))
}

fn code(value: &str) -> &'static str {
    decode_candle(record(Some(b"BTC-USDT"), value.as_bytes()), &LIMITS).map_or_else(|poison| poison.code(), |_| "fine")
}

/// What `PLAIN` decodes to when `from` is replaced by `to`.
fn with(from: &str, to: &str) -> &'static str {
    assert!(PLAIN.contains(from), "{from}");
    code(&PLAIN.replace(from, to))
}

fn decimal(text: &str) -> Decimal {
    text.parse().unwrap()
}

#[test]
fn the_canonical_text_is_read_by_the_scanner() {
    let all = PLAIN.replace('}', r#","quote_volume":450600.12,"trades":812,"taker_base":6.1,"taker_quote":222650.5}"#);
    let decoded = decode_canonical(None, all.as_bytes(), &LIMITS).unwrap();
    assert_eq!((&*decoded.coin, decoded.interval), ("BTC-USDT", Interval::Minute1));
    let candle = decoded.candle;
    assert_eq!((candle.open, candle.high, candle.low, candle.close), (36_500.1, 36_510.0, 36_490.0, 36_505.55));
    assert_eq!((candle.volume, candle.quote_volume), (decimal("12.345"), Some(decimal("450600.12"))));
    assert_eq!(
        (candle.trades, candle.taker_base, candle.taker_quote),
        (Some(812), Some(decimal("6.1")), Some(decimal("222650.5")))
    );
    assert_eq!(candle.close_time, Timestamp(1_700_000_100_000));
}

#[test]
fn spaces_strings_and_a_missing_coin_keep_the_scanner() {
    let spaced = PLAIN.replace(':', " : ").replace(',', ",\n ").replace("12.345", "\"12.3450\"");
    let nameless = PLAIN.replace(r#""coin":"BTC-USDT","#, "");
    for text in [spaced, nameless] {
        let decoded = decode_canonical(Some("BTC-USDT"), text.as_bytes(), &LIMITS);
        assert_eq!(decoded, decode_canonical(Some("BTC-USDT"), PLAIN.as_bytes(), &LIMITS), "{text}");
        assert!(decoded.is_some());
    }
}

#[test]
fn any_key_order_unknown_keys_and_escapes_are_read() {
    let text = r#"{"volume":"1.2345e1","close":36505.55,"extra":[{"a":"]"}],"low":36490,"high":36510,"open":36500.10,"trades":null,
        "open_time":"1700000040000","interval":"1m","coin":"BTC\u002dUSDT"}"#;
    let decoded = decode_candle(record(None, text.as_bytes()), &LIMITS).unwrap();
    assert_eq!(decoded, decode_candle(record(None, PLAIN.as_bytes()), &LIMITS).unwrap());
}

#[test]
fn volumes_are_exact_and_a_month_ends_with_the_calendar() {
    let text = PLAIN.replace("12.345", "98765432109876543210.000000000000000001").replace("1m", "1M");
    let candle = decode_candle(record(None, text.as_bytes()), &LIMITS).unwrap().candle;
    assert_eq!(candle.volume.to_string(), "98765432109876543210.000000000000000001");
    assert_eq!(candle.close_time.to_string(), "2023-12-01T00:00:00.000Z");
}

#[test]
fn poison_of_every_kind_is_named() {
    assert_eq!(code("{"), "invalid_json");
    assert_eq!(code(""), "invalid_json");
    assert_eq!(code(&format!("{PLAIN}x")), "invalid_json");
    assert_eq!(with(r#""high""#, r#""open""#), "invalid_json", "a key that stands twice");
    assert_eq!(code("[1,2]"), "wrong_type");
    assert_eq!(code("1700000040000,1,2,3"), "wrong_type");
    assert_eq!(with("36500.1", "true"), "wrong_type");
    assert_eq!(with("36500.1", "\"abc\""), "wrong_type");
    assert_eq!(with("1700000040000", "1700000040000.5"), "wrong_type");
    assert_eq!(with(r#""1m""#, "1"), "wrong_type");
    assert_eq!(with("}", r#","trades":-1}"#), "wrong_type");
    assert_eq!(with(r#","volume":12.345"#, ""), "missing_field");
    assert_eq!(with("12.345", "null"), "missing_field");
    assert_eq!(with(r#""1m""#, r#""7m""#), "unknown_interval");
    for text in ["NaN", "\"NaN\"", "Infinity", "-Infinity", "\"-inf\"", "1e999"] {
        assert_eq!(with("36500.1", text), "non_finite", "{text}");
        assert_eq!(with("12.345", text), "non_finite", "{text}");
    }
    assert_eq!(with("12.345", "1e30"), "out_of_range");
    for text in ["0", "-1", "\"-0.0\"", "1e-999"] {
        assert_eq!(with("36490.0", text), "non_positive_price", "{text}");
    }
    assert_eq!(with("12.345", "-0.001"), "negative_volume");
    assert_eq!(with("36490.0", "36511"), "high_below_low");
    assert_eq!(with("36500.1", "36489"), "high_below_low");
    assert_eq!(with("36505.55", "36510.5"), "high_below_low");
    for text in ["1700000040", "1700000040000000", "-1", "99999999999999999999"] {
        assert_eq!(with("1700000040000", text), "absurd_timestamp", "{text}");
    }
    assert_eq!(with("BTC-USDT", "ETH-USDT"), "key_mismatch");
    let deep = format!("{}{}", r#"{"a":"#, "[".repeat(100_000));
    assert_eq!(code(&deep), "too_deep");
}

#[test]
fn keys_and_sizes_are_checked_before_the_value_is_read() {
    let read = |key: Option<&[u8]>, value: Option<&[u8]>| {
        decode_candle(RecordRef::without_headers(Timestamp(0), key, value), &LIMITS).map_err(|poison| poison.code()).map(|_| ())
    };
    let nameless = PLAIN.replace(r#""coin":"BTC-USDT","#, "");
    assert_eq!(read(Some(b"BTC-USDT"), None), Err("tombstone"));
    assert_eq!(read(Some(b""), Some(PLAIN.as_bytes())), Err("empty_key"));
    assert_eq!(read(None, Some(nameless.as_bytes())), Err("empty_key"));
    assert_eq!(read(None, Some(PLAIN.replace("BTC-USDT", "").as_bytes())), Err("empty_key"));
    assert_eq!(read(Some(b"\xff"), Some(PLAIN.as_bytes())), Err("invalid_utf8"));
    assert_eq!(read(None, Some(b"{\"coin\":\"\xff\"}")), Err("invalid_utf8"));
    assert_eq!(read(Some(&[b'x'; 257]), Some(PLAIN.as_bytes())), Err("oversize"));
    assert_eq!(read(None, Some(PLAIN.replace("BTC-USDT", &"x".repeat(257)).as_bytes())), Err("oversize"));
    assert_eq!(read(None, Some(&vec![b' '; (1 << 20) + 1])), Err("oversize"));
}

#[test]
fn an_object_of_a_hundred_thousand_keys_is_read_in_reasonable_time() {
    let mut text = String::from("{");
    for n in 0..70_000 {
        text.push_str(&format!("\"k{n}\":1,"));
    }
    text.push_str("\"k\":1}");
    assert_eq!(code(&text), "missing_field");
}

#[test]
fn numbers_at_the_edge_of_the_grammar_are_read_alike_by_both_ways() {
    let tokens = [
        "5",
        "5.",
        ".5",
        "05",
        "00",
        "0",
        "0.0",
        "0.",
        "-5",
        "+5",
        "5e0",
        "5E+2",
        "5.e1",
        "5e",
        "1_0",
        "5 5",
        "0x5",
        "5.5.5",
        "9007199254740993",
        "18446744073709551616",
        "1234567890123456789",
        "12345678901234567890",
        "0.1234567890123456789",
        "0.12345678901234567891",
        "1e22",
        "٥",
        "",
    ];
    let (mut read, mut refused) = (0, 0);
    for field in ["1700000040000", "36500.1", "36510.0", "36490.0", "12.345", "812"] {
        for token in tokens
            .into_iter()
            .flat_map(|token| [token.to_owned(), format!("\"{token}\""), format!(" {token} "), format!("\"{token} \"")])
        {
            let value = PLAIN
                .replace('}', r#","trades":812}"#)
                .replace(field, &token)
                .replace("36490.0", "0.01")
                .replace("36510.0", "1e30");
            let general = decode_general(None, value.as_bytes(), &LIMITS);
            if let Some(canonical) = decode_canonical(None, value.as_bytes(), &LIMITS) {
                assert_eq!(Ok(canonical), general, "{value}");
            }
            let count = if general.is_ok() { &mut read } else { &mut refused };
            *count += 1;
        }
    }
    assert!(read > 50 && refused > 200, "{read} {refused}");
}

prop_compose! {
    fn candles()(
        open_time in 631_152_000_000i64..253_402_300_799_999, prices in prop::array::uniform4(prop_oneof![1e-9f64..1e9, (1u32..10_000_000).prop_map(|n| f64::from(n) / 100.0)]),
        volume in volumes(), quote_volume in prop::option::of(volumes()), trades: Option<u64>, taker_base in prop::option::of(volumes()),
        taker_quote in prop::option::of(volumes()), interval in 0usize..16,
    ) -> (Interval, Candle) {
        let mut sorted = prices;
        sorted.sort_by(f64::total_cmp);
        let interval = Interval::ALL[interval];
        let open_time = Timestamp(open_time);
        (interval, Candle {
            open_time, close_time: interval.close_time(open_time), open: sorted[1], high: sorted[3], low: sorted[0], close: sorted[2],
            volume, quote_volume, trades, taker_base, taker_quote,
        })
    }
}

fn volumes() -> impl Strategy<Value = Decimal> {
    prop_oneof![
        (0i128..1 << 110).prop_map(Decimal::from_units),
        (0u64..1_000_000_000).prop_map(|n| Decimal::from_scaled(n, 3).unwrap()),
        Just(Decimal::ZERO),
    ]
}

/// Both readers must say the same: where the scanner reads a value at all, the general reader reads the same value.
fn assert_agreement(key: Option<&str>, value: &[u8]) -> Result<(), TestCaseError> {
    if let Some(canonical) = decode_canonical(key, value, &LIMITS) {
        prop_assert_eq!(Ok(canonical), decode_general(key, value, &LIMITS));
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn what_is_written_is_read_by_both_ways((interval, candle) in candles()) {
        let mut out = Vec::new();
        encode_candle("BTC-USDT", interval, &candle, &mut out);
        let expected = CandleRecord { coin: "BTC-USDT".into(), interval, candle };
        prop_assert_eq!(decode_general(Some("BTC-USDT"), &out, &LIMITS).unwrap(), expected.clone());
        prop_assert_eq!(decode_candle(record(Some(b"BTC-USDT"), &out), &LIMITS).unwrap(), expected);
        assert_agreement(None, &out)?;
    }

    #[test]
    fn mutated_bytes_are_read_alike_by_both_ways(
        (interval, candle) in candles(), cuts in prop::collection::vec((0usize..400, 0usize..6, prop::sample::select(MUTATIONS.to_vec())), 1..4), keyed: bool,
    ) {
        let mut out = Vec::new();
        encode_candle("BTC-USDT", interval, &candle, &mut out);
        for (at, length, inserted) in cuts {
            let at = at % out.len();
            let end = (at + length).min(out.len());
            out.splice(at..end, inserted.bytes());
        }
        let key = keyed.then_some("BTC-USDT");
        assert_agreement(key, &out)?;
        let whole = decode_candle(record(key.map(str::as_bytes), &out), &LIMITS);
        prop_assert_eq!(whole, decode_general(key, &out, &LIMITS));
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes: Vec<u8>, key: Option<Vec<u8>>) {
        let outcome = decode_candle(record(key.as_deref(), &bytes), &LIMITS);
        prop_assert!(outcome.is_err());
    }
}

/// Pieces that meet the edges of JSON's grammar and of ours.
const MUTATIONS: [&str; 28] = [
    "",
    " ",
    "\n",
    "\"",
    "\\",
    "\\u0030",
    "0",
    "00",
    "9",
    ".",
    "-",
    "+",
    "e",
    "e5",
    "E-3",
    "null",
    "true",
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "NaN",
    "1e999",
    "ä",
    "\u{1}",
    "\"open\":1,",
];

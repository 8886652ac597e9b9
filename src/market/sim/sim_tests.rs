//! Tests of the simulated exchange: reproducible, resumable, sound where it means to be, and a little predictable.

use sha2::{Digest, Sha256};

use super::*;
use crate::market::codec::{DecodeLimits, decode_candle};

fn hash(records: impl Iterator<Item = SimRecord>) -> String {
    let mut hasher = Sha256::new();
    for record in records {
        hasher.update((record.key.len() as u64).to_le_bytes());
        hasher.update(&record.key);
        hasher.update(record.timestamp.0.to_le_bytes());
        hasher.update([u8::from(record.value.is_some())]);
        hasher.update(record.value.unwrap_or_default());
    }
    hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn closes(coin: &str, minutes: usize) -> Vec<f64> {
    let limits = DecodeLimits::default();
    let exchange = SimulatedExchange::new(SimConfig::clean(3)).filter(|record| record.key == coin.as_bytes()).take(minutes);
    exchange.map(|record| decode_candle(record.as_record_ref(), &limits).unwrap().candle.close).collect()
}

#[test]
fn the_first_ten_thousand_records_are_pinned() {
    let records = SimulatedExchange::new(SimConfig::default()).take(10_000);
    assert_eq!(hash(records), "9b49d38afe1119ca74661781e31d0b66539411c0ab05af2cbe12403bbec94ddb");
    let other = SimConfig { seed: 8, ..SimConfig::default() };
    assert_ne!(hash(SimulatedExchange::new(other).take(100)), hash(SimulatedExchange::new(SimConfig::default()).take(100)));
}

#[test]
fn a_snapshot_at_any_record_goes_on_alike() {
    let mut exchange = SimulatedExchange::new(SimConfig { anomalies: 20.0, ..SimConfig::default() });
    for _ in 0..200 {
        let mut saved = Vec::new();
        exchange.save(&mut saved).unwrap();
        let mut restored = SimulatedExchange::new(SimConfig::clean(1));
        restored.load(&saved).unwrap();
        assert_eq!(restored.position(), exchange.position());
        assert_eq!(hash(restored.take(100)), hash(exchange.clone().take(100)));
        exchange.next();
    }
}

#[test]
fn skipping_reaches_the_same_record() {
    let mut skipped = SimulatedExchange::new(SimConfig::default());
    skipped.skip_to(5_000).unwrap();
    assert_eq!(skipped.next(), SimulatedExchange::new(SimConfig::default()).nth(5_000));
    assert_eq!(skipped.position(), 5_001);
}

#[test]
fn a_coin_does_not_change_when_others_join() {
    let of_btc = |config: SimConfig| {
        let records = SimulatedExchange::new(config).filter(|record| record.key == b"BTC-USDT");
        hash(records.take(5_000))
    };
    assert_eq!(of_btc(SimConfig::with_coins(1)), of_btc(SimConfig::with_coins(40)));
}

#[test]
fn everything_that_is_no_poison_decodes_and_every_kind_of_anomaly_is_there() {
    let mut exchange = SimulatedExchange::new(SimConfig::default());
    let limits = DecodeLimits::default();
    let (mut sound, mut refused) = (0u64, std::collections::BTreeMap::new());
    // To the end of a minute: what is counted has then been handed out.
    while exchange.position < 30_000 || exchange.handed_out < exchange.ready.len() {
        let record = exchange.next().unwrap();
        match decode_candle(record.as_record_ref(), &limits) {
            Ok(_) => sound += 1,
            Err(poison) => *refused.entry(poison.code()).or_insert(0u64) += 1,
        }
    }
    assert_eq!(refused.len(), 16, "{refused:?}");
    let counts = exchange.counts();
    assert!(counts.late > 20 && counts.duplicates > 20 && counts.revised > 10 && counts.missing > 50, "{counts:?}");
    // A year ahead is sound to the decoder.
    let far_future = counts.poison - refused.values().sum::<u64>();
    assert!((1..=8).contains(&far_future));
    let waiting = exchange.state.held_back.len() as u64;
    assert_eq!(sound, counts.bars + counts.late + counts.duplicates + counts.revised + far_future - waiting);
}

#[test]
fn prices_stay_plausible_for_years() {
    let closes = closes("LTC-USDT", 500_000);
    let (low, high) = closes.iter().fold((f64::MAX, 0f64), |(low, high), close| (low.min(*close), high.max(*close)));
    assert!(low > 1.0 && high < 5_000.0, "{low} {high}");
    assert!(high / low > 1.5, "{low} {high}");
}

/// What a model can gain: the best linear forecast of the return over the horizon from the last return and from the distance to a recent mean, least
/// squares on the first half, judged on the second by its absolute error against the naive forecast.
fn skill(closes: &[f64], horizon: usize) -> f64 {
    let mut mean = closes[0];
    let mut rows = Vec::new();
    for window in closes.windows(2 + horizon) {
        mean += 0.03 * (window[1] - mean);
        rows.push([window[1] / window[0] - 1.0, window[1] / mean - 1.0, window[1 + horizon] / window[1] - 1.0]);
    }
    let (train, test) = rows.split_at(rows.len() / 2);
    let sum = |i: usize, j: usize| train.iter().map(|row| row[i] * row[j]).sum::<f64>();
    let (a, b, c, p, q) = (sum(0, 0), sum(0, 1), sum(1, 1), sum(0, 2), sum(1, 2));
    let det = a * c - b * b;
    let (w0, w1) = ((p * c - q * b) / det, (q * a - p * b) / det);
    let error = |w0: f64, w1: f64| test.iter().map(|row| (row[2] - w0 * row[0] - w1 * row[1]).abs()).sum::<f64>();
    1.0 - error(w0, w1) / error(0.0, 0.0)
}

#[test]
fn returns_are_predictable_a_little_and_no_more() {
    for coin in ["BTC-USDT", "ETH-USDT", "LTC-USDT"] {
        let closes = closes(coin, 250_000);
        let (one, five) = (skill(&closes, 1), skill(&closes, 5));
        assert!((0.002..0.05).contains(&one) && (0.002..0.05).contains(&five), "{coin}: {one} at one minute, {five} at five");
    }
}

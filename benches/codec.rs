//! How fast candles are decoded, encoded, simulated and read from CSV: `cargo bench --bench codec`.
//!
//! All input is made here from the simulated exchange, so the figures need no data. Times per element are times per record.

use std::hint::black_box;
use std::io::Write;
use std::path::PathBuf;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use tidemill::connect::csv::{CandleFile, CsvOptions, MergedInput};
use tidemill::market::codec::{DecodeLimits, decode_candle, decode_trade, encode_candle, encode_trade};
use tidemill::market::feed::{Feed, Ingest};
use tidemill::market::sim::{SimConfig, SimulatedExchange};
use tidemill::market::{Candle, Interval, Trade};
use tidemill::record::{RecordBatch, Timestamp};

const RECORDS: usize = 10_000;
const ROWS: usize = 200_000;

fn candle_batch(spaced: bool) -> RecordBatch {
    let mut batch = RecordBatch::new();
    for record in SimulatedExchange::new(SimConfig::clean(3)).take(RECORDS) {
        let mut text = String::from_utf8(record.value.unwrap_or_default()).expect("the exchange writes UTF-8");
        if spaced {
            text = text.replace(',', ", ").replace("\":", "\": ");
        }
        batch.push(record.timestamp, Some(&record.key), Some(text.as_bytes()), &[]);
    }
    batch
}

/// The same candles with another key order, which takes the general reader.
fn shuffled_batch() -> RecordBatch {
    let mut batch = RecordBatch::new();
    for record in candle_batch(false).iter() {
        let text = std::str::from_utf8(record.value.unwrap_or_default()).expect("it was text");
        let (coin, rest) = text[1..text.len() - 1].split_once(',').expect("it has fields");
        batch.push(record.timestamp, record.key, Some(format!("{{{rest},{coin}}}").as_bytes()), &[]);
    }
    batch
}

fn candles() -> Vec<Candle> {
    let limits = DecodeLimits::default();
    candle_batch(false).iter().map(|record| decode_candle(record, &limits).expect("it is sound").candle).collect()
}

fn codec(c: &mut Criterion) {
    let limits = DecodeLimits::default();
    let mut group = c.benchmark_group("codec");
    group.throughput(Throughput::Elements(RECORDS as u64));
    for (name, batch) in [
        ("decode_candle", candle_batch(false)),
        ("decode_candle_spaced", candle_batch(true)),
        ("decode_candle_general", shuffled_batch()),
    ] {
        group.bench_function(name, |b| {
            b.iter(|| batch.iter().filter(|record| black_box(decode_candle(*record, &limits)).is_ok()).count());
        });
    }
    let candles = candles();
    group.bench_function("encode_candle", |b| {
        b.iter_batched_ref(
            Vec::new,
            |out| {
                for candle in &candles {
                    out.clear();
                    encode_candle("BTC-USDT", Interval::Minute1, candle, out);
                }
                out.len()
            },
            BatchSize::SmallInput,
        );
    });
    let mut trades = RecordBatch::new();
    for (id, candle) in candles.iter().enumerate() {
        let trade = Trade {
            time: candle.open_time,
            price: candle.close,
            amount: candle.volume,
            id: Some(id as u64),
            buyer_is_maker: Some(true),
        };
        trades.push_with(candle.open_time, Some(b"BTC-USDT"), &[], |out| {
            encode_trade("BTC-USDT", &trade, out);
            true
        });
    }
    group.bench_function("decode_trade", |b| {
        b.iter(|| trades.iter().filter(|record| black_box(decode_trade(*record, &limits)).is_ok()).count());
    });
    group.finish();
}

fn simulation(c: &mut Criterion) {
    let mut group = c.benchmark_group("sim");
    group.throughput(Throughput::Elements(RECORDS as u64));
    group.bench_function("records", |b| {
        let mut ingest = Ingest::new(SimulatedExchange::new(SimConfig::default()), 3);
        let mut batches = ingest.empty_batches();
        b.iter(|| {
            batches.iter_mut().for_each(RecordBatch::clear);
            ingest.read(RECORDS, &mut batches).expect("the exchange never fails")
        });
    });
    group.finish();
}

/// Six columns as Binance writes them, plain or packed.
fn csv_file(folder: &std::path::Path, gzip: bool) -> PathBuf {
    let mut text = Vec::new();
    for n in 0..ROWS as i64 {
        let cents = 10_557_373 + n * 7_919 % 500_000;
        let (low, high) = (cents - 1_234, cents + 2_345);
        let price = |cents: i64| format!("{}.{:02}", cents / 100, cents % 100);
        let time = Timestamp(1_747_699_200_000).plus(n * 60_000).0;
        let volume = format!("{}.{:05}", n % 90, n * 31 % 100_000);
        writeln!(text, "{time},{},{},{},{},{volume}", price(cents), price(high), price(low), price(cents + 100)).expect("memory");
    }
    let path = folder.join(if gzip { "BTCUSDT-1m.csv.gz" } else { "BTCUSDT-1m.csv" });
    let bytes = if gzip {
        let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        packer.write_all(&text).expect("memory");
        packer.finish().expect("memory")
    } else {
        text
    };
    std::fs::write(&path, bytes).expect("the folder can be written");
    path
}

fn csv(c: &mut Criterion) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (plain, packed) = (csv_file(folder.path(), false), csv_file(folder.path(), true));
    let options = CsvOptions::default();
    let mut group = c.benchmark_group("csv");
    group.sample_size(20).throughput(Throughput::Elements(ROWS as u64));
    for (name, path) in [("rows_plain", &plain), ("rows_gzip", &packed)] {
        group.bench_function(name, |b| {
            b.iter(|| {
                let mut file = CandleFile::open(path, &options).expect("it is there");
                let mut rows = 0;
                while file.next_row().expect("it is whole").is_some() {
                    rows += 1;
                }
                assert_eq!(rows, ROWS);
            });
        });
    }
    group.bench_function("records_plain", |b| {
        b.iter(|| {
            let mut merged = MergedInput::open(std::slice::from_ref(&plain), &options).expect("it is there");
            while merged.next_record().expect("it is whole").is_some() {}
            assert_eq!(merged.position(), ROWS as u64);
        });
    });
    group.finish();
}

criterion_group!(benches, codec, simulation, csv);
criterion_main!(benches);

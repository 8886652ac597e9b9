//! The cost of a part in each kind of window. Run: `cargo bench --no-default-features --bench window`.

use std::hint::black_box;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use tidemill::market::{Candle, Decimal, Trade};
use tidemill::record::Timestamp;
use tidemill::window::{Aggregate, CandleAggregate, TradeAggregate, WindowKind, WindowSpec, Windows};

const MINUTE: i64 = 60_000;
const PARTS: i64 = 10_000;
const FROM: i64 = 1_700_000_000_000 / MINUTE;

fn candles() -> Vec<Candle> {
    let candle = |minute: i64| {
        let price = 30_000.0 + (minute % 97) as f64;
        Candle {
            open_time: Timestamp((FROM + minute) * MINUTE),
            close_time: Timestamp((FROM + minute + 1) * MINUTE),
            open: price,
            high: price + 5.0,
            low: price - 5.0,
            close: price + 1.0,
            volume: Decimal::from_units(i128::from(minute) * 1_000_003),
            quote_volume: Some(Decimal::from(minute)),
            trades: Some(minute.unsigned_abs()),
            taker_base: Some(Decimal::from(minute)),
            taker_quote: Some(Decimal::from(minute)),
        }
    };
    (0..PARTS).map(candle).collect()
}

fn trades() -> Vec<Trade> {
    let trade = |i: i64| Trade {
        time: Timestamp(FROM * MINUTE + i * 50),
        price: 30_000.25 + (i % 97) as f64,
        amount: Decimal::from_units(i128::from(i) * 1_000_000_000_003),
        id: Some(i.unsigned_abs()),
        buyer_is_maker: Some(i % 2 == 0),
    };
    (0..PARTS).map(trade).collect()
}

fn measure<A: Aggregate>(c: &mut Criterion, name: &str, kind: WindowKind, grace_ms: i64, parts: &[A::Part]) {
    let spec = WindowSpec::new(kind, grace_ms).expect("a possible window");
    let mut group = c.benchmark_group("window");
    group.throughput(Throughput::Elements(parts.len() as u64));
    let run = |mut windows: Windows<A>| {
        let mut closed = Vec::new();
        for part in parts {
            black_box(windows.observe(part.clone(), &mut closed));
            black_box(&closed);
            closed.clear();
        }
        windows
    };
    group.bench_function(name, |b| b.iter_batched(|| Windows::<A>::new(spec), run, BatchSize::LargeInput));
    group.finish();
}

fn windows(c: &mut Criterion) {
    let (candles, trades) = (candles(), trades());
    let minutes = |n: i64| n * MINUTE;
    let of_candles = [
        ("tumbling 5m of 1m candles", WindowKind::Tumbling { size_ms: minutes(5) }, 0),
        ("tumbling 1h of 1m candles, grace 5m", WindowKind::Tumbling { size_ms: minutes(60) }, minutes(5)),
        ("hopping 1h every 5m of 1m candles", WindowKind::Hopping { size_ms: minutes(60), advance_ms: minutes(5) }, 0),
        ("sliding 30m of 1m candles", WindowKind::Sliding { size_ms: minutes(30) }, 0),
        ("session of 1m candles", WindowKind::Session { gap_ms: minutes(5) }, 0),
        ("count 20 every 5 of 1m candles", WindowKind::Count { size: 20, step: 5 }, 0),
    ];
    for (name, kind, grace_ms) in of_candles {
        measure::<CandleAggregate>(c, name, kind, grace_ms, &candles);
    }
    measure::<TradeAggregate>(c, "tumbling 1m of trades", WindowKind::Tumbling { size_ms: MINUTE }, 1_000, &trades);
}

criterion_group!(benches, windows);
criterion_main!(benches);

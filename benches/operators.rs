//! What one bar costs in the nodes after the window: `cargo bench --no-default-features --bench operators`.

use std::hint::black_box;
use std::sync::Arc;

use criterion::{Criterion, criterion_group, criterion_main};
use serde_json::{Value, json};
use tidemill::learn::catalog::Catalog as ModelCatalog;
use tidemill::operators::wire::{self, WireContext};
use tidemill::operators::{evaluator, learner};
use tidemill::processor::{
    Answer, Build, Built, Column, Context, Emitted, Event, EventKind, Item, KeyId, Known, NodeId, OperatorEntry, Parent, Port,
    Prediction, Row, Target,
};
use tidemill::record::{Offset, Timestamp, TopicPartition};

const MINUTE: i64 = 60_000;
const COLUMNS: usize = 8;

fn build(entry: &OperatorEntry, id: u16, params: &Value, parents: &[Parent<'_>]) -> Built {
    let (path, models) = ([entry.name.to_owned()], ModelCatalog::standard());
    let build =
        Build { name: entry.name, id: NodeId(id), params, path: &path, parents, topology: "bench", seed: 1, models: &models };
    (entry.build)(&build).unwrap_or_else(|errors| panic!("{errors:?}"))
}

fn learner_of(params: &Value) -> Built {
    let column = |i| Column { name: format!("x{i}"), known: Known::AtClose };
    let port = Port { columns: (0..COLUMNS).map(column).collect(), interval_ms: Some(MINUTE), ..Port::of(&[EventKind::Row]) };
    build(&learner::entry(), 2, params, &[Parent { id: NodeId(1), name: "x", port: &port }])
}

fn price(minute: i64) -> f64 {
    37_000.0 + (minute * 7_919 % 1_009) as f64 * 0.25
}

fn row(minute: i64) -> Item {
    let close_time = Timestamp(1_700_000_040_000 + minute * MINUTE);
    let values = (0..COLUMNS as i64).map(|i| price(minute - i)).collect();
    let row = Row { open_time: close_time.minus(MINUTE), close_time, open: price(minute - 1), close: price(minute), values };
    Item { index: 0, step: 0, key: KeyId(0), timestamp: close_time, event: Event::Row(row) }
}

fn prediction() -> Prediction {
    Prediction {
        model: NodeId(2),
        version: 123_456,
        horizon_ms: 300_000,
        target: Target::Close,
        asked_at: Timestamp(1_700_000_100_000),
        due_at: Timestamp(1_700_000_400_000),
        ordinal: 0,
        last: 37_000.51,
        value: 37_010.254_139_871_2,
        price: Some(37_010.254_139_871_2),
        interval: None,
        nowcast: false,
        champion: Some(true),
    }
}

fn encode(c: &mut Criterion) {
    let names: [Arc<str>; 3] = ["candles".into(), "x".into(), "linear_regression".into()];
    let source = TopicPartition::new("market.candles.1m", 3);
    let ctx = WireContext {
        topology: "quickstart",
        names: &names,
        columns: &[],
        coin: "BTC-USDT",
        source: &source,
        offset: Offset(987_654),
    };
    let (event, mut out) = (Event::Prediction(prediction()), Vec::new());
    c.bench_function("wire/prediction", |b| {
        b.iter(|| {
            out.clear();
            wire::encode(black_box(&event), &ctx, &mut out);
            out.len()
        });
    });
}

fn learn(c: &mut Criterion) {
    for model in ["naive", "mean", "linear_regression"] {
        let mut processor = learner_of(&json!({ "model": model })).factory.create("BTC-USDT");
        let rows: Vec<Item> = (0..4_096).map(row).collect();
        let (mut out, mut at) = (Emitted::default(), 0);
        c.bench_function(&format!("learner/{model}"), |b| {
            b.iter(|| {
                out.items.clear();
                out.notices.clear();
                let item = &rows[at % rows.len()];
                at += 1;
                processor.process(item, &mut Context::detached(NodeId(2), "BTC-USDT", Offset(0), &mut 1, &mut out));
            });
        });
    }
}

/// What one learner puts out at `minute`: the answer to its question of the minute before, and the next prediction.
fn learner_events(minute: i64) -> [Event; 2] {
    let asked = |minute: i64| Prediction {
        horizon_ms: MINUTE,
        asked_at: Timestamp(minute * MINUTE),
        due_at: Timestamp((minute + 1) * MINUTE),
        last: price(minute),
        value: price(minute - 1),
        price: Some(price(minute - 1)),
        ..prediction()
    };
    let answer = Answer { question: asked(minute - 1), truth: price(minute), label: price(minute) };
    [Event::Answer(answer), Event::Prediction(asked(minute))]
}

fn evaluate(c: &mut Criterion) {
    let port = learner_of(&json!({ "model": "naive" })).port;
    let built = build(&evaluator::entry(), 3, &json!({}), &[Parent { id: NodeId(2), name: "naive", port: &port }]);
    let (mut processor, mut out, mut minute) = (built.factory.create("BTC-USDT"), Emitted::default(), 0);
    c.bench_function("evaluator/one model", |b| {
        b.iter(|| {
            out.items.clear();
            out.notices.clear();
            minute += 1;
            let mut next_step = 1;
            let mut ctx = Context::detached(NodeId(3), "BTC-USDT", Offset(0), &mut next_step, &mut out);
            for event in learner_events(minute) {
                processor
                    .process(&Item { index: 0, step: 0, key: KeyId(0), timestamp: Timestamp(minute * MINUTE), event }, &mut ctx);
            }
            processor.complete(&mut ctx);
        });
    });
}

criterion_group!(benches, encode, learn, evaluate);
criterion_main!(benches);

//! The whole engine over candles of the simulated exchange: the small topology (naive and scaled linear regression) and the quickstart, on one thread, and
//! what decoding alone takes of it. `cargo bench --bench backtest`.

use std::convert::Infallible;
use std::hint::black_box;
use std::sync::Arc;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use tidemill::driver::Backtest;
use tidemill::market::feed::Ingest;
use tidemill::market::sim::{SimConfig, SimulatedExchange};
use tidemill::operators::standard_catalog;
use tidemill::record::RecordBatch;
use tidemill::task::TaskOutput;
use tidemill::topology::{Graph, compile};

const RECORDS: usize = 50_000;

fn graph(text: &str, name: &str) -> Arc<Graph> {
    let (graph, _) = compile(text, name, &standard_catalog()).unwrap_or_else(|errors| panic!("{errors}"));
    Arc::new(graph)
}

fn input() -> Vec<RecordBatch> {
    let mut ingest = Ingest::new(SimulatedExchange::new(SimConfig::default()), 1);
    let mut chunks = Vec::new();
    for _ in 0..RECORDS / 500 {
        let mut batches = ingest.empty_batches();
        ingest.read(500, &mut batches).expect("a simulation does not fail");
        chunks.append(&mut batches);
    }
    chunks
}

fn replay(graph: &Arc<Graph>, input: &[RecordBatch]) -> usize {
    let mut bytes = 0;
    let receive = |_: u32, output: &TaskOutput| -> Result<(), Infallible> {
        bytes += output.topics.iter().map(|records| records.as_bytes().len()).sum::<usize>();
        Ok(())
    };
    let mut backtest = Backtest::new(graph.clone(), 500, receive);
    for batch in input {
        backtest.push_batch(0, batch).unwrap_or_else(|error| match error.0 {});
    }
    drop(backtest);
    bytes
}

fn backtests(criterion: &mut Criterion) {
    let input = input();
    let small = graph(include_str!("../topologies/small.toml"), "small.toml");
    let quickstart = graph(include_str!("../topologies/quickstart.toml"), "quickstart.toml");
    let mut group = criterion.benchmark_group("backtest");
    group.sample_size(10).throughput(Throughput::Elements(RECORDS as u64));
    group.bench_function("small", |bencher| bencher.iter(|| black_box(replay(&small, &input))));
    group.bench_function("quickstart", |bencher| bencher.iter(|| black_box(replay(&quickstart, &input))));
    group.bench_function("decode alone", |bencher| {
        bencher.iter(|| {
            input.iter().flat_map(RecordBatch::iter).filter(|record| small.source.decoder.decode(record).is_ok()).count()
        });
    });
    group.finish();
}

criterion_group!(benches, backtests);
criterion_main!(benches);

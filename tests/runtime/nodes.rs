//! Nodes of the test topology: a learner and an evaluator small enough to see through, with state that any record too many or too few would change.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tidemill::learn::params::Params;
use tidemill::operators::standard_catalog;
use tidemill::processor::{
    Build, Built, Catalog, Context, Event, EventKind, EventKinds, Item, NodeId, OperatorEntry, Port, Prediction, Processor,
    Question, Role, Target,
};
use tidemill::snapshot::{Snapshot, SnapshotError, decode, encode_into};

/// What goes wrong in the nodes of one run.
#[derive(Default)]
pub struct Mishaps {
    /// Node and open time at which it panics, and how often it still does.
    panics: Mutex<Vec<(&'static str, i64, u32)>>,
    /// Records seen by the node `slow`, in milliseconds of delay for each.
    pub delay_ms: AtomicU64,
    /// Panics so far.
    pub panicked: AtomicU32,
}

impl Mishaps {
    /// Nodes that work.
    pub fn none() -> Arc<Self> {
        Arc::default()
    }

    /// `node` panics on candles of this open time, so often.
    pub fn panic_at(node: &'static str, open_time: i64, times: u32) -> Arc<Self> {
        let mishaps = Mishaps::default();
        mishaps.panics.lock().unwrap().push((node, open_time, times));
        Arc::new(mishaps)
    }

    fn strike(&self, node: &str, time: i64) {
        let mut panics = self.panics.lock().unwrap();
        let due = panics.iter_mut().find(|(name, at, left)| *name == node && *at == time && *left > 0);
        if let Some((.., left)) = due {
            *left -= 1;
            self.panicked.fetch_add(1, Ordering::Relaxed);
            drop(panics);
            panic!("{node} cannot stand {time}");
        }
        drop(panics);
        let delay = self.delay_ms.load(Ordering::Relaxed);
        if delay > 0 && node == "slow" {
            std::thread::sleep(Duration::from_millis(delay));
        }
    }
}

/// The catalogue with the learner `mean` and the evaluator `judge`.
pub fn catalog(mishaps: &Arc<Mishaps>) -> Catalog {
    let mut catalog = standard_catalog();
    catalog.register(mean(mishaps.clone()));
    catalog.register(judge());
    catalog
}

tidemill::params! {
    /// What a mean needs.
    pub struct MeanParams {
        /// Share of the newest close in the level.
        pull: f64 = 0.5, in 0.0..=1.0;
    }
}

fn mean(mishaps: Arc<Mishaps>) -> OperatorEntry {
    let build = move |build: &Build<'_>| {
        let (id, name, mishaps) = (build.id, build.name.to_owned(), mishaps.clone());
        let params = MeanParams::read(build.params, build.path)?;
        let pull = params.pull;
        let question = Question { horizon_ms: 60_000, target: Target::Close, nowcast: false };
        let factory = Arc::new(move |_: &str| -> Box<dyn Processor> {
            let state = MeanState { level: 0.0, seen: 0, trail: Vec::new() };
            Box::new(Mean { id, name: name.clone(), pull, state, mishaps: mishaps.clone() })
        });
        let port = Port { question: Some(question), interval_ms: Some(60_000), ..Port::of(&[EventKind::Prediction]) };
        Ok(Built { factory, port, params: params.to_value() })
    };
    OperatorEntry {
        name: "mean",
        role: Role::Learner,
        summary: "Test learner: an exponential mean of the closes, asked for the next one.",
        params: MeanParams::describe(),
        accepts: EventKinds::of(&[EventKind::Candle]),
        build: Arc::new(build),
    }
}

/// A mean, and the last times it saw: order and number of the records both show in its state.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct MeanState {
    level: f64,
    seen: u64,
    trail: Vec<i64>,
}

struct Mean {
    id: NodeId,
    name: String,
    pull: f64,
    state: MeanState,
    mishaps: Arc<Mishaps>,
}

impl Processor for Mean {
    fn process(&mut self, item: &Item, ctx: &mut Context<'_>) {
        let Event::Candle(candle) = &item.event else { return };
        let close = candle.close;
        let state = &mut self.state;
        // The state is already touched when the mishap strikes: a restart that keeps it would show.
        state.seen += 1;
        state.trail.push(item.timestamp.0);
        self.mishaps.strike(&self.name, item.timestamp.0);
        if state.trail.len() > 5 {
            state.trail.remove(0);
        }
        state.level += self.pull * (close - state.level);
        let prediction = Prediction {
            model: self.id,
            version: state.seen,
            horizon_ms: 60_000,
            target: Target::Close,
            asked_at: item.timestamp.plus(60_000),
            due_at: item.timestamp.plus(120_000),
            ordinal: 0,
            last: close,
            value: state.level,
            price: Some(state.level),
            interval: None,
            nowcast: false,
            champion: None,
        };
        ctx.forward(item.timestamp.plus(60_000), Event::Prediction(prediction));
    }
}

impl Snapshot for Mean {
    fn save(&self, out: &mut Vec<u8>) -> Result<(), SnapshotError> {
        encode_into(&self.state, out)
    }

    fn load(&mut self, bytes: &[u8]) -> Result<(), SnapshotError> {
        self.state = decode(bytes)?;
        Ok(())
    }
}

fn judge() -> OperatorEntry {
    let build = |build: &Build<'_>| {
        let factory = Arc::new(|_: &str| -> Box<dyn Processor> { Box::new(Judge::default()) });
        let port = Port { kinds: EventKinds::of(&[EventKind::Prediction]), ..build.parents[0].port.clone() };
        Ok(Built { factory, port, params: Value::Null })
    };
    OperatorEntry {
        name: "judge",
        role: Role::Evaluator,
        summary: "Test evaluator: of the predictions made at one bar, the one closest to the last close leads.",
        params: &[],
        accepts: EventKinds::of(&[EventKind::Prediction]),
        build: Arc::new(build),
    }
}

/// Holds the predictions of a step until it is complete: fan-in that is not in order, or not whole, would show.
#[derive(Default)]
struct Judge {
    waiting: Vec<(Item, Prediction)>,
    judged: u64,
}

impl Processor for Judge {
    fn process(&mut self, item: &Item, _: &mut Context<'_>) {
        if let Event::Prediction(prediction) = &item.event {
            self.waiting.push((item.clone(), prediction.clone()));
        }
    }

    fn complete(&mut self, ctx: &mut Context<'_>) {
        let miss = |prediction: &Prediction| (prediction.value - prediction.last).abs();
        let best = self.waiting.iter().map(|(_, p)| miss(p)).fold(f64::INFINITY, f64::min);
        for (item, prediction) in self.waiting.drain(..) {
            self.judged += 1;
            let champion = Some(miss(&prediction) == best);
            ctx.forward(item.timestamp, Event::Prediction(Prediction { champion, ..prediction }));
        }
    }
}

impl Snapshot for Judge {
    fn save(&self, out: &mut Vec<u8>) -> Result<(), SnapshotError> {
        encode_into(&self.judged, out)
    }

    fn load(&mut self, bytes: &[u8]) -> Result<(), SnapshotError> {
        self.judged = decode(bytes)?;
        Ok(())
    }
}

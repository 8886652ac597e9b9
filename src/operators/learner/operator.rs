//! The learner at work on one coin: answers what is due, watches its errors, then asks anew.

use std::collections::VecDeque;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::brain::{Brain, Recipe};
use super::drift::{Alarm, Judged, OnDrift, Watch, WatchRecipe, WatchState};
use super::interval::as_prices;
use super::pending::{Pending, Queue};
use super::plan::Plan;
use crate::learn::conformal::{Bounds, Conformal};
use crate::processor::{Answer, Context, Drift, Event, Item, NodeId, Notice, Prediction, Processor, Row, Target};
use crate::record::Timestamp;
use crate::snapshot::{Snapshot, SnapshotError, decode, encode_into};

/// What a learner makes anew when its model is replaced.
pub(super) struct Makers {
    /// The model.
    pub model: Arc<Recipe>,
    /// Its seed.
    pub seed: u64,
    /// The watch over its errors, where there is one.
    pub watch: Option<Arc<WatchRecipe>>,
}

impl Makers {
    fn brain(&self) -> Brain {
        self.model.brain(self.seed)
    }
}

/// One learner for one coin.
pub(super) struct Learner {
    id: NodeId,
    plan: Arc<Plan>,
    makers: Makers,
    brain: Brain,
    watch: Option<Watch>,
    /// The model in training since the warning, and the labels it has learned.
    background: Option<(u64, Brain)>,
    interval: Option<Conformal>,
    pending: Queue,
    counters: Counters,
    features: Vec<f64>,
    fallbacks_told: u64,
}

/// What a learner counts and remembers besides its model and its questions.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
struct Counters {
    /// Labels the model has learned: its version.
    version: u64,
    /// The newest moment at which a question was asked, and how many there were.
    asked: Option<(Timestamp, u32)>,
    /// The close of the row before.
    last: Option<f64>,
    /// Errors of published questions.
    errors: u64,
    /// Drifts told.
    drifts: u64,
    /// Models replaced.
    generation: u32,
}

/// The state as it is kept.
#[derive(Serialize, Deserialize)]
struct State {
    counters: Counters,
    pending: VecDeque<Pending>,
    model: Vec<u8>,
    watch: Option<WatchState>,
    background: Option<(u64, Vec<u8>)>,
    interval: Option<Conformal>,
}

impl Learner {
    pub fn new(id: NodeId, plan: Arc<Plan>, makers: Makers) -> Self {
        Learner {
            id,
            brain: makers.brain(),
            watch: makers.watch.clone().map(Watch::new),
            background: None,
            interval: plan.interval.as_ref().map(|(interval, _)| interval.clone()),
            pending: Queue::new(plan.max_pending),
            counters: Counters::default(),
            features: Vec::new(),
            fallbacks_told: 0,
            makers,
            plan,
        }
    }

    /// A forecast learns what has become known, then asks. A nowcast asks first: the row's close is the very thing it is to tell.
    fn take(&mut self, row: &Row, ctx: &mut Context<'_>) {
        if self.plan.question.nowcast {
            if let Some(last) = self.counters.last {
                self.ask(row, last, ctx);
            }
            self.answer_due(row, ctx);
            self.observe(row);
        } else {
            self.answer_due(row, ctx);
            self.observe(row);
            self.ask(row, row.close, ctx);
        }
        self.counters.last = Some(row.close);
    }

    /// Answers the questions whose time has come; those that no bar met in time expire.
    fn answer_due(&mut self, row: &Row, ctx: &mut Context<'_>) {
        while let Some(question) = self.pending.pop_due(row.close_time) {
            if row.close_time.since(question.due_at) > self.plan.tolerance_ms {
                ctx.notice(Notice::QuestionExpired);
            } else {
                self.answer(&question, row, ctx);
            }
            self.pending.recycle(question);
        }
    }

    fn answer(&mut self, question: &Pending, row: &Row, ctx: &mut Context<'_>) {
        let label = label(self.plan.question.target, row.close, question.last);
        if !label.is_finite() {
            return ctx.notice(Notice::RowRefused);
        }
        if question.published {
            let told = self.prediction(question);
            ctx.forward(row.close_time, Event::Answer(Answer { question: told, truth: row.close, label }));
            self.judge(question, row.close, label, ctx);
        }
        if self.brain.learn(&question.features, label) {
            self.counters.version += 1;
            self.tell_fallbacks(ctx);
        }
        if let Some((version, brain)) = &mut self.background {
            *version += u64::from(brain.learn(&question.features, label));
        }
    }

    /// Lets the bounds and the watch learn from the error, before the model does.
    fn judge(&mut self, question: &Pending, truth: f64, label: f64, ctx: &mut Context<'_>) {
        self.counters.errors += 1;
        if let Some(interval) = &mut self.interval {
            interval.update(label - question.value, question.bounds);
        }
        let Some(watch) = self.watch.as_mut().filter(|_| question.generation == self.counters.generation) else { return };
        let Pending { value, last, price, .. } = *question;
        let alarm = watch.take(&Judged { label, value, truth, last, price });
        let swaps = watch.recipe().on_drift() == OnDrift::Swap;
        match alarm {
            Alarm::Drift => self.drifted(question.due_at, ctx),
            Alarm::Warning if swaps => self.background = Some((0, self.makers.brain())),
            Alarm::AllClear => self.background = None,
            Alarm::Warning | Alarm::None => {}
        }
    }

    /// The errors have drifted: does what is to be done, and tells it.
    fn drifted(&mut self, at: Timestamp, ctx: &mut Context<'_>) {
        let Some(watch) = &mut self.watch else { return };
        let (detector, on_drift) = (watch.recipe().detector().to_owned(), watch.recipe().on_drift());
        let (background, version) = (self.background.take(), self.counters.version);
        let action = match (on_drift, &background) {
            (OnDrift::Notify, _) => OnDrift::Notify,
            (OnDrift::Swap, Some(_)) => OnDrift::Swap,
            _ => OnDrift::Reset,
        };
        if action != OnDrift::Notify {
            watch.restart();
            let (version, brain) = background.filter(|_| action == OnDrift::Swap).unwrap_or_else(|| (0, self.makers.brain()));
            (self.counters.version, self.brain) = (version, brain);
            self.counters.generation = self.counters.generation.wrapping_add(1);
            self.fallbacks_told = self.brain.fallbacks();
        }
        self.counters.drifts += 1;
        let drift = Drift { model: self.id, detector, at, action: action.name(), version };
        ctx.notice(Notice::Drift(Box::new(drift.clone())));
        ctx.forward(at, Event::Drift(Box::new(drift)));
    }

    /// Forecasters learn each close as it becomes known.
    fn observe(&mut self, row: &Row) {
        if self.brain.observe(row.close) {
            self.counters.version += 1;
        }
        if let Some((version, brain)) = &mut self.background {
            *version += u64::from(brain.observe(row.close));
        }
    }

    fn ask(&mut self, row: &Row, last: f64, ctx: &mut Context<'_>) {
        if !self.select(row) {
            return ctx.notice(Notice::RowRefused);
        }
        let Some(value) = self.brain.predict(&self.features, last, self.plan.question.target) else { return };
        let price = price(self.plan.question.target, value, last);
        if !value.is_finite() || price.is_some_and(|price| !price.is_finite()) {
            return ctx.notice(Notice::PredictionRefused);
        }
        let question = self.question(row.close_time, last, value, price);
        if question.published {
            ctx.forward(row.close_time, Event::Prediction(self.prediction(&question)));
        }
        if let Some(dropped) = self.pending.push(question) {
            ctx.notice(Notice::QuestionDropped);
            self.pending.recycle(dropped);
        }
    }

    fn question(&mut self, asked_at: Timestamp, last: f64, value: f64, price: Option<f64>) -> Pending {
        let ordinal = match self.counters.asked {
            Some((moment, count)) if moment == asked_at => count,
            _ => 0,
        };
        self.counters.asked = Some((asked_at, ordinal + 1));
        Pending {
            asked_at,
            due_at: asked_at.plus(self.plan.question.horizon_ms),
            ordinal,
            version: self.counters.version,
            last,
            value,
            price,
            bounds: self.bounds(),
            generation: self.counters.generation,
            published: self.counters.version >= self.plan.warm_up,
            features: self.pending.keep(&self.features),
        }
    }

    /// The bounds that the next prediction gets, once enough errors are known.
    fn bounds(&self) -> Option<Bounds> {
        let (_, warm_up) = self.plan.interval.as_ref()?;
        self.interval.as_ref().filter(|_| self.counters.errors >= *warm_up)?.bounds()
    }

    /// Takes the model's features out of the row; answers whether they can be used.
    fn select(&mut self, row: &Row) -> bool {
        self.features.clear();
        if !self.brain.needs_features() {
            return true;
        }
        match &self.plan.picked {
            Some(places) => self.features.extend(places.iter().map(|place| row.values[*place])),
            None => self.features.extend_from_slice(&row.values),
        }
        let absent_is_fine = self.brain.takes_absent();
        self.features.iter().all(|x| x.is_finite() || (x.is_nan() && absent_is_fine))
    }

    fn prediction(&self, question: &Pending) -> Prediction {
        let asked = self.plan.question;
        Prediction {
            model: self.id,
            version: question.version,
            horizon_ms: asked.horizon_ms,
            target: asked.target,
            asked_at: question.asked_at,
            due_at: question.due_at,
            ordinal: question.ordinal,
            last: question.last,
            value: question.value,
            price: question.price,
            interval: question.bounds.as_ref().and_then(|b| as_prices(b, asked.target, question.value, question.last)),
            nowcast: asked.nowcast,
            champion: None,
        }
    }

    fn tell_fallbacks(&mut self, ctx: &mut Context<'_>) {
        let fallbacks = self.brain.fallbacks();
        if fallbacks > self.fallbacks_told {
            ctx.notice(Notice::FitFallback { fits: fallbacks - self.fallbacks_told });
            self.fallbacks_told = fallbacks;
        }
    }
}

impl Processor for Learner {
    fn process(&mut self, item: &Item, ctx: &mut Context<'_>) {
        let Event::Row(row) = &item.event else { return };
        // Sources refuse such prices; a processor of one's own may still make them, and they must not reach a label.
        if row.close.is_finite() && row.close > 0.0 {
            self.take(row, ctx);
        } else {
            ctx.notice(Notice::RowRefused);
        }
    }
}

fn saved(part: &impl Snapshot) -> Result<Vec<u8>, SnapshotError> {
    let mut bytes = Vec::new();
    part.save(&mut bytes)?;
    Ok(bytes)
}

impl Snapshot for Learner {
    fn save(&self, out: &mut Vec<u8>) -> Result<(), SnapshotError> {
        let model = saved(&self.brain)?;
        let watch = self.watch.as_ref().map(Watch::save).transpose()?;
        let background = self.background.as_ref().map(|(version, brain)| Ok((*version, saved(brain)?)));
        let background = background.transpose().map_err(|error: SnapshotError| error)?;
        // Borrowed fields in the order of `State`: a copy of the queue would cost more than the encoding.
        encode_into(&(&self.counters, self.pending.questions(), &model, &watch, &background, &self.interval), out)
    }

    fn load(&mut self, bytes: &[u8]) -> Result<(), SnapshotError> {
        let State { counters, pending, model, watch, background, interval } = decode(bytes)?;
        let other = |what: &str| SnapshotError::Decode(format!("the state is of a learner with another {what}"));
        let watch = match (&self.makers.watch, &watch) {
            (Some(recipe), Some(state)) => Some(Watch::restored(recipe.clone(), state)?),
            (None, None) => None,
            _ => return Err(other("drift")),
        };
        let like = match (&self.interval, &interval) {
            (Some(mine), Some(kept)) => mine.is_like(kept),
            (mine, kept) => mine.is_none() && kept.is_none(),
        };
        if !like {
            return Err(other("interval"));
        }
        let mut trained = None;
        if let Some((version, bytes)) = background {
            let mut brain = self.makers.brain();
            brain.load(&bytes)?;
            trained = Some((version, brain));
        }
        self.brain.load(&model)?;
        (self.counters, self.watch, self.background, self.interval) = (counters, watch, trained, interval);
        self.pending.replace(pending);
        self.fallbacks_told = self.brain.fallbacks();
        Ok(())
    }
}

/// The truth in the unit of the target.
fn label(target: Target, close: f64, last: f64) -> f64 {
    match target {
        Target::Close => close,
        Target::Return => close / last - 1.0,
        Target::Direction if close > last => 1.0,
        Target::Direction if close < last => -1.0,
        Target::Direction => 0.0,
    }
}

/// A prediction in the unit of the target as a price.
fn price(target: Target, value: f64, last: f64) -> Option<f64> {
    match target {
        Target::Close => Some(value),
        Target::Return => Some(last * (1.0 + value)),
        Target::Direction => None,
    }
}

/// A forecast price in the unit of the target.
pub(super) fn value_of_price(target: Target, price: f64, last: f64) -> f64 {
    label(target, price, last)
}

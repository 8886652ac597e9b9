//! The evaluator at work on one coin: joins the models' answers, decides who leads, and lets predictions pass with the champion's flag.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::champion::{Rule, Standing};
use super::judged::{Judged, Subject};
use super::plan::{GroupKey, Plan};
use crate::processor::{ChampionChange, Context, Event, Item, NodeId, Notice, Prediction, Processor, Score};
use crate::record::Timestamp;
use crate::snapshot::{Snapshot, SnapshotError, decode, encode_into};

/// One evaluator for one coin.
pub(super) struct Evaluator {
    plan: Arc<Plan>,
    /// One for each model, in the order of the parents.
    judged: Vec<Judged>,
    /// The place of the leading model, for each group.
    leaders: Vec<Option<usize>>,
    /// Event time of the newest step.
    now: Option<Timestamp>,
    /// The next multiple of `every`, known from `now`.
    evaluates_at: Timestamp,
    /// What the present step brought; empty between steps.
    step: Step,
}

#[derive(Default)]
struct Step {
    time: Option<Timestamp>,
    /// Predictions of this step, with the flag of nowcasts already decided.
    held: Vec<(usize, Prediction)>,
    /// The groups in which a question was answered.
    answered: Vec<bool>,
}

/// The state as it is kept: by name, because names are what lasts.
#[derive(Serialize, Deserialize)]
struct State {
    now: Option<Timestamp>,
    models: BTreeMap<String, Judged>,
    leaders: BTreeMap<GroupKey, Option<String>>,
}

impl Evaluator {
    pub fn new(plan: Arc<Plan>) -> Self {
        let judged = plan.models.iter().map(|_| Judged::new(plan.window_ms, plan.judging_ms)).collect();
        let leaders = vec![None; plan.groups.len()];
        Evaluator { plan, judged, leaders, now: None, evaluates_at: Timestamp::MIN, step: Step::default() }
    }

    /// The place of a parent among the models.
    fn place(&self, model: NodeId) -> Option<usize> {
        self.plan.models.iter().position(|m| m.id == model)
    }

    fn leads(&self, place: usize) -> bool {
        self.leaders[self.plan.models[place].group] == Some(place)
    }

    fn subject(&self, place: usize) -> Subject {
        let model = &self.plan.models[place];
        Subject { model: model.id, question: model.question, champion: self.leads(place), now: self.now.unwrap_or_default() }
    }

    /// Keeps a prediction until the step is complete. The truth of a nowcast is among this very step's answers, so its flag must not wait for them.
    fn hold(&mut self, place: usize, prediction: &Prediction) {
        let champion = prediction.nowcast.then(|| self.leads(place));
        self.step.held.push((place, Prediction { champion, ..prediction.clone() }));
    }

    fn decide(&mut self, ctx: &mut Context<'_>) {
        let answered = std::mem::take(&mut self.step.answered);
        for (group, _) in answered.iter().enumerate().filter(|(_, answered)| **answered) {
            self.decide_group(group, ctx);
        }
        self.step.answered = answered;
        self.step.answered.clear();
    }

    fn decide_group(&mut self, group: usize, ctx: &mut Context<'_>) {
        let Some(at) = self.now else { return };
        let (key, members) = &self.plan.groups[group];
        let rule: &Rule = self.plan.rule(*key);
        let standings: Vec<Standing> = members.iter().map(|place| self.judged[*place].standing(rule.measure)).collect();
        let leader = self.leaders[group].and_then(|leader| members.iter().position(|place| *place == leader));
        let Some(next) = rule.decide(leader, &standings) else { return };
        let change = ChampionChange {
            horizon_ms: key.horizon_ms,
            nowcast: key.nowcast,
            at,
            previous: self.leaders[group].map(|place| self.plan.models[place].id),
            champion: self.plan.models[members[next]].id,
            metric: rule.measure.name(),
            value: standings[next].value.unwrap_or_default(),
            previous_value: leader.and_then(|leader| standings[leader].value),
        };
        self.leaders[group] = Some(members[next]);
        ctx.notice(Notice::Champion(Box::new(change.clone())));
        ctx.forward(at, Event::Champion(Box::new(change)));
    }

    fn release(&mut self, ctx: &mut Context<'_>) {
        let mut held = std::mem::take(&mut self.step.held);
        for (place, mut prediction) in held.drain(..) {
            prediction.champion = prediction.champion.or(Some(self.leads(place)));
            ctx.forward(prediction.asked_at, Event::Prediction(prediction));
        }
        self.step.held = held;
    }

    /// Puts out the measures of every model that was asked since the last time.
    fn evaluate(&mut self, ctx: &mut Context<'_>) {
        for place in 0..self.judged.len() {
            if self.judged[place].take_fresh() {
                let (subject, judged) = (self.subject(place), &self.judged[place]);
                for evaluation in [judged.over_all(&subject), judged.over_window(&subject)] {
                    ctx.forward(evaluation.at, Event::Evaluation(Box::new(evaluation)));
                }
            }
        }
    }

    /// Lets event time pass to that of the step; answers whether it reached a multiple of `every`.
    fn advance(&mut self, time: Timestamp) -> bool {
        let begins = self.now.is_none();
        let now = self.now.map_or(time, |now| now.max(time));
        let reached = now >= self.evaluates_at;
        if reached {
            self.evaluates_at = self.plan.next_multiple(now);
        }
        self.now = Some(now);
        for (judged, model) in self.judged.iter_mut().zip(&self.plan.models) {
            judged.advance(now, &model.question);
        }
        reached && !begins
    }
}

impl Processor for Evaluator {
    fn process(&mut self, item: &Item, _ctx: &mut Context<'_>) {
        self.step.time = self.step.time.max(Some(item.timestamp));
        match &item.event {
            Event::Prediction(prediction) => {
                if let Some(place) = self.place(prediction.model) {
                    self.hold(place, prediction);
                }
            }
            Event::Answer(answer) => {
                if let Some(place) = self.place(answer.question.model) {
                    self.judged[place].add(answer);
                    self.step.answered.resize(self.plan.groups.len(), false);
                    self.step.answered[self.plan.models[place].group] = true;
                }
            }
            _ => {}
        }
    }

    fn complete(&mut self, ctx: &mut Context<'_>) {
        let Some(time) = self.step.time.take() else { return };
        let reached = self.advance(time);
        self.decide(ctx);
        self.release(ctx);
        if reached {
            self.evaluate(ctx);
        }
    }

    fn report(&self, ctx: &mut Context<'_>) {
        for (place, judged) in self.judged.iter().enumerate() {
            let subject = self.subject(place);
            let score = Score { cumulative: judged.over_all(&subject), rolling: judged.over_window(&subject) };
            ctx.notice(Notice::Score(Box::new(score)));
        }
    }
}

impl Snapshot for Evaluator {
    fn save(&self, out: &mut Vec<u8>) -> Result<(), SnapshotError> {
        let names = || self.plan.models.iter().map(|model| &*model.name);
        let models: BTreeMap<&str, &Judged> = names().zip(&self.judged).collect();
        let name_of = |leader: &Option<usize>| leader.map(|place| &*self.plan.models[place].name);
        let leaders: BTreeMap<GroupKey, Option<&str>> =
            self.plan.groups.iter().zip(&self.leaders).map(|((key, _), leader)| (*key, name_of(leader))).collect();
        encode_into(&(self.now, models, leaders), out)
    }

    /// Models that the state does not know keep what they have, and models that are gone are left out: a model can be added to or taken from a
    /// topology without touching the others' scores. A leader that is gone leaves its place empty.
    fn load(&mut self, bytes: &[u8]) -> Result<(), SnapshotError> {
        let State { now, mut models, leaders } = decode(bytes)?;
        let windows = (self.plan.window_ms, self.plan.judging_ms);
        if let Some((name, kept)) = models.iter().find(|(_, judged)| judged.windows_ms() != windows) {
            let kept = kept.windows_ms();
            let message = format!(
                "the measures of model {name} cover windows of {kept:?} ms, the topology says {windows:?} ms: reset this node"
            );
            return Err(SnapshotError::Damaged(message));
        }
        for (judged, model) in self.judged.iter_mut().zip(&self.plan.models) {
            if let Some(kept) = models.remove(&*model.name) {
                *judged = kept;
            }
        }
        for ((key, members), leader) in self.plan.groups.iter().zip(&mut self.leaders) {
            if let Some(name) = leaders.get(key) {
                *leader = members.iter().copied().find(|place| Some(&*self.plan.models[*place].name) == name.as_deref());
            }
        }
        self.now = now;
        self.evaluates_at = now.map_or(Timestamp::MIN, |now| self.plan.next_multiple(now));
        Ok(())
    }
}

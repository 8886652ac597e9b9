//! What an evaluator's table means: which models are judged, and which of them against each other.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::champion::Rule;
use super::params::EvaluatorParams;
use super::tally::Measure;
use crate::learn::params::{Duration, ParamError, ParamErrorKind, child};
use crate::processor::{Build, NodeId, Parent, Question, Target};
use crate::record::Timestamp;

/// What models must share to be compared: one horizon, and prices or directions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct GroupKey {
    pub horizon_ms: i64,
    pub nowcast: bool,
    pub direction: bool,
}

impl GroupKey {
    fn of(question: &Question) -> Self {
        let Question { horizon_ms, target, nowcast } = *question;
        GroupKey { horizon_ms, nowcast, direction: target == Target::Direction }
    }
}

/// A model to be judged.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Model {
    pub id: NodeId,
    /// The learner's name: the name of its scores.
    pub name: Arc<str>,
    pub question: Question,
    /// The place of its group.
    pub group: usize,
}

/// What is the same for all coins of an evaluator.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Plan {
    /// The models in the order of the parents.
    pub models: Vec<Model>,
    /// The groups in the order of their first models, each with the places of its models.
    pub groups: Vec<(GroupKey, Vec<usize>)>,
    pub window_ms: i64,
    /// The window of the champion's rule.
    pub judging_ms: i64,
    pub every_ms: i64,
    price_rule: Rule,
    direction_rule: Rule,
}

impl Plan {
    /// Checks that the parents are learners and sorts them into groups.
    pub fn new(params: &EvaluatorParams, build: &Build<'_>) -> Result<Plan, Vec<ParamError>> {
        let questions = questions(build)?;
        let champion = &params.champion;
        let price_rule =
            Rule { measure: champion.metric.measure(), hysteresis: champion.hysteresis, min_questions: champion.min_questions };
        let mut plan = Plan {
            models: Vec::with_capacity(questions.len()),
            groups: Vec::new(),
            window_ms: params.window.ms(),
            judging_ms: champion.window.map_or(params.window.ms(), Duration::ms),
            every_ms: params.every.ms(),
            price_rule,
            direction_rule: Rule { measure: Measure::DirectionalAccuracy, ..price_rule },
        };
        questions.iter().for_each(|(parent, question)| plan.push(parent, *question));
        Ok(plan)
    }

    /// The rule that finds the champion of a group.
    pub fn rule(&self, key: GroupKey) -> &Rule {
        if key.direction { &self.direction_rule } else { &self.price_rule }
    }

    /// The first multiple of `every` after `now`.
    pub fn next_multiple(&self, now: Timestamp) -> Timestamp {
        Timestamp(now.0.div_euclid(self.every_ms).saturating_add(1).saturating_mul(self.every_ms))
    }

    fn push(&mut self, parent: &Parent<'_>, question: Question) {
        let (place, key) = (self.models.len(), GroupKey::of(&question));
        let group = self.groups.iter().position(|(k, _)| *k == key).unwrap_or_else(|| {
            self.groups.push((key, Vec::new()));
            self.groups.len() - 1
        });
        self.groups[group].1.push(place);
        self.models.push(Model { id: parent.id, name: parent.name.into(), question, group });
    }
}

/// The parents with their questions; a parent that asks none is a mistake.
fn questions<'a>(build: &Build<'a>) -> Result<Vec<(&'a Parent<'a>, Question)>, Vec<ParamError>> {
    let path = child(build.path, "parents");
    let error = |message: String| ParamError::new(ParamErrorKind::Conflict, &path, message, "learners");
    if build.parents.is_empty() {
        return Err(vec![error("an evaluator needs models to judge".to_owned())]);
    }
    let silent = build.parents.iter().filter(|parent| parent.port.question.is_none());
    let errors: Vec<_> =
        silent.map(|parent| error(format!("`{}` answers no question that could be judged", parent.name))).collect();
    if !errors.is_empty() {
        return Err(errors);
    }
    Ok(build.parents.iter().filter_map(|parent| Some((parent, parent.port.question?))).collect())
}

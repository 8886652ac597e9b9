//! An evaluator by itself, fed with the events of learners by hand.

use serde_json::{Value, json};

use super::*;
use crate::learn::catalog::Catalog as ModelCatalog;
use crate::processor::{
    Answer, ChampionChange, Context, Emitted, Evaluation, EvaluationWindow, Event, Item, KeyId, NodeId, Notice, Parent,
    Prediction, Question, Score, Target,
};
use crate::record::{Offset, Timestamp};

const MINUTE: i64 = 60_000;

fn question(minutes: i64, target: Target) -> Question {
    Question { horizon_ms: minutes * MINUTE, target, nowcast: minutes == 0 }
}

/// Learners `a`, `b` and `c` of 1 minute.
fn three() -> Vec<(&'static str, Question)> {
    ["a", "b", "c"].map(|name| (name, question(1, Target::Close))).to_vec()
}

fn try_build(params: &Value, learners: &[(&str, Question)]) -> Result<Built, Vec<String>> {
    let port = |question| Port { question, ..Port::of(&[EventKind::Prediction, EventKind::Answer]) };
    let ports: Vec<Port> = learners.iter().map(|(_, question)| port(Some(*question))).collect();
    let parents: Vec<Parent> =
        (10..).zip(learners.iter().zip(&ports)).map(|(id, ((name, _), port))| Parent { id: NodeId(id), name, port }).collect();
    let path = ["evaluators".to_owned(), "e".to_owned()];
    let models = ModelCatalog::default();
    let build =
        Build { name: "e", id: NodeId(99), params, path: &path, parents: &parents, topology: "t", seed: 7, models: &models };
    (entry().build)(&build).map_err(|errors| errors.iter().map(ToString::to_string).collect())
}

struct Bench {
    built: Built,
    learners: Vec<(&'static str, Question)>,
    evaluator: Box<dyn Processor>,
}

impl Bench {
    fn new(params: Value, learners: Vec<(&'static str, Question)>) -> Self {
        let built = try_build(&params, &learners).unwrap_or_else(|errors| panic!("{errors:#?}"));
        let evaluator = built.factory.create("BTC-USDT");
        Bench { built, learners, evaluator }
    }

    fn asked(&self, model: usize, minute: i64, last: f64, value: f64) -> Prediction {
        let Question { horizon_ms, target, nowcast } = self.learners[model].1;
        Prediction {
            model: NodeId(10 + model as u16),
            version: 0,
            horizon_ms,
            target,
            asked_at: Timestamp(minute * MINUTE),
            due_at: Timestamp(minute * MINUTE + horizon_ms),
            ordinal: 0,
            last,
            value,
            price: (target == Target::Close).then_some(value),
            interval: None,
            nowcast,
            champion: None,
        }
    }

    /// The answer to what `model` said: due at `minute`.
    fn answer(&self, model: usize, minute: i64, last: f64, value: f64, truth: f64) -> Event {
        let horizon = self.learners[model].1.horizon_ms / MINUTE;
        Event::Answer(Answer { question: self.asked(model, minute - horizon, last, value), truth, label: truth })
    }

    fn prediction(&self, model: usize, minute: i64) -> Event {
        Event::Prediction(self.asked(model, minute, 100.0, 101.0))
    }

    /// One step at `minute`.
    fn step(&mut self, minute: i64, events: Vec<Event>) -> Emitted {
        let mut out = Emitted::default();
        let mut next_step = 1;
        let mut ctx = Context::detached(NodeId(99), "BTC-USDT", Offset(minute), &mut next_step, &mut out);
        for event in events {
            let timestamp = Timestamp(minute * MINUTE);
            self.evaluator.process(&Item { index: 0, step: 0, key: KeyId(0), timestamp, event }, &mut ctx);
        }
        self.evaluator.complete(&mut ctx);
        out
    }

    /// One step at `minute`: the price stood at 100, models were off by `errors`, and it is 110 now; then everyone predicts.
    fn errors(&mut self, minute: i64, errors: &[f64]) -> Emitted {
        let answers = errors.iter().enumerate().map(|(model, error)| self.answer(model, minute, 100.0, 110.0 - error, 110.0));
        let predictions = (0..errors.len()).map(|model| self.prediction(model, minute));
        let events = answers.chain(predictions).collect();
        self.step(minute, events)
    }

    fn scores(&self) -> Vec<Score> {
        let mut out = Emitted::default();
        self.evaluator.report(&mut Context::detached(NodeId(99), "BTC-USDT", Offset(0), &mut 1, &mut out));
        let scores = out.notices.into_iter().map(|(_, _, notice)| match notice {
            Notice::Score(score) => *score,
            other => panic!("{other:?}"),
        });
        scores.collect()
    }

    fn state(&self) -> Vec<u8> {
        let mut state = Vec::new();
        self.evaluator.save(&mut state).unwrap();
        state
    }

    fn restart(&mut self) {
        let state = self.state();
        self.evaluator = self.built.factory.create("BTC-USDT");
        self.evaluator.load(&state).unwrap();
        assert_eq!(state, self.state());
    }
}

fn flags(out: &Emitted) -> Vec<Option<bool>> {
    let flag = |item: &Item| if let Event::Prediction(p) = &item.event { Some(p.champion) } else { None };
    out.items.iter().filter_map(flag).collect()
}

fn changes(out: &Emitted) -> Vec<ChampionChange> {
    let change = |item: &Item| if let Event::Champion(change) = &item.event { Some((**change).clone()) } else { None };
    out.items.iter().filter_map(change).collect()
}

fn evaluations(out: &Emitted) -> Vec<Evaluation> {
    let evaluation = |item: &Item| if let Event::Evaluation(e) = &item.event { Some((**e).clone()) } else { None };
    out.items.iter().filter_map(evaluation).collect()
}

fn champion(min_questions: u64) -> Value {
    json!({ "window": "10m", "champion": { "min_questions": min_questions, "hysteresis": 0.1 } })
}

#[test]
fn measures_stand_beside_the_naive_ones_over_the_same_questions() {
    let mut bench = Bench::new(json!({}), three());
    bench.errors(1, &[1.0, -4.0]);
    bench.errors(2, &[3.0, 20.0]);
    let [a, b, c] = &bench.scores()[..] else { panic!() };
    assert_eq!((a.cumulative.n, a.cumulative.measures.mae, a.cumulative.naive.mae), (2, Some(2.0), Some(10.0)));
    assert_eq!((a.cumulative.measures.rmse, a.cumulative.skill), (Some(5.0_f64.sqrt()), Some(0.8)));
    // The second prediction of b lay below the last value while the price rose.
    assert_eq!((a.cumulative.measures.directional_accuracy, b.cumulative.measures.directional_accuracy), (Some(1.0), Some(0.5)));
    assert_eq!((b.rolling.measures.mae, b.rolling.window), (Some(12.0), EvaluationWindow::Rolling(86_400_000)));
    assert_eq!((c.cumulative.n, c.cumulative.measures, c.cumulative.skill), (0, Default::default(), None));
    assert_eq!((a.cumulative.at, c.cumulative.at), (Timestamp(2 * MINUTE), Timestamp(2 * MINUTE)));
}

#[test]
fn a_model_that_says_the_last_value_has_a_skill_of_exactly_zero() {
    let mut bench = Bench::new(json!({ "window": "7m" }), three());
    for minute in 1..60 {
        let (last, truth) = (100.0 + 0.1 * (minute % 7) as f64, 100.0 + 0.3 * (minute % 5) as f64);
        let events = vec![bench.answer(0, minute, last, last, truth)];
        bench.step(minute, events);
    }
    let score = &bench.scores()[0];
    assert_eq!((score.cumulative.skill, score.rolling.skill, score.rolling.n), (Some(0.0), Some(0.0), 7));
}

#[test]
fn rolling_measures_forget_by_event_time() {
    let mut bench = Bench::new(json!({ "window": "10m" }), three());
    bench.errors(1, &[5.0]);
    bench.errors(5, &[1.0]);
    assert_eq!(bench.scores()[0].rolling.measures.mae, Some(3.0));
    // At minute 11 the question of minute 1 leaves, though nobody was answered.
    let events = vec![bench.prediction(0, 11)];
    bench.step(11, events);
    let score = &bench.scores()[0];
    assert_eq!((score.rolling.n, score.rolling.measures.mae, score.cumulative.n), (1, Some(1.0), 2));
}

#[test]
fn predictions_carry_the_champion_that_the_answers_of_their_step_made() {
    let mut bench = Bench::new(champion(2), three());
    let out = bench.errors(1, &[3.0, 1.0, 2.0]);
    assert_eq!((flags(&out), changes(&out).len()), (vec![Some(false); 3], 0));
    let out = bench.errors(2, &[3.0, 1.0, 2.0]);
    assert_eq!(flags(&out), [Some(false), Some(true), Some(false)]);
    let expected = ChampionChange {
        horizon_ms: MINUTE,
        nowcast: false,
        at: Timestamp(2 * MINUTE),
        previous: None,
        champion: NodeId(11),
        metric: "mae",
        value: 1.0,
        previous_value: None,
    };
    assert_eq!(changes(&out), std::slice::from_ref(&expected));
    assert!(matches!(out.items[0].event, Event::Champion(_)), "the change stands before the predictions");
    assert_eq!(out.notices[0].2, Notice::Champion(Box::new(expected)));
    assert!(bench.scores()[1].cumulative.champion && !bench.scores()[0].cumulative.champion);
}

#[test]
fn a_nowcast_carries_the_champion_from_before_its_own_answer() {
    let nowcasts = ["a", "b"].map(|name| (name, question(0, Target::Close))).to_vec();
    let mut bench = Bench::new(champion(1), nowcasts);
    let step = |bench: &mut Bench, minute, errors: [f64; 2]| {
        // A nowcasting learner predicts and answers in one step.
        let events = (0..2).flat_map(|m| [bench.prediction(m, minute), bench.answer(m, minute, 100.0, 110.0 - errors[m], 110.0)]);
        let events = events.collect();
        bench.step(minute, events)
    };
    let first = step(&mut bench, 1, [1.0, 5.0]);
    assert_eq!((flags(&first), changes(&first)[0].champion), (vec![Some(false), Some(false)], NodeId(10)));
    let second = step(&mut bench, 2, [50.0, 0.0]);
    assert_eq!((flags(&second), changes(&second)[0].champion), (vec![Some(true), Some(false)], NodeId(11)));
    assert_eq!(flags(&step(&mut bench, 3, [1.0, 1.0])), [Some(false), Some(true)]);
}

#[test]
fn the_lead_does_not_flap_between_models_within_the_hysteresis() {
    let flapping = |hysteresis: f64| {
        let params = json!({ "window": "4m", "champion": { "min_questions": 2, "hysteresis": hysteresis } });
        let mut bench = Bench::new(params, three());
        // Over any four minutes one of the two is better by a few percent, in turn.
        let errors = |minute: i64| if minute / 4 % 2 == 0 { [10.0, 10.3, 30.0] } else { [10.3, 10.0, 30.0] };
        (1..200).map(|minute| changes(&bench.errors(minute, &errors(minute))).len()).sum::<usize>()
    };
    assert_eq!(flapping(0.1), 1);
    assert!(flapping(0.0) > 40, "without hysteresis the test would see the lead flap");
}

#[test]
fn a_clearly_better_challenger_takes_over_and_the_change_tells_both_values() {
    let mut bench = Bench::new(champion(1), three());
    bench.errors(1, &[4.0, 5.0, 6.0]);
    bench.errors(2, &[4.0, 3.5, 6.0]);
    let out = bench.errors(3, &[10.0, 2.0, 6.0]);
    let change = &changes(&out)[0];
    assert_eq!((change.previous, change.champion), (Some(NodeId(10)), NodeId(11)));
    assert_eq!((change.previous_value, change.value), (Some(6.0), 3.5));
}

#[test]
fn the_champion_may_be_judged_over_a_window_of_its_own() {
    let params = json!({ "window": "100m", "champion": { "window": "2m", "min_questions": 1 } });
    let mut bench = Bench::new(params, three());
    (1..10).for_each(|minute| drop(bench.errors(minute, &[1.0, 9.0])));
    bench.errors(10, &[9.0, 1.0]);
    let out = bench.errors(11, &[9.0, 1.0]);
    assert_eq!((changes(&out)[0].champion, changes(&out)[0].value), (NodeId(11), 1.0));
    assert_eq!(bench.scores()[1].rolling.n, 11);
}

#[test]
fn horizons_nowcasts_and_directions_have_champions_of_their_own() {
    let learners = vec![
        ("a1", question(1, Target::Close)),
        ("a5", question(5, Target::Close)),
        ("now", question(0, Target::Close)),
        ("way", question(1, Target::Direction)),
    ];
    let mut bench = Bench::new(champion(1), learners);
    let events = (0..4).map(|model| bench.answer(model, 9, 100.0, 109.0, 110.0)).collect();
    let out = bench.step(9, events);
    let led: Vec<_> = changes(&out).iter().map(|c| (c.champion.0, c.horizon_ms, c.nowcast, c.metric, c.value)).collect();
    let expected = [
        (10, MINUTE, false, "mae", 1.0),
        (11, 5 * MINUTE, false, "mae", 1.0),
        (12, 0, true, "mae", 1.0),
        (13, MINUTE, false, "directional_accuracy", 1.0),
    ];
    assert_eq!(led, expected);
    let way = &bench.scores()[3].cumulative;
    assert_eq!((way.measures.mae, way.measures.directional_accuracy, way.skill), (None, Some(1.0), None));
}

#[test]
fn evaluations_come_at_the_first_step_that_reaches_a_multiple() {
    let mut bench = Bench::new(json!({ "every": "10m", "window": "5m" }), three());
    let told: Vec<(i64, usize)> = [3, 9, 10, 11, 19, 27, 28, 29, 30]
        .iter()
        .map(|minute| (*minute, evaluations(&bench.errors(*minute, &[1.0, 2.0])).len()))
        .filter(|(_, count)| *count > 0)
        .collect();
    assert_eq!(told, [(10, 4), (27, 4), (30, 4)]);
}

#[test]
fn an_evaluation_covers_its_step_and_comes_in_the_order_of_the_parents() {
    let mut bench = Bench::new(json!({ "every": "10m", "window": "5m" }), three());
    bench.errors(3, &[1.0, 2.0]);
    let out = bench.errors(10, &[3.0, 2.0]);
    let told: Vec<_> = evaluations(&out).iter().map(|e| (e.model.0, e.window, e.n, e.measures.mae)).collect();
    let (all, rolling) = (EvaluationWindow::Cumulative, EvaluationWindow::Rolling(5 * MINUTE));
    let expected = [(10, all, 2, Some(2.0)), (10, rolling, 1, Some(3.0)), (11, all, 2, Some(2.0)), (11, rolling, 1, Some(2.0))];
    assert_eq!(told, expected);
    assert!(out.items.iter().all(|item| item.timestamp == Timestamp(10 * MINUTE)));
    // Only the model that was answered since is told again.
    let events = vec![bench.answer(1, 21, 100.0, 110.0, 110.0)];
    assert_eq!(evaluations(&bench.step(21, events)).iter().map(|e| e.model.0).collect::<Vec<_>>(), [11, 11]);
}

#[test]
fn intervals_are_measured_by_coverage_and_width() {
    let mut bench = Bench::new(json!({ "window": "2m" }), three());
    for (minute, bounds) in [(1, Some((105.0, 115.0))), (2, None), (3, Some((109.0, 109.5))), (4, Some((100.0, 110.0)))] {
        let Event::Answer(mut answer) = bench.answer(0, minute, 100.0, 108.0, 110.0) else { unreachable!() };
        answer.question.interval = bounds;
        bench.step(minute, vec![Event::Answer(answer)]);
    }
    let score = &bench.scores()[0];
    let measures = |intervals: Option<crate::processor::IntervalMeasures>| intervals.map(|i| (i.n, i.coverage, i.width));
    // 110 lies in the first and on the edge of the last, not in the second; widths 10, 0.5, 10.
    assert_eq!((score.cumulative.n, measures(score.cumulative.intervals)), (4, Some((3, 2.0 / 3.0, 20.5 / 3.0))));
    assert_eq!(measures(score.rolling.intervals), Some((2, 0.5, 5.25)), "the last two minutes");
    assert_eq!(bench.scores()[1].cumulative.intervals, None);
    let before = bench.scores();
    bench.restart();
    assert_eq!(bench.scores(), before);
}

#[test]
fn a_restart_at_any_step_changes_nothing() {
    let params = json!({
        "window": "7m", "every": "5m", "champion": { "window": "3m", "metric": "rmse", "min_questions": 2, "hysteresis": 0.0 }
    });
    let (mut straight, mut restarted) = (Bench::new(params.clone(), three()), Bench::new(params, three()));
    let mut changed = 0;
    for i in 1..120i64 {
        let minute = i + i / 9 * 3;
        let errors = [0, 1, 2].map(|model| (i * (model + 3) % 11) as f64);
        restarted.restart();
        let (a, b) = (straight.errors(minute, &errors), restarted.errors(minute, &errors));
        assert_eq!((&a.items, &a.notices), (&b.items, &b.notices), "minute {minute}");
        assert_eq!(straight.scores(), restarted.scores());
        changed += changes(&a).len();
    }
    assert!(changed > 3, "the lead should have changed, it did {changed} times");
}

#[test]
fn adding_a_model_keeps_the_others_scores_and_the_new_ones_own() {
    let mut old = Bench::new(champion(1), three()[..2].to_vec());
    (1..5).for_each(|minute| drop(old.errors(minute, &[1.0, 2.0])));

    // The new topology has warmed all three from the log, differently, before it takes the old state.
    let mut new = Bench::new(champion(1), vec![three()[2], three()[0], three()[1]]);
    (3..5).for_each(|minute| drop(new.errors(minute, &[7.0, 8.0, 9.0])));
    let warmed = new.scores()[0].clone();
    new.evaluator.load(&old.state()).unwrap();
    let scores = new.scores();
    assert_eq!(scores[0].cumulative.measures, warmed.cumulative.measures);
    for (place, before) in [(1, &old.scores()[0]), (2, &old.scores()[1])] {
        assert_eq!((scores[place].cumulative.n, scores[place].cumulative.measures), (4, before.cumulative.measures));
        assert_eq!(
            (scores[place].rolling.measures, scores[place].rolling.champion),
            (before.rolling.measures, before.rolling.champion)
        );
    }
}

#[test]
fn removing_a_model_keeps_the_others_scores_and_vacates_its_lead() {
    let mut old = Bench::new(champion(1), three());
    (1..5).for_each(|minute| drop(old.errors(minute, &[1.0, 2.0, 3.0])));
    let mut new = Bench::new(champion(1), three()[1..].to_vec());
    new.evaluator.load(&old.state()).unwrap();
    assert_eq!(new.scores()[0].cumulative.measures, old.scores()[1].cumulative.measures);
    assert!(new.scores().iter().all(|score| !score.cumulative.champion));
    assert_eq!(changes(&new.errors(5, &[2.0, 3.0]))[0].champion, NodeId(10));
}

#[test]
fn state_of_other_windows_is_refused_and_changes_nothing() {
    let mut old = Bench::new(json!({ "window": "10m" }), three());
    old.errors(1, &[1.0]);
    let mut new = Bench::new(json!({ "window": "20m" }), three());
    let before = new.state();
    assert!(new.evaluator.load(&old.state()).unwrap_err().to_string().contains("reset this node"));
    assert!(new.evaluator.load(&before[..before.len() - 1]).is_err());
    assert_eq!(new.state(), before);
}

#[test]
fn parents_that_answer_nothing_are_refused() {
    let silent = Port::of(&[EventKind::Prediction]);
    let parents = [Parent { id: NodeId(1), name: "score", port: &silent }];
    let path = ["evaluators".to_owned(), "e".to_owned()];
    let models = ModelCatalog::default();
    let build = |parents| {
        let params = json!({});
        let build =
            Build { name: "e", id: NodeId(9), params: &params, path: &path, parents, topology: "t", seed: 7, models: &models };
        (entry().build)(&build).err().unwrap()[0].to_string()
    };
    assert!(build(&parents).starts_with("evaluators.e.parents: `score` answers no question"));
    assert!(build(&[]).contains("an evaluator needs models to judge"));
    let errors = try_build(&json!({ "champion": { "hysteresis": 1.0, "metric": "mea" } }), &three()).err().unwrap();
    assert!(errors.len() == 2 && errors[0].contains("expected one of mae, rmse, smape"), "{errors:#?}");
}

//! What a page is made of, gathered from output records: predictions, answers, drift alarms, closes.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

/// A prediction and, once it is known, the truth.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Question {
    /// When the truth is known, Unix ms.
    pub due_at: i64,
    /// The newest close known when it was asked.
    pub last: f64,
    /// What the model said, as a price.
    pub price: f64,
}

/// What one model was asked about one coin.
#[derive(Debug, Clone, PartialEq)]
pub struct Asked {
    /// The learner's name.
    pub model: String,
    /// How far ahead, ms; 0 for a nowcast.
    pub horizon_ms: i64,
    /// Whether it nowcasts.
    pub nowcast: bool,
    /// What it predicts: close, return or direction.
    pub target: String,
    /// Its predictions in the order they were made.
    pub predictions: Vec<Question>,
    /// Those that were answered, with the truth; empty where the records hold no answers.
    pub answers: Vec<(Question, f64)>,
    /// Whether it led when it was last heard of.
    pub champion: bool,
}

/// An alarm of a drift detector.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct DriftMark {
    /// When, Unix ms.
    pub at: i64,
    /// The learner whose errors drifted.
    pub model: String,
    /// The detector.
    pub detector: String,
    /// What was done.
    pub action: String,
}

/// Everything of one coin.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Coin {
    /// Closes by the time they were known, Unix ms.
    pub closes: BTreeMap<i64, f64>,
    /// The models in the order in which they were first heard of.
    pub models: Vec<Asked>,
    /// Drift alarms in order.
    pub drifts: Vec<DriftMark>,
    places: BTreeMap<(String, bool, i64), usize>,
}

/// Everything gathered.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Collected {
    /// By name.
    pub coins: BTreeMap<String, Coin>,
    /// The name of the topology, as the records' ids tell it.
    pub topology: Option<String>,
}

/// The fields of the records that matter here; which of them are there tells the kind of record.
#[derive(Debug, Deserialize)]
struct Line {
    coin: String,
    id: Option<String>,
    model: Option<String>,
    target: Option<String>,
    horizon_ms: Option<i64>,
    nowcast: Option<bool>,
    asked_at: Option<i64>,
    due_at: Option<i64>,
    last: Option<f64>,
    prediction: Option<f64>,
    price: Option<f64>,
    truth: Option<f64>,
    champion: Option<Value>,
    detector: Option<String>,
    action: Option<String>,
    at: Option<i64>,
    close: Option<f64>,
    close_time: Option<i64>,
}

impl Collected {
    /// Takes the value of one output record; what is of no use here is passed over. Answers whether it was of use.
    pub fn take(&mut self, value: &[u8]) -> bool {
        serde_json::from_slice::<Line>(value).is_ok_and(|line| self.take_line(line).is_some())
    }

    fn take_line(&mut self, line: Line) -> Option<()> {
        if line.prediction.is_some() {
            return self.take_question(line);
        }
        let coin = self.coins.entry(line.coin).or_default();
        match line {
            Line { detector: Some(detector), at: Some(at), model: Some(model), action, .. } => {
                coin.drifts.push(DriftMark { at, model, detector, action: action.unwrap_or_default() });
                Some(())
            }
            Line { close: Some(close), close_time: Some(time), .. } => {
                coin.closes.insert(time, close);
                Some(())
            }
            _ => None,
        }
    }

    fn take_question(&mut self, line: Line) -> Option<()> {
        let (due_at, asked_at, last) = (line.due_at?, line.asked_at?, line.last?);
        let (model, nowcast, horizon_ms) = (line.model?, line.nowcast?, line.horizon_ms?);
        if self.topology.is_none() {
            self.topology = line.id.as_deref().and_then(|id| id.split('/').next()).map(str::to_owned);
        }
        let coin = self.coins.entry(line.coin).or_default();
        if !nowcast {
            coin.closes.insert(asked_at, last);
        }
        let models = &mut coin.models;
        let place = *coin.places.entry((model, nowcast, horizon_ms)).or_insert_with_key(|(model, ..)| {
            let (model, target) = (model.clone(), line.target.unwrap_or_default());
            let (predictions, answers, champion) = (Vec::new(), Vec::new(), false);
            models.push(Asked { model, horizon_ms, nowcast, target, predictions, answers, champion });
            models.len() - 1
        });
        // A direction is no price: nothing to draw, and no error in price units.
        let question = Question { due_at, last, price: line.price? };
        match line.truth {
            Some(truth) => {
                models[place].answers.push((question, truth));
                coin.closes.entry(due_at).or_insert(truth);
            }
            None => {
                models[place].predictions.push(question);
                models[place].champion = line.champion.and_then(|flag| flag.as_bool()).unwrap_or(false);
            }
        }
        Some(())
    }

    /// Fills in what follows from what was gathered: closes that only the next question tells, and the truths of questions without answers.
    pub fn complete(&mut self) {
        self.coins.retain(|_, coin| !coin.models.is_empty());
        for coin in self.coins.values_mut() {
            for model in coin.models.iter_mut().filter(|model| model.nowcast) {
                model.predictions.sort_by_key(|question| question.due_at);
                for pair in model.predictions.windows(2) {
                    coin.closes.entry(pair[0].due_at).or_insert(pair[1].last);
                }
            }
            let closes = &coin.closes;
            for model in coin.models.iter_mut().filter(|model| model.answers.is_empty()) {
                let answered = |question: &Question| Some((*question, *closes.get(&question.due_at)?));
                model.answers = model.predictions.iter().filter_map(answered).collect();
            }
            for model in &mut coin.models {
                model.answers.sort_by_key(|(question, _)| question.due_at);
            }
            coin.drifts.sort_by_key(|drift| drift.at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prediction(asked_at: i64, due_at: i64, last: f64, price: f64, nowcast: bool) -> String {
        format!(
            r#"{{"id":"top/A/m/{asked_at}","coin":"A","model":"m{nowcast}","model_version":1,"target":"close","horizon_ms":{},"asked_at":{asked_at},"due_at":{due_at},"last":{last},"prediction":{price},"price":{price},"nowcast":{nowcast},"champion":true}}"#,
            due_at - asked_at
        )
    }

    #[test]
    fn truths_follow_from_later_questions_where_no_answers_are_there() {
        let mut all = Collected::default();
        for (asked_at, last) in [(10, 1.0), (20, 2.0), (30, 4.0)] {
            assert!(all.take(prediction(asked_at, asked_at + 10, last, last + 0.5, false).as_bytes()));
        }
        all.complete();
        let model = &all.coins["A"].models[0];
        assert_eq!(
            model.answers.iter().map(|(q, truth)| (q.due_at, q.price, *truth)).collect::<Vec<_>>(),
            [(20, 1.5, 2.0), (30, 2.5, 4.0)]
        );
        assert_eq!((model.predictions.len(), model.champion, all.topology.as_deref()), (3, true, Some("top")));
    }

    #[test]
    fn nowcasts_know_the_close_before_them() {
        let mut all = Collected::default();
        for (at, last) in [(20, 1.0), (30, 2.0), (40, 4.0)] {
            all.take(prediction(at, at, last, 3.0, true).as_bytes());
        }
        all.complete();
        assert_eq!(all.coins["A"].closes, BTreeMap::from([(20, 2.0), (30, 4.0)]));
        assert_eq!(all.coins["A"].models[0].answers.len(), 2);
    }

    #[test]
    fn answers_outrank_what_follows_and_other_records_are_passed_over() {
        let mut all = Collected::default();
        all.take(prediction(10, 20, 1.0, 1.5, false).as_bytes());
        let answer = prediction(10, 20, 1.0, 1.5, false).replace("\"champion\":true", "\"truth\":7.0,\"label\":7.0");
        assert!(all.take(answer.as_bytes()));
        assert!(all.take(br#"{"coin":"A","model":"m","model_version":3,"detector":"adwin","at":20,"action":"reset"}"#));
        assert!(all.take(br#"{"coin":"A","open_time":0,"close_time":10,"open":1,"high":1,"low":1,"close":1.25,"volume":3}"#));
        assert!(!all.take(br#"{"coin":"A","previous":null,"champion":"m","at":5}"#));
        assert!(!all.take(b"not json"));
        all.complete();
        let coin = &all.coins["A"];
        assert_eq!((coin.models[0].answers[0].1, coin.closes[&10], coin.drifts.len()), (7.0, 1.25, 1));
    }
}

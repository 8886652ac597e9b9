//! From a score to a decision: the rule, and what may be learned after it.

use serde::{Deserialize, Serialize};

use crate::{
    learn::{
        base::AnomalyDetector,
        compose::{load_parts, save_parts},
        stats::{Quantile, Univariate},
    },
    snapshot::{Snapshot, SnapshotError, decode, encode_into},
};

crate::params! {
    /// Everything from a fixed score on is an anomaly.
    pub struct ThresholdRule {
        required {
            /// The least score of an anomaly.
            limit: f64;
        }
    }
}

crate::params! {
    /// Everything that scores above a quantile of the scores before it is an anomaly, whatever scale scores have.
    pub struct QuantileRule {
        /// The quantile, by the P² estimate: 0.999 lets about one record in a thousand be an anomaly.
        q: f64 = 0.999, in 0.5..1.0;
        /// Scores before which nothing is an anomaly.
        warm_up: u64 = 500, in 5.., unit "scores";
    }
}

crate::variants! {
    /// From which score on a record is an anomaly.
    pub enum AnomalyRule {
        /// A fixed score.
        Threshold(ThresholdRule) = "threshold",
        /// A quantile of the scores so far.
        Quantile(QuantileRule) = "quantile",
    }
}

/// What a [`Guard`] says of a record.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Verdict {
    /// The detector's score.
    pub score: f64,
    /// The score that makes an anomaly at this moment; `None` while nothing would be one.
    pub limit: Option<f64>,
    /// Whether the record is an anomaly.
    pub anomalous: bool,
}

/// A detector with a rule: judges records and keeps the detector from learning anomalies, which would come to look usual to it.
///
/// Like River's `ThresholdFilter` and `QuantileFilter`; the quantile's rule asks for a score *above* it (River: at or above), because where most scores
/// are equal the quantile is that very score.
///
/// ```
/// use tidemill::learn::{anomaly::{AnomalyRule, GaussianScorer, GaussianScorerParams, Guard, ThresholdRule}};
/// let scorer = GaussianScorer::new(GaussianScorerParams { grace_period: 10, ..GaussianScorerParams::default() });
/// let mut guard = Guard::new(Box::new(scorer), AnomalyRule::Threshold(ThresholdRule { limit: 0.9999 }), true);
/// for k in 0..50 {
///     guard.take(&[], f64::from(k % 5));
/// }
/// assert!(guard.take(&[], 1000.0).anomalous);
/// assert!(guard.take(&[], 1000.0).anomalous, "it was not learned, so it is as unusual as before");
/// assert!(!guard.take(&[], 3.0).anomalous);
/// ```
pub struct Guard {
    detector: Box<dyn AnomalyDetector>,
    rule: AnomalyRule,
    protect: bool,
    scores: Scores,
}

/// What the quantile's rule remembers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Scores {
    n: u64,
    quantile: Option<Quantile>,
}

impl Scores {
    fn new(rule: &AnomalyRule) -> Self {
        let quantile = if let AnomalyRule::Quantile(rule) = rule { Some(Quantile::new(rule.q)) } else { None };
        Scores { n: 0, quantile }
    }
}

impl Guard {
    /// A guard with a detector that has seen nothing; with `protect` anomalies are not learned by the detector.
    pub fn new(detector: Box<dyn AnomalyDetector>, rule: AnomalyRule, protect: bool) -> Self {
        let scores = Scores::new(&rule);
        Guard { detector, rule, protect, scores }
    }

    /// A fresh guard with the same detector, rule and protection.
    pub fn clone_fresh(&self) -> Self {
        Guard::new(self.detector.clone_fresh(), self.rule.clone(), self.protect)
    }

    /// What the rule says of the record; nothing is learned.
    pub fn judge(&mut self, x: &[f64], y: f64) -> Verdict {
        let score = self.detector.score_one(x, y);
        match &self.rule {
            AnomalyRule::Threshold(rule) => Verdict { score, limit: Some(rule.limit), anomalous: score >= rule.limit },
            AnomalyRule::Quantile(rule) => {
                let ready = self.scores.n >= rule.warm_up;
                let limit = self.scores.quantile.and_then(|quantile| quantile.get()).filter(|_| ready);
                Verdict { score, limit, anomalous: limit.is_some_and(|limit| score > limit) }
            }
        }
    }

    /// Judges the record, then learns it: the score always, the record unless it is an anomaly and the detector is protected.
    pub fn take(&mut self, x: &[f64], y: f64) -> Verdict {
        let verdict = self.judge(x, y);
        if !(verdict.anomalous && self.protect) {
            self.detector.learn_one(x, y);
        }
        self.scores.n += 1;
        if let Some(quantile) = &mut self.scores.quantile {
            quantile.update(verdict.score);
        }
        verdict
    }

    /// Lets the detector learn a record after all: where what was unusual has turned out to be the new usual.
    pub fn accept(&mut self, x: &[f64], y: f64) {
        if self.protect {
            self.detector.learn_one(x, y);
        }
    }
}

impl Snapshot for Scores {
    fn save(&self, out: &mut Vec<u8>) -> Result<(), SnapshotError> {
        encode_into(self, out)
    }

    fn load(&mut self, bytes: &[u8]) -> Result<(), SnapshotError> {
        let scores: Scores = decode(bytes)?;
        if scores.quantile.is_some() != self.quantile.is_some() {
            return Err(SnapshotError::Decode("the state is of a guard with another rule".to_owned()));
        }
        *self = scores;
        Ok(())
    }
}

impl Snapshot for Guard {
    fn save(&self, out: &mut Vec<u8>) -> Result<(), SnapshotError> {
        save_parts(&[&self.scores, &*self.detector], out)
    }

    fn load(&mut self, bytes: &[u8]) -> Result<(), SnapshotError> {
        load_parts(&mut [&mut self.scores, &mut *self.detector], bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::learn::anomaly::{StandardAbsoluteDeviation, StandardAbsoluteDeviationParams};

    fn guard(rule: AnomalyRule, protect: bool) -> Guard {
        let params = StandardAbsoluteDeviationParams { grace_period: 20, ..StandardAbsoluteDeviationParams::default() };
        Guard::new(Box::new(StandardAbsoluteDeviation::new(params)), rule, protect)
    }

    fn calm(k: u32) -> f64 {
        f64::from(k * k % 17)
    }

    #[test]
    fn a_protected_detector_keeps_its_opinion_and_an_unprotected_one_gets_used_to_it() {
        let anomalies = |protect| {
            let mut guard = guard(AnomalyRule::Threshold(ThresholdRule { limit: 4.0 }), protect);
            (0..100).for_each(|k| _ = guard.take(&[], calm(k)));
            (0..50).filter(|_| guard.take(&[], 100.0).anomalous).count()
        };
        assert_eq!(anomalies(true), 50);
        assert!((1..20).contains(&anomalies(false)), "{}", anomalies(false));
    }

    #[test]
    fn a_quantile_finds_its_limit_by_itself() {
        let mut guard = guard(AnomalyRule::Quantile(QuantileRule { q: 0.99, warm_up: 100 }), true);
        let even = |k: u32| f64::from(k * 7_919 % 1_009);
        let early = (0..100).filter(|k| guard.take(&[], even(*k)).anomalous).count();
        let late = (100..2_000).filter(|k| guard.take(&[], even(*k)).anomalous).count();
        assert!(early == 0 && late < 60, "{early} {late}");
        let verdict = guard.judge(&[], 5_000.0);
        assert!(verdict.anomalous && verdict.limit.is_some_and(|limit| (1.0..3.0).contains(&limit)), "{verdict:?}");
    }

    #[test]
    fn what_is_accepted_becomes_usual() {
        let mut guard = guard(AnomalyRule::Threshold(ThresholdRule { limit: 4.0 }), true);
        (0..100).for_each(|k| _ = guard.take(&[], calm(k)));
        assert!(guard.judge(&[], 60.0).anomalous);
        (0..10).for_each(|_| guard.accept(&[], 60.0));
        assert!(!guard.judge(&[], 60.0).anomalous);
    }

    #[test]
    fn a_state_goes_on_and_one_of_another_rule_is_refused() {
        let mut straight = guard(AnomalyRule::Quantile(QuantileRule::default()), true);
        (0..700).for_each(|k| _ = straight.take(&[], calm(k)));
        let (mut state, mut again) = (Vec::new(), Vec::new());
        straight.save(&mut state).unwrap();
        let mut restored = straight.clone_fresh();
        restored.load(&state).unwrap();
        assert!((700..900).all(|k| straight.take(&[], calm(k)) == restored.take(&[], calm(k))));
        let mut other = guard(AnomalyRule::Threshold(ThresholdRule { limit: 4.0 }), true);
        assert!(other.load(&state).is_err());
        straight.save(&mut again).unwrap();
        assert_ne!(state, again);
    }
}

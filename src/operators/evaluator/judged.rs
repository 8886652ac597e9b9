//! One model under judgement: its measures since it was new and over the rolling windows.

use serde::{Deserialize, Serialize};

use super::champion::Standing;
use super::rolling::Rolling;
use super::tally::{Measure, Sample, Tally};
use crate::processor::{Answer, Evaluation, EvaluationWindow, NodeId, Question};
use crate::record::Timestamp;

/// The measures of one model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Judged {
    cumulative: Tally,
    rolling: Rolling,
    /// The window of the champion's rule, where it is another one.
    judging: Option<Rolling>,
    /// Whether a question was answered since the last evaluation was put out.
    fresh: bool,
}

impl Judged {
    /// A model nothing is known of, with its rolling window and the one the champion's rule uses, ms.
    pub fn new(window_ms: i64, judging_ms: i64) -> Self {
        let judging = (judging_ms != window_ms).then(|| Rolling::new(judging_ms));
        Judged { cumulative: Tally::default(), rolling: Rolling::new(window_ms), judging, fresh: false }
    }

    /// The lengths of both windows, ms: measures over others do not continue these.
    pub fn windows_ms(&self) -> (i64, i64) {
        (self.rolling.length_ms(), self.judging().length_ms())
    }

    /// Takes an answer.
    pub fn add(&mut self, answer: &Answer) {
        let (due, sample, target) = (answer.question.due_at, Sample::of(answer), answer.question.target);
        let weighed = sample.weigh(target);
        self.cumulative.add(&weighed);
        self.rolling.add(due, sample, &weighed, target);
        if let Some(judging) = &mut self.judging {
            judging.add(due, sample, &weighed, target);
        }
        self.fresh = true;
    }

    /// Lets event time pass.
    pub fn advance(&mut self, now: Timestamp, question: &Question) {
        self.rolling.advance(now, question.target);
        if let Some(judging) = &mut self.judging {
            judging.advance(now, question.target);
        }
    }

    /// How the model stands by `measure` in the champion's window.
    pub fn standing(&self, measure: Measure) -> Standing {
        let (value, n) = self.judging().measure(measure);
        Standing { value, n }
    }

    /// Whether there are answers that no evaluation has told yet; from now on there are none.
    pub fn take_fresh(&mut self) -> bool {
        std::mem::take(&mut self.fresh)
    }

    /// The evaluation over all questions.
    pub fn over_all(&self, subject: &Subject) -> Evaluation {
        self.evaluation(subject, EvaluationWindow::Cumulative, &self.cumulative)
    }

    /// The evaluation over the rolling window.
    pub fn over_window(&self, subject: &Subject) -> Evaluation {
        self.evaluation(subject, EvaluationWindow::Rolling(self.rolling.length_ms()), &self.rolling.tally())
    }

    fn judging(&self) -> &Rolling {
        self.judging.as_ref().unwrap_or(&self.rolling)
    }

    fn evaluation(&self, subject: &Subject, window: EvaluationWindow, tally: &Tally) -> Evaluation {
        let Question { horizon_ms, target, nowcast } = subject.question;
        Evaluation {
            model: subject.model,
            horizon_ms,
            target,
            nowcast,
            window,
            at: subject.now,
            n: tally.n(),
            measures: tally.measures(target),
            naive: tally.naive(target),
            skill: tally.skill(target),
            champion: subject.champion,
            intervals: tally.intervals(),
        }
    }
}

/// Whom an evaluation is about.
#[derive(Debug, Clone, Copy)]
pub(super) struct Subject {
    /// The model.
    pub model: NodeId,
    /// What it is asked.
    pub question: Question,
    /// Whether it leads.
    pub champion: bool,
    /// The evaluator's time: the end of the rolling window.
    pub now: Timestamp,
}

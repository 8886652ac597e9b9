//! Measures over the questions due in the last so many milliseconds, at constant cost a question.

use serde::{Deserialize, Serialize};

use super::tally::{Measure, Sample, Tally, Weighed, measure_of};
use crate::processor::Target;
use crate::record::Timestamp;

/// The questions due in `(now - length, now]`.
///
/// Event time is cut into blocks of the window's length, aligned to multiples of it. The window always consists of the end of the block before and the
/// beginning of the present one. When a block is complete its sums are formed from each question to the block's end, newest first; from then on a question
/// leaves by taking the next of these sums, and the present block's questions are added up as they come (the idea of van Herk 1992 and of Gil and
/// Werman 1993 for running minima). So a question costs two additions, nothing is ever subtracted, and the result depends on the questions inside the
/// window alone: what was before leaves no trace, not even in rounding.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Rolling {
    length_ms: i64,
    /// The end of the present block.
    turns_at: Timestamp,
    /// The questions of the present block.
    present: Vec<(Timestamp, Sample)>,
    /// Their sums.
    prefix: Tally,
    /// For each question of the block before that is still in the window, the newest first: its due time and the sums from it to its block's end.
    suffixes: Vec<(Timestamp, Tally)>,
}

impl Rolling {
    /// An empty window.
    pub fn new(length_ms: i64) -> Self {
        let (present, suffixes) = (Vec::new(), Vec::new());
        Rolling { length_ms: length_ms.max(1), turns_at: Timestamp::MIN, present, prefix: Tally::default(), suffixes }
    }

    /// The window's length, ms.
    pub fn length_ms(&self) -> i64 {
        self.length_ms
    }

    /// Lets time pass up to `now`: what is due at `now - length` or before leaves. Time that runs backwards is ignored.
    pub fn advance(&mut self, now: Timestamp, target: Target) {
        if now >= self.turns_at {
            let begins = Timestamp(now.0.div_euclid(self.length_ms).saturating_mul(self.length_ms));
            self.turn(begins == self.turns_at, target);
            self.turns_at = begins.plus(self.length_ms);
        }
        let oldest = now.minus(self.length_ms);
        while self.suffixes.last().is_some_and(|(due, _)| *due <= oldest) {
            self.suffixes.pop();
        }
    }

    /// Takes a question due at `due`, with the same sample `weighed`; time passes up to it.
    pub fn add(&mut self, due: Timestamp, sample: Sample, weighed: &Weighed, target: Target) {
        self.advance(due, target);
        self.present.push((due, sample));
        self.prefix.add(weighed);
    }

    /// Ends the present block; its questions may still be in the window if the new one is the `next`.
    fn turn(&mut self, next: bool, target: Target) {
        self.suffixes.clear();
        if next {
            let mut sums = Tally::default();
            for (due, sample) in self.present.iter().rev() {
                sums.add(&sample.weigh(target));
                self.suffixes.push((*due, sums));
            }
        }
        self.present.clear();
        self.prefix = Tally::default();
    }

    /// The sums over the window.
    pub fn tally(&self) -> Tally {
        let mut sums = self.suffix();
        sums.merge(&self.prefix);
        sums
    }

    /// One measure over the window and the number of questions in it.
    pub fn measure(&self, measure: Measure) -> (Option<f64>, u64) {
        let suffix = self.suffix();
        (measure_of(measure, &suffix, &self.prefix), suffix.n() + self.prefix.n())
    }

    fn suffix(&self) -> Tally {
        self.suffixes.last().map_or(Tally::default(), |(_, sums)| *sums)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tally::sample;
    use super::*;

    const TARGET: Target = Target::Close;

    /// Questions at irregular times, with gaps of less than, about and more than a window of 100 ms.
    fn questions() -> Vec<(Timestamp, Sample)> {
        let mut time = -350;
        (0..600u32)
            .map(|i| {
                time +=
                    [1, 7, 3, 20, 0, 11][i as usize % 6] + if i % 97 == 0 { 90 } else { 0 } + if i % 211 == 0 { 260 } else { 0 };
                let x = f64::from(i * 37 % 101);
                (Timestamp(time), sample(100.0 + x, 99.0 + f64::from(i % 13), 100.5 + x * 0.9))
            })
            .collect()
    }

    fn add(rolling: &mut Rolling, due: Timestamp, sample: &Sample) {
        rolling.add(due, *sample, &sample.weigh(TARGET), TARGET);
    }

    fn close(a: Option<f64>, b: Option<f64>) -> bool {
        match (a, b) {
            (Some(a), Some(b)) => (a - b).abs() <= 1e-9 * a.abs().max(1.0),
            (a, b) => a == b,
        }
    }

    #[test]
    fn every_moment_equals_a_recomputation_from_scratch() {
        let mut rolling = Rolling::new(100);
        let all = questions();
        for (i, (due, sample)) in all.iter().enumerate() {
            add(&mut rolling, *due, sample);
            let mut fresh = Tally::default();
            all[..=i].iter().filter(|(d, _)| d.0 > due.0 - 100).for_each(|(_, s)| fresh.add(&s.weigh(TARGET)));
            let (got, want) = (rolling.tally(), fresh);
            assert_eq!(got.n(), want.n(), "question {i}");
            let (got, want) = (got.measures(TARGET), want.measures(TARGET));
            assert!(close(got.mae, want.mae) && close(got.rmse, want.rmse) && close(got.smape, want.smape), "question {i}");
            assert!(close(got.r2, want.r2) && got.directional_accuracy == want.directional_accuracy, "question {i}");
            assert_eq!(rolling.measure(Measure::Mae).0, got.mae);
        }
    }

    #[test]
    fn what_left_the_window_leaves_no_trace_in_a_bit() {
        let all = questions();
        let mut long = Rolling::new(100);
        all.iter().for_each(|(due, sample)| add(&mut long, *due, sample));
        let last = all[all.len() - 1].0;
        let mut short = Rolling::new(100);
        all.iter().filter(|(due, _)| due.0 > last.0 - 100).for_each(|(due, sample)| add(&mut short, *due, sample));
        assert!(short.tally().n() > 5);
        assert_eq!(long.tally(), short.tally());
    }

    #[test]
    fn time_empties_the_window_without_questions() {
        let mut rolling = Rolling::new(100);
        for due in [150, 180, 199] {
            add(&mut rolling, Timestamp(due), &sample(2.0, 1.0, 1.5));
        }
        for (now, n) in [(199, 3), (249, 3), (250, 2), (279, 2), (280, 1), (299, 0), (250, 0)] {
            rolling.advance(Timestamp(now), TARGET);
            assert_eq!(rolling.tally().n(), n, "at {now}");
        }
        add(&mut rolling, Timestamp(305), &sample(2.0, 1.0, 1.5));
        rolling.advance(Timestamp(1_000), TARGET);
        assert_eq!((rolling.tally().n(), rolling.measure(Measure::Rmse)), (0, (None, 0)));
    }
}

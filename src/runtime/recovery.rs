//! What is known of a task's failures: which record to suspect, how careful to be, when to give a record up. A pure decision; the client thread acts on it.
//!
//! A failure in a batch of many records says only that one of them is to blame. The task is restored to its committed position and fed one record
//! at a time until it has passed the batch (careful mode); the next failure then names its record. After so many failures on the same record it is skipped:
//! it goes to the dead-letter topic unseen, and every later replay leaves it out too.

use std::collections::BTreeMap;

use crate::record::Offset;
use crate::task::{Skips, SkipsError};

/// A panic caught in a task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Failure {
    /// The stage.
    pub(super) stage: String,
    /// First and last record of the batch it happened in.
    pub(super) records: (Offset, Offset),
    /// The panic's message.
    pub(super) message: String,
}

/// The failures of one partition while this process lives.
#[derive(Debug, Default)]
pub(super) struct Recovery {
    failures: BTreeMap<Offset, u32>,
    careful_until: Option<Offset>,
    skips: Skips,
    total: u64,
}

impl Recovery {
    /// Takes a failure; the answer is the record to be skipped from now on, if it has failed `limit` times.
    ///
    /// # Errors
    /// When too many records are skipped already.
    pub(super) fn failed(&mut self, failure: &Failure, limit: u32) -> Result<Option<Offset>, SkipsError> {
        let (first, last) = failure.records;
        self.total += 1;
        self.careful_until = self.careful_until.max(Some(last.next()));
        if first != last {
            return Ok(None);
        }
        let count = self.failures.entry(first).or_insert(0);
        *count += 1;
        if *count < limit {
            return Ok(None);
        }
        let reason = format!("failed {limit} times in {}: {}", failure.stage, failure.message);
        self.skips.add(first, reason)?;
        Ok(Some(first))
    }

    /// Whether records from `position` on are fed one at a time.
    pub(super) fn careful(&self, position: Offset) -> bool {
        self.careful_until.is_some_and(|until| position < until)
    }

    /// Everything before `position` has committed: failures before it are history.
    pub(super) fn passed(&mut self, position: Offset) {
        if !self.careful(position) {
            self.careful_until = None;
        }
        if self.failures.first_key_value().is_some_and(|(first, _)| *first < position) {
            self.failures = self.failures.split_off(&position);
        }
    }

    /// The committed skips and those decided here.
    ///
    /// # Errors
    /// When they are too many.
    pub(super) fn skips(&self, committed: &Skips) -> Result<Skips, SkipsError> {
        let mut all = committed.clone();
        for offset in self.skips.offsets() {
            all.add(offset, self.skips.reason(offset).unwrap_or_default().to_owned())?;
        }
        Ok(all)
    }

    /// Number of failures so far.
    pub(super) fn total(&self) -> u64 {
        self.total
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(first: i64, last: i64) -> Failure {
        Failure { stage: "knn".into(), records: (Offset(first), Offset(last)), message: "boom".into() }
    }

    #[test]
    fn a_failing_batch_is_repeated_record_by_record_until_it_is_passed() {
        let mut recovery = Recovery::default();
        assert!(!recovery.careful(Offset(0)));
        assert_eq!(recovery.failed(&failure(10, 19), 1), Ok(None));
        assert!(recovery.careful(Offset(5)) && recovery.careful(Offset(19)) && !recovery.careful(Offset(20)));
        recovery.passed(Offset(15));
        assert!(recovery.careful(Offset(19)));
        recovery.passed(Offset(20));
        assert!(!recovery.careful(Offset(0)));
    }

    #[test]
    fn a_record_is_skipped_at_the_limit_with_its_reason() {
        let mut recovery = Recovery::default();
        assert_eq!(recovery.failed(&failure(7, 7), 2), Ok(None));
        assert_eq!(recovery.failed(&failure(8, 8), 2), Ok(None));
        assert_eq!(recovery.failed(&failure(7, 7), 2), Ok(Some(Offset(7))));
        let mut committed = Skips::default();
        committed.add(Offset(3), "before".into()).unwrap();
        let skips = recovery.skips(&committed).unwrap();
        assert_eq!(skips.reason(Offset(7)), Some("failed 2 times in knn: boom"));
        assert_eq!((skips.len(), recovery.total()), (2, 3));
    }

    #[test]
    fn a_success_forgets_earlier_failures() {
        let mut recovery = Recovery::default();
        recovery.failed(&failure(7, 7), 2).unwrap();
        recovery.passed(Offset(8));
        assert_eq!(recovery.failed(&failure(7, 7), 2), Ok(None));
    }
}

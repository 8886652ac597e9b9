//! Questions that wait for their labels: a bounded queue in order of their due times. It knows no model.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::learn::conformal::Bounds;
use crate::record::Timestamp;

/// A question with what is needed to learn from its answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Pending {
    /// When it was asked.
    pub asked_at: Timestamp,
    /// When its truth is known.
    pub due_at: Timestamp,
    /// Its number among the questions of this moment.
    pub ordinal: u32,
    /// Labels the model had learned when it answered.
    pub version: u64,
    /// The newest close known when it was asked.
    pub last: f64,
    /// The model's answer in the unit of the target.
    pub value: f64,
    /// The answer as a price, if it has one.
    pub price: Option<f64>,
    /// The bounds that were given with it, in the unit of the target.
    pub bounds: Option<Bounds>,
    /// How many models had been replaced when it was asked.
    pub generation: u32,
    /// Whether it was forwarded: not during the warm-up.
    pub published: bool,
    /// The features the model was given.
    pub features: Box<[f64]>,
}

/// At most `limit` questions, the one due first in front.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Queue {
    questions: VecDeque<Pending>,
    limit: usize,
    /// The features of the last question that left: the next one's memory.
    spare: Option<Box<[f64]>>,
}

impl Queue {
    /// An empty queue for at most `limit` questions, at least 1.
    pub fn new(limit: usize) -> Self {
        Queue { questions: VecDeque::new(), limit: limit.max(1), spare: None }
    }

    /// Adds a question; gives the oldest one back when there was no room.
    pub fn push(&mut self, question: Pending) -> Option<Pending> {
        let dropped = if self.questions.len() >= self.limit { self.questions.pop_front() } else { None };
        // Bars come in order of time, so this is the end; windows that close out of order must not hide a question behind a later one.
        let place = match self.questions.back() {
            Some(back) if back.due_at > question.due_at => self.questions.partition_point(|q| q.due_at <= question.due_at),
            _ => self.questions.len(),
        };
        self.questions.insert(place, question);
        dropped
    }

    /// Takes the first question that is due at `now` or was due before.
    pub fn pop_due(&mut self, now: Timestamp) -> Option<Pending> {
        if self.questions.front()?.due_at > now {
            return None;
        }
        self.questions.pop_front()
    }

    /// A copy of `features` in memory that an earlier question gave back.
    pub fn keep(&mut self, features: &[f64]) -> Box<[f64]> {
        match self.spare.take() {
            Some(mut memory) if memory.len() == features.len() => {
                memory.copy_from_slice(features);
                memory
            }
            _ => features.into(),
        }
    }

    /// Gives back the memory of a question that is done with.
    pub fn recycle(&mut self, question: Pending) {
        self.spare = Some(question.features);
    }

    /// The questions in order.
    pub fn questions(&self) -> &VecDeque<Pending> {
        &self.questions
    }

    /// Replaces the questions, keeping the limit: those due first go when there are too many (the limit may have been lowered).
    pub fn replace(&mut self, mut questions: VecDeque<Pending>) {
        questions.drain(..questions.len().saturating_sub(self.limit));
        self.questions = questions;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn due(at: i64) -> Pending {
        Pending {
            asked_at: Timestamp(0),
            due_at: Timestamp(at),
            ordinal: 0,
            version: 0,
            last: 1.0,
            value: 1.0,
            price: None,
            bounds: None,
            generation: 0,
            published: true,
            features: Box::new([at as f64]),
        }
    }

    #[test]
    fn questions_leave_in_order_of_their_due_times() {
        let mut queue = Queue::new(8);
        for at in [10, 30, 20, 30, 5] {
            assert_eq!(queue.push(due(at)), None);
        }
        let left: Vec<i64> = std::iter::from_fn(|| queue.pop_due(Timestamp(29))).map(|q| q.due_at.0).collect();
        assert_eq!(left, [5, 10, 20]);
        assert_eq!(queue.questions().len(), 2);
    }

    #[test]
    fn the_oldest_question_makes_room() {
        let mut queue = Queue::new(2);
        assert_eq!((queue.push(due(1)), queue.push(due(2))), (None, None));
        assert_eq!(queue.push(due(3)).map(|q| q.due_at), Some(Timestamp(1)));
        queue.replace([due(7), due(8), due(9)].into());
        assert_eq!(queue.pop_due(Timestamp(9)).map(|q| q.due_at), Some(Timestamp(8)));
    }

    #[test]
    fn memory_is_used_again_only_where_it_fits() {
        let mut queue = Queue::new(2);
        queue.recycle(due(1));
        assert_eq!(*queue.keep(&[4.0]), [4.0]);
        queue.recycle(due(1));
        assert_eq!(*queue.keep(&[4.0, 5.0]), [4.0, 5.0]);
    }
}

//! Puts together what several upstream actors send for the same element of a task's sequence, and hands the elements out in order.

use std::collections::VecDeque;

/// Waits until every lane has delivered its part of an element; elements come out in order, whatever the order of arrival.
///
/// A lane delivers its parts in order, and at most as many elements are under way as the task has credits, so that the queue stays that short.
#[derive(Debug)]
pub(super) struct Gather<T> {
    lanes: usize,
    next: u64,
    rows: VecDeque<Row<T>>,
}

#[derive(Debug)]
struct Row<T> {
    parts: Vec<Option<T>>,
    missing: usize,
}

impl<T> Gather<T> {
    /// A gathering of `lanes` upstream actors that waits for element 0.
    pub(super) fn new(lanes: usize) -> Self {
        Gather { lanes, next: 0, rows: VecDeque::new() }
    }

    /// Takes the part of one lane.
    ///
    /// # Panics
    /// When the part was delivered before or the lane does not exist: the wiring would be wrong.
    pub(super) fn put(&mut self, seq: u64, lane: usize, part: T) {
        let place = usize::try_from(seq.checked_sub(self.next).expect("an element is delivered once")).expect("fits memory");
        while self.rows.len() <= place {
            let parts = (0..self.lanes).map(|_| None).collect();
            self.rows.push_back(Row { parts, missing: self.lanes });
        }
        let row = &mut self.rows[place];
        assert!(row.parts[lane].replace(part).is_none(), "a lane delivers an element once");
        row.missing -= 1;
    }

    /// The next element, once it is complete: its parts in the order of the lanes.
    pub(super) fn pop(&mut self) -> Option<(u64, Vec<T>)> {
        if self.rows.front()?.missing > 0 {
            return None;
        }
        let row = self.rows.pop_front()?;
        let seq = self.next;
        self.next += 1;
        Some((seq, row.parts.into_iter().flatten().collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_come_out_whole_and_in_order() {
        let mut gather = Gather::new(2);
        gather.put(1, 0, "b0");
        gather.put(0, 1, "a1");
        gather.put(1, 1, "b1");
        assert_eq!(gather.pop(), None);
        gather.put(0, 0, "a0");
        assert_eq!(gather.pop(), Some((0, vec!["a0", "a1"])));
        assert_eq!(gather.pop(), Some((1, vec!["b0", "b1"])));
        assert_eq!(gather.pop(), None);
    }

    #[test]
    #[should_panic(expected = "once")]
    fn a_second_delivery_is_refused() {
        let mut gather = Gather::new(1);
        gather.put(0, 0, ());
        gather.pop();
        gather.put(0, 0, ());
    }
}

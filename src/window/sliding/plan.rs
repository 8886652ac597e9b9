//! Which sliding windows a record updates, makes and is too late for.
//!
//! Kafka Streams makes windows as records come, out of the windows that are there (`KStreamSlidingWindowAggregate` of 4.3). Where every record
//! is taken by all its windows this makes the windows of the definition; where records were late for some of them it shows how it was done: a
//! record may be missing in a window that was made after it. Final results can only equal Kafka Streams' if its steps are taken one by one.

use super::Sliding;
use crate::window::Part;

/// A window to be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct New {
    pub(super) start: i64,
    /// The window whose content it begins with, if any.
    pub(super) source: Option<i64>,
    /// Whether the new record joins that content.
    pub(super) joins: bool,
}

/// What one record does to the windows. Windows are named by their starts.
#[derive(Debug, Default)]
pub(super) struct Plan {
    /// The windows that take it, in Kafka Streams' order of updates.
    pub(super) update: Vec<i64>,
    /// The windows in whose range it lies and that do not take it.
    pub(super) without: Vec<i64>,
    /// The windows it makes.
    pub(super) make: Vec<New>,
    /// How many updates were refused.
    pub(super) refused: u64,
    /// The first window that refused.
    pub(super) first_refused: Option<i64>,
}

impl Plan {
    /// The number of windows that will hold the record.
    pub(super) fn entered(&self) -> u64 {
        (self.update.len() + self.make.iter().filter(|new| new.joins).count()) as u64
    }

    fn refuse(&mut self, start: i64) {
        self.refused += 1;
        self.first_refused = Some(self.first_refused.map_or(start, |first| first.min(start)));
    }
}

impl<P: Part> Sliding<P> {
    /// The plan for a new record at `time`.
    pub(super) fn plan(&self, time: i64, close_time: i64) -> Plan {
        // Kafka Streams has no windows that start before 1970: records of the first `size` after it share the window that starts there.
        if (0..self.size).contains(&time) { self.plan_early(time, close_time) } else { self.plan_usual(time, close_time) }
    }

    /// The plan for a record that replaces the one at `index`: it touches only the windows that hold that.
    pub(super) fn plan_revision(&self, index: usize, time: i64, close_time: i64) -> Plan {
        let number = self.parts.get(index).map(|p| p.number);
        let mut plan = Plan::default();
        for (&start, exceptions) in self.windows.range(time - self.size..=time).rev() {
            if number.is_some_and(|number| !exceptions.missing.contains(&number)) {
                self.update(&mut plan, start, close_time);
            }
        }
        plan
    }

    fn plan_usual(&self, time: i64, close_time: i64) -> Plan {
        let mut plan = Plan::default();
        let left = time - self.size;
        for (&start, _) in self.windows.range(left..=time).rev() {
            self.update(&mut plan, start, close_time);
        }
        let last_in_left = self.last_time(left);
        if last_in_left.is_some_and(|last| last >= time) {
            // Another record of this moment has made what there is to make.
            return plan;
        }
        let oldest = if time >= 0 { (left - self.size).max(0) } else { left - self.size };
        let before = self.windows.range(oldest..left).next_back().map(|(&start, _)| start);
        let previous = before.map_or(last_in_left, |before| self.last_time(before));
        if let Some(previous) = previous {
            self.make_right_of_previous(&mut plan, previous, time, close_time);
        }
        if last_in_left.is_none() {
            let source = before.filter(|_| previous.is_some_and(|previous| previous >= left));
            self.make(&mut plan, New { start: left, source, joins: true }, close_time);
        }
        let source = self.windows.range(left + 1..=time).next_back().map(|(&start, _)| start);
        self.make_right(&mut plan, source, time);
        plan
    }

    fn plan_early(&self, time: i64, close_time: i64) -> Plan {
        let mut plan =
            Plan { without: self.windows.range(time - self.size..0).map(|(&start, _)| start).collect(), ..Plan::default() };
        for (&start, _) in self.windows.range(1..time + 1) {
            self.update(&mut plan, start, close_time);
        }
        let last_in_shared = self.last_time(0);
        let later_in_shared = last_in_shared.filter(|&last| last > time).map(|_| 0);
        let source = self.windows.range(1..time + 1).next_back().map(|(&start, _)| start).or(later_in_shared);
        self.make_right(&mut plan, source, time);
        if let Some(previous) = last_in_shared.filter(|&last| last < time) {
            self.make_right_of_previous(&mut plan, previous, time, close_time);
        }
        match last_in_shared {
            Some(_) => self.update(&mut plan, 0, close_time),
            None => self.make(&mut plan, New { start: 0, source: None, joins: true }, close_time),
        }
        plan
    }

    fn update(&self, plan: &mut Plan, start: i64, close_time: i64) {
        if start + self.size >= close_time {
            plan.update.push(start);
        } else {
            plan.without.push(start);
            plan.refuse(start);
        }
    }

    fn make(&self, plan: &mut Plan, new: New, close_time: i64) {
        if new.start + self.size < close_time {
            plan.refuse(new.start);
        } else if !plan.make.iter().any(|other| other.start == new.start) {
            plan.make.push(new);
        }
    }

    /// The record before this one gets its right window, now that something lies in it.
    fn make_right_of_previous(&self, plan: &mut Plan, previous: i64, time: i64, close_time: i64) {
        let start = previous + 1;
        if start + self.size >= time && !self.windows.contains_key(&start) {
            self.make(plan, New { start, source: None, joins: true }, close_time);
        }
    }

    /// The record gets its own right window if something lies in it already: the later records of the window `source` that it lies in too.
    fn make_right(&self, plan: &mut Plan, source: Option<i64>, time: i64) {
        let later = source.filter(|&source| self.last_time(source).is_some_and(|last| last > time));
        if later.is_some() && !self.windows.contains_key(&(time + 1)) {
            plan.make.push(New { start: time + 1, source: later, joins: false });
        }
    }
}

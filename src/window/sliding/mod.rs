//! Kafka Streams' sliding windows.
//!
//! Every record at time `t` has a *left* window `[t - size, t]` and, once a later record lies within reach, a *right* window
//! `[t + 1, t + 1 + size]`; together these are all the different sets of records that lie within `size` of each other. Which windows a record
//! updates and makes stands in [`plan`]; here is the store behind it: records are kept once, and a window is a range of them plus its
//! exceptions, of which there are none unless records were late for some of their windows.
//!
//! It knows nothing of grace; the engine hands it the close time, which is stream time minus grace.

mod plan;

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::ops::Range;

use serde::{Deserialize, Serialize};

use self::plan::{New, Plan};
use super::part::{Parts, Place};
use super::{Aggregate, ClosedWindow, Fate, Observed, Part, Relation, Span, WindowBounds};
use crate::record::Timestamp;

/// A part and its number in order of arrival, which names it in exceptions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(bound = "P: Part")]
struct Numbered<P> {
    number: u64,
    part: P,
}

impl<P: Part> Part for Numbered<P> {
    fn start(&self) -> Timestamp {
        self.part.start()
    }
    fn end(&self) -> Timestamp {
        self.part.end()
    }
    fn order(&self, other: &Self) -> Ordering {
        self.part.order(&other.part)
    }
    fn relation(&self, newer: &Self) -> Relation {
        self.part.relation(&newer.part)
    }
}

/// How the content of a window differs from the records of its range.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(bound = "P: Part")]
struct Exceptions<P> {
    /// Numbers of the records in the range that it does not hold.
    missing: Vec<u64>,
    /// Records outside the range that it holds, in event-time order.
    extra: Vec<Numbered<P>>,
}

impl<P> Exceptions<P> {
    fn none() -> Self {
        Exceptions { missing: Vec::new(), extra: Vec::new() }
    }

    fn is_none(&self) -> bool {
        self.missing.is_empty() && self.extra.is_empty()
    }
}

/// Sliding windows by start, and the records in reach of any that may still be made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(bound = "P: Part")]
pub(super) struct Sliding<P> {
    size: i64,
    parts: Parts<Numbered<P>>,
    windows: BTreeMap<i64, Exceptions<P>>,
    /// Records taken so far.
    taken: u64,
}

impl<P: Part> Sliding<P> {
    pub(super) fn new(size: i64) -> Self {
        Sliding { size, parts: Parts::new(), windows: BTreeMap::new(), taken: 0 }
    }

    /// Takes a part into its windows that are open at `close_time`, and closes what ends after `closed` and not after `close_time`.
    pub(super) fn insert<A>(&mut self, part: P, closed: i64, close_time: i64, out: &mut Vec<ClosedWindow<A::Output>>) -> Observed
    where
        A: Aggregate<Part = P>,
    {
        let time = part.start().0;
        if time + self.size < close_time {
            return Observed::late(time, time + self.size);
        }
        let part = Numbered { number: self.taken, part };
        let place = self.parts.place(&part);
        let plan = match place {
            Place::Known => Plan::default(),
            Place::Before(_) => self.plan(time, close_time),
            Place::Instead(index) => self.plan_revision(index, time, close_time),
        };
        // Kafka Streams lets windows go one update at a time: what has closed by this record goes as it was before it, unless it is the first
        // to be updated; if it is updated later (a window may be, at the very moment it closes), it goes once more.
        self.close_except::<A>(plan.update.first().copied(), closed, close_time, out);
        let observed = self.observed(&plan, place);
        for start in self.apply(plan, place, part) {
            if start + self.size <= close_time {
                out.extend(self.result::<A>(start));
            }
        }
        observed
    }

    fn observed(&self, plan: &Plan, place: Place) -> Observed {
        let entered = plan.entered();
        let fate = if entered == 0 && place != Place::Known { Fate::Late } else { Fate::of(place) };
        let first_refused = plan.first_refused.map(|start| WindowBounds::new(start, start + self.size));
        Observed { fate, entered, refused: plan.refused, first_refused }
    }

    /// Carries the plan out; answers the windows that were updated or made.
    fn apply(&mut self, plan: Plan, place: Place, part: Numbered<P>) -> Vec<i64> {
        let mut touched = plan.update.clone();
        for new in &plan.make {
            let exceptions = self.exceptions_of(new);
            self.windows.insert(new.start, exceptions);
            touched.push(new.start);
        }
        if plan.entered() > 0 {
            self.take(&plan, place, part);
        }
        touched
    }

    fn take(&mut self, plan: &Plan, place: Place, mut part: Numbered<P>) {
        if let Place::Instead(index) = place {
            part.number = self.parts.get(index).map_or(part.number, |revised| revised.number);
        } else {
            for start in &plan.without {
                self.windows.entry(*start).or_insert_with(Exceptions::none).missing.push(part.number);
            }
            self.taken += 1;
        }
        self.parts.put(place, part);
    }

    /// How a new window's content, that of its source, differs from its range. The new record, not stored yet, is in both or in neither.
    fn exceptions_of(&self, new: &New) -> Exceptions<P> {
        let range = self.range_of(new.start);
        let plain = |source: i64| self.windows.get(&source).is_some_and(Exceptions::is_none);
        let same = new.source.map_or(range.is_empty(), |source| plain(source) && self.range_of(source) == range);
        if same {
            return Exceptions::none();
        }
        let content = new.source.map(|source| self.content(source)).unwrap_or_default();
        let held = |part: &&Numbered<P>| content.iter().any(|p| p.number == part.number);
        let inside = new.start..=new.start + self.size;
        Exceptions {
            missing: self.parts.iter(range).filter(|p| !held(p)).map(|p| p.number).collect(),
            extra: content.iter().filter(|p| !inside.contains(&p.start().0)).map(|&p| p.clone()).collect(),
        }
    }

    /// Closes every window that ends after `closed` and not after `close_time`, and forgets what no window can be made of any more.
    pub(super) fn close<A>(&mut self, closed: i64, close_time: i64, out: &mut Vec<ClosedWindow<A::Output>>)
    where
        A: Aggregate<Part = P>,
    {
        self.close_except::<A>(None, closed, close_time, out);
        // A record is taken while its right window could be open, and looks for windows two sizes back.
        let reach = close_time - 3 * self.size;
        while self.windows.first_key_value().is_some_and(|(&start, _)| start < reach) {
            self.windows.pop_first();
        }
        self.parts.forget_before(reach);
    }

    fn close_except<A>(&self, except: Option<i64>, closed: i64, close_time: i64, out: &mut Vec<ClosedWindow<A::Output>>)
    where
        A: Aggregate<Part = P>,
    {
        if close_time > closed {
            let starts = self.windows.range(closed - self.size + 1..=close_time - self.size).map(|(&start, _)| start);
            out.extend(starts.filter(|&start| Some(start) != except).filter_map(|start| self.result::<A>(start)));
        }
    }

    fn result<A: Aggregate<Part = P>>(&self, start: i64) -> Option<ClosedWindow<A::Output>> {
        let bounds = WindowBounds::new(start, start + self.size);
        let value = if self.windows.get(&start)?.is_none() {
            A::fold(Span::Covered, &[], self.parts.iter(self.range_of(start)).map(|p| &p.part))
        } else {
            A::fold(Span::Covered, &[], self.content(start).into_iter().map(|p| &p.part))
        };
        Some(ClosedWindow { start: bounds.start, end: bounds.end, value: value? })
    }

    fn range_of(&self, start: i64) -> Range<usize> {
        self.parts.range(start, start + self.size + 1)
    }

    /// The records in the window, in event-time order.
    fn content(&self, start: i64) -> Vec<&Numbered<P>> {
        let Some(exceptions) = self.windows.get(&start) else { return Vec::new() };
        let held = |p: &&Numbered<P>| !exceptions.missing.contains(&p.number);
        let mut content: Vec<_> = exceptions.extra.iter().chain(self.parts.iter(self.range_of(start)).filter(held)).collect();
        if !exceptions.extra.is_empty() {
            content.sort_by(|a, b| a.order(b));
        }
        content
    }

    /// The latest time in the window, if there is such a window.
    fn last_time(&self, start: i64) -> Option<i64> {
        let exceptions = self.windows.get(&start)?;
        let held = |p: &&Numbered<P>| !exceptions.missing.contains(&p.number);
        let inside = self.parts.iter(self.range_of(start)).rev().find(held);
        inside.into_iter().chain(exceptions.extra.last()).map(|p| p.start().0).max()
    }

    pub(super) fn parts_held(&self) -> usize {
        self.parts.len()
    }
}

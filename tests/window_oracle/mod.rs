//! Windows as simply as they can be said, to hold the engine against: every part is kept, nothing is forgotten, everything is searched.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use tidemill::record::Timestamp;
use tidemill::window::{Aggregate, Part, Relation, Span, WindowKind, WindowSpec};

/// A part that says nothing but which one it is.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Named {
    /// When it began.
    pub start: i64,
    /// When it was complete.
    pub end: i64,
    /// Which one it is.
    pub name: u32,
}

impl Part for Named {
    fn start(&self) -> Timestamp {
        Timestamp(self.start)
    }
    fn end(&self) -> Timestamp {
        Timestamp(self.end)
    }
    fn order(&self, other: &Self) -> Ordering {
        self.start.cmp(&other.start)
    }
    fn relation(&self, _newer: &Self) -> Relation {
        Relation::Distinct
    }
}

/// The names of the parts in a window: what it holds, and nothing else.
#[derive(Debug, Clone, PartialEq)]
pub struct Names;

impl Aggregate for Names {
    type Part = Named;
    type Output = Vec<u32>;
    fn fold<'a>(_span: Span, earlier: &'a [Vec<u32>], parts: impl Iterator<Item = &'a Named>) -> Option<Vec<u32>> {
        let mut names: Vec<u32> = earlier.iter().flatten().copied().chain(parts.map(|p| p.name)).collect();
        names.sort_unstable();
        Some(names)
    }
}

/// A closed window: start, end, names in it.
pub type Row = (i64, i64, Vec<u32>);

/// The windows of a grid, filled or not, that parts can lie in.
pub fn clock_windows(size: i64, advance: i64, parts: &[Named]) -> BTreeSet<(i64, i64)> {
    let around =
        |p: &Named| (p.start.div_euclid(advance) - size / advance - 1..=p.start.div_euclid(advance)).map(move |k| k * advance);
    parts.iter().flat_map(around).map(|start| (start, start + size)).collect()
}

/// Whether a moment lies in a window of a grid. Windows that start before 1970 take nothing after it.
pub fn on_clock((start, end): (i64, i64), time: i64) -> bool {
    (start..end).contains(&time) && (start >= 0 || time < 0)
}

/// The row of a window that holds `parts`.
pub fn row<'a>(start: i64, end: i64, parts: impl Iterator<Item = &'a Named>) -> Row {
    let mut names: Vec<u32> = parts.map(|p| p.name).collect();
    names.sort_unstable();
    (start, end, names)
}

/// What windows do, as simply as it can be said: every part ever taken is kept and searched, nothing is forgotten.
pub struct Oracle {
    spec: WindowSpec,
    time: i64,
    closed: i64,
    taken: Vec<Named>,
    /// Sessions by start: end and names. Never forgotten.
    sessions: BTreeMap<i64, (i64, Vec<u32>)>,
    windows: u64,
    /// Contents of sliding windows by start. Never forgotten.
    slides: BTreeMap<i64, Vec<Named>>,
    /// Sliding windows that were updated and have not gone since, as they stood then.
    waiting: BTreeMap<i64, Vec<Named>>,
}

impl Oracle {
    /// Nothing seen yet.
    pub fn new(spec: WindowSpec) -> Self {
        Oracle {
            spec,
            time: i64::MIN / 4,
            closed: i64::MIN / 2,
            taken: Vec::new(),
            sessions: BTreeMap::new(),
            windows: 0,
            slides: BTreeMap::new(),
            waiting: BTreeMap::new(),
        }
    }

    /// Closed windows and refused updates.
    pub fn observe(&mut self, part: Named) -> (Vec<Row>, u64) {
        self.time = self.time.max(part.start);
        let at_start = self.time;
        self.time = self.time.max(part.end);
        match self.spec.kind() {
            WindowKind::Tumbling { size_ms } => self.on_clock(part, at_start, size_ms, size_ms),
            WindowKind::Hopping { size_ms, advance_ms } => self.on_clock(part, at_start, size_ms, advance_ms),
            WindowKind::Session { gap_ms } => self.in_session(part, at_start, gap_ms),
            WindowKind::Count { size, step } => self.counted(part, size as usize, u64::from(step)),
            WindowKind::Sliding { size_ms } => self.sliding(part, at_start, size_ms),
        }
    }

    fn on_clock(&mut self, part: Named, at_start: i64, size: i64, advance: i64) -> (Vec<Row>, u64) {
        let refused = clock_windows(size, advance, &[part])
            .into_iter()
            .filter(|bounds| on_clock(*bounds, part.start) && bounds.1 <= at_start - self.spec.grace_ms());
        let refused = refused.count() as u64;
        self.taken.push(part);
        let (before, now) = (self.closed, self.time - self.spec.grace_ms());
        self.closed = now;
        let ends_now = |bounds: &(i64, i64)| (before + 1..=now).contains(&bounds.1);
        let ending = clock_windows(size, advance, &self.taken).into_iter().filter(ends_now);
        let held = |bounds: (i64, i64)| row(bounds.0, bounds.1, self.taken.iter().filter(|p| on_clock(bounds, p.start)));
        (ending.map(held).filter(|row| !row.2.is_empty()).collect(), refused)
    }

    fn in_session(&mut self, part: Named, at_start: i64, gap: i64) -> (Vec<Row>, u64) {
        let wait = self.spec.grace_ms() + gap;
        let near = |(start, (end, _)): &(&i64, &(i64, Vec<u32>))| **start <= part.end + gap && *end >= part.start - gap;
        let joined: Vec<i64> = self.sessions.iter().filter(near).map(|(start, _)| *start).collect();
        let end = joined.iter().map(|start| self.sessions[start].0).chain([part.end]).max().expect("not empty");
        let late = end < at_start - wait;
        let mut touched = None;
        if !late {
            let names =
                joined.iter().flat_map(|start| self.sessions.remove(start).expect("just seen").1).chain([part.name]).collect();
            let start = joined.iter().copied().chain([part.start]).min().expect("not empty");
            self.sessions.insert(start, (end, names));
            touched = Some(start);
        }
        let (before, now) = (self.closed, self.time - wait);
        self.closed = now;
        let goes = |(start, (end, _)): &(&i64, &(i64, Vec<u32>))| *end <= now && (*end > before || touched == Some(**start));
        let closing = self.sessions.iter().filter(goes).map(|(start, (end, names))| {
            let mut names = names.clone();
            names.sort_unstable();
            (*start, *end, names)
        });
        (closing.collect(), u64::from(late))
    }

    fn counted(&mut self, part: Named, size: usize, step: u64) -> (Vec<Row>, u64) {
        let settled = |taken: &[Named], closed: i64| taken.iter().take_while(|p| p.end <= closed).count();
        let done = settled(&self.taken, self.closed);
        let late = self.taken[..done].last().is_some_and(|last| part.start < last.start);
        if !late {
            self.taken.push(part);
            self.taken.sort_by_key(|p| p.start);
        }
        self.closed = self.time - self.spec.grace_ms();
        let done = settled(&self.taken, self.closed);
        let mut closing = Vec::new();
        while (self.windows * step) as usize + size <= done {
            let held = &self.taken[(self.windows * step) as usize..][..size];
            closing.push(row(held[0].start, held[size - 1].end, held.iter()));
            self.windows += 1;
        }
        (closing, u64::from(late))
    }

    /// Kafka Streams' way: contents are copied from window to window, every update goes into a buffer, and the buffer lets go what is due.
    fn sliding(&mut self, part: Named, at_start: i64, size: i64) -> (Vec<Row>, u64) {
        let (due, mut gone) = (at_start - self.spec.grace_ms(), Vec::new());
        let (updates, refused) = if part.start + size < due { (Vec::new(), 1) } else { self.slide_updates(part, due, size) };
        for (start, content) in updates {
            self.slides.insert(start, content.clone());
            self.waiting.insert(start, content);
            self.let_go(due, size, &mut gone);
        }
        self.let_go(self.time - self.spec.grace_ms(), size, &mut gone);
        gone.sort_by_key(|row| (row.0, row.1));
        (gone, refused)
    }

    fn let_go(&mut self, due: i64, size: i64, gone: &mut Vec<Row>) {
        while let Some(first) = self.waiting.first_entry().filter(|first| *first.key() + size <= due) {
            gone.push(row(*first.key(), *first.key() + size, first.get().iter()));
            first.remove();
        }
    }

    /// The windows that change, in order, with their new contents; and the number that would have but had closed.
    fn slide_updates(&self, part: Named, due: i64, size: i64) -> (Vec<(i64, Vec<Named>)>, u64) {
        let (time, early) = (part.start, (0..size).contains(&part.start));
        let last = |content: &Vec<Named>| content.iter().map(|p| p.start).max().expect("no window is empty");
        let with = |content: &[Named]| [content, &[part]].concat();
        let holding = self.slides.range(if early { 1 } else { time - size }..time + 1);
        let mut wanted: Vec<(i64, Vec<Named>)> = holding.clone().map(|(start, content)| (*start, with(content))).collect();
        let left = self.slides.get(&if early { 0 } else { time - size });
        if !early {
            wanted.reverse();
            if left.is_some_and(|left| last(left) >= time) {
                return open_ones(wanted, due, size);
            }
        }
        let behind = (!early).then(|| self.slides.range(..time - size).next_back()).flatten();
        let behind = behind.filter(|(start, _)| **start >= if time < 0 { time - 2 * size } else { (time - 2 * size).max(0) });
        let before = behind.map(|(_, content)| last(content)).or(left.map(last)).filter(|before| *before < time);
        if let Some(before) = before.filter(|before| before + 1 + size >= time && !self.slides.contains_key(&(before + 1))) {
            wanted.push((before + 1, vec![part]));
        }
        if early {
            wanted.push((0, with(left.map_or(&[], |left| left))));
        } else if left.is_none() {
            let reaches = before.is_some_and(|before| before >= time - size);
            // A window can be made as the right one of one record and as the left one of another; it is still one window.
            let twice = wanted.last().filter(|(start, _)| *start == time - size && *start + size >= due).is_some();
            wanted.truncate(wanted.len() - usize::from(twice));
            wanted.push((time - size, with(behind.filter(|_| reaches).map_or(&[], |(_, content)| content))));
        }
        let around = holding.clone().rfind(|(start, _)| **start > time - size || early).map(|(_, content)| content);
        let around =
            around.or(left.filter(|_| early)).filter(|around| last(around) > time && !self.slides.contains_key(&(time + 1)));
        let (mut updates, refused) = open_ones(wanted, due, size);
        updates.extend(around.map(|around| (time + 1, around.clone())));
        (updates, refused)
    }
}

fn open_ones(wanted: Vec<(i64, Vec<Named>)>, due: i64, size: i64) -> (Vec<(i64, Vec<Named>)>, u64) {
    let (open, closed): (Vec<_>, Vec<_>) = wanted.into_iter().partition(|(start, _)| start + size >= due);
    (open, closed.len() as u64)
}

//! Search trees of feature values: every value seen is a possible split.

use serde::{Deserialize, Serialize};

use super::super::criterion::{Candidate, Criterion, Split};
use crate::learn::stats::Var;

/// No point.
const NONE: u32 = u32::MAX;

/// An extended binary search tree (E-BST): each point keeps the targets of the records that were at most as large when they came to it.
///
/// Points stand in one list and point to each other by position. The tree is not balanced: values that come in order make it a list.
///
/// Reference: E. Ikonomovska, J. Gama, S. Džeroski, "Learning model trees from evolving data streams", Data Mining and Knowledge Discovery 23, 2011.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Ebst {
    points: Vec<Point>,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Point {
    value: f64,
    targets: Var,
    left: u32,
    right: u32,
}

/// Memory for walks, kept between them.
#[derive(Debug, Clone, Default)]
pub struct Work {
    steps: Vec<(Step, u32)>,
    frames: Vec<Frame>,
}

#[derive(Debug, Clone, Copy)]
enum Step {
    Descend,
    Judge,
    Add,
    Subtract,
}

/// A point whose children are being looked at for pruning.
#[derive(Debug, Clone, Copy)]
struct Frame {
    point: u32,
    parent: u32,
    is_left: bool,
    phase: Phase,
    added: bool,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Phase {
    Left,
    Right,
    Judge,
}

/// What a failed attempt to split learned: points much worse than the best are cut.
#[derive(Debug, Clone, Copy)]
pub struct Pruning {
    /// The second-best merit over the best.
    pub ratio: f64,
    /// The best merit.
    pub best: f64,
    /// The Hoeffding bound.
    pub bound: f64,
}

impl Ebst {
    /// How many points there are.
    pub fn len(&self) -> usize {
        self.points.len()
    }

    /// Takes a record. Without `room` no new point is made, but the record counts on its side of those there are. Tells whether a point was made.
    pub fn update(&mut self, value: f64, y: f64, w: f64, room: bool) -> bool {
        let (mut at, mut last, mut went_right) = (if self.points.is_empty() { NONE } else { 0 }, NONE, false);
        while at != NONE {
            let point = &mut self.points[at as usize];
            last = at;
            went_right = value > point.value;
            if went_right {
                at = point.right;
                continue;
            }
            point.targets.update(y, w);
            if value == point.value {
                return false;
            }
            at = point.left;
        }
        if !room || self.points.len() >= NONE as usize {
            return false;
        }
        let new = self.points.len() as u32;
        let mut targets = Var::default();
        targets.update(y, w);
        self.points.push(Point { value, targets, left: NONE, right: NONE });
        if let Some(parent) = self.points.get_mut(last as usize).filter(|_| last != NONE) {
            *(if went_right { &mut parent.right } else { &mut parent.left }) = new;
        }
        true
    }

    /// The best of all points, the smallest of equals.
    pub fn best(&self, feature: u32, criterion: &Criterion<'_>, work: &mut Work) -> Candidate {
        let mut best = Candidate::NONE;
        // What went right of the points above.
        let mut passed = Var::default();
        let steps = &mut work.steps;
        steps.clear();
        if !self.points.is_empty() {
            steps.push((Step::Descend, 0));
        }
        while let Some((step, at)) = steps.pop() {
            let point = &self.points[at as usize];
            match step {
                Step::Descend => {
                    if point.right != NONE {
                        steps.extend([(Step::Subtract, at), (Step::Descend, point.right), (Step::Add, at)]);
                    }
                    steps.push((Step::Judge, at));
                    if point.left != NONE {
                        steps.push((Step::Descend, point.left));
                    }
                }
                Step::Add => passed.merge(&point.targets, criterion.arithmetic),
                Step::Subtract => passed.unmerge(&point.targets, criterion.arithmetic),
                Step::Judge => {
                    let (left, right, merit) = point.judge(&passed, criterion);
                    if merit > best.merit {
                        best = Candidate { merit, split: Some(Split { feature, threshold: point.value, left, right }) };
                    }
                }
            }
        }
        best
    }

    /// Cuts points whose children are all bad and which are bad themselves, from below.
    pub fn prune(&mut self, criterion: &Criterion<'_>, pruning: Pruning, work: &mut Work) {
        let frames = &mut work.frames;
        frames.clear();
        let mut passed = Var::default();
        let (mut bad, mut cut) = (false, false);
        if !self.points.is_empty() {
            frames.push(Frame { point: 0, parent: NONE, is_left: true, phase: Phase::Left, added: false });
        }
        while let Some(frame) = frames.last_mut() {
            let (at, point) = (frame.point, self.points[frame.point as usize]);
            let down = |point, is_left| Frame { point, parent: at, is_left, phase: Phase::Left, added: false };
            match frame.phase {
                Phase::Left => {
                    frame.phase = Phase::Right;
                    bad = true;
                    if point.left != NONE {
                        frames.push(down(point.left, true));
                    }
                    continue;
                }
                Phase::Right if !bad => {
                    frames.pop();
                    continue;
                }
                Phase::Right => {
                    frame.phase = Phase::Judge;
                    bad = true;
                    if point.right != NONE {
                        frame.added = true;
                        passed.merge(&point.targets, criterion.arithmetic);
                        frames.push(down(point.right, false));
                    }
                    continue;
                }
                Phase::Judge => {}
            }
            let frame = *frame;
            frames.pop();
            if frame.added {
                passed.unmerge(&point.targets, criterion.arithmetic);
            }
            if bad {
                let (.., merit) = point.judge(&passed, criterion);
                bad = merit / pruning.best < pruning.ratio - 2.0 * pruning.bound;
                if bad {
                    self.cut(frame);
                    cut = true;
                }
            }
        }
        if cut {
            self.compact(&mut work.steps);
        }
    }

    fn cut(&mut self, frame: Frame) {
        match self.points.get_mut(frame.parent as usize) {
            Some(parent) if frame.is_left => parent.left = NONE,
            Some(parent) => parent.right = NONE,
            None => self.points.clear(),
        }
    }

    /// Gives the memory of cut points back.
    fn compact(&mut self, waiting: &mut Vec<(Step, u32)>) {
        let old = std::mem::take(&mut self.points);
        waiting.clear();
        if old.is_empty() {
            return;
        }
        // A point waits as its old position; its parent already points to where it will be.
        waiting.push((Step::Descend, 0));
        self.points.push(old[0]);
        let mut next = 0;
        while next < self.points.len() {
            let point = self.points[next];
            for (child, is_left) in [(point.left, true), (point.right, false)] {
                if child != NONE {
                    let new = self.points.len() as u32;
                    self.points.push(old[child as usize]);
                    let parent = &mut self.points[next];
                    *(if is_left { &mut parent.left } else { &mut parent.right }) = new;
                }
            }
            next += 1;
        }
    }
}

impl Point {
    /// Both sides of a split here, and its merit.
    fn judge(&self, passed: &Var, criterion: &Criterion<'_>) -> (Var, Var, f64) {
        let mut left = self.targets;
        left.merge(passed, criterion.arithmetic);
        let right = criterion.rest(&left);
        let merit = if left.is_finite() && right.is_finite() { criterion.merit(&left, &right) } else { 0.0 };
        (left, right, merit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::learn::arithmetic::Arithmetic;

    fn observed(points: impl IntoIterator<Item = (f64, f64)>) -> (Ebst, Var) {
        let (mut ebst, mut whole) = (Ebst::default(), Var::default());
        for (x, y) in points {
            ebst.update(x, y, 1.0, true);
            whole.update(y, 1.0);
        }
        (ebst, whole)
    }

    fn noisy() -> impl Iterator<Item = (f64, f64)> {
        (0..300_u32).map(|k| {
            let x = f64::from(k * 7919 % 101);
            (x, if x <= 40.0 { 1.0 } else { 9.0 } + f64::from(k % 7) / 10.0)
        })
    }

    #[test]
    fn the_best_split_is_that_of_trying_all() {
        let (ebst, whole) = observed(noisy());
        let criterion = Criterion::new(&whole, 5.0, Arithmetic::Native);
        let best = ebst.best(3, &criterion, &mut Work::default());
        let mut tried = (f64::NEG_INFINITY, 0.0);
        for threshold in 0..101 {
            let mut sides = [Var::default(), Var::default()];
            noisy().for_each(|(x, y)| sides[usize::from(x > f64::from(threshold))].update(y, 1.0));
            let merit = criterion.merit(&sides[0], &sides[1]);
            if merit > tried.0 + 1e-9 {
                tried = (merit, f64::from(threshold));
            }
        }
        let split = best.split.unwrap();
        assert_eq!((split.feature, split.threshold), (3, tried.1));
        assert!((best.merit - tried.0).abs() < 1e-9 && split.left.n() + split.right.n() == 300.0);
    }

    #[test]
    fn pruning_keeps_the_best_and_gives_memory_back() {
        let (mut ebst, whole) = observed(noisy());
        let (criterion, mut work) = (Criterion::new(&whole, 5.0, Arithmetic::Native), Work::default());
        let (before, points) = (ebst.best(0, &criterion, &mut work), ebst.len());
        ebst.prune(&criterion, Pruning { ratio: 0.9, best: before.merit, bound: 0.01 }, &mut work);
        let after = ebst.best(0, &criterion, &mut work);
        assert!(ebst.len() < points, "{} of {points}", ebst.len());
        assert_eq!(after.split.unwrap().threshold, before.split.unwrap().threshold);
        ebst.prune(&criterion, Pruning { ratio: 1e9, best: before.merit, bound: 0.0 }, &mut work);
        assert_eq!(ebst.len(), 0);
    }

    #[test]
    fn without_room_records_still_count_on_their_side() {
        let (mut ebst, mut whole) = observed((0..20).map(|k| (f64::from(k % 2), f64::from(k % 2))));
        for k in 0..20 {
            let (x, y) = (f64::from(k) / 20.0, 5.0);
            assert!(!ebst.update(x, y, 1.0, false));
            whole.update(y, 1.0);
        }
        let criterion = Criterion::new(&whole, 5.0, Arithmetic::Native);
        let split = ebst.best(0, &criterion, &mut Work::default()).split.unwrap();
        assert_eq!((ebst.len(), split.left.n() + split.right.n()), (2, 40.0));
    }
}

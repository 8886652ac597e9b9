//! The tree whose nodes watch their own errors and grow a successor where these rise.

use serde::{Deserialize, Serialize};

use super::{
    grower::{Branch, Node, Tree},
    growth::{Growth, Seedling},
    leaf::Leaf,
};
use crate::{
    learn::{
        base::{DriftDetector, finite},
        compose::Kept,
        random::Random,
        stats::Var,
    },
    snapshot::SnapshotError,
};

/// When subtrees change, as read from the parameters of a model.
#[derive(Debug, Clone, PartialEq)]
pub struct Replacement {
    /// exp(-1): what products of random numbers fall below; nothing without bootstrap.
    pub bootstrap_limit: Option<f64>,
    /// How a subtree and its alternate are compared.
    pub contest: Contest,
}

/// How a subtree and its alternate are compared.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Contest {
    /// A two-sided z-test of their mean errors.
    ZTest {
        /// Both must have seen more errors than this.
        threshold: f64,
        /// How likely a difference may be chance.
        significance: f64,
    },
    /// The logarithm of the ratio of their faded squared errors.
    Losses {
        /// What is kept of the sums from one record to the next.
        fading: f64,
        /// They are compared every so many records.
        period: u64,
        /// After so many comparisons an alternate that falls behind is given up.
        patience: u64,
    },
}

/// All that is needed besides the state.
pub struct Nursery<'a> {
    /// How trees grow.
    pub seedling: Seedling<'a>,
    /// When subtrees change.
    pub replacement: &'a Replacement,
    /// The detector of new nodes.
    pub detector: &'a (dyn DriftDetector + 'static),
}

/// What a node knows of its errors.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Guard {
    detector: Kept<dyn DriftDetector>,
    errors: Var,
    alternate: Option<u32>,
    race: Race,
}

/// What a contest of losses keeps of a subtree.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
struct Race {
    /// The faded sum of squared errors.
    loss: f64,
    /// Records of an alternate.
    age: u64,
    /// The mean of the logarithms of ratios so far, and their number.
    lead: (f64, u64),
}

/// What happened to subtrees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Events {
    /// Alternates that were started.
    pub alternates: u64,
    /// Alternates that took their subtree's place.
    pub switches: u64,
    /// Alternates that were given up.
    pub prunings: u64,
}

/// A tree with a guard at each node.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct GuardedTree {
    tree: Tree,
    guards: Vec<Option<Guard>>,
    random: Option<Random>,
    events: Events,
}

/// Where a node hangs.
#[derive(Debug, Clone, Copy)]
enum Place {
    Root,
    Child(u32, usize),
    Alternate(u32),
}

/// A record on its way down.
#[derive(Clone, Copy)]
struct Record<'a> {
    x: &'a [f64],
    y: f64,
    w: f64,
    /// What errors are multiplied by before they are watched.
    scale: f64,
}

impl GuardedTree {
    /// A tree of one leaf; `seed` is for the bootstrap.
    pub fn new(nursery: &Nursery<'_>, seed: u64) -> Self {
        let mut tree = GuardedTree {
            tree: Tree::new(&nursery.seedling),
            guards: Vec::new(),
            random: nursery.replacement.bootstrap_limit.map(|_| Random::new(seed)),
            events: Events::default(),
        };
        tree.guard(0, nursery);
        tree
    }

    /// The tree within.
    pub fn tree(&self) -> &Tree {
        &self.tree
    }

    /// What happened to subtrees.
    pub fn events(&self) -> Events {
        self.events
    }

    /// Gives the node at `at` a new guard.
    fn guard(&mut self, at: u32, nursery: &Nursery<'_>) {
        let at = at as usize;
        if self.guards.len() <= at {
            self.guards.resize_with(at + 1, || None);
        }
        let detector = Kept::Live(nursery.detector.clone_fresh());
        self.guards[at] = Some(Guard { detector, errors: Var::default(), alternate: None, race: Race::default() });
    }

    fn alternate(&self, at: u32) -> Option<u32> {
        self.guards[at as usize].as_ref().and_then(|guard| guard.alternate)
    }

    fn set_alternate(&mut self, at: u32, alternate: Option<u32>) {
        if let Some(guard) = &mut self.guards[at as usize] {
            guard.alternate = alternate;
        }
    }

    fn errors(&self, at: u32) -> Var {
        self.guards[at as usize].as_ref().map(|guard| guard.errors).unwrap_or_default()
    }

    /// The prediction: that of the leaf; by River's way the mean of it and of every alternate on the way.
    pub fn predict(&mut self, x: &[f64], growth: &Growth) -> f64 {
        if !growth.river_compat {
            return self.tree.predict(x, growth);
        }
        let (mut at, mut sum, mut count) = (self.tree.root(), 0.0, 1.0);
        if self.tree.leaf(at).is_some() {
            return self.tree.predict(x, growth);
        }
        // River's walk names a node twice that was reached for want of a feature.
        let mut astray = false;
        while let Some(branch) = self.tree.branch(at).copied() {
            if let Some(alternate) = self.alternate(at) {
                let leaf = self.tree.arrive(alternate, x).leaf;
                for _ in 0..=u32::from(astray) {
                    sum += self.tree.predict_at(leaf, x, growth);
                    count += 1.0;
                }
            }
            let (side, lost) = self.tree.side(&branch, x);
            (at, astray) = (branch.children[side], lost);
        }
        (sum + self.tree.predict_at(at, x, growth)) / count
    }

    /// Learns a record; its errors are watched multiplied by `scale`.
    pub fn learn(&mut self, x: &[f64], y: f64, w: f64, scale: f64, nursery: &Nursery<'_>) {
        self.learn_below(self.tree.root(), Place::Root, Record { x, y, w, scale }, None, nursery);
    }

    /// Lets a node and what is below it learn; `error` is that of the leaf below, where it is known. Gives the branch that takes the place of the
    /// subtree whose alternate this node is, where River makes one.
    fn learn_below(
        &mut self,
        at: u32,
        place: Place,
        record: Record<'_>,
        error: Option<f64>,
        nursery: &Nursery<'_>,
    ) -> Option<u32> {
        let error = error.unwrap_or_else(|| {
            let leaf = self.tree.arrive(at, record.x).leaf;
            let prediction = self.tree.predict_at(leaf, record.x, nursery.seedling.growth);
            ((record.y - prediction).abs() * record.scale).min(f64::MAX)
        });
        match self.tree.branch(at).copied() {
            None => self.learn_leaf(at, place, record, error, nursery),
            Some(branch) => {
                self.learn_branch(at, place, branch, record, error, nursery);
                None
            }
        }
    }

    /// Shows an error to the guard of a node and tells whether errors have risen.
    fn note_error(&mut self, at: u32, error: f64, contest: Contest) -> bool {
        let Some(guard) = &mut self.guards[at as usize] else { return false };
        if let Contest::Losses { fading, .. } = contest {
            guard.race.loss = finite(fading * guard.race.loss + error * error);
            guard.race.age += 1;
        }
        let before = guard.errors.mean();
        let risen = guard.detector.alarms(error);
        guard.errors.update(error, 1.0);
        if risen && guard.errors.mean() < before {
            guard.errors = Var::default();
            return false;
        }
        risen
    }

    fn learn_leaf(&mut self, at: u32, place: Place, record: Record<'_>, error: f64, nursery: &Nursery<'_>) -> Option<u32> {
        let growth = nursery.seedling.growth;
        let mut w = record.w;
        if let (Some(random), Some(limit)) = (&mut self.random, nursery.replacement.bootstrap_limit) {
            // As in River, a record that is drawn zero times is learned once all the same.
            w *= f64::from(random.poisson_above(limit).max(1));
        }
        self.note_error(at, error, nursery.replacement.contest);
        self.tree.learn_at(at, record.x, record.y, w, growth, None);
        let leaf = self.tree.leaf_mut(at)?;
        let weight = leaf.weight();
        if weight - leaf.last_attempt < growth.grace_period || !leaf.is_active() {
            return None;
        }
        if leaf.depth >= growth.max_depth {
            self.tree.deactivate(at);
            return None;
        }
        leaf.last_attempt = weight;
        let branch = self.tree.attempt(at, growth)?;
        self.split(at, place, branch, nursery)
    }

    /// Puts a branch where a leaf was. River puts it where the *main* subtree is if the leaf was an alternate.
    fn split(&mut self, at: u32, place: Place, branch: Branch, nursery: &Nursery<'_>) -> Option<u32> {
        branch.children.into_iter().for_each(|child| self.guard(child, nursery));
        let mut promoted = None;
        if !matches!(place, Place::Alternate(_)) {
            self.tree.replace(at, Node::Branch(branch));
            self.guard(at, nursery);
        } else if nursery.seedling.growth.river_compat {
            // The leaf stays until the record is done, and goes with the subtree that is replaced.
            let new = self.tree.add(Node::Branch(branch));
            self.guard(new, nursery);
            promoted = Some(new);
        } else {
            // What is known of the alternate's errors decides whether it takes over, so it is kept.
            let (errors, race) = (self.errors(at), self.race(at));
            self.tree.replace(at, Node::Branch(branch));
            self.guard(at, nursery);
            if let Some(guard) = &mut self.guards[at as usize] {
                (guard.errors, guard.race) = (errors, race);
            }
        }
        self.tree.after_split(nursery.seedling.growth);
        promoted
    }

    fn learn_branch(&mut self, at: u32, place: Place, branch: Branch, record: Record<'_>, error: f64, nursery: &Nursery<'_>) {
        let growth = nursery.seedling.growth;
        let mut replaced = false;
        let risen = self.note_error(at, error, nursery.replacement.contest);
        match self.alternate(at) {
            // An alternate has no alternate of its own: it is judged already.
            None if risen && (growth.river_compat || !matches!(place, Place::Alternate(_))) => {
                self.start_alternate(at, branch.depth, nursery);
            }
            None => {}
            Some(alternate) => match self.compare(at, alternate, nursery.replacement.contest) {
                Comparison::Open => {}
                Comparison::Worse => {
                    self.remove(alternate);
                    self.set_alternate(at, None);
                    self.events.prunings += 1;
                    if !growth.river_compat {
                        self.tree.after_split(growth);
                    }
                }
                Comparison::Better => {
                    self.events.switches += 1;
                    self.drop_alternates_below(at);
                    self.set_alternate(at, None);
                    self.put(place, alternate);
                    if !growth.river_compat {
                        self.remove(at);
                        self.tree.after_split(growth);
                        self.learn_below(alternate, place, record, None, nursery);
                        return;
                    }
                    // By River's way an alternate learns the record with which it takes over at the root alone.
                    if matches!(place, Place::Root) {
                        self.learn_below(alternate, place, record, None, nursery);
                    }
                    replaced = true;
                }
            },
        }
        if let Some(alternate) = self.alternate(at)
            && let Some(new) = self.learn_below(alternate, Place::Alternate(at), record, None, nursery)
        {
            self.put(place, new);
            replaced = true;
        }
        // By River's way a subtree that was replaced still learns this record, and draws random numbers for it.
        let (side, _) = self.tree.side(&branch, record.x);
        self.learn_below(branch.children[side], Place::Child(at, side), record, Some(error), nursery);
        if replaced {
            self.remove(at);
        }
    }

    /// The first leaf of an alternate has room even in a full tree: else a tree that is full could never change again.
    fn start_alternate(&mut self, at: u32, depth: u32, nursery: &Nursery<'_>) {
        let mut leaf = Leaf::first(&nursery.seedling);
        leaf.depth = depth;
        let alternate = self.tree.add(Node::Leaf(Box::new(leaf)));
        self.guard(alternate, nursery);
        self.events.alternates += 1;
        if let Some(guard) = &mut self.guards[at as usize] {
            guard.errors = Var::default();
            guard.race = Race::default();
            guard.alternate = Some(alternate);
        }
    }

    fn race(&self, at: u32) -> Race {
        self.guards[at as usize].as_ref().map(|guard| guard.race).unwrap_or_default()
    }

    /// Whether the alternate of a subtree has won or lost.
    fn compare(&mut self, at: u32, alternate: u32, contest: Contest) -> Comparison {
        match contest {
            Contest::ZTest { threshold, significance } => self.compare_means(at, alternate, threshold, significance),
            Contest::Losses { period, patience, .. } => self.compare_losses(at, alternate, period, patience),
        }
    }

    fn compare_losses(&mut self, at: u32, alternate: u32, period: u64, patience: u64) -> Comparison {
        let (old, mut new) = (self.race(at), self.race(alternate));
        if new.age == 0 || !new.age.is_multiple_of(period) {
            return Comparison::Open;
        }
        let lead = libm::log(old.loss.max(f64::MIN_POSITIVE) / new.loss.max(f64::MIN_POSITIVE));
        if lead > 0.0 {
            return Comparison::Better;
        }
        let (before, count) = new.lead;
        new.lead = ((before * count as f64 + lead) / (count + 1) as f64, count + 1);
        if let Some(guard) = &mut self.guards[alternate as usize] {
            guard.race.lead = new.lead;
        }
        if count >= patience && new.lead.0 < before { Comparison::Worse } else { Comparison::Open }
    }

    fn compare_means(&self, at: u32, alternate: u32, threshold: f64, significance: f64) -> Comparison {
        let (old, new) = (self.errors(at), self.errors(alternate));
        if new.n() <= threshold || old.n() <= threshold {
            return Comparison::Open;
        }
        let z = (new.mean() - old.mean()) / (new.get(1.0) / new.n() + old.get(1.0) / old.n()).sqrt();
        let p = 2.0 * (0.5 * (1.0 + libm::erf(-z.abs() / std::f64::consts::SQRT_2)));
        if p > significance || p.is_nan() {
            Comparison::Open
        } else if new.mean() < old.mean() {
            Comparison::Better
        } else {
            Comparison::Worse
        }
    }

    /// Puts another node into a place.
    fn put(&mut self, place: Place, node: u32) {
        match place {
            Place::Root => self.tree.set_root(node),
            Place::Child(parent, side) => {
                if let Some(branch) = self.tree.branch_mut(parent) {
                    branch.children[side] = node;
                }
            }
            Place::Alternate(of) => self.set_alternate(of, Some(node)),
        }
    }

    /// Gives the alternates of all subtrees below a branch up.
    fn drop_alternates_below(&mut self, at: u32) {
        let Some(branch) = self.tree.branch(at).copied() else { return };
        for child in branch.children {
            if let Some(alternate) = self.alternate(child) {
                self.remove(alternate);
                self.set_alternate(child, None);
                self.events.prunings += 1;
            }
            self.drop_alternates_below(child);
        }
    }

    /// Takes a node out, with all below it and all alternates.
    fn remove(&mut self, at: u32) {
        if let Some(alternate) = self.guards[at as usize].take().and_then(|guard| guard.alternate) {
            self.remove(alternate);
        }
        if let Some(branch) = self.tree.take(at) {
            branch.children.into_iter().for_each(|child| self.remove(child));
        }
    }

    /// Brings the models and detectors back that were read with the tree.
    ///
    /// # Errors
    /// When the nodes do not fit together, or a model or detector cannot be read.
    pub fn revive(&mut self, nursery: &Nursery<'_>) -> Result<(), SnapshotError> {
        self.tree.revive(&nursery.seedling)?;
        for guard in self.guards.iter_mut().flatten() {
            guard.detector.revive(nursery.detector)?;
            if guard.alternate.is_some_and(|alternate| !self.tree.ends_below(alternate)) {
                return Err(SnapshotError::Decode("an alternate of a tree is missing".to_owned()));
            }
        }
        Ok(())
    }
}

/// How an alternate compares with the subtree that it may replace.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Comparison {
    Open,
    Better,
    Worse,
}

//! The tree itself: nodes in one list, routing, and attempts to split.

use serde::{Deserialize, Serialize};

use super::{
    criterion::Candidate,
    growth::{Growth, Seedling},
    leaf::{Leaf, Supply},
    splitter::{Pruning, Work},
};
use crate::{learn::random::Random, snapshot::SnapshotError};

/// A node; children are positions in the list of nodes.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Node {
    /// Nothing; the place may be used again.
    Free,
    /// Asks a feature.
    Branch(Branch),
    /// Learns and predicts.
    ///
    /// Kept apart, so that nodes are small and the way down stays in the processor's cache.
    Leaf(Box<Leaf>),
}

/// A node that asks a feature: what is at most the threshold goes left, the rest right, and a record without the feature to the heavier side.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Branch {
    /// The feature asked.
    pub feature: u32,
    /// How many branches lead here.
    pub depth: u32,
    /// The threshold, in units of the feature.
    pub threshold: f64,
    /// The nodes on the left and on the right.
    pub children: [u32; 2],
}

/// The shape of a tree, for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Shape {
    /// Branches and leaves.
    pub nodes: usize,
    /// Leaves.
    pub leaves: usize,
    /// Leaves that still watch for a split.
    pub active_leaves: usize,
    /// Nodes on the longest way down.
    pub height: usize,
}

/// A tree that grows.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Tree {
    nodes: Vec<Node>,
    free: Vec<u32>,
    root: u32,
    points: u64,
    /// Leaves that were deactivated although they were not too deep.
    asleep: u32,
    /// Whether any leaf was deactivated, ever.
    some_inactive: bool,
    growing: bool,
    /// What the seeds of splitters are drawn from, in trees whose splitters draw.
    pub seeds: Option<Random>,
    #[serde(skip)]
    scratch: Scratch,
}

#[derive(Debug, Clone, Default)]
struct Scratch {
    work: Work,
    candidates: Vec<Candidate>,
    sample: Vec<usize>,
}

/// Where a record came down.
#[derive(Debug, Clone, Copy)]
pub struct Arrival {
    /// The leaf.
    pub leaf: u32,
    /// Whether a feature that was asked on the way was absent.
    pub astray: bool,
}

impl Tree {
    /// A tree of one leaf.
    pub fn new(seedling: &Seedling<'_>) -> Self {
        Tree {
            nodes: vec![Node::Leaf(Box::new(Leaf::first(seedling)))],
            free: Vec::new(),
            root: 0,
            points: 0,
            asleep: 0,
            some_inactive: false,
            growing: true,
            seeds: None,
            scratch: Scratch::default(),
        }
    }

    /// The node that every record comes to first.
    pub fn root(&self) -> u32 {
        self.root
    }

    /// Lets every record come to another node first.
    pub fn set_root(&mut self, root: u32) {
        self.root = root;
    }

    /// The branch at a position, if there is one.
    #[inline]
    pub fn branch(&self, at: u32) -> Option<&Branch> {
        match &self.nodes[at as usize] {
            Node::Branch(branch) => Some(branch),
            _ => None,
        }
    }

    /// The branch at a position, to be changed.
    pub fn branch_mut(&mut self, at: u32) -> Option<&mut Branch> {
        match &mut self.nodes[at as usize] {
            Node::Branch(branch) => Some(branch),
            _ => None,
        }
    }

    /// The leaf at a position, if there is one.
    #[inline]
    pub fn leaf(&self, at: u32) -> Option<&Leaf> {
        match &self.nodes[at as usize] {
            Node::Leaf(leaf) => Some(leaf),
            _ => None,
        }
    }

    /// The leaf at a position, to be changed.
    #[inline]
    pub fn leaf_mut(&mut self, at: u32) -> Option<&mut Leaf> {
        match &mut self.nodes[at as usize] {
            Node::Leaf(leaf) => Some(leaf),
            _ => None,
        }
    }

    /// How many nodes there are.
    #[allow(clippy::len_without_is_empty, reason = "a tree has at least a leaf")]
    pub fn len(&self) -> usize {
        self.nodes.len() - self.free.len()
    }

    /// Whether there is no node: before the first record.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Puts a node into the list and tells where.
    pub fn add(&mut self, node: Node) -> u32 {
        if let Some(at) = self.free.pop() {
            self.nodes[at as usize] = node;
            return at;
        }
        self.nodes.push(node);
        (self.nodes.len() - 1) as u32
    }

    /// Puts another node where one is.
    pub fn replace(&mut self, at: u32, node: Node) {
        self.nodes[at as usize] = node;
    }

    /// Takes one node out of the list; a branch is handed back, so that what is below it can follow.
    pub fn take(&mut self, at: u32) -> Option<Branch> {
        let node = std::mem::replace(&mut self.nodes[at as usize], Node::Free);
        match node {
            Node::Free => return None,
            Node::Leaf(ref leaf) => self.points -= leaf.points().min(self.points),
            Node::Branch(_) => {}
        }
        self.free.push(at);
        if let Node::Branch(branch) = node { Some(branch) } else { None }
    }

    /// Which child of a branch a record goes to, and whether it does so for want of the feature.
    #[inline]
    pub fn side(&self, branch: &Branch, x: &[f64]) -> (usize, bool) {
        let value = x[branch.feature as usize];
        if value.is_finite() {
            return (usize::from(value > branch.threshold), false);
        }
        let [left, right] = branch.children.map(|child| self.weight(child));
        (usize::from(left < right), true)
    }

    /// The weight of the records at the leaves below a node.
    fn weight(&self, at: u32) -> f64 {
        match &self.nodes[at as usize] {
            Node::Branch(branch) => self.weight(branch.children[0]) + self.weight(branch.children[1]),
            Node::Leaf(leaf) => leaf.weight(),
            Node::Free => 0.0,
        }
    }

    /// The leaf that a record reaches from a node.
    #[inline]
    pub fn arrive(&self, from: u32, x: &[f64]) -> Arrival {
        let mut arrival = Arrival { leaf: from, astray: false };
        while let Node::Branch(branch) = &self.nodes[arrival.leaf as usize] {
            let (side, astray) = self.side(branch, x);
            arrival.leaf = branch.children[side];
            arrival.astray |= astray;
        }
        arrival
    }

    /// The prediction of a leaf.
    #[inline]
    pub fn predict_at(&mut self, leaf: u32, x: &[f64], growth: &Growth) -> f64 {
        self.leaf_mut(leaf).map_or(0.0, |leaf| leaf.predict(x, growth))
    }

    /// The prediction for a record.
    #[inline]
    pub fn predict(&mut self, x: &[f64], growth: &Growth) -> f64 {
        let at = self.arrive(self.root, x).leaf;
        match self.leaf_mut(at) {
            // Where nothing was learned yet, whatever the fresh model says, River's tree says nothing.
            Some(leaf) if leaf.depth > 0 || leaf.weight() != 0.0 => leaf.predict(x, growth),
            _ => 0.0,
        }
    }

    /// Lets a leaf learn a record.
    pub fn learn_at(&mut self, leaf: u32, x: &[f64], y: f64, w: f64, growth: &Growth, features: Option<&mut Random>) {
        let mut room = growth.max_points.saturating_sub(self.points);
        let before = room;
        if let Node::Leaf(leaf) = &mut self.nodes[leaf as usize] {
            let sample = &mut self.scratch.sample;
            let mut supply = Supply { room: &mut room, features, seeds: self.seeds.as_mut(), sample };
            leaf.learn(x, y, w, growth, &mut supply);
        }
        self.points += before - room;
    }

    /// Learns a record and grows where it is time to.
    pub fn learn(&mut self, x: &[f64], y: f64, w: f64, growth: &Growth, features: Option<&mut Random>) {
        let Arrival { leaf: at, astray } = self.arrive(self.root, x);
        self.learn_at(at, x, y, w, growth, features);
        // As in River, a record that lacks a feature on its way gives no cause to split.
        if astray || !self.growing {
            return;
        }
        let Some(leaf) = self.leaf_mut(at).filter(|leaf| leaf.is_active()) else { return };
        if leaf.depth >= growth.max_depth {
            self.deactivate(at);
            return;
        }
        let weight = leaf.weight();
        if weight - leaf.last_attempt >= growth.grace_period {
            leaf.last_attempt = weight;
            if let Some(branch) = self.attempt(at, growth) {
                self.nodes[at as usize] = Node::Branch(branch);
                self.after_split(growth);
            }
        }
    }

    /// Stops a leaf from watching.
    pub fn deactivate(&mut self, at: u32) {
        if let Node::Leaf(leaf) = &mut self.nodes[at as usize] {
            self.points -= leaf.deactivate().min(self.points);
            self.some_inactive = true;
        }
    }

    /// Tries to split a leaf. If it should be split, its children are made, and the branch for the caller to put into its place.
    pub fn attempt(&mut self, at: u32, growth: &Growth) -> Option<Branch> {
        if self.len() + 2 > growth.max_nodes {
            self.deactivate(at);
            self.asleep += 1;
            return None;
        }
        let (mut candidates, mut work) = (std::mem::take(&mut self.scratch.candidates), std::mem::take(&mut self.scratch.work));
        let Node::Leaf(leaf) = &mut self.nodes[at as usize] else { return None };
        let before = leaf.points();
        leaf.candidates(growth, &mut work, &mut candidates);
        candidates.sort_by(|a, b| a.merit.partial_cmp(&b.merit).unwrap_or(std::cmp::Ordering::Equal));
        let verdict = judge(leaf, &candidates, growth, &mut work);
        let branch = match verdict {
            Verdict::Wait => {
                self.points -= (before - leaf.points().min(before)).min(self.points);
                None
            }
            Verdict::Rest => {
                self.deactivate(at);
                self.asleep += 1;
                self.after_split(growth);
                None
            }
            Verdict::Split(split) => {
                let (depth, children) = (leaf.depth, [leaf.child(split.left), leaf.child(split.right)]);
                self.points -= before.min(self.points);
                let children = children.map(|child| self.add(Node::Leaf(Box::new(child))));
                Some(Branch { feature: split.feature, depth, threshold: split.threshold, children })
            }
        };
        (self.scratch.candidates, self.scratch.work) = (candidates, work);
        branch
    }

    /// River's memory management after a split: leaves that sleep although they are not too deep wake up, or nothing grows any more.
    pub fn after_split(&mut self, growth: &Growth) {
        if growth.stop_mem_management && self.some_inactive {
            self.growing = false;
        } else if self.asleep > 0 {
            self.wake(growth);
        }
    }

    /// Wakes the leaves that sleep although they are not too deep.
    pub fn wake(&mut self, growth: &Growth) {
        self.asleep = 0;
        for node in &mut self.nodes {
            if let Node::Leaf(leaf) = node
                && leaf.depth < growth.max_depth
            {
                leaf.activate();
            }
        }
    }

    /// Its shape.
    pub fn shape(&self) -> Shape {
        let mut shape = Shape::default();
        self.measure(self.root, 1, &mut shape);
        shape
    }

    fn measure(&self, at: u32, level: usize, shape: &mut Shape) {
        shape.nodes += 1;
        shape.height = shape.height.max(level);
        match &self.nodes[at as usize] {
            Node::Branch(branch) => branch.children.iter().for_each(|child| self.measure(*child, level + 1, shape)),
            Node::Leaf(leaf) => {
                shape.leaves += 1;
                shape.active_leaves += usize::from(leaf.is_active());
            }
            Node::Free => {}
        }
    }

    /// Brings the models back that were read with the tree.
    ///
    /// # Errors
    /// When the nodes do not fit together, or a model cannot be read.
    pub fn revive(&mut self, seedling: &Seedling<'_>) -> Result<(), SnapshotError> {
        if !self.ends_below(self.root) {
            return Err(SnapshotError::Decode("the nodes of a tree do not fit together".to_owned()));
        }
        for node in &mut self.nodes {
            if let Node::Leaf(leaf) = node {
                leaf.revive(seedling)?;
            }
        }
        Ok(())
    }
}

impl Tree {
    /// Whether every way down from a node ends at a leaf that exists: false for a state that was tampered with.
    pub fn ends_below(&self, from: u32) -> bool {
        let (mut waiting, mut met) = (vec![from], 0);
        while let Some(at) = waiting.pop() {
            met += 1;
            match self.nodes.get(at as usize) {
                Some(Node::Branch(branch)) if met <= self.nodes.len() => waiting.extend(branch.children),
                Some(Node::Leaf(_)) => {}
                _ => return false,
            }
        }
        true
    }
}

/// What becomes of a leaf that tries to split.
enum Verdict {
    Wait,
    Rest,
    Split(super::criterion::Split),
}

/// Decides with the candidates in rising order of merit. A leaf that has to wait forgets the worst.
fn judge(leaf: &mut Leaf, candidates: &[Candidate], growth: &Growth, work: &mut Work) -> Verdict {
    let split = |best: &Candidate| best.split.map_or(Verdict::Rest, Verdict::Split);
    let (best, second) = match candidates {
        [] => return Verdict::Wait,
        [only] => return split(only),
        [.., second, best] => (best, second),
    };
    let bound = growth.bound(leaf.weight());
    let ratio = second.merit / best.merit;
    if growth.remove_poor_attrs && best.merit != 0.0 {
        for candidate in candidates {
            if let Some(split) = candidate.split
                && candidate.merit / best.merit < ratio - 2.0 * bound
            {
                leaf.drop_feature(split.feature);
            }
        }
    }
    if best.merit > 0.0 && (ratio < 1.0 - bound || bound < growth.tau) {
        return split(best);
    }
    if best.merit > 0.0 && second.merit > 0.0 {
        leaf.prune(growth, Pruning { ratio, best: best.merit, bound }, work);
    }
    Verdict::Wait
}

//! One Mondrian tree with aggregation.

use serde::{Deserialize, Serialize};

use crate::learn::random::Random;

/// A tree that splits boxes of data at random times and places.
///
/// Nodes lie in one list; the ranges of their features, least and largest, in two others, `features` numbers a node.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct MondrianTree {
    nodes: Vec<Node>,
    low: Vec<f64>,
    high: Vec<f64>,
    features: usize,
    random: Random,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Node {
    parent: u32,
    /// Left and right, [`NONE`] in a leaf.
    children: [u32; 2],
    feature: u32,
    threshold: f64,
    /// When the node came to be, in the time of the Mondrian process.
    time: f64,
    records: u64,
    mean: f64,
    /// Minus step times the loss of this node's own prediction.
    weight: f64,
    /// The logarithm of the weight of all prunings below.
    log_weight_tree: f64,
}

/// The root keeps its place: a split of it moves what it was into a new node.
const ROOT: u32 = 0;
/// No node.
const NONE: u32 = u32::MAX;

/// What a tree is told about every record.
#[derive(Debug, Clone, Copy)]
pub struct Rules<'a> {
    /// How strongly losses count in the aggregation.
    pub step: f64,
    /// Whether predictions are aggregated.
    pub aggregate: bool,
    /// The most nodes.
    pub max_nodes: usize,
    /// The features in the order of their names, in which splits are drawn.
    pub by_name: &'a [usize],
}

impl Node {
    fn leaf(parent: u32, time: f64) -> Self {
        let children = [NONE; 2];
        Node { parent, children, feature: 0, threshold: 0.0, time, records: 0, mean: 0.0, weight: 0.0, log_weight_tree: 0.0 }
    }

    fn is_leaf(&self) -> bool {
        self.children[0] == NONE
    }
}

impl MondrianTree {
    /// An empty tree over `features` features.
    pub fn new(features: usize, seed: u64) -> Self {
        let absent = || vec![f64::NAN; features];
        MondrianTree { nodes: vec![Node::leaf(NONE, 0.0)], low: absent(), high: absent(), features, random: Random::new(seed) }
    }

    /// How many nodes the tree has.
    pub fn nodes(&self) -> usize {
        self.nodes.len()
    }

    fn node(&self, at: u32) -> &Node {
        &self.nodes[at as usize]
    }

    /// How far `value` lies outside the range of a feature of a node; 0.0 where one of them is absent.
    fn outside(&self, at: u32, feature: usize, value: f64) -> f64 {
        let k = at as usize * self.features + feature;
        if value < self.low[k] {
            self.low[k] - value
        } else if value > self.high[k] {
            value - self.high[k]
        } else {
            0.0
        }
    }

    /// The child that `x` belongs to.
    fn next(&self, at: u32, x: &[f64]) -> u32 {
        let node = self.node(at);
        let [left, right] = node.children;
        let value = x[node.feature as usize];
        let to_right = if value.is_finite() { value > node.threshold } else { self.node(left).weight < self.node(right).weight };
        if to_right { right } else { left }
    }

    fn leaf_of(&self, x: &[f64]) -> u32 {
        let mut at = ROOT;
        while !self.node(at).is_leaf() {
            at = self.next(at, x);
        }
        at
    }

    /// The mean of the leaf of `x`, or the means on the way to it, weighted by how well they predicted.
    pub fn predict(&self, x: &[f64], aggregate: bool) -> f64 {
        let leaf = self.node(self.leaf_of(x));
        let (mut prediction, mut parent) = (leaf.mean, leaf.parent);
        while aggregate && parent != NONE {
            let node = self.node(parent);
            let half = 0.5 * libm::exp(node.weight - node.log_weight_tree);
            prediction = half * node.mean + (1.0 - half) * prediction;
            parent = node.parent;
        }
        prediction
    }

    /// Learns one record with finite `y`.
    pub fn learn(&mut self, x: &[f64], y: f64, rules: Rules<'_>) {
        if self.nodes.len() == 1 && self.nodes[0].records == 0 {
            self.take(0, x, y, None);
            return;
        }
        let leaf = self.go_down(x, y, rules);
        if rules.aggregate {
            self.go_up(leaf);
        }
    }

    /// Widens the ranges of a node, moves its weight by the loss of its prediction if `step` is given, and its mean.
    fn take(&mut self, at: u32, x: &[f64], y: f64, step: Option<f64>) {
        let from = at as usize * x.len();
        for (k, value) in x.iter().enumerate().filter(|(_, v)| v.is_finite()) {
            // A range that is not there yet is NaN, which gives way to any number.
            self.low[from + k] = self.low[from + k].min(*value);
            self.high[from + k] = self.high[from + k].max(*value);
        }
        let node = &mut self.nodes[at as usize];
        node.records += 1;
        if let Some(step) = step {
            let off = node.mean - y;
            let weight = node.weight - step * (off * off / 2.0);
            node.weight = weight.max(-f64::MAX / 4.0);
        }
        let mean = node.mean + 1.0 / node.records as f64 * (y - node.mean);
        if mean.is_finite() {
            node.mean = mean;
        }
    }

    fn go_down(&mut self, x: &[f64], y: f64, rules: Rules<'_>) -> u32 {
        let step = rules.aggregate.then_some(rules.step);
        let mut at = ROOT;
        loop {
            if let Some(time) = self.time_of_split(at, x, rules.max_nodes) {
                return self.split_for(at, time, x, y, step, rules.by_name);
            }
            self.take(at, x, y, step);
            if self.node(at).is_leaf() {
                return at;
            }
            at = self.next(at, x);
        }
    }

    /// When the node is split because `x` lies outside its ranges; never if its children came to be before that, or the tree is full.
    fn time_of_split(&mut self, at: u32, x: &[f64], max_nodes: usize) -> Option<f64> {
        if self.nodes.len() >= max_nodes {
            return None;
        }
        let sum: f64 = (0..x.len()).map(|k| self.outside(at, k, x[k])).sum();
        if !(sum > 0.0 && sum.is_finite()) {
            return None;
        }
        let node = self.node(at);
        let (born, children) = (node.time, node.children);
        let time = born - libm::log(1.0 - self.random.random()) / sum;
        let before_children = children[0] == NONE || time < self.node(children[0]).time;
        (before_children && time > 0.0 && time.is_finite()).then_some(time)
    }

    /// Splits the node so that `x` gets a leaf of its own; gives this leaf.
    fn split_for(&mut self, at: u32, time: f64, x: &[f64], y: f64, step: Option<f64>, by_name: &[usize]) -> u32 {
        let feature = self.draw_feature(at, x, by_name);
        let k = at as usize * x.len() + feature;
        let to_right = x[feature] > self.high[k];
        let threshold =
            if to_right { self.random.uniform(self.high[k], x[feature]) } else { self.random.uniform(x[feature], self.low[k]) };
        let fresh = self.put_above(at, time, feature as u32, threshold, to_right);
        self.take(at, x, y, step);
        self.take(fresh, x, y, None);
        fresh
    }

    /// A feature, as likely as `x` lies far outside its range.
    fn draw_feature(&mut self, at: u32, x: &[f64], by_name: &[usize]) -> usize {
        let sum: f64 = by_name.iter().map(|k| self.outside(at, *k, x[*k])).sum();
        let drawn = self.random.random() * sum;
        let (mut below, mut last) = (0.0, by_name[0]);
        for k in by_name {
            let outside = self.outside(at, *k, x[*k]);
            if outside > 0.0 {
                below += outside;
                last = *k;
                if drawn < below {
                    return *k;
                }
            }
        }
        last
    }

    /// Moves what the node is into a new child, gives it a second, empty one on the side of the record, and returns that one.
    fn put_above(&mut self, at: u32, time: f64, feature: u32, threshold: f64, to_right: bool) -> u32 {
        let old = self.nodes.len() as u32;
        let (fresh, width) = (old + 1, self.features);
        let mut moved = self.node(at).clone();
        (moved.parent, moved.time) = (at, time);
        for child in moved.children.into_iter().filter(|child| *child != NONE) {
            self.nodes[child as usize].parent = old;
        }
        self.nodes.push(moved);
        self.nodes.push(Node::leaf(at, time));
        let from = at as usize * width;
        for ranges in [&mut self.low, &mut self.high] {
            ranges.extend_from_within(from..from + width);
            ranges.resize(ranges.len() + width, f64::NAN);
        }
        let node = &mut self.nodes[at as usize];
        (node.feature, node.threshold) = (feature, threshold);
        node.children = if to_right { [old, fresh] } else { [fresh, old] };
        fresh
    }

    /// Works the weights of the prunings out again, from a leaf up to the root.
    fn go_up(&mut self, leaf: u32) {
        let mut at = leaf;
        while at != NONE {
            let node = self.node(at);
            let all = if node.is_leaf() {
                node.weight
            } else {
                let [left, right] = node.children.map(|child| self.node(child).log_weight_tree);
                log_mean_of_exp(node.weight, (left + right).max(-f64::MAX / 4.0))
            };
            let parent = node.parent;
            self.nodes[at as usize].log_weight_tree = all;
            at = parent;
        }
    }
}

/// The logarithm of the mean of `exp(a)` and `exp(b)`.
fn log_mean_of_exp(a: f64, b: f64) -> f64 {
    let (larger, smaller) = if a > b { (a, b) } else { (b, a) };
    larger - std::f64::consts::LN_2 + libm::log1p(libm::exp(smaller - larger))
}

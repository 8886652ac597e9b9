//! Half-space trees: how empty the corner of the space is where a record lies.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    learn::{
        base::{AnomalyDetector, Schema},
        catalog::{Component, ModelBuild},
        params::{ParamError, ParamErrorKind, child},
        random::Random,
    },
    snapshot::{Snapshot, SnapshotError, decode, encode_into},
};

crate::params! {
    /// Parameters of [`HalfSpaceTrees`].
    pub struct HalfSpaceTreesParams {
        /// Number of trees.
        n_trees: usize = 10, in 1..=1_000, unit "trees";
        /// Halvings from the root of a tree to its leaves; a tree has 2^(height + 1) - 1 nodes of 8 bytes state.
        height: u32 = 8, in 1..=15, unit "halvings";
        /// Records that are counted before the counts take the place of the ones that score.
        window_size: u32 = 250, in 1..=1_000_000, unit "records";
        /// The least value that features are expected to have; scale them, for instance with `min_max_scaler`.
        low: f64 = 0.0;
        /// The largest value that features are expected to have.
        high: f64 = 1.0;
        /// Seed of the halvings; "none" takes the one that whoever builds the trees was given, in a topology one for each coin.
        seed: Option<u64> = None;
    }
}

/// Share of a feature's range, at either end, in which it is never halved.
const PADDING: f64 = 0.15;

/// Trees that halve the space of features at random, once and for all, and count how many records of the last full window lay in each part. A record in a
/// part that was rarely visited scores near 1; until the first window is full every score is 0. A detector of features.
///
/// Scoring follows a record down until a part holds less than a tenth of the window; each level counts twice the one above it. Where a feature is absent
/// the way goes to the more visited half. The halvings follow from the seed, so the state is the counts alone.
///
/// Reference: S. C. Tan, K. M. Ting, F. T. Liu, "Fast anomaly detection for streaming data", IJCAI 2011.
///
/// ```
/// use tidemill::learn::{anomaly::{HalfSpaceTrees, HalfSpaceTreesParams}, base::{AnomalyDetector, Schema}};
/// let params = HalfSpaceTreesParams { n_trees: 5, height: 3, window_size: 3, seed: Some(42), ..HalfSpaceTreesParams::default() };
/// let mut trees = HalfSpaceTrees::new(params, &Schema::new(["x"]), 0).unwrap();
/// [0.5, 0.45, 0.43].iter().for_each(|x| trees.learn_one(&[*x], f64::NAN));
/// let mut score = |x: f64| {
///     trees.learn_one(&[x], f64::NAN);
///     format!("{:.3}", trees.score_one(&[x], f64::NAN))
/// };
/// assert_eq!([score(0.5), score(0.45), score(0.43), score(0.44), score(0.445)], ["0.107", "0.071", "0.107", "0.107", "0.107"]);
/// assert_eq!([score(0.45), score(0.0)], ["0.071", "0.853"]);
/// ```
#[derive(Debug, Clone)]
pub struct HalfSpaceTrees {
    params: HalfSpaceTreesParams,
    seed: u64,
    /// The halvings of all trees, each tree's in the order of levels: the children of node k are 2k + 1 and 2k + 2.
    halvings: Vec<Halving>,
    counts: Counts,
    /// The order of the features by name, in which they are drawn.
    by_name: Vec<usize>,
    /// Working memory of learning: never part of the state.
    visited: Vec<usize>,
}

/// Where a node halves.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Halving {
    feature: usize,
    at: f64,
}

/// The state.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Counts {
    /// Records of the present window.
    records: u32,
    /// Whether a window was full.
    ready: bool,
    /// Visits of each node of all trees in the present window.
    present: Vec<u32>,
    /// Visits in the last full window.
    last: Vec<u32>,
}

impl HalfSpaceTrees {
    /// Trees over the features of `schema`; `seed` is used where the parameters have none.
    ///
    /// # Errors
    /// When the limits of the features are no range.
    pub fn new(params: HalfSpaceTreesParams, schema: &Schema, seed: u64) -> Result<Self, ParamError> {
        if !(params.low < params.high && (params.high - params.low).is_finite()) {
            let message = format!("{} to {} is no range", params.low, params.high);
            return Err(ParamError::new(ParamErrorKind::Conflict, &[], message, "high above low"));
        }
        let mut by_name: Vec<usize> = (0..schema.len()).collect();
        by_name.sort_by(|a, b| schema.names()[*a].cmp(&schema.names()[*b]));
        Ok(HalfSpaceTrees::grown(params, by_name, seed))
    }

    fn grown(params: HalfSpaceTreesParams, by_name: Vec<usize>, seed: u64) -> Self {
        let nodes = params.n_trees * nodes(params.height);
        let counts = Counts { records: 0, ready: false, present: vec![0; nodes], last: vec![0; nodes] };
        let halvings = if by_name.is_empty() { Vec::new() } else { grow(&params, &by_name, params.seed.unwrap_or(seed)) };
        HalfSpaceTrees { params, seed, halvings, counts, by_name, visited: Vec::new() }
    }

    /// The nodes on the way of `x` through tree `tree`, as places among the counts, from the root to a leaf.
    fn way(&self, tree: usize, x: &[f64], mut visit: impl FnMut(usize) -> bool) {
        let (height, first) = (self.params.height, tree * nodes(self.params.height));
        let halvings = &self.halvings[tree * branches(height)..];
        let mut node = 0;
        for _ in 0..height {
            if !visit(first + node) {
                return;
            }
            let Halving { feature, at } = halvings[node];
            let (left, right) = (2 * node + 1, 2 * node + 2);
            let goes_left = match x[feature] {
                x if x.is_finite() => x < at,
                _ => self.counts.present[first + left] >= self.counts.present[first + right],
            };
            node = if goes_left { left } else { right };
        }
        visit(first + node);
    }
}

/// Nodes of a tree of this height.
fn nodes(height: u32) -> usize {
    (1 << (height + 1)) - 1
}

/// Nodes of a tree that have children.
fn branches(height: u32) -> usize {
    (1 << height) - 1
}

/// The halvings of all trees, drawn from one generator: a node, then all that is below it to the left, then to the right.
fn grow(params: &HalfSpaceTreesParams, by_name: &[usize], seed: u64) -> Vec<Halving> {
    let mut random = Random::new(seed);
    let mut halvings = vec![Halving { feature: 0, at: 0.0 }; params.n_trees * branches(params.height)];
    for tree in halvings.chunks_exact_mut(branches(params.height)) {
        let mut limits = vec![(params.low, params.high); by_name.len()];
        grow_node(tree, 0, &mut limits, by_name, &mut random);
    }
    halvings
}

fn grow_node(tree: &mut [Halving], node: usize, limits: &mut [(f64, f64)], by_name: &[usize], random: &mut Random) {
    if node >= tree.len() {
        return;
    }
    let drawn = draw(limits, random);
    let (low, high) = limits[drawn];
    let at = random.uniform(low + PADDING * (high - low), high - PADDING * (high - low));
    tree[node] = Halving { feature: by_name[drawn], at };
    for (child, part) in [(2 * node + 1, (low, at)), (2 * node + 2, (at, high))] {
        limits[drawn] = part;
        grow_node(tree, child, limits, by_name, random);
    }
    limits[drawn] = (low, high);
}

/// A feature, the wider its range the likelier.
fn draw(limits: &[(f64, f64)], random: &mut Random) -> usize {
    let mut sum = 0.0;
    let cumulative: Vec<f64> = limits
        .iter()
        .map(|(low, high)| {
            sum += high - low;
            sum
        })
        .collect();
    let drawn = random.random() * sum;
    cumulative[..limits.len() - 1].partition_point(|sum| *sum <= drawn)
}

impl AnomalyDetector for HalfSpaceTrees {
    fn score_one(&mut self, x: &[f64], _y: f64) -> f64 {
        if !self.counts.ready || self.by_name.is_empty() {
            return 0.0;
        }
        let (params, last) = (&self.params, &self.counts.last);
        let enough = 0.1 * f64::from(params.window_size);
        let mut visited = 0.0;
        for tree in 0..params.n_trees {
            let mut weight = 1.0;
            self.way(tree, x, |node| {
                let visits = f64::from(last[node]);
                visited += visits * weight;
                weight *= 2.0;
                visits >= enough
            });
        }
        1.0 - visited / (params.n_trees as f64 * f64::from(params.window_size) * nodes(params.height) as f64)
    }

    fn learn_one(&mut self, x: &[f64], _y: f64) {
        if !x.iter().any(|x| x.is_finite()) {
            return;
        }
        let mut visited = std::mem::take(&mut self.visited);
        for tree in 0..self.params.n_trees {
            visited.clear();
            self.way(tree, x, |node| {
                visited.push(node);
                true
            });
            visited.iter().for_each(|node| self.counts.present[*node] += 1);
        }
        self.visited = visited;
        self.counts.records += 1;
        if self.counts.records == self.params.window_size {
            let Counts { records, ready, present, last } = &mut self.counts;
            (*records, *ready) = (0, true);
            last.copy_from_slice(present);
            present.fill(0);
        }
    }

    fn clone_fresh(&self) -> Box<dyn AnomalyDetector> {
        Box::new(HalfSpaceTrees::grown(self.params.clone(), self.by_name.clone(), self.seed))
    }

    fn clone_learned(&self) -> Box<dyn AnomalyDetector> {
        Box::new(self.clone())
    }
}

impl Snapshot for HalfSpaceTrees {
    fn save(&self, out: &mut Vec<u8>) -> Result<(), SnapshotError> {
        encode_into(&self.counts, out)
    }

    fn load(&mut self, bytes: &[u8]) -> Result<(), SnapshotError> {
        let counts: Counts = decode(bytes)?;
        let nodes = self.counts.present.len();
        if counts.present.len() != nodes || counts.last.len() != nodes || counts.records >= self.params.window_size {
            return Err(SnapshotError::Decode("the state is of other half-space trees".to_owned()));
        }
        self.counts = counts;
        Ok(())
    }
}

impl Component for HalfSpaceTrees {
    type Params = HalfSpaceTreesParams;
    const NAME: &'static str = "half_space_trees";
    const SUMMARY: &'static str = "scores by how rarely the part of the space was visited in which a record lies, 0 to 1";
    const REFERENCE: &'static str = "Tan, Ting, Liu, Fast anomaly detection for streaming data, IJCAI 2011";

    fn examples() -> Vec<Value> {
        let of = |params: Value| json!({ Self::NAME: params });
        vec![
            of(json!({ "n_trees": 3, "height": 4, "window_size": 60, "low": -1.0 })),
            of(json!({ "n_trees": 2, "height": 1, "window_size": 1, "seed": 7 })),
        ]
    }

    fn build(params: HalfSpaceTreesParams, on: &ModelBuild<'_>) -> Result<Self, Vec<ParamError>> {
        let trees = HalfSpaceTrees::new(params, on.schema, on.seed);
        trees.map_err(|error| vec![ParamError { path: child(on.path, "high"), ..error }])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_that_are_no_range_are_refused() {
        let params = HalfSpaceTreesParams { low: 1.0, ..HalfSpaceTreesParams::default() };
        assert!(HalfSpaceTrees::new(params, &Schema::new(["a"]), 1).unwrap_err().to_string().contains("1 to 1 is no range"));
    }

    #[test]
    fn the_seed_of_the_parameters_comes_first_and_names_not_places_are_drawn() {
        let build = |seed: Option<u64>, outer: u64, names: [&str; 2]| {
            let params = HalfSpaceTreesParams { seed, ..HalfSpaceTreesParams::default() };
            HalfSpaceTrees::new(params, &Schema::new(names), outer).unwrap().halvings
        };
        assert_eq!(build(Some(3), 1, ["a", "b"]), build(None, 3, ["a", "b"]));
        assert_ne!(build(None, 1, ["a", "b"]), build(None, 3, ["a", "b"]));
        let swapped = build(None, 1, ["b", "a"]).into_iter().map(|h| Halving { feature: 1 - h.feature, ..h });
        assert_eq!(build(None, 1, ["a", "b"]), swapped.collect::<Vec<_>>());
    }

    #[test]
    fn what_lies_where_nobody_was_scores_high() {
        let params = HalfSpaceTreesParams { window_size: 100, ..HalfSpaceTreesParams::default() };
        let mut trees = HalfSpaceTrees::new(params, &Schema::new(["a", "b"]), 9).unwrap();
        for k in 0..250 {
            trees.learn_one(&[0.4 + f64::from(k % 10) / 50.0, 0.5 + f64::from(k % 7) / 50.0], f64::NAN);
        }
        let (usual, unusual) = (trees.score_one(&[0.5, 0.55], f64::NAN), trees.score_one(&[0.95, 0.02], f64::NAN));
        assert!(usual < 0.9 && unusual > 0.98, "{usual} {unusual}");
    }
}

//! The order in which nodes are built and run, and the cycles that forbid one. It knows numbers only.

use std::collections::VecDeque;

/// Most cycles that are named; each has a node of its own that stands in no other named one.
const MOST_CYCLES: usize = 20;

/// Parents before children; of the nodes that may come next always the one declared first. Nodes in or behind a cycle are left out.
pub(super) fn order(parents: &[Vec<usize>]) -> Vec<usize> {
    let mut placed = vec![false; parents.len()];
    let mut order = Vec::with_capacity(parents.len());
    while let Some(next) = (0..parents.len()).find(|&i| !placed[i] && parents[i].iter().all(|&p| placed[p])) {
        placed[next] = true;
        order.push(next);
    }
    order
}

/// The cycles, each as the nodes along it from parent to child, beginning with the one declared first.
pub(super) fn cycles(parents: &[Vec<usize>]) -> Vec<Vec<usize>> {
    let mut open = vec![true; parents.len()];
    order(parents).into_iter().for_each(|i| open[i] = false);
    let mut named = vec![false; parents.len()];
    let mut cycles = Vec::new();
    for start in (0..parents.len()).filter(|&i| open[i]) {
        if named[start] || cycles.len() == MOST_CYCLES {
            continue;
        }
        if let Some(cycle) = shortest_cycle(start, parents, &open) {
            cycle.iter().for_each(|&i| named[i] = true);
            cycles.push(cycle);
        }
    }
    cycles
}

/// The shortest way from `start` over its parents back to `start`.
fn shortest_cycle(start: usize, parents: &[Vec<usize>], open: &[bool]) -> Option<Vec<usize>> {
    let mut child: Vec<Option<usize>> = vec![None; parents.len()];
    let mut queue = VecDeque::from([start]);
    while let Some(at) = queue.pop_front() {
        for &parent in parents[at].iter().filter(|&&p| open[p]) {
            if parent == start {
                return Some(walk_back(start, at, &child));
            }
            if child[parent].is_none() {
                child[parent] = Some(at);
                queue.push_back(parent);
            }
        }
    }
    None
}

/// `last` is a child of `start` and was reached from it over parents: `start`, `last`, ... down to the child whose parent chain began the search.
fn walk_back(start: usize, last: usize, child: &[Option<usize>]) -> Vec<usize> {
    let mut cycle = vec![start];
    let mut at = last;
    while at != start {
        cycle.push(at);
        at = child[at].unwrap_or(start);
    }
    cycle
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parents_come_first_and_otherwise_the_declaration_decides() {
        assert_eq!(order(&[vec![2], vec![], vec![1], vec![]]), [1, 2, 0, 3]);
        assert_eq!(order(&[vec![], vec![], vec![]]), [0, 1, 2]);
    }

    #[test]
    fn cycles_are_named_from_parent_to_child() {
        // 1 reads 0, 2 reads 1, 0 reads 2: events would flow 0, 1, 2 and round again.
        assert_eq!(cycles(&[vec![2], vec![0], vec![1]]), [vec![0, 1, 2]]);
        assert_eq!(cycles(&[vec![0]]), [vec![0]]);
        assert!(cycles(&[vec![], vec![0], vec![0, 1]]).is_empty());
    }

    #[test]
    fn every_cycle_is_found_and_nodes_behind_one_are_not_blamed() {
        // 0 <-> 1; 2 reads 1 only; 3 <-> 4 behind 2.
        assert_eq!(cycles(&[vec![1], vec![0], vec![1], vec![2, 4], vec![3]]), [vec![0, 1], vec![3, 4]]);
        assert_eq!(order(&[vec![1], vec![0], vec![1], vec![]]), [3]);
    }
}

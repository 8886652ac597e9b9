//! Who reads whom: names, parents, cycles, and nodes nobody reads.

use std::collections::{BTreeMap, BTreeSet};

use super::declare::{Declared, DeclaredName};
use crate::learn::params::nearest;
use crate::processor::Role;
use crate::topology::diagnostic::Problem;
use crate::topology::order::{cycles, order};
use crate::topology::outline::{NodeDecl, Outline, ParentDecl, Target};

/// After so many problems no more names are compared to guess which one was meant: in a file full of mistakes that would take minutes.
const MOST_GUESSES: usize = 100;

/// Checks the names, finds out whom each parent means and marks what is in a cycle.
pub(super) fn link(declared: &mut Declared) {
    duplicate_names(declared);
    let Declared { outline, problems, names, incomplete } = declared;
    let names = Names::of(outline, names, *incomplete);
    resolve(outline, &names, problems);
    break_cycles(outline, problems);
    unused(outline, problems);
}

fn duplicate_names(declared: &mut Declared) {
    let mut taken: BTreeMap<&str, &[String]> = BTreeMap::new();
    for DeclaredName { name, path, .. } in &declared.names {
        match taken.get(name.as_str()) {
            Some(first) => declared.problems.push(
                Problem::at_key(path, format!("the name `{name}` is already taken by [{}]", first.join(".")))
                    .expected("a name of its own: names are the names of state, whatever the table"),
            ),
            None => {
                taken.insert(name, path);
            }
        }
    }
}

/// Whom each name means; the first of equals.
struct Names {
    targets: BTreeMap<String, Target>,
    sinks: BTreeSet<String>,
    /// Whether there may be more names.
    incomplete: bool,
}

impl Names {
    /// A name whose table could not be read means nobody, but that has been told.
    fn of(outline: &Outline, declared: &[DeclaredName], incomplete: bool) -> Self {
        let mut targets: BTreeMap<_, _> = outline.sources.iter().map(|source| (source.name.clone(), Target::Source)).collect();
        for (i, node) in outline.nodes.iter().enumerate() {
            targets.entry(node.name.clone()).or_insert(Target::Node(i));
        }
        for one in declared.iter().filter(|one| !one.is_sink) {
            targets.entry(one.name.clone()).or_insert(Target::Broken);
        }
        let sinks = declared.iter().filter(|one| one.is_sink).map(|one| one.name.clone()).collect();
        Names { targets, sinks, incomplete }
    }

    fn resolve(&self, parent: &mut ParentDecl, problems: &mut Vec<Problem>) {
        match self.targets.get(&parent.name) {
            Some(target) => parent.target = *target,
            None if self.sinks.contains(&parent.name) => {
                let problem = Problem::at_value(&parent.path, format!("`{}` is a sink", parent.name));
                problems.push(problem.expected("a node or the source: nothing comes out of a sink"));
            }
            None if self.incomplete => {}
            None => problems.push(self.dangling(parent, problems.len() < MOST_GUESSES)),
        }
    }

    fn dangling(&self, parent: &ParentDecl, guess: bool) -> Problem {
        let names: Vec<&str> = self.targets.keys().map(String::as_str).collect();
        let near = nearest(&parent.name, names.iter().copied().filter(|_| guess)).map(|near| format!("did you mean `{near}`?"));
        let problem = Problem::at_value(&parent.path, format!("no node and no source is called `{}`", parent.name));
        problem.expected(one_of(&names)).suggest(near)
    }
}

/// The names there are; of very many only the first.
fn one_of(names: &[&str]) -> String {
    const MOST: usize = 20;
    match names.len() {
        0 => "a declared name".to_owned(),
        n if n > MOST => format!("one of {} and {} more", names[..MOST].join(", "), n - MOST),
        _ => format!("one of {}", names.join(", ")),
    }
}

fn resolve(outline: &mut Outline, names: &Names, problems: &mut Vec<Problem>) {
    let nodes = outline.nodes.iter_mut().map(|node| &mut node.parents);
    let sinks = outline.sinks.iter_mut().map(|sink| &mut sink.parents);
    for parents in nodes.chain(sinks) {
        let mut seen = BTreeSet::new();
        for parent in parents.iter_mut() {
            names.resolve(parent, problems);
            if !seen.insert(parent.name.clone()) {
                problems.push(
                    Problem::at_value(&parent.path, format!("`{}` is named twice", parent.name)).expected("every parent once"),
                );
            }
        }
    }
}

/// Edges within the graph of nodes.
pub(in crate::topology) fn edges(outline: &Outline) -> Vec<Vec<usize>> {
    let of = |parents: &[ParentDecl]| {
        let node = |parent: &ParentDecl| if let Target::Node(i) = parent.target { Some(i) } else { None };
        parents.iter().filter_map(node).collect()
    };
    outline.nodes.iter().map(|node| of(&node.parents)).collect()
}

/// Tells some cycles and cuts all of them. A tangle of many cycles is not told edge by edge: whoever wrote it begins with the ones named.
fn break_cycles(outline: &mut Outline, problems: &mut Vec<Problem>) {
    const ROUNDS: usize = 3;
    for _ in 0..ROUNDS {
        for cycle in cycles(&edges(outline)) {
            break_cycle(outline, &cycle, problems);
        }
    }
    let edges = edges(outline);
    let placed: BTreeSet<usize> = order(&edges).into_iter().collect();
    let tangled = |i: usize| !placed.contains(&i);
    for (_, node) in outline.nodes.iter_mut().enumerate().filter(|(i, _)| tangled(*i)) {
        for parent in node.parents.iter_mut().filter(|parent| matches!(parent.target, Target::Node(i) if tangled(i))) {
            parent.target = Target::Broken;
        }
    }
}

/// Tells the cycle at the parents of its first node and cuts it there, so that the rest of the topology can be judged.
fn break_cycle(outline: &mut Outline, cycle: &[usize], problems: &mut Vec<Problem>) {
    let names: Vec<_> = cycle.iter().chain(cycle.first()).map(|&i| format!("`{}`", outline.nodes[i].name)).collect();
    let (Some(&first), Some(&last)) = (cycle.first(), cycle.last()) else {
        return;
    };
    for parent in outline.nodes[first].parents.iter_mut().filter(|parent| parent.target == Target::Node(last)) {
        let message = format!("a cycle: {}", names.join(" -> "));
        problems
            .push(Problem::at_value(&parent.path, message).expected("events to flow from the source to the sinks, never back"));
        parent.target = Target::Broken;
    }
}

/// Evaluators tell scores even when no sink takes from them; what other nodes give is lost unless somebody reads it.
fn unused(outline: &Outline, problems: &mut Vec<Problem>) {
    let nodes = outline.nodes.iter().flat_map(|node| &node.parents);
    let sinks = outline.sinks.iter().flat_map(|sink| &sink.parents);
    let parents: Vec<&ParentDecl> = nodes.chain(sinks).collect();
    let used: BTreeSet<&str> = parents.iter().map(|parent| parent.name.as_str()).collect();
    // Whoever is not understood may have meant the node that seems to be in vain.
    let unclear = parents.iter().any(|parent| parent.target == Target::Broken)
        || outline.nodes.iter().any(|node| node.parents.is_empty())
        || outline.sinks.iter().any(|sink| sink.parents.is_empty());
    let in_vain = |node: &&NodeDecl| !unclear && node.role != Role::Evaluator && !used.contains(node.name.as_str());
    for node in outline.nodes.iter().filter(in_vain) {
        let problem = Problem::at_key(&node.path, format!("nobody reads `{}`: it works in vain", node.name));
        problems.push(problem.expected("its name among the parents of a node or sink").warning());
    }
    if outline.nodes.is_empty() && outline.sinks.is_empty() {
        let problem = Problem::at_key(&["topology".to_owned()], "this topology has neither nodes nor sinks");
        problems.push(problem.expected("at least one table of [processors.*], [learners.*], [evaluators.*] or [sinks.*]"));
    }
}

//! From outline to graph: nodes are built through the catalogue, parents before children.
//!
//! A node whose parents are broken is built all the same, on stand-ins that give everything, so that the mistakes in its own parameters are told in
//! the same go; what it says about its parents is then left out.

use super::assemble::{self, ParentFacts};
use super::diagnostic::{Diagnostic, Problem, TopologyErrors, locate_all};
use super::graph::{Graph, Node, Sink, Source};
use super::order::order;
use super::outline::{CustomNodes, NodeDecl, Outline, ParentDecl, Target};
use super::spec::{Spec, SyntaxErrors};
use super::validate::{edges, outline};
use crate::learn::params::{ParamError, ParamErrorKind};
use crate::processor::{Build, Built, Catalog, EventKind, EventKinds, NodeId, OperatorEntry, Parent, Port};

/// Compiles the text of a topology file; `file` is named in what is said about it.
///
/// # Errors
/// Everything that is wrong with it, in the order of the file.
///
/// ```
/// use tidemill::{operators::standard_catalog, topology::compile};
///
/// let text = "
/// [topology]
/// name = \"bars\"
/// [sources.candles]
/// topic = \"market.candles.1m\"
/// format = \"candle-json\"
/// [processors.five]
/// type = \"window\"
/// parents = [\"candels\"]
/// window = { tumbling = \"5m\" }
/// [sinks.candles-5m]
/// topic = \"market.candles.5m\"
/// parents = [\"five\"]
/// records = \"candles\"
/// ";
/// let errors = compile(text, "bars.toml", &standard_catalog()).err().unwrap();
/// assert_eq!((errors.errors[0].line, errors.errors[0].column), (Some(9), Some(12)));
/// assert_eq!(errors.errors[0].suggestion.as_deref(), Some("did you mean `candles`?"));
///
/// let (graph, _) = compile(&text.replace("candels", "candles"), "bars.toml", &standard_catalog()).unwrap();
/// assert_eq!(&*graph.nodes[0].name, "five");
/// ```
pub fn compile(text: &str, file: &str, catalog: &Catalog) -> Result<(Graph, Vec<Diagnostic>), TopologyErrors> {
    let (spec, syntax) = Spec::parse(file, text);
    compile_spec(&spec, syntax, catalog, &CustomNodes::new())
}

/// Compiles what was read from a file or built by a program.
pub(super) fn compile_spec(
    spec: &Spec,
    syntax: SyntaxErrors,
    catalog: &Catalog,
    custom: &CustomNodes,
) -> Result<(Graph, Vec<Diagnostic>), TopologyErrors> {
    let mut problems = syntax.problems;
    let mut graph = None;
    if !syntax.fatal {
        let (outline, found) = outline(spec, catalog, custom);
        problems.extend(found);
        graph = Compiler::new(&outline, catalog, &mut problems).graph();
    }
    let (errors, warnings) = locate_all(&problems, &syntax.unread, &spec.map);
    match graph {
        Some(graph) if errors.is_empty() => Ok((graph, warnings)),
        _ => Err(TopologyErrors { errors, warnings }),
    }
}

/// What became of a node.
struct Outcome {
    port: Port,
    /// The node, unless something of it or of its ancestors is wrong.
    node: Option<Node>,
}

struct Compiler<'a> {
    outline: &'a Outline,
    catalog: &'a Catalog,
    problems: &'a mut Vec<Problem>,
    /// Places in the outline, parents before children; the number of a node is its place here, counted from 1.
    order: Vec<usize>,
    ids: Vec<NodeId>,
    source: Option<Source>,
    outcomes: Vec<Option<Outcome>>,
}

impl<'a> Compiler<'a> {
    fn new(outline: &'a Outline, catalog: &'a Catalog, problems: &'a mut Vec<Problem>) -> Self {
        let order = order(&edges(outline));
        let mut ids = vec![NodeId::SOURCE; outline.nodes.len()];
        for (place, &i) in order.iter().enumerate() {
            ids[i] = NodeId(u16::try_from(place + 1).expect("the number of nodes is limited far below 2^16"));
        }
        let most = outline.settings.as_ref().map_or(0, |settings| settings.max_record_bytes);
        let source = outline.sources.first().and_then(|decl| assemble::source(decl, most));
        let outcomes = outline.nodes.iter().map(|_| None).collect();
        Compiler { outline, catalog, problems, order, ids, source, outcomes }
    }

    fn graph(mut self) -> Option<Graph> {
        for i in self.order.clone() {
            let outcome = self.node(&self.outline.nodes[i], self.ids[i]);
            self.outcomes[i] = Some(outcome);
        }
        let sinks = self.sinks();
        let mut nodes: Vec<Node> = self.outcomes.into_iter().map(|outcome| outcome?.node).collect::<Option<_>>()?;
        nodes.sort_by_key(|node| node.id);
        Some(assemble::graph(self.outline.settings.as_ref()?, self.source?, nodes, sinks?))
    }

    /// A parent's number and what it gives; `None` for a broken one.
    fn parent(&self, parent: &ParentDecl) -> (NodeId, Option<&Port>) {
        match parent.target {
            Target::Broken => (NodeId::SOURCE, None),
            Target::Source => (NodeId::SOURCE, self.source.as_ref().map(|source| &source.port)),
            Target::Node(i) => {
                let sound = self.outcomes[i].as_ref().filter(|outcome| outcome.node.is_some());
                (self.ids[i], sound.map(|outcome| &outcome.port))
            }
        }
    }

    fn node(&mut self, decl: &'a NodeDecl, id: NodeId) -> Outcome {
        let Some(entry) = &decl.entry else {
            return Outcome { port: anything(), node: None };
        };
        let mut sound = !decl.parents.is_empty() && decl.parents.iter().all(|parent| self.parent(parent).1.is_some());
        sound &= self.check_kinds(decl, entry);
        let built = self.build(decl, entry, id);
        match built {
            Ok(built) => {
                let port = built.port.clone();
                let node = sound.then(|| self.finish(decl, entry, id, built));
                Outcome { port, node }
            }
            Err(errors) => {
                let kept = errors.iter().filter(|error| sound || is_about_the_node_itself(error, &decl.path));
                self.problems.extend(kept.map(Problem::of_param));
                Outcome { port: anything(), node: None }
            }
        }
    }

    fn check_kinds(&mut self, decl: &NodeDecl, entry: &OperatorEntry) -> bool {
        let mut fit = true;
        for parent in &decl.parents {
            let Some(gives) = self.parent(parent).1.map(|port| port.kinds) else {
                continue;
            };
            if gives.and(entry.accepts).is_empty() {
                fit = false;
                let message = format!("`{}` gives {}, of which `{}` takes nothing", parent.name, kinds(gives), decl.name);
                let expected = format!("a parent that gives {}", kinds(entry.accepts));
                let suggestion = self.who_gives(entry.accepts, &decl.name);
                self.problems.push(Problem::at_value(&parent.path, message).expected(expected).suggest(suggestion));
            }
        }
        fit
    }

    /// The sound nodes that give any of `wanted`, as a suggestion.
    fn who_gives(&self, wanted: EventKinds, except: &str) -> Option<String> {
        let sound = self.outcomes.iter().flatten().filter_map(|outcome| outcome.node.as_ref());
        let nodes = sound.filter(|node| !node.port.kinds.and(wanted).is_empty()).map(|node| node.name.as_ref());
        let source =
            self.source.as_ref().filter(|source| !source.port.kinds.and(wanted).is_empty()).map(|source| source.name.as_ref());
        let names: Vec<_> =
            source.into_iter().chain(nodes).filter(|name| *name != except).map(|name| format!("`{name}`")).collect();
        (!names.is_empty()).then(|| format!("such as {}", names.join(", ")))
    }

    fn build(&self, decl: &NodeDecl, entry: &OperatorEntry, id: NodeId) -> Result<Built, Vec<ParamError>> {
        let stand_in = anything();
        let parent = |parent| self.build_parent(parent, entry.accepts, &stand_in);
        let mut parents: Vec<Parent<'_>> = decl.parents.iter().map(parent).collect();
        if parents.is_empty() {
            parents.push(Parent { id: NodeId::SOURCE, name: "?", port: &stand_in });
        }
        let (topology, seed) =
            self.outline.settings.as_ref().map_or(("?", 0), |settings| (settings.name.as_str(), settings.seed));
        let (path, models) = (decl.path.as_slice(), &self.catalog.models);
        (entry.build)(&Build { name: &decl.name, id, params: &decl.params, path, parents: &parents, topology, seed, models })
    }

    fn build_parent<'b>(&'b self, parent: &'b ParentDecl, accepts: EventKinds, stand_in: &'b Port) -> Parent<'b> {
        let known = self.known_port(parent).filter(|port| !port.kinds.and(accepts).is_empty());
        Parent { id: self.parent(parent).0, name: &parent.name, port: known.unwrap_or(stand_in) }
    }

    /// What a parent gives as far as it is known, be it sound or not.
    fn known_port(&self, parent: &ParentDecl) -> Option<&Port> {
        match parent.target {
            Target::Broken => None,
            Target::Source => self.source.as_ref().map(|source| &source.port),
            Target::Node(i) => self.outcomes[i].as_ref().map(|outcome| &outcome.port),
        }
    }

    fn finish(&self, decl: &NodeDecl, entry: &OperatorEntry, id: NodeId, built: Built) -> Node {
        let parents: Vec<ParentFacts<'_>> = decl.parents.iter().map(|parent| self.facts(parent)).collect();
        let seed = self.outline.settings.as_ref().map_or(0, |settings| settings.seed);
        assemble::node(decl, entry, id, built, &parents, seed)
    }

    fn facts<'b>(&'b self, parent: &'b ParentDecl) -> ParentFacts<'b> {
        let fingerprint = match parent.target {
            Target::Node(i) => self.outcomes[i].as_ref().and_then(|outcome| Some(outcome.node.as_ref()?.fingerprint.as_str())),
            _ => self.source.as_ref().map(|source| source.fingerprint.as_str()),
        };
        ParentFacts { id: self.parent(parent).0, name: &parent.name, fingerprint: fingerprint.unwrap_or_default() }
    }

    fn sinks(&mut self) -> Option<Vec<Sink>> {
        let outline = self.outline;
        let mut sinks = Some(Vec::new());
        for decl in &outline.sinks {
            let fits = decl.kind.is_some_and(|kind| self.check_sink(&decl.parents, kind));
            decl.kind.into_iter().for_each(|kind| self.warn_of_doubles(&decl.parents, kind));
            let sink = decl.topic.as_deref().zip(decl.kind).filter(|_| fits).map(|(topic, kind)| Sink {
                name: decl.name.as_str().into(),
                topic: topic.into(),
                parents: decl.parents.iter().map(|parent| self.parent(parent).0).collect(),
                kind,
            });
            sinks = sinks.zip(sink).map(|(mut sinks, sink)| {
                sinks.push(sink);
                sinks
            });
        }
        sinks
    }

    fn check_sink(&mut self, parents: &[ParentDecl], kind: EventKind) -> bool {
        let mut fit = true;
        for parent in parents {
            let Some(gives) = self.parent(parent).1.map(|port| port.kinds) else {
                fit = false;
                continue;
            };
            if !gives.contains(kind) {
                fit = false;
                let message = format!("`{}` gives {}, not {}", parent.name, kinds(gives), kind.name());
                let expected = format!("a parent that gives {}", kind.name());
                let suggestion = self.who_gives(EventKinds::of(&[kind]), "");
                self.problems.push(Problem::at_value(&parent.path, message).expected(expected).suggest(suggestion));
            }
        }
        fit
    }
}

impl Compiler<'_> {
    /// A sink that takes from a node and from one that passes that node's events on gets them twice.
    fn warn_of_doubles(&mut self, parents: &[ParentDecl], kind: EventKind) {
        for parent in parents {
            let passed_on_by = parents.iter().find(|other| self.passes_on(other, parent, kind)).map(|other| other.name.clone());
            if let Some(other) = passed_on_by {
                let message = format!("the {} of `{}` come twice: `{other}` passes them on", kind.name(), parent.name);
                self.problems.push(Problem::at_value(&parent.path, message).expected(format!("`{other}` alone")).warning());
            }
        }
    }

    fn passes_on(&self, by: &ParentDecl, of: &ParentDecl, kind: EventKind) -> bool {
        let (Target::Node(i), (of_id, Some(gives))) = (by.target, self.parent(of)) else {
            return false;
        };
        let node = self.outcomes[i].as_ref().and_then(|outcome| outcome.node.as_ref());
        let through =
            |node: &Node| node.accepts.contains(kind) && node.port.kinds.contains(kind) && node.parents.contains(&of_id);
        gives.kinds.contains(kind) && node.is_some_and(through)
    }
}

/// Errors that stand even if the parents were other ones: those about the values of the node's own keys.
fn is_about_the_node_itself(error: &ParamError, node: &[String]) -> bool {
    let below = error.path.len() > node.len() && error.path.get(node.len()).is_none_or(|key| key != "parents");
    let kind = match error.kind {
        // Nothing to choose from: what could be chosen comes from the parents.
        ParamErrorKind::Unknown => error.expected != "none",
        ParamErrorKind::Conflict => false,
        ParamErrorKind::WrongType | ParamErrorKind::OutOfRange | ParamErrorKind::Missing => true,
    };
    below && kind
}

/// What stands in for a broken parent: every kind of event, in bars of some length.
fn anything() -> Port {
    Port { interval_ms: Some(60_000), ..Port::of(&EventKind::ALL) }
}

fn kinds(kinds: EventKinds) -> String {
    let names: Vec<_> = kinds.iter().map(EventKind::name).collect();
    if names.is_empty() { "nothing".to_owned() } else { names.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::topology::testing::{GOOD, catalog};

    fn good() -> Graph {
        compile(GOOD, "good.toml", &catalog()).map(|(graph, _)| graph).unwrap()
    }

    fn with(from: &str, to: &str) -> Graph {
        assert!(GOOD.contains(from), "{from}");
        compile(&GOOD.replace(from, to), "good.toml", &catalog()).map(|(graph, _)| graph).unwrap()
    }

    fn prints(graph: &Graph) -> Vec<&str> {
        graph.nodes.iter().map(|node| node.fingerprint.as_str()).collect()
    }

    /// Which nodes of the good topology have another fingerprint in `other`.
    fn changed(other: &Graph) -> Vec<String> {
        let good = good();
        let same = |node: &&Node| other.nodes.iter().any(|o| o.name == node.name && o.fingerprint == node.fingerprint);
        good.nodes.iter().filter(|node| !same(node)).map(|node| node.name.to_string()).collect()
    }

    #[test]
    fn a_file_becomes_a_graph_with_parents_before_children() {
        let graph = good();
        let names: Vec<&str> = graph.nodes.iter().map(|node| &*node.name).collect();
        assert_eq!(names, ["bars", "x", "a", "b", "score"]);
        for (place, node) in graph.nodes.iter().enumerate() {
            assert_eq!(usize::from(node.id.0), place + 1);
            assert!(node.parents.iter().all(|parent| *parent < node.id));
        }
        assert_eq!(
            graph.output_topics().iter().map(|t| &**t).collect::<Vec<_>>(),
            ["good.predictions", "good.leaders", "good.late", "good.dead-letters"]
        );
        assert_eq!((graph.seed, graph.max_coins, graph.sinks[1].kind), (7, 10_000, EventKind::Champion));
        assert_eq!(graph.node(NodeId(1)).unwrap().port.interval_ms, Some(300_000));
    }

    #[test]
    fn declaring_a_child_before_its_parent_changes_nothing_but_the_place() {
        let moved = GOOD.replace("[processors.bars]\ntype = \"window\"\nparents = [\"candles\"]\nsize = \"5m\"\n", "")
            + "
            [processors.bars]\ntype = \"window\"\nparents = [\"candles\"]\nsize = \"5m\"\n";
        let graph = compile(&moved, "moved.toml", &catalog()).unwrap().0;
        assert_eq!((prints(&graph), &graph.fingerprint), (prints(&good()), &good().fingerprint));
    }

    #[test]
    fn writing_a_default_or_another_spelling_changes_no_fingerprint() {
        for (from, to) in [
            ("size = \"5m\"", "grace = \"0s\"\nsize = \"300s\""),
            ("rate = 0.25", "rate = 25e-2\ntype = \"learner\""),
            ("lags = [1, 2]", "lags = [1, 0x2]"),
            ("seed = 7", "seed = 7\nmax_coins = 10000\nlate_topic = \"good.late\""),
        ] {
            let other = with(from, to);
            assert_eq!((changed(&other), other.fingerprint), (vec![], good().fingerprint), "{to}");
        }
    }

    #[test]
    fn a_change_reaches_the_node_and_its_descendants_but_not_the_evaluator() {
        assert_eq!(changed(&with("size = \"5m\"", "size = \"1m\"")), ["bars", "x", "a", "b"]);
        assert_eq!(changed(&with("rate = 0.25", "rate = 0.75")), ["b"]);
        assert_eq!(changed(&with("seed = 7", "seed = 8")), ["a", "b"]);
        assert_eq!(changed(&with("topic = \"market.candles.1m\"", "topic = \"other\"")), ["bars", "x", "a", "b"]);
    }

    #[test]
    fn a_new_model_changes_no_other_node_but_the_graph() {
        let more = with(
            "[evaluators.score]\nparents = [\"a\", ",
            "[learners.c]\nparents = [\"x\"]\n[evaluators.score]\nparents = [\"c\", \"a\", ",
        );
        assert_eq!(changed(&more), Vec::<String>::new());
        assert_ne!(more.fingerprint, good().fingerprint);
    }

    #[test]
    fn whatever_outputs_depend_on_is_in_the_graphs_fingerprint() {
        for (from, to) in [
            ("seed = 7", "seed = 8"),
            ("seed = 7", "max_coins = 3\nseed = 7"),
            ("seed = 7", "max_record_bytes = 300\nseed = 7"),
            ("seed = 7", "late_topic = \"x\"\nseed = 7"),
            ("name = \"good\"", "name = \"better\""),
            ("topic = \"good.predictions\"", "topic = \"p\""),
            ("parents = [\"score\"]\nrecords = \"champions\"", "parents = [\"score\"]\nrecords = \"evaluations\""),
            (
                "[sinks.predictions]\ntopic = \"good.predictions\"\nparents = [\"a\", \"b\"]",
                "[sinks.predictions]\ntopic = \"good.predictions\"\nparents = [\"b\", \"a\"]",
            ),
        ] {
            assert_ne!(with(from, to).fingerprint, good().fingerprint, "{to}");
        }
    }

    #[test]
    fn a_nodes_spec_holds_its_table_in_canonical_form() {
        let spec = good().nodes[3].spec.to_string();
        assert_eq!(
            spec,
            r#"{"horizon":"1m","only":"none","parents":["x"],"rate":0.25,"target":"close","topology.seed":7,"type":"learner"}"#
        );
    }

    /// Stored state carries these digests: another digest for the same topology refuses every state there is.
    #[test]
    fn fingerprints_do_not_change_between_versions() {
        assert_eq!(
            (good().fingerprint.as_str(), good().nodes[2].fingerprint.as_str()),
            ("488c4640cf40a0e88fdd397222cb45b8", "c799bc5db2a1104b5da812f9363c980d")
        );
    }
}

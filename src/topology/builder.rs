//! The same from Rust: a builder that makes the same graph as a file.
//!
//! It writes the tree a file would be read into and compiles that, so that whatever is said of files holds for it, fingerprints included. Beyond a
//! file it takes processors given directly, without an entry in the catalogue.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::compile::compile_spec;
use super::diagnostic::{Diagnostic, Problem, TopologyErrors};
use super::graph::Graph;
use super::outline::CustomNodes;
use super::spec::{Spec, SyntaxErrors};
use crate::learn::params::{Params, found};
use crate::processor::{Build, Built, Catalog, EventKind, EventKinds, OperatorEntry, Port, ProcessorFactory, Role};

/// The type that a processor given directly has in specs and descriptions.
const CUSTOM: &str = "custom";

crate::params! {
    /// A processor given directly.
    struct CustomParams {
        required {
            /// What its state depends on, in the words of whoever gives it.
            version: String;
        }
    }
}

/// A processor that a program gives directly.
#[derive(Clone)]
pub struct CustomProcessor {
    /// Stands for the code and its parameters in the node's fingerprint: change it when state written before no longer fits.
    pub version: String,
    /// The kinds of events it takes.
    pub accepts: EventKinds,
    /// What it gives to its children.
    pub port: Port,
    /// Makes its processors.
    pub factory: Arc<dyn ProcessorFactory>,
}

impl CustomProcessor {
    /// A processor that takes events of these kinds and gives what `port` says.
    pub fn new(version: &str, accepts: &[EventKind], port: Port, factory: impl ProcessorFactory + 'static) -> Self {
        CustomProcessor { version: version.to_owned(), accepts: EventKinds::of(accepts), port, factory: Arc::new(factory) }
    }

    fn entry(self) -> OperatorEntry {
        let CustomProcessor { version, accepts, port, factory } = self;
        let params = json!({ "version": version });
        let build = move |_: &Build<'_>| Ok(Built { factory: factory.clone(), port: port.clone(), params: params.clone() });
        let (name, summary, params) = (CUSTOM, "A processor given by the program.", CustomParams::describe());
        OperatorEntry { name, role: Role::Processor, summary, params, accepts, build: Arc::new(build) }
    }
}

/// Builds a topology step by step; mistakes are told all at once by [`build`](Self::build).
///
/// Parameters of nodes are what the node's table would hold, as JSON; `json!({})` for none.
#[derive(Clone, Default)]
pub struct TopologyBuilder {
    root: Map<String, Value>,
    custom: CustomNodes,
    problems: Vec<Problem>,
}

impl TopologyBuilder {
    /// A topology of this name.
    pub fn new(name: &str) -> Self {
        TopologyBuilder::default().setting("name", name)
    }

    /// Sets a key of `[topology]`: `seed`, `late_topic`, `dead_letter_topic`, `max_coins` or `max_record_bytes`.
    #[must_use]
    pub fn setting(mut self, key: &str, value: impl Into<Value>) -> Self {
        let table = self.root.entry("topology").or_insert_with(|| json!({}));
        table[key] = value.into();
        self
    }

    /// What every model that draws random numbers derives its own seed from; 0 without this call.
    #[must_use]
    pub fn seed(self, seed: u64) -> Self {
        self.setting("seed", seed)
    }

    /// The source: where records come from and how they are written.
    #[must_use]
    pub fn source(self, name: &str, topic: &str, format: &str) -> Self {
        self.table("sources", name, json!({ "topic": topic, "format": format }))
    }

    /// A processor of a type of the catalogue.
    #[must_use]
    pub fn processor<'a>(self, name: &str, operator: &str, parents: impl IntoIterator<Item = &'a str>, params: Value) -> Self {
        self.node(Role::Processor, name, parents, params, Some(operator))
    }

    /// A processor given directly.
    #[must_use]
    pub fn processor_with<'a>(
        mut self,
        name: &str,
        parents: impl IntoIterator<Item = &'a str>,
        processor: CustomProcessor,
    ) -> Self {
        let params = json!({ "version": processor.version });
        self.custom.insert(name.to_owned(), processor.entry());
        self.node(Role::Processor, name, parents, params, Some(CUSTOM))
    }

    /// A learner of the catalogue's first type, unless the parameters name another `type`.
    #[must_use]
    pub fn learner<'a>(self, name: &str, parents: impl IntoIterator<Item = &'a str>, params: Value) -> Self {
        self.node(Role::Learner, name, parents, params, None)
    }

    /// An evaluator of the catalogue's first type, unless the parameters name another `type`.
    #[must_use]
    pub fn evaluator<'a>(self, name: &str, parents: impl IntoIterator<Item = &'a str>, params: Value) -> Self {
        self.node(Role::Evaluator, name, parents, params, None)
    }

    /// An output topic for events of one kind.
    #[must_use]
    pub fn sink<'a>(self, name: &str, topic: &str, records: EventKind, parents: impl IntoIterator<Item = &'a str>) -> Self {
        let parents: Value = parents.into_iter().collect();
        self.table("sinks", name, json!({ "topic": topic, "records": records.name(), "parents": parents }))
    }

    /// Compiles it: the graph, and what was noticed.
    ///
    /// # Errors
    /// Everything that is wrong, each named by its path of keys as in a file.
    pub fn build(self, catalog: &Catalog) -> Result<(Graph, Vec<Diagnostic>), TopologyErrors> {
        let syntax = SyntaxErrors { problems: self.problems, ..SyntaxErrors::default() };
        compile_spec(&Spec::of_tree(self.root), syntax, catalog, &self.custom)
    }

    fn node<'a>(
        mut self,
        role: Role,
        name: &str,
        parents: impl IntoIterator<Item = &'a str>,
        params: Value,
        operator: Option<&str>,
    ) -> Self {
        let path = [role.table().to_owned(), name.to_owned()];
        let mut table = match params {
            Value::Object(table) => table,
            Value::Null => Map::new(),
            other => {
                let message = format!("the parameters of `{name}`: found {}", found(&other));
                self.problems.push(Problem::at_value(&path, message).expected("an object of parameters"));
                Map::new()
            }
        };
        table.insert("parents".into(), parents.into_iter().collect());
        if let Some(operator) = operator {
            table.insert("type".into(), operator.into());
        }
        self.table(role.table(), name, Value::Object(table))
    }

    fn table(mut self, kind: &str, name: &str, table: Value) -> Self {
        let tables = self.root.entry(kind).or_insert_with(|| json!({}));
        if tables.get(name).is_some() {
            let path = [kind.to_owned(), name.to_owned()];
            self.problems.push(Problem::at_key(&path, format!("`{name}` is declared twice")).expected("every name once"));
        }
        tables[name] = table;
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::processor::Processor;
    use crate::topology::compile;
    use crate::topology::testing::{GOOD, Nothing, catalog};

    fn good() -> TopologyBuilder {
        TopologyBuilder::new("good")
            .seed(7)
            .source("candles", "market.candles.1m", "candle-json")
            .processor("bars", "window", ["candles"], json!({ "size": "5m" }))
            .processor("x", "features", ["bars"], json!({ "lags": [1, 2] }))
            .learner("a", ["x"], Value::Null)
            .learner("b", ["x"], json!({ "rate": 0.25 }))
            .evaluator("score", ["a", "b"], json!({}))
            .sink("predictions", "good.predictions", EventKind::Prediction, ["a", "b"])
            .sink("leaders", "good.leaders", EventKind::Champion, ["score"])
    }

    fn custom(version: &str) -> CustomProcessor {
        let factory = |_: &str| Box::new(Nothing) as Box<dyn Processor>;
        CustomProcessor::new(version, &[EventKind::Candle], Port::of(&[EventKind::Candle]), factory)
    }

    #[test]
    fn a_program_and_a_file_make_the_same_graph() {
        let (built, warnings) = good().build(&catalog()).unwrap();
        let (read, _) = compile(GOOD, "good.toml", &catalog()).unwrap();
        assert!(warnings.is_empty());
        assert_eq!(built.fingerprint, read.fingerprint);
        for (a, b) in built.nodes.iter().zip(&read.nodes) {
            assert_eq!(
                (a.id, &a.name, &a.fingerprint, &a.spec, &a.parents),
                (b.id, &b.name, &b.fingerprint, &b.spec, &b.parents)
            );
        }
    }

    #[test]
    fn a_processor_given_directly_is_a_node_like_any_other_and_its_version_is_its_fingerprint() {
        let build = |version| {
            let builder = TopologyBuilder::new("mine").source("candles", "in", "candle-json");
            let builder = builder.processor_with("mine", ["candles"], custom(version));
            builder.sink("candles-out", "out", EventKind::Candle, ["mine"]).build(&catalog()).unwrap().0
        };
        let (one, two) = (build("1"), build("2"));
        assert_eq!((one.nodes[0].operator, one.nodes[0].spec["version"].as_str()), ("custom", Some("1")));
        assert_ne!(one.nodes[0].fingerprint, two.nodes[0].fingerprint);
        assert_eq!(one.nodes[0].fingerprint, build("1").nodes[0].fingerprint);
    }

    #[test]
    fn every_mistake_is_told_at_once_by_its_path() {
        let builder = good().processor("bars", "windw", ["candle"], json!({ "size": "5m" })).learner("c", [], json!(3));
        let Err(errors) = builder.build(&catalog()) else { panic!("it is wrong") };
        let told: Vec<_> = errors.errors.iter().map(|e| format!("{}: {}", e.path, e.message)).collect();
        assert_eq!(
            told,
            [
                "processors.bars: `bars` is declared twice",
                "learners.c: the parameters of `c`: found the number 3",
                "processors.bars.type: unknown type `windw` in [processors.*]",
                "learners.c.parents: an empty list of parents",
                "processors.bars.parents.0: no node and no source is called `candle`",
            ]
        );
    }
}

//! Reading the tables: which keys there are, and of what type.

use serde_json::{Map, Value};

use crate::learn::params::{ParamError, ParamErrorKind, ParamValue, Params, child, found, nearest};
use crate::processor::{Catalog, DecoderEntry, OperatorEntry, Role};
use crate::topology::diagnostic::Problem;
use crate::topology::names::{NAME_RULE, is_name, nearest_name};
use crate::topology::outline::{CustomNodes, NodeDecl, Outline, ParentDecl, SinkDecl, SourceDecl, Target};
use crate::topology::spec::Spec;
use crate::topology::tables::{ROLES, Records, SinkParams, SourceParams, TABLES, TopologyParams};

/// Most nodes of a topology, and most sinks; far more than one machine's cores can serve.
const MAX_NODES: usize = 1_000;
/// Most parents of a node or sink.
const MAX_PARENTS: usize = 1_000;

/// What was declared so far, and what is wrong with it.
#[derive(Default)]
pub(in crate::topology) struct Declared {
    pub outline: Outline,
    pub problems: Vec<Problem>,
    /// Every name in the order of the tables.
    pub names: Vec<DeclaredName>,
    /// Whether a table of tables could not be read, so that names may be missing.
    pub incomplete: bool,
}

/// A name and where it stands.
pub(in crate::topology) struct DeclaredName {
    pub name: String,
    pub path: Vec<String>,
    pub is_sink: bool,
}

/// Reads all tables.
pub(super) fn declare(spec: &Spec, catalog: &Catalog, custom: &CustomNodes) -> Declared {
    let mut reader = Reader { spec, catalog, custom, declared: Declared::default() };
    reader.unknown_tables();
    reader.settings();
    reader.sources();
    ROLES.into_iter().for_each(|role| reader.nodes(role));
    reader.sinks();
    reader.declared
}

struct Reader<'a> {
    spec: &'a Spec,
    catalog: &'a Catalog,
    custom: &'a CustomNodes,
    declared: Declared,
}

fn path(keys: &[&str]) -> Vec<String> {
    keys.iter().map(|key| key.to_string()).collect()
}

fn quoted_list<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let names: Vec<_> = names.into_iter().collect();
    if names.is_empty() { "none".to_owned() } else { format!("one of {}", names.join(", ")) }
}

fn did_you_mean(near: Option<&str>) -> Option<String> {
    near.map(|near| format!("did you mean `{near}`?"))
}

/// The table that an unknown key is probably a slip of.
fn meant(key: &str) -> Option<&'static str> {
    let singular = TABLES.into_iter().find(|table| *table == format!("{key}s"));
    if TABLES.contains(&key) { None } else { singular.or_else(|| nearest(key, TABLES)) }
}

impl<'a> Reader<'a> {
    fn tell(&mut self, problem: Problem) {
        self.declared.problems.push(problem);
    }

    fn tell_params(&mut self, errors: &[ParamError]) {
        self.declared.problems.extend(errors.iter().map(Problem::of_param));
    }

    fn unknown_tables(&mut self) {
        for (key, value) in self.spec.root.iter().filter(|(key, _)| !TABLES.contains(&key.as_str())) {
            let what = if value.is_object() {
                format!("unknown table [{key}]")
            } else {
                format!("unknown key `{key}` outside of any table")
            };
            let problem = Problem::at_key(&path(&[key]), what);
            self.tell(match (meant(key), key.as_str()) {
                (None, "config" | "engine" | "settings") => problem.expected("only what decides outputs and state").suggest(Some(
                    "settings of the engine (commit.interval.ms, num.stream.threads, ...) belong in its configuration file: `--config FILE`",
                )),
                (meant, _) => problem.expected(quoted_list(TABLES)).suggest(did_you_mean(meant)),
            });
        }
    }

    /// The key under which a table was written: its name, or else one that was probably meant so, which has been told.
    fn written(&self, table: &'static str) -> &'a str {
        let keys = self.spec.root.keys().map(String::as_str);
        if self.spec.root.contains_key(table) {
            table
        } else {
            keys.into_iter().find(|key| meant(key) == Some(table)).unwrap_or(table)
        }
    }

    fn settings(&mut self) {
        let here = self.written("topology");
        let Some(value) = self.spec.root.get(here) else {
            let example = Some("begin the file with [topology] and name = \"my-topology\"");
            return self.tell(Problem::at_key(&[], "missing table [topology]").suggest(example));
        };
        if let Some(name) = value.get("name").and_then(Value::as_str) {
            self.check_name(name, Problem::at_value(&path(&[here, "name"]), ""));
        }
        match TopologyParams::read(value, &path(&[here])) {
            Ok(settings) => self.declared.outline.settings = Some(settings),
            Err(errors) => self.tell_params(&errors),
        }
    }

    /// The tables below `table`, each with its path and name.
    fn children(&mut self, table: &'static str) -> Vec<(&'a str, &'a str, &'a Value)> {
        let written = self.written(table);
        match self.spec.root.get(written) {
            None => Vec::new(),
            Some(Value::Object(object)) => object.iter().map(|(name, value)| (written, name.as_str(), value)).collect(),
            Some(other) => {
                let message = format!("`{written}`: found {}", found(other));
                self.tell(Problem::at_key(&path(&[written]), message).expected(format!("a table for each name: [{table}.NAME]")));
                self.declared.incomplete = true;
                Vec::new()
            }
        }
    }

    /// Notes a declared name; its table, if it is one.
    fn declare(&mut self, table: &str, name: &'a str, value: &'a Value) -> Option<(Vec<String>, &'a Map<String, Value>)> {
        let here = path(&[table, name]);
        self.check_name(name, Problem::at_key(&here, ""));
        let is_sink = table == self.written("sinks");
        self.declared.names.push(DeclaredName { name: name.to_owned(), path: here.clone(), is_sink });
        if !value.is_object() {
            let message = format!("`{name}` in [{table}]: found {}", found(value));
            self.tell(Problem::at_value(&here, message).expected(format!("a table: [{table}.{name}]")));
        }
        value.as_object().map(|object| (here, object))
    }

    fn check_name(&mut self, name: &str, at: Problem) {
        if !is_name(name) {
            let suggestion = nearest_name(name).map(|near| format!("for instance `{near}`"));
            self.tell(at.say(format!("`{name}` is no valid name")).expected(NAME_RULE).suggest(suggestion));
        }
    }

    fn sources(&mut self) {
        let sources = self.children("sources");
        if sources.is_empty() && !self.declared.incomplete {
            let problem = Problem::at_key(&path(&["sources"]), "this topology has no source");
            self.tell(problem.expected("exactly one table [sources.NAME] with topic and format"));
        }
        for (position, (table, name, value)) in sources.into_iter().enumerate() {
            let source = self.source(table, name, value);
            self.declared.outline.sources.push(source);
            if position > 0 {
                let problem = Problem::at_key(&path(&[table, name]), format!("a second source, `{name}`"));
                self.tell(problem.expected("exactly one: a topology reads one topic for now"));
            }
        }
    }

    fn source(&mut self, table: &str, name: &'a str, value: &'a Value) -> SourceDecl {
        let mut source = SourceDecl { name: name.to_owned(), topic: None, decoder: None };
        let Some((here, _)) = self.declare(table, name, value) else {
            return source;
        };
        match SourceParams::read(value, &here) {
            Ok(params) => {
                source.decoder = self.decoder(&params.format, &child(&here, "format"));
                source.topic = Some(params.topic);
            }
            Err(errors) => self.tell_params(&errors),
        }
        source
    }

    fn decoder(&mut self, format: &str, at: &[String]) -> Option<DecoderEntry> {
        let found = self.catalog.decoders().find(|entry| entry.name == format).cloned();
        if found.is_none() {
            let names: Vec<_> = self.catalog.decoders().map(|entry| entry.name).collect();
            let problem =
                Problem::at_value(at, format!("unknown format `{format}`")).expected(quoted_list(names.iter().copied()));
            self.tell(problem.suggest(did_you_mean(nearest(format, names))));
        }
        found
    }

    fn nodes(&mut self, role: Role) {
        for (written, name, value) in self.children(role.table()) {
            let Some((here, table)) = self.declare(written, name, value) else {
                continue;
            };
            if self.declared.outline.nodes.len() == MAX_NODES {
                return self.tell(Problem::at_key(&here, "too many nodes").expected(format!("at most {MAX_NODES}")));
            }
            let node = self.node(role, name, here, table);
            self.declared.outline.nodes.push(node);
        }
    }

    fn node(&mut self, role: Role, name: &str, here: Vec<String>, table: &'a Map<String, Value>) -> NodeDecl {
        let entry = self.entry(role, name, &here, table.get("type"));
        let params = self.known_params(entry.as_ref(), &here, table);
        let parents = self.parents(&here, table.get("parents"));
        NodeDecl { path: here, name: name.to_owned(), role, entry, parents, params }
    }

    fn entry(&mut self, role: Role, name: &str, here: &[String], written: Option<&Value>) -> Option<OperatorEntry> {
        if let Some(custom) = self.custom.get(name) {
            return Some(custom.clone());
        }
        let names: Vec<_> = self.catalog.operators(role).map(|entry| entry.name).collect();
        let type_path = child(here, "type");
        match written {
            None if role != Role::Processor => return self.default_entry(role, here),
            None => self.tell_params(&[missing(&type_path, &quoted_list(names))]),
            Some(Value::String(written)) => return self.named_entry(role, written, &type_path, &names),
            Some(other) => self.tell_params(&[ParamError::wrong_type(&type_path, other, quoted_list(names))]),
        }
        None
    }

    fn default_entry(&mut self, role: Role, here: &[String]) -> Option<OperatorEntry> {
        let first = self.catalog.operators(role).next().cloned();
        if first.is_none() {
            self.tell(Problem::at_key(here, format!("the catalogue has no types for [{}.*]", role.table())));
        }
        first
    }

    fn named_entry(&mut self, role: Role, written: &str, at: &[String], names: &[&str]) -> Option<OperatorEntry> {
        let entry = self.catalog.operators(role).find(|entry| entry.name == written).cloned();
        if entry.is_none() {
            let elsewhere = ROLES.into_iter().find(|role| self.catalog.operators(*role).any(|entry| entry.name == written));
            let suggestion = match elsewhere {
                Some(other) => Some(format!("`{written}` is written as a table of [{}.*]", other.table())),
                None => did_you_mean(nearest(written, names.iter().copied())),
            };
            let problem = Problem::at_value(at, format!("unknown type `{written}` in [{}.*]", role.table()));
            self.tell(problem.expected(quoted_list(names.iter().copied())).suggest(suggestion));
        }
        entry
    }

    /// The table without what every node has; keys the type does not know are told here, for nodes with broken parents too, and left out.
    fn known_params(&mut self, entry: Option<&OperatorEntry>, here: &[String], table: &Map<String, Value>) -> Value {
        let mut params = table.clone();
        params.retain(|key, _| key != "type" && key != "parents");
        if let Some(entry) = entry {
            let known = ["parents", "type"].into_iter().chain(entry.params.iter().map(|info| info.name));
            let known: Vec<_> =
                known.filter(|name| *name != "type" || entry.role == Role::Processor || table.contains_key("type")).collect();
            for key in table.keys().filter(|key| !known.contains(&key.as_str())) {
                self.tell_params(&[ParamError::unknown(&child(here, key), "parameter", key, &known)]);
            }
            params.retain(|key, _| known.contains(&key.as_str()));
        }
        Value::Object(params)
    }

    fn parents(&mut self, here: &[String], written: Option<&Value>) -> Vec<ParentDecl> {
        const EXPECTED: &str = "a list of names of nodes, or the source's";
        let at = child(here, "parents");
        match written {
            None => self.tell_params(&[missing(&at, EXPECTED)]),
            Some(Value::String(one)) => {
                let error = ParamError::wrong_type(&at, &Value::from(one.as_str()), EXPECTED);
                self.tell_params(&[error.suggest(format!("write parents = [\"{one}\"]"))]);
            }
            Some(written) => match Vec::<String>::read_value(written, &at) {
                Ok(names) if names.len() > MAX_PARENTS => {
                    let message = format!("a list of {} parents", names.len());
                    self.tell(Problem::at_value(&at, message).expected(format!("at most {MAX_PARENTS}")));
                }
                Ok(names) if names.is_empty() => {
                    self.tell(Problem::at_value(&at, "an empty list of parents").expected("at least one"))
                }
                Ok(names) => {
                    let one =
                        |(i, name): (usize, String)| ParentDecl { name, path: child(&at, i.to_string()), target: Target::Broken };
                    return names.into_iter().enumerate().map(one).collect();
                }
                Err(errors) => self.tell_params(&errors),
            },
        }
        Vec::new()
    }

    fn sinks(&mut self) {
        let sinks = self.children("sinks");
        if sinks.is_empty() {
            let problem =
                Problem::at_key(&path(&["topology"]), "this topology has no sink: nothing but scores will be seen of it");
            self.tell(problem.expected("a table [sinks.predictions] with topic and parents").warning());
        }
        for (written, name, value) in sinks {
            if let Some((here, table)) = self.declare(written, name, value) {
                if self.declared.outline.sinks.len() == MAX_NODES {
                    return self.tell(Problem::at_key(&here, "too many sinks").expected(format!("at most {MAX_NODES}")));
                }
                let sink = self.sink(name, here, table);
                self.declared.outline.sinks.push(sink);
            }
        }
    }

    /// `parents` are read as those of nodes are, so that both say the same of the same mistake.
    fn sink(&mut self, name: &str, here: Vec<String>, table: &Map<String, Value>) -> SinkDecl {
        let parents = self.parents(&here, table.get("parents"));
        let mut rest = table.clone();
        rest.insert("parents".into(), Value::Array(Vec::new()));
        let named = Records::read_value(&Value::from(name), &[]).ok();
        let read = SinkParams::read(&Value::Object(rest), &here);
        let (topic, records) = match read {
            Ok(params) => (Some(params.topic), params.records.or(named)),
            Err(errors) => {
                self.tell_params(&errors);
                (table.get("topic").and_then(Value::as_str).map(str::to_owned), named)
            }
        };
        if records.is_none() && !table.contains_key("records") {
            let expected = quoted_list(Records::choices().iter().map(|choice| choice.name));
            self.tell_params(&[
                missing(&child(&here, "records"), &expected).suggest("it may be left out when the sink has such a name")
            ]);
        }
        SinkDecl { path: here, name: name.to_owned(), topic, kind: records.map(Records::kind), parents }
    }
}

fn missing(at: &[String], expected: &str) -> ParamError {
    ParamError::new(ParamErrorKind::Missing, at, "this parameter is required", expected)
}

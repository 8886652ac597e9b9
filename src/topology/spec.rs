//! A topology as it was written: a neutral tree of keys and values, and where each of them stands.
//!
//! The tree is JSON, because that is what operators read and what a program builds without a file. It knows nothing of tables, nodes or sinks.

use std::ops::Range;

use serde_json::{Map, Number, Value};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::diagnostic::Problem;
use super::source_map::{SourceMap, Spans};

/// The longest topology text that is read, bytes.
pub const MAX_TEXT_BYTES: usize = 1024 * 1024;

/// A topology as it was written.
#[derive(Debug, Clone, Default)]
pub struct Spec {
    /// The keys and values, in the order they were written.
    pub root: Map<String, Value>,
    /// Where they stand.
    pub map: SourceMap,
}

impl Spec {
    /// A topology that was built by a program: a tree without text.
    pub fn of_tree(root: Map<String, Value>) -> Self {
        Spec { root, map: SourceMap::default() }
    }

    /// Reads the text of a topology file; `file` is named in what is said about it. Returns what could be read, and every mistake in it.
    pub fn parse(file: &str, text: &str) -> (Self, SyntaxErrors) {
        if text.len() > MAX_TEXT_BYTES {
            let problem = Problem::at_bytes(0..0, format!("this file has {} bytes", text.len()))
                .expected(format!("at most {MAX_TEXT_BYTES} bytes (1 MiB): a topology is written by people"));
            let errors = SyntaxErrors { problems: vec![problem], fatal: true, unread: Vec::new() };
            return (Spec { root: Map::new(), map: SourceMap::of_text(file, "") }, errors);
        }
        let (table, errors) = DeTable::parse_recoverable(text);
        let fatal = !errors.iter().all(|error| is_harmless(error.message()));
        let problems = errors.iter().map(|error| syntax_problem(error, text)).collect();
        let mut reader = Reader { map: SourceMap::of_text(file, text), problems, unread: Vec::new() };
        let root = reader.table(&mut Vec::new(), table.get_ref());
        (Spec { root, map: reader.map }, SyntaxErrors { problems: reader.problems, fatal, unread: reader.unread })
    }
}

/// What is wrong with a text before anything is known of its meaning.
#[derive(Debug, Clone, Default)]
pub struct SyntaxErrors {
    /// The mistakes.
    pub problems: Vec<Problem>,
    /// Whether the tree is so uncertain that nothing should be concluded from it.
    pub fatal: bool,
    /// The values that could not be read and stand as `null` in the tree.
    pub unread: Vec<Vec<String>>,
}

/// Whether the parser understood what was meant, so that the rest of the file can be judged in the same go.
fn is_harmless(message: &str) -> bool {
    message == "duplicate key" || message.starts_with("string values must be quoted")
}

fn syntax_problem(error: &toml::de::Error, text: &str) -> Problem {
    let span = error.span().unwrap_or(0..0);
    let message = error.message();
    if message == "duplicate key" {
        let name = text.get(span.clone()).unwrap_or_default();
        return Problem::at_bytes(span, format!("`{name}` is written twice")).expected("every key and table once");
    }
    if message.starts_with("string values must be quoted") {
        return Problem::at_bytes(span, "a text without quotes").expected("texts, durations and names in quotes, such as \"5m\"");
    }
    let (what, expected) = message.split_once(", expected ").unwrap_or((message, ""));
    Problem::at_bytes(span, format!("not valid TOML: {what}")).expected(expected)
}

struct Reader {
    map: SourceMap,
    problems: Vec<Problem>,
    unread: Vec<Vec<String>>,
}

impl Reader {
    /// The parser sorts keys by name; what counts here is the order in which they were written.
    fn table(&mut self, path: &mut Vec<String>, table: &DeTable<'_>) -> Map<String, Value> {
        let mut entries: Vec<_> = table.iter().collect();
        entries.sort_by_key(|(key, _)| key.span().start);
        let mut read = Map::new();
        for (key, value) in entries {
            let name = key.get_ref().to_string();
            let value = self.entry(path, name.clone(), key.span(), value);
            read.insert(name, value);
        }
        read
    }

    fn entry(&mut self, path: &mut Vec<String>, name: String, key: Range<usize>, value: &Spanned<DeValue<'_>>) -> Value {
        path.push(name);
        self.map.insert(path.clone(), Spans { key, value: value.span() });
        let read = self.value(path, value);
        path.pop();
        read
    }

    fn value(&mut self, path: &mut Vec<String>, value: &Spanned<DeValue<'_>>) -> Value {
        match value.get_ref() {
            DeValue::String(text) => Value::from(text.as_ref()),
            DeValue::Boolean(flag) => Value::from(*flag),
            DeValue::Integer(number) => {
                let read = i64::from_str_radix(number.as_str(), number.radix());
                read.map(Value::from).unwrap_or_else(|_| self.refuse(path, value, "this whole number does not fit into 64 bits"))
            }
            DeValue::Float(number) => {
                let read = number.as_str().parse().ok().and_then(Number::from_f64).map(Value::Number);
                read.unwrap_or_else(|| self.refuse(path, value, "this number is not finite"))
            }
            DeValue::Datetime(_) => self.refuse(path, value, "a date or time; topologies have none"),
            DeValue::Array(items) => {
                let each = |(i, item): (usize, &Spanned<DeValue<'_>>)| self.entry(path, i.to_string(), item.span(), item);
                items.iter().enumerate().map(each).collect()
            }
            DeValue::Table(table) => Value::Object(self.table(path, table)),
        }
    }

    fn refuse(&mut self, path: &[String], value: &Spanned<DeValue<'_>>, message: &str) -> Value {
        self.problems.push(
            Problem::at_bytes(value.span(), message).expected("a text in quotes, a number, true or false, a list or a table"),
        );
        self.unread.push(path.to_vec());
        Value::Null
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(map: &Map<String, Value>) -> Vec<&str> {
        map.keys().map(String::as_str).collect()
    }

    #[test]
    fn keys_keep_the_order_of_the_file_and_know_their_place() {
        let (spec, errors) = Spec::parse("x.toml", "[b]\nz = 1\na = [1, { q = 2 }]\n[a]\n");
        assert!(errors.problems.is_empty());
        assert_eq!(keys(&spec.root), ["b", "a"]);
        assert_eq!(keys(spec.root["b"].as_object().unwrap()), ["z", "a"]);
        let path: Vec<String> = ["b", "a", "1", "q"].map(String::from).to_vec();
        let spans = spec.map.nearest(&path).map(|(spans, _)| spans).unwrap();
        assert_eq!((spec.map.location(spans.key.start).line, spec.map.location(spans.key.start).column), (3, 11));
    }

    #[test]
    fn a_name_written_twice_is_told_and_the_rest_is_still_read() {
        let (spec, errors) = Spec::parse("x.toml", "[a]\nx = 1\n[a]\ny = 5m\n[c]\n");
        assert_eq!((errors.problems.len(), errors.fatal), (2, false));
        assert_eq!(keys(&spec.root), ["a", "c"]);
        assert_eq!(spec.root["a"]["y"], "5m");
    }

    #[test]
    fn broken_syntax_is_fatal_and_tells_each_mistake() {
        let (_, errors) = Spec::parse("x.toml", "[a\n[b]\nx =\n");
        assert!(errors.fatal && errors.problems.len() >= 2);
    }

    #[test]
    fn values_that_no_topology_needs_are_refused_with_their_place() {
        let (_, errors) = Spec::parse("x.toml", "a = 1979-05-27\nb = nan\nc = 99999999999999999999\nd = -inf\ne = 1e999\n");
        assert_eq!((errors.problems.len(), errors.fatal), (5, false));
    }

    #[test]
    fn a_text_of_more_than_one_mebibyte_is_refused_unread() {
        let (spec, errors) = Spec::parse("x.toml", &"#".repeat(MAX_TEXT_BYTES + 1));
        assert!(errors.fatal && spec.root.is_empty());
        assert!(!Spec::parse("x.toml", &"#".repeat(MAX_TEXT_BYTES)).1.fatal);
    }

    #[test]
    fn deep_nesting_is_refused_rather_than_followed() {
        let text = format!("a = {}1{}", "[".repeat(100_000), "]".repeat(100_000));
        assert!(Spec::parse("x.toml", &text).1.fatal);
    }
}

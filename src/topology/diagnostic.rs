//! What is said about a topology: mistakes and warnings with their place, for people and for editors.
//!
//! A [`Problem`] names its place by a path of keys, because whoever finds it knows keys; a [`SourceMap`] turns that into file, line and column, and the
//! problem into a [`Diagnostic`]. It knows nothing of what the keys mean.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use serde_json::{Value, json};
use thiserror::Error;

use super::source_map::{Location, SourceMap};
use crate::learn::params::{ParamError, ParamErrorKind};

/// Most diagnostics that are printed; the rest is counted. All of them are in the lists.
const MOST_PRINTED: usize = 100;
/// Longest part of a line that is shown, characters.
const EXCERPT_CHARS: usize = 140;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The topology cannot run.
    Error,
    /// It can run, but something in it has no effect.
    Warning,
}

impl Severity {
    fn name(self) -> &'static str {
        match self {
            Severity::Error => "error",
            Severity::Warning => "warning",
        }
    }
}

/// Where a problem is, before lines and columns are looked up.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Place {
    Bytes(Range<usize>),
    Key(Vec<String>),
    Value(Vec<String>),
}

/// Something to say about a topology, with a place in terms of keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    place: Place,
    severity: Severity,
    message: String,
    expected: String,
    suggestion: Option<String>,
    /// Whether it is about a key that is not there.
    missing: bool,
}

impl Problem {
    fn at(place: Place, message: impl Into<String>) -> Self {
        let (message, expected, suggestion) = (message.into(), String::new(), None);
        Problem { place, severity: Severity::Error, message, expected, suggestion, missing: false }
    }

    /// A mistake in these bytes of the text.
    pub fn at_bytes(span: Range<usize>, message: impl Into<String>) -> Self {
        Self::at(Place::Bytes(span), message)
    }

    /// A mistake in the key at `path`, or something missing below it.
    pub fn at_key(path: &[String], message: impl Into<String>) -> Self {
        Self::at(Place::Key(path.to_vec()), message)
    }

    /// A mistake in the value at `path`.
    pub fn at_value(path: &[String], message: impl Into<String>) -> Self {
        Self::at(Place::Value(path.to_vec()), message)
    }

    /// The same with other words.
    #[must_use]
    pub fn say(mut self, message: impl Into<String>) -> Self {
        self.message = message.into();
        self
    }

    /// The same with what would be right.
    #[must_use]
    pub fn expected(mut self, expected: impl Into<String>) -> Self {
        self.expected = expected.into();
        self
    }

    /// The same with what was probably meant, or can be done.
    #[must_use]
    pub fn suggest(mut self, suggestion: Option<impl Into<String>>) -> Self {
        self.suggestion = suggestion.map(Into::into);
        self
    }

    /// The same as a warning.
    #[must_use]
    pub fn warning(mut self) -> Self {
        self.severity = Severity::Warning;
        self
    }

    /// A parameter's mistake. A missing parameter stands nowhere, so its table is shown; of an unknown one its key; of all others the value.
    pub fn of_param(error: &ParamError) -> Self {
        let (key, value) = (Place::Key(error.path.clone()), Place::Value(error.path.clone()));
        let (place, message) = match error.kind {
            ParamErrorKind::Missing if is_table(&error.path) => (key, format!("{}: {}", key_text(&error.path), error.message)),
            ParamErrorKind::Missing if error.message == "this parameter is required" => {
                (key, format!("missing key {}", key_text(&error.path)))
            }
            ParamErrorKind::Missing => (key, format!("missing key {}: {}", key_text(&error.path), error.message)),
            ParamErrorKind::Unknown if error.message == "unknown parameter" => {
                (key, format!("unknown key {}", key_text(&error.path)))
            }
            _ => (value, format!("{}: {}", key_text(&error.path), error.message)),
        };
        let problem = Problem::at(place, message).expected(error.expected.as_str()).suggest(error.suggestion.as_deref());
        Problem { missing: error.kind == ParamErrorKind::Missing, ..problem }
    }

    /// Whether another problem already says why this one is there: the key that is missing was misspelt, or the value could not be read at all.
    fn follows_from(&self, others: &[Problem], unread: &[Vec<String>]) -> bool {
        let misspelt = |other: &Problem| match (self.path(), other.path()) {
            ([table @ .., key], [other_table @ .., _]) => {
                table == other_table && other.suggestion.as_ref().is_some_and(|text| *text == format!("did you mean `{key}`?"))
            }
            _ => false,
        };
        (self.missing && others.iter().any(misspelt)) || unread.iter().any(|path| self.path().starts_with(path))
    }

    /// Looks up where it is.
    pub fn locate(&self, map: &SourceMap) -> Diagnostic {
        let span = match &self.place {
            Place::Bytes(span) => Some(span.clone()),
            Place::Key(path) => map.nearest(path).map(|(spans, _)| spans.key.clone()),
            Place::Value(path) => {
                map.nearest(path).map(|(spans, whole)| if whole { spans.value.clone() } else { spans.key.clone() })
            }
        };
        // Without a place in particular it is about the file as a whole.
        let span = span.unwrap_or(0..0);
        let location = map.file().map(|_| map.location(span.start));
        Diagnostic {
            severity: self.severity,
            file: map.file().map(Arc::from),
            line: location.as_ref().map(|l| l.line),
            column: location.as_ref().map(|l| l.column),
            path: self.path().join("."),
            message: printable(&self.message),
            expected: printable(&self.expected),
            suggestion: self.suggestion.as_deref().map(printable),
            excerpt: location.map(|location| Excerpt::of(map, &location, &span)),
        }
    }

    fn path(&self) -> &[String] {
        match &self.place {
            Place::Bytes(_) => &[],
            Place::Key(path) | Place::Value(path) => path,
        }
    }
}

/// Whether a path leads to a node's, source's or sink's table rather than to a key in one.
fn is_table(path: &[String]) -> bool {
    path.len() == 2 && path[0] != "topology"
}

/// A key with its table: `` `window.grace` in [processors.bars] ``.
pub(super) fn key_text(path: &[String]) -> String {
    match path {
        [] => "the file".to_owned(),
        [key] => format!("`{key}`"),
        [table, key] if table == "topology" => format!("`{key}` in [topology]"),
        [table, name] => format!("[{table}.{name}]"),
        [table, rest @ ..] if table == "topology" => format!("`{}` in [topology]", rest.join(".")),
        [table, name, rest @ ..] => format!("`{}` in [{table}.{name}]", rest.join(".")),
    }
}

/// Text from a file may hold anything; what is printed must not move a terminal's cursor.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

/// The line a diagnostic points at and which part of it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Excerpt {
    line: String,
    indent: usize,
    width: usize,
}

impl Excerpt {
    fn of(map: &SourceMap, location: &Location, span: &Range<usize>) -> Self {
        let chars: Vec<char> = map.line(location.line).chars().map(|c| if c == '\t' { ' ' } else { c }).collect();
        let indent = location.column - 1;
        let skipped = if chars.len() > EXCERPT_CHARS { indent.saturating_sub(EXCERPT_CHARS / 2) } else { 0 };
        let shown: String = chars.iter().skip(skipped).take(EXCERPT_CHARS).collect();
        let indent = indent - skipped;
        let width = map.width(span).min(EXCERPT_CHARS.saturating_sub(indent).max(1));
        Excerpt { line: printable(&shown), indent, width }
    }
}

/// Something to say about a topology, with its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// The file; absent for a topology built by a program.
    pub file: Option<Arc<str>>,
    /// From 1.
    pub line: Option<usize>,
    /// In characters, from 1.
    pub column: Option<usize>,
    /// The keys that lead to it, joined by dots; empty for mistakes of syntax.
    pub path: String,
    /// What was found.
    pub message: String,
    /// What would be right; empty where the message says it all.
    pub expected: String,
    /// What was probably meant, or can be done.
    pub suggestion: Option<String>,
    excerpt: Option<Excerpt>,
}

impl Diagnostic {
    fn to_json(&self) -> Value {
        json!({
            "severity": self.severity.name(),
            "file": self.file.as_deref(),
            "line": self.line,
            "column": self.column,
            "path": self.path,
            "message": self.message,
            "expected": self.expected,
            "suggestion": self.suggestion,
        })
    }

    fn label(&self) -> String {
        let expected = (!self.expected.is_empty()).then(|| format!("expected {}", self.expected));
        [expected, self.suggestion.clone()].into_iter().flatten().collect::<Vec<_>>().join("; ")
    }

    fn write_excerpt(&self, f: &mut fmt::Formatter<'_>, excerpt: &Excerpt) -> fmt::Result {
        let number = self.line.unwrap_or(1).to_string();
        let gutter = " ".repeat(number.len());
        let (file, column) = (self.file.as_deref().unwrap_or(""), self.column.unwrap_or(1));
        writeln!(f, "{gutter}--> {}:{number}:{column}", printable(file))?;
        writeln!(f, "{gutter} |")?;
        writeln!(f, "{number} | {}", excerpt.line)?;
        let marks = format!("{}{} {}", " ".repeat(excerpt.indent), "^".repeat(excerpt.width), self.label());
        writeln!(f, "{gutter} | {}", marks.trim_end())
    }
}

/// The style of rustc: message, place, line, marks with what was expected.
impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}: {}", self.severity.name(), self.message)?;
        match &self.excerpt {
            Some(excerpt) => self.write_excerpt(f, excerpt),
            None if self.label().is_empty() => Ok(()),
            None => writeln!(f, "  = {}", self.label()),
        }
    }
}

/// Everything that is wrong with a topology, in the order of the file. Prints as a report.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{}", self.report())]
pub struct TopologyErrors {
    /// The mistakes; at least one.
    pub errors: Vec<Diagnostic>,
    /// What else was noticed.
    pub warnings: Vec<Diagnostic>,
}

impl TopologyErrors {
    /// Errors, then warnings, for editors and scripts: a list of objects with `severity`, `file`, `line`, `column`, `path`, `message`, `expected` and
    /// `suggestion`. Absent ones are `null`, and `expected` is empty where the message says it all.
    pub fn to_json(&self) -> Value {
        let all = self.errors.iter().chain(&self.warnings);
        all.map(Diagnostic::to_json).collect()
    }

    fn report(&self) -> String {
        let all = self.errors.iter().chain(&self.warnings);
        let mut text: String = all.clone().take(MOST_PRINTED).map(|diagnostic| format!("{diagnostic}\n")).collect();
        let rest = all.count().saturating_sub(MOST_PRINTED);
        if rest > 0 {
            text += &format!("... and {rest} more\n");
        }
        let warnings =
            if self.warnings.is_empty() { String::new() } else { format!(", {}", count(self.warnings.len(), "warning")) };
        let file = self.errors.first().and_then(|error| error.file.as_deref()).unwrap_or("this topology");
        text + &format!("{}: {}{warnings}", printable(file), count(self.errors.len(), "error"))
    }
}

fn count(n: usize, noun: &str) -> String {
    if n == 1 { format!("1 {noun}") } else { format!("{n} {noun}s") }
}

/// Looks up the places of `problems` and sorts them: errors and warnings, each in the order of the file. What is told about the values at `unread`
/// anyway, and what follows from another problem, is left out.
pub(super) fn locate_all(problems: &[Problem], unread: &[Vec<String>], map: &SourceMap) -> (Vec<Diagnostic>, Vec<Diagnostic>) {
    let told = problems.iter().filter(|problem| !problem.follows_from(problems, unread));
    let mut all: Vec<Diagnostic> = told.map(|problem| problem.locate(map)).collect();
    all.sort_by_key(|diagnostic| (diagnostic.line, diagnostic.column));
    all.into_iter().partition(|diagnostic| diagnostic.severity == Severity::Error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::topology::spec::Spec;

    fn path(keys: &[&str]) -> Vec<String> {
        keys.iter().map(|key| key.to_string()).collect()
    }

    #[test]
    fn a_diagnostic_reads_like_the_compilers() {
        let (spec, _) = Spec::parse("x.toml", "[learners.lr]\n\thorizn = \"5m\"\n");
        let candidates = ["parents", "horizon"];
        let error = ParamError::unknown(&path(&["learners", "lr", "horizn"]), "parameter", "horizn", &candidates);
        let diagnostic = Problem::of_param(&error).locate(&spec.map);
        let expected = "\
error: unknown key `horizn` in [learners.lr]
 --> x.toml:2:2
  |
2 |  horizn = \"5m\"
  |  ^^^^^^ expected one of parents, horizon; did you mean `horizon`?
";
        assert_eq!(diagnostic.to_string(), expected);
        let json = diagnostic.to_json();
        assert_eq!((&json["line"], &json["column"], &json["path"]), (&2.into(), &2.into(), &"learners.lr.horizn".into()));
    }

    #[test]
    fn what_is_missing_is_shown_at_its_table_and_what_is_wrong_at_its_value() {
        let (spec, _) = Spec::parse("x.toml", "[processors.bars]\nwindow = { grace = \"x\" }\n");
        let at = |problem: Problem| problem.locate(&spec.map).to_string().lines().nth(1).map(str::to_owned).unwrap();
        let missing = ParamError::new(ParamErrorKind::Missing, &path(&["processors", "bars", "size"]), "", "a size");
        assert!(at(Problem::of_param(&missing)).ends_with("x.toml:1:13"));
        let wrong = ParamError::new(ParamErrorKind::WrongType, &path(&["processors", "bars", "window", "grace"]), "", "");
        assert!(at(Problem::of_param(&wrong)).ends_with("x.toml:2:20"));
    }

    #[test]
    fn without_a_file_the_path_is_named() {
        let problem = Problem::at_value(&path(&["learners", "lr", "l2"]), "`l2` in [learners.lr]: too small").expected("more");
        assert_eq!(
            problem.locate(&SourceMap::default()).to_string(),
            "error: `l2` in [learners.lr]: too small\n  = expected more\n"
        );
    }

    #[test]
    fn long_lines_are_cut_and_control_characters_do_not_reach_the_terminal() {
        let text = format!("a = \"{}\"\nb = 5x\n", "\u{1b}".repeat(3) + &"y".repeat(500_000));
        let (spec, _) = Spec::parse("x.toml", &text);
        let shown = Problem::at_value(&path(&["a"]), "bad \u{1b}[2J").locate(&spec.map).to_string();
        assert!(shown.len() < 1_000 && !shown.contains('\u{1b}'), "{shown}");
    }

    #[test]
    fn a_report_counts_what_it_does_not_print() {
        let problems: Vec<_> = (0..150).map(|i| Problem::at_bytes(i..i, "x")).collect();
        let (errors, warnings) = locate_all(&problems, &[], &SourceMap::default());
        let report = TopologyErrors { errors, warnings }.to_string();
        assert!(report.ends_with("... and 50 more\nthis topology: 150 errors"), "{report}");
    }
}

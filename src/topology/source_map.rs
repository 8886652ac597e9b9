//! Where things stand in a topology's text: from a path of keys to a span of bytes, and from bytes to a line and a column.
//!
//! It knows nothing of what the keys mean. A topology built from Rust has a source map without text: its mistakes are named by path alone.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

/// A place in a text, for people and editors.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Location {
    /// From 1.
    pub line: usize,
    /// In characters, from 1.
    pub column: usize,
}

/// Where a key and its value stand, as bytes of the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spans {
    /// The key; for an element of a list the element.
    pub key: Range<usize>,
    /// The value.
    pub value: Range<usize>,
}

/// The text of a topology and where each of its keys stands.
#[derive(Debug, Clone, Default)]
pub struct SourceMap {
    file: Option<Arc<str>>,
    text: Arc<str>,
    line_starts: Vec<usize>,
    spans: BTreeMap<Vec<String>, Spans>,
}

impl SourceMap {
    /// The map of `text`, which was read from `file`, without any key yet.
    pub fn of_text(file: &str, text: &str) -> Self {
        let line_starts = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        SourceMap { file: Some(file.into()), text: text.into(), line_starts, spans: BTreeMap::new() }
    }

    /// The name of the file, if there is a text at all.
    pub fn file(&self) -> Option<&str> {
        self.file.as_deref()
    }

    /// Notes where the key at `path` stands.
    pub fn insert(&mut self, path: Vec<String>, spans: Spans) {
        self.spans.insert(path, spans);
    }

    /// Where the longest written part of `path` stands, and whether that is all of it.
    pub fn nearest(&self, path: &[String]) -> Option<(&Spans, bool)> {
        (1..=path.len()).rev().find_map(|n| self.spans.get(&path[..n]).map(|spans| (spans, n == path.len())))
    }

    /// The line and column of a byte; the end of the text for bytes beyond it.
    pub fn location(&self, byte: usize) -> Location {
        let line = self.line_starts.partition_point(|start| *start <= byte).max(1);
        let start = self.line_starts.get(line - 1).copied().unwrap_or(0);
        let before = self.text.get(start..byte).unwrap_or_else(|| self.line(line));
        Location { line, column: before.chars().count() + 1 }
    }

    /// The text of a line, from 1, without its end.
    pub fn line(&self, line: usize) -> &str {
        let bounds = line.checked_sub(1).and_then(|i| self.line_starts.get(i)).map(|start| {
            let end = self.line_starts.get(line).copied().unwrap_or(self.text.len());
            *start..end
        });
        bounds.and_then(|range| self.text.get(range)).unwrap_or("").trim_end_matches(['\n', '\r'])
    }

    /// How many characters of its first line a span covers; at least one.
    pub fn width(&self, span: &Range<usize>) -> usize {
        let first_line = self.text.get(span.clone()).and_then(|text| text.lines().next()).unwrap_or("");
        first_line.trim_end().chars().count().max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(line: usize, column: usize) -> Location {
        Location { line, column }
    }

    #[test]
    fn columns_count_characters_and_lines_begin_after_each_newline() {
        let map = SourceMap::of_text("x.toml", "a = 1\r\nüb = \"é\"\n");
        assert_eq!((map.location(0), map.location(4)), (at(1, 1), at(1, 5)));
        assert_eq!(map.location("a = 1\r\nü".len()), at(2, 2));
        assert_eq!((map.line(1), map.line(2), map.line(3), map.line(4)), ("a = 1", "üb = \"é\"", "", ""));
        assert_eq!(map.location(999), at(3, 1));
    }

    #[test]
    fn widths_stay_on_the_first_line() {
        let map = SourceMap::of_text("x.toml", "a = [1,\n2]\n");
        assert_eq!((map.width(&(4..10)), map.width(&(0..1)), map.width(&(3..3))), (3, 1, 1));
    }

    #[test]
    fn the_nearest_written_part_of_a_path_is_found() {
        let mut map = SourceMap::of_text("x.toml", "[a]\nb = 1\n");
        map.insert(vec!["a".into()], Spans { key: 1..2, value: 0..3 });
        let path = |keys: &[&str]| keys.iter().map(|k| k.to_string()).collect::<Vec<_>>();
        assert_eq!(map.nearest(&path(&["a", "c", "d"])).map(|(s, all)| (s.key.clone(), all)), Some((1..2, false)));
        assert!(map.nearest(&path(&["z"])).is_none());
        assert!(SourceMap::default().nearest(&path(&["a"])).is_none());
    }
}

//! A line cut into cells, in place.

use std::ops::Range;

/// The cells of the last line that was cut. Quotation marks are taken off; white space around a cell is not part of it.
#[derive(Debug, Default)]
pub(super) struct Cells {
    ranges: Vec<Range<usize>>,
    /// The line without its quotation marks, when it had any.
    unquoted: Vec<u8>,
    quoted: bool,
}

/// Stands between the cells of an unquoted line: no text holds it.
const BREAK: u8 = 0x1f;

impl Cells {
    /// Cuts `line` at `delimiter`.
    pub(super) fn cut(&mut self, line: &[u8], delimiter: u8) {
        self.quoted = line.contains(&b'"');
        if self.quoted {
            unquote(line, delimiter, &mut self.unquoted);
            cut_at(&self.unquoted, BREAK, &mut self.ranges);
        } else {
            cut_at(line, delimiter, &mut self.ranges);
        }
    }

    /// How many cells there are.
    pub(super) fn len(&self) -> usize {
        self.ranges.len()
    }

    /// The cell at `index` of the line that was cut; nothing beyond the last.
    #[inline]
    pub(super) fn get<'a>(&'a self, line: &'a [u8], index: usize) -> &'a [u8] {
        let bytes = if self.quoted { &self.unquoted } else { line };
        self.ranges.get(index).and_then(|range| bytes.get(range.clone())).unwrap_or_default().trim_ascii()
    }
}

fn cut_at(line: &[u8], delimiter: u8, ranges: &mut Vec<Range<usize>>) {
    ranges.clear();
    let mut from = 0;
    for (at, byte) in line.iter().enumerate() {
        if *byte == delimiter {
            ranges.push(from..at);
            from = at + 1;
        }
    }
    ranges.push(from..line.len());
}

/// Writes `line` without quotation marks (doubled ones stand for one), with [`BREAK`] between its cells.
fn unquote(line: &[u8], delimiter: u8, out: &mut Vec<u8>) {
    out.clear();
    let (mut inside, mut at) = (false, 0);
    while at < line.len() {
        match line[at] {
            b'"' if inside && line.get(at + 1) == Some(&b'"') => {
                out.push(b'"');
                at += 1;
            }
            b'"' => inside = !inside,
            byte if byte == delimiter && !inside => out.push(BREAK),
            byte => out.push(byte),
        }
        at += 1;
    }
}

/// The delimiter of a line: whichever of comma, semicolon and tab stands in it most often; comma if none does.
pub(super) fn delimiter_of(line: &[u8]) -> u8 {
    let count = |delimiter: u8| line.iter().filter(|byte| **byte == delimiter).count();
    [b'\t', b';', b','].into_iter().max_by_key(|delimiter| count(*delimiter)).unwrap_or(b',')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cells(line: &str) -> Vec<String> {
        let mut cells = Cells::default();
        cells.cut(line.as_bytes(), delimiter_of(line.as_bytes()));
        (0..cells.len()).map(|index| String::from_utf8_lossy(cells.get(line.as_bytes(), index)).into_owned()).collect()
    }

    #[test]
    fn lines_are_cut_at_their_delimiter_and_unquoted() {
        assert_eq!(cells("a,b,,c"), ["a", "b", "", "c"]);
        assert_eq!(cells("a; b ;1,5"), ["a", "b", "1,5"]);
        assert_eq!(cells("a\tb"), ["a", "b"]);
        assert_eq!(cells(r#""a","b ""c"", d",e"#), ["a", r#"b "c", d"#, "e"]);
        assert_eq!(cells(""), [""]);
    }
}

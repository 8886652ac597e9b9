//! Any CSV file as records: a line becomes a JSON object named after the header, keyed by one of its columns.

use std::path::{Path, PathBuf};

use serde_json::value::RawValue;

use super::cells::{Cells, delimiter_of};
use super::error::CsvError;
use super::lines::Lines;
use super::time::parse_time;
use crate::market::feed::{Feed, FeedError};
use crate::record::{RecordBatch, RecordRef, Timestamp};

/// Which columns make key and time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowOptions {
    /// The column that is the key.
    pub key: String,
    /// The column that is the event time: Unix time in any unit, or a date.
    pub timestamp: String,
}

/// Rows of files as records, file after file in the order given.
///
/// The value of a record is an object with the header's names in the header's order: a cell that is a JSON number stands as it is written, digit for digit, an empty one is
/// `null`, `true` and `false` are themselves, any other is text. Files must have a header line, and each its own.
///
/// ```
/// use tidemill::connect::csv::{RowInput, RowOptions};
/// use tidemill::market::feed::Feed;
/// let folder = tempfile::tempdir().unwrap();
/// let file = folder.path().join("orders.csv");
/// std::fs::write(&file, "when,shop,amount\n2024-01-31,north,12.50\n2024-02-01,south,\n").unwrap();
/// let mut input = RowInput::open(vec![file], RowOptions { key: "shop".into(), timestamp: "when".into() }).unwrap();
/// let record = input.next_record().unwrap().unwrap();
/// assert_eq!(record.key, Some(&b"north"[..]));
/// assert_eq!(record.value, Some(&br#"{"when":"2024-01-31","shop":"north","amount":12.50}"#[..]));
/// ```
pub struct RowInput {
    waiting: std::vec::IntoIter<PathBuf>,
    options: RowOptions,
    file: Option<RowFile>,
    record: RecordBatch,
    position: u64,
    /// Bytes of all files, and of those that are done.
    size: u64,
    done: u64,
}

impl RowInput {
    /// Opens the files and checks that each has the columns.
    ///
    /// # Errors
    /// The first file that cannot be opened, or has no such column.
    pub fn open(paths: Vec<PathBuf>, options: RowOptions) -> Result<Self, CsvError> {
        let mut size = 0;
        for path in &paths {
            size += RowFile::open(path, &options)?.lines.progress().1;
        }
        Ok(RowInput { waiting: paths.into_iter(), options, file: None, record: RecordBatch::new(), position: 0, size, done: 0 })
    }

    /// Reads the next row into `record`; `false` at the end of the last file.
    fn advance(&mut self) -> Result<bool, CsvError> {
        self.record.clear();
        loop {
            if let Some(file) = &mut self.file {
                if file.read_into(&mut self.record)? {
                    return Ok(true);
                }
                self.done += file.lines.progress().1;
            }
            let Some(path) = self.waiting.next() else {
                self.file = None;
                return Ok(false);
            };
            self.file = Some(RowFile::open(&path, &self.options)?);
        }
    }
}

impl Feed for RowInput {
    fn position(&self) -> u64 {
        self.position
    }

    fn progress(&self) -> Option<(u64, u64)> {
        Some((self.done + self.file.as_ref().map_or(0, |file| file.lines.progress().0), self.size))
    }

    fn next_record(&mut self) -> Result<Option<RecordRef<'_>>, FeedError> {
        if !self.advance().map_err(|error| FeedError::Source(Box::new(error)))? {
            return Ok(None);
        }
        self.position += 1;
        Ok(self.record.get(0))
    }
}

/// One file.
struct RowFile {
    lines: Lines,
    delimiter: u8,
    /// The names as JSON strings with their colon.
    names: Vec<String>,
    key: usize,
    timestamp: usize,
    line: Vec<u8>,
    cells: Cells,
}

impl RowFile {
    fn open(path: &Path, options: &RowOptions) -> Result<Self, CsvError> {
        let (mut lines, mut line, mut cells) = (Lines::open(path)?, Vec::new(), Cells::default());
        lines.next_into(&mut line)?;
        let delimiter = delimiter_of(&line);
        cells.cut(&line, delimiter);
        let header: Vec<String> = (0..cells.len()).map(|i| String::from_utf8_lossy(cells.get(&line, i)).into_owned()).collect();
        let column = |name: &str, flag: &str| {
            header.iter().position(|found| found == name).ok_or_else(|| CsvError {
                file: path.to_owned(),
                line: Some(1),
                what: format!("no column {name:?} ({flag}); the header names {}", header.join(", ")),
                expected: "a header line that names the columns of key and time",
                remedy: "say the columns with --key and --timestamp",
            })
        };
        let (key, timestamp) = (column(&options.key, "--key")?, column(&options.timestamp, "--timestamp")?);
        let names = header.iter().map(|name| format!("{}:", serde_json::Value::from(name.as_str()))).collect();
        Ok(RowFile { lines, delimiter, names, key, timestamp, line, cells })
    }

    /// Reads the next row that is not empty; `false` at the end.
    fn read_into(&mut self, record: &mut RecordBatch) -> Result<bool, CsvError> {
        loop {
            if !self.lines.next_into(&mut self.line)? {
                return Ok(false);
            }
            if !self.line.is_empty() {
                break;
            }
        }
        self.cells.cut(&self.line, self.delimiter);
        if self.cells.len() != self.names.len() {
            let what = format!("{} cells where the header has {}", self.cells.len(), self.names.len());
            return Err(self.error(what, "a cell for each column", "mend the line, or quote cells that hold the delimiter"));
        }
        let time = self.time()?;
        let value = self.object();
        record.push(time, Some(self.cells.get(&self.line, self.key)), Some(value.as_bytes()), &[]);
        Ok(true)
    }

    fn time(&self) -> Result<Timestamp, CsvError> {
        let cell = self.cells.get(&self.line, self.timestamp);
        parse_time(cell).map(|(time, _)| time).ok_or_else(|| {
            let what = format!("{:?} is no time", String::from_utf8_lossy(cell));
            self.error(
                what,
                "Unix time (s, ms, µs or ns) or a date such as 2024-01-31T13:05:00Z",
                "mend the line, or name another --timestamp",
            )
        })
    }

    fn object(&self) -> String {
        let mut text = String::from("{");
        for (index, name) in self.names.iter().enumerate() {
            if index > 0 {
                text.push(',');
            }
            text.push_str(name);
            text.push_str(&json_of(&String::from_utf8_lossy(self.cells.get(&self.line, index))));
        }
        text.push('}');
        text
    }

    fn error(&self, what: String, expected: &'static str, remedy: &'static str) -> CsvError {
        CsvError { file: self.lines.path().to_owned(), line: Some(self.lines.line()), what, expected, remedy }
    }
}

/// A cell as JSON: numbers and truth values as they stand, nothing as `null`, anything else as text.
fn json_of(cell: &str) -> String {
    let number = || cell.starts_with(|c: char| c.is_ascii_digit() || c == '-') && serde_json::from_str::<&RawValue>(cell).is_ok();
    match cell {
        "" => "null".to_owned(),
        "true" | "false" => cell.to_owned(),
        _ if number() => cell.to_owned(),
        text => serde_json::Value::from(text).to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options() -> RowOptions {
        RowOptions { key: "shop".into(), timestamp: "when".into() }
    }

    fn read(texts: &[&str]) -> Result<Vec<(i64, String, String)>, String> {
        let folder = tempfile::tempdir().unwrap();
        let paths: Vec<PathBuf> = (0..texts.len()).map(|n| folder.path().join(format!("{n}.csv"))).collect();
        paths.iter().zip(texts).for_each(|(path, text)| std::fs::write(path, text).unwrap());
        let mut input = RowInput::open(paths, options()).map_err(|error| error.to_string())?;
        let mut found = Vec::new();
        while let Some(record) = input.next_record().map_err(|error| error.to_string())? {
            let text = |bytes: Option<&[u8]>| String::from_utf8(bytes.unwrap().to_vec()).unwrap();
            found.push((record.timestamp.0, text(record.key), text(record.value)));
        }
        let (read, size) = input.progress().unwrap();
        assert_eq!((read, input.position()), (size, found.len() as u64));
        Ok(found)
    }

    #[test]
    fn rows_of_several_files_follow_each_other_each_with_its_own_header() {
        let found =
            read(&["when,shop,n\n1700000040,a,1e3\n\n1700000041,b,007\n", "shop;note;when\nc;\"x;\"\"y\";1700000042000\n"]);
        let expected = [
            (1_700_000_040_000, "a", r#"{"when":1700000040,"shop":"a","n":1e3}"#),
            (1_700_000_041_000, "b", r#"{"when":1700000041,"shop":"b","n":"007"}"#),
            (1_700_000_042_000, "c", r#"{"shop":"c","note":"x;\"y","when":1700000042000}"#),
        ];
        assert_eq!(found, Ok(expected.map(|(time, key, value)| (time, key.to_owned(), value.to_owned())).to_vec()));
    }

    #[test]
    fn what_cannot_be_read_is_named_with_its_line() {
        let missing = read(&["when,store\n1700000040,a\n"]).unwrap_err();
        assert!(missing.contains("no column \"shop\" (--key); the header names when, store"), "{missing}");
        let short = read(&["when,shop\n1700000040,a\n1700000041\n"]).unwrap_err();
        assert!(short.contains("line 3: 1 cells where the header has 2"), "{short}");
        let time = read(&["when,shop\nsoon,a\n"]).unwrap_err();
        assert!(time.contains("line 2: \"soon\" is no time"), "{time}");
    }

    #[test]
    fn cells_keep_what_they_say() {
        let shown = ["", "12.50", "-0", "1.", "0x1", "true", "NaN", "a\"b", "9007199254740993"].map(json_of);
        assert_eq!(shown, ["null", "12.50", "-0", "\"1.\"", "\"0x1\"", "true", "\"NaN\"", "\"a\\\"b\"", "9007199254740993"]);
    }
}

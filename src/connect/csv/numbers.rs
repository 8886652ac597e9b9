//! CSV files of numbers under a header: any stream a model may learn from.

use std::path::Path;

use super::cells::{Cells, delimiter_of};
use super::error::CsvError;
use super::lines::Lines;

/// How many rows are looked at to tell which columns hold numbers.
const AHEAD: usize = 64;

/// A file of named columns, plain or packed with gzip, read row by row as numbers.
///
/// The first line names the columns; comma, semicolon or tab stand between cells. An empty cell, and one that says `null`, `nan`, `na`, `n/a` or
/// `none` in any case, is an absent number: NaN.
///
/// ```
/// use tidemill::connect::csv::NumberFile;
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("hens.csv");
/// std::fs::write(&path, "day,weight,name\n0,42,Ada\n2,51,Ada\n4,,Ada\n").unwrap();
/// let mut file = NumberFile::open(&path).unwrap();
/// assert_eq!(file.columns(), ["day", "weight", "name"]);
/// assert_eq!(file.numeric(), [true, true, false]);
/// let mut row = Vec::new();
/// let mut weights = Vec::new();
/// while file.next_row(&[1], &mut row).unwrap() {
///     weights.push(row[0]);
/// }
/// assert_eq!(weights[..2], [42.0, 51.0]);
/// assert!(weights[2].is_nan());
/// ```
pub struct NumberFile {
    lines: Lines,
    columns: Vec<String>,
    numeric: Vec<bool>,
    delimiter: u8,
    line: Vec<u8>,
    cells: Cells,
}

impl NumberFile {
    /// Opens a file and reads its header.
    ///
    /// # Errors
    /// When it cannot be read, is empty, has no header or one that names a column twice.
    pub fn open(path: &Path) -> Result<Self, CsvError> {
        let mut lines = Lines::open(path)?;
        let ahead: Vec<Vec<u8>> = lines.peek(AHEAD + 1)?.iter().cloned().collect();
        let complain =
            |line: Option<u64>, what: String, expected, remedy| CsvError { file: path.to_owned(), line, what, expected, remedy };
        let Some(header) = ahead.first().filter(|line| !line.is_empty()) else {
            return Err(complain(None, "it has no first line".to_owned(), "a header, then rows", "check that it is a CSV file"));
        };
        let delimiter = delimiter_of(header);
        let mut cells = Cells::default();
        let columns = texts(&mut cells, header, delimiter);
        if columns.iter().all(|name| name.parse::<f64>().is_ok()) {
            let what = "its first line holds numbers, no names".to_owned();
            return Err(complain(Some(1), what, "a header that names the columns", "add a line such as x,y,target at its top"));
        }
        if let Some(name) = columns.iter().enumerate().find_map(|(at, name)| columns[..at].contains(name).then_some(name)) {
            let what = format!("the header names the column {name:?} twice");
            return Err(complain(Some(1), what, "every name once", "rename one of them"));
        }
        let mut numeric = vec![true; columns.len()];
        for line in ahead[1..].iter().filter(|line| !line.is_empty()) {
            cells.cut(line, delimiter);
            for (at, numeric) in numeric.iter_mut().enumerate() {
                *numeric &= number(cells.get(line, at)).is_some();
            }
        }
        let mut line = Vec::new();
        lines.next_into(&mut line)?;
        Ok(NumberFile { lines, columns, numeric, delimiter, line, cells })
    }

    /// The names of the columns, in order; a column without a name has an empty one.
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// Of each column, whether its first cells are numbers or absent.
    pub fn numeric(&self) -> &[bool] {
        &self.numeric
    }

    /// How many bytes of the file have been read, and how many it has (packed, where it is packed).
    pub fn progress(&self) -> (u64, u64) {
        self.lines.progress()
    }

    /// Puts the numbers of the next row into `row`: those of the columns at the places `picked`, in that order. `false` at the end; empty lines are
    /// passed over.
    ///
    /// # Errors
    /// When the file cannot be read any further, the row is too short, or a cell is no number: file, line and column are told.
    pub fn next_row(&mut self, picked: &[usize], row: &mut Vec<f64>) -> Result<bool, CsvError> {
        row.clear();
        loop {
            if !self.lines.next_into(&mut self.line)? {
                return Ok(false);
            }
            if !self.line.is_empty() {
                break;
            }
        }
        self.cells.cut(&self.line, self.delimiter);
        for &place in picked {
            let cell = self.cells.get(&self.line, place);
            let number = number(cell).filter(|_| place < self.cells.len());
            row.push(number.ok_or_else(|| self.no_number(place))?);
        }
        Ok(true)
    }

    fn no_number(&self, place: usize) -> CsvError {
        let name = self.columns.get(place).map(String::as_str).unwrap_or_default();
        let (found, of) = (self.cells.len(), self.columns.len());
        let error = |what: String, expected, remedy| CsvError {
            file: self.lines.path().to_owned(),
            line: Some(self.lines.line()),
            what,
            expected,
            remedy,
        };
        if place >= found {
            let what = format!("the row has {found} of {of} cells, none for the column {name:?}");
            return error(what, "as many cells as the header has names", "complete the row or remove it");
        }
        let text = String::from_utf8_lossy(self.cells.get(&self.line, place)).into_owned();
        let what = format!("the cell {text:?} of the column {name:?} is no number");
        error(
            what,
            "a finite decimal number, or nothing where it is absent",
            "correct it, or leave the column out with --features",
        )
    }
}

fn texts(cells: &mut Cells, line: &[u8], delimiter: u8) -> Vec<String> {
    cells.cut(line, delimiter);
    (0..cells.len()).map(|at| String::from_utf8_lossy(cells.get(line, at)).into_owned()).collect()
}

/// The number of a cell, NaN where it is absent.
fn number(cell: &[u8]) -> Option<f64> {
    let absent = [&b""[..], b"null", b"nan", b"na", b"n/a", b"none"];
    if absent.iter().any(|word| cell.eq_ignore_ascii_case(word)) {
        return Some(f64::NAN);
    }
    std::str::from_utf8(cell).ok()?.parse::<f64>().ok().filter(|number| number.is_finite())
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn file(text: &str, packed: bool) -> (tempfile::TempDir, Result<NumberFile, CsvError>) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(if packed { "x.csv.gz" } else { "x.csv" });
        if packed {
            let mut gzip = flate2::write::GzEncoder::new(std::fs::File::create(&path).unwrap(), flate2::Compression::fast());
            gzip.write_all(text.as_bytes()).unwrap();
            gzip.finish().unwrap();
        } else {
            std::fs::write(&path, text).unwrap();
        }
        let file = NumberFile::open(&path);
        (folder, file)
    }

    fn rows(text: &str, picked: &[usize], packed: bool) -> Result<Vec<Vec<f64>>, String> {
        let (_folder, file) = file(text, packed);
        let (mut file, mut row, mut rows) = (file.map_err(|e| e.to_string())?, Vec::new(), Vec::new());
        while file.next_row(picked, &mut row).map_err(|e| e.to_string())? {
            rows.push(row.clone());
        }
        Ok(rows)
    }

    #[test]
    fn columns_are_read_by_place_plain_or_packed() {
        let text = "\u{feff}a;b;\"c d\"\r\n1;-2.5e3;7\r\n\r\n4;+5;\"6\"";
        for packed in [false, true] {
            assert_eq!(rows(text, &[2, 0], packed).unwrap(), [[7.0, 1.0], [6.0, 4.0]]);
        }
        assert_eq!(file(text, false).1.unwrap().columns(), ["a", "b", "c d"]);
    }

    #[test]
    fn absent_cells_are_nan_and_anything_else_is_told_with_its_place() {
        let absent = rows("a,b\n,1\nNULL,1\nNaN,1\nn/a,1\n", &[0], false).unwrap();
        assert!(absent.len() == 4 && absent.iter().all(|row| row[0].is_nan()));
        for (text, told) in [
            ("a,b\n1,2\nx,2\n", "x.csv, line 3: the cell \"x\" of the column \"a\" is no number"),
            ("a,b\n1,2\n1e999,2\n", "line 3: the cell \"1e999\" of the column \"a\" is no number"),
            ("a,b\n1,2\n\n3\n", "line 4: the row has 1 of 2 cells, none for the column \"b\""),
            ("", "it has no first line"),
            ("1,2\n3,4\n", "line 1: its first line holds numbers, no names"),
            ("a,a\n3,4\n", "line 1: the header names the column \"a\" twice"),
        ] {
            let error = rows(text, &[0, 1], false).unwrap_err();
            assert!(error.contains(told), "{error}");
        }
    }

    #[test]
    fn text_columns_are_known_as_such() {
        let (_folder, file) = file("day,n,gap\n2014-09-17,1,\n2014-09-18,2,3\n", false);
        assert_eq!(file.unwrap().numeric(), [false, true, true]);
    }
}

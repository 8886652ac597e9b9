//! Lines of a text file, packed with gzip or not, with a bound on their length and the first ones readable in advance.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use flate2::bufread::MultiGzDecoder;

use super::error::CsvError;

/// No line of a candle file comes near this; what has no line ends is no such file.
const LONGEST_LINE: u64 = 64 * 1024;
const BUFFER: usize = 256 * 1024;
const GZIP: [u8; 2] = [0x1f, 0x8b];
const ZIP: [u8; 2] = *b"PK";

/// A file read line by line, without line ends.
pub(super) struct Lines {
    path: PathBuf,
    reader: Box<dyn BufRead + Send>,
    ahead: VecDeque<Vec<u8>>,
    /// Number of the last line handed out, from 1.
    line: u64,
    bytes_read: Arc<AtomicU64>,
    size: u64,
}

/// Counts what is read from the file itself, packed or not: the base of a progress bar.
struct Counted {
    file: File,
    bytes_read: Arc<AtomicU64>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read(buffer)?;
        self.bytes_read.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}

impl Lines {
    /// Opens a file; gzip is known by its first bytes, not by the name.
    pub(super) fn open(path: &Path) -> Result<Self, CsvError> {
        let failed = |error| CsvError::io(path, None, &error);
        let file = File::open(path).map_err(failed)?;
        let size = file.metadata().map_err(failed)?.len();
        let bytes_read = Arc::new(AtomicU64::new(0));
        let mut raw = BufReader::with_capacity(BUFFER, Counted { file, bytes_read: bytes_read.clone() });
        let start = raw.fill_buf().map_err(failed)?;
        let (gzip, zip) = (start.starts_with(&GZIP), start.starts_with(&ZIP));
        let named_gzip = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("gz"));
        if zip || (named_gzip && !gzip) {
            let what = if zip { "it is a zip archive" } else { "its name ends in .gz but its bytes are not gzip" };
            return Err(CsvError {
                file: path.to_owned(),
                line: None,
                what: what.to_owned(),
                expected: "CSV text, plain or packed with gzip",
                remedy: "unpack it, or give it its right name",
            });
        }
        let reader: Box<dyn BufRead + Send> =
            if gzip { Box::new(BufReader::with_capacity(BUFFER, MultiGzDecoder::new(raw))) } else { Box::new(raw) };
        Ok(Lines { path: path.to_owned(), reader, ahead: VecDeque::new(), line: 0, bytes_read, size })
    }

    /// Reads up to `count` lines in advance; they are handed out later all the same.
    pub(super) fn peek(&mut self, count: usize) -> Result<&VecDeque<Vec<u8>>, CsvError> {
        while self.ahead.len() < count {
            let mut line = Vec::new();
            if !self.read_line(&mut line, self.line + self.ahead.len() as u64 + 1)? {
                break;
            }
            self.ahead.push_back(line);
        }
        Ok(&self.ahead)
    }

    /// Puts the next line into `line`; `false` at the end.
    pub(super) fn next_into(&mut self, line: &mut Vec<u8>) -> Result<bool, CsvError> {
        let found = match self.ahead.pop_front() {
            Some(ahead) => {
                *line = ahead;
                true
            }
            None => self.read_line(line, self.line + 1)?,
        };
        self.line += u64::from(found);
        Ok(found)
    }

    fn read_line(&mut self, line: &mut Vec<u8>, number: u64) -> Result<bool, CsvError> {
        line.clear();
        let count = (&mut self.reader)
            .take(LONGEST_LINE)
            .read_until(b'\n', line)
            .map_err(|error| CsvError::io(&self.path, Some(number), &error))?;
        if count as u64 == LONGEST_LINE {
            return Err(self.endless_line(number));
        }
        while matches!(line.last(), Some(b'\n' | b'\r')) {
            line.pop();
        }
        if number == 1 && line.starts_with(b"\xef\xbb\xbf") {
            line.drain(..3);
        }
        Ok(count > 0)
    }

    fn endless_line(&self, number: u64) -> CsvError {
        CsvError {
            file: self.path.clone(),
            line: Some(number),
            what: format!("the line is longer than {LONGEST_LINE} bytes"),
            expected: "one record a line",
            remedy: "check that it is a CSV file",
        }
    }

    /// Number of the last line handed out, from 1; 0 before the first.
    pub(super) fn line(&self) -> u64 {
        self.line
    }

    /// The file.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// How many bytes of the file have been read, and how many it has.
    pub(super) fn progress(&self) -> (u64, u64) {
        (self.bytes_read.load(Ordering::Relaxed), self.size)
    }
}

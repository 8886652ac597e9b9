//! Several candle files as one stream in event time.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::path::PathBuf;

use super::{CandleFile, CsvError, CsvOptions, CsvRow};
use crate::market::codec::encode_candle;
use crate::market::feed::{Feed, FeedError};
use crate::record::{RecordBatch, RecordRef, Timestamp};

/// Candle files merged by open time and, where it is equal, by the files' order: the same files in the same order give the same records.
///
/// Each file's rows keep their own order. A row of a file that is older than the row before it comes right after that one, as it would have on a live
/// feed. Records are candle-json, keyed by coin, with the bar's open time as timestamp; a row that makes no candle is a record with the line as its value.
pub struct MergedInput {
    files: Vec<Source>,
    /// The files that have a next record, the earliest on top.
    order: BinaryHeap<Reverse<(Timestamp, usize)>>,
    current: Option<usize>,
    position: u64,
}

/// A file and its next record.
struct Source {
    file: CandleFile,
    key: String,
    next: RecordBatch,
}

impl Source {
    /// Reads the next row; answers its time, or nothing at the end.
    fn advance(&mut self) -> Result<Option<Timestamp>, CsvError> {
        self.next.clear();
        let interval = self.file.interval();
        let key = &self.key;
        let time = match self.file.next_row()? {
            None => return Ok(None),
            Some(CsvRow::Candle(candle)) => {
                self.next.push_with(candle.open_time, Some(key.as_bytes()), &[], |out| {
                    encode_candle(key, interval, &candle, out);
                    true
                });
                candle.open_time
            }
            Some(CsvRow::Unreadable { time, line }) => {
                self.next.push(time, Some(key.as_bytes()), Some(line), &[]);
                time
            }
        };
        Ok(Some(time))
    }
}

impl MergedInput {
    /// Opens all files; the order given decides between rows of the same time.
    ///
    /// # Errors
    /// The first file that cannot be opened or understood.
    pub fn open(paths: &[PathBuf], options: &CsvOptions) -> Result<Self, CsvError> {
        let mut merged = MergedInput { files: Vec::new(), order: BinaryHeap::new(), current: None, position: 0 };
        for (index, path) in paths.iter().enumerate() {
            let file = CandleFile::open(path, options)?;
            let mut source = Source { key: file.coin().to_string(), file, next: RecordBatch::new() };
            if let Some(time) = source.advance()? {
                merged.order.push(Reverse((time, index)));
            }
            merged.files.push(source);
        }
        Ok(merged)
    }

    /// How many rows without prices have been skipped so far, in all files.
    pub fn skipped(&self) -> u64 {
        self.files.iter().map(|source| source.file.skipped()).sum()
    }

    /// The coins of the files, each once, in the files' order.
    pub fn coins(&self) -> Vec<&str> {
        let mut coins: Vec<&str> = Vec::new();
        for source in &self.files {
            if !coins.contains(&source.key.as_str()) {
                coins.push(&source.key);
            }
        }
        coins
    }
}

impl Feed for MergedInput {
    fn position(&self) -> u64 {
        self.position
    }

    fn progress(&self) -> Option<(u64, u64)> {
        let add = |(read, size): (u64, u64), source: &Source| {
            let (more, of) = source.file.progress();
            (read + more, size + of)
        };
        Some(self.files.iter().fold((0, 0), add))
    }

    fn next_record(&mut self) -> Result<Option<RecordRef<'_>>, FeedError> {
        // The record handed out last was borrowed from its file until now.
        if let Some(index) = self.current.take() {
            let time = self.files[index].advance().map_err(|error| FeedError::Source(Box::new(error)))?;
            self.order.extend(time.map(|time| Reverse((time, index))));
        }
        let Some(Reverse((_, index))) = self.order.pop() else { return Ok(None) };
        self.current = Some(index);
        self.position += 1;
        Ok(self.files[index].next.get(0))
    }
}

//! Candles from CSV files, plain or packed with gzip.
//!
//! Read are Binance's kline layouts with 6 and 12 columns, with and without a header; the daily layout of Yahoo; and any other file whose header names
//! its columns (in any order and case; comma, semicolon or tab). Times may be Unix seconds, milliseconds, microseconds or nanoseconds, told by their
//! digits, or dates; one file keeps to one form. Coin and interval come from the caller, else from the file's name, else the coin from a column and the
//! interval from the steps of the first rows.
//!
//! A row whose prices are all empty or `null` is a gap that Yahoo fills in: it is skipped and counted. Any other row that makes no candle is handed on as
//! it stands, so that it ends among the dead letters and the counts add up; a row that makes an absurd candle (low above high) is handed on as
//! that candle, and the decoder says what is wrong with it. Only what spoils the whole file is an error.

mod cells;
mod columns;
mod error;
mod layout;
mod lines;
mod merge;
mod name;
mod numbers;
mod rows;
mod time;

use std::path::Path;

pub use error::CsvError;
pub use merge::MergedInput;
pub use numbers::NumberFile;
pub use rows::{RowInput, RowOptions};

use crate::market::codec::parse_f64;
use crate::market::{Candle, Decimal, Interval, Symbol};
use crate::record::Timestamp;
use cells::Cells;
use columns::Columns;
use lines::Lines;
use time::{TimeForm, parse_time};

/// What the caller knows better than the files.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CsvOptions {
    /// The coin of all files; default: each file's own.
    pub coin: Option<Symbol>,
    /// The interval of all files; default: each file's own.
    pub interval: Option<Interval>,
}

/// One row of a candle file.
#[derive(Debug, Clone, PartialEq)]
pub enum CsvRow<'a> {
    /// A candle; whether it makes sense is not judged here.
    Candle(Candle),
    /// A line that makes no candle, as it stands in the file.
    Unreadable {
        /// Its time, or that of the row before it where it has none.
        time: Timestamp,
        /// The line.
        line: &'a [u8],
    },
}

/// A file of candles of one coin, read row by row.
///
/// ```no_run
/// # fn main() -> Result<(), tidemill::connect::csv::CsvError> {
/// use tidemill::connect::csv::{CandleFile, CsvOptions};
/// let mut file = CandleFile::open("BTCUSDT-1m-2024.csv.gz".as_ref(), &CsvOptions::default())?;
/// println!("{} {}", file.coin(), file.interval());
/// while let Some(row) = file.next_row()? {
///     println!("{row:?}");
/// }
/// # Ok(()) }
/// ```
pub struct CandleFile {
    lines: Lines,
    columns: Columns,
    delimiter: u8,
    coin: Symbol,
    interval: Interval,
    /// Lines before the first row of data.
    header_lines: u64,
    time_form: Option<TimeForm>,
    last_time: Timestamp,
    skipped: u64,
    line: Vec<u8>,
    cells: Cells,
}

impl CandleFile {
    /// The coin of its rows.
    pub fn coin(&self) -> &Symbol {
        &self.coin
    }

    /// The interval of its rows.
    pub fn interval(&self) -> Interval {
        self.interval
    }

    /// How many rows without prices have been skipped so far.
    pub fn skipped(&self) -> u64 {
        self.skipped
    }

    /// How many bytes of the file have been read, and how many it has (packed, where it is packed).
    pub fn progress(&self) -> (u64, u64) {
        self.lines.progress()
    }

    /// Opens a file and finds out how it is laid out.
    ///
    /// # Errors
    /// When it cannot be read, has no usable columns, or its coin or interval cannot be told.
    pub fn open(path: &Path, options: &CsvOptions) -> Result<Self, CsvError> {
        layout::open(path, options)
    }

    /// The next row; `None` at the end. It borrows the file until the row is done with.
    ///
    /// # Errors
    /// When the file cannot be read any further or mixes forms of time.
    pub fn next_row(&mut self) -> Result<Option<CsvRow<'_>>, CsvError> {
        loop {
            if !self.lines.next_into(&mut self.line)? {
                return Ok(None);
            }
            if self.lines.line() <= self.header_lines || self.line.is_empty() {
                continue;
            }
            self.cells.cut(&self.line, self.delimiter);
            if self.is_gap() {
                self.skipped += 1;
                continue;
            }
            return match self.read_candle()? {
                Some(candle) => Ok(Some(CsvRow::Candle(candle))),
                None => Ok(Some(CsvRow::Unreadable { time: self.last_time, line: &self.line })),
            };
        }
    }

    #[inline]
    fn cell(&self, index: usize) -> &[u8] {
        self.cells.get(&self.line, index)
    }

    /// Whether all four prices are empty or `null`.
    fn is_gap(&self) -> bool {
        let Columns { open, high, low, close, .. } = self.columns;
        // A line too short for its prices is no gap but a torn row.
        let has_all = self.cells.len() > open.max(high).max(low).max(close);
        has_all && [open, high, low, close].into_iter().all(|index| matches!(self.cell(index), b"" | b"null"))
    }

    /// The candle of the current line; `None` where it makes none.
    fn read_candle(&mut self) -> Result<Option<Candle>, CsvError> {
        let Some((open_time, form)) = parse_time(self.cell(self.columns.time)) else { return Ok(None) };
        let known = *self.time_form.get_or_insert(form);
        if form != known {
            return Err(self.mixed_times(known, form));
        }
        self.last_time = open_time;
        if let Some(index) = self.columns.symbol {
            self.check_symbol(index)?;
        }
        Ok(self.candle_at(open_time))
    }

    fn candle_at(&self, open_time: Timestamp) -> Option<Candle> {
        let price = |index| parse_f64(self.cell(index));
        Some(Candle {
            open_time,
            close_time: self.interval.close_time(open_time),
            open: price(self.columns.open)?,
            high: price(self.columns.high)?,
            low: price(self.columns.low)?,
            close: price(self.columns.close)?,
            volume: Decimal::parse_bytes(self.cell(self.columns.volume)).ok()?,
            quote_volume: self.optional_decimal(self.columns.quote_volume)?,
            trades: self.optional_count(self.columns.trades)?,
            taker_base: self.optional_decimal(self.columns.taker_base)?,
            taker_quote: self.optional_decimal(self.columns.taker_quote)?,
        })
    }

    /// The decimal of a column that need not be there; an empty cell is nothing, a broken one spoils the row.
    fn optional_decimal(&self, column: Option<usize>) -> Option<Option<Decimal>> {
        match column.map(|index| self.cell(index)) {
            None | Some(b"") => Some(None),
            Some(cell) => Decimal::parse_bytes(cell).ok().map(Some),
        }
    }

    /// The whole number of a column that need not be there; data frames may have made it `812.0`.
    fn optional_count(&self, column: Option<usize>) -> Option<Option<u64>> {
        match column.map(|index| self.cell(index)) {
            None | Some(b"") => Some(None),
            Some(cell) => {
                let cell = cell.strip_suffix(b".0").unwrap_or(cell);
                std::str::from_utf8(cell).ok()?.parse().ok().map(Some)
            }
        }
    }

    /// Refuses a file that holds several coins: they would be taken for one.
    fn check_symbol(&self, index: usize) -> Result<(), CsvError> {
        let cell = self.cell(index);
        let text = String::from_utf8_lossy(cell);
        if cell.is_empty() || text.parse().as_ref() == Ok(&self.coin) || text.eq_ignore_ascii_case(self.coin.base()) {
            return Ok(());
        }
        Err(self.error(
            format!("the row is of {text:?}, the file of {}", self.coin),
            "rows of one coin",
            "split the file by coin, or say which coin it holds with --coin if the column is wrong",
        ))
    }

    fn mixed_times(&self, known: TimeForm, found: TimeForm) -> CsvError {
        let what = format!("the time {:?} is in {found}", String::from_utf8_lossy(self.cell(self.columns.time)));
        let expected = match known {
            TimeForm::Date => "a date as in the rows before",
            TimeForm::Unix { per_second: 1 } => "Unix seconds as in the rows before",
            TimeForm::Unix { per_second: 1_000 } => "Unix milliseconds as in the rows before",
            TimeForm::Unix { per_second: 1_000_000 } => "Unix microseconds as in the rows before",
            TimeForm::Unix { .. } => "Unix nanoseconds as in the rows before",
        };
        self.error(what, expected, "split the file where the unit changes")
    }

    fn error(&self, what: String, expected: &'static str, remedy: &'static str) -> CsvError {
        CsvError { file: self.lines.path().to_owned(), line: Some(self.lines.line()), what, expected, remedy }
    }
}

#[cfg(test)]
#[path = "csv_tests.rs"]
mod tests;

//! Finding out how a candle file is laid out, from its name and its first lines.

use std::path::Path;

use super::cells::{Cells, delimiter_of};
use super::columns::{Columns, Field, header_cells, is_data};
use super::error::CsvError;
use super::lines::Lines;
use super::name::from_file_name;
use super::time::parse_time;
use super::{CandleFile, CsvOptions};
use crate::market::{Interval, Symbol};
use crate::record::Timestamp;

/// How many lines are looked at in advance.
const AHEAD: usize = 64;

/// The lines before the data, cut and simplified, and where the data begin.
struct Start {
    delimiter: u8,
    header: Vec<Vec<String>>,
    /// Cells of the first row of data.
    first: Vec<String>,
}

pub(super) fn open(path: &Path, options: &CsvOptions) -> Result<CandleFile, CsvError> {
    let mut lines = Lines::open(path)?;
    let ahead: Vec<Vec<u8>> = lines.peek(AHEAD)?.iter().cloned().collect();
    let complain =
        |line: Option<u64>, what: String, expected, remedy| CsvError { file: path.to_owned(), line, what, expected, remedy };
    let start = find_start(&ahead).ok_or_else(|| {
        complain(
            None,
            "no row of data among its first lines".to_owned(),
            "rows with a time and prices",
            "check that it is a CSV file of candles",
        )
    })?;
    let (named_coin, named_interval) = from_file_name(path);
    let coin = options.coin.clone().or(named_coin);
    let columns = columns_of(&start, coin.as_ref()).map_err(|what| {
        let remedy = "name the columns in a header line, such as open_time,open,high,low,close,volume";
        complain(Some(start.header.len() as u64), what, "columns for time, open, high, low, close and volume", remedy)
    })?;
    let coin = coin.or_else(|| columns.symbol.and_then(|index| start.first.get(index)?.parse().ok())).ok_or_else(|| {
        complain(
            None,
            "its name tells no coin".to_owned(),
            "a name such as BTCUSDT-1m-2024.csv",
            "rename it, or say the coin with --coin",
        )
    })?;
    let times = times_of(&ahead[start.header.len()..], start.delimiter, columns.time);
    let interval = match (options.interval, named_interval) {
        (Some(interval), _) => interval,
        (None, named) => {
            interval_of(&times, named).map_err(|(what, remedy)| complain(None, what, "bars of one known interval", remedy))?
        }
    };
    if times.len() > 1 && times.windows(2).all(|pair| pair[1] < pair[0]) {
        let what = "its rows go from new to old".to_owned();
        return Err(complain(
            None,
            what,
            "the oldest row first",
            "turn it round: keep the header and reverse the other lines with tac",
        ));
    }
    // A column that names the coin is only believed where nobody said the coin.
    let columns = Columns { symbol: columns.symbol.filter(|_| options.coin.is_none()), ..columns };
    Ok(CandleFile {
        lines,
        columns,
        delimiter: start.delimiter,
        coin,
        interval,
        header_lines: start.header.len() as u64,
        time_form: None,
        last_time: times.first().copied().unwrap_or_default(),
        skipped: 0,
        line: Vec::new(),
        cells: Cells::default(),
    })
}

/// Reads header lines up to the first row of data.
fn find_start(ahead: &[Vec<u8>]) -> Option<Start> {
    let mut cells = Cells::default();
    let mut header = Vec::new();
    for line in ahead {
        let delimiter = delimiter_of(line);
        cells.cut(line, delimiter);
        if is_data(&cells, line) {
            let first = (0..cells.len()).map(|index| String::from_utf8_lossy(cells.get(line, index)).into_owned()).collect();
            return Some(Start { delimiter, header, first });
        }
        header.push(header_cells(&cells, line));
    }
    None
}

fn columns_of(start: &Start, coin: Option<&Symbol>) -> Result<Columns, String> {
    if start.header.iter().all(|line| line.iter().all(String::is_empty)) {
        let count = start.first.len();
        return Columns::by_place(count).ok_or_else(|| format!("{count} columns and no header"));
    }
    Columns::by_name(&start.header, coin.map(|coin| (coin.base(), coin.quote()))).map_err(|missing| {
        let missing: Vec<&str> = missing.iter().map(|field| name_of(*field)).collect();
        format!("no column for {}", missing.join(", "))
    })
}

fn name_of(field: Field) -> &'static str {
    match field {
        Field::Time => "time",
        Field::Open => "open",
        Field::High => "high",
        Field::Low => "low",
        Field::Close => "close",
        Field::Volume => "volume",
        Field::QuoteVolume => "quote_volume",
        Field::Trades => "trades",
        Field::TakerBase => "taker_base",
        Field::TakerQuote => "taker_quote",
        Field::Symbol => "symbol",
    }
}

/// The times of the first rows.
fn times_of(rows: &[Vec<u8>], delimiter: u8, column: usize) -> Vec<Timestamp> {
    let mut cells = Cells::default();
    let mut time_of = |line: &Vec<u8>| {
        cells.cut(line, delimiter);
        parse_time(cells.get(line, column)).map(|(time, _)| time)
    };
    rows.iter().filter_map(&mut time_of).collect()
}

/// The interval that the name tells, held against the rows; or else the most frequent step between rows.
///
/// A name is not believed when no step of several is its interval: files called `1m` that step by five minutes are about.
fn interval_of(times: &[Timestamp], named: Option<Interval>) -> Result<Interval, (String, &'static str)> {
    let steps: Vec<i64> = times.windows(2).map(|pair| pair[1].since(pair[0]).abs()).filter(|step| *step > 0).collect();
    let intervals = steps.iter().map(|step| Interval::from_duration_ms(*step));
    let usual = most_frequent(intervals.clone());
    match (named, usual) {
        (Some(named), _) if steps.len() < 8 || intervals.clone().any(|step| step == Some(named)) => Ok(named),
        (Some(named), usual) => {
            let step = usual.flatten().map_or("no known interval", Interval::name);
            Err((format!("its name says {named}, but its rows step by {step}"), "rename it, or say the interval with --interval"))
        }
        (None, Some(Some(interval))) => Ok(interval),
        (None, Some(None)) => {
            Err(("the steps between its rows are no known interval".to_owned(), "say the interval with --interval"))
        }
        (None, None) => Err(("neither its name nor its rows tell its interval".to_owned(), "say the interval with --interval")),
    }
}

/// The value that occurs most often; the first of several.
fn most_frequent<T: PartialEq + Copy>(values: impl Iterator<Item = T>) -> Option<T> {
    let mut counts: Vec<(T, u32)> = Vec::new();
    for value in values {
        match counts.iter_mut().find(|(known, _)| *known == value) {
            Some((_, count)) => *count += 1,
            None => counts.push((value, 1)),
        }
    }
    let most = counts.iter().map(|(_, count)| *count).max()?;
    counts.into_iter().find(|(_, count)| *count == most).map(|(value, _)| value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minutes: &[i64]) -> Vec<Timestamp> {
        minutes.iter().map(|minute| Timestamp(minute * 60_000)).collect()
    }

    #[test]
    fn intervals_come_from_the_steps_and_names_are_checked_against_them() {
        assert_eq!(interval_of(&at(&[0, 1, 2, 9, 10]), None), Ok(Interval::Minute1));
        assert_eq!(
            interval_of(&at(&[0, 60, 120]), Some(Interval::Minute1)),
            Ok(Interval::Minute1),
            "too few rows to doubt the name"
        );
        let five: Vec<i64> = (0..20).map(|n| n * 5).collect();
        assert!(interval_of(&at(&five), Some(Interval::Minute1)).unwrap_err().0.contains("step by 5m"));
        let sparse: Vec<i64> = (0..20).map(|n| n * 5).chain([96]).collect();
        assert_eq!(interval_of(&at(&sparse), Some(Interval::Minute1)), Ok(Interval::Minute1));
        assert!(interval_of(&at(&[0]), None).is_err());
        assert!(interval_of(&at(&[0, 7, 14]), None).is_err());
        assert_eq!(interval_of(&at(&[0, 31 * 1440, 59 * 1440]), None), Ok(Interval::Month1));
    }
}
